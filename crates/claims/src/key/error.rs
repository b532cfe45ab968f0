//! What can be wrong with a private key. The operator must act, except where the text says otherwise.

use crate::{algorithm::Algorithm, certificate::CertificateError, json::JsonError, public_key::JwkError};

/// Why a private key cannot be read, made, written or used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The JWK is not acceptable JSON.
    #[error("the JWK is not valid JSON")]
    Json(#[from] JsonError),
    /// The JWK is JSON, but no object.
    #[error("the JWK is not a JSON object")]
    NotAnObject,
    /// A member is missing, RSA is too short, or the numbers are no key.
    #[error("the key cannot be used: {0}")]
    Unusable(#[from] JwkError),
    /// The JWK says that it is not for signatures, or for an algorithm that is unknown.
    #[error("the JWK's `{0}` says that the key is not for a known signature algorithm")]
    Purpose(&'static str),
    /// The key is of another type, or for another algorithm, than asked.
    #[error("`{algorithm}` cannot use this key: it is {key}")]
    WrongAlgorithm {
        /// What was asked for.
        algorithm: Algorithm,
        /// What there is: `an RSA key`, `a key for P-384`, …
        key: String,
    },
    /// A key of a type that no algorithm uses.
    #[error("no signing algorithm uses a key of type `{0}`")]
    Unsupported(String),
    /// The numbers of the key are malformed or contradict one another.
    #[error("the private key is malformed or inconsistent")]
    Malformed,
    /// The PEM text holds no private key.
    #[error("there is no private key in the PEM text")]
    NoPrivateKey,
    /// The PEM text is encrypted.
    #[error("the private key is encrypted: decrypt it with `openssl pkcs8 -topk8 -nocrypt`, or import a PKCS#12 file")]
    Encrypted,
    /// A PKCS#12 file that cannot be opened.
    #[error("the PKCS#12 file cannot be opened: wrong password, or not PKCS#12")]
    Pkcs12,
    /// The alias is not there, or none was given and there are several keys.
    #[error("choose one of the aliases in the PKCS#12 file: {}", .0.join(", "))]
    Alias(Vec<String>),
    /// The certificate does not fit.
    #[error("the certificate cannot be used: {0}")]
    Certificate(#[from] CertificateError),
    /// An HMAC secret shorter than the hash (RFC 7518 §3.2).
    #[error("a secret for `{algorithm}` must have at least {needed} bytes, not {bytes}")]
    ShortSecret {
        /// The algorithm.
        algorithm: Algorithm,
        /// The length of its hash.
        needed: usize,
        /// The length of the secret.
        bytes: usize,
    },
    /// A secret was given for an algorithm that has key pairs.
    #[error("`{0}` does not use a shared secret")]
    NotHmac(Algorithm),
    /// HMAC secrets and `none` are not generated.
    #[error("no key is generated for `{0}`")]
    NotGenerated(Algorithm),
    /// A shared secret is not written to a key file.
    #[error("a shared secret is not exported")]
    NotExportable,
    /// The cryptographic library failed: no randomness, or a bug.
    #[error("the cryptographic primitive failed")]
    Primitive,
}
