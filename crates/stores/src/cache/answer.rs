//! What the cache answers with.

use std::{sync::Arc, time::SystemTime};

use claims::Attributes;

use super::generation::Generation;

/// A user's attributes, how old they are, and what ends them.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The attributes; `None`: no such user.
    pub attributes: Option<Arc<Attributes>>,
    /// When the store was asked, in seconds since the epoch.
    pub as_of: u64,
    /// Until when they are fresh; in the past for a stale answer.
    pub fresh_until: SystemTime,
    /// Whether the store stands behind them now.
    pub freshness: Freshness,
    /// Whatever is made from this answer must not be used once this has passed.
    pub generation: Generation,
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
