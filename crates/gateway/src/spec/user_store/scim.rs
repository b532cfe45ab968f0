//! `scim`: a SCIM 2.0 service as a user store.

use stores::UserMatch;

use super::service::{ServiceAuthorization, ServiceConnection};
use crate::{
    bind::{Form, RecordShape, Shape, Value, WebUrl},
    diagnostic::DiagnosticCode,
    span::Spanned,
};

/// `scim`
#[derive(Clone, Debug, PartialEq)]
pub struct ScimStore {
    /// `url`: the base address.
    pub url: Spanned<WebUrl>,
    /// `find`
    pub find: ScimFind,
    /// `filter`: `{user}` stands for the user's name; not used with `find: id`.
    pub filter: Spanned<String>,
    /// `userMatch`
    pub user_match: UserMatch,
    /// `selectAttributes`: ask only for what is needed.
    pub select_attributes: Spanned<bool>,
    /// `authorization`
    pub authorization: Option<ServiceAuthorization>,
    /// How it is reached.
    pub connection: ServiceConnection,
}

/// `find`: how a user is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScimFind {
    /// `filter`
    Filter,
    /// `id`
    Id,
}

impl Value for ScimStore {
    const SHAPE: Shape<Self> = Shape::Record(RecordShape {
        name: "ScimStore",
        about: "A SCIM 2.0 service. The keys of `attributes` are paths such as `emails[primary eq true].value`.",
        short: None,
        read: |form| {
            let store = Self {
                url: form.required("url", "Its base address; `/Users` is below it."),
                find: form.defaulted("find", "filter", "`filter`: search by `filter`; `id`: the name is the user's `id`."),
                filter: form.defaulted(
                    "filter",
                    "userName eq \"{user}\"",
                    "The search; `{user}`, within double quotes, is the user's name.",
                ),
                user_match: form.defaulted(
                    "userMatch",
                    "exact",
                    "`exact`: what the filter compares must be the user's name byte for byte; `store`: the service decides.",
                ),
                select_attributes: form.defaulted(
                    "selectAttributes",
                    "true",
                    "False: ask for everything, for a service that stumbles over the parameter `attributes`.",
                ),
                authorization: form.optional("authorization", "How the gateway authenticates itself."),
                connection: ServiceConnection::read(form),
            };
            refuse_filter_with_id(form, store.find);
            store
        },
    });
}

/// A filter that is never sent would mislead.
fn refuse_filter_with_id(form: &mut Form<'_>, find: ScimFind) {
    for field in ["filter", "userMatch"] {
        if find == ScimFind::Id && form.seems_to_have(field) {
            let span = form.place_of(field);
            form.complain(DiagnosticCode::ConflictingFields, &span, format!("`{field}` has no use with `find: id`"));
        }
    }
}

impl Value for ScimFind {
    const SHAPE: Shape<Self> = Shape::Words(Self::Filter, &[("filter", Self::Filter), ("id", Self::Id)]);
}
