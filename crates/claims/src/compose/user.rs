//! The user claims: the attributes that the dialect maps and the policy allows, in the types of their claims.

use super::{
    Composition,
    attribute::{self, Found, Sources},
};
use crate::{
    claim_set::{ClaimIssue, ClaimProblem, ClaimSet, OmissionReason, Origin},
    json::Json,
    policy::{AttributeMapping, Selection},
    template::text_of,
};

/// Adds a claim for each mapped and allowed attribute, in the dialect's order; notes why the others are not there.
pub(super) fn add(composition: &Composition<'_>, now: u64, set: &mut ClaimSet) {
    let sources = Sources::new(composition, now);
    let marks = if set.notes_omissions() { u64::MAX } else { sources.map_or(0, |sources| sources.marks) };
    for mapping in composition.policy.mappings_marked(marks) {
        add_one(composition, &mapping, sources, set);
    }
    if set.notes_omissions() {
        omit_unmapped(composition, set);
    }
}

fn add_one(
    composition: &Composition<'_>,
    mapping: &AttributeMapping<'_>,
    sources: Result<Sources<'_>, OmissionReason>,
    set: &mut ClaimSet,
) {
    let selection = composition.policy.listed(mapping.attribute);
    if selection == Selection::NotAllowed {
        return set.omit_attribute(mapping.attribute, OmissionReason::NotAllowed);
    }
    let found = match sources.and_then(|sources| sources.look_up(mapping.attribute)) {
        Ok(found) if mapping.multi => found.flattened(),
        Ok(found) => found,
        Err(reason) => return set.omit_attribute(mapping.attribute, reason),
    };
    // Last, because it costs most, and few of a dialect's attributes have a value.
    if composition.policy.sensitive.forbids(mapping.attribute) {
        return set.omit_attribute(mapping.attribute, OmissionReason::NotAllowed);
    }
    if !composition.is_free(mapping.claim, set) || composition.is_custom(mapping.claim) {
        return set.omit_attribute(mapping.attribute, OmissionReason::Overridden);
    }
    let kept = kept(&found, selection);
    if kept.is_empty() && !found.values.is_empty() {
        set.omit_attribute(mapping.attribute, OmissionReason::Filtered);
    }
    match (claim_value(&kept, mapping), kept.len()) {
        (Some(value), _) => {
            let Found { source, as_of, .. } = found;
            let origin = Origin::Attribute { attribute: mapping.attribute.into(), source, as_of };
            set.push(mapping.claim, value, origin, composition.policy.rule(mapping));
        }
        (None, 0) => set.omit_attribute(mapping.attribute, OmissionReason::NotInStore),
        (None, count) => {
            let problem = ClaimProblem::SeveralValues { attribute: mapping.attribute.into(), count };
            set.issues.push(ClaimIssue { claim: (&**mapping.claim).into(), problem });
            set.omit_attribute(mapping.attribute, OmissionReason::NotAllowed);
        }
    }
}

/// Returns the values that `keep` lets through; an array or an object has no text to match.
fn kept<'a>(found: &Found<'a>, selection: Selection<'_>) -> Vec<&'a Json> {
    let is_kept = |value: &&Json| match selection {
        Selection::Send { keep: [] } => true,
        Selection::Send { .. } | Selection::NotAllowed => text_of(value).is_some_and(|text| selection.keeps(&text)),
    };
    found.values.iter().copied().filter(is_kept).collect()
}

/// Writes the values in the claim's type: an array where the dialect says so, else the one value.
fn claim_value(values: &[&Json], mapping: &AttributeMapping<'_>) -> Option<Json> {
    match values {
        values if mapping.multi => {
            Some(Json::Array(values.iter().map(|value| attribute::typed(value, mapping.claim_type)).collect()))
        }
        [value] => Some(attribute::typed(value, mapping.claim_type)),
        _ => None,
    }
}

/// Notes the attributes that the stores give or gave, and that nothing in the policy uses.
fn omit_unmapped(composition: &Composition<'_>, set: &mut ClaimSet) {
    let given = match composition.user {
        super::UserAttributes::Found(attributes)
        | super::UserAttributes::Stale { attributes, .. }
        | super::UserAttributes::Partial(attributes) => Some(attributes),
        super::UserAttributes::NotLookedUp
        | super::UserAttributes::Omitted
        | super::UserAttributes::StaleRefused
        | super::UserAttributes::Unknown => None,
    };
    let given = given.into_iter().flat_map(|attributes| attributes.iter().map(|(name, _)| name));
    for name in given.chain(composition.store_attributes.iter().map(|name| &**name)) {
        if composition.policy.mappings().any(|mapping| mapping.attribute == name) {
            continue;
        }
        if composition.policy.sensitive.forbids(name) {
            set.omit_attribute(name, OmissionReason::NotAllowed);
        } else if name != super::TENANT_ATTRIBUTE && !composition.policy.is_in_custom_claim(name) {
            set.omit_attribute(name, OmissionReason::NotMapped);
        }
    }
}
