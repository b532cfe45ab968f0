//! The heart of the product: a caller, their attributes and a policy become the claims of one Backend JWT.
//!
//! Pure: no I/O, no clock, no randomness. Runs after the user stores and before `mint`. The order of the steps is the
//! order of the claims and the precedence of their sources (registered, gateway, custom, user store, inbound token): a
//! later step never touches what an earlier one set. RFC 7519 §4.

mod attribute;
mod custom;
mod gateway;
mod token;
mod user;

use std::collections::BTreeSet;

use crate::{
    attributes::Attributes,
    claim_set::{ClaimSet, OmissionNotes, Origin, Rule},
    custom_claim::ConversionError,
    facts::{ApiFacts, Application, OperationFacts},
    json::{Json, Object},
    names,
    policy::BackendJwtPolicy,
    principal::{Caller, Principal, PrincipalKind},
};

/// The attribute that fills `enduserTenantId`, where a user store or the token gives it and `claims` lets it through.
pub(crate) const TENANT_ATTRIBUTE: &str = "tenant_id";

/// The gateway claim that it fills.
pub(crate) const TENANT_CLAIM: &str = "enduserTenantId";

/// How many claims a JWT usually has: registered, gateway, and a dozen of the user's.
const EXPECTED_CLAIMS: usize = 36;

/// Everything that the claims of one JWT are made from.
#[derive(Clone, Copy, Debug)]
pub struct Composition<'a> {
    /// The policy, resolved for this operation.
    pub policy: &'a BackendJwtPolicy,
    /// The called API.
    pub api: &'a ApiFacts,
    /// The called operation.
    pub operation: &'a OperationFacts,
    /// Who calls.
    pub caller: Caller<'a>,
    /// The client application, with its subscription to this API.
    pub application: Option<&'a Application>,
    /// The user stores' answer.
    pub user: UserAttributes<'a>,
    /// The attributes that the asked stores are configured to give: for these they are the only source.
    pub store_attributes: &'a BTreeSet<Box<str>>,
    /// Whether to note what is left out.
    pub notes: OmissionNotes,
}

/// What the user stores answered.
#[derive(Clone, Copy, Debug)]
pub enum UserAttributes<'a> {
    /// No store was asked.
    NotLookedUp,
    /// The user's attributes.
    Found(&'a Attributes),
    /// The last answer of a store that cannot answer now; adds `attributes_as_of`.
    Stale {
        /// The attributes.
        attributes: &'a Attributes,
        /// When the store gave them, in seconds since the epoch.
        as_of: u64,
    },
    /// The store failed, and the policy says `omit`; adds `attributes_omitted`.
    Omitted,
    /// Some of several stores failed, and the policy says `omit`: what the others gave; adds `attributes_omitted`.
    Partial(&'a Attributes),
    /// As `Omitted`, with an answer that was too old to be used.
    StaleRefused,
    /// No store knows the user, and the policy says `omit`.
    Unknown,
}

/// Why there are no claims.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ComposeError {
    /// The client must act: the inbound token has expired, whatever skew its verification allowed.
    #[error("the inbound token has expired")]
    Expired,
    /// The client must act: a required custom claim has no value.
    #[error("the required claim `{claim}` has no value")]
    MissingClaim {
        /// The claim.
        claim: Box<str>,
    },
    /// The operator must act: a custom claim's value is not of its type.
    #[error("the claim `{claim}` cannot be made")]
    Conversion {
        /// The claim.
        claim: Box<str>,
        /// Why.
        #[source]
        source: ConversionError,
    },
    /// A bug: a principal without a subject.
    #[error("the caller has no subject")]
    NoSubject,
}

/// Composes the claims of one Backend JWT, in their fixed order: the same input gives the same payload.
///
/// `now`: seconds since the epoch. `jti`: a fresh random UUID. What is left out stands in [`ClaimSet::omissions`], each
/// with one reason; values that do not fit their claim in [`ClaimSet::issues`].
///
/// # Errors
///
/// [`ComposeError`]; nothing may be forwarded then.
pub fn compose(composition: &Composition<'_>, now: u64, jti: &str) -> Result<ClaimSet, ComposeError> {
    let mut set = ClaimSet::with_capacity(EXPECTED_CLAIMS, composition.notes);
    add_registered(composition, (now, jti), &mut set)?;
    gateway::add(composition, now, &mut set);
    custom::add(composition, now, &mut set)?;
    user::add(composition, now, &mut set);
    token::add(composition, &mut set);
    add_marks(composition, &mut set);
    Ok(set)
}

impl<'a> Composition<'a> {
    fn principal(&self) -> Option<&'a Principal> {
        match self.caller {
            Caller::Known(principal, _) => Some(principal),
            Caller::Anonymous => None,
        }
    }

    /// Returns the claims of the inbound token.
    fn token_claims(&self) -> Option<&'a Object> {
        match self.caller {
            Caller::Known(_, claims) => Some(claims),
            Caller::Anonymous => None,
        }
    }

    /// Returns the principal of an end user: only they have attributes.
    fn end_user(&self) -> Option<&'a Principal> {
        self.principal().filter(|principal| match principal.kind {
            PrincipalKind::EndUser { .. } => true,
            PrincipalKind::Application => false,
        })
    }

    /// True when a custom claim, a user claim or a weaker one may have this name.
    fn is_free(&self, name: &str, set: &ClaimSet) -> bool {
        names::owner(self.policy, name).is_none() && set.get(name).is_none()
    }

    /// True for the name of a custom claim, also of one that has no value: no weaker source fills it.
    fn is_custom(&self, name: &str) -> bool {
        self.policy.custom_claims.iter().any(|custom| &*custom.claim == name)
    }
}

fn add_registered(
    composition: &Composition<'_>,
    (now, jti): (u64, &str),
    set: &mut ClaimSet,
) -> Result<(), ComposeError> {
    let policy = composition.policy;
    let mut push =
        |name: &'static str, value: Json| set.push(name, value, Origin::Registered, Rule::Named("registered"));
    let issued_at = now.saturating_sub(policy.clock_skew);
    let expires_at = expires_at(composition, now)?;
    push("iss", Json::string(&*policy.issuer));
    if let Some(principal) = composition.principal() {
        if principal.subject.is_empty() {
            return Err(ComposeError::NoSubject);
        }
        push("sub", Json::string(principal.subject.clone()));
    }
    match policy.audience.0.as_slice() {
        [] => {}
        [audience] => push("aud", Json::string(audience.clone())),
        list => push("aud", Json::Array(list.iter().map(|audience| Json::string(audience.clone())).collect())),
    }
    push("exp", expires_at.into());
    push("iat", issued_at.into());
    if policy.not_before {
        push("nbf", issued_at.into());
    }
    push("jti", Json::string(jti));
    Ok(())
}

/// Returns `exp`. An inbound token past its own is refused, also where it does not bound this one's.
fn expires_at(composition: &Composition<'_>, now: u64) -> Result<u64, ComposeError> {
    let own = now.saturating_add(composition.policy.token_ttl);
    let inbound = composition.principal().and_then(|principal| principal.expires_at);
    if inbound.is_some_and(|inbound| inbound <= now) {
        return Err(ComposeError::Expired);
    }
    let bound = inbound.filter(|_| composition.policy.cap_to_inbound_token).unwrap_or(u64::MAX);
    Ok(own.min(bound))
}

/// Marks a JWT whose attributes are old or missing.
fn add_marks(composition: &Composition<'_>, set: &mut ClaimSet) {
    if composition.end_user().is_none() {
        return;
    }
    let (name, value) = match composition.user {
        UserAttributes::Stale { as_of, .. } => ("attributes_as_of", Json::from(as_of)),
        UserAttributes::Omitted | UserAttributes::Partial(_) | UserAttributes::StaleRefused => {
            ("attributes_omitted", Json::Bool(true))
        }
        UserAttributes::NotLookedUp | UserAttributes::Found(_) | UserAttributes::Unknown => return,
    };
    set.push(name, value, Origin::Gateway, Rule::Named("onAttributeFailure"));
}

#[cfg(test)]
pub(crate) mod tests;
