//! Plans for rotating and revoking keys: which life times to write. Nothing is changed here.

use super::{KeyLife, KeyOrigin, KeySet, KeySetEntry, KeyState};
use crate::algorithm::Algorithm;

/// When a new key begins to sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Announcement {
    /// After it has been published for that many seconds, but never fewer than the JWKS `max-age`.
    For(u64),
    /// At once: verifiers that hold an older JWKS refuse its tokens until they fetch again.
    Skip,
}

/// How long a retired key's tokens and a JWKS may live, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RetirementTimes {
    /// The longest life of a token that the key signed.
    pub longest_ttl: u64,
    /// The `max-age` of the JWKS.
    pub max_age: u64,
}

impl RetirementTimes {
    /// Spare time for clocks that differ and caches that are late.
    const MARGIN: u64 = 5 * 60;

    /// Returns how long a key stays published after its last signature.
    pub const fn stay(self) -> u64 {
        self.longest_ttl.saturating_add(self.max_age).saturating_add(Self::MARGIN)
    }
}

/// New life times for a key of the set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyChange {
    /// The key.
    pub kid: Box<str>,
    /// Its life from now on.
    pub life: KeyLife,
}

/// What to write so that an algorithm gets another key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RotationPlan {
    /// The life of a key to generate; `None`: a key that is announced already takes over.
    pub new_key: Option<KeyLife>,
    /// The changes to keys that there are. Write the new key first, so that a crash between leaves one that signs.
    pub changes: Vec<KeyChange>,
}

/// Why there is no plan.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// A successor is announced already.
    #[error("`{kid}` is announced already and becomes active at {activates_at}")]
    AlreadyAnnounced {
        /// The successor.
        kid: Box<str>,
        /// When it begins to sign, in seconds since the epoch.
        activates_at: u64,
    },
    /// The set has no such key.
    #[error("there is no key `{0}`")]
    UnknownKey(Box<str>),
    /// The operator's file lists the active key: another one there takes its place, not a new one here.
    #[error("`{0}` is listed in the operator's file: replace it there")]
    Listed(Box<str>),
    /// HMAC secrets and `none` do not rotate: the operator's file has them.
    #[error("keys for `{0}` are not rotated here")]
    NotRotated(Algorithm),
}

impl KeySet {
    /// Plans the next key of an algorithm. Without an active key the new one signs at once: nobody can hold a token.
    ///
    /// # Errors
    ///
    /// [`PlanError::AlreadyAnnounced`] unless [`Announcement::Skip`] lets the successor take over now;
    /// [`PlanError::NotRotated`], [`PlanError::Listed`].
    pub fn plan_rotation(
        &self,
        algorithm: Algorithm,
        now: u64,
        announcement: Announcement,
        times: RetirementTimes,
    ) -> Result<RotationPlan, PlanError> {
        let announced = self.in_state(algorithm, KeyState::Announced, now);
        let Some(successor) = announced.into_iter().min_by_key(|entry| entry.life.activates_at()) else {
            return self.plan_import(algorithm, now, announcement, times);
        };
        let (takes_over_at, mut changes) = self.retire_active(algorithm, now, announcement, times)?;
        if takes_over_at > now {
            let (kid, activates_at) = (successor.key.kid().into(), successor.life.activates_at());
            return Err(PlanError::AlreadyAnnounced { kid, activates_at });
        }
        changes.push(change(successor, successor.life.activated(now)));
        Ok(RotationPlan { new_key: None, changes })
    }

    /// Plans the life of a key that comes from elsewhere and takes over from the active one; a successor that is announced
    /// already keeps its time.
    ///
    /// # Errors
    ///
    /// [`PlanError::NotRotated`], [`PlanError::Listed`].
    pub fn plan_import(
        &self,
        algorithm: Algorithm,
        now: u64,
        announcement: Announcement,
        times: RetirementTimes,
    ) -> Result<RotationPlan, PlanError> {
        let (takes_over_at, changes) = self.retire_active(algorithm, now, announcement, times)?;
        Ok(RotationPlan { new_key: Some(KeyLife::announced(now, takes_over_at)), changes })
    }

    /// Returns when the next key takes over, and the lives of those that it relieves.
    fn retire_active(
        &self,
        algorithm: Algorithm,
        now: u64,
        announcement: Announcement,
        times: RetirementTimes,
    ) -> Result<(u64, Vec<KeyChange>), PlanError> {
        if algorithm.is_hmac() || algorithm == Algorithm::None {
            return Err(PlanError::NotRotated(algorithm));
        }
        let active = self.in_state(algorithm, KeyState::Active, now);
        if let Some(listed) = active.iter().find(|entry| entry.origin == KeyOrigin::Listed) {
            return Err(PlanError::Listed(listed.key.kid().into()));
        }
        let takes_over_at = match announcement {
            Announcement::For(seconds) if !active.is_empty() => now.saturating_add(seconds.max(times.max_age)),
            Announcement::For(_) | Announcement::Skip => now,
        };
        let gone_at = takes_over_at.saturating_add(times.stay());
        let retired = active.iter().map(|entry| change(entry, entry.life.retired(takes_over_at, gone_at)));
        Ok((takes_over_at, retired.collect()))
    }

    /// Plans to take a key back at once. Was it the one that signs, its successor takes over now: the announced one, or a
    /// new one.
    ///
    /// # Errors
    ///
    /// [`PlanError::UnknownKey`].
    pub fn plan_revocation(&self, kid: &str, now: u64) -> Result<RotationPlan, PlanError> {
        let entry = self.entries.iter().find(|entry| entry.key.kid() == kid);
        let entry = entry.ok_or_else(|| PlanError::UnknownKey(kid.into()))?;
        let mut plan = RotationPlan { new_key: None, changes: vec![change(entry, entry.life.revoked(now))] };
        let algorithm = entry.key.algorithm();
        let others = |state| {
            self.in_state(algorithm, state, now).into_iter().filter(|other| other.key.kid() != kid).collect::<Vec<_>>()
        };
        if entry.life.state(now) != KeyState::Active || !others(KeyState::Active).is_empty() {
            return Ok(plan);
        }
        match others(KeyState::Announced).into_iter().min_by_key(|other| other.life.activates_at()) {
            Some(successor) => plan.changes.push(change(successor, successor.life.activated(now))),
            None => plan.new_key = Some(KeyLife::active_from(now)),
        }
        Ok(plan)
    }

    fn in_state(&self, algorithm: Algorithm, state: KeyState, now: u64) -> Vec<&KeySetEntry> {
        let is_meant = |entry: &&KeySetEntry| entry.key.algorithm() == algorithm && entry.life.state(now) == state;
        self.entries.iter().filter(is_meant).collect()
    }
}

fn change(entry: &KeySetEntry, life: KeyLife) -> KeyChange {
    KeyChange { kid: entry.key.kid().into(), life }
}
