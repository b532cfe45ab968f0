//! A public key as its JWK members (RFC 7517, RFC 7518 §6, RFC 8037 §2): read, checked, written, thumbprinted, and
//! parsed once for verification.
//!
//! Knows nothing of `kid`, `use` and life cycle. HMAC secrets are no public keys and do not occur here.

use aws_lc_rs::{
    digest::{SHA256, digest},
    error::KeyRejected,
    signature::{
        ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ECDSA_P521_SHA512_FIXED, ED25519, ParsedPublicKey,
        RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, RSA_PSS_2048_8192_SHA256,
        RSA_PSS_2048_8192_SHA384, RSA_PSS_2048_8192_SHA512, RsaParameters, RsaPublicKeyComponents,
        VerificationAlgorithm,
    },
};

use crate::{
    algorithm::{Algorithm, Encoding, base64url, hexadecimal},
    json::{Json, Object},
};

/// The curves of ES256, ES384 and ES512.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Curve {
    P256,
    P384,
    P521,
}

impl Curve {
    pub(crate) const ALL: [Self; 3] = [Self::P256, Self::P384, Self::P521];

    /// The JWK name.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::P256 => "P-256",
            Self::P384 => "P-384",
            Self::P521 => "P-521",
        }
    }

    /// Bytes of a coordinate, of a private key, and of half a signature.
    pub(crate) const fn coordinate_len(self) -> usize {
        match self {
            Self::P256 => 32,
            Self::P384 => 48,
            Self::P521 => 66,
        }
    }

    /// The one algorithm of the curve (RFC 7518 §3.4).
    pub(crate) const fn algorithm(self) -> Algorithm {
        match self {
            Self::P256 => Algorithm::Es256,
            Self::P384 => Algorithm::Es384,
            Self::P521 => Algorithm::Es512,
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|curve| curve.name() == name)
    }

    fn verification(self) -> &'static dyn VerificationAlgorithm {
        match self {
            Self::P256 => &ECDSA_P256_SHA256_FIXED,
            Self::P384 => &ECDSA_P384_SHA384_FIXED,
            Self::P521 => &ECDSA_P521_SHA512_FIXED,
        }
    }
}

/// Why JWK members are no key that may verify or sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JwkError {
    /// `kty` is missing, not a string, or none of `RSA`, `EC`, `OKP`.
    #[error("`kty` is not RSA, EC or OKP")]
    KeyType,
    /// `crv` is missing or not supported.
    #[error("`crv` is not P-256, P-384, P-521 or Ed25519")]
    Curve,
    /// A member is missing, not strict base64url, or of the wrong length.
    #[error("`{0}` is missing or malformed")]
    Member(&'static str),
    /// RSA with fewer than 2048 bits (RFC 7518 §3.3) or more than 8192.
    #[error("an RSA key must have 2048 to 8192 bits, not {0}")]
    RsaSize(usize),
    /// The point is not on the curve, of small order, or the exponent is degenerate.
    #[error("the key's numbers are not a valid key")]
    Invalid,
}

/// A public key: exactly the members that its thumbprint covers (RFC 7638 §3.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PublicKey {
    Rsa { modulus: Box<[u8]>, exponent: Box<[u8]> },
    Ec { curve: Curve, x: Box<[u8]>, y: Box<[u8]> },
    Ed25519 { x: Box<[u8]> },
}

impl PublicKey {
    /// Reads and checks the public members; everything else in the object is ignored.
    pub(crate) fn from_jwk(jwk: &Object) -> Result<Self, JwkError> {
        match jwk.get("kty").and_then(Json::as_str) {
            Some("RSA") => Self::rsa(&member(jwk, "n")?, &member(jwk, "e")?),
            Some("EC") => Self::ec_from_jwk(jwk),
            Some("OKP") => Self::okp_from_jwk(jwk),
            Some(_) | None => Err(JwkError::KeyType),
        }
    }

    /// Checks an RSA key; leading zero bytes, which some publishers leave in, are dropped.
    pub(crate) fn rsa(modulus: &[u8], exponent: &[u8]) -> Result<Self, JwkError> {
        let (modulus, exponent) = (without_leading_zeros(modulus), without_leading_zeros(exponent));
        let bits = modulus.first().map_or(0, |first| modulus.len() * 8 - first.leading_zeros() as usize);
        if !(2048..=8192).contains(&bits) {
            return Err(JwkError::RsaSize(bits));
        }
        let is_odd = |number: &[u8]| number.last().is_some_and(|byte| byte % 2 == 1);
        // An exponent of one would make every message its own signature; above 2^33 the primitive refuses.
        if !is_odd(modulus) || !is_odd(exponent) || exponent == [1] || exponent.len() > 5 {
            return Err(JwkError::Invalid);
        }
        Ok(Self::Rsa { modulus: modulus.into(), exponent: exponent.into() })
    }

    /// Splits an uncompressed point (SEC 1 §2.3.3).
    pub(crate) fn ec(curve: Curve, point: &[u8]) -> Result<Self, JwkError> {
        match point.split_first() {
            Some((4, coordinates)) if coordinates.len() == 2 * curve.coordinate_len() => {
                let (x, y) = coordinates.split_at(curve.coordinate_len());
                Ok(Self::Ec { curve, x: x.into(), y: y.into() })
            }
            Some(_) | None => Err(JwkError::Invalid),
        }
    }

    /// Checks an Ed25519 key.
    pub(crate) fn ed25519(x: &[u8]) -> Result<Self, JwkError> {
        if x.len() != 32 {
            return Err(JwkError::Member("x"));
        }
        if has_small_order(x) {
            return Err(JwkError::Invalid);
        }
        Ok(Self::Ed25519 { x: x.into() })
    }

    fn ec_from_jwk(jwk: &Object) -> Result<Self, JwkError> {
        let curve = jwk.get("crv").and_then(Json::as_str).and_then(Curve::from_name).ok_or(JwkError::Curve)?;
        let coordinate = |name| {
            let coordinate = member(jwk, name)?;
            if coordinate.len() == curve.coordinate_len() { Ok(coordinate) } else { Err(JwkError::Member(name)) }
        };
        let (x, y) = (coordinate("x")?, coordinate("y")?);
        Ok(Self::Ec { curve, x: x.into(), y: y.into() })
    }

    fn okp_from_jwk(jwk: &Object) -> Result<Self, JwkError> {
        if jwk.get("crv").and_then(Json::as_str) != Some("Ed25519") {
            return Err(JwkError::Curve);
        }
        Self::ed25519(&member(jwk, "x")?)
    }

    /// True when a signature of that algorithm can be made with a key of this type.
    pub(crate) const fn permits(&self, algorithm: Algorithm) -> bool {
        match (self, algorithm) {
            (
                Self::Rsa { .. },
                Algorithm::Rs256
                | Algorithm::Rs384
                | Algorithm::Rs512
                | Algorithm::Ps256
                | Algorithm::Ps384
                | Algorithm::Ps512,
            )
            | (Self::Ec { curve: Curve::P256, .. }, Algorithm::Es256)
            | (Self::Ec { curve: Curve::P384, .. }, Algorithm::Es384)
            | (Self::Ec { curve: Curve::P521, .. }, Algorithm::Es512)
            | (Self::Ed25519 { .. }, Algorithm::EdDsa) => true,
            (Self::Rsa { .. } | Self::Ec { .. } | Self::Ed25519 { .. }, _) => false,
        }
    }

    /// Writes `kty` and the public members.
    pub(crate) fn write_members(&self, jwk: &mut Object) {
        for (name, value) in self.members() {
            jwk.insert(name, Json::string(value));
        }
    }

    /// Returns `kty` and the public members as texts, in the order in which a thumbprint hashes them.
    pub(crate) fn members(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::Rsa { modulus, exponent } => {
                vec![("e", base64url(exponent)), ("kty", "RSA".to_owned()), ("n", base64url(modulus))]
            }
            Self::Ec { curve, x, y } => vec![
                ("crv", curve.name().to_owned()),
                ("kty", "EC".to_owned()),
                ("x", base64url(x)),
                ("y", base64url(y)),
            ],
            Self::Ed25519 { x } => {
                vec![("crv", "Ed25519".to_owned()), ("kty", "OKP".to_owned()), ("x", base64url(x))]
            }
        }
    }

    /// Returns the RFC 7638 thumbprint (SHA-256), in base64url.
    pub(crate) fn thumbprint(&self) -> String {
        let mut object = Object::default();
        self.write_members(&mut object);
        let mut text = Vec::new();
        object.write_to(&mut text);
        base64url(digest(&SHA256, &text).as_ref())
    }

    /// Returns the `subjectPublicKey` bits of a certificate for this key (RFC 3279 §2.3, RFC 8410 §4).
    ///
    /// `None` for RSA, whose bits are an ASN.1 structure; see [`crate::certificate`].
    pub(crate) fn point(&self) -> Option<Vec<u8>> {
        match self {
            Self::Rsa { .. } => None,
            Self::Ec { x, y, .. } => Some([&[4], &**x, &**y].concat()),
            Self::Ed25519 { x } => Some(x.to_vec()),
        }
    }

    /// Parses the key for one algorithm, once for many verifications.
    ///
    /// # Errors
    ///
    /// [`JwkError::Invalid`] when the key does not fit the algorithm, or its point is not on the curve.
    pub(crate) fn verifier(&self, algorithm: Algorithm) -> Result<ParsedPublicKey, JwkError> {
        if !self.permits(algorithm) {
            return Err(JwkError::Invalid);
        }
        self.parse(algorithm).map_err(|_| JwkError::Invalid)
    }

    fn parse(&self, algorithm: Algorithm) -> Result<ParsedPublicKey, KeyRejected> {
        match self {
            Self::Rsa { modulus, exponent } => {
                RsaPublicKeyComponents { n: modulus, e: exponent }.to_parsed_public_key(rsa_parameters(algorithm))
            }
            Self::Ec { curve, .. } => ParsedPublicKey::new(curve.verification(), self.point().unwrap_or_default()),
            Self::Ed25519 { x } => ParsedPublicKey::new(&ED25519, x),
        }
    }
}

/// Returns the verification of an RSA algorithm; only called for algorithms that [`PublicKey::permits`].
fn rsa_parameters(algorithm: Algorithm) -> &'static RsaParameters {
    match algorithm {
        Algorithm::Rs384 => &RSA_PKCS1_2048_8192_SHA384,
        Algorithm::Rs512 => &RSA_PKCS1_2048_8192_SHA512,
        Algorithm::Ps256 => &RSA_PSS_2048_8192_SHA256,
        Algorithm::Ps384 => &RSA_PSS_2048_8192_SHA384,
        Algorithm::Ps512 => &RSA_PSS_2048_8192_SHA512,
        Algorithm::Rs256
        | Algorithm::Es256
        | Algorithm::Es384
        | Algorithm::Es512
        | Algorithm::EdDsa
        | Algorithm::Hs256
        | Algorithm::Hs384
        | Algorithm::Hs512
        | Algorithm::None => &RSA_PKCS1_2048_8192_SHA256,
    }
}

/// Reads a base64url member strictly.
pub(crate) fn member(jwk: &Object, name: &'static str) -> Result<Vec<u8>, JwkError> {
    let text = jwk.get(name).and_then(Json::as_str).ok_or(JwkError::Member(name))?;
    let bytes = Encoding::Base64Url.decode(text).map_err(|_| JwkError::Member(name))?;
    if bytes.is_empty() { Err(JwkError::Member(name)) } else { Ok(bytes) }
}

pub(crate) fn without_leading_zeros(bytes: &[u8]) -> &[u8] {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    bytes.get(zeros..).unwrap_or_default()
}

/// The encodings of the points of order 1, 2, 4 and 8, and of those that reduce to them, without the sign bit
/// (RFC 7748 §6.1, RFC 8032 §8.9): for such a key somebody without any private key can make signatures.
const SMALL_ORDER: [&str; 7] = [
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
];

fn has_small_order(x: &[u8]) -> bool {
    let mut unsigned = x.to_vec();
    if let Some(last) = unsigned.last_mut() {
        *last &= 0x7f;
    }
    SMALL_ORDER.contains(&hexadecimal(&unsigned).as_str())
}

#[cfg(test)]
mod tests;
