//! `userStores`: where end users' attributes live.

use std::time::Duration;

use claims::Json;

use crate::{
    span::{Span, Spanned},
    units::Bytes,
};

/// One user store.
#[derive(Clone, Debug, PartialEq)]
pub struct UserStore {
    /// Where the entry stands.
    pub span: Span,
    /// `name`
    pub name: Spanned<String>,
    /// `sql`, `inline` …: exactly one.
    pub kind: UserStoreKind,
    /// `attributes`: the store's name, and what leaves it; empty: nothing leaves (`inline`: everything).
    pub attributes: Option<Spanned<Vec<(Spanned<String>, AttributeMapping)>>>,
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
    /// None, several or an unsupported one: reported already.
    Unusable,
}

/// `sql`
#[derive(Clone, Debug, PartialEq)]
pub struct SqlStore {
    /// `url`: `sqlite:FILE`, relative to the operator's file.
    pub url: Spanned<String>,
    /// `query`: one row for a user; `:user` is bound.
    pub query: Spanned<String>,
    /// `multi`: multi-valued attributes, a query each: first column, one value a row.
    pub multi: Vec<(Spanned<String>, Spanned<String>)>,
    /// `timeout`
    pub timeout: Spanned<Duration>,
    /// `pool`: connections.
    pub pool: Spanned<u64>,
}

/// `inline`
#[derive(Clone, Debug, PartialEq)]
pub struct InlineStore {
    /// `users`
    pub users: Vec<InlineUser>,
}

/// One user written into the operator's file.
#[derive(Clone, Debug, PartialEq)]
pub struct InlineUser {
    /// `user`: what the issuer's `lookup` claim says.
    pub user: Spanned<String>,
    /// `attributes`
    pub attributes: Vec<(Spanned<String>, AttributeValues)>,
}

/// The values of one inline attribute: a scalar or a list.
#[derive(Clone, Debug, PartialEq)]
pub struct AttributeValues(pub Vec<Json>);

/// Under which name, and with which values, an attribute leaves its store.
#[derive(Clone, Debug, PartialEq)]
pub struct AttributeMapping {
    /// `name`: the canonical name.
    pub name: Spanned<String>,
    /// `value`: of a distinguished name, this attribute's value (`cn`).
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
    /// `maxBytes`
    pub max_bytes: Spanned<Bytes>,
}

/// `breaker`: when to stop asking a store that fails.
#[derive(Clone, Debug, PartialEq)]
pub struct Breaker {
    /// `after`: failures in a row.
    pub after: Spanned<u64>,
    /// `retry`: how long it is left alone.
    pub retry: Spanned<Duration>,
}
