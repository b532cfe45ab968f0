//! One token against one JWKS, from text to verdict: what `countersign token verify` does.

use super::{CompactJws, JwksError, SecretKeys, TokenError, VerificationKeys, VerifiedPayload, verify};
use crate::{
    algorithm::{Algorithm, Encoding},
    inbound,
};

/// Which claims are checked beside the signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClaimChecks {
    /// None: the payload may be any bytes.
    SignatureOnly,
    /// Times and `sub` always, issuer and audience where they are given. Any kind of token: Backend JWTs too.
    Claims {
        /// The `iss` to insist on.
        issuer: Option<Box<str>>,
        /// The `aud` to insist on.
        audience: Option<Box<str>>,
    },
}

/// How to verify a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenVerification {
    /// The alphabet of its segments.
    pub encoding: Encoding,
    /// The claims to check.
    pub checks: ClaimChecks,
    /// Seconds by which `nbf` and `iat` may lie ahead.
    pub clock_skew: u64,
}

/// Why there is no verdict, or a bad one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VerificationFailure {
    /// The JWKS cannot be used.
    #[error(transparent)]
    Jwks(#[from] JwksError),
    /// The token is refused.
    #[error(transparent)]
    Token(#[from] TokenError),
}

/// Verifies one token against one JWKS, whose `oct` keys count: the files are the caller's own. All algorithms but `none`.
///
/// # Errors
///
/// [`VerificationFailure`], which says what is wrong without quoting the token.
///
/// # Examples
///
/// ```
/// use claims::{ClaimChecks, Encoding, TokenVerification, verify_token};
///
/// let how = TokenVerification { encoding: Encoding::Base64Url, checks: ClaimChecks::SignatureOnly, clock_skew: 30 };
/// assert!(verify_token(br#"{"keys":[]}"#, "eyJhbGciOiJFUzI1NiJ9.e30.AA", &how, 0).is_err());
/// ```
pub fn verify_token(
    jwks: &[u8],
    token: &str,
    how: &TokenVerification,
    now: u64,
) -> Result<VerifiedPayload, VerificationFailure> {
    let keys = VerificationKeys::from_jwks(jwks, SecretKeys::Accept)?;
    let jws = CompactJws::parse_as(token, how.encoding)?;
    let verified = verify(&jws, &keys, &Algorithm::ALL)?;
    if let ClaimChecks::Claims { issuer, audience } = &how.checks {
        let claims = inbound::parse_claims(&verified.payload)?;
        if issuer.is_some() && inbound::issuer(&claims) != issuer.as_deref() {
            return Err(TokenError::UntrustedIssuer.into());
        }
        inbound::check_audience(&claims, audience.as_slice())?;
        inbound::check_subject(&claims)?;
        inbound::check_times(&claims, now, how.clock_skew)?;
    }
    Ok(verified)
}
