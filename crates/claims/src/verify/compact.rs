//! The compact serialisation (RFC 7515 §7.1), taken apart without trust.

use super::TokenError;
use crate::{
    algorithm::{Algorithm, Encoding},
    json::{Json, Object},
};

/// A token taken apart: nothing in it is verified yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompactJws<'a> {
    signing_input: &'a str,
    payload: &'a str,
    signature: Vec<u8>,
    algorithm: Algorithm,
    kid: Option<Box<str>>,
    typ: Option<Box<str>>,
    encoding: Encoding,
}

impl<'a> CompactJws<'a> {
    /// The longest token that is looked at, in bytes.
    pub const MAX_LENGTH: usize = 64 * 1024;

    /// Takes a token in base64url apart. The length is checked before anything is allocated.
    ///
    /// # Errors
    ///
    /// [`TokenError`]: not exactly three segments of unpadded base64url with zero trailing bits; a header that is no JSON
    /// object, has members twice, no known `alg`, a `kid` or `typ` that is no string, or any of `crit b64 zip enc`.
    ///
    /// # Examples
    ///
    /// ```
    /// use claims::{CompactJws, TokenError};
    ///
    /// assert_eq!(CompactJws::parse("eyJhbGciOiJub25lIn0.e30.").err(), Some(TokenError::UnsupportedAlgorithm));
    /// assert_eq!(CompactJws::parse("not a token").err(), Some(TokenError::NotCompact));
    /// ```
    pub fn parse(token: &'a str) -> Result<Self, TokenError> {
        Self::parse_as(token, Encoding::Base64Url)
    }

    /// Takes a token apart whose three segments are in `encoding`: the Backend JWTs of `encoding: Base64`.
    ///
    /// # Errors
    ///
    /// As [`CompactJws::parse`].
    pub fn parse_as(token: &'a str, encoding: Encoding) -> Result<Self, TokenError> {
        if token.len() > Self::MAX_LENGTH {
            return Err(TokenError::TooLong);
        }
        let (signing_input, signature) = token.rsplit_once('.').ok_or(TokenError::NotCompact)?;
        let (header, payload) = signing_input.split_once('.').ok_or(TokenError::NotCompact)?;
        match payload.bytes().filter(|byte| *byte == b'.').count() {
            0 => {}
            2 => return Err(TokenError::Encrypted),
            _ => return Err(TokenError::NotCompact),
        }
        let decode = |segment| encoding.decode(segment).map_err(|_| TokenError::NotCompact);
        let header = Json::parse(&decode(header)?).map_err(|_| TokenError::MalformedHeader)?;
        let header = header.as_object().ok_or(TokenError::MalformedHeader)?;
        refuse_extensions(header)?;
        Ok(Self {
            signing_input,
            payload,
            signature: decode(signature)?,
            algorithm: algorithm(header)?,
            kid: text(header, "kid")?,
            typ: text(header, "typ")?,
            encoding,
        })
    }

    /// Returns the algorithm of `alg`; never `none`.
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Returns `kid`.
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// Returns `typ`.
    pub fn typ(&self) -> Option<&str> {
        self.typ.as_deref()
    }

    /// Returns the bytes that the signature covers, as received.
    pub(super) const fn signing_input(&self) -> &'a str {
        self.signing_input
    }

    pub(super) fn signature(&self) -> &[u8] {
        &self.signature
    }

    /// Decodes the payload, which nobody has vouched for yet: good only to find out whom to ask.
    ///
    /// # Errors
    ///
    /// [`TokenError::NotCompact`] when it is not strict base64url.
    pub fn unverified_payload(&self) -> Result<Vec<u8>, TokenError> {
        self.encoding.decode(self.payload).map_err(|_| TokenError::NotCompact)
    }
}

fn refuse_extensions(header: &Object) -> Result<(), TokenError> {
    if header.get("enc").is_some() {
        return Err(TokenError::Encrypted);
    }
    // `crit` lists extensions that must be understood, and we understand none (RFC 7515 §4.1.11). `b64` changes what is
    // signed (RFC 7797), `zip` what is read, whether `crit` lists them or not.
    if ["crit", "b64", "zip"].iter().any(|name| header.get(name).is_some()) {
        return Err(TokenError::UnsupportedHeader);
    }
    Ok(())
}

fn algorithm(header: &Object) -> Result<Algorithm, TokenError> {
    let name = header.get("alg").and_then(Json::as_str).ok_or(TokenError::MalformedHeader)?;
    match Algorithm::from_jose(name) {
        Some(Algorithm::None) | None => Err(TokenError::UnsupportedAlgorithm),
        Some(algorithm) => Ok(algorithm),
    }
}

fn text(header: &Object, name: &str) -> Result<Option<Box<str>>, TokenError> {
    match header.get(name) {
        None => Ok(None),
        Some(Json::String(text)) => Ok(Some(text.clone())),
        Some(Json::Null | Json::Bool(_) | Json::Number(_) | Json::Array(_) | Json::Object(_)) => {
            Err(TokenError::MalformedHeader)
        }
    }
}
