//! `http`: a service of the organisation's own as a user store.

use super::service::{ServiceAuthorization, ServiceConnection};
use crate::{
    bind::{CompositeShape, Entries, RecordShape, Shape, Value, bind, describe},
    span::Spanned,
    spec::Secret,
    yaml::NodeKind,
};

/// `http`
#[derive(Clone, Debug, PartialEq)]
pub struct HttpStore {
    /// `url`: `{user}` stands for the user's name.
    pub url: Spanned<String>,
    /// `body`: JSON, in whose strings `{user}` stands for the user's name; there: POST, absent: GET.
    pub body: Option<Spanned<String>>,
    /// `headers`
    pub headers: Entries<Spanned<HeaderText>>,
    /// `notFound`: statuses that say that there is no such user.
    pub not_found: Vec<Spanned<u64>>,
    /// `entries`: pointer to the array of matches.
    pub entries: Option<Spanned<String>>,
    /// `user`: pointer to the user's name in his entry.
    pub user: Option<Spanned<String>>,
    /// `authorization`
    pub authorization: Option<ServiceAuthorization>,
    /// How it is reached.
    pub connection: ServiceConnection,
}

/// A header field's value: a text, or a secret that is somewhere else.
#[derive(Clone, Debug, PartialEq)]
pub struct HeaderText(pub Secret);

impl Value for HttpStore {
    const SHAPE: Shape<Self> = Shape::Record(RecordShape {
        name: "HttpStore",
        about: "A service of your own that answers in JSON. The keys of `attributes` are JSON pointers such as `/address/city`.",
        short: None,
        read: |form| {
            Self {
            url: form.required("url", "Its address; `{user}`, in the path or the query, is the user's name, encoded."),
            body: form.optional("body", "A JSON body; `{user}`, within a text of it, is the user's name. With it: POST, else: GET."),
            headers: form.defaulted("headers", "{}", "Further header fields: a text, or a secret's `{ file: PATH }` or `{ env: NAME }`."),
            not_found: form.defaulted("notFound", "[404]", "The statuses that say that there is no such user."),
            entries: form.optional(
                "entries",
                "A JSON pointer to the array of matches: none is no such user, two are ambiguous. Without it the answer is the user.",
            ),
            user: form.optional(
                "user",
                "A JSON pointer to the user's name in what was found: only the same name, byte for byte, is a match.",
            ),
            authorization: form.optional("authorization", "How the gateway authenticates itself."),
            connection: ServiceConnection::read(form),
        }
        },
    });
}

impl Value for HeaderText {
    const SHAPE: Shape<Self> = Shape::Composite(CompositeShape {
        bind: |node, binder| {
            match node.kind {
                NodeKind::Scalar(_) => bind::<String>(node, binder).map(Secret::Inline),
                NodeKind::Mapping(_) | NodeKind::Sequence(_) => bind(node, binder),
            }
            .map(Self)
        },
        stand_in: |_| Self(Secret::Inline(String::new())),
        describe: describe::<Secret>,
    });
}
