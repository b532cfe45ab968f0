//! An operator's word that a store's last answers may serve for longer than configured, while it is being repaired.

use std::time::{Duration, SystemTime};

/// Until when which age will do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hold {
    /// How old an answer may be that stands in for the store.
    pub stale_for: Duration,
    /// When the hold ends by itself: nobody has to remember it.
    pub until: SystemTime,
}

impl Hold {
    /// Makes a hold that begins now and lasts as long as the answers that it allows.
    pub(super) fn new(stale_for: Duration, now: SystemTime) -> Self {
        Self { stale_for, until: now.checked_add(stale_for).unwrap_or(now) }
    }

    /// True before its end. A longer time than was ever set means that the clock has been put back.
    pub(super) fn is_on(&self, now: SystemTime) -> bool {
        self.until.duration_since(now).is_ok_and(|left| !left.is_zero() && left <= self.stale_for)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hold_ends_by_itself() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_hours(1000);
        let hold = Hold::new(Duration::from_hours(4), now);
        for (after, expected) in [(0, true), (14_399, true), (14_400, false), (20_000, false)] {
            assert_eq!(hold.is_on(now + Duration::from_secs(after)), expected, "{after}");
        }
        assert!(!hold.is_on(now - Duration::from_secs(1)));
    }
}
