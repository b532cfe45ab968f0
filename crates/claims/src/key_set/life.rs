//! The times of one key's life, in seconds since the epoch, and the state that they make at a moment.

/// Where a key is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum KeyState {
    /// Published, so that verifiers know it before it signs.
    Announced,
    /// Signs.
    Active,
    /// Signs no more, but its tokens are still good, so it stays published.
    Retired,
    /// Not published any more.
    Gone,
    /// Taken back: its tokens are not good any more, and it is not published.
    Revoked,
}

impl KeyState {
    /// Returns the name for lists.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Announced => "announced",
            Self::Active => "active",
            Self::Retired => "retired",
            Self::Gone => "gone",
            Self::Revoked => "revoked",
        }
    }

    /// True when the JWKS has the key.
    pub const fn is_published(self) -> bool {
        match self {
            Self::Announced | Self::Active | Self::Retired => true,
            Self::Gone | Self::Revoked => false,
        }
    }
}

/// The times of a key's life: announced, then active, then perhaps retired, then gone; never out of order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyLife {
    announced_at: u64,
    activates_at: u64,
    retirement: Option<(u64, u64)>,
    revoked_at: Option<u64>,
}

impl KeyLife {
    /// A key that signs from the beginning, and for good: a file without life times.
    pub const UNBOUNDED: Self = Self::active_from(0);

    /// A key that is published and signs from `now` on.
    pub const fn active_from(now: u64) -> Self {
        Self { announced_at: now, activates_at: now, retirement: None, revoked_at: None }
    }

    /// A key that is published from `now` on and signs from `activates_at` on, not earlier.
    pub fn announced(now: u64, activates_at: u64) -> Self {
        Self { activates_at: activates_at.max(now), ..Self::active_from(now) }
    }

    /// The same key, signing from `at` on, and published by then.
    #[must_use]
    pub fn activated(self, at: u64) -> Self {
        Self { announced_at: self.announced_at.min(at), activates_at: at, ..self }
    }

    /// The same key, signing until `at` and published until `gone_at`; both no earlier than it became active.
    #[must_use]
    pub fn retired(self, at: u64, gone_at: u64) -> Self {
        let at = at.max(self.activates_at);
        Self { retirement: Some((at, gone_at.max(at))), ..self }
    }

    /// The same key, taken back from `at` on.
    #[must_use]
    pub fn revoked(self, at: u64) -> Self {
        Self { revoked_at: Some(self.revoked_at.map_or(at, |earlier| earlier.min(at))), ..self }
    }

    /// Returns when it was published.
    pub const fn announced_at(&self) -> u64 {
        self.announced_at
    }

    /// Returns when it begins to sign.
    pub const fn activates_at(&self) -> u64 {
        self.activates_at
    }

    /// Returns when it ceases to sign.
    pub fn retires_at(&self) -> Option<u64> {
        self.retirement.map(|(at, _)| at)
    }

    /// Returns when it leaves the JWKS.
    pub fn gone_at(&self) -> Option<u64> {
        self.retirement.map(|(_, gone_at)| gone_at)
    }

    /// Returns when it was taken back.
    pub const fn revoked_at(&self) -> Option<u64> {
        self.revoked_at
    }

    /// Returns the state at `now`. A replica whose clock is behind sees a key as announced, never as unknown.
    pub fn state(&self, now: u64) -> KeyState {
        if self.revoked_at.is_some_and(|at| at <= now) {
            return KeyState::Revoked;
        }
        match self.retirement {
            Some((_, gone_at)) if gone_at <= now => KeyState::Gone,
            Some((retires_at, _)) if retires_at <= now => KeyState::Retired,
            Some(_) | None if self.activates_at <= now => KeyState::Active,
            Some(_) | None => KeyState::Announced,
        }
    }

    /// Returns the earliest time after `now` at which the state changes.
    pub fn next_change(&self, now: u64) -> Option<u64> {
        let times = [Some(self.activates_at), self.retires_at(), self.gone_at(), self.revoked_at];
        times.into_iter().flatten().filter(|at| *at > now).min()
    }
}
