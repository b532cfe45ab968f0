//! The keys of one issuer, from its JWKS (RFC 7517): parsed once, chosen by `kid` and algorithm.

use std::{collections::BTreeSet, fmt};

use aws_lc_rs::{hmac, signature::ParsedPublicKey};

use super::TokenError;
use crate::{
    algorithm::Algorithm,
    fingerprint::KeyFingerprint,
    json::{Json, JsonError, Object},
    public_key::{PublicKey, member},
};

/// Whether `oct` keys of a JWKS may verify.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SecretKeys {
    /// No: what is published is no secret. For every issuer.
    Refuse,
    /// Yes: for a developer's own files.
    Accept,
}

/// Why a JWKS as a whole cannot be used: the issuer must act.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JwksError {
    /// More than [`VerificationKeys::MAX_BYTES`].
    #[error("the JWKS is longer than {} bytes", VerificationKeys::MAX_BYTES)]
    TooLong,
    /// Not acceptable JSON.
    #[error("the JWKS is not valid JSON")]
    Json(#[from] JsonError),
    /// No object with an array `keys`.
    #[error("the JWKS has no `keys`")]
    NoKeys,
    /// More than [`VerificationKeys::MAX_KEYS`].
    #[error("the JWKS has more than {} keys", VerificationKeys::MAX_KEYS)]
    TooMany,
}

/// The keys that one issuer signs with.
#[derive(Debug, Default)]
pub struct VerificationKeys {
    keys: Vec<Entry>,
    skipped: usize,
}

struct Entry {
    kid: Option<Box<str>>,
    verifiers: Vec<VerificationKey>,
}

/// One key, for one algorithm.
pub(super) struct VerificationKey {
    algorithm: Algorithm,
    verifier: Verifier,
    fingerprint: KeyFingerprint,
}

enum Verifier {
    Public(ParsedPublicKey),
    Secret(Box<hmac::Key>),
}

impl VerificationKeys {
    /// The longest JWKS that is read, in bytes.
    pub const MAX_BYTES: usize = 256 * 1024;
    /// How many keys a JWKS may have.
    pub const MAX_KEYS: usize = 100;

    /// Reads a JWKS. A key that cannot verify is skipped and counted: other `use`, `key_ops` without `verify`, unknown
    /// `kty`, `crv` or `alg`, an `alg` that does not fit, RSA under 2048 bits, a point that is not on its curve, a private key
    /// that was published by mistake.
    ///
    /// `alg` pins a key to one algorithm; without it the key may verify all algorithms of its type.
    ///
    /// # Errors
    ///
    /// [`JwksError`]: too long, too many keys, or no JWKS at all. No key being usable is no error.
    pub fn from_jwks(jwks: &[u8], secret_keys: SecretKeys) -> Result<Self, JwksError> {
        if jwks.len() > Self::MAX_BYTES {
            return Err(JwksError::TooLong);
        }
        let jwks = Json::parse(jwks)?;
        let keys = jwks.as_object().and_then(|jwks| jwks.get("keys")).and_then(Json::as_array);
        let keys = keys.ok_or(JwksError::NoKeys)?;
        if keys.len() > Self::MAX_KEYS {
            return Err(JwksError::TooMany);
        }
        let mut read = Self::default();
        for key in keys {
            match key.as_object().and_then(|key| Entry::from_jwk(key, secret_keys)) {
                Some(entry) => read.keys.push(entry),
                None => read.skipped += 1,
            }
        }
        Ok(read)
    }

    /// Reads one public key; `None`: it cannot verify, or is not public.
    pub(crate) fn from_jwk(jwk: &Object) -> Option<Self> {
        Some(Self { keys: vec![Entry::from_jwk(jwk, SecretKeys::Refuse)?], skipped: 0 })
    }

    /// Returns how many keys can verify.
    pub const fn len(&self) -> usize {
        self.keys.len()
    }

    /// True when no key can verify.
    pub const fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Returns how many keys of the JWKS were skipped.
    pub const fn skipped(&self) -> usize {
        self.skipped
    }

    /// True while the key that verified a token is still published for the algorithm that it verified.
    pub fn trusts(&self, fingerprint: &KeyFingerprint) -> bool {
        self.keys.iter().flat_map(|entry| &entry.verifiers).any(|key| key.fingerprint == *fingerprint)
    }

    /// Chooses the one key for a token.
    ///
    /// With a `kid`: the key of that `kid`. Without: the only key for the algorithm. Where an issuer publishes no `kid` at
    /// all, the token's is passed over. There is never a trial of several keys.
    pub(super) fn choose(&self, kid: Option<&str>, algorithm: Algorithm) -> Result<&VerificationKey, TokenError> {
        let has_kids = self.keys.iter().any(|entry| entry.kid.is_some());
        let Some(kid) = kid.filter(|_| has_kids) else {
            return only(self.keys.iter().filter_map(|entry| entry.verifier(algorithm)), TokenError::UnknownKid);
        };
        let named = || self.keys.iter().filter(|entry| entry.kid.as_deref() == Some(kid));
        if named().next().is_none() {
            return Err(TokenError::UnknownKid);
        }
        only(named().filter_map(|entry| entry.verifier(algorithm)), TokenError::WrongKey)
    }
}

/// Returns the one key; the same key published twice is one.
fn only<'a>(
    mut keys: impl Iterator<Item = &'a VerificationKey>,
    none: TokenError,
) -> Result<&'a VerificationKey, TokenError> {
    let first = keys.next().ok_or(none)?;
    if keys.all(|key| key.fingerprint == first.fingerprint) { Ok(first) } else { Err(TokenError::AmbiguousKey) }
}

impl Entry {
    /// `None`: not a key that may verify.
    fn from_jwk(jwk: &Object, secret_keys: SecretKeys) -> Option<Self> {
        if !is_for_verification(jwk) {
            return None;
        }
        let kid = match jwk.get("kid") {
            None => None,
            Some(kid) => Some(kid.as_str()?.into()),
        };
        let pinned = match jwk.get("alg") {
            None => None,
            Some(algorithm) => Some(algorithm.as_str().and_then(Algorithm::from_jose)?),
        };
        let candidates =
            Algorithm::ALL.into_iter().filter(|algorithm| pinned.is_none_or(|pinned| pinned == *algorithm));
        let verifiers: Vec<VerificationKey> = if jwk.get("kty").and_then(Json::as_str) == Some("oct") {
            let secret = member(jwk, "k").ok().filter(|_| secret_keys == SecretKeys::Accept)?;
            candidates.filter_map(|algorithm| VerificationKey::secret(&secret, algorithm)).collect()
        } else {
            // Where anybody can read the private half, anybody can sign.
            let is_published = secret_keys == SecretKeys::Refuse && jwk.get("d").is_some();
            let key = PublicKey::from_jwk(jwk).ok().filter(|_| !is_published)?;
            candidates.filter_map(|algorithm| VerificationKey::public(&key, algorithm)).collect()
        };
        if verifiers.is_empty() { None } else { Some(Self { kid, verifiers }) }
    }

    fn verifier(&self, algorithm: Algorithm) -> Option<&VerificationKey> {
        self.verifiers.iter().find(|key| key.algorithm == algorithm)
    }
}

impl VerificationKey {
    fn public(key: &PublicKey, algorithm: Algorithm) -> Option<Self> {
        let verifier = Verifier::Public(key.verifier(algorithm).ok()?);
        let fingerprint = KeyFingerprint::of(&[algorithm.name().as_bytes(), key.thumbprint().as_bytes()]);
        Some(Self { algorithm, verifier, fingerprint })
    }

    /// `None`: not an HMAC algorithm, or a secret shorter than its hash (RFC 7518 §3.2).
    fn secret(secret: &[u8], algorithm: Algorithm) -> Option<Self> {
        let hash = match algorithm {
            Algorithm::Hs256 => hmac::HMAC_SHA256,
            Algorithm::Hs384 => hmac::HMAC_SHA384,
            Algorithm::Hs512 => hmac::HMAC_SHA512,
            Algorithm::Rs256
            | Algorithm::Rs384
            | Algorithm::Rs512
            | Algorithm::Ps256
            | Algorithm::Ps384
            | Algorithm::Ps512
            | Algorithm::Es256
            | Algorithm::Es384
            | Algorithm::Es512
            | Algorithm::EdDsa
            | Algorithm::None => return None,
        };
        if secret.len() < hash.digest_algorithm().output_len() {
            return None;
        }
        let fingerprint = KeyFingerprint::of(&[algorithm.name().as_bytes(), secret]);
        Some(Self { algorithm, verifier: Verifier::Secret(Box::new(hmac::Key::new(hash, secret))), fingerprint })
    }

    pub(super) const fn fingerprint(&self) -> KeyFingerprint {
        self.fingerprint
    }

    /// Verifies; the primitive refuses a signature of another length, DER included.
    pub(super) fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), TokenError> {
        match &self.verifier {
            Verifier::Public(key) => key.verify_sig(message, signature),
            Verifier::Secret(key) => hmac::verify(key, message, signature),
        }
        .map_err(|_| TokenError::BadSignature)
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let algorithms: BTreeSet<_> = self.verifiers.iter().map(|key| key.algorithm.name()).collect();
        f.debug_struct("Entry").field("kid", &self.kid).field("algorithms", &algorithms).finish_non_exhaustive()
    }
}

/// True unless `use` or `key_ops` say that the key is for something else (RFC 7517 §4.2, §4.3).
fn is_for_verification(jwk: &Object) -> bool {
    let may_be_used = jwk.get("use").is_none_or(|purpose| purpose.as_str() == Some("sig"));
    let may_verify = jwk.get("key_ops").is_none_or(|operations| {
        operations.as_array().is_some_and(|operations| operations.iter().any(|name| name.as_str() == Some("verify")))
    });
    may_be_used && may_verify
}
