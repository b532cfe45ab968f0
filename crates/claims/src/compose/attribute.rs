//! One attribute of the user: from the store that is configured to give it, else from the verified inbound token.

use std::{borrow::Cow, collections::BTreeSet};

use super::{Composition, UserAttributes};
use crate::{
    attributes::{Attributes, Source},
    claim_set::OmissionReason,
    dialect::{ClaimType, mark},
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

/// Where the attributes of one end user come from.
///
/// An attribute in `store_attributes` is never filled from the token: a role that was removed in the directory must not
/// live on in a token.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sources<'a> {
    attributes: Option<&'a Attributes>,
    store_attributes: &'a BTreeSet<Box<str>>,
    token: &'a Object,
    /// Why an attribute of the stores has no value.
    reason: OmissionReason,
    now: u64,
    /// The marks of all names above: a name whose mark is not among them has no value.
    pub(super) marks: u64,
}

impl<'a> Sources<'a> {
    /// Finds the sources; the error is why no attribute has a value.
    pub(super) fn new(composition: &Composition<'a>, now: u64) -> Result<Self, OmissionReason> {
        let (Some(_), Some(token)) = (composition.end_user(), composition.token_claims()) else {
            return Err(OmissionReason::UserNotFound);
        };
        let (attributes, reason) = match composition.user {
            UserAttributes::Unknown => return Err(OmissionReason::UserNotFound),
            UserAttributes::Found(attributes) | UserAttributes::Stale { attributes, .. } => {
                (Some(attributes), OmissionReason::NotInStore)
            }
            UserAttributes::NotLookedUp => (None, OmissionReason::NotInStore),
            UserAttributes::Partial(attributes) => (Some(attributes), OmissionReason::NotReadable),
            UserAttributes::Omitted => (None, OmissionReason::NotReadable),
            UserAttributes::StaleRefused => (None, OmissionReason::StaleRefused),
        };
        let store_attributes = composition.store_attributes;
        let given = attributes.into_iter().flat_map(Attributes::iter).map(|(name, _)| name);
        let names = given.chain(store_attributes.iter().map(|name| &**name)).chain(token.iter().map(|(name, _)| name));
        let marks = names.fold(0, |marks, name| marks | mark(name));
        Ok(Self { attributes, store_attributes, token, reason, now, marks })
    }

    /// Looks an attribute up; the error is why it has no value.
    pub(super) fn look_up(&self, attribute: &str) -> Result<Found<'a>, OmissionReason> {
        if self.marks & mark(attribute) == 0 {
            return Err(OmissionReason::NotInStore);
        }
        if let Some(found) = self.attributes.and_then(|attributes| attributes.get(attribute)) {
            let values = found.values.iter().filter(|value| **value != Json::Null).collect();
            return Ok(Found { values, source: found.source.clone(), as_of: found.as_of });
        }
        if self.store_attributes.contains(attribute) {
            return Err(self.reason);
        }
        from_token(self.token, attribute, self.now)
    }
}

/// Looks one attribute up; see [`Sources`].
pub(super) fn look_up<'a>(
    composition: &Composition<'a>,
    attribute: &str,
    now: u64,
) -> Result<Found<'a>, OmissionReason> {
    Sources::new(composition, now)?.look_up(attribute)
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
        ClaimType::String => Json::string(text_of(value).map_or_else(|| value.to_string(), Cow::into_owned)),
    }
}
