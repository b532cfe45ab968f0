//! Nonces that the gateway gives for DPoP proofs (RFC 9449 §8, §9): a proof was then made after the nonce, and not long
//! before by somebody who had the key for a moment.
//!
//! Nothing is kept: a nonce is a keyed hash of the time, the same on all replicas that share the key directory and the
//! setting.

use std::time::Duration;

use aws_lc_rs::{constant_time::verify_slices_are_equal, hmac};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use http::HeaderValue;

/// Keeps these hashes apart from others made with the same secret.
const PURPOSE: &[u8] = b"countersign DPoP nonce v1";

/// How many bytes of the hash a nonce shows.
const LENGTH: usize = 18;

/// How nonces are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProofNonces {
    /// How long one is given out; it is taken for as long again.
    pub life: Duration,
}

/// Whether proofs need a nonce.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NonceDemand {
    /// They do not.
    Off,
    /// They do.
    Required,
}

/// Makes and recognises nonces.
pub(crate) struct NonceKey(hmac::Key);

impl NonceKey {
    /// Derives the key from a secret of the process, or of all replicas.
    pub(crate) fn derive(secret: &[u8]) -> Self {
        let derived = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), PURPOSE);
        Self(hmac::Key::new(hmac::HMAC_SHA256, derived.as_ref()))
    }

    /// Returns the nonce to use from now on.
    pub(crate) fn current(&self, nonces: ProofNonces, now: u64) -> HeaderValue {
        let text = URL_SAFE_NO_PAD.encode(self.hash(nonces, now / seconds(nonces)));
        HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static(""))
    }

    /// True for the nonce of now, the one before, and the next one: a replica's clock may be ahead.
    pub(crate) fn knows(&self, nonce: &str, nonces: ProofNonces, now: u64) -> bool {
        let Ok(shown) = URL_SAFE_NO_PAD.decode(nonce) else { return false };
        let number = now / seconds(nonces);
        let numbers = [number, number.saturating_sub(1), number.saturating_add(1)];
        numbers.into_iter().any(|number| verify_slices_are_equal(&self.hash(nonces, number), &shown).is_ok())
    }

    fn hash(&self, nonces: ProofNonces, number: u64) -> Vec<u8> {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(&seconds(nonces).to_be_bytes());
        context.update(&number.to_be_bytes());
        context.sign().as_ref().iter().take(LENGTH).copied().collect()
    }
}

fn seconds(nonces: ProofNonces) -> u64 {
    nonces.life.as_secs().max(1)
}

impl std::fmt::Debug for NonceKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("NonceKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONCES: ProofNonces = ProofNonces { life: Duration::from_mins(2) };

    fn nonce(key: &NonceKey, now: u64) -> String {
        key.current(NONCES, now).to_str().unwrap().to_owned()
    }

    #[test]
    fn a_nonce_is_good_for_one_life_more_than_it_is_given_out() {
        let key = NonceKey::derive(b"secret");
        let given = nonce(&key, 1200);
        assert_eq!(given, nonce(&key, 1319));
        assert_ne!(given, nonce(&key, 1320));
        for (now, expected) in [(1079, false), (1080, true), (1200, true), (1439, true), (1440, false), (5000, false)] {
            assert_eq!(key.knows(&given, NONCES, now), expected, "{now}");
        }
    }

    #[test]
    fn replicas_agree_by_their_secret_and_strangers_guess_nothing() {
        let (one, other) = (NonceKey::derive(b"secret"), NonceKey::derive(b"secret"));
        assert!(other.knows(&nonce(&one, 1200), NONCES, 1200));
        let stranger = NonceKey::derive(b"another");
        assert!(!one.knows(&nonce(&stranger, 1200), NONCES, 1200));
        let longer = ProofNonces { life: Duration::from_mins(4) };
        assert!(!one.knows(&nonce(&one, 1200), longer, 1200));
        for nonce in [
            "",
            "x",
            "AAAA",
            nonce(&one, 1200).trim_end_matches(char::is_alphanumeric),
            &format!("{}A", nonce(&one, 1200)),
        ] {
            assert!(!one.knows(nonce, NONCES, 1200), "{nonce}");
        }
    }
}
