//! One attribute of the user: from the store that is configured to give it, else from the verified inbound token.

use super::{Composition, UserAttributes};
use crate::{
    attributes::Source,
    claim_set::OmissionReason,
    dialect::ClaimType,
    json::{Json, Object},
    names,
    template::text_of,
};

/// An attribute's values, without `null`, and where they came from.
#[derive(Debug)]
pub(super) struct Found<'a> {
    pub(super) values: Vec<&'a Json>,
    pub(super) source: Source,
    pub(super) as_of: u64,
}

/// Looks an attribute up; the error is why it has no value.
///
/// An attribute in `store_attributes` is never filled from the token: a role that was removed in the directory must not
/// live on in a token.
pub(super) fn look_up<'a>(
    composition: &Composition<'a>,
    attribute: &str,
    now: u64,
) -> Result<Found<'a>, OmissionReason> {
    let Some(principal) = composition.end_user() else { return Err(OmissionReason::UserNotFound) };
    let (attributes, reason) = match composition.user {
        UserAttributes::Unknown => return Err(OmissionReason::UserNotFound),
        UserAttributes::Found(attributes) | UserAttributes::Stale { attributes, .. } => {
            (Some(attributes), OmissionReason::NotInStore)
        }
        UserAttributes::NotLookedUp => (None, OmissionReason::NotInStore),
        UserAttributes::Omitted => (None, OmissionReason::NotReadable),
        UserAttributes::StaleRefused => (None, OmissionReason::StaleRefused),
    };
    if let Some(found) = attributes.and_then(|attributes| attributes.get(attribute)) {
        let values = found.values.iter().filter(|value| **value != Json::Null).collect();
        return Ok(Found { values, source: found.source.clone(), as_of: found.as_of });
    }
    if composition.store_attributes.contains(attribute) {
        return Err(reason);
    }
    from_token(&principal.token_claims, attribute, now)
}

fn from_token<'a>(token: &'a Object, attribute: &str, now: u64) -> Result<Found<'a>, OmissionReason> {
    let value = token.get(attribute).filter(|value| **value != Json::Null).ok_or(OmissionReason::NotInStore)?;
    if names::holds_credential(attribute, value) {
        return Err(OmissionReason::NotAllowed);
    }
    let values = value.as_array().unwrap_or(std::slice::from_ref(value));
    let values = values.iter().filter(|value| **value != Json::Null).collect();
    let issued_at = token.get("iat").and_then(Json::as_number).and_then(crate::json::Number::floor);
    Ok(Found { values, source: Source::Token, as_of: issued_at.unwrap_or(now) })
}

impl Found<'_> {
    /// Takes the elements of an array that a store gave as one value of a multi-valued attribute.
    pub(super) fn flattened(self) -> Self {
        let Some(elements) = (match self.values.as_slice() {
            [Json::Array(elements)] => Some(elements),
            _ => None,
        }) else {
            return self;
        };
        Self { values: elements.iter().filter(|value| **value != Json::Null).collect(), ..self }
    }
}

/// Writes a value in its claim's type.
pub(super) fn typed(value: &Json, claim_type: ClaimType) -> Json {
    match claim_type {
        ClaimType::AsIs => value.clone(),
        ClaimType::String => Json::string(text_of(value).map_or_else(|| value.to_string(), str::to_owned)),
    }
}
