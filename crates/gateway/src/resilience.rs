//! What the gateway does about an endpoint that fails: leaves it alone for a while, asks again or elsewhere, and does not
//! give it more than it can take.
//!
//! State and limits only; the enforcement point sends. All workers share what is known of an endpoint, and it outlives
//! reloads.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use http::StatusCode;
use tokio::sync::Notify;

/// Failures in a row after which an endpoint is left alone.
const FAILURES: u32 = 3;
/// For how long, the first time; twice as long each time that it fails again, up to the longest.
const FIRST_REST: Duration = Duration::from_secs(5);
const LONGEST_REST: Duration = Duration::from_mins(1);

/// How one endpoint is treated when it fails.
#[derive(Clone, Debug)]
pub struct Resilience {
    /// When and how often a call is sent again.
    pub retries: Retries,
    /// How much may be going on at once.
    pub limits: EndpointLimits,
    /// What is known of it.
    pub state: Arc<EndpointState>,
}

/// When and how often a call is sent again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retries {
    /// How often.
    pub count: u32,
    /// The pause before an endpoint is asked again; twice as long each time.
    pub pause: Duration,
    /// Answers after which a call is sent again.
    pub statuses: Box<[StatusCode]>,
}

/// How much may be going on at once with one endpoint, in the whole process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EndpointLimits {
    /// Calls.
    pub calls: u32,
    /// Connections: of HTTP/1.1, where each carries one call.
    pub connections: u32,
    /// Calls that wait for a connection.
    pub waiting: u32,
    /// Calls that are sent again.
    pub retries: u32,
}

/// What is known of an endpoint.
#[derive(Debug, Default)]
pub struct EndpointState {
    /// Failures in a row.
    failures: AtomicU32,
    /// How often in a row it was left alone.
    rests: AtomicU32,
    /// Until when it is left alone, in milliseconds since the epoch; 0: it is not.
    rests_until: AtomicU64,
    calls: AtomicU32,
    waiting: AtomicU32,
    retries: AtomicU32,
    released: Notify,
}

/// Leave to call an endpoint, until it is dropped.
#[derive(Debug)]
pub struct CallPermit(Arc<EndpointState>);

/// Leave to send a call again, until it is dropped.
#[derive(Debug)]
pub struct RetryPermit(Arc<EndpointState>);

impl Default for EndpointLimits {
    fn default() -> Self {
        Self { calls: u32::MAX, connections: u32::MAX, waiting: u32::MAX, retries: u32::MAX }
    }
}

impl EndpointState {
    /// True while the endpoint is left alone.
    pub fn is_resting(&self, now: SystemTime) -> bool {
        let until = self.rests_until.load(Ordering::Relaxed);
        if until == 0 {
            return false;
        }
        let left = until.saturating_sub(millis(now));
        // A longer rest than was ever set means that the clock has been put back.
        left > 0 && u128::from(left) <= LONGEST_REST.as_millis()
    }

    /// Notes an answer.
    pub fn succeeded(&self) {
        if self.failures.load(Ordering::Relaxed) > 0 || self.rests.load(Ordering::Relaxed) > 0 {
            self.failures.store(0, Ordering::Relaxed);
            self.rests.store(0, Ordering::Relaxed);
            self.rests_until.store(0, Ordering::Relaxed);
        }
    }

    /// Notes that there was no answer. True: from now on the endpoint is left alone.
    ///
    /// After a rest one failure is enough.
    pub fn failed(&self, now: SystemTime) -> bool {
        let failures = self.failures.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        let rests = self.rests.load(Ordering::Relaxed);
        if self.is_resting(now) || (failures < FAILURES && rests == 0) {
            return false;
        }
        let rest = FIRST_REST.saturating_mul(1 << rests.min(8)).min(LONGEST_REST);
        self.rests.store(rests.saturating_add(1), Ordering::Relaxed);
        self.rests_until.store(millis(now.checked_add(rest).unwrap_or(now)), Ordering::Relaxed);
        true
    }

    /// Waits for leave to call. `None`: too much is going on already.
    pub async fn enter(self: &Arc<Self>, limits: EndpointLimits) -> Option<CallPermit> {
        if let Some(permit) = self.try_enter(limits.connections.min(limits.calls)) {
            return Some(permit);
        }
        if limits.connections >= limits.calls {
            return None;
        }
        let _waiting = Counted::of(&self.waiting, limits.waiting)?;
        loop {
            let released = self.released.notified();
            if let Some(permit) = self.try_enter(limits.connections) {
                return Some(permit);
            }
            released.await;
        }
    }

    fn try_enter(self: &Arc<Self>, most: u32) -> Option<CallPermit> {
        let counted = Counted::of(&self.calls, most)?;
        std::mem::forget(counted);
        Some(CallPermit(Arc::clone(self)))
    }

    /// Gives leave to send one more call again; `None`: enough are.
    pub fn retry(self: &Arc<Self>, limits: EndpointLimits) -> Option<RetryPermit> {
        let counted = Counted::of(&self.retries, limits.retries)?;
        std::mem::forget(counted);
        Some(RetryPermit(Arc::clone(self)))
    }
}

impl Drop for CallPermit {
    fn drop(&mut self) {
        self.0.calls.fetch_sub(1, Ordering::Relaxed);
        self.0.released.notify_one();
    }
}

impl Drop for RetryPermit {
    fn drop(&mut self) {
        self.0.retries.fetch_sub(1, Ordering::Relaxed);
    }
}

/// One more in a count, until it is dropped.
struct Counted<'a>(&'a AtomicU32);

impl<'a> Counted<'a> {
    fn of(count: &'a AtomicU32, most: u32) -> Option<Self> {
        let one_more = |known: u32| (known < most).then(|| known.saturating_add(1));
        count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more).ok().map(|_| Self(count))
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn millis(time: SystemTime) -> u64 {
    u64::try_from(time.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_hours(500_000) + Duration::from_millis(millis)
    }

    #[test]
    fn three_failures_in_a_row_are_a_rest_that_grows_until_there_is_an_answer() {
        let state = EndpointState::default();
        state.failed(at(0));
        state.failed(at(0));
        state.succeeded();
        assert!([false, false, true] == [1, 2, 3].map(|_| state.failed(at(0))));
        let mut now = 0;
        for rest in [5000, 10_000, 20_000, 40_000, 60_000, 60_000] {
            assert!(state.is_resting(at(now + rest - 1)));
            assert!(!state.failed(at(now + 1)), "it rests already");
            now += rest;
            assert!(!state.is_resting(at(now)));
            assert!(state.failed(at(now)), "one failure is enough");
        }
        state.succeeded();
        assert!(!state.is_resting(at(now)));
        assert!(!state.failed(at(now)));
    }

    #[test]
    fn a_clock_put_back_keeps_nobody_away_for_long() {
        let state = EndpointState::default();
        (0..3).for_each(|_| {
            state.failed(at(10_000_000));
        });
        assert!(!state.is_resting(at(0)));
    }

    #[tokio::test]
    async fn more_calls_than_the_limit_are_refused_and_may_wait_for_a_connection() {
        let state = Arc::new(EndpointState::default());
        let limits = EndpointLimits { calls: 2, ..EndpointLimits::default() };
        let (first, second) = (state.enter(limits).await, state.enter(limits).await);
        assert!(first.is_some() && second.is_some());
        assert!(state.enter(limits).await.is_none());
        drop(first);
        assert!(state.enter(limits).await.is_some());

        let limits = EndpointLimits { connections: 1, waiting: 1, calls: 5, ..EndpointLimits::default() };
        let mut waiting = std::pin::pin!(state.enter(limits));
        assert!(futures_util::poll!(&mut waiting).is_pending());
        assert!(state.enter(limits).await.is_none(), "one may wait");
        drop(second);
        assert!(waiting.await.is_some());
    }

    #[test]
    fn only_so_many_calls_are_sent_again_at_once() {
        let state = Arc::new(EndpointState::default());
        let limits = EndpointLimits { retries: 1, ..EndpointLimits::default() };
        let first = state.retry(limits);
        assert!(first.is_some() && state.retry(limits).is_none());
        drop(first);
        assert!(state.retry(limits).is_some());
    }
}
