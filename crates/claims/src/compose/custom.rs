//! The policy's custom claims, in file order: constants, and templates over what cannot vary within one token.

use super::{ComposeError, Composition, attribute};
use crate::{
    claim_set::{ClaimSet, OmissionReason, Origin, Rule},
    json::Json,
    name::Name,
    names,
    template::Placeholder,
};

/// Adds the custom claims. Names that the gateway owns are refused at load, and skipped here.
pub(super) fn add(composition: &Composition<'_>, now: u64, set: &mut ClaimSet) -> Result<(), ComposeError> {
    for custom in &composition.policy.custom_claims {
        let claim = &custom.claim;
        if !composition.is_free(claim, set) {
            set.omit_claim(claim, OmissionReason::Overridden);
            continue;
        }
        let value = custom
            .resolve(|placeholder| value_of(composition, placeholder, now))
            .map_err(|source| ComposeError::Conversion { claim: claim.clone(), source })?;
        match value {
            Some(value) => set.push(Name::new(claim), value, Origin::Custom, Rule::Named("customClaims")),
            None if custom.required => return Err(ComposeError::MissingClaim { claim: claim.clone() }),
            None => set.omit_claim(claim, OmissionReason::NotInStore),
        }
    }
    Ok(())
}

fn value_of(composition: &Composition<'_>, placeholder: &Placeholder, now: u64) -> Option<Json> {
    match placeholder {
        Placeholder::User(attribute) => user_value(composition, attribute, now),
        Placeholder::Token(claim) => token_value(composition, claim),
        Placeholder::Application(field) => composition.application?.field(field),
        Placeholder::Api(field) => composition.api.field(field),
        Placeholder::Operation(field) => composition.operation.field(field),
    }
}

/// Returns an attribute's value: an array if the dialect says `multi` or there are several.
fn user_value(composition: &Composition<'_>, attribute: &str, now: u64) -> Option<Json> {
    let policy = composition.policy;
    if policy.sensitive.forbids(attribute) {
        return None;
    }
    let multi = policy.mappings().any(|mapping| mapping.attribute == attribute && mapping.multi);
    let found = attribute::look_up(composition, attribute, now).ok()?;
    let found = if multi { found.flattened() } else { found };
    match found.values.as_slice() {
        [] if !multi => None,
        [value] if !multi => Some((*value).clone()),
        values => Some(Json::Array(values.iter().map(|value| (*value).clone()).collect())),
    }
}

/// Returns a claim of the inbound token; never a sensitive one, never a token.
fn token_value(composition: &Composition<'_>, claim: &str) -> Option<Json> {
    let value = composition.token_claims()?.get(claim)?;
    let is_withheld = composition.policy.sensitive.forbids(claim) || names::holds_credential(claim, value);
    (!is_withheld).then(|| value.clone())
}
