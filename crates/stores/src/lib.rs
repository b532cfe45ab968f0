//! User stores: where the end user's attributes live, and the cache in front of them.
//!
//! A store answers with canonical attribute names; only mapped attributes leave it. LDAP, SCIM, `PostgreSQL` and the
//! others fit the same [`UserStore`] seam. Does not know policies, tokens or HTTP.

mod attribute_map;
mod bounded_map;
mod breaker;
mod cache;
mod client_credentials;

mod error;
mod http_callout;
mod http_client;
mod inline;
mod json_pointer;
mod ldap;
mod password;
mod percent;
mod renewed;
mod scim;
mod service;
mod sql;
mod tls;
mod user_store;
mod userinfo;

pub use attribute_map::{AttributeMap, AttributeMapError, MappedAttribute, Pattern, ValueRule};
pub use breaker::{Breaker, BreakerSettings, BreakerState};
pub use cache::{
    Answer, CacheCounters, CacheSettings, CachedStore, Freshness, Generation, Hold, LastFailure, Latency, StalePolicy,
    StoreStatus,
};
pub use client_credentials::{ClientAuthentication, ClientCredentialsError, ClientCredentialsSettings};
pub use error::StoreError;
pub use http_callout::{
    CalloutReading, CalloutRequest, HttpCallout, HttpCalloutSettings, JsonTemplate, UrlTemplate, UrlTemplateError,
};
pub use http_client::{
    HttpAnswer, HttpClient, HttpClientError, HttpError, HttpRequest, HttpSettings, NoHeaderValue, form_encoded,
    secret_value,
};
pub use inline::{InlinePasswords, InlineStore, InlineUsers};
pub use json_pointer::{JsonPointer, JsonPointerError};
pub use ldap::{
    FilterError, FilterProblem, GROUPS, GroupFilter, GroupSearch, LdapBind, LdapConnection, LdapSettings, LdapStore,
    LdapUrl, LdapUrlError, UserFilter,
};
pub use password::{Password, PasswordHash, PasswordHashError, PasswordStore, PasswordVerdict};
pub use scim::{
    FilterTemplate, ScimFind, ScimPath, ScimSelection, ScimSettings, ScimStore, ScimSyntaxError, ScimSyntaxProblem,
};
pub use service::{Authorization, ServiceSettings};
pub use sql::{
    ChangeChannel, ConnectionSettings, DatabaseTls, DatabaseUrl, DatabaseUrlError, Dialect, Heard, PostgresListener,
    Query, QueryError, Questions, ServerAccess, ServerAddress, ServerPlace, SqlSettings, SqlSource, SqlStore,
    postgres_options,
};
pub use tls::{TlsError, tls_client};
pub use user_store::{BoxFuture, Change, Question, Trace, Traced, UserMatch, UserStore};
pub use userinfo::{
    KeyFinder, KeysWanted, SignedAnswers, UserInfoAnswers, UserInfoEndpoint, UserInfoIssuer, UserInfoSettings,
    UserInfoStore,
};
