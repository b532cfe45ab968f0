//! What the cache did, for metrics and status.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::breaker::BreakerState;

/// What one store's cache did since it was made, and holds now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheCounters {
    /// Calls answered from the cache, refusals remembered included.
    pub hits: u64,
    /// Calls that asked the store.
    pub misses: u64,
    /// Calls that waited for a query that another call had begun.
    pub coalesced: u64,
    /// Queries ahead of an answer's end, in the background.
    pub refreshes: u64,
    /// Queries that brought no answer that can be used.
    pub failures: u64,
    /// Calls refused by the open breaker, those then answered with a stale answer included.
    pub refused: u64,
    /// Calls answered with a stale answer.
    pub stale_served: u64,
    /// Users held.
    pub entries: u64,
    /// Bytes held, by estimate.
    pub bytes: u64,
    /// What the breaker does.
    pub breaker: BreakerState,
}

/// One count. Counts order nothing, so that they need no ordering.
#[derive(Debug, Default)]
pub(super) struct Count(AtomicU64);

/// The counts of events.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) hits: Count,
    pub(super) misses: Count,
    pub(super) coalesced: Count,
    pub(super) refreshes: Count,
    pub(super) failures: Count,
    pub(super) refused: Count,
    pub(super) stale_served: Count,
}

impl Count {
    pub(super) fn up(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn read(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
