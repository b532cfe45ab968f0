//! `userStores`: where end users' attributes live.

mod http;
mod inline;
mod ldap;
mod scim;
mod service;
mod sql;
mod userinfo;

use std::time::Duration;

use stores::UserMatch;

use crate::{
    bind::{Entries, Form, RecordShape, Shape, Value},
    diagnostic::DiagnosticCode,
    span::{Span, Spanned},
    units::Bytes,
};

pub(super) use self::sql::warn_of_password;
pub use self::{
    http::{HeaderText, HttpStore},
    inline::{AttributeValues, InlineStore, InlineUser, PasswordHashText},
    ldap::{LdapGroups, LdapStore},
    scim::{ScimFind, ScimStore},
    service::{ClientCredentials, ServiceAuthorization, ServiceConnection},
    sql::{ChangeChannel, DatabaseAddress, LineProtection, SqlStore},
    userinfo::UserInfoStore,
};

/// One user store.
#[derive(Clone, Debug, PartialEq)]
pub struct UserStore {
    /// Where the entry stands.
    pub span: Span,
    /// `name`
    pub name: Spanned<String>,
    /// `domain`: of `DOMAIN/user`.
    pub domain: Option<Spanned<String>>,
    /// `sql`, `inline` …: exactly one.
    pub kind: UserStoreKind,
    /// `attributes`: the store's name, and what leaves it; empty: nothing leaves (`inline`: everything).
    pub attributes: Option<Spanned<Entries<AttributeMapping>>>,
    /// `cache`
    pub cache: StoreCache,
    /// `breaker`
    pub breaker: Breaker,
}

/// What kind of store it is.
#[derive(Clone, Debug, PartialEq)]
pub enum UserStoreKind {
    /// `sql`
    Sql(SqlStore),
    /// `inline`
    Inline(InlineStore),
    /// `ldap`
    Ldap(LdapStore),
    /// `scim`
    Scim(ScimStore),
    /// `userinfo`
    UserInfo(UserInfoStore),
    /// `http`
    Http(HttpStore),
    /// None, several or an unsupported one: reported already.
    Unusable,
}

/// Under which name, and with which values, an attribute leaves its store.
#[derive(Clone, Debug, PartialEq)]
pub struct AttributeMapping {
    /// `name`: the canonical name.
    pub name: Spanned<String>,
    /// `value`: what becomes of each value (`cn`, `json`, `base64`).
    pub value: Option<Spanned<String>>,
    /// `keep`: patterns of the values to keep; empty: all.
    pub keep: Vec<Spanned<String>>,
}

/// `cache`: how long a store's answers live.
#[derive(Clone, Debug, PartialEq)]
pub struct StoreCache {
    /// `ttl`
    pub ttl: Spanned<Duration>,
    /// `refreshAhead`: how long before expiry an entry in use is renewed.
    pub refresh_ahead: Spanned<Duration>,
    /// `negativeTtl`: of "no such user".
    pub negative_ttl: Spanned<Duration>,
    /// `staleFor`: how old an answer may be that serves while the store is down.
    pub stale_for: Spanned<Duration>,
    /// `classes`: attributes that live longer or shorter.
    pub classes: Vec<AttributeClass>,
    /// `maxBytes`
    pub max_bytes: Spanned<Bytes>,
}

/// Attributes with a time to live of their own.
#[derive(Clone, Debug, PartialEq)]
pub struct AttributeClass {
    /// `attributes`: their canonical names.
    pub attributes: Vec<Spanned<String>>,
    /// `ttl`
    pub ttl: Spanned<Duration>,
}

/// `breaker`: when to stop asking a store that fails.
#[derive(Clone, Debug, PartialEq)]
pub struct Breaker {
    /// `after`: failures in a row.
    pub after: Spanned<u64>,
    /// `retry`: how long it is left alone.
    pub retry: Spanned<Duration>,
}

impl UserStore {
    /// Returns when to stop asking it.
    pub fn breaker(&self) -> &Breaker {
        match &self.kind {
            UserStoreKind::Ldap(ldap) => ldap.breaker.as_ref().unwrap_or(&self.breaker),
            _ => &self.breaker,
        }
    }
}

/// The fields of which a store has exactly one.
const KINDS: [&str; 6] = ["sql", "inline", "ldap", "scim", "userinfo", "http"];

impl Value for UserStore {
    const SHAPE: Shape<Self> = Shape::Record(RecordShape {
        name: "UserStore",
        about: "A place where end users' attributes live: exactly one of `sql`, `inline`, `ldap`, `scim`, `userinfo` and `http`.",
        short: None,
        read: |form| {
            Self {
            span: form.span(),
            name: form.required("name", "Its name."),
            domain: read_domain(form),
            kind: read_kind(form),
            attributes: form.optional(
                "attributes",
                "What leaves the store: its own name of each attribute, and the canonical one. An `inline` store without it gives everything.",
            ),
            cache: form.defaulted("cache", "{}", "How long its answers are kept."),
            breaker: form.defaulted("breaker", "{}", "When to stop asking a store that fails."),
        }
        },
    });
}

/// Reads a domain: what stands before the first slash of a user's name.
fn read_domain(form: &mut Form<'_>) -> Option<Spanned<String>> {
    let domain: Option<Spanned<String>> = form.optional(
        "domain",
        "A user who is called `DOMAIN/user` is looked up as `user`, and only in stores of that domain. Compared without regard to case.",
    );
    if let Some(domain) = domain.as_ref().filter(|domain| domain.is_empty() || domain.contains('/')) {
        let message = "`domain` is what stands before the slash: neither empty nor with a slash".to_owned();
        form.complain(DiagnosticCode::InvalidValue, &domain.span, message);
    }
    domain
}

fn read_kind(form: &mut Form<'_>) -> UserStoreKind {
    let sql = form.optional("sql", "An SQL database.").map(UserStoreKind::Sql);
    let inline = form.optional("inline", "Users written into this file.").map(UserStoreKind::Inline);
    let ldap = form.optional("ldap", "An LDAP directory.").map(UserStoreKind::Ldap);
    let scim = form.optional("scim", "A SCIM 2.0 service.").map(UserStoreKind::Scim);
    let userinfo = form.optional("userinfo", "An issuer's UserInfo endpoint.").map(UserStoreKind::UserInfo);
    let http = form.optional("http", "An HTTP service.").map(UserStoreKind::Http);
    let present: Vec<&str> = KINDS.into_iter().filter(|kind| form.seems_to_have(kind)).collect();
    match present.as_slice() {
        [] => {
            let span = form.span();
            let message = format!("the user store is of no kind: it needs one of `{}`", KINDS.join("`, `"));
            form.complain(DiagnosticCode::MissingField, &span, message);
        }
        [_] => {}
        [first, second, ..] => {
            let span = form.place_of(second);
            let message = format!("`{first}` and `{second}` exclude one another: a user store is of one kind");
            form.complain(DiagnosticCode::ConflictingFields, &span, message);
        }
    }
    let mut built = [sql, inline, ldap, scim, userinfo, http].into_iter().flatten();
    match (built.next(), built.next()) {
        (Some(only), None) => only,
        (None, _) | (Some(_), Some(_)) => UserStoreKind::Unusable,
    }
}

impl Value for AttributeMapping {
    const SHAPE: Shape<Self> = Shape::Record(RecordShape {
        name: "AttributeMapping",
        about: "Under which name, and with which values, an attribute leaves its store.",
        short: Some(|name| Self { name, value: None, keep: Vec::new() }),
        read: |form| {
            Self {
            name: form.required("name", "The canonical name."),
            value: form.optional(
                "value",
                "`cn`: of a distinguished name, its common name; `json`: what a text says in JSON, an array's values each for itself; `base64`: of an LDAP attribute, any bytes as text.",
            ),
            keep: form.defaulted("keep", "[]", "Patterns with `*` of the values to keep; `[]`: all."),
        }
        },
    });
}

/// `userMatch`, of the kinds of store whose server compares names by rules of its own.
impl Value for UserMatch {
    const SHAPE: Shape<Self> = Shape::Words(Self::Exact, &[("exact", Self::Exact), ("store", Self::Store)]);
}

impl Value for StoreCache {
    const SHAPE: Shape<Self> = Shape::Record(RecordShape {
        name: "StoreCache",
        about: "How long a user store's answers are kept.",
        short: None,
        read: |form| {
            Self {
            ttl: form.defaulted("ttl", "5m", "How long an answer serves."),
            refresh_ahead: form.defaulted("refreshAhead", "1m", "How long before that an answer in use is renewed."),
            negative_ttl: form.defaulted("negativeTtl", "30s", "How long `no such user` serves."),
            stale_for: form.defaulted(
                "staleFor",
                "0s",
                "How old an answer may be that serves while the store cannot be asked.",
            ),
            classes: form.defaulted(
                "classes",
                "[]",
                "Attributes that live longer or shorter than `ttl`. A Backend JWT lives as long as the shortest-lived of those that its policy sends.",
            ),
            max_bytes: form.defaulted("maxBytes", "32MiB", "Its size."),
        }
        },
    });
}

impl Value for AttributeClass {
    const SHAPE: Shape<Self> = Shape::Record(RecordShape {
        name: "AttributeClass",
        about: "Attributes of a user store with a time to live of their own.",
        short: None,
        read: |form| Self {
            attributes: form.required("attributes", "Their canonical names."),
            ttl: form.required("ttl", "How long an answer serves the policies that send one of them."),
        },
    });
}

impl Value for Breaker {
    const SHAPE: Shape<Self> = Shape::Record(RecordShape {
        name: "Breaker",
        about: "When to stop asking a server that fails.",
        short: None,
        read: |form| Self {
            after: form.defaulted("after", "5", "After so many failures in a row."),
            retry: form.defaulted("retry", "5s", "How long it is left alone."),
        },
    });
}
