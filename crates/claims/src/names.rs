//! The claim names that are the gateway's alone, and the token claims that are never passed on.

use crate::{json::Json, policy::BackendJwtPolicy};

/// `iss sub aud exp iat nbf jti` (RFC 7519 §4.1): always the gateway's own, also when it sends none.
const REGISTERED: [&str; 7] = ["iss", "sub", "aud", "exp", "iat", "nbf", "jti"];

/// The gateway's marks on a JWT that is less than it could be.
const MARKS: [&str; 3] = ["attributes_as_of", "attributes_omitted", "claims_dropped"];

/// Claims that bind a token to a key or name who acts for whom (RFC 7800, RFC 8693): never from an attribute.
const BINDINGS: [&str; 3] = ["cnf", "act", "may_act"];

/// The gateway claims, without prefix, in the order in which they are written.
pub(crate) const GATEWAY: [&str; 16] = [
    "apiname",
    "apicontext",
    "version",
    "keytype",
    "subscriber",
    "applicationid",
    "applicationUUId",
    "applicationname",
    "applicationtier",
    "applicationAttributes",
    "tier",
    "enduser",
    "enduserTenantId",
    "usertype",
    "idp",
    "organizations",
];

/// Members that hold a token or a credential, in plain lower-case letters.
const CREDENTIALS: [&str; 14] = [
    "accesstoken",
    "refreshtoken",
    "idtoken",
    "idtokenhint",
    "subjecttoken",
    "actortoken",
    "sessiontoken",
    "devicesecret",
    "authorizationcode",
    "assertion",
    "clientassertion",
    "jwtassertion",
    "rawtoken",
    "bearertoken",
];

/// Who alone may set a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    /// A registered claim, one of the gateway's marks, or a binding.
    Registered,
    /// A gateway claim of the policy's dialect, also where it is left out because it is empty.
    Gateway,
}

/// Returns who alone may set the claim `name`; `None`: anybody.
pub(crate) fn owner(policy: &BackendJwtPolicy, name: &str) -> Option<Owner> {
    if is_binding(name) {
        return Some(Owner::Registered);
    }
    owner_of_token_claim(policy, name)
}

/// As [`owner`], for a claim of the verified token: its issuer may bind and delegate.
pub(crate) fn owner_of_token_claim(policy: &BackendJwtPolicy, name: &str) -> Option<Owner> {
    if is_registered(name) || MARKS.contains(&name) {
        return Some(Owner::Registered);
    }
    let is_gateway = name.strip_prefix(&*policy.dialect.prefix).is_some_and(|name| GATEWAY.contains(&name));
    is_gateway.then_some(Owner::Gateway)
}

/// True for a registered claim, which every issuer's token has too.
pub fn is_registered(name: &str) -> bool {
    REGISTERED.contains(&name)
}

fn is_binding(name: &str) -> bool {
    BINDINGS.contains(&name)
}

/// True for a member name such as `access_token`.
pub(crate) fn names_credential(name: &str) -> bool {
    let letters = || name.bytes().filter(u8::is_ascii_alphanumeric).map(|byte| byte.to_ascii_lowercase());
    let length = letters().count();
    CREDENTIALS.iter().any(|credential| credential.len() == length && letters().eq(credential.bytes()))
}

/// True when a claim is, or anywhere inside it holds, a token: by its members' names, or by its looks.
///
/// The inbound access token must not travel inside the Backend JWT, whatever the issuer calls it.
pub(crate) fn holds_credential(name: &str, value: &Json) -> bool {
    if names_credential(name) {
        return true;
    }
    match value {
        Json::String(text) => looks_like_token(text),
        Json::Array(values) => values.iter().any(|value| holds_credential("", value)),
        Json::Object(object) => object.iter().any(|(name, value)| holds_credential(name, value)),
        Json::Null | Json::Bool(_) | Json::Number(_) => false,
    }
}

/// True for a compact JWS or JWE (RFC 7515 §7.1, RFC 7516 §7.1), with or without a scheme before it.
fn looks_like_token(text: &str) -> bool {
    let token = text.trim().rsplit(' ').next().unwrap_or_default();
    let is_segment = |segment: &str| {
        segment.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'+' | b'/' | b'='))
    };
    // A JOSE header is a JSON object: `{"` or `{ ` in base64.
    let is_header = token.starts_with("eyJ") || token.starts_with("eyA") || token.starts_with("ewo");
    is_header && matches!(token.split('.').count(), 3 | 5) && token.split('.').all(is_segment)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_known_by_name_and_by_looks() {
        for name in ["access_token", "accessToken", "ID-Token", "refresh_token"] {
            assert!(holds_credential(name, &Json::string("x")), "{name}");
        }
        for value in [
            r#""eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.""#,
            r#""Bearer eyJhbGciOiJFUzI1NiJ9.e30.c2ln""#,
            r#"{"oauth":[{"deep":"eyJhbGciOiJFUzI1NiJ9.e30.c2ln"}]}"#,
            r#"{"oauth":{"access_token":"opaque"}}"#,
        ] {
            assert!(holds_credential("x", &Json::parse(value.as_bytes()).unwrap()), "{value}");
        }
    }

    #[test]
    fn ordinary_claims_are_no_tokens() {
        for value in [
            r#""alice""#,
            r#""a.b.c""#,
            r#""eyJ""#,
            r#""eyJa b.c.d""#,
            r#"["eyJx.y"]"#,
            "7",
            r#"{"token_type":"Bearer"}"#,
        ] {
            assert!(!holds_credential("x", &Json::parse(value.as_bytes()).unwrap()), "{value}");
        }
        assert!(!names_credential("token") && !names_credential("scope"));
    }
}
