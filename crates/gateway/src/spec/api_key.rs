//! `apiKeys`: the keys of an application, as hashes.
//!
//! A key is 256 random bits, so one round of SHA-256 is enough: there is nothing to guess that a slow hash could protect.

use std::fmt;

use serde_json::json;

use crate::{
    bind::{Entries, Literal, Mistake, RecordShape, ScalarShape, Shape, Value},
    span::{Span, Spanned},
    units::Timestamp,
    yaml::Resolved,
};

/// One API key of an application.
#[derive(Clone, Debug, PartialEq)]
pub struct ApiKey {
    /// Where the entry stands.
    pub span: Span,
    /// `id`: its name here, for people.
    pub id: Spanned<Literal>,
    /// `hash`
    pub hash: Spanned<KeyHash>,
    /// `expires`; absent: never.
    pub expires: Option<Spanned<Timestamp>>,
    /// `scopes`
    pub scopes: Vec<Spanned<String>>,
    /// `sandbox`: its calls go to sandbox endpoints.
    pub sandbox: Spanned<bool>,
    /// `user`; absent: the application calls for itself.
    pub user: Option<KnownUser>,
}

/// A user, named by an operator rather than by a token.
#[derive(Clone, Debug, PartialEq)]
pub struct KnownUser {
    /// Where it stands.
    pub span: Span,
    /// `issuer`: whose user, by its name.
    pub issuer: Spanned<String>,
    /// `name`: the value of the issuer's `lookup` claim, and of `sub`.
    pub name: Spanned<Literal>,
    /// `claims`: further claims of the token that this stands for.
    pub claims: Entries<Spanned<Literal>>,
}

/// SHA-256 of an API key.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyHash(pub [u8; 32]);

impl KeyHash {
    /// Reads `sha256:` and 64 hexadecimal digits.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix("sha256:")?;
        let mut bytes = [0; 32];
        if digits.len() != 64 || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return None;
        }
        for (byte, place) in bytes.iter_mut().zip((0..).step_by(2)) {
            *byte = u8::from_str_radix(digits.get(place..place + 2)?, 16).ok()?;
        }
        Some(Self(bytes))
    }
}

/// As it is written.
impl fmt::Display for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sha256:")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Value for KeyHash {
    const SHAPE: Shape<Self> = Shape::Scalar(ScalarShape {
        expected: "`sha256:` and 64 hexadecimal digits",
        read: |scalar, _| match scalar.resolve() {
            // The text itself is never shown: it may be the key.
            Resolved::Text(text) => Self::parse(text).ok_or_else(|| {
                let hint = "`countersign apikey generate` makes a key and prints its hash".to_owned();
                Mistake::InvalidHint("this is not `sha256:` and 64 hexadecimal digits".to_owned(), hint)
            }),
            Resolved::Null | Resolved::Bool(_) | Resolved::Integer(_) | Resolved::Float(_) => Err(Mistake::WrongType),
        },
        stand_in: || Self([0; 32]),
        schema: || json!({"type": "string", "pattern": "^sha256:[0-9A-Fa-f]{64}$"}),
    });
}

impl Value for ApiKey {
    const SHAPE: Shape<Self> = Shape::Record(RecordShape {
        name: "ApiKey",
        about: "An API key of an application; several at a time make rotation painless.",
        short: None,
        read: |form| Self {
            span: form.span(),
            id: form.required("id", "Its name here: the key itself is nowhere written down."),
            hash: form.required("hash", "SHA-256 of the key, as `countersign apikey generate` prints it."),
            expires: form.optional("expires", "When it ends: a date or a time with its zone; without it, never."),
            scopes: form.defaulted("scopes", "[]", "The scopes that its calls have."),
            sandbox: form.defaulted("sandbox", "false", "True: its calls go to sandbox endpoints."),
            user: form.optional("user", "The user that it stands for; without it, the application calls for itself."),
        },
    });
}

impl Value for KnownUser {
    const SHAPE: Shape<Self> = Shape::Record(RecordShape {
        name: "KnownUser",
        about: "A user of an issuer, as a token of theirs would name them.",
        short: None,
        read: |form| Self {
            span: form.span(),
            issuer: form.required("issuer", "Whose user it is, by the issuer's name."),
            name: form.required("name", "The user's name: the issuer's `lookup` claim and `sub`."),
            claims: form.defaulted(
                "claims",
                "{}",
                "Claims that their tokens have besides, where `subject` asks for them.",
            ),
        },
    });
}
