//! Verification of compact JWS (RFC 7515) as RFC 8725 wants it: strict parsing, the key chosen by `kid` *and* algorithm.
//!
//! Decides only whether the signature is by a trusted key; what the claims say is `inbound.rs`. Keys that a token carries
//! or points to (`jwk jku x5u x5c`) are never looked at. No I/O: the caller fetches JWKS and refetches on
//! [`TokenError::UnknownKid`].

mod compact;
mod error;
mod keys;
mod whole;

pub use compact::CompactJws;
pub use error::TokenError;
pub use keys::{JwksError, SecretKeys, VerificationKeys};
pub use whole::{ClaimChecks, TokenVerification, VerificationFailure, verify_token};

use crate::{algorithm::Algorithm, fingerprint::KeyFingerprint};

/// The payload of a token whose signature is by a trusted key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedPayload {
    /// The decoded payload: any bytes.
    pub payload: Vec<u8>,
    /// The algorithm of the signature.
    pub algorithm: Algorithm,
    /// The token's `kid`.
    pub kid: Option<Box<str>>,
    /// Which key it was, with the algorithm; see [`VerificationKeys::trusts`].
    pub fingerprint: KeyFingerprint,
}

/// Verifies the signature over the bytes that were received, by one of `keys`, with one of the `allowed` algorithms.
///
/// `none` is never accepted, even where it is listed.
///
/// # Errors
///
/// [`TokenError`], with a stable reason; [`TokenError::UnknownKid`] may be cured by fetching the JWKS again.
pub fn verify(
    jws: &CompactJws<'_>,
    keys: &VerificationKeys,
    allowed: &[Algorithm],
) -> Result<VerifiedPayload, TokenError> {
    let fingerprint = verify_signature(jws, keys, allowed)?;
    let kid = jws.kid().map(Into::into);
    Ok(VerifiedPayload { payload: jws.unverified_payload()?, algorithm: jws.algorithm(), kid, fingerprint })
}

/// Verifies the signature only, and returns which key it was.
pub(crate) fn verify_signature(
    jws: &CompactJws<'_>,
    keys: &VerificationKeys,
    allowed: &[Algorithm],
) -> Result<KeyFingerprint, TokenError> {
    let algorithm = jws.algorithm();
    if algorithm == Algorithm::None || !allowed.contains(&algorithm) {
        return Err(TokenError::AlgorithmNotAllowed);
    }
    let key = keys.choose(jws.kid(), algorithm)?;
    key.verify(jws.signing_input().as_bytes(), jws.signature())?;
    Ok(key.fingerprint())
}

#[cfg(test)]
mod tests;
