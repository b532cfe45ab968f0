//! `keys`: where signing keys are and how they change.

use std::{path::PathBuf, time::Duration};

use claims::Algorithm;

use crate::{span::Spanned, spec::Secret};

/// The gateway's signing keys.
#[derive(Clone, Debug, PartialEq)]
pub struct Keys {
    /// `directory`: the gateway's own keys.
    pub directory: Spanned<PathBuf>,
    /// `announceFor`: how long a new key is published before it signs.
    pub announce_for: Spanned<Duration>,
    /// `rotateEvery`; absent: by hand.
    pub rotate_every: Option<Spanned<Duration>>,
    /// `files`: foreign keys.
    pub files: Vec<KeyFile>,
    /// `hmac`
    pub hmac: Vec<HmacSecret>,
}

/// A foreign private key: PEM, PKCS#12 or JWK.
#[derive(Clone, Debug, PartialEq)]
pub struct KeyFile {
    /// `file`
    pub file: Spanned<PathBuf>,
    /// `algorithm`; absent: the usual one of the key's type.
    pub algorithm: Option<Spanned<Algorithm>>,
    /// `certificate`: PEM.
    pub certificate: Option<Spanned<PathBuf>>,
    /// `password`: of a PKCS#12 file.
    pub password: Option<Spanned<Secret>>,
}

/// A shared secret for HS256, HS384 and HS512.
#[derive(Clone, Debug, PartialEq)]
pub struct HmacSecret {
    /// `name`, which is the `kid`.
    pub name: Spanned<String>,
    /// `secret`
    pub secret: Spanned<Secret>,
    /// `apis`: the names of the APIs that may use it.
    pub apis: Vec<Spanned<String>>,
}
