//! `events`: where others tell the gateway that a user has changed.

use std::net::SocketAddr;

use crate::{
    bind::{Form, RecordShape, Shape, Value},
    diagnostic::DiagnosticCode,
    span::Spanned,
    spec::{Secret, Tls},
};

/// `events`
#[derive(Clone, Debug, PartialEq)]
pub struct Events {
    /// `address`
    pub address: Spanned<SocketAddr>,
    /// `tls`; absent: plain text.
    pub tls: Option<Tls>,
    /// `webhooks`
    pub webhooks: Vec<Webhook>,
    /// `sharedSignals`
    pub shared_signals: Vec<SharedSignals>,
}

/// A sender of signed messages about users of some stores.
#[derive(Clone, Debug, PartialEq)]
pub struct Webhook {
    /// `name`: its path is `/webhooks/NAME`.
    pub name: Spanned<String>,
    /// `secret`: shared with the sender.
    pub secret: Spanned<Secret>,
    /// `userStores`: whose users it may speak about.
    pub user_stores: Vec<Spanned<String>>,
}

/// A transmitter of security event tokens.
#[derive(Clone, Debug, PartialEq)]
pub struct SharedSignals {
    /// `name`: its path is `/shared-signals/NAME`.
    pub name: Spanned<String>,
    /// `issuer`: the operator's name of the issuer that signs them.
    pub issuer: Spanned<String>,
    /// `audience`: what must be in their `aud`.
    pub audience: Spanned<String>,
}

impl Value for Events {
    const SHAPE: Shape<Self> = Shape::Record(RecordShape {
        name: "Events",
        about: "A listener of its own, on which others tell that a user has changed.",
        short: None,
        read: |form| {
            let events = Self {
                address: form.required("address", "Its address and port; `/webhooks/NAME` and `/shared-signals/NAME`."),
                tls: form.optional("tls", "Its certificate; without one it is plain text, for a proxy before it."),
                webhooks: form.defaulted("webhooks", "[]", "Senders of signed messages."),
                shared_signals: form.defaulted("sharedSignals", "[]", "Transmitters of Shared Signals (SSF, CAEP)."),
            };
            refuse_odd_names(form, &events);
            events
        },
    });
}

/// A name is a path segment.
fn refuse_odd_names(form: &mut Form<'_>, events: &Events) {
    let names = events.webhooks.iter().map(|webhook| &webhook.name);
    for name in names.chain(events.shared_signals.iter().map(|signals| &signals.name)) {
        let is_plain = |character: char| character.is_ascii_alphanumeric() || matches!(character, '-' | '_' | '.');
        if name.is_empty() || !name.chars().all(is_plain) {
            let message = "`name` is a part of a path here: letters, digits, `-`, `_` and `.` only".to_owned();
            form.complain(DiagnosticCode::InvalidValue, &name.span, message);
        }
    }
}

impl Value for Webhook {
    const SHAPE: Shape<Self> = Shape::Record(RecordShape {
        name: "Webhook",
        about: "A sender of messages that are signed as Standard Webhooks says, `v1`.",
        short: None,
        read: |form| Self {
            name: form.required("name", "Its name; it sends to `/webhooks/NAME`."),
            secret: form
                .required("secret", "What it signs with: `whsec_` and Base64, or any text of 24 bytes or more."),
            user_stores: form.required("userStores", "The user stores whose users it may speak about."),
        },
    });
}

impl Value for SharedSignals {
    const SHAPE: Shape<Self> = Shape::Record(RecordShape {
        name: "SharedSignals",
        about: "A transmitter that pushes security event tokens (RFC 8417, RFC 8935).",
        short: None,
        read: |form| Self {
            name: form.required("name", "Its name; it sends to `/shared-signals/NAME`."),
            issuer: form.required("issuer", "Which of `issuers` signs them; the users are those of that issuer."),
            audience: form.required("audience", "What must be in their `aud`."),
        },
    });
}
