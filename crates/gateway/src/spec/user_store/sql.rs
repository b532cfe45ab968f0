//! `sql`: an SQL database as a user store.

use std::{fmt, path::PathBuf, time::Duration};

use stores::Dialect;

use crate::{
    bind::{CompositeShape, Entries, Form, OneOrMany, RecordShape, Shape, Value, bind, describe},
    diagnostic::{Diagnostic, DiagnosticCode},
    span::Spanned,
    spec::Secret,
};

/// `sql`
#[derive(Clone, Debug, PartialEq)]
pub struct SqlStore {
    /// `url`: `sqlite:FILE`, or one or several servers that hold the same.
    pub url: Vec<Spanned<DatabaseAddress>>,
    /// `password`: of the user in the URLs.
    pub password: Option<Spanned<Secret>>,
    /// `tls`
    pub tls: Spanned<LineProtection>,
    /// `ca`: PEM certificates trusted for the server besides the system's.
    pub ca: Option<Spanned<PathBuf>>,
    /// `query`: one row for a user; `:user` is bound.
    pub query: Spanned<String>,
    /// `multi`: multi-valued attributes, a query each: first column, one value a row.
    pub multi: Entries<Spanned<String>>,
    /// `userColumn`: the column of `query` that must hold the user's name exactly.
    pub user_column: Option<Spanned<String>>,
    /// `passwordColumn`: the column of `query` with the hash of the user's password.
    pub password_column: Option<Spanned<String>>,
    /// `listen`: where a `PostgreSQL` database announces changes of users.
    pub listen: Option<ChangeChannel>,
    /// `timeout`
    pub timeout: Spanned<Duration>,
    /// `connectTimeout`
    pub connect_timeout: Spanned<Duration>,
    /// `pool`: connections to each server.
    pub pool: Spanned<u64>,
}

/// `listen`
#[derive(Clone, Debug, PartialEq)]
pub struct ChangeChannel {
    /// `channel`
    pub channel: Spanned<String>,
    /// `url`: of the server that announces; absent: the store's first.
    pub url: Option<Spanned<DatabaseAddress>>,
}

/// A database's URL. Its debug text shows no password.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseAddress(pub String);

/// `tls`: how the line to a server is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LineProtection {
    /// `verify`
    Verify,
    /// `off`
    Off,
}

impl Value for SqlStore {
    const SHAPE: Shape<Self> = Shape::Record(RecordShape {
        name: "SqlStore",
        about: "An SQL database.",
        short: None,
        read: |form| {
            let store = Self {
                url: form
                    .required::<OneOrMany<_>>(
                        "url",
                        "`sqlite:FILE`, relative to this file; `postgres://USER@HOST/DATABASE`; `mysql://USER@HOST/DATABASE`. A list: read replicas, each user has one that is asked first.",
                    )
                    .0,
                password: form.optional("password", "The password of the user in the URL."),
                tls: form.defaulted(
                    "tls",
                    "verify",
                    "`verify`: TLS with a certificate for the host; `off`: in the clear. A local socket needs none.",
                ),
                ca: form.optional("ca", "A PEM file of certificates that are trusted for the server besides the system's."),
                query: form
                    .required("query", "Gives one row for a user: a column for each attribute. `:user` is bound."),
                multi: form.defaulted(
                    "multi",
                    "{}",
                    "Multi-valued attributes: a query for each, one value a row in its first column.",
                ),
                user_column: form.optional(
                    "userColumn",
                    "The column of `query` that must hold the user's name, character by character. Required for MySQL, whose comparison ignores case and trailing spaces.",
                ),
                password_column: form.optional(
                    "passwordColumn",
                    "The column of `query` with the hash of the user's password (argon2, scrypt, pbkdf2, bcrypt), for `passwords` of an issuer. It leaves the store in no claim.",
                ),
                listen: form.optional(
                    "listen",
                    "PostgreSQL: the channel on which the database announces changed users, `NOTIFY channel, 'user'`.",
                ),
                timeout: form.defaulted("timeout", "500ms", "For all queries of one look-up together."),
                connect_timeout: form.defaulted("connectTimeout", "1s", "For a connection to a server."),
                pool: form.defaulted("pool", "8", "How many connections to each server."),
            };
            check_urls(form, &store);
            store
        },
    });
}

/// Checks what can be said of the URLs without reading them whole. Never shows one: it may hold a password.
fn check_urls(form: &mut Form<'_>, store: &SqlStore) {
    let mut first = None;
    for url in &store.url {
        let Some(dialect) = url.dialect() else {
            let message = "`url` must begin with `sqlite:`, `postgres://` or `mysql://`".to_owned();
            form.complain(DiagnosticCode::InvalidValue, &url.span, message);
            continue;
        };
        if *first.get_or_insert(dialect) != dialect {
            let message = "the URLs are of different kinds of database".to_owned();
            form.complain(DiagnosticCode::ConflictingFields, &url.span, message);
        }
        warn_of_password(form, url);
    }
    let span = form.span();
    match first {
        Some(Dialect::Sqlite) if store.url.len() > 1 => {
            let message = "several SQLite files: only servers can have replicas".to_owned();
            form.complain(DiagnosticCode::ConflictingFields, &span, message);
        }
        Some(Dialect::MySql) if store.user_column.is_none() => {
            let message = "`userColumn` is missing: MySQL compares names without regard to case and trailing spaces, \
                           so that `ALICE` would get the attributes of `alice`";
            let hint = "add the column with the user's name to `query`, and name it here";
            form.push(Diagnostic::error(DiagnosticCode::MissingField, &span, message.to_owned()).with_hint(hint));
        }
        Some(Dialect::Sqlite | Dialect::Postgres | Dialect::MySql) | None => {}
    }
}

/// Warns of a URL that holds the password. Never shows it.
pub(in crate::spec) fn warn_of_password(form: &mut Form<'_>, url: &Spanned<DatabaseAddress>) {
    if url.has_password() {
        let message = "`url` holds the password: everybody who reads this file knows it".to_owned();
        let hint = "say `password: { file: PATH }` or `password: { env: NAME }`, and only `USER@HOST` in the URL";
        form.push(Diagnostic::warning(DiagnosticCode::InlineSecret, &url.span, message).with_hint(hint));
    }
}

impl DatabaseAddress {
    /// Returns the kind of database, by the scheme.
    pub fn dialect(&self) -> Option<Dialect> {
        match self.0.split_once(':')?.0 {
            "sqlite" => Some(Dialect::Sqlite),
            "postgres" | "postgresql" => Some(Dialect::Postgres),
            "mysql" | "mariadb" => Some(Dialect::MySql),
            _ => None,
        }
    }

    /// True when there is a password before the host.
    fn has_password(&self) -> bool {
        let authority = self.0.split_once("://").map(|(_, rest)| rest.split('/').next().unwrap_or_default());
        let user = authority.and_then(|authority| authority.rsplit_once('@')).map(|(user, _)| user);
        user.is_some_and(|user| user.contains(':'))
    }
}

impl Value for ChangeChannel {
    const SHAPE: Shape<Self> = Shape::Record(RecordShape {
        name: "ChangeChannel",
        about: "Where a PostgreSQL database announces changed users.",
        short: Some(|channel| Self { channel, url: None }),
        read: |form| Self {
            channel: form.required("channel", "The channel's name, as in `NOTIFY`."),
            url: form.optional("url", "The server that announces, where the store's first URL is a replica."),
        },
    });
}

impl Value for DatabaseAddress {
    const SHAPE: Shape<Self> = Shape::Composite(CompositeShape {
        bind: |node, binder| bind(node, binder).map(Self),
        stand_in: |_| Self(String::new()),
        describe: describe::<String>,
    });
}

/// Never shows a password: what stands before the last `@` is left out.
impl fmt::Debug for DatabaseAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0.rsplit_once('@').map_or(&*self.0, |(_, rest)| rest))
    }
}

impl Value for LineProtection {
    const SHAPE: Shape<Self> = Shape::Words(Self::Verify, &[("verify", Self::Verify), ("off", Self::Off)]);
}
