//! `state`: a `PostgreSQL` database in which API definitions and applications live, for several gateways that share them.

use std::{path::PathBuf, time::Duration};

use stores::Dialect;

use super::user_store::warn_of_password;
use crate::{
    bind::{Form, RecordShape, Shape, Value},
    diagnostic::DiagnosticCode,
    span::{Span, Spanned},
    spec::{Application, DatabaseAddress, LineProtection, Secret},
};

/// `state`
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    /// Where it stands.
    pub span: Span,
    /// `url`
    pub url: Spanned<DatabaseAddress>,
    /// `password`: of the user in the URL.
    pub password: Option<Spanned<Secret>>,
    /// `tls`
    pub tls: Spanned<LineProtection>,
    /// `ca`: PEM certificates trusted for the server besides the system's.
    pub ca: Option<Spanned<PathBuf>>,
    /// `timeout`: for connecting, and for each statement.
    pub timeout: Spanned<Duration>,
}

/// The applications that live beside API definitions in a database.
#[derive(Clone, Debug, PartialEq)]
pub struct SharedApplications {
    /// `applications`
    pub applications: Vec<Application>,
}

impl Value for State {
    const SHAPE: Shape<Self> = Shape::Record(RecordShape {
        name: "State",
        about: "A PostgreSQL database in which API definitions and applications live, in place of `apis.directory`.",
        short: None,
        read: |form| {
            let state = Self {
                span: form.span(),
                url: form.required("url", "`postgres://USER@HOST/DATABASE`: the server that takes changes."),
                password: form.optional("password", "The password of the user in the URL."),
                tls: form.defaulted(
                    "tls",
                    "verify",
                    "`verify`: TLS with a certificate for the host; `off`: in the clear. A local socket needs none.",
                ),
                ca: form
                    .optional("ca", "A PEM file of certificates that are trusted for the server besides the system's."),
                timeout: form.defaulted("timeout", "5s", "For connecting, and for each statement."),
            };
            check_url(form, &state.url);
            state
        },
    });
}

fn check_url(form: &mut Form<'_>, url: &Spanned<DatabaseAddress>) {
    match url.dialect() {
        Some(Dialect::Postgres) => warn_of_password(form, url),
        Some(Dialect::Sqlite | Dialect::MySql) | None => {
            let message = "`url` must begin with `postgres://`".to_owned();
            form.complain(DiagnosticCode::InvalidValue, &url.span, message);
        }
    }
}

impl Value for SharedApplications {
    const SHAPE: Shape<Self> = Shape::Record(RecordShape {
        name: "SharedApplications",
        about: "The applications that several gateways share.",
        short: None,
        read: |form| Self {
            applications: form.defaulted("applications", "[]", "The client applications and their subscriptions."),
        },
    });
}
