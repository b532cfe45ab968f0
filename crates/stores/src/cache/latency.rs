//! How long a store takes to answer: of its last queries.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
    time::Duration,
};

/// How many queries are remembered.
const REMEMBERED: usize = 1024;

/// How long half of the last queries took at most, and 99 of 100; those that failed count too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Latency {
    /// The median.
    pub p50: Duration,
    /// The 99th percentile.
    pub p99: Duration,
}

/// The times of the last queries.
#[derive(Debug, Default)]
pub(super) struct Times(Mutex<VecDeque<Duration>>);

impl Times {
    /// Adds a query's.
    pub(super) fn add(&self, took: Duration) {
        let mut times = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if times.len() == REMEMBERED {
            times.pop_front();
        }
        times.push_back(took);
    }

    /// Returns the percentiles; `None`: nothing was asked yet.
    pub(super) fn latency(&self) -> Option<Latency> {
        let mut times: Vec<Duration> = self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().copied().collect();
        times.sort_unstable();
        // Nearest rank: the smallest time that so many do not exceed.
        let rank = |percent: usize| times.get((times.len() * percent).div_ceil(100).saturating_sub(1)).copied();
        Some(Latency { p50: rank(50)?, p99: rank(99)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_the_last_queries() {
        let times = Times::default();
        assert_eq!(times.latency(), None);
        let check = |p50, p99| {
            let millis = Duration::from_millis;
            assert_eq!(times.latency(), Some(Latency { p50: millis(p50), p99: millis(p99) }));
        };
        times.add(Duration::from_millis(7));
        check(7, 7);
        (1..=100).for_each(|time| times.add(Duration::from_millis(time)));
        check(50, 99);
        (0..REMEMBERED).for_each(|_| times.add(Duration::from_millis(3)));
        check(3, 3);
    }
}
