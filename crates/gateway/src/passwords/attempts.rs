//! How often somebody guessed of late, by user and address.
//!
//! An address that guesses has to wait, for that user; everybody else, the user above all, does not notice. So nobody can
//! lock another's account here. A directory may count on its own, over all addresses.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use super::Passwords;

const SHARDS: usize = 16;
/// Pairs of user and address in one shard.
const MOST: usize = 8192;
/// Seconds after which a wrong password is forgotten.
const REMEMBERED: u64 = 3600;
/// The longest wait, unless the first one is longer.
const LONGEST_WAIT: Duration = Duration::from_mins(15);

/// Whose attempts: a keyed hash of issuer, user and address.
pub(super) type Who = [u8; 32];

/// The attempts of all.
#[derive(Debug, Default)]
pub(super) struct Attempts {
    shards: [Mutex<HashMap<Who, Failures>>; SHARDS],
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Failures {
    count: u32,
    locked_until: u64,
    forgotten_at: u64,
}

impl Attempts {
    /// Counts an attempt as a wrong one until the contrary is known.
    ///
    /// # Errors
    ///
    /// How long it takes until there may be another one.
    pub(super) fn begin(&self, who: Who, passwords: &Passwords, now: u64) -> Result<(), Duration> {
        let mut shard = self.shard(who);
        let known = shard.get(&who).copied().filter(|failures| now < failures.forgotten_at).unwrap_or_default();
        // A longer wait than was ever set means that the clock has been put back.
        let left = known.locked_until.saturating_sub(now);
        if left > 0 && left <= longest_wait(passwords).as_secs() {
            return Err(Duration::from_secs(left));
        }
        let count = known.count.saturating_add(1);
        let wait = match count.checked_sub(passwords.attempts) {
            Some(further) => passwords.lock_for.saturating_mul(1 << further.min(16)).min(longest_wait(passwords)),
            None => Duration::ZERO,
        };
        let locked_until = now.saturating_add(wait.as_secs());
        let failures = Failures { count, locked_until, forgotten_at: locked_until.saturating_add(REMEMBERED) };
        make_room(&mut shard, now);
        shard.insert(who, failures);
        Ok(())
    }

    /// Forgets them after the right password.
    pub(super) fn succeeded(&self, who: Who) {
        self.shard(who).remove(&who);
    }

    /// Takes back the one that was counted and came to nothing.
    pub(super) fn take_back(&self, who: Who) {
        if let Some(failures) = self.shard(who).get_mut(&who) {
            failures.count = failures.count.saturating_sub(1);
            failures.locked_until = 0;
        }
    }

    fn shard(&self, who: Who) -> MutexGuard<'_, HashMap<Who, Failures>> {
        let [first, ..] = who;
        let [shard, ..] = &self.shards;
        let shard = self.shards.get(usize::from(first) % SHARDS).unwrap_or(shard);
        shard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn longest_wait(passwords: &Passwords) -> Duration {
    LONGEST_WAIT.max(passwords.lock_for)
}

/// Forgets those whose time is over, and when that is not enough those that would be forgotten first.
fn make_room(shard: &mut HashMap<Who, Failures>, now: u64) {
    if shard.len() < MOST {
        return;
    }
    shard.retain(|_, failures| now < failures.forgotten_at);
    if shard.len() >= MOST {
        let mut ends: Vec<u64> = shard.values().map(|failures| failures.forgotten_at).collect();
        let middle = ends.len() / 2;
        let (_, median, _) = ends.select_nth_unstable(middle);
        let median = *median;
        shard.retain(|_, failures| failures.forgotten_at > median);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::passwords::ClearText;

    fn passwords() -> Passwords {
        Passwords {
            stores: Box::default(),
            realm: "API".into(),
            ttl: Duration::from_mins(1),
            attempts: 3,
            lock_for: Duration::from_mins(1),
            clear_text: ClearText::Refuse,
        }
    }

    #[test]
    fn who_guesses_waits_longer_each_time() {
        let (attempts, passwords, who) = (Attempts::default(), passwords(), [1; 32]);
        let mut now = 1000;
        for _ in 0..3 {
            assert_eq!(attempts.begin(who, &passwords, now), Ok(()));
        }
        for wait in [60, 120, 240, 480, 900, 900] {
            assert_eq!(attempts.begin(who, &passwords, now), Err(Duration::from_secs(wait)));
            assert_eq!(attempts.begin(who, &passwords, now + wait - 1), Err(Duration::from_secs(1)));
            assert_eq!(attempts.begin([2; 32], &passwords, now), Ok(()), "others do not wait");
            attempts.succeeded([2; 32]);
            now += wait;
            assert_eq!(attempts.begin(who, &passwords, now), Ok(()));
        }
        assert!(attempts.begin(who, &passwords, now + 900 + REMEMBERED).is_ok());
        assert!(attempts.begin(who, &passwords, now + 901 + REMEMBERED).is_ok(), "all is forgotten");
    }

    #[test]
    fn what_came_to_nothing_is_no_guess() {
        let (attempts, passwords, who) = (Attempts::default(), passwords(), [1; 32]);
        for _ in 0..10 {
            assert_eq!(attempts.begin(who, &passwords, 1000), Ok(()));
            attempts.take_back(who);
        }
        assert_eq!(attempts.begin(who, &passwords, 1000), Ok(()));
        attempts.succeeded(who);
        for _ in 0..3 {
            assert_eq!(attempts.begin(who, &passwords, 1000), Ok(()));
        }
        assert!(attempts.begin(who, &passwords, 1000).is_err());
    }

    #[test]
    fn a_clock_put_back_locks_nobody_for_long() {
        let (attempts, passwords, who) = (Attempts::default(), passwords(), [1; 32]);
        (0..3).for_each(|_| assert_eq!(attempts.begin(who, &passwords, 1_000_000), Ok(())));
        assert_eq!(attempts.begin(who, &passwords, 1000), Ok(()));
    }

    #[test]
    fn memory_is_bounded() {
        let mut shard = HashMap::new();
        for number in 0..(3 * MOST as u64) {
            let mut who = [0; 32];
            who[..8].copy_from_slice(&number.to_be_bytes());
            make_room(&mut shard, number);
            shard.insert(who, Failures { count: 1, locked_until: 0, forgotten_at: 10_000_000 + number });
            assert!(shard.len() <= MOST);
        }
        assert!(shard.len() > MOST / 3);
    }
}
