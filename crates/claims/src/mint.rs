//! From a claim set to a signed Backend JWT in its header field: the bound on its size, the encoding, the signature.
//!
//! What the claims say is decided before; this is their compact serialisation (RFC 7515 §7.1). Pure: the key is parsed, the
//! size is known before anything is signed.

mod fit;

pub use fit::fit;

use std::borrow::Cow;

use crate::{
    algorithm::{Algorithm, Encoding},
    claim_set::ClaimSet,
    fingerprint::KeyFingerprint,
    json::Json,
    key::{KeyError, SigningKey, unsecured_segment},
    name::Name,
    policy::BackendJwtPolicy,
};

/// A Backend JWT, ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackendJwt {
    /// The whole field value: the scheme, where there is one, and the JWT. ASCII.
    pub value: Box<str>,
    /// The `kid` in its header is this key's, in whichever form; `None`: unsigned.
    pub kid: Option<Box<str>>,
    /// The key that signed it: dead when the key set no longer trusts it. `None`: unsigned.
    pub key: Option<KeyFingerprint>,
    /// `iat`.
    pub issued_at: u64,
    /// `exp`.
    pub expires_at: u64,
    /// The bytes of the whole field line, as `maxHeaderBytes` counts them.
    pub header_bytes: usize,
}

/// Why no Backend JWT can be minted: the operator must act on size and keys, everything else is a bug.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MintError {
    /// The field line exceeds `maxHeaderBytes`, also after dropping what may be dropped.
    #[error("the Backend JWT's header would have {bytes} bytes; `maxHeaderBytes` is {limit}")]
    TooLarge {
        /// What it would have.
        bytes: usize,
        /// What it may have.
        limit: usize,
        /// Every claim with its number of values: what to look at, and no value.
        claims: Vec<(Name, usize)>,
    },
    /// There is no key for the policy's algorithm, or the one given is for another.
    #[error("there is no active key for `{0}`")]
    NoKey(Algorithm),
    /// The legacy header names a certificate, and the key has none.
    #[error("the legacy token header needs a key with a certificate, and `{0}` has none")]
    NoCertificate(Box<str>),
    /// A registered claim that every Backend JWT has is missing or malformed.
    #[error("the claim `{0}` is missing or malformed")]
    Claim(&'static str),
    /// The signature could not be made.
    #[error("the Backend JWT could not be signed")]
    Signing(#[from] KeyError),
}

/// Signs `claims` as the policy says. Over `maxHeaderBytes` it drops claims where the policy allows that; they then stand
/// in the claim set's omissions and in the claim `claims_dropped`.
///
/// `key`: the active key of the policy's algorithm; `None` only for `none`. The signature covers exactly the bytes sent, in
/// either encoding.
///
/// # Errors
///
/// [`MintError`]; nothing was signed unless it is [`MintError::Signing`].
pub fn mint(
    claims: &mut ClaimSet,
    policy: &BackendJwtPolicy,
    key: Option<&SigningKey>,
) -> Result<BackendJwt, MintError> {
    let envelope = Envelope::new(policy, key)?;
    let (issued_at, expires_at) = registered_times(claims)?;
    let payload = fit::payload(claims, policy, &envelope)?;
    let header_bytes = envelope.field_line_len(payload.len());
    let jwt = envelope.sign(&payload, policy.encoding)?;
    let value = match &policy.scheme {
        Some(scheme) => format!("{scheme} {jwt}"),
        None => jwt,
    };
    Ok(BackendJwt {
        value: value.into(),
        kid: key.map(|key| key.kid().into()),
        key: key.map(SigningKey::fingerprint),
        issued_at,
        expires_at,
        header_bytes,
    })
}

/// Everything of the field line but the payload.
struct Envelope<'a> {
    header_segment: Cow<'a, str>,
    key: Option<&'a SigningKey>,
    /// `name: [scheme ]`
    prefix_len: usize,
}

impl<'a> Envelope<'a> {
    fn new(policy: &BackendJwtPolicy, key: Option<&'a SigningKey>) -> Result<Self, MintError> {
        let header_segment = match (policy.algorithm, key) {
            (Algorithm::None, None) => Cow::Owned(unsecured_segment(policy.encoding).into()),
            (algorithm, Some(key)) if key.algorithm() == algorithm => Cow::Borrowed(signed_segment(policy, key)?),
            (algorithm, _) => return Err(MintError::NoKey(algorithm)),
        };
        let scheme_len = policy.scheme.as_ref().map_or(0, |scheme| scheme.len() + 1);
        Ok(Self { header_segment, key, prefix_len: policy.header.len() + 2 + scheme_len })
    }

    /// Returns the bytes of `name: [scheme ]jwt` for a payload of that many bytes, without line end.
    fn field_line_len(&self, payload: usize) -> usize {
        let signature = self.key.map_or(0, SigningKey::signature_len);
        self.prefix_len
            + self.header_segment.len()
            + Encoding::encoded_len(payload)
            + 1
            + Encoding::encoded_len(signature)
    }

    fn sign(&self, payload: &[u8], encoding: Encoding) -> Result<String, MintError> {
        let mut jwt = String::with_capacity(self.field_line_len(payload.len()) - self.prefix_len);
        jwt.push_str(&self.header_segment);
        encoding.encode_to(payload, &mut jwt);
        let signature = self.key.map(|key| key.sign(jwt.as_bytes())).transpose()?;
        jwt.push('.');
        encoding.encode_to(&signature.unwrap_or_default(), &mut jwt);
        Ok(jwt)
    }
}

fn signed_segment<'a>(policy: &BackendJwtPolicy, key: &'a SigningKey) -> Result<&'a str, MintError> {
    let segment = key.header_segment(policy.header_form, policy.encoding);
    segment.ok_or_else(|| MintError::NoCertificate(key.kid().into()))
}

fn registered_times(claims: &ClaimSet) -> Result<(u64, u64), MintError> {
    let value = |name: &str| claims.claims.iter().find(|claim| &*claim.name == name).map(|claim| &claim.value);
    let time = |name| value(name).and_then(Json::as_u64).ok_or(MintError::Claim(name));
    let (issued_at, expires_at) = (time("iat")?, time("exp")?);
    if expires_at <= issued_at {
        return Err(MintError::Claim("exp"));
    }
    if value("sub").is_some_and(|sub| sub.as_str().is_none_or(str::is_empty)) {
        return Err(MintError::Claim("sub"));
    }
    Ok((issued_at, expires_at))
}

#[cfg(test)]
mod tests;
