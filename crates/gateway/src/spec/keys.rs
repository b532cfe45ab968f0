//! `keys`: where signing keys are and how they change.

use std::{path::PathBuf, time::Duration};

use claims::Algorithm;

use crate::{
    bind::{RecordShape, Shape, Value},
    span::Spanned,
    spec::Secret,
};

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

impl Value for Keys {
    const SHAPE: Shape<Self> = Shape::Record(RecordShape {
        name: "Keys",
        about: "The keys that sign Backend JWTs.",
        short: None,
        read: |form| Self {
            directory: form.defaulted(
                "directory",
                "keys/",
                "The gateway's own keys; the first start makes an ES256 and an RS256 key there.",
            ),
            announce_for: form.defaulted(
                "announceFor",
                "24h",
                "How long a new key is published before it signs; never under ten minutes.",
            ),
            rotate_every: form.optional("rotateEvery", "Rotate by itself; without it, rotation is by hand."),
            files: form.defaulted("files", "[]", "Private keys made elsewhere."),
            hmac: form.defaulted("hmac", "[]", "Shared secrets for HS256, HS384 and HS512."),
        },
    });
}

impl Value for KeyFile {
    const SHAPE: Shape<Self> = Shape::Record(RecordShape {
        name: "KeyFile",
        about: "A private key made elsewhere: PEM, PKCS#12 or JWK.",
        short: None,
        read: |form| Self {
            file: form.required("file", "The file."),
            algorithm: form.optional("algorithm", "What it signs with; without it, the usual algorithm of its type."),
            certificate: form.optional("certificate", "Its certificate, PEM."),
            password: form.optional("password", "The password of a PKCS#12 file."),
        },
    });
}

impl Value for HmacSecret {
    const SHAPE: Shape<Self> = Shape::Record(RecordShape {
        name: "HmacSecret",
        about: "A secret shared with backends. It is never in JWKS.",
        short: None,
        read: |form| Self {
            name: form.required("name", "Its name, which is the `kid`."),
            secret: form.required("secret", "The secret: at least as long as the hash."),
            apis: form.defaulted("apis", "[]", "The names of the APIs that may sign with it."),
        },
    });
}
