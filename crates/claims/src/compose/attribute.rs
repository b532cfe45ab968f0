//! One attribute of the user: from the store that is configured to give it, else from the verified inbound token.

use std::collections::BTreeSet;

use super::{Composition, UserAttributes};
use crate::{
    attributes::{Attributes, Source},
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
    marks: u64,
}

/// Returns one bit of 64 for a name: a quick look before three searches, because a dialect maps far more attributes than
/// a user has.
#[inline]
fn mark(name: &str) -> u64 {
    let (first, last) = (name.bytes().next().unwrap_or_default(), name.bytes().next_back().unwrap_or_default());
    let place = name.len() + usize::from(first) * 5 + usize::from(last) * 3;
    1 << (place % 64)
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

    /// False for an attribute that certainly has no value.
    #[inline]
    pub(super) fn may_have(&self, attribute: &str) -> bool {
        self.marks & mark(attribute) != 0
    }

    /// Looks an attribute up; the error is why it has no value.
    pub(super) fn look_up(&self, attribute: &str) -> Result<Found<'a>, OmissionReason> {
        if !self.may_have(attribute) {
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
        ClaimType::String => Json::string(text_of(value).map_or_else(|| value.to_string(), str::to_owned)),
    }
}
