//! Which invalidations an answer has seen: two counters, one for the store and one for the user.
//!
//! Everything made from an answer keeps its [`Generation`] and is dead once either counter has moved. Reading it takes
//! two loads: no lock, no allocation, no look-up.

use std::{
    fmt,
    hash::BuildHasher,
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
};

use foldhash::quality::RandomState;

/// How many counters the users share. Two users on one cost each other extra misses, and nothing else.
const STRIPES: u16 = 4096;

/// The counters of one store.
pub(super) struct Invalidations {
    store: AtomicU64,
    /// Nothing lives so long that one of these could come round.
    users: Box<[AtomicU32]>,
    /// Keyed at random, so that nobody can choose a name that shares another's counter.
    hasher: RandomState,
}

/// The state of a store's and a user's invalidation counters before a query.
///
/// What was made from that query's answer may be used only as long as [`Generation::is_current`].
#[derive(Clone)]
pub struct Generation {
    invalidations: Arc<Invalidations>,
    store: u64,
    user: u32,
    stripe: u16,
}

impl Invalidations {
    pub(super) fn new() -> Arc<Self> {
        let users = (0..STRIPES).map(|_| AtomicU32::new(0)).collect();
        Arc::new(Self { store: AtomicU64::new(0), users, hasher: RandomState::default() })
    }

    /// Returns the generation of a query about `user` that begins after this call.
    pub(super) fn generation(self: &Arc<Self>, user: &str) -> Generation {
        let stripe = self.stripe(user);
        let store = self.store.load(Ordering::SeqCst);
        Generation { invalidations: Arc::clone(self), store, user: self.user(stripe), stripe }
    }

    /// Ends every generation of `user`.
    pub(super) fn invalidate_user(&self, user: &str) {
        if let Some(counter) = self.users.get(usize::from(self.stripe(user))) {
            counter.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// Ends every generation.
    pub(super) fn invalidate_all(&self) {
        self.store.fetch_add(1, Ordering::SeqCst);
    }

    /// Returns which counter `user` has.
    fn stripe(&self, user: &str) -> u16 {
        u16::try_from(self.hasher.hash_one(user) % u64::from(STRIPES)).unwrap_or_default()
    }

    /// Returns a counter.
    fn user(&self, stripe: u16) -> u32 {
        self.users.get(usize::from(stripe)).map_or(0, |counter| counter.load(Ordering::SeqCst))
    }
}

impl Generation {
    /// True as long as neither the store nor the user has been invalidated since.
    pub fn is_current(&self) -> bool {
        self.invalidations.store.load(Ordering::Acquire) == self.store
            && self
                .invalidations
                .users
                .get(usize::from(self.stripe))
                .is_some_and(|counter| counter.load(Ordering::Acquire) == self.user)
    }
}

impl fmt::Debug for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Generation").field("store", &self.store).field("user", &self.user).finish_non_exhaustive()
    }
}
