//! The gateway's signing keys: read from their directory and files, chosen for a policy, published as JWKS.
//!
//! The one place in this crate that writes files: it makes the first keys and, where asked, their successors. Life cycle and formats are `claims`'s.

mod directory;
mod loaded;
mod rotation;

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use arc_swap::ArcSwap;
use bytes::Bytes;
use claims::{Algorithm, BackendJwtPolicy, SigningKey};

pub(crate) use directory::user_hash_key;
pub use directory::{DirectoryError, lock_directory, make_first_keys, read_directory, write_key};
pub use loaded::LoadedKeys;
pub use rotation::retirement_times;
pub(crate) use rotation::{RotationSchedule, rotate_due};

use crate::documents::Document;

/// Seconds for which a JWKS may be cached.
pub const JWKS_MAX_AGE: u64 = 600;

/// The keys in use.
#[derive(Debug)]
pub struct Keyring {
    current: ArcSwap<Installed>,
    epoch: AtomicU64,
}

#[derive(Debug)]
struct Installed {
    keys: LoadedKeys,
    jwks: ArcSwap<(u64, Document)>,
}

/// Why there is no key for a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no active key for this algorithm")]
pub(crate) struct NoKey;

impl Default for Keyring {
    fn default() -> Self {
        Self { current: ArcSwap::from_pointee(Installed::new(LoadedKeys::default(), 0)), epoch: AtomicU64::new(1) }
    }
}

impl Installed {
    fn new(keys: LoadedKeys, now: u64) -> Self {
        let jwks = ArcSwap::from_pointee(render(&keys, now));
        Self { keys, jwks }
    }
}

impl Keyring {
    /// Puts new keys in place. When one of the old ones is not trusted any more, everything that was signed is dead.
    pub fn install(&self, keys: LoadedKeys, now: u64) {
        let before = self.current.load();
        let is_any_lost = before.keys.published(now).any(|fingerprint| !keys.trusts(&fingerprint, now));
        self.current.store(Arc::new(Installed::new(keys, now)));
        if is_any_lost {
            self.disown();
        }
    }

    /// Declares dead what was signed until now.
    pub(crate) fn disown(&self) {
        self.epoch.fetch_add(1, Ordering::Release);
    }

    /// Returns the epoch: it moves when what was signed must not be used any more.
    pub fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Acquire)
    }

    /// Returns the key that signs for a policy; `None` for `none`.
    ///
    /// # Errors
    ///
    /// [`NoKey`] when there is no active key for the policy's algorithm.
    pub(crate) fn signing_key(&self, policy: &BackendJwtPolicy, now: u64) -> Result<Option<Arc<SigningKey>>, NoKey> {
        if policy.algorithm == Algorithm::None {
            return Ok(None);
        }
        let current = self.current.load();
        let key = match &policy.hmac_key {
            Some(name) => current.keys.hmac(name, policy.algorithm),
            None => current.keys.set().active(policy.algorithm, now).cloned(),
        };
        key.map(Some).ok_or(NoKey)
    }

    /// Returns the JWKS as it is now.
    pub fn jwks(&self, now: u64) -> Document {
        let current = self.current.load();
        let kept = current.jwks.load();
        if now < kept.0 {
            return kept.1.clone();
        }
        let rendered = render(&current.keys, now);
        let document = rendered.1.clone();
        current.jwks.store(Arc::new(rendered));
        document
    }

    /// Returns the keys, for `keys list` and status.
    pub fn states(&self, now: u64) -> Vec<claims::KeyStatus> {
        self.current.load().keys.set().states(now)
    }
}

/// Renders the JWKS, with the time at which it changes.
fn render(keys: &LoadedKeys, now: u64) -> (u64, Document) {
    let body = Bytes::from(keys.set().jwks(now, keys.legacy_kids()));
    (keys.set().next_change(now).unwrap_or(u64::MAX), Document::new("application/jwk-set+json", body))
}

/// True for algorithms whose signature takes long enough to stall a worker.
pub(crate) const fn is_slow(algorithm: Algorithm) -> bool {
    match algorithm {
        Algorithm::Rs256
        | Algorithm::Rs384
        | Algorithm::Rs512
        | Algorithm::Ps256
        | Algorithm::Ps384
        | Algorithm::Ps512
        | Algorithm::Es384
        | Algorithm::Es512 => true,
        Algorithm::Es256
        | Algorithm::EdDsa
        | Algorithm::Hs256
        | Algorithm::Hs384
        | Algorithm::Hs512
        | Algorithm::None => false,
    }
}
