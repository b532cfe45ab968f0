//! The inbound token's own claims, passed on under their names and with their types: the weakest source.
//!
//! Never a registered or gateway claim, never a sensitive one, never a token, and nothing that a stronger source sets or
//! is configured to give.

use super::Composition;
use crate::{
    claim_set::{ClaimSet, OmissionReason, Origin, Rule},
    json::{Json, Object},
    name::Name,
    names,
    policy::{AttributeMapping, TokenClaims},
};

/// Adds the token claims that the policy passes on; notes why the others are not there.
pub(super) fn add(composition: &Composition<'_>, set: &mut ClaimSet) {
    let Some(claims) = composition.token_claims() else { return };
    let passing = Passing { composition, stronger: set.claims.len() };
    match &composition.policy.token_claims {
        TokenClaims::Only(listed) => {
            passing.add_listed(claims, listed, set);
            let is_listed = |name: &str| listed.iter().any(|listed| **listed == *name);
            for (name, _) in claims.iter().filter(|(name, _)| !is_listed(name)) {
                passing.exclude(name, set);
            }
        }
        TokenClaims::AllBut(excluded) => {
            for (name, value) in claims.iter() {
                if excluded.contains(name) {
                    passing.exclude(name, set);
                } else {
                    passing.add_one(name, value, set);
                }
            }
        }
    }
}

/// What a token claim must pass.
struct Passing<'a> {
    composition: &'a Composition<'a>,
    /// How many claims of the set are from stronger sources; a token's own names are unique.
    stronger: usize,
}

impl Passing<'_> {
    /// Adds the listed claims, in their order; one that is listed twice is sent once.
    fn add_listed(&self, claims: &Object, listed: &[Box<str>], set: &mut ClaimSet) {
        for (position, name) in listed.iter().enumerate() {
            let is_repeated = listed.iter().take(position).any(|earlier| earlier == name);
            match claims.get(name) {
                Some(value) if !is_repeated => self.add_one(name, value, set),
                None if !is_repeated => set.omit_claim(name, OmissionReason::NotInStore),
                Some(_) | None => {}
            }
        }
    }

    /// Notes an excluded claim, unless the JWT has its own: every token has an `iss`.
    fn exclude(&self, name: &str, set: &mut ClaimSet) {
        if set.notes_omissions() && !set.claims.iter().take(self.stronger).any(|claim| &*claim.name == name) {
            set.omit_claim(name, OmissionReason::Excluded);
        }
    }

    fn add_one(&self, name: &str, value: &Json, set: &mut ClaimSet) {
        if names::is_registered(name) {
            return self.exclude(name, set);
        }
        match self.obstacle(name, value, set) {
            Some(reason) => set.omit_claim(name, reason),
            None => set.push(Name::new(name), value.clone(), Origin::Token, Rule::Named("tokenClaims")),
        }
    }

    fn obstacle(&self, name: &str, value: &Json, set: &ClaimSet) -> Option<OmissionReason> {
        let Self { composition, stronger, .. } = self;
        let policy = composition.policy;
        let is_taken = names::owner_of_token_claim(policy, name).is_some()
            || composition.is_custom(name)
            || set.claims.iter().take(*stronger).any(|claim| &*claim.name == name);
        if is_taken || self.belongs_to_an_attribute(name) {
            Some(OmissionReason::Overridden)
        } else if names::holds_credential(name, value) || policy.sensitive.forbids(name) {
            Some(OmissionReason::NotAllowed)
        } else if *value == Json::Null {
            Some(OmissionReason::NotInStore)
        } else {
            None
        }
    }

    /// True for the name of an attribute that a store is configured to give, or of its claim, whether it has a value or
    /// not; and for an attribute that `claimMappings` renames, which is not sent twice.
    fn belongs_to_an_attribute(&self, name: &str) -> bool {
        let Composition { store_attributes, policy, .. } = self.composition;
        if self.composition.end_user().is_none() {
            return false;
        }
        let is_stores_claim =
            |mapping: AttributeMapping<'_>| **mapping.claim == *name && store_attributes.contains(mapping.attribute);
        store_attributes.contains(name)
            || (policy.names_claim(name) && policy.mappings().any(is_stores_claim))
            || policy.claim_mappings.iter().any(|(_, attribute)| &**attribute == name)
    }
}
