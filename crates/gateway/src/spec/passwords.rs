//! `passwords`: whether an issuer's users may call with name and password, and what that is worth.

use std::time::Duration;

use crate::{
    bind::{Form, RecordShape, Shape, Value},
    diagnostic::DiagnosticCode,
    passwords::ClearText,
    span::{Span, Spanned},
};

/// How the passwords of an issuer's users are checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Passwords {
    /// Where it stands.
    pub span: Span,
    /// `userStores`: which of the issuer's; empty: all of them.
    pub user_stores: Vec<Spanned<String>>,
    /// `realm`
    pub realm: Spanned<String>,
    /// `ttl`: how long a store's word is relied on.
    pub ttl: Spanned<Duration>,
    /// `attempts`: wrong passwords in a row.
    pub attempts: Spanned<u64>,
    /// `lockFor`: how long there is no further one after that.
    pub lock_for: Spanned<Duration>,
    /// `clearText`
    pub clear_text: Spanned<ClearText>,
}

impl Value for Passwords {
    const SHAPE: Shape<Self> = Shape::Record(RecordShape {
        name: "Passwords",
        about: "How the passwords of an issuer's users are checked (RFC 7617).",
        short: None,
        read: |form| {
            let passwords = Self::read(form);
            check(form, &passwords);
            passwords
        },
    });
}

impl Passwords {
    fn read(form: &mut Form<'_>) -> Self {
        Self {
            span: form.span(),
            user_stores: form.defaulted(
                "userStores",
                "[]",
                "Which of the issuer's user stores check them, in order: the first that knows the user decides; `[]`: all.",
            ),
            realm: form.defaulted("realm", "API", "What a browser shows beside its question for name and password."),
            ttl: form.defaulted(
                "ttl",
                "60s",
                "How long the store's word is relied on, yes or no: a password that was changed lives on for so long.",
            ),
            attempts: form.defaulted(
                "attempts",
                "5",
                "After so many wrong passwords for one user from one address in a row, that address has to wait.",
            ),
            lock_for: form.defaulted(
                "lockFor",
                "1m",
                "How long; twice as long after each further wrong one, up to 15 minutes.",
            ),
            clear_text: form.defaulted(
                "clearText",
                "refuse",
                "`allow`: also takes passwords from connections without TLS that are not from this machine.",
            ),
        }
    }
}

fn check(form: &mut Form<'_>, passwords: &Passwords) {
    let is_quotable = |byte: u8| (0x20..0x7f).contains(&byte) && byte != b'"' && byte != b'\\';
    if !passwords.realm.value.bytes().all(is_quotable) {
        let message = "`realm` stands between quotes in a header: printable ASCII without `\"` and `\\`".to_owned();
        form.complain(DiagnosticCode::InvalidValue, &passwords.realm.span, message);
    }
    if passwords.attempts.value == 0 {
        let message = "`attempts` must be at least 1".to_owned();
        form.complain(DiagnosticCode::InvalidValue, &passwords.attempts.span, message);
    }
}

impl Value for ClearText {
    const SHAPE: Shape<Self> = Shape::Words(Self::Refuse, &[("refuse", Self::Refuse), ("allow", Self::Allow)]);
}
