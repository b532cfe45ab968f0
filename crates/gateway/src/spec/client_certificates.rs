//! `clientCertificates`: whose client certificates are trusted, and who their holders are.

use std::{fmt, path::PathBuf};

use serde_json::json;

use crate::{
    bind::{Mistake, OneOrMany, RecordShape, ScalarShape, Shape, Value},
    certificate_authority::{CertificateIdentity, RevocationDoubt},
    diagnostic::DiagnosticCode,
    span::{Span, Spanned},
    yaml::Resolved,
};

/// Certificates that are trusted for one reason.
#[derive(Clone, Debug, PartialEq)]
pub struct ClientCertificates {
    /// Where the entry stands.
    pub span: Span,
    /// `name`
    pub name: Spanned<String>,
    /// `ca`: PEM certificates of those who may have signed them.
    pub ca: Option<Spanned<PathBuf>>,
    /// `crl`: lists of certificates that have been revoked.
    pub crl: Vec<Spanned<PathBuf>>,
    /// `crlUnknown`: of whom no list says anything.
    pub crl_unknown: Spanned<RevocationDoubt>,
    /// `crlExpired`: when a list's time is over.
    pub crl_expired: Spanned<RevocationDoubt>,
    /// `thumbprints`: only these.
    pub thumbprints: Vec<Spanned<Thumbprint>>,
    /// `identity`
    pub identity: Spanned<CertificateIdentity>,
    /// `issuer`: whose users the holders are; absent: they are client applications.
    pub issuer: Option<Spanned<String>>,
}

/// SHA-256 of a certificate in DER.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Thumbprint(pub [u8; 32]);

impl Thumbprint {
    /// Reads 64 hexadecimal digits, in pairs with colons between them or without.
    pub fn parse(text: &str) -> Option<Self> {
        let digits: String = text.split(':').collect();
        let is_paired = !text.contains(':') || text.split(':').all(|pair| pair.len() == 2);
        let mut bytes = [0; 32];
        if digits.len() != 64 || !is_paired || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return None;
        }
        for (byte, place) in bytes.iter_mut().zip((0..).step_by(2)) {
            *byte = u8::from_str_radix(digits.get(place..place + 2)?, 16).ok()?;
        }
        Some(Self(bytes))
    }
}

/// Lower-case digits without colons.
impl fmt::Display for Thumbprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Thumbprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Value for Thumbprint {
    const SHAPE: Shape<Self> = Shape::Scalar(ScalarShape {
        expected: "the SHA-256 fingerprint of a certificate",
        read: |scalar, _| match scalar.resolve() {
            Resolved::Text(_) | Resolved::Integer(_) | Resolved::Float(_) => {
                Self::parse(&scalar.text).ok_or_else(|| {
                    let hint = "`openssl x509 -noout -fingerprint -sha256 -in FILE` prints it".to_owned();
                    Mistake::InvalidHint("this is not 64 hexadecimal digits".to_owned(), hint)
                })
            }
            Resolved::Null | Resolved::Bool(_) => Err(Mistake::WrongType),
        },
        stand_in: || Self([0; 32]),
        schema: || json!({"type": "string", "pattern": "^([0-9A-Fa-f]{2}:?){31}[0-9A-Fa-f]{2}$"}),
    });
}

impl Value for ClientCertificates {
    const SHAPE: Shape<Self> = Shape::Record(RecordShape {
        name: "ClientCertificates",
        about: "Client certificates that are trusted, and who their holders are.",
        short: None,
        read: |form| {
            let read = Self {
                span: form.span(),
                name: form.required("name", "The name by which API definitions choose it."),
                ca: form.optional("ca", "A PEM file: the certificates of those who may have signed them."),
                crl: form
                    .defaulted::<OneOrMany<_>>(
                        "crl",
                        "[]",
                        "Files with certificate revocation lists, PEM or DER, of the authorities in a chain; `[]`: none is looked at.",
                    )
                    .0,
                crl_unknown: form.defaulted(
                    "crlUnknown",
                    "refuse",
                    "A certificate of an authority of which there is no list; `allow`: it counts as good.",
                ),
                crl_expired: form.defaulted(
                    "crlExpired",
                    "refuse",
                    "A list after its `nextUpdate`: nobody of its authority gets in; `allow`: it goes on counting.",
                ),
                thumbprints: form.defaulted(
                    "thumbprints",
                    "[]",
                    "SHA-256 fingerprints: only these certificates; without `ca`, whoever signed them.",
                ),
                identity: form.defaulted("identity", "commonName", "What in the certificate names its holder."),
                issuer: form.optional(
                    "issuer",
                    "The issuer whose user the holder is; without it, the holder is a client application, by its client id.",
                ),
            };
            if !form.seems_to_have("ca") && !form.seems_to_have("thumbprints") {
                let span = form.span();
                let message = "nothing says which certificates are trusted: neither `ca` nor `thumbprints`".to_owned();
                form.complain(DiagnosticCode::MissingField, &span, message);
            }
            if !read.crl.is_empty() && !form.seems_to_have("ca") {
                let span = form.place_of("crl");
                let message = "`crl` needs `ca`: a pinned certificate is revoked by taking its pin away".to_owned();
                form.complain(DiagnosticCode::ConflictingFields, &span, message);
            }
            read
        },
    });
}

impl Value for RevocationDoubt {
    const SHAPE: Shape<Self> = Shape::Words(Self::Refuse, &[("refuse", Self::Refuse), ("allow", Self::Allow)]);
}

impl Value for CertificateIdentity {
    const SHAPE: Shape<Self> = Shape::Words(
        Self::CommonName,
        &[
            ("commonName", Self::CommonName),
            ("subject", Self::Subject),
            ("email", Self::Email),
            ("dns", Self::Dns),
            ("uri", Self::Uri),
            ("thumbprint", Self::Thumbprint),
        ],
    );
}
