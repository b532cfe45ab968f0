//! The two kinds of configuration file as written: what stands in them, each value with its place.
//!
//! Holds text, numbers and enums; resolves nothing, reads no other file. `compile` turns it into a snapshot.
//! One file for each kind of resource; each type's shape says which fields it has, with defaults and meanings.

mod admin;
mod admin_login;
mod api;
mod api_key;
mod application;
mod authentication;
mod backend_jwt;
mod client_certificates;
mod cors;
mod dialect;
mod endpoint;
mod envoy;
mod events;
mod feature;
mod gateway;
mod header_policy;
mod introspection;
mod issuer;
mod keys;
mod mirror;
mod operation;
mod operator;
mod passwords;
mod policy;
mod redirect;
mod resiliency;
mod secret;
mod state;
mod user_store;

pub use admin::{Admin, ApiOwners};
pub use admin_login::{AdminBearer, AdminLogin, AdminOidc, AdminRoles};
pub use api::{AdditionalProperty, Api, ApiType, KeyManager};
pub use api_key::{ApiKey, KeyHash, KnownUser};
pub use application::{Application, Subscription};
pub use authentication::{
    Authentication, CertificateChoice, CertificatePresence, MutualTls, PlacedCredential, Presence,
};
pub use backend_jwt::{
    AttributeSelection, BackendJwtParameters, ClaimsSelection, CustomClaim, OnOversize, TokenClaimsSelection, TokenTtl,
    UserStoreSelection,
};
pub use client_certificates::{ClientCertificates, Thumbprint};
pub use cors::Cors;
pub use dialect::{ClaimValueType, Dialect, DialectClaim};
pub use endpoint::{Endpoint, EndpointConfigurations, EndpointSecurity, EndpointTarget, KubernetesService};
pub use envoy::{Envoy, EnvoyTls};
pub use events::{Events, SharedSignals, Webhook};
pub use feature::Feature;
pub use gateway::{AskForCertificates, Compatibility, Dpop, Gateway, HeaderLimits, Listener, Streams, Tls, Upstream};
pub use header_policy::{HeaderChange, HeaderPolicy};
pub use introspection::Introspection;
pub use issuer::{ClaimMapping, ClaimSign, Issuer, Jwks, Lookup, TokenType};
pub use keys::{HmacSecret, KeyFile, Keys};
pub use mirror::RequestMirror;
pub use operation::{Operation, RateLimit, RateSubject, RateUnit, ScopesMatch, Upgrade};
pub(crate) use operator::OPERATOR_ONLY_FIELDS;
pub use operator::{
    Apis, Audit, AuditMode, BackendJwt, BackendJwtLimits, Cache, Environment, Operator, Sensitive, SensitiveAllowance,
};
pub use passwords::Passwords;
pub use policy::{BackendJwtPolicy, Policies};
pub use redirect::RequestRedirect;
pub use resiliency::{CircuitBreaker, Resiliency, RetryPolicy, Timeouts};
pub use secret::Secret;
pub use state::{SharedApplications, State};
pub use user_store::{
    AttributeClass, AttributeMapping, AttributeValues, Breaker, ChangeChannel, ClientCredentials, DatabaseAddress,
    HeaderText, HttpStore, InlineStore, InlineUser, LdapGroups, LdapStore, LineProtection, PasswordHashText, ScimFind,
    ScimStore, ServiceAuthorization, ServiceConnection, SqlStore, StoreCache, UserInfoStore, UserStore, UserStoreKind,
};
