//! The certificate of a signing key, and the header values that point to it: `x5c`, `x5t`, `x5t#S256` (RFC 7515 §4.1.6–8)
//! and the forms that WSO2 API Manager's backends check.
//!
//! Validates nothing: no chain, no dates. A backend that pins a certificate compares bytes, and so do we: the key must be
//! the one that the certificate certifies.

mod distinguished_name;

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE},
};
use rustls_pki_types::{CertificateDer, pem::PemObject as _};
use x509_parser::{certificate::X509Certificate, prelude::FromDer as _, public_key::PublicKey as ParsedKey};

use crate::{
    algorithm::{base64url, hexadecimal},
    json::Json,
    public_key::{PublicKey, without_leading_zeros},
};

/// Why certificates cannot accompany a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// There is no certificate in the text.
    #[error("there is no certificate in it")]
    Missing,
    /// A certificate is not X.509 in DER.
    #[error("a certificate is not valid X.509")]
    Malformed,
    /// None of the certificates is for the key.
    #[error("no certificate is for this key")]
    OtherKey,
    /// More certificates than any chain has.
    #[error("more than {} certificates", CertificateChain::MAX_LENGTH)]
    TooMany,
}

/// A key's certificate, and those that certify it: the leaf first, each as DER.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateChain {
    chain: Vec<Box<[u8]>>,
    sha1: Box<[u8]>,
    sha256: Box<[u8]>,
    issuer_and_serial: Box<str>,
    subject: Box<str>,
    not_after: i64,
}

/// What operators look for in a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateFacts {
    /// The subject's distinguished name.
    pub subject: Box<str>,
    /// When it expires, in seconds since the epoch.
    pub not_after: i64,
    /// `x5t#S256` (RFC 7515 §4.1.8).
    pub x5t_s256: Box<str>,
}

impl CertificateChain {
    /// How many certificates a chain may have.
    pub const MAX_LENGTH: usize = 10;

    /// Reads the certificates of a PEM text, in its order; the one for `key` becomes the first.
    pub(crate) fn from_pem(pem: &[u8], key: &PublicKey) -> Result<Self, CertificateError> {
        let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
        let certificates = certificates.map_err(|_| CertificateError::Malformed)?;
        Self::from_der(certificates.iter().map(|certificate| certificate.as_ref().into()).collect(), key)
    }

    /// Takes certificates in DER; the one for `key` becomes the first, the others keep their order.
    pub(crate) fn from_der(mut chain: Vec<Box<[u8]>>, key: &PublicKey) -> Result<Self, CertificateError> {
        if chain.is_empty() {
            return Err(CertificateError::Missing);
        }
        if chain.len() > Self::MAX_LENGTH {
            return Err(CertificateError::TooMany);
        }
        let mut leaf = None;
        for (position, der) in chain.iter().enumerate() {
            if leaf.is_none() && certifies(&parse(der)?, key) {
                leaf = Some(position);
            }
        }
        let leaf = chain.remove(leaf.ok_or(CertificateError::OtherKey)?);
        let certificate = parse(&leaf)?;
        let (sha1, sha256) = (digest(&SHA1_FOR_LEGACY_USE_ONLY, &leaf), digest(&SHA256, &leaf));
        let issuer = distinguished_name::java_text(certificate.issuer());
        let issuer_and_serial = format!("{issuer}#{}", certificate.serial).into();
        let subject = distinguished_name::java_text(certificate.subject()).into();
        let not_after = certificate.validity().not_after.timestamp();
        chain.insert(0, leaf);
        let (sha1, sha256) = (sha1.as_ref().into(), sha256.as_ref().into());
        Ok(Self { chain, sha1, sha256, issuer_and_serial, subject, not_after })
    }

    /// Reads `x5c` (RFC 7517 §4.7).
    pub(crate) fn from_x5c(x5c: &Json, key: &PublicKey) -> Result<Self, CertificateError> {
        let certificates = x5c.as_array().ok_or(CertificateError::Malformed)?;
        let decoded: Option<Vec<Box<[u8]>>> = certificates
            .iter()
            .map(|certificate| STANDARD.decode(certificate.as_str()?).ok().map(Vec::into_boxed_slice))
            .collect();
        Self::from_der(decoded.ok_or(CertificateError::Malformed)?, key)
    }

    /// Returns the certificates as DER, the leaf first.
    pub fn as_der(&self) -> impl Iterator<Item = &[u8]> {
        self.chain.iter().map(|der| &**der)
    }

    /// Returns when the leaf expires, in seconds since the epoch.
    pub const fn not_after(&self) -> i64 {
        self.not_after
    }

    /// Returns what operators look for in the leaf.
    pub fn facts(&self) -> CertificateFacts {
        let x5t_s256 = self.x5t_s256().into();
        CertificateFacts { subject: self.subject.clone(), not_after: self.not_after, x5t_s256 }
    }

    /// Returns the value of `x5c`: base64 of each certificate's DER (RFC 7517 §4.7).
    pub fn x5c(&self) -> Json {
        Json::Array(self.chain.iter().map(|der| Json::string(STANDARD.encode(der))).collect())
    }

    /// Returns the value of `x5t` (RFC 7515 §4.1.7).
    pub fn x5t(&self) -> String {
        base64url(&self.sha1)
    }

    /// Returns the value of `x5t#S256` (RFC 7515 §4.1.8).
    pub fn x5t_s256(&self) -> String {
        base64url(&self.sha256)
    }

    /// Returns `x5t` as WSO2 API Manager writes it: padded base64url of the lower-case hexadecimal text of SHA-1.
    pub fn legacy_x5t(&self) -> String {
        URL_SAFE.encode(hexadecimal(&self.sha1))
    }

    /// Returns `kid` as WSO2 API Manager writes it: unpadded base64url of the text `issuerDN#serialNumber`.
    pub fn legacy_kid(&self) -> String {
        base64url(self.issuer_and_serial.as_bytes())
    }
}

fn parse(der: &[u8]) -> Result<X509Certificate<'_>, CertificateError> {
    match X509Certificate::from_der(der) {
        Ok(([], certificate)) => Ok(certificate),
        Ok(_) | Err(_) => Err(CertificateError::Malformed),
    }
}

/// True when the certificate's public key is this one.
fn certifies(certificate: &X509Certificate<'_>, key: &PublicKey) -> bool {
    let info = certificate.public_key();
    match (info.parsed(), key) {
        (Ok(ParsedKey::RSA(rsa)), PublicKey::Rsa { modulus, exponent }) => {
            without_leading_zeros(rsa.modulus) == &**modulus && without_leading_zeros(rsa.exponent) == &**exponent
        }
        (_, PublicKey::Rsa { .. }) => false,
        (_, PublicKey::Ec { .. } | PublicKey::Ed25519 { .. }) => {
            key.point().is_some_and(|point| *info.subject_public_key.data == *point)
        }
    }
}

#[cfg(test)]
mod tests;
