//! Servers that hold the same: each user has one that is asked first, and one that failed is left alone for a while.
//!
//! A user always meets the same server while it answers, so that replicas that lag behind each other do not make his
//! attributes change to and fro.

use std::{
    fmt,
    hash::BuildHasher,
    sync::atomic::{AtomicU64, Ordering},
};

use foldhash::fast::FixedState;

/// Seconds for which a server that failed is asked last.
const AVOIDED_FOR: u64 = 5;

/// Servers that hold the same.
pub(super) struct Replicas<P>(Box<[Replica<P>]>);

struct Replica<P> {
    name: Box<str>,
    pool: P,
    /// Until when it is asked last, in seconds since the epoch.
    avoided_until: AtomicU64,
}

impl<P> Replicas<P> {
    /// Names the servers, with what leads to each.
    pub(super) fn new(replicas: Vec<(Box<str>, P)>) -> Self {
        let replica = |(name, pool)| Replica { name, pool, avoided_until: AtomicU64::new(0) };
        Self(replicas.into_iter().map(replica).collect())
    }

    /// Returns all of them.
    pub(super) fn all(&self) -> impl Iterator<Item = &P> {
        self.0.iter().map(|replica| &replica.pool)
    }

    /// Returns each once, with its number: the user's own first, those that failed lately last.
    pub(super) fn in_order(&self, user: &str, now: u64) -> impl Iterator<Item = (usize, &P)> {
        let first = usize::try_from(FixedState::default().hash_one(user)).unwrap_or_default();
        let count = self.0.len().max(1);
        let mut order: Vec<usize> = (0..self.0.len()).map(|step| (first % count + step) % count).collect();
        order.sort_by_key(|number| self.0.get(*number).is_some_and(|replica| replica.is_avoided(now)));
        order.into_iter().filter_map(|number| self.0.get(number).map(|replica| (number, &replica.pool)))
    }

    /// Returns how the log names one.
    pub(super) fn name(&self, number: usize) -> &str {
        self.0.get(number).map_or("", |replica| &replica.name)
    }

    /// Takes note of a failure.
    pub(super) fn failed(&self, number: usize, now: u64) {
        if let Some(replica) = self.0.get(number) {
            replica.avoided_until.store(now + AVOIDED_FOR, Ordering::Relaxed);
        }
    }

    /// Takes note of an answer.
    pub(super) fn answered(&self, number: usize) {
        if let Some(replica) = self.0.get(number) {
            replica.avoided_until.store(0, Ordering::Relaxed);
        }
    }
}

impl<P> Replica<P> {
    fn is_avoided(&self, now: u64) -> bool {
        now < self.avoided_until.load(Ordering::Relaxed)
    }
}

impl<P> fmt::Debug for Replicas<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|replica| &replica.name)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(replicas: &Replicas<usize>, user: &str, now: u64) -> Vec<usize> {
        replicas.in_order(user, now).map(|(number, _)| number).collect()
    }

    #[test]
    fn a_user_meets_the_same_server_first_and_different_users_different_ones() {
        let replicas = Replicas::new((0..3).map(|number| ("".into(), number)).collect());
        let firsts: Vec<usize> = (0..100).map(|user| order(&replicas, &user.to_string(), 0)[0]).collect();
        assert!((0..3).all(|number| firsts.contains(&number)), "{firsts:?}");
        for (user, first) in firsts.into_iter().enumerate() {
            let mut all = order(&replicas, &user.to_string(), 0);
            assert_eq!(all[0], first);
            all.sort_unstable();
            assert_eq!(all, [0, 1, 2]);
        }
    }

    #[test]
    fn one_that_failed_is_asked_last_until_it_answers_or_time_has_passed() {
        let replicas = Replicas::new((0..3).map(|number| ("".into(), number)).collect());
        let before = order(&replicas, "alice", 0);
        replicas.failed(before[0], 10);
        assert_eq!(order(&replicas, "alice", 14), [before[1], before[2], before[0]]);
        assert_eq!(order(&replicas, "alice", 15), before);
        replicas.failed(before[0], 20);
        replicas.answered(before[0]);
        assert_eq!(order(&replicas, "alice", 21), before);
    }
}
