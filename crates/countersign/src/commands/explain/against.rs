//! What differs between our Backend JWT and another gateway's: claim by claim, whatever its encoding and signature.

use anyhow::{Context as _, bail};
use base64::{
    Engine as _,
    alphabet::URL_SAFE,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use claims::{Json, Object};

use super::{jwts, member, text_member};

/// Claims that no two tokens share: stated apart, no difference.
const APART: [&str; 4] = ["exp", "iat", "nbf", "jti"];

/// How two claims of one name differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// Another JSON type.
    Type,
    /// Another value.
    Value,
    /// The same elements in another order.
    Order,
}

impl Change {
    /// Returns the word that is shown.
    pub(super) const fn text(self) -> &'static str {
        match self {
            Self::Type => "type",
            Self::Value => "value",
            Self::Order => "order",
        }
    }
}

/// One claim that is not the same.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct ChangedClaim {
    pub(super) name: String,
    pub(super) change: Change,
    pub(super) other: Json,
    pub(super) ours: Json,
}

/// What differs.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Difference {
    /// Claims that only the other token has.
    pub(super) missing: Vec<(String, Json)>,
    /// Claims that only ours has.
    pub(super) extra: Vec<(String, Json)>,
    /// Claims that both have, and that are not the same.
    pub(super) changed: Vec<ChangedClaim>,
    /// Times and `jti`, of the other token and of ours.
    pub(super) apart: Vec<(&'static str, Option<Json>, Option<Json>)>,
}

/// Compares the one JWT of an explanation with another token.
///
/// # Errors
///
/// When the other is no JWT, or the explanation has none, or several.
pub(super) fn compare(explained: &Json, other: &[u8]) -> anyhow::Result<Difference> {
    let other = payload(other)?;
    let sent: Vec<&Json> = jwts(explained).iter().filter(|jwt| member(jwt, "claims").is_some()).collect();
    let ours = match sent.as_slice() {
        [only] => ours(only),
        [] => bail!("there is no token to compare: none would be sent"),
        several => {
            let headers: Vec<&str> = several.iter().map(|jwt| text_member(jwt, "header")).collect();
            bail!("choose the token to compare with --header: {}", headers.join(", "))
        }
    };
    Ok(Difference::between(&other, &ours))
}

/// Reads a token's payload: `[scheme ]jwt`, either alphabet, padded or not, unverified.
fn payload(token: &[u8]) -> anyhow::Result<Object> {
    let text = std::str::from_utf8(token).ok().map(str::trim).unwrap_or_default();
    let jwt = text.rsplit(' ').next().unwrap_or_default();
    let segment = jwt.split('.').nth(1).context("the other token is no JWT: it has no payload between two dots")?;
    let alphabet = segment.replace('+', "-").replace('/', "_");
    let lenient = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true);
    let decoded = GeneralPurpose::new(&URL_SAFE, lenient).decode(alphabet);
    let decoded = decoded.context("the other token's payload is not base64")?;
    match Json::parse(&decoded).context("the other token's payload is not JSON")? {
        Json::Object(payload) => Ok(payload),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) | Json::Array(_) => {
            bail!("the other token's payload is no JSON object")
        }
    }
}

fn ours(jwt: &Json) -> Object {
    let mut payload = Object::default();
    for claim in member(jwt, "claims").and_then(Json::as_array).unwrap_or_default() {
        payload.insert(text_member(claim, "name"), member(claim, "value").cloned().unwrap_or(Json::Null));
    }
    payload
}

impl Difference {
    fn between(other: &Object, ours: &Object) -> Self {
        let mut difference = Self::default();
        for (name, value) in other.iter().filter(|(name, _)| !APART.contains(name)) {
            match ours.get(name) {
                None => difference.missing.push((name.to_owned(), value.clone())),
                Some(own) if own != value => {
                    let change = change(value, own);
                    let (other, ours) = (value.clone(), own.clone());
                    difference.changed.push(ChangedClaim { name: name.to_owned(), change, other, ours });
                }
                Some(_) => {}
            }
        }
        let is_extra = |(name, _): &(&str, &Json)| !APART.contains(name) && other.get(name).is_none();
        difference.extra = ours.iter().filter(is_extra).map(|(name, value)| (name.to_owned(), value.clone())).collect();
        difference.apart = APART.map(|name| (name, other.get(name).cloned(), ours.get(name).cloned())).into();
        difference
    }

    /// True when nothing differs but what is stated apart.
    pub(super) const fn is_equal(&self) -> bool {
        self.missing.is_empty() && self.extra.is_empty() && self.changed.is_empty()
    }

    /// Returns it as a JSON object.
    pub(super) fn to_json(&self) -> Json {
        let value = |value: &Option<Json>| value.clone().unwrap_or(Json::Null);
        let claim =
            |(name, value): &(String, Json)| object([("name", Json::string(name.as_str())), ("value", value.clone())]);
        let changed = |claim: &ChangedClaim| {
            object([
                ("name", Json::string(claim.name.as_str())),
                ("differs", Json::string(claim.change.text())),
                ("other", claim.other.clone()),
                ("ours", claim.ours.clone()),
            ])
        };
        let apart = |(name, other, ours): &(&str, Option<Json>, Option<Json>)| {
            object([("name", Json::string(*name)), ("other", value(other)), ("ours", value(ours))])
        };
        object([
            ("equal", Json::Bool(self.is_equal())),
            ("missing", Json::Array(self.missing.iter().map(claim).collect())),
            ("extra", Json::Array(self.extra.iter().map(claim).collect())),
            ("different", Json::Array(self.changed.iter().map(changed).collect())),
            ("apart", Json::Array(self.apart.iter().map(apart).collect())),
        ])
    }
}

fn change(other: &Json, ours: &Json) -> Change {
    if std::mem::discriminant(other) != std::mem::discriminant(ours) {
        return Change::Type;
    }
    match (other.as_array(), ours.as_array()) {
        (Some(other), Some(ours)) if sorted(other) == sorted(ours) => Change::Order,
        _ => Change::Value,
    }
}

fn sorted(values: &[Json]) -> Vec<String> {
    let mut texts: Vec<String> = values.iter().map(Json::to_string).collect();
    texts.sort_unstable();
    texts
}

fn object<const N: usize>(members: [(&str, Json); N]) -> Json {
    let mut object = Object::default();
    for (name, value) in members {
        object.insert(name, value);
    }
    Json::Object(object)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Object {
        Json::parse(text.as_bytes()).unwrap().as_object().unwrap().clone()
    }

    fn check(other: &str, ours: &str, expected: &str) {
        let difference = Difference::between(&parse(other), &parse(ours)).to_json();
        let without_apart: Vec<String> = ["missing", "extra", "different"]
            .map(|part| format!("{part} {}", member(&difference, part).unwrap()))
            .into_iter()
            .filter(|part| !part.ends_with(" []"))
            .collect();
        assert_eq!(without_apart.join("; "), expected, "{other} {ours}");
    }

    #[test]
    fn each_kind_of_difference_is_told_apart() {
        check(r#"{"a":1,"exp":5,"jti":"x"}"#, r#"{"a":1,"exp":6,"iat":1}"#, "");
        check(r#"{"a":1}"#, "{}", r#"missing [{"name":"a","value":1}]"#);
        check("{}", r#"{"a":[]}"#, r#"extra [{"name":"a","value":[]}]"#);
        check(r#"{"a":"1"}"#, r#"{"a":1}"#, r#"different [{"name":"a","differs":"type","other":"1","ours":1}]"#);
        check(r#"{"a":1.0}"#, r#"{"a":1}"#, r#"different [{"name":"a","differs":"value","other":1.0,"ours":1}]"#);
        let order = r#"different [{"name":"a","differs":"order","other":["x","y"],"ours":["y","x"]}]"#;
        check(r#"{"a":["x","y"]}"#, r#"{"a":["y","x"]}"#, order);
    }

    #[test]
    fn payloads_are_read_in_every_encoding_and_behind_a_scheme() {
        for segment in ["eyJzdWIiOiI_Pz4-In0", "eyJzdWIiOiI/Pz4+In0", "eyJzdWIiOiI/Pz4+In0="] {
            let token = format!("Bearer e30.{segment}.c2ln\n");
            assert_eq!(payload(token.as_bytes()).unwrap(), parse(r#"{"sub":"??>>"}"#), "{segment}");
        }
        for wrong in ["", "opaque", "e30.%%.x", "e30.W10.x", "e30.e30x.y"] {
            assert!(payload(wrong.as_bytes()).is_err(), "{wrong}");
        }
    }
}
