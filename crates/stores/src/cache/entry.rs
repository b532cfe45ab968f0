//! What the cache knows of one user, and until when it may say so.
//!
//! Pure: time is a parameter. An entry whose generation has passed says nothing at all.

use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use claims::{Attributes, allocated};

use super::{
    answer::{Answer, Freshness},
    generation::Generation,
    kept::{Kept, Shapes},
    settings::CacheSettings,
};
use crate::{error::StoreError, user_store::seconds};

/// How far two readings of the clock may lie apart, as the workers read it each for itself. An answer from further in
/// the future than that means that the clock has been put back, and is not used.
const CLOCK_SLACK: Duration = Duration::from_secs(5);

/// What a store said of a user, last.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    last: Option<Last>,
    /// What came of a later question, which failed.
    failure: Option<Box<Failure>>,
    generation: Generation,
}

/// A question that failed.
#[derive(Clone, Debug)]
struct Failure {
    refusal: Option<Refusal>,
    /// No refresh ahead before then.
    quiet_until: Option<SystemTime>,
}

/// The last good answer.
#[derive(Clone, Debug)]
struct Last {
    /// `None`: no such user.
    attributes: Option<Kept>,
    asked_at: Stamp,
}

/// A point in time in half the space: nanoseconds since the epoch.
#[derive(Clone, Copy, Debug)]
struct Stamp(u64);

/// An answer that cannot be used, and is remembered so that the store is not asked for it each time.
#[derive(Clone, Debug)]
struct Refusal {
    error: StoreError,
    asked_at: SystemTime,
}

/// What came of a query: when it was asked, before which invalidations.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) at: SystemTime,
    pub(super) generation: Generation,
}

impl Entry {
    /// Makes the entry for a good answer, and the answer for those who waited.
    pub(super) fn answered(
        attributes: Option<Attributes>,
        asked: &Asked,
        (settings, shapes): (&CacheSettings, &Shapes),
    ) -> (Self, Answer) {
        let attributes = attributes.map(Arc::new);
        let kept = attributes.as_ref().map(|attributes| shapes.pack(attributes));
        let last = Last { attributes: kept, asked_at: asked.at.into() };
        let answer = last.answer_with(attributes, &asked.generation, settings, Freshness::Fresh);
        let generation = asked.generation.clone();
        (Self { last: Some(last), failure: None, generation }, answer)
    }

    /// Returns what is left of an entry after the query failed; `None`: nothing worth keeping.
    ///
    /// An ambiguous user was answered about, and so was one whose token counts no more: what was known before is gone. Any
    /// other failure leaves the last answer to whoever may use a stale one.
    pub(super) fn failed(previous: Option<&Self>, error: &StoreError, asked: &Asked, retry: Duration) -> Option<Self> {
        let previous = previous.filter(|previous| previous.generation.is_current());
        let last = previous.and_then(|previous| previous.last.clone());
        let generation = asked.generation.clone();
        let quiet_until = asked.at.checked_add(retry);
        let refusal = || Some(Refusal { error: error.clone(), asked_at: asked.at });
        let failed = |refusal| Some(Box::new(Failure { refusal, quiet_until }));
        match error {
            StoreError::Ambiguous { .. } | StoreError::NoToken { .. } | StoreError::TokenRefused { .. } => {
                Some(Self { last: None, failure: failed(refusal()), generation })
            }
            StoreError::Malformed { .. } => Some(Self { last, failure: failed(refusal()), generation }),
            StoreError::Unavailable { .. } | StoreError::TooOld { .. } => {
                let refusal = previous?.failure.as_ref().and_then(|failure| failure.refusal.clone());
                Some(Self { last, failure: failed(refusal), generation })
            }
        }
    }

    /// Returns what can be said at `now` without asking.
    pub(super) fn say(&self, settings: &CacheSettings, now: SystemTime) -> Option<Result<Answer, StoreError>> {
        if !self.generation.is_current() {
            return None;
        }
        if let Some(last) = self.last.as_ref().filter(|last| is_within(last.asked_at.into(), last.life(settings), now))
        {
            return last.answer(&self.generation, settings, Freshness::Fresh).map(Ok);
        }
        let refusal = self.failure.as_ref()?.refusal.as_ref()?;
        is_within(refusal.asked_at, settings.negative_ttl, now).then(|| Err(refusal.error.clone()))
    }

    /// True when the store once knew the user, and nothing has put an end to that.
    pub(super) fn has_answer(&self) -> bool {
        self.last.as_ref().is_some_and(|last| last.attributes.is_some()) && self.generation.is_current()
    }

    /// Returns the answer that may stand in for a store that does not answer.
    pub(super) fn say_stale(&self, settings: &CacheSettings, stale_for: Duration, now: SystemTime) -> Option<Answer> {
        let last = self.last.as_ref().filter(|last| last.attributes.is_some() && self.generation.is_current())?;
        if !is_within(last.asked_at.into(), stale_for, now) {
            return None;
        }
        last.answer(&self.generation, settings, Freshness::Stale)
    }

    /// True when a fresh answer about a known user is so near its end that it should be refreshed.
    pub(super) fn wants_refresh(&self, settings: &CacheSettings, now: SystemTime) -> bool {
        let Some(last) = self.last.as_ref().filter(|last| last.attributes.is_some()) else { return false };
        let ahead = settings.refresh_ahead.min(settings.ttl / 2);
        let age = now.duration_since(last.asked_at.into()).unwrap_or_default();
        let quiet_until = self.failure.as_ref().and_then(|failure| failure.quiet_until);
        age >= settings.ttl.saturating_sub(ahead) && quiet_until.is_none_or(|quiet_until| now >= quiet_until)
    }

    /// Estimates the bytes on the heap.
    pub(super) fn heap(&self) -> usize {
        let attributes = self.last.as_ref().and_then(|last| last.attributes.as_ref());
        let failure = self.failure.as_ref().map_or(0, |_| allocated(size_of::<Failure>()) + 64);
        attributes.map_or(0, Kept::heap) + failure
    }
}

impl Last {
    /// Returns how long it is fresh.
    const fn life(&self, settings: &CacheSettings) -> Duration {
        if self.attributes.is_some() { settings.ttl } else { settings.negative_ttl }
    }

    /// Returns it as an answer; `None` cannot be, and counts as nothing known.
    fn answer(&self, generation: &Generation, settings: &CacheSettings, freshness: Freshness) -> Option<Answer> {
        let attributes = match &self.attributes {
            Some(kept) => Some(kept.unpacked()?),
            None => None,
        };
        Some(self.answer_with(attributes, generation, settings, freshness))
    }

    fn answer_with(
        &self,
        attributes: Option<Arc<Attributes>>,
        generation: &Generation,
        settings: &CacheSettings,
        freshness: Freshness,
    ) -> Answer {
        let (asked_at, generation) = (SystemTime::from(self.asked_at), generation.clone());
        let answer =
            Answer { attributes, as_of: seconds(asked_at), asked_at, fresh_until: asked_at, freshness, generation };
        answer.fresh_within(settings)
    }
}

impl From<SystemTime> for Stamp {
    fn from(time: SystemTime) -> Self {
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        Self(since.as_nanos().try_into().unwrap_or(u64::MAX))
    }
}

impl From<Stamp> for SystemTime {
    fn from(Stamp(nanoseconds): Stamp) -> Self {
        UNIX_EPOCH + Duration::from_nanos(nanoseconds)
    }
}

/// True while something of `asked_at` is younger than `life`.
pub(super) fn is_within(asked_at: SystemTime, life: Duration, now: SystemTime) -> bool {
    match now.duration_since(asked_at) {
        Ok(age) => age < life,
        Err(ahead) => !life.is_zero() && ahead.duration() <= CLOCK_SLACK,
    }
}
