//! The look-up of one user for one policy: which stores, in which order, and what a failure means.

mod merge;

use std::{
    collections::BTreeSet,
    sync::Arc,
    time::{Duration, SystemTime},
};

use claims::{AttributeFailure, Attributes, BackendJwtPolicy, PrincipalKind, UnknownUser, UserAttributes};
use futures_util::future::join_all;
use http::{
    HeaderValue,
    header::{RETRY_AFTER, WWW_AUTHENTICATE},
};
use stores::{Answer, Freshness, Generation, Question, StalePolicy, StoreError};

use self::merge::Found;
pub use self::merge::StoreMerge;
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
    Chain(Box<[Arc<UserStoreHandle>]>, StoreMerge),
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
    /// Until when its fresh part is fresh, in seconds since the epoch; `None`: no store was asked.
    pub fresh_until: Option<u64>,
}

#[derive(Debug, Default)]
enum Outcome {
    #[default]
    NotLookedUp,
    Found(Arc<Attributes>),
    Stale(Arc<Attributes>, u64),
    /// What is left without the stores that failed.
    Partial(Arc<Attributes>),
    Omitted,
    Unknown,
}

impl Found {
    fn outcome(self) -> Outcome {
        match self.stale_since {
            None => Outcome::Found(self.attributes),
            Some(as_of) => Outcome::Stale(self.attributes, as_of),
        }
    }
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
            Outcome::Partial(attributes) => UserAttributes::Partial(attributes),
            Outcome::Omitted => UserAttributes::Omitted,
            Outcome::Unknown => UserAttributes::Unknown,
        }
    }

    /// True when the answer is stale, or was left out because a store failed.
    pub(crate) fn is_degraded(&self) -> bool {
        match self.outcome {
            Outcome::Stale(..) | Outcome::Partial(_) | Outcome::Omitted => true,
            Outcome::NotLookedUp | Outcome::Found(_) | Outcome::Unknown => false,
        }
    }
}

/// Looks the user up in the policy's stores.
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
    let (stores, merge): (Vec<&UserStoreHandle>, StoreMerge) = match choice {
        StoreChoice::None => return Ok(LookedUp::nobody()),
        StoreChoice::IssuersFirst => {
            (issuer.user_stores.iter().take(1).map(|store| &**store).collect(), StoreMerge::default())
        }
        StoreChoice::Chain(chain, merge) => {
            (chain.iter().map(|store| &**store).filter(|store| issuer.allows(store)).collect(), *merge)
        }
    };
    if stores.is_empty() {
        return match choice {
            StoreChoice::Chain(..) => {
                Err(Rejection::new(Code::UnknownUser, "this issuer's users are in none of the policy's stores"))
            }
            StoreChoice::None | StoreChoice::IssuersFirst => Ok(LookedUp::nobody()),
        };
    }
    let mut looked_up = LookedUp { fresh_until: Some(u64::MAX), ..LookedUp::default() };
    for store in &stores {
        looked_up.gives.extend(store.gives.iter().cloned());
    }
    let (stores, user) = of_domain(stores, lookup);
    let asking = Asking { stores: &stores, policy, question: Question { token, ..Question::new(user, now) } };
    match merge {
        StoreMerge::FirstStore => asking.one_after_the_other(looked_up).await,
        StoreMerge::FirstValue | StoreMerge::Union => asking.all(looked_up, merge).await,
    }
}

/// Returns the stores of the user's domain, and the user's name there; all of them when no store has that domain.
pub(crate) fn of_domain<'a, 'u>(
    stores: Vec<&'a UserStoreHandle>,
    user: &'u str,
) -> (Vec<&'a UserStoreHandle>, &'u str) {
    let Some(name) = stores.iter().find_map(|store| store.own_name(user)) else { return (stores, user) };
    (stores.into_iter().filter(|store| store.own_name(user).is_some()).collect(), name)
}

/// A question to several stores.
struct Asking<'a> {
    stores: &'a [&'a UserStoreHandle],
    policy: &'a BackendJwtPolicy,
    question: Question<'a>,
}

impl Asking<'_> {
    /// The first store that knows the user answers alone.
    async fn one_after_the_other(&self, mut looked_up: LookedUp) -> Result<LookedUp, Rejection> {
        for handle in self.stores {
            match handle.store.attributes(self.question_to(handle), self.stale()).await {
                Ok(answer) => {
                    if let Some(found) = looked_up.take(answer) {
                        looked_up.outcome = found.outcome();
                        return Ok(looked_up);
                    }
                }
                Err(error) => {
                    looked_up.generations.push(handle.store.generation(self.question.user));
                    return looked_up.fail(&error, self.policy.on_attribute_failure);
                }
            }
        }
        self.unknown(looked_up)
    }

    /// All stores are asked, and their answers merged. One that fails fails the look-up, or with `omit` takes all that it
    /// is configured to give with it: what it would have said decides what another's word on that is worth.
    async fn all(&self, mut looked_up: LookedUp, merge: StoreMerge) -> Result<LookedUp, Rejection> {
        let asked = self.stores.iter().map(|handle| handle.store.attributes(self.question_to(handle), self.stale()));
        let mut found = Vec::new();
        let mut failures = Vec::new();
        for (handle, answer) in self.stores.iter().zip(join_all(asked).await) {
            match answer {
                Ok(answer) => found.extend(looked_up.take(answer)),
                Err(error) => {
                    looked_up.generations.push(handle.store.generation(self.question.user));
                    failures.push((handle, error));
                }
            }
        }
        let merged = Found::merged(found, merge);
        if failures.is_empty() {
            let Some(merged) = merged else { return self.unknown(looked_up) };
            looked_up.outcome = merged.outcome();
            return Ok(looked_up);
        }
        for (_, error) in &failures {
            looked_up = looked_up.fail(error, self.policy.on_attribute_failure)?;
        }
        if let Some(merged) = merged {
            let is_missing = |name: &str| failures.iter().any(|(handle, _)| handle.gives.contains(name));
            looked_up.outcome = Outcome::Partial(merged.without(is_missing));
        }
        Ok(looked_up)
    }

    fn question_to(&self, handle: &UserStoreHandle) -> Question<'_> {
        Question { fresh_for: handle.fresh_for(self.policy), ..self.question }
    }

    fn stale(&self) -> StalePolicy {
        match self.policy.on_attribute_failure {
            AttributeFailure::UseStale => StalePolicy::UseStale,
            AttributeFailure::Reject | AttributeFailure::Omit => StalePolicy::Refuse,
        }
    }

    fn unknown(&self, mut looked_up: LookedUp) -> Result<LookedUp, Rejection> {
        match self.policy.on_unknown_user {
            UnknownUser::Reject => Err(Rejection::new(Code::UnknownUser, "the user is not in the user store")),
            UnknownUser::Omit => {
                looked_up.outcome = Outcome::Unknown;
                Ok(looked_up)
            }
        }
    }
}

impl LookedUp {
    /// Takes one store's answer, and returns what it found.
    fn take(&mut self, answer: Answer) -> Option<Found> {
        let Answer { attributes, as_of, fresh_until, freshness, generation, .. } = answer;
        let fresh_until = seconds(fresh_until);
        self.generations.push(generation);
        let stale_since = match freshness {
            Freshness::Fresh => {
                self.fresh_until = Some(self.fresh_until.map_or(fresh_until, |until| until.min(fresh_until)));
                None
            }
            Freshness::Stale => Some(as_of),
        };
        attributes.map(|attributes| Found { attributes, stale_since })
    }

    fn fail(mut self, error: &StoreError, on_failure: AttributeFailure) -> Result<Self, Rejection> {
        tracing::warn!("{error}");
        match (error, on_failure) {
            (StoreError::Ambiguous { .. }, _) => Err(Rejection::new(Code::AmbiguousUser, "more than one user matches")),
            (StoreError::TokenRefused { .. }, _) => {
                let detail = "the token's issuer does not accept the token any more";
                let challenge = HeaderValue::from_static("Bearer error=\"invalid_token\"");
                Err(Rejection::new(Code::Unauthorized, detail).with(WWW_AUTHENTICATE, challenge))
            }
            (
                StoreError::Unavailable { .. }
                | StoreError::TooOld { .. }
                | StoreError::Malformed { .. }
                | StoreError::NoToken { .. },
                AttributeFailure::Omit,
            ) => {
                self.outcome = Outcome::Omitted;
                Ok(self)
            }
            (StoreError::Unavailable { retry_after, .. }, AttributeFailure::Reject | AttributeFailure::UseStale) => {
                Err(unavailable(CANNOT_ANSWER, whole_seconds(*retry_after)))
            }
            (StoreError::TooOld { retry_after, .. }, AttributeFailure::Reject | AttributeFailure::UseStale) => {
                Err(unavailable(STALE_REFUSED, whole_seconds(*retry_after)))
            }
            (StoreError::Malformed { .. }, AttributeFailure::Reject | AttributeFailure::UseStale) => {
                Err(unavailable(CANNOT_ANSWER, 5))
            }
            (StoreError::NoToken { .. }, AttributeFailure::Reject | AttributeFailure::UseStale) => {
                let detail = "the user store is asked with the caller's access token, and this call has none";
                Err(Rejection::new(Code::UserStoreUnavailable, detail))
            }
        }
    }
}

const CANNOT_ANSWER: &str = "the user store cannot answer now";
/// What a refusal says where an answer was there, and too old.
pub(crate) const STALE_REFUSED: &str = "the user store cannot answer now, and its last answer is too old";

fn whole_seconds(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}

fn unavailable(detail: &'static str, seconds: u64) -> Rejection {
    Rejection::new(Code::UserStoreUnavailable, detail).with(RETRY_AFTER, HeaderValue::from(seconds.max(1)))
}

impl Issuer {
    /// True when this issuer's users may be looked up in the store.
    pub fn allows(&self, store: &UserStoreHandle) -> bool {
        self.user_stores.iter().any(|allowed| allowed.name == store.name)
    }
}
