//! `rateLimit`: how many calls are answered, of all callers together or of each one.
//!
//! Counted by the generic cell rate algorithm: as many calls at once as the limit says, then one more each time that a
//! share of the unit has passed. Callers are told apart by who they proved to be; somebody unknown by the connection's
//! address, never by a field. Each process counts for itself, across reloads.

use std::{
    hash::Hash,
    net::{IpAddr, Ipv6Addr},
    num::NonZeroU32,
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use governor::{
    DefaultDirectRateLimiter, RateLimiter,
    clock::{Clock, DefaultClock},
    state::keyed::HashMapStateStore,
};
use http::{HeaderName, HeaderValue, header::RETRY_AFTER};

use crate::{
    known_caller::{KnownCaller, UserTag},
    rejection::{Code, Rejection},
    request::Connection,
};

const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
/// Callers of one limit that are counted one by one; more share a count.
const MOST_CALLERS: usize = 262_144;
/// How often those that need not be remembered are looked for, at most.
const PRUNE_EVERY: Duration = Duration::from_secs(10);

/// One limit.
#[derive(Debug)]
pub struct RateLimit {
    /// What it allows.
    pub quota: Quota,
    counted: Counted,
    started: Instant,
    pruned_at: AtomicU64,
}

/// What a limit allows, and to whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Quota {
    /// Its name in `RateLimit`: `api` or `operation`.
    pub name: &'static str,
    /// How many calls.
    pub calls: NonZeroU32,
    /// In what time.
    pub unit: Duration,
    /// Whose calls are counted together.
    pub counted_by: CountedBy,
}

/// Whose calls are counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CountedBy {
    /// Everybody's.
    Everyone,
    /// Each caller's alone.
    Caller,
}

#[derive(Debug)]
enum Counted {
    Together(DefaultDirectRateLimiter),
    Apart(Box<Apart>),
}

#[derive(Debug)]
struct Apart {
    known: Counts<UserTag>,
    unknown: Counts<IpAddr>,
}

/// The counts of callers of one kind, of whom there may be any number.
#[derive(Debug)]
struct Counts<K: Hash + Eq + Clone> {
    each: RateLimiter<K, HashMapStateStore<K>, DefaultClock>,
    others: DefaultDirectRateLimiter,
}

impl RateLimit {
    /// Begins to count.
    pub fn new(quota: Quota) -> Self {
        let counted = match quota.counted_by {
            CountedBy::Everyone => Counted::Together(RateLimiter::direct(quota.governed())),
            CountedBy::Caller => {
                Counted::Apart(Box::new(Apart { known: Counts::new(quota), unknown: Counts::new(quota) }))
            }
        };
        Self { quota, counted, started: Instant::now(), pruned_at: AtomicU64::new(0) }
    }

    /// Counts a call.
    ///
    /// # Errors
    ///
    /// 429 with `Retry-After` when there were too many.
    pub(super) fn count(&self, caller: Option<&KnownCaller>, connection: &Connection) -> Result<(), Rejection> {
        let wait = match (&self.counted, caller) {
            (Counted::Together(limiter), _) => wait_of(limiter),
            (Counted::Apart(apart), Some(caller)) => apart.known.wait(&caller.user_tag, MOST_CALLERS, self),
            (Counted::Apart(apart), None) => apart.unknown.wait(&network(connection.peer.ip()), MOST_CALLERS, self),
        };
        wait.map_or(Ok(()), |wait| Err(self.quota.exceeded(wait)))
    }

    /// True once in a while: then it is time to forget callers.
    fn may_prune(&self) -> bool {
        let now = self.started.elapsed().as_secs();
        let last = self.pruned_at.load(Ordering::Relaxed);
        now >= last + PRUNE_EVERY.as_secs()
            && self.pruned_at.compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }
}

impl Quota {
    fn governed(self) -> governor::Quota {
        let each = governor::Quota::with_period(self.unit / self.calls.get());
        each.unwrap_or(governor::Quota::per_second(self.calls)).allow_burst(self.calls)
    }

    /// Refuses a call that may come again after `wait`.
    fn exceeded(self, wait: Duration) -> Rejection {
        let Self { name, calls, unit, .. } = self;
        // Rounded up: who comes earlier is refused again.
        let seconds = wait.as_millis().div_ceil(1000).clamp(1, 86_400) as u64;
        let rejection =
            Rejection::new(Code::RateLimited, "too many calls").with(RETRY_AFTER, HeaderValue::from(seconds));
        let fields = [
            (RATE_LIMIT_POLICY, format!("\"{name}\";q={calls};w={}", unit.as_secs())),
            (RATE_LIMIT, format!("\"{name}\";r=0;t={seconds}")),
        ];
        fields.into_iter().fold(rejection, |rejection, (field, text)| match HeaderValue::try_from(text) {
            Ok(value) => rejection.with(field, value),
            Err(_) => rejection,
        })
    }
}

impl<K: Hash + Eq + Clone> Counts<K> {
    fn new(quota: Quota) -> Self {
        Self { each: RateLimiter::hashmap(quota.governed()), others: RateLimiter::direct(quota.governed()) }
    }

    /// Counts a call of `key`; `Some`: how long it has to wait.
    fn wait(&self, key: &K, most: usize, limit: &RateLimit) -> Option<Duration> {
        if self.each.len() >= most && limit.may_prune() {
            self.each.retain_recent();
            self.each.shrink_to_fit();
        }
        if self.each.len() >= most {
            return wait_of(&self.others);
        }
        let not_until = self.each.check_key(key).err()?;
        Some(not_until.wait_time_from(self.each.clock().now()))
    }
}

fn wait_of(limiter: &DefaultDirectRateLimiter) -> Option<Duration> {
    let not_until = limiter.check().err()?;
    Some(not_until.wait_time_from(limiter.clock().now()))
}

/// Returns what one client has of addresses: in IPv6 a network of 64 bits.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quota(calls: u32, counted_by: CountedBy) -> Quota {
        let calls = NonZeroU32::new(calls).unwrap();
        Quota { name: "api", calls, unit: Duration::from_hours(1), counted_by }
    }

    fn from(peer: &str) -> Connection {
        Connection::new(peer.parse().unwrap(), false)
    }

    fn check(limit: &RateLimit, peer: &str, expected: bool) {
        assert_eq!(limit.count(None, &from(peer)).is_ok(), expected, "{peer}");
    }

    #[test]
    fn everybody_is_counted_together_or_apart() {
        let together = RateLimit::new(quota(2, CountedBy::Everyone));
        check(&together, "192.0.2.1:1", true);
        check(&together, "192.0.2.2:1", true);
        check(&together, "192.0.2.3:1", false);
        let apart = RateLimit::new(quota(1, CountedBy::Caller));
        check(&apart, "192.0.2.1:1", true);
        check(&apart, "192.0.2.1:2", false);
        check(&apart, "[::ffff:192.0.2.1]:3", false);
        check(&apart, "192.0.2.2:1", true);
        check(&apart, "[2001:db8::1]:1", true);
        check(&apart, "[2001:db8::2]:1", false);
        check(&apart, "[2001:db8:0:1::1]:1", true);
    }

    #[test]
    fn a_refusal_says_when_to_come_again() {
        let limit = RateLimit::new(quota(4, CountedBy::Everyone));
        (0..4).for_each(|_| check(&limit, "192.0.2.1:1", true));
        let rejection = limit.count(None, &from("192.0.2.1:1")).unwrap_err();
        let expected =
            [(RETRY_AFTER, "900"), (RATE_LIMIT_POLICY, "\"api\";q=4;w=3600"), (RATE_LIMIT, "\"api\";r=0;t=900")];
        let expected = expected.map(|(name, value)| (name, HeaderValue::from_static(value)));
        assert_eq!((rejection.code, rejection.headers.as_slice()), (Code::RateLimited, expected.as_slice()));
    }

    #[test]
    fn memory_is_bounded_and_who_is_new_shares_what_is_left() {
        let limit = RateLimit::new(quota(1, CountedBy::Caller));
        let counts: Counts<u32> = Counts::new(limit.quota);
        let waits: Vec<bool> = (0..10).map(|key| counts.wait(&key, 4, &limit).is_some()).collect();
        let expected = [false, false, false, false, false, true, true, true, true, true];
        assert_eq!((waits.as_slice(), counts.each.len()), (expected.as_slice(), 4));
    }
}
