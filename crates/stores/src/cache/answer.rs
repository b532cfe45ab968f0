//! What the cache answers with.

use std::{sync::Arc, time::SystemTime};

use claims::Attributes;

use super::{generation::Generation, settings::CacheSettings};

/// A user's attributes, how old they are, and what ends them.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The attributes; `None`: no such user.
    pub attributes: Option<Arc<Attributes>>,
    /// When the store was asked, in seconds since the epoch.
    pub as_of: u64,
    /// The same, exactly.
    pub(super) asked_at: SystemTime,
    /// Until when they are fresh for the question; in the past for a stale answer.
    pub fresh_until: SystemTime,
    /// Whether the store stands behind them now.
    pub freshness: Freshness,
    /// Whatever is made from this answer must not be used once this has passed.
    pub generation: Generation,
}

impl Answer {
    /// Returns the answer as it is fresh under these settings.
    pub(super) fn fresh_within(mut self, settings: &CacheSettings) -> Self {
        let life = if self.attributes.is_some() { settings.ttl } else { settings.negative_ttl };
        self.fresh_until = self.asked_at.checked_add(life).unwrap_or(self.asked_at);
        self
    }
}

/// Whether a store stands behind an answer now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// Within its time to live.
    Fresh,
    /// The store does not answer; this is what it said last.
    Stale,
}

/// What a caller wants when the store does not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StalePolicy {
    /// The error.
    Refuse,
    /// The last answer, if the store's `stale_for` allows for its age and no invalidation came after it.
    UseStale,
}
