//! The signing algorithms and encodings of a Backend JWT, by their JOSE and their Java names.
//!
//! Names and text only: the primitives are in `key.rs` and `verify.rs`. RFC 7518 §3.1, RFC 8037, RFC 9864.

use std::{fmt, str::FromStr};

use base64::{
    DecodeError, Engine as _,
    engine::general_purpose::{GeneralPurpose, STANDARD_NO_PAD, URL_SAFE_NO_PAD},
};

/// A JWS signing algorithm (RFC 7518 §3.1, RFC 8037 §3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256; Java: `SHA256withRSA`.
    Rs256,
    /// RSASSA-PKCS1-v1_5 with SHA-384; Java: `SHA384withRSA`.
    Rs384,
    /// RSASSA-PKCS1-v1_5 with SHA-512; Java: `SHA512withRSA`.
    Rs512,
    /// RSASSA-PSS with SHA-256.
    Ps256,
    /// RSASSA-PSS with SHA-384.
    Ps384,
    /// RSASSA-PSS with SHA-512.
    Ps512,
    /// ECDSA with P-256 and SHA-256; Java: `SHA256withECDSA`.
    Es256,
    /// ECDSA with P-384 and SHA-384; Java: `SHA384withECDSA`.
    Es384,
    /// ECDSA with P-521 and SHA-512; Java: `SHA512withECDSA`.
    Es512,
    /// Ed25519; RFC 9864 calls it `Ed25519`.
    EdDsa,
    /// HMAC with SHA-256; Java: `SHA256withHMAC`.
    Hs256,
    /// HMAC with SHA-384; Java: `SHA384withHMAC`.
    Hs384,
    /// HMAC with SHA-512; Java: `SHA512withHMAC`.
    Hs512,
    /// Unsecured (RFC 7515 appendix A.5); Java: `NONE`.
    None,
}

/// Every name that a `signingAlgorithm` may have: JOSE names first, then Java names.
const NAMES: [(&str, Algorithm); 25] = [
    ("RS256", Algorithm::Rs256),
    ("RS384", Algorithm::Rs384),
    ("RS512", Algorithm::Rs512),
    ("PS256", Algorithm::Ps256),
    ("PS384", Algorithm::Ps384),
    ("PS512", Algorithm::Ps512),
    ("ES256", Algorithm::Es256),
    ("ES384", Algorithm::Es384),
    ("ES512", Algorithm::Es512),
    ("EdDSA", Algorithm::EdDsa),
    ("HS256", Algorithm::Hs256),
    ("HS384", Algorithm::Hs384),
    ("HS512", Algorithm::Hs512),
    ("none", Algorithm::None),
    ("Ed25519", Algorithm::EdDsa),
    ("SHA256withRSA", Algorithm::Rs256),
    ("SHA384withRSA", Algorithm::Rs384),
    ("SHA512withRSA", Algorithm::Rs512),
    ("SHA256withECDSA", Algorithm::Es256),
    ("SHA384withECDSA", Algorithm::Es384),
    ("SHA512withECDSA", Algorithm::Es512),
    ("SHA256withHMAC", Algorithm::Hs256),
    ("SHA384withHMAC", Algorithm::Hs384),
    ("SHA512withHMAC", Algorithm::Hs512),
    ("NONE", Algorithm::None),
];

impl Algorithm {
    /// Every algorithm, in the order in which messages list them.
    pub const ALL: [Self; 14] = [
        Self::Rs256,
        Self::Rs384,
        Self::Rs512,
        Self::Ps256,
        Self::Ps384,
        Self::Ps512,
        Self::Es256,
        Self::Es384,
        Self::Es512,
        Self::EdDsa,
        Self::Hs256,
        Self::Hs384,
        Self::Hs512,
        Self::None,
    ];

    /// Returns the JOSE name, as it stands in `alg`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
            Self::Ps256 => "PS256",
            Self::Ps384 => "PS384",
            Self::Ps512 => "PS512",
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::Es512 => "ES512",
            Self::EdDsa => "EdDSA",
            Self::Hs256 => "HS256",
            Self::Hs384 => "HS384",
            Self::Hs512 => "HS512",
            Self::None => "none",
        }
    }

    /// Returns the algorithm whose `alg` header is exactly `name` (RFC 7515 §4.1.1: case-sensitive).
    ///
    /// `Ed25519` (RFC 9864) is accepted as `EdDSA`; Java names are not JOSE and are refused.
    pub fn from_jose(name: &str) -> Option<Self> {
        NAMES.iter().take(15).find(|(known, _)| *known == name).map(|(_, algorithm)| *algorithm)
    }

    /// True for HS256, HS384 and HS512: keyed by a shared secret, never in a JWKS.
    pub const fn is_hmac(self) -> bool {
        matches!(self, Self::Hs256 | Self::Hs384 | Self::Hs512)
    }

    /// Returns all accepted names, JOSE and Java.
    pub fn accepted_names() -> impl Iterator<Item = &'static str> {
        NAMES.iter().map(|(name, _)| *name)
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The text names no algorithm.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown signing algorithm `{0}`")]
pub struct ParseAlgorithmError(pub String);

impl FromStr for Algorithm {
    type Err = ParseAlgorithmError;

    /// Reads a JOSE or a Java name, exactly as spelled in the contract.
    fn from_str(name: &str) -> Result<Self, Self::Err> {
        NAMES
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, algorithm)| *algorithm)
            .ok_or_else(|| ParseAlgorithmError(name.to_owned()))
    }
}

/// How the three segments of the JWT are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// RFC 7515 §2: URL-safe alphabet, unpadded.
    Base64Url,
    /// The standard alphabet (RFC 4648 §4), unpadded; the signature covers exactly those bytes.
    Base64,
}

impl Encoding {
    /// Returns the name used in configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Base64Url => "Base64url",
            Self::Base64 => "Base64",
        }
    }

    /// Reads `Base64url` or `Base64` in any case.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Base64Url, Self::Base64].into_iter().find(|encoding| encoding.name().eq_ignore_ascii_case(name))
    }

    /// Returns how many characters `bytes` bytes become.
    pub const fn encoded_len(bytes: usize) -> usize {
        (bytes * 4).div_ceil(3)
    }

    /// Appends `bytes` in this alphabet, unpadded.
    pub(crate) fn encode_to(self, bytes: &[u8], out: &mut String) {
        let alphabet = match self {
            Self::Base64Url => base64_simd::URL_SAFE_NO_PAD,
            Self::Base64 => base64_simd::STANDARD_NO_PAD,
        };
        alphabet.encode_append(bytes, out);
    }

    /// Reads an unpadded text strictly: padding, foreign characters and non-zero trailing bits are refused.
    pub(crate) fn decode(self, text: &str) -> Result<Vec<u8>, DecodeError> {
        self.engine().decode(text)
    }

    const fn engine(self) -> &'static GeneralPurpose {
        match self {
            Self::Base64Url => &URL_SAFE_NO_PAD,
            Self::Base64 => &STANDARD_NO_PAD,
        }
    }
}

/// Writes `bytes` as unpadded base64url (RFC 7515 §2).
pub(crate) fn base64url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Writes `bytes` in lower-case hexadecimal.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |value: u8| DIGITS.get(usize::from(value)).map_or('0', |digit| char::from(*digit));
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_algorithm_is_found_by_its_own_name() {
        for algorithm in Algorithm::ALL {
            assert_eq!(algorithm.name().parse(), Ok(algorithm));
            assert_eq!(Algorithm::from_jose(algorithm.name()), Some(algorithm));
        }
    }

    #[test]
    fn java_names_are_configuration_but_not_jose() {
        assert_eq!("SHA256withRSA".parse(), Ok(Algorithm::Rs256));
        assert_eq!(Algorithm::from_jose("SHA256withRSA"), None);
        assert_eq!(Algorithm::from_jose("NONE"), None);
        assert_eq!(Algorithm::from_jose("rs256"), None);
    }

    #[test]
    fn encoding_is_read_in_any_case() {
        assert_eq!(Encoding::from_name("base64"), Some(Encoding::Base64));
        assert_eq!(Encoding::from_name("BASE64URL"), Some(Encoding::Base64Url));
        assert_eq!(Encoding::from_name("base32"), None);
    }

    #[test]
    fn encoded_length_is_that_of_the_text() {
        for length in 0..100 {
            assert_eq!(base64url(&vec![0xff; length]).len(), Encoding::encoded_len(length));
        }
    }

    #[test]
    fn padding_foreign_characters_and_trailing_bits_are_refused() {
        for text in ["QQ==", "Q Q", "Q", "QR", "Q+", "Q\u{e4}"] {
            assert!(Encoding::Base64Url.decode(text).is_err(), "{text}");
        }
        assert_eq!(Encoding::Base64Url.decode("-_8"), Ok(vec![0xfb, 0xff]));
        assert_eq!(Encoding::Base64.decode("+/8"), Ok(vec![0xfb, 0xff]));
        assert!(Encoding::Base64.decode("-_8").is_err());
    }
}
