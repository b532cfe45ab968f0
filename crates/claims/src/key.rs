//! A signing key: one private key for one algorithm, parsed once, with the header values that name it.
//!
//! Makes signatures and public JWKs. No life cycle (see `key_set.rs`), no files, no token format (see `mint.rs`).
//! RFC 7517, RFC 7518, RFC 7638, RFC 8037; primitives from aws-lc-rs.

mod error;
mod header;
mod material;
mod pem;
mod pkcs12;
mod private_jwk;

use std::fmt;

pub use error::KeyError;
pub(crate) use header::unsecured_segment;
pub use material::RsaSize;
use zeroize::Zeroizing;

use self::{header::HeaderSegments, material::Material};
use crate::{
    algorithm::{Algorithm, Encoding},
    certificate::CertificateChain,
    fingerprint::KeyFingerprint,
    json::{Json, Object},
    public_key::PublicKey,
};

/// Which form of JOSE header a Backend JWT has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HeaderForm {
    /// `typ alg kid`, with a certificate also `x5t` and `x5t#S256`, as RFC 7515 and RFC 7638 have them.
    Standard,
    /// `typ alg kid`, with a certificate too: as WSO2 APK writes them.
    Plain,
    /// `typ alg x5t kid` as WSO2 API Manager writes them; needs a certificate.
    Legacy,
}

/// One private key, or one shared secret, for one algorithm.
///
/// Never shows its private part: `Debug` is redacted, and there is no `Display`. Cheap to share, not to clone.
pub struct SigningKey {
    algorithm: Algorithm,
    material: Material,
    public_key: Option<PublicKey>,
    kid: Box<str>,
    certificate: Option<CertificateChain>,
    fingerprint: KeyFingerprint,
    headers: HeaderSegments,
}

impl SigningKey {
    /// Makes a new key pair from the system's randomness. `rsa_size` matters only to RSA algorithms.
    ///
    /// # Errors
    ///
    /// [`KeyError::NotGenerated`] for HMAC and `none`, and [`KeyError::Primitive`] when the system has no randomness.
    ///
    /// # Examples
    ///
    /// ```
    /// use claims::{Algorithm, RsaSize, SigningKey};
    ///
    /// let key = SigningKey::generate(Algorithm::Es256, RsaSize::default())?;
    /// assert_eq!(key.sign(b"message")?.len(), key.signature_len());
    /// # Ok::<(), claims::KeyError>(())
    /// ```
    pub fn generate(algorithm: Algorithm, rsa_size: RsaSize) -> Result<Self, KeyError> {
        Self::assemble(algorithm, Material::generate(algorithm, rsa_size)?)
    }

    /// Reads a private JWK (RFC 7517). `algorithm` and the member `alg` may say what the key is for; with neither it is
    /// the default of its type (RS256 for RSA, the curve's own for EC). `x5c` becomes the certificate.
    ///
    /// # Errors
    ///
    /// [`KeyError`] when the text is not JSON, the key is not private, too short, inconsistent, or for another algorithm.
    pub fn from_jwk(jwk: &[u8], algorithm: Option<Algorithm>) -> Result<Self, KeyError> {
        let json = Json::parse(jwk)?;
        Self::from_jwk_object(json.as_object().ok_or(KeyError::NotAnObject)?, algorithm)
    }

    pub(crate) fn from_jwk_object(jwk: &Object, algorithm: Option<Algorithm>) -> Result<Self, KeyError> {
        let (algorithm, material) = private_jwk::read(jwk, algorithm)?;
        let key = Self::assemble(algorithm, material)?;
        let Some(x5c) = jwk.get("x5c") else { return Ok(key) };
        let certificate = CertificateChain::from_x5c(x5c, key.own_public_key()?)?;
        Ok(key.with_certificate(certificate))
    }

    /// Reads an unencrypted PEM private key: PKCS#8, PKCS#1 RSA or SEC 1 EC. Without `algorithm` the key is for the
    /// default of its type, as in [`SigningKey::from_jwk`].
    ///
    /// `certificates`: a PEM text with the key's certificate and those above it, in any order.
    ///
    /// # Errors
    ///
    /// [`KeyError`]; encrypted PEM has its own variant, as operators meet it often.
    pub fn from_pem(pem: &[u8], algorithm: Option<Algorithm>, certificates: Option<&[u8]>) -> Result<Self, KeyError> {
        let (algorithm, material) = pem::read(pem, algorithm)?;
        let key = Self::assemble(algorithm, material)?;
        let Some(certificates) = certificates else { return Ok(key) };
        let certificate = CertificateChain::from_pem(certificates, key.own_public_key()?)?;
        Ok(key.with_certificate(certificate))
    }

    /// Reads a key and its certificates from a PKCS#12 file (RFC 7292), as Java's keytool and OpenSSL write them, with
    /// today's or yesterday's encryption. `alias` chooses among several keys by friendly name, in any case.
    ///
    /// # Errors
    ///
    /// [`KeyError::Pkcs12`] for a wrong password or a broken file; [`KeyError::Alias`] lists the aliases when there are
    /// several keys and none is chosen, or the chosen one is not there.
    pub fn from_pkcs12(
        pkcs12: &[u8],
        password: &str,
        alias: Option<&str>,
        algorithm: Option<Algorithm>,
    ) -> Result<Self, KeyError> {
        let entry = pkcs12::read(pkcs12, password, alias)?;
        let (algorithm, material) = Material::from_pkcs8(&entry.key, algorithm)?;
        let key = Self::assemble(algorithm, material)?;
        if entry.certificates.is_empty() {
            return Ok(key);
        }
        let certificate = CertificateChain::from_der(entry.certificates, key.own_public_key()?)?;
        Ok(key.with_certificate(certificate))
    }

    /// Makes the key of a shared secret; `name` becomes its `kid`.
    ///
    /// # Errors
    ///
    /// [`KeyError::ShortSecret`] when the secret is shorter than the hash (RFC 7518 §3.2), [`KeyError::NotHmac`] for
    /// another algorithm.
    pub fn hmac(name: &str, secret: &[u8], algorithm: Algorithm) -> Result<Self, KeyError> {
        let material = Material::from_secret(secret, algorithm)?;
        let proof = material.sign(b"countersign key fingerprint").map_err(|_| KeyError::Primitive)?;
        let fingerprint = KeyFingerprint::of(&[algorithm.name().as_bytes(), name.as_bytes(), &proof]);
        let headers = HeaderSegments::new(algorithm, name, None);
        Ok(Self { algorithm, material, public_key: None, kid: name.into(), certificate: None, fingerprint, headers })
    }

    fn assemble(algorithm: Algorithm, material: Material) -> Result<Self, KeyError> {
        let public_key = material.public_key()?;
        let kid = public_key.thumbprint().into_boxed_str();
        let fingerprint = fingerprint_of(algorithm, &kid, None);
        let headers = HeaderSegments::new(algorithm, &kid, None);
        Ok(Self { algorithm, material, public_key: Some(public_key), kid, certificate: None, fingerprint, headers })
    }

    fn with_certificate(self, certificate: CertificateChain) -> Self {
        let fingerprint = fingerprint_of(self.algorithm, &self.kid, Some(&certificate));
        let headers = HeaderSegments::new(self.algorithm, &self.kid, Some(&certificate));
        Self { fingerprint, headers, certificate: Some(certificate), ..self }
    }

    fn own_public_key(&self) -> Result<&PublicKey, KeyError> {
        self.public_key.as_ref().ok_or(KeyError::Primitive)
    }

    /// Signs `message`: for ES algorithms `r` and `s`, each of full length (RFC 7518 §3.4), never DER.
    ///
    /// # Errors
    ///
    /// [`KeyError::Primitive`]: the primitive failed. No request should go on without a signature.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        self.material.sign(message)
    }

    /// Returns how many bytes every signature of this key has.
    pub fn signature_len(&self) -> usize {
        self.material.signature_len()
    }

    /// Returns the one algorithm that the key is for.
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Returns the `kid`: the RFC 7638 thumbprint (SHA-256), or the name of a shared secret.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// Returns the size of an RSA key, by the length of its signatures; the default for other keys.
    pub fn rsa_size(&self) -> RsaSize {
        u32::try_from(self.signature_len() * 8).ok().and_then(RsaSize::from_bits).unwrap_or_default()
    }

    /// Returns the certificate, if the key came with one.
    pub const fn certificate(&self) -> Option<&CertificateChain> {
        self.certificate.as_ref()
    }

    /// Returns the identity of key, algorithm and certificate: two keys with equal fingerprints sign alike.
    pub const fn fingerprint(&self) -> KeyFingerprint {
        self.fingerprint
    }

    /// True when tokens of this key can have that form of header: the legacy one needs a certificate.
    pub fn supports_header(&self, form: HeaderForm) -> bool {
        self.headers.get(form, Encoding::Base64Url).is_some()
    }

    /// Returns the encoded JOSE header with the dot after it; `None`: the legacy form without a certificate.
    pub(crate) fn header_segment(&self, form: HeaderForm, encoding: Encoding) -> Option<&str> {
        self.headers.get(form, encoding)
    }

    /// Returns the public JWK for a JWKS: `kty use alg kid`, the public members, and with a certificate `x5c` and
    /// `x5t#S256`. `None` for a shared secret.
    pub fn public_jwk(&self) -> Option<Object> {
        let mut jwk = Object::default();
        let members = self.public_key.as_ref()?.members();
        for (name, value) in members.iter().filter(|(name, _)| *name == "kty") {
            jwk.insert(*name, Json::string(value.as_str()));
        }
        jwk.insert("use", Json::string("sig"));
        jwk.insert("alg", Json::string(self.algorithm.name()));
        jwk.insert("kid", Json::string(&*self.kid));
        for (name, value) in members.iter().filter(|(name, _)| *name != "kty") {
            jwk.insert(*name, Json::string(value.as_str()));
        }
        if let Some(certificate) = &self.certificate {
            jwk.insert("x5c", certificate.x5c());
            jwk.insert("x5t#S256", Json::string(certificate.x5t_s256()));
        }
        Some(jwk)
    }

    /// Returns the private JWK as JSON text, with `more` members at its end. The text is wiped when dropped.
    ///
    /// # Errors
    ///
    /// [`KeyError::NotExportable`] for a shared secret: it lives in the operator's file.
    pub fn to_private_jwk(&self, more: &Object) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let public = self.public_jwk().ok_or(KeyError::NotExportable)?;
        private_jwk::write(&public, &self.material, more)
    }

    /// True when both hold the same key pair, or the same secret, for whichever algorithm.
    pub(crate) fn shares_material_with(&self, other: &Self) -> bool {
        match (&self.public_key, &other.public_key) {
            (Some(own), Some(other)) => own == other,
            (None, None) => self.material.same_secret(&other.material),
            (Some(_), None) | (None, Some(_)) => false,
        }
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").field("algorithm", &self.algorithm).field("kid", &self.kid).finish_non_exhaustive()
    }
}

fn fingerprint_of(algorithm: Algorithm, kid: &str, certificate: Option<&CertificateChain>) -> KeyFingerprint {
    let mut parts = vec![algorithm.name().as_bytes(), kid.as_bytes()];
    parts.extend(certificate.into_iter().flat_map(CertificateChain::as_der));
    KeyFingerprint::of(&parts)
}

#[cfg(test)]
mod tests;
