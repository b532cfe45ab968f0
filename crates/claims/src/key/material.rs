//! The parsed private key behind a [`super::SigningKey`]: generation, DER, and the call of the primitive.

use aws_lc_rs::{
    hmac,
    rand::SystemRandom,
    rsa::KeySize,
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, ECDSA_P521_SHA512_FIXED_SIGNING,
        EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RSA_PKCS1_SHA384,
        RSA_PKCS1_SHA512, RSA_PSS_SHA256, RSA_PSS_SHA384, RSA_PSS_SHA512, RsaKeyPair, RsaPublicKeyComponents,
        RsaSignatureEncoding,
    },
};
use pkcs1::RsaPrivateKeyRef;
use pkcs8::PrivateKeyInfoRef;

use super::KeyError;
use crate::{
    algorithm::Algorithm,
    fingerprint::KeyFingerprint,
    public_key::{Curve, PublicKey},
};

/// How many bits a generated RSA key has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum RsaSize {
    /// 2048 bits.
    #[default]
    Bits2048,
    /// 3072 bits.
    Bits3072,
    /// 4096 bits.
    Bits4096,
}

impl RsaSize {
    /// Returns the size of that many bits: 2048, 3072 or 4096.
    pub const fn from_bits(bits: u32) -> Option<Self> {
        match bits {
            2048 => Some(Self::Bits2048),
            3072 => Some(Self::Bits3072),
            4096 => Some(Self::Bits4096),
            _ => None,
        }
    }

    const fn key_size(self) -> KeySize {
        match self {
            Self::Bits2048 => KeySize::Rsa2048,
            Self::Bits3072 => KeySize::Rsa3072,
            Self::Bits4096 => KeySize::Rsa4096,
        }
    }
}

/// What an algorithm needs to sign.
#[derive(Clone, Copy)]
pub(super) enum Method {
    Rsa(&'static RsaSignatureEncoding),
    Ec(Curve),
    Ed25519,
    Hmac(hmac::Algorithm),
    Nothing,
}

impl Method {
    pub(super) const fn of(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::Rs256 => Self::Rsa(&RSA_PKCS1_SHA256),
            Algorithm::Rs384 => Self::Rsa(&RSA_PKCS1_SHA384),
            Algorithm::Rs512 => Self::Rsa(&RSA_PKCS1_SHA512),
            Algorithm::Ps256 => Self::Rsa(&RSA_PSS_SHA256),
            Algorithm::Ps384 => Self::Rsa(&RSA_PSS_SHA384),
            Algorithm::Ps512 => Self::Rsa(&RSA_PSS_SHA512),
            Algorithm::Es256 => Self::Ec(Curve::P256),
            Algorithm::Es384 => Self::Ec(Curve::P384),
            Algorithm::Es512 => Self::Ec(Curve::P521),
            Algorithm::EdDsa => Self::Ed25519,
            Algorithm::Hs256 => Self::Hmac(hmac::HMAC_SHA256),
            Algorithm::Hs384 => Self::Hmac(hmac::HMAC_SHA384),
            Algorithm::Hs512 => Self::Hmac(hmac::HMAC_SHA512),
            Algorithm::None => Self::Nothing,
        }
    }
}

pub(super) enum Material {
    Rsa { pair: RsaKeyPair, encoding: &'static RsaSignatureEncoding },
    Ec { pair: EcdsaKeyPair, curve: Curve },
    Ed25519(Ed25519KeyPair),
    Hmac { key: Box<hmac::Key>, secret: KeyFingerprint },
}

impl Material {
    pub(super) fn generate(algorithm: Algorithm, rsa_size: RsaSize) -> Result<Self, KeyError> {
        let failed = |_| KeyError::Primitive;
        match Method::of(algorithm) {
            Method::Rsa(encoding) => {
                Ok(Self::Rsa { pair: RsaKeyPair::generate(rsa_size.key_size()).map_err(failed)?, encoding })
            }
            Method::Ec(curve) => Ok(Self::Ec { pair: EcdsaKeyPair::generate(ecdsa(curve)).map_err(failed)?, curve }),
            Method::Ed25519 => Ed25519KeyPair::generate().map(Self::Ed25519).map_err(failed),
            Method::Hmac(_) | Method::Nothing => Err(KeyError::NotGenerated(algorithm)),
        }
    }

    /// Reads PKCS#8 (RFC 5208, RFC 5958).
    pub(super) fn from_pkcs8(der: &[u8], asked: Option<Algorithm>) -> Result<(Algorithm, Self), KeyError> {
        let info = PrivateKeyInfoRef::try_from(der).map_err(|_| KeyError::Malformed)?;
        let oid = info.algorithm.oid.to_string();
        match oid.as_str() {
            "1.2.840.113549.1.1.1" => Self::from_pkcs1(info.private_key.as_bytes(), asked),
            "1.2.840.10045.2.1" => Self::from_ec_der(der, asked),
            "1.3.101.112" => {
                let algorithm = chosen(asked, Algorithm::EdDsa, "an Ed25519 key")?;
                let pair = Ed25519KeyPair::from_pkcs8(der).map_err(|_| KeyError::Malformed)?;
                Ok((algorithm, Self::Ed25519(pair)))
            }
            _ => Err(KeyError::Unsupported(oid)),
        }
    }

    /// Reads an `RSAPrivateKey` (RFC 8017 appendix A.1.2).
    pub(super) fn from_pkcs1(der: &[u8], asked: Option<Algorithm>) -> Result<(Algorithm, Self), KeyError> {
        let algorithm = asked.unwrap_or(Algorithm::Rs256);
        let Method::Rsa(encoding) = Method::of(algorithm) else {
            return Err(wrong(algorithm, "an RSA key"));
        };
        let key = RsaPrivateKeyRef::try_from(der).map_err(|_| KeyError::Malformed)?;
        // Checked first: the primitive refuses a short key without saying so.
        PublicKey::rsa(key.modulus.as_bytes(), key.public_exponent.as_bytes())?;
        let pair = RsaKeyPair::from_der(der).map_err(|_| KeyError::Malformed)?;
        Ok((algorithm, Self::Rsa { pair, encoding }))
    }

    /// Reads an EC key: PKCS#8 or SEC 1 (RFC 5915).
    pub(super) fn from_ec_der(der: &[u8], asked: Option<Algorithm>) -> Result<(Algorithm, Self), KeyError> {
        let parsed = Curve::ALL.into_iter().find_map(|curve| {
            EcdsaKeyPair::from_private_key_der(ecdsa(curve), der).ok().map(|pair| (curve, Self::Ec { pair, curve }))
        });
        let (curve, material) =
            parsed.ok_or_else(|| KeyError::Unsupported("EC, but none of P-256, P-384, P-521".to_owned()))?;
        Ok((chosen(asked, curve.algorithm(), &format!("a key for {}", curve.name()))?, material))
    }

    pub(super) fn from_secret(secret: &[u8], algorithm: Algorithm) -> Result<Self, KeyError> {
        let Method::Hmac(hash) = Method::of(algorithm) else {
            return Err(KeyError::NotHmac(algorithm));
        };
        let needed = hash.digest_algorithm().output_len();
        if secret.len() < needed {
            return Err(KeyError::ShortSecret { algorithm, needed, bytes: secret.len() });
        }
        Ok(Self::Hmac { key: Box::new(hmac::Key::new(hash, secret)), secret: KeyFingerprint::of(&[secret]) })
    }

    /// Returns the public half; a shared secret has none.
    pub(super) fn public_key(&self) -> Result<PublicKey, KeyError> {
        match self {
            Self::Rsa { pair, .. } => {
                let RsaPublicKeyComponents { n, e } = RsaPublicKeyComponents::<Vec<u8>>::from(pair.public_key());
                Ok(PublicKey::rsa(&n, &e)?)
            }
            Self::Ec { pair, curve } => Ok(PublicKey::ec(*curve, pair.public_key().as_ref())?),
            Self::Ed25519(pair) => Ok(PublicKey::ed25519(pair.public_key().as_ref())?),
            Self::Hmac { .. } => Err(KeyError::NotExportable),
        }
    }

    pub(super) fn signature_len(&self) -> usize {
        match self {
            Self::Rsa { pair, .. } => pair.public_modulus_len(),
            Self::Ec { curve, .. } => 2 * curve.coordinate_len(),
            Self::Ed25519(_) => 64,
            Self::Hmac { key, .. } => key.algorithm().digest_algorithm().output_len(),
        }
    }

    pub(super) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        let random = SystemRandom::new();
        match self {
            Self::Rsa { pair, encoding } => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(*encoding, &random, message, &mut signature).map_err(|_| KeyError::Primitive)?;
                Ok(signature)
            }
            Self::Ec { pair, .. } => {
                Ok(pair.sign(&random, message).map_err(|_| KeyError::Primitive)?.as_ref().to_vec())
            }
            Self::Ed25519(pair) => Ok(pair.try_sign(message).map_err(|_| KeyError::Primitive)?.as_ref().to_vec()),
            Self::Hmac { key, .. } => Ok(hmac::sign(key, message).as_ref().to_vec()),
        }
    }

    /// True when both are made from one secret.
    pub(super) fn same_secret(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Hmac { secret, .. }, Self::Hmac { secret: other, .. }) => secret == other,
            (Self::Rsa { .. } | Self::Ec { .. } | Self::Ed25519(_) | Self::Hmac { .. }, _) => false,
        }
    }
}

pub(super) fn ecdsa(curve: Curve) -> &'static EcdsaSigningAlgorithm {
    match curve {
        Curve::P256 => &ECDSA_P256_SHA256_FIXED_SIGNING,
        Curve::P384 => &ECDSA_P384_SHA384_FIXED_SIGNING,
        Curve::P521 => &ECDSA_P521_SHA512_FIXED_SIGNING,
    }
}

/// Returns the key's one algorithm, unless another was asked for.
pub(super) fn chosen(asked: Option<Algorithm>, only: Algorithm, key: &str) -> Result<Algorithm, KeyError> {
    match asked {
        Some(algorithm) if algorithm != only => Err(wrong(algorithm, key)),
        Some(_) | None => Ok(only),
    }
}

pub(super) fn wrong(algorithm: Algorithm, key: &str) -> KeyError {
    KeyError::WrongAlgorithm { algorithm, key: key.to_owned() }
}
