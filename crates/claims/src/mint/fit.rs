//! The bound on a Backend JWT's field line: refuse, or drop whole claims in the policy's order. Never truncate.

use super::{Envelope, MintError};
use crate::{
    claim_set::{Claim, ClaimSet, OmissionReason, Origin},
    json::Json,
    key::SigningKey,
    name::Name,
    policy::{BackendJwtPolicy, Oversize},
};

/// The claim that lists what was dropped.
const DROPPED: &str = "claims_dropped";

/// Makes the claims fit `maxHeaderBytes` without signing anything, and returns the bytes of the field line.
///
/// [`super::mint`] does the same first: this is for `explain`.
///
/// # Errors
///
/// [`MintError::TooLarge`], or that the policy and the key do not belong together.
pub fn fit(claims: &mut ClaimSet, policy: &BackendJwtPolicy, key: Option<&SigningKey>) -> Result<usize, MintError> {
    let envelope = Envelope::new(policy, key)?;
    Ok(envelope.field_line_len(payload(claims, policy, &envelope)?.len()))
}

/// Returns the payload's JSON text, after dropping what must be dropped.
pub(super) fn payload(
    claims: &mut ClaimSet,
    policy: &BackendJwtPolicy,
    envelope: &Envelope<'_>,
) -> Result<Vec<u8>, MintError> {
    let limit = policy.max_header_bytes;
    let mut text = claims.payload();
    if envelope.field_line_len(text.len()) <= limit {
        return Ok(text);
    }
    let drop_order: &[Box<str>] = match &policy.on_oversize {
        Oversize::Reject => &[],
        Oversize::Drop(names) => names,
    };
    let before = value_counts(claims);
    for name in drop_order {
        if drop_claims(claims, name) {
            text = claims.payload();
        }
        if envelope.field_line_len(text.len()) <= limit {
            return Ok(text);
        }
    }
    let bytes = envelope.field_line_len(text.len());
    Err(MintError::TooLarge { bytes, limit, claims: before })
}

/// Takes out every claim of that name, or from the attribute of that name; registered claims stay. True: there was one.
fn drop_claims(claims: &mut ClaimSet, name: &str) -> bool {
    let is_meant = |claim: &Claim| match &claim.origin {
        Origin::Registered => false,
        Origin::Attribute { attribute, .. } => &*claim.name == name || &**attribute == name,
        Origin::Gateway | Origin::Custom | Origin::Token => &*claim.name == name && name != DROPPED,
    };
    let (dropped, kept): (Vec<_>, Vec<_>) = std::mem::take(&mut claims.claims).into_iter().partition(is_meant);
    claims.claims = kept;
    for claim in &dropped {
        match &claim.origin {
            Origin::Attribute { attribute, .. } => claims.omit_attribute(attribute, OmissionReason::DroppedForSize),
            Origin::Registered | Origin::Gateway | Origin::Custom | Origin::Token => {
                claims.omit_claim(&claim.name, OmissionReason::DroppedForSize);
            }
        }
        list_as_dropped(claims, &claim.name);
    }
    !dropped.is_empty()
}

fn list_as_dropped(claims: &mut ClaimSet, name: &str) {
    let name = Json::string(name);
    match claims.claims.iter_mut().find(|claim| &*claim.name == DROPPED) {
        Some(Claim { value: Json::Array(names), .. }) => names.push(name),
        Some(claim) => claim.value = Json::Array(vec![name]),
        None => claims.push(DROPPED, Json::Array(vec![name]), Origin::Gateway, "onOversize: drop".into()),
    }
}

fn value_counts(claims: &ClaimSet) -> Vec<(Name, usize)> {
    claims.claims.iter().map(|claim| (claim.name.clone(), claim.value.as_array().map_or(1, <[Json]>::len))).collect()
}
