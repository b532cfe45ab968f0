//! API keys: random texts that stand for an application, or for a user who calls with it.
//!
//! Only SHA-256 of a key is kept, in the operator's file and in memory. A key has 256 random bits, so nothing can be
//! guessed that a slow hash would protect, and whoever presents a key cannot steer its hash: finding it takes the same
//! time for a near miss as for any other.

use std::{collections::HashMap, sync::Arc};

use aws_lc_rs::{
    constant_time::verify_slices_are_equal,
    digest::{SHA256, digest},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use claims::{Object, Principal};
use foldhash::fast::RandomState;

use crate::{fingerprint::Fingerprint, known_caller::OwnApplication, spec::KeyHash};

/// All configured keys.
#[derive(Debug, Default)]
pub struct ApiKeys {
    /// By the first bytes of the hash; all of it is compared then.
    by_start: HashMap<[u8; 8], Vec<Arc<ApiKey>>, RandomState>,
}

/// One key, resolved.
#[derive(Debug)]
pub struct ApiKey {
    /// SHA-256 of the key.
    pub hash: KeyHash,
    /// Of everything here, and of the user's issuer.
    pub fingerprint: Fingerprint,
    /// The user's issuer, which an API must trust too; `None`: the application calls for itself.
    pub issuer: Option<Fingerprint>,
    /// Whose key it is.
    pub application: OwnApplication,
    /// Who calls with it; `expires_at` is the key's end.
    pub principal: Principal,
    /// The claims that stand for a token's.
    pub claims: Object,
}

impl ApiKeys {
    /// Indexes the keys.
    pub fn new(keys: Vec<ApiKey>) -> Self {
        let mut by_start: HashMap<_, Vec<_>, _> = HashMap::default();
        for key in keys {
            by_start.entry(start(&key.hash)).or_default().push(Arc::new(key));
        }
        Self { by_start }
    }

    /// Returns the key that was presented, if it is one of these.
    pub fn find(&self, presented: &[u8]) -> Option<&Arc<ApiKey>> {
        let hash = hash(presented);
        let candidates = self.by_start.get(&start(&hash))?;
        candidates.iter().find(|key| verify_slices_are_equal(&key.hash.0, &hash.0).is_ok())
    }
}

/// Makes a key of 256 random bits. It begins with `csk_`, so that scanners for lost secrets know one when they see it.
///
/// # Errors
///
/// When the system has no random numbers to give.
pub fn generate() -> Result<String, aws_lc_rs::error::Unspecified> {
    let mut bytes = [0; 32];
    aws_lc_rs::rand::fill(&mut bytes)?;
    Ok(format!("csk_{}", URL_SAFE_NO_PAD.encode(bytes)))
}

/// Returns SHA-256 of a key.
pub fn hash(key: &[u8]) -> KeyHash {
    let mut bytes = [0; 32];
    for (byte, digested) in bytes.iter_mut().zip(digest(&SHA256, key).as_ref()) {
        *byte = *digested;
    }
    KeyHash(bytes)
}

fn start(hash: &KeyHash) -> [u8; 8] {
    let mut start = [0; 8];
    for (byte, hashed) in start.iter_mut().zip(hash.0) {
        *byte = hashed;
    }
    start
}
