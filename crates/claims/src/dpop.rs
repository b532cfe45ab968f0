//! DPoP proofs (RFC 9449 §4): a JWT by which a client shows that it holds a key, for one request.
//!
//! Checks the proof in itself: form, signature by the key that it carries, method, age, and the access token that it is
//! made for. Left to the caller: whether the address is that of the request, whether the key is the token's, whether the
//! nonce is the server's, and whether the proof was seen before.

use aws_lc_rs::digest::{SHA256, digest};

use crate::{
    algorithm::{Algorithm, Encoding},
    confirmation::thumbprint,
    json::{Json, Object},
    public_key::PublicKey,
    verify::{CompactJws, TokenError, VerificationKeys, verify_signature},
};

/// A proof that is good in itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DpopProof {
    /// `htu`: the address that it is for.
    pub url: Box<str>,
    /// `jti`: no other proof of this key has the same.
    pub id: Box<str>,
    /// The RFC 7638 thumbprint of the key that signed it.
    pub key: [u8; 32],
    /// `nonce`: what the server gave the client to put here, if anything.
    pub nonce: Option<Box<str>>,
}

/// The request that a proof must be for.
#[derive(Clone, Copy, Debug)]
pub struct ProvedRequest<'a> {
    /// The method, as sent.
    pub method: &'a str,
    /// The access token, as sent.
    pub access_token: &'a [u8],
    /// Now, in seconds since the epoch.
    pub now: u64,
}

/// Why a proof is refused: the client's fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DpopError {
    /// No compact JWS with strict JSON, or a member is missing or of the wrong type.
    #[error("the DPoP proof is malformed")]
    Malformed,
    /// `typ` is not `dpop+jwt`.
    #[error("the DPoP proof's `typ` is not `dpop+jwt`")]
    WrongType,
    /// The key is missing, not a public one, or cannot verify the signature.
    #[error("the DPoP proof is not signed by its key")]
    Signature,
    /// `htm` is another method.
    #[error("the DPoP proof is for another method")]
    WrongMethod,
    /// `iat` is too old, or lies ahead.
    #[error("the DPoP proof is too old or from the future")]
    WrongTime,
    /// `ath` is missing or another token's.
    #[error("the DPoP proof is for another access token")]
    WrongToken,
}

impl DpopProof {
    /// Seconds for which a proof is good.
    pub const LIFE: u64 = 60;
    /// Seconds by which a client's clock may be ahead.
    pub const AHEAD: u64 = 30;
    /// The longest `jti`.
    const LONGEST_ID: usize = 512;

    /// The algorithms that a proof may be signed with.
    pub const ALGORITHMS: [Algorithm; 10] = [
        Algorithm::Es256,
        Algorithm::Es384,
        Algorithm::Es512,
        Algorithm::EdDsa,
        Algorithm::Ps256,
        Algorithm::Ps384,
        Algorithm::Ps512,
        Algorithm::Rs256,
        Algorithm::Rs384,
        Algorithm::Rs512,
    ];

    /// Verifies a proof by the rules of RFC 9449 §4.3 that concern it alone.
    ///
    /// # Errors
    ///
    /// [`DpopError`], the first that applies.
    pub fn verify(proof: &str, request: ProvedRequest<'_>) -> Result<Self, DpopError> {
        let jws = CompactJws::parse(proof).map_err(|error| match error {
            TokenError::UnsupportedAlgorithm => DpopError::Signature,
            _ => DpopError::Malformed,
        })?;
        if !jws.typ().is_some_and(|typ| typ.eq_ignore_ascii_case("dpop+jwt")) {
            return Err(DpopError::WrongType);
        }
        let key = verified_key(proof, &jws)?;
        let payload = jws.unverified_payload().map_err(|_| DpopError::Malformed)?;
        let claims = object(&payload)?;
        let text = |name: &str| {
            claims.get(name).and_then(Json::as_str).filter(|text| !text.is_empty()).ok_or(DpopError::Malformed)
        };
        let (id, url) = (text("jti")?, text("htu")?);
        if id.len() > Self::LONGEST_ID {
            return Err(DpopError::Malformed);
        }
        if text("htm")? != request.method {
            return Err(DpopError::WrongMethod);
        }
        let issued_at = claims.get("iat").and_then(Json::as_number).and_then(crate::json::Number::floor);
        let issued_at = issued_at.ok_or(DpopError::Malformed)?;
        if issued_at > request.now.saturating_add(Self::AHEAD) || issued_at.saturating_add(Self::LIFE) < request.now {
            return Err(DpopError::WrongTime);
        }
        let token_hash = claims.get("ath").and_then(thumbprint);
        if token_hash.is_none_or(|hash| hash != *digest(&SHA256, request.access_token).as_ref()) {
            return Err(DpopError::WrongToken);
        }
        let nonce = match claims.get("nonce") {
            Some(Json::String(nonce)) => Some(nonce.clone()),
            Some(Json::Null | Json::Bool(_) | Json::Number(_) | Json::Array(_) | Json::Object(_)) => {
                return Err(DpopError::Malformed);
            }
            None => None,
        };
        Ok(Self { url: url.into(), id: id.into(), key, nonce })
    }
}

/// Verifies the signature with the key in the header, and returns the key's thumbprint.
fn verified_key(proof: &str, jws: &CompactJws<'_>) -> Result<[u8; 32], DpopError> {
    let header = proof.split('.').next().unwrap_or_default();
    let header = object(&Encoding::Base64Url.decode(header).map_err(|_| DpopError::Malformed)?)?;
    let jwk = header.get("jwk").and_then(Json::as_object).ok_or(DpopError::Signature)?;
    let key = PublicKey::from_jwk(jwk).map_err(|_| DpopError::Signature)?;
    let keys = VerificationKeys::from_jwk(jwk).ok_or(DpopError::Signature)?;
    verify_signature(jws, &keys, &DpopProof::ALGORITHMS).map_err(|_| DpopError::Signature)?;
    thumbprint(&Json::string(key.thumbprint())).ok_or(DpopError::Signature)
}

fn object(text: &[u8]) -> Result<Object, DpopError> {
    match Json::parse(text) {
        Ok(Json::Object(members)) => Ok(members),
        Ok(Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) | Json::Array(_)) | Err(_) => {
            Err(DpopError::Malformed)
        }
    }
}

#[cfg(test)]
mod tests;
