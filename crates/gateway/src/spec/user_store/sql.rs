//! `sql`: an SQL database as a user store.

use std::time::Duration;

use crate::{
    bind::{Entries, Form, RecordShape, Shape, Value},
    diagnostic::DiagnosticCode,
    span::Spanned,
    spec::Feature,
};

/// `sql`
#[derive(Clone, Debug, PartialEq)]
pub struct SqlStore {
    /// `url`: `sqlite:FILE`, relative to the operator's file.
    pub url: Spanned<String>,
    /// `query`: one row for a user; `:user` is bound.
    pub query: Spanned<String>,
    /// `multi`: multi-valued attributes, a query each: first column, one value a row.
    pub multi: Entries<Spanned<String>>,
    /// `timeout`
    pub timeout: Spanned<Duration>,
    /// `pool`: connections.
    pub pool: Spanned<u64>,
}

impl Value for SqlStore {
    const SHAPE: Shape<Self> = Shape::Record(RecordShape {
        name: "SqlStore",
        about: "An SQL database.",
        short: None,
        read: |form| {
            let store = Self {
                url: form.required("url", "`sqlite:FILE`, relative to this file."),
                query: form
                    .required("query", "Gives one row for a user: a column for each attribute. `:user` is bound."),
                multi: form.defaulted(
                    "multi",
                    "{}",
                    "Multi-valued attributes: a query for each, one value a row in its first column.",
                ),
                timeout: form.defaulted("timeout", "500ms", "For all queries of one look-up together."),
                pool: form.defaulted("pool", "8", "How many connections."),
            };
            refuse_other_databases(form, &store.url);
            store
        },
    });
}

/// Refuses other databases, without showing the URL: it may hold a password.
fn refuse_other_databases(form: &mut Form<'_>, url: &Spanned<String>) {
    let (scheme, _) = url.split_once(':').unwrap_or_default();
    match scheme {
        "sqlite" => {}
        "postgres" | "postgresql" => form.refuse("url", Feature::PostgresUserStore),
        "mysql" | "mariadb" => form.refuse("url", Feature::MySqlUserStore),
        _ => form.complain(DiagnosticCode::InvalidValue, &url.span, "`url` must begin with `sqlite:`".to_owned()),
    }
}
