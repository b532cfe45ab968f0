//! How long answers live, and how much they may take.

use std::time::Duration;

use crate::{breaker::BreakerSettings, user_store::Question};

/// How one store's answers are cached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheSettings {
    /// How long an answer is fresh, where a question does not say. 0: every call asks; calls at one time still ask once.
    pub ttl: Duration,
    /// How long before that end a call has the answer refreshed in the background; at most half of `ttl` is used.
    pub refresh_ahead: Duration,
    /// How long "no such user", "more than one" and an unreadable answer are remembered.
    pub negative_ttl: Duration,
    /// How old an answer may be at most to stand in for a store that does not answer; 0: never.
    pub stale_for: Duration,
    /// How many bytes all answers may hold, by estimate.
    pub max_bytes: usize,
    /// When the store is left alone.
    pub breaker: BreakerSettings,
}

impl CacheSettings {
    /// Returns the settings as they hold for one question.
    pub(super) const fn of(self, question: Question<'_>) -> Self {
        match question.fresh_for {
            Some(ttl) => Self { ttl, ..self },
            None => self,
        }
    }
}

impl Default for CacheSettings {
    fn default() -> Self {
        Self {
            ttl: Duration::from_mins(5),
            refresh_ahead: Duration::from_mins(1),
            negative_ttl: Duration::from_secs(30),
            stale_for: Duration::ZERO,
            max_bytes: 64 << 20,
            breaker: BreakerSettings::default(),
        }
    }
}
