//! A circuit breaker: after several failures in a row a server is left alone, but for one question now and then.
//!
//! In front of user stores, and of issuers that are asked about tokens: "the store" is any of them.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

/// When a store is left alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BreakerSettings {
    /// After how many failures in a row; 0 counts as 1.
    pub after: u32,
    /// How long until the next try, each time.
    pub retry: Duration,
}

/// What a breaker does at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BreakerState {
    /// The store is asked.
    Closed,
    /// The store is not asked.
    Open,
    /// One question is under way to see whether the store is back.
    Probing,
}

/// The breaker is open: the store was not asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not asked: it failed several times in a row")]
pub(crate) struct BreakerOpen;

/// A breaker. An answer about one user that cannot be used is a success here: the store is there.
#[derive(Debug)]
pub struct Breaker {
    settings: BreakerSettings,
    progress: Mutex<Progress>,
}

/// Failures in a row, and until when the store is left alone because of them.
#[derive(Debug, Default)]
struct Progress {
    failures: u32,
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    until: SystemTime,
    is_probing: bool,
}

impl Default for BreakerSettings {
    fn default() -> Self {
        Self { after: 5, retry: Duration::from_secs(5) }
    }
}

impl Breaker {
    /// Makes a closed one.
    pub fn new(settings: BreakerSettings) -> Self {
        Self { settings, progress: Mutex::default() }
    }

    /// Lets a question through. While open, one question each `retry`.
    ///
    /// # Errors
    ///
    /// How long it is until the next try.
    pub fn admit(&self, now: SystemTime) -> Result<(), Duration> {
        let mut progress = self.progress();
        let Some(open) = &mut progress.open else { return Ok(()) };
        // A longer wait than was ever set means that the clock has been put back.
        if let Ok(left) = open.until.duration_since(now)
            && !left.is_zero()
            && left <= self.settings.retry
        {
            return Err(left);
        }
        open.until = now.checked_add(self.settings.retry).unwrap_or(now);
        open.is_probing = true;
        Ok(())
    }

    /// Notes that the store answered.
    pub fn succeeded(&self) {
        *self.progress() = Progress::default();
    }

    /// Notes that a question asked at `now` failed. Returns for how long the store is left alone, if it is.
    pub fn failed(&self, now: SystemTime) -> Option<Duration> {
        let mut progress = self.progress();
        progress.failures = progress.failures.saturating_add(1);
        if progress.open.is_none() && progress.failures < self.settings.after {
            return None;
        }
        let until = now.checked_add(self.settings.retry).unwrap_or(now);
        let until = progress.open.as_ref().map_or(until, |open| open.until.max(until));
        progress.open = Some(Open { until, is_probing: false });
        Some(until.duration_since(now).unwrap_or_default())
    }

    /// Returns what it does at the moment.
    pub fn state(&self) -> BreakerState {
        match &self.progress().open {
            None => BreakerState::Closed,
            Some(Open { is_probing: false, .. }) => BreakerState::Open,
            Some(Open { is_probing: true, .. }) => BreakerState::Probing,
        }
    }

    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    /// A breaker that has just opened at second 100, for 5 seconds.
    fn open() -> Breaker {
        let breaker = Breaker::new(BreakerSettings::default());
        for _ in 0..4 {
            assert_eq!(breaker.failed(at(100)), None);
        }
        assert_eq!(breaker.failed(at(100)), Some(Duration::from_secs(5)));
        breaker
    }

    #[test]
    fn it_opens_after_failures_in_a_row() {
        let breaker = Breaker::new(BreakerSettings::default());
        for _ in 0..3 {
            (0..4).for_each(|_| assert_eq!(breaker.failed(at(100)), None));
            breaker.succeeded();
        }
        assert_eq!(breaker.state(), BreakerState::Closed);
        assert_eq!(open().state(), BreakerState::Open);
    }

    #[test]
    fn while_open_it_lets_one_question_through_each_time() {
        let breaker = open();
        assert_eq!(breaker.admit(at(102)), Err(Duration::from_secs(3)));
        assert_eq!(breaker.admit(at(105)), Ok(()));
        assert_eq!(breaker.state(), BreakerState::Probing);
        assert_eq!(breaker.admit(at(105)), Err(Duration::from_secs(5)));
        assert_eq!(breaker.failed(at(105)), Some(Duration::from_secs(5)));
        assert_eq!(breaker.admit(at(109)), Err(Duration::from_secs(1)));
        assert_eq!(breaker.admit(at(110)), Ok(()));
    }

    #[test]
    fn a_probe_that_never_comes_back_is_followed_by_another() {
        let breaker = open();
        assert_eq!(breaker.admit(at(105)), Ok(()));
        assert_eq!(breaker.admit(at(110)), Ok(()));
    }

    #[test]
    fn an_answer_closes_it() {
        let breaker = open();
        breaker.succeeded();
        assert_eq!((breaker.admit(at(101)), breaker.state()), (Ok(()), BreakerState::Closed));
        assert_eq!(breaker.failed(at(101)), None);
    }

    #[test]
    fn a_late_failure_brings_no_earlier_try() {
        let breaker = open();
        assert_eq!(breaker.admit(at(105)), Ok(()));
        breaker.failed(at(101));
        assert_eq!(breaker.admit(at(106)), Err(Duration::from_secs(4)));
    }

    #[test]
    fn a_clock_put_back_does_not_keep_it_open() {
        assert_eq!(open().admit(at(10)), Ok(()));
    }
}
