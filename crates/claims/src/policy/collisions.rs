//! What a policy's claim names say about each other, checked at load: a weaker source never overrides a stronger one.
//!
//! What cannot be seen at load (a token's own claims) is skipped when composing, with an omission.

use super::{AttributeMapping, BackendJwtPolicy, ClaimSelection, TokenClaims};
use crate::{
    custom_claim::CustomClaim,
    names::{self, Owner},
    template::Placeholder,
};

/// A problem with a policy's claim names, by the parameter that must change.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyProblem {
    /// In `customClaims`.
    #[error("custom claim `{claim}` {problem}")]
    Custom {
        /// The claim.
        claim: Box<str>,
        /// What is wrong.
        problem: NameProblem,
    },
    /// In `claimMappings` or the dialect.
    #[error("attribute `{attribute}`, mapped to claim `{claim}`, {problem}")]
    Mapping {
        /// The claim.
        claim: Box<str>,
        /// Its attribute.
        attribute: Box<str>,
        /// What is wrong.
        problem: NameProblem,
    },
    /// In `claims`.
    #[error("attribute `{attribute}` {problem}")]
    Selection {
        /// The attribute.
        attribute: Box<str>,
        /// What is wrong.
        problem: NameProblem,
    },
    /// In `tokenClaims`.
    #[error("token claim `{claim}` {problem}")]
    Token {
        /// The claim.
        claim: Box<str>,
        /// What is wrong.
        problem: NameProblem,
    },
}

/// What is wrong with a name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameProblem {
    /// A claim that the gateway alone sets.
    #[error("has a name that the gateway alone sets")]
    Registered,
    /// A gateway claim of the dialect.
    #[error("has the name of a gateway claim of this dialect")]
    Gateway,
    /// Another entry of the same strength has that name.
    #[error("has the name that `{0}` has too")]
    Twice(Box<str>),
    /// One attribute under two names of `claimMappings`.
    #[error("is mapped already, to claim `{0}`, and no attribute is sent twice")]
    MappedTwice(Box<str>),
    /// Hides a mapped attribute.
    #[error("shadows attribute `{0}`, which the dialect maps to the same claim")]
    Shadows(Box<str>),
    /// Hidden by a stronger source.
    #[error("is never sent: a stronger source has that name")]
    Shadowed,
    /// A sensitive attribute without the operator's `allow`.
    #[error("names the sensitive attribute `{0}`, which the operator does not allow for this API")]
    Sensitive(Box<str>),
    /// A token inside the token.
    #[error("would put a token into the JWT")]
    Credential,
    /// A text of type `json` that is none, whatever its placeholders hold.
    #[error("has a value that cannot be of its type")]
    Value,
    /// In `claims`, but the dialect does not map it.
    #[error("is not mapped by the dialect, and never sent")]
    NotMapped,
}

impl PolicyProblem {
    /// True when the policy must be refused; else a warning.
    pub fn is_error(&self) -> bool {
        let (Self::Custom { problem, .. }
        | Self::Mapping { problem, .. }
        | Self::Selection { problem, .. }
        | Self::Token { problem, .. }) = self;
        match problem {
            NameProblem::Registered
            | NameProblem::Gateway
            | NameProblem::Twice(_)
            | NameProblem::MappedTwice(_)
            | NameProblem::Sensitive(_)
            | NameProblem::Credential
            | NameProblem::Value => true,
            NameProblem::Shadows(_) | NameProblem::Shadowed | NameProblem::NotMapped => false,
        }
    }
}

/// Returns everything that is wrong with the policy's claim names, in the order of its parameters.
pub fn check_collisions(policy: &BackendJwtPolicy) -> Vec<PolicyProblem> {
    let mut problems = Vec::new();
    check_mappings(policy, &mut problems);
    check_selection(policy, &mut problems);
    check_token_claims(policy, &mut problems);
    for (position, custom) in policy.custom_claims.iter().enumerate() {
        let earlier = policy.custom_claims.iter().take(position);
        if let Some(problem) = custom_problem(policy, custom, earlier) {
            problems.push(PolicyProblem::Custom { claim: custom.claim.clone(), problem });
        }
    }
    problems
}

fn reserved(policy: &BackendJwtPolicy, claim: &str) -> Option<NameProblem> {
    names::owner(policy, claim).map(|owner| match owner {
        Owner::Registered => NameProblem::Registered,
        Owner::Gateway => NameProblem::Gateway,
    })
}

fn check_mappings(policy: &BackendJwtPolicy, problems: &mut Vec<PolicyProblem>) {
    let mappings: Vec<AttributeMapping<'_>> = policy.mappings().collect();
    for (position, mapping) in mappings.iter().enumerate() {
        let namesake = mappings.iter().take(position).find(|earlier| earlier.claim == mapping.claim);
        let problem = reserved(policy, mapping.claim)
            .or_else(|| namesake.map(|earlier| NameProblem::Twice(earlier.attribute.into())));
        if let Some(problem) = problem {
            problems.push(PolicyProblem::Mapping {
                claim: (&**mapping.claim).into(),
                attribute: mapping.attribute.into(),
                problem,
            });
        }
    }
    for (position, (claim, attribute)) in policy.claim_mappings.iter().enumerate() {
        let earlier = policy.claim_mappings.iter().take(position).find(|(_, earlier)| earlier == attribute);
        let problem = match earlier {
            Some((claim, _)) => NameProblem::MappedTwice((&**claim).into()),
            None if policy.sensitive.forbids(attribute) => NameProblem::Sensitive(attribute.clone()),
            None => continue,
        };
        problems.push(PolicyProblem::Mapping { claim: (&**claim).into(), attribute: attribute.clone(), problem });
    }
}

fn check_selection(policy: &BackendJwtPolicy, problems: &mut Vec<PolicyProblem>) {
    let ClaimSelection::Only(rules) = &policy.claims else { return };
    for rule in rules {
        let attribute = &rule.attribute;
        let is_mapped = policy.mappings().any(|mapping| mapping.attribute == &**attribute);
        if !is_mapped && &**attribute != crate::compose::TENANT_ATTRIBUTE {
            problems.push(PolicyProblem::Selection { attribute: attribute.clone(), problem: NameProblem::NotMapped });
        }
    }
}

fn check_token_claims(policy: &BackendJwtPolicy, problems: &mut Vec<PolicyProblem>) {
    let TokenClaims::Only(listed) = &policy.token_claims else { return };
    for claim in listed {
        let problem = match names::owner_of_token_claim(policy, claim) {
            Some(Owner::Registered) => NameProblem::Registered,
            Some(Owner::Gateway) => NameProblem::Gateway,
            None if names::names_credential(claim) => NameProblem::Credential,
            None if policy.sensitive.forbids(claim) => NameProblem::Sensitive(claim.clone()),
            None if policy.custom_claims.iter().any(|custom| custom.claim == *claim) => NameProblem::Shadowed,
            None => continue,
        };
        problems.push(PolicyProblem::Token { claim: claim.clone(), problem });
    }
}

fn custom_problem<'a>(
    policy: &BackendJwtPolicy,
    custom: &CustomClaim,
    mut earlier: impl Iterator<Item = &'a CustomClaim>,
) -> Option<NameProblem> {
    let claim = &custom.claim;
    if let Some(problem) = reserved(policy, claim) {
        return Some(problem);
    }
    if earlier.any(|earlier| earlier.claim == *claim) {
        return Some(NameProblem::Twice(claim.clone()));
    }
    if CustomClaim::check(&custom.value, custom.claim_type).is_err() {
        return Some(NameProblem::Value);
    }
    let of_placeholder = |placeholder: &Placeholder| match placeholder {
        Placeholder::User(name) | Placeholder::Token(name) if policy.sensitive.forbids(name) => {
            Some(NameProblem::Sensitive(name.clone()))
        }
        Placeholder::Token(name) if names::names_credential(name) => Some(NameProblem::Credential),
        Placeholder::User(_)
        | Placeholder::Token(_)
        | Placeholder::Application(_)
        | Placeholder::Api(_)
        | Placeholder::Operation(_) => None,
    };
    let shadowed =
        || policy.mappings().find(|mapping| **mapping.claim == **claim).map(|mapping| mapping.attribute.into());
    custom.value.placeholders().find_map(of_placeholder).or_else(|| shadowed().map(NameProblem::Shadows))
}

#[cfg(test)]
mod tests;
