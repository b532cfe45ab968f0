//! The look-up of one user for one policy: which stores, in which order, and what a failure means.

use std::{collections::BTreeSet, sync::Arc, time::SystemTime};

use claims::{AttributeFailure, Attributes, BackendJwtPolicy, PrincipalKind, UnknownUser, UserAttributes};
use http::{HeaderValue, header::RETRY_AFTER};
use stores::{Answer, Freshness, Generation, Question, StalePolicy, StoreError};

use crate::{
    authenticate::Identity,
    issuer::{Issuer, UserStoreHandle},
    rejection::{Code, Rejection},
    time::seconds,
};

/// Where a policy's attributes come from.
#[derive(Clone, Debug)]
pub enum StoreChoice {
    /// The inbound issuer's first store.
    IssuersFirst,
    /// These, in order; only as far as the issuer allows them.
    Chain(Box<[Arc<UserStoreHandle>]>),
    /// None: only the token.
    None,
}

/// The outcome of a look-up.
#[derive(Debug, Default)]
pub(crate) struct LookedUp {
    outcome: Outcome,
    /// The attributes that the asked stores are configured to give.
    pub gives: BTreeSet<Box<str>>,
    /// The counters that end the answer's life.
    pub generations: Vec<Generation>,
    /// Until when the answer is fresh, in seconds since the epoch; `None`: no store was asked.
    pub fresh_until: Option<u64>,
}

#[derive(Debug, Default)]
enum Outcome {
    #[default]
    NotLookedUp,
    Found(Arc<Attributes>),
    Stale(Arc<Attributes>, u64),
    Omitted,
    Unknown,
}

impl LookedUp {
    /// No user, no look-up.
    pub(crate) fn nobody() -> Self {
        Self::default()
    }

    /// The answer, as the claims engine takes it.
    pub(crate) fn user(&self) -> UserAttributes<'_> {
        match &self.outcome {
            Outcome::NotLookedUp => UserAttributes::NotLookedUp,
            Outcome::Found(attributes) => UserAttributes::Found(attributes),
            Outcome::Stale(attributes, as_of) => UserAttributes::Stale { attributes, as_of: *as_of },
            Outcome::Omitted => UserAttributes::Omitted,
            Outcome::Unknown => UserAttributes::Unknown,
        }
    }

    /// True when the answer is stale, or was left out because a store failed.
    pub(crate) fn is_degraded(&self) -> bool {
        match self.outcome {
            Outcome::Stale(..) | Outcome::Omitted => true,
            Outcome::NotLookedUp | Outcome::Found(_) | Outcome::Unknown => false,
        }
    }
}

/// Looks the user up in the policy's stores: the first that knows them answers.
///
/// # Errors
///
/// 403 `unknown_user`, 500 `ambiguous_user`, 503 `user_store_unavailable`, as the policy says.
pub(crate) async fn look_up(
    choice: &StoreChoice,
    policy: &BackendJwtPolicy,
    caller: Identity<'_>,
    now: SystemTime,
) -> Result<LookedUp, Rejection> {
    let Identity { principal, issuer, token, .. } = caller;
    let (PrincipalKind::EndUser { lookup }, Some(issuer)) = (&principal.kind, issuer) else {
        return Ok(LookedUp::nobody());
    };
    let stores: Vec<&Arc<UserStoreHandle>> = match choice {
        StoreChoice::None => Vec::new(),
        StoreChoice::IssuersFirst => issuer.user_stores.iter().take(1).collect(),
        StoreChoice::Chain(chain) => chain.iter().filter(|store| issuer.allows(store)).collect(),
    };
    if stores.is_empty() {
        return match choice {
            StoreChoice::Chain(_) => {
                Err(Rejection::new(Code::UnknownUser, "this issuer's users are in none of the policy's stores"))
            }
            StoreChoice::None | StoreChoice::IssuersFirst => Ok(LookedUp::nobody()),
        };
    }
    let mut looked_up = LookedUp { fresh_until: Some(u64::MAX), ..LookedUp::default() };
    for handle in &stores {
        looked_up.gives.extend(handle.gives.iter().cloned());
    }
    ask(&stores, policy, Question { token, ..Question::new(lookup, now) }, looked_up).await
}

async fn ask(
    stores: &[&Arc<UserStoreHandle>],
    policy: &BackendJwtPolicy,
    question: Question<'_>,
    mut looked_up: LookedUp,
) -> Result<LookedUp, Rejection> {
    let stale = match policy.on_attribute_failure {
        AttributeFailure::UseStale => StalePolicy::UseStale,
        AttributeFailure::Reject | AttributeFailure::Omit => StalePolicy::Refuse,
    };
    for handle in stores {
        match handle.store.attributes(question, stale).await {
            Ok(answer) => {
                if looked_up.take(answer) {
                    return Ok(looked_up);
                }
            }
            Err(error) => {
                looked_up.generations.push(handle.store.generation(question.user));
                return looked_up.fail(&error, policy.on_attribute_failure);
            }
        }
    }
    match policy.on_unknown_user {
        UnknownUser::Reject => Err(Rejection::new(Code::UnknownUser, "the user is not in the user store")),
        UnknownUser::Omit => {
            looked_up.outcome = Outcome::Unknown;
            Ok(looked_up)
        }
    }
}

impl LookedUp {
    /// Takes one store's answer; true when it knows the user.
    fn take(&mut self, answer: Answer) -> bool {
        let Answer { attributes, as_of, fresh_until, freshness, generation } = answer;
        let fresh_until = seconds(fresh_until);
        self.generations.push(generation);
        self.fresh_until = Some(self.fresh_until.map_or(fresh_until, |until| until.min(fresh_until)));
        let Some(attributes) = attributes else { return false };
        self.outcome = match freshness {
            Freshness::Fresh => Outcome::Found(attributes),
            Freshness::Stale => Outcome::Stale(attributes, as_of),
        };
        true
    }

    fn fail(mut self, error: &StoreError, on_failure: AttributeFailure) -> Result<Self, Rejection> {
        tracing::warn!("{error}");
        match (error, on_failure) {
            (StoreError::Ambiguous { .. }, _) => Err(Rejection::new(Code::AmbiguousUser, "more than one user matches")),
            (StoreError::Unavailable { .. } | StoreError::Malformed { .. }, AttributeFailure::Omit) => {
                self.outcome = Outcome::Omitted;
                Ok(self)
            }
            (StoreError::Unavailable { retry_after, .. }, AttributeFailure::Reject | AttributeFailure::UseStale) => {
                Err(unavailable(retry_after.as_secs()))
            }
            (StoreError::Malformed { .. }, AttributeFailure::Reject | AttributeFailure::UseStale) => {
                Err(unavailable(5))
            }
        }
    }
}

fn unavailable(seconds: u64) -> Rejection {
    Rejection::new(Code::UserStoreUnavailable, "the user store cannot answer now")
        .with(RETRY_AFTER, HeaderValue::from(seconds.max(1)))
}

impl Issuer {
    /// True when this issuer's users may be looked up in the store.
    pub fn allows(&self, store: &UserStoreHandle) -> bool {
        self.user_stores.iter().any(|allowed| allowed.name == store.name)
    }
}
