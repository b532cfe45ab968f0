//! All keys of a gateway and their life cycle: `announced → active → retired → gone`, one active key per algorithm.
//!
//! Immutable and pure: `now` is a parameter, and a change makes a new set from the new files. Planning says which life times
//! to write; the caller writes them. Renders the JWKS (RFC 7517 §5).

mod file;
mod life;
mod plan;

use std::sync::Arc;

pub use file::{KeyFile, KeyFileError};
pub use life::{KeyLife, KeyState};
pub use plan::{Announcement, KeyChange, PlanError, RetirementTimes, RotationPlan};

use crate::{
    algorithm::Algorithm,
    certificate::{CertificateChain, CertificateFacts},
    fingerprint::KeyFingerprint,
    json::{Json, write_members, write_string},
    key::SigningKey,
};

/// Where a key comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum KeyOrigin {
    /// A file that the operator lists: stronger than what the gateway made itself.
    Listed,
    /// A file of the keys directory.
    Directory,
}

/// Whether a JWKS names keys by the legacy `kid` too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LegacyKids {
    /// The RFC 7638 `kid` only.
    Omit,
    /// A key with a certificate stands there twice, also with the `kid` of WSO2 API Manager.
    List,
}

/// One key with its life.
#[derive(Clone, Debug)]
pub struct KeySetEntry {
    /// The key.
    pub key: Arc<SigningKey>,
    /// Its life.
    pub life: KeyLife,
    /// Where it comes from.
    pub origin: KeyOrigin,
}

/// Why keys do not make a set. The operator must act.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeySetError {
    /// One key pair, or one secret, for two algorithms.
    #[error(
        "one key is configured for `{first}` (`{first_kid}`) and for `{second}` (`{second_kid}`): a key is for one algorithm"
    )]
    TwoAlgorithms {
        /// The one algorithm.
        first: Algorithm,
        /// The key as it is known there.
        first_kid: Box<str>,
        /// The other algorithm.
        second: Algorithm,
        /// The key as it is known there.
        second_kid: Box<str>,
    },
    /// The operator lists two keys for one algorithm, and both would sign.
    #[error("two listed keys are active for `{algorithm}`: `{first}` and `{second}`")]
    TwoActive {
        /// The algorithm.
        algorithm: Algorithm,
        /// One `kid`.
        first: Box<str>,
        /// The other.
        second: Box<str>,
    },
    /// Two shared secrets of one name.
    #[error("two shared secrets are called `{0}`")]
    DuplicateSecret(Box<str>),
    /// A shared secret among the key pairs, or the reverse.
    #[error("`{0}` is no key pair")]
    NotAKeyPair(Box<str>),
}

/// A key of the set at one moment, for `keys list`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyStatus {
    /// The `kid`.
    pub kid: Box<str>,
    /// The algorithm.
    pub algorithm: Algorithm,
    /// The state: of several that are active by their times, one is; the others are retired.
    pub state: KeyState,
    /// The life times.
    pub life: KeyLife,
    /// Where it comes from.
    pub origin: KeyOrigin,
    /// Its certificate, if it came with one.
    pub certificate: Option<CertificateFacts>,
}

/// The keys that a gateway signs with and publishes.
#[derive(Clone, Debug, Default)]
pub struct KeySet {
    entries: Vec<KeySetEntry>,
    secrets: Vec<Arc<SigningKey>>,
}

impl KeySet {
    /// Makes a set of key pairs with their lives, and of shared secrets by name. A key that occurs twice counts once.
    ///
    /// # Errors
    ///
    /// [`KeySetError`]: one key for two algorithms, two secrets of one name, or two listed keys that are active for one
    /// algorithm at `now`.
    pub fn new(entries: Vec<KeySetEntry>, secrets: Vec<Arc<SigningKey>>, now: u64) -> Result<Self, KeySetError> {
        if let Some(entry) = entries.iter().find(|entry| entry.key.algorithm().is_hmac()) {
            return Err(KeySetError::NotAKeyPair(entry.key.kid().into()));
        }
        if let Some(key) = secrets.iter().find(|key| !key.algorithm().is_hmac()) {
            return Err(KeySetError::NotAKeyPair(key.kid().into()));
        }
        let keys: Vec<&SigningKey> =
            entries.iter().map(|entry| &*entry.key).chain(secrets.iter().map(|key| &**key)).collect();
        refuse_two_algorithms(&keys)?;
        let mut names: Vec<&str> = secrets.iter().map(|key| key.kid()).collect();
        names.sort_unstable();
        if let Some([name, _]) = names.array_windows().find(|[first, second]| first == second) {
            return Err(KeySetError::DuplicateSecret((*name).into()));
        }
        let set = Self { entries: in_order(entries), secrets };
        set.refuse_two_listed(now)?;
        Ok(set)
    }

    /// Returns the key that signs for `algorithm` at `now`.
    ///
    /// Of several that are active by their times, a listed one comes before one of the directory, then the one that became
    /// active last, then the one with the smallest `kid`: every replica chooses the same.
    ///
    /// Where none is active, one signs that was made at a time still to come: then the clock was ahead when the first keys
    /// were made, and has been put right.
    pub fn active(&self, algorithm: Algorithm, now: u64) -> Option<&Arc<SigningKey>> {
        let of_algorithm = || self.entries.iter().filter(|entry| entry.key.algorithm() == algorithm);
        let active = of_algorithm().find(|entry| entry.life.state(now) == KeyState::Active);
        let is_to_come = |entry: &&KeySetEntry| entry.life.announced_at() > now && entry.life.state(now).is_published();
        let due_first = || of_algorithm().filter(is_to_come).min_by_key(|entry| entry.life.activates_at());
        active.or_else(due_first).map(|entry| &entry.key)
    }

    /// Returns the shared secret of that name.
    pub fn hmac(&self, name: &str) -> Option<&Arc<SigningKey>> {
        self.secrets.iter().find(|key| key.kid() == name)
    }

    /// True while tokens of that key are good: it is not revoked, not gone, and still in the set.
    pub fn trusts(&self, fingerprint: &KeyFingerprint, now: u64) -> bool {
        let signs = |entry: &&KeySetEntry| entry.life.state(now).is_published();
        self.entries.iter().filter(signs).any(|entry| entry.key.fingerprint() == *fingerprint)
            || self.secrets.iter().any(|key| key.fingerprint() == *fingerprint)
    }

    /// Returns the fingerprints of the key pairs whose tokens are good at `now`.
    pub fn fingerprints(&self, now: u64) -> Vec<KeyFingerprint> {
        let published = self.entries.iter().filter(|entry| entry.life.state(now).is_published());
        published.map(|entry| entry.key.fingerprint()).collect()
    }

    /// Returns when the next state changes after `now`: until then [`KeySet::active`] and [`KeySet::jwks`] stay the same.
    pub fn next_change(&self, now: u64) -> Option<u64> {
        self.entries.iter().filter_map(|entry| entry.life.next_change(now)).min()
    }

    /// Returns every algorithm that has an active key pair at `now`.
    pub fn active_algorithms(&self, now: u64) -> Vec<Algorithm> {
        Algorithm::ALL.into_iter().filter(|algorithm| self.active(*algorithm, now).is_some()).collect()
    }

    /// Returns the JWKS: the public half of every announced, active and retired key. Never a shared secret.
    ///
    /// The same keys give the same bytes, so that an `ETag` may be their hash.
    pub fn jwks(&self, now: u64, legacy_kids: LegacyKids) -> Vec<u8> {
        let published = self.entries.iter().filter(|entry| entry.life.state(now).is_published());
        let keys = published.flat_map(|entry| public_jwks(&entry.key, legacy_kids)).collect();
        let mut text = Vec::new();
        write_members([("keys", &Json::Array(keys))].into_iter(), write_string, &mut text);
        text
    }

    /// Lists the key pairs with their states, by algorithm; the active one first.
    pub fn states(&self, now: u64) -> Vec<KeyStatus> {
        let state = |entry: &KeySetEntry| {
            let is_active = self.active(entry.key.algorithm(), now).is_some_and(|key| Arc::ptr_eq(key, &entry.key));
            match entry.life.state(now) {
                KeyState::Active if !is_active => KeyState::Retired,
                KeyState::Announced if is_active => KeyState::Active,
                state => state,
            }
        };
        let status = |entry: &KeySetEntry| KeyStatus {
            kid: entry.key.kid().into(),
            algorithm: entry.key.algorithm(),
            state: state(entry),
            life: entry.life,
            origin: entry.origin,
            certificate: entry.key.certificate().map(CertificateChain::facts),
        };
        self.entries.iter().map(status).collect()
    }

    fn refuse_two_listed(&self, now: u64) -> Result<(), KeySetError> {
        let listed: Vec<&KeySetEntry> = self
            .entries
            .iter()
            .filter(|entry| entry.origin == KeyOrigin::Listed && entry.life.state(now) == KeyState::Active)
            .collect();
        match listed.array_windows().find(|[first, second]| first.key.algorithm() == second.key.algorithm()) {
            Some([first, second]) => Err(KeySetError::TwoActive {
                algorithm: first.key.algorithm(),
                first: first.key.kid().into(),
                second: second.key.kid().into(),
            }),
            None => Ok(()),
        }
    }
}

/// Sorts so that the first active key of an algorithm is the one that signs, and keeps one of each key.
fn in_order(mut entries: Vec<KeySetEntry>) -> Vec<KeySetEntry> {
    entries.sort_by(|first, second| {
        let key = |entry: &KeySetEntry| (entry.key.algorithm(), entry.origin, u64::MAX - entry.life.activates_at());
        key(first).cmp(&key(second)).then_with(|| first.key.kid().cmp(second.key.kid()))
    });
    let mut kept: Vec<KeySetEntry> = Vec::with_capacity(entries.len());
    for entry in entries {
        match kept.iter_mut().find(|other| other.key.kid() == entry.key.kid()) {
            // INVARIANT: a key that is revoked in one place is revoked.
            Some(other) => {
                other.life = entry.life.revoked_at().map_or(other.life, |at| other.life.revoked(at));
            }
            None => kept.push(entry),
        }
    }
    kept
}

fn refuse_two_algorithms(keys: &[&SigningKey]) -> Result<(), KeySetError> {
    for (position, first) in keys.iter().enumerate() {
        for second in keys.iter().skip(position + 1) {
            if first.algorithm() != second.algorithm() && first.shares_material_with(second) {
                return Err(KeySetError::TwoAlgorithms {
                    first: first.algorithm(),
                    first_kid: first.kid().into(),
                    second: second.algorithm(),
                    second_kid: second.kid().into(),
                });
            }
        }
    }
    Ok(())
}

/// Returns the key's JWK, and that of its legacy `kid` where it is asked for.
fn public_jwks(key: &SigningKey, legacy_kids: LegacyKids) -> Vec<Json> {
    let Some(jwk) = key.public_jwk() else { return Vec::new() };
    let legacy_kid = match legacy_kids {
        LegacyKids::Omit => None,
        LegacyKids::List => key.certificate().map(CertificateChain::legacy_kid),
    };
    let legacy = legacy_kid.map(|kid| {
        let mut jwk = jwk.clone();
        jwk.insert("kid", Json::string(kid));
        jwk
    });
    std::iter::once(jwk).chain(legacy).map(Json::Object).collect()
}

#[cfg(test)]
mod tests;
