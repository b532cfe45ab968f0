//! Configuration, compiled into a snapshot, and the decision about each request.
//!
//! Knows `http` types, no server. Reading order: `decide.rs`, then `snapshot.rs`, then `spec.rs` and `compile.rs`.

mod access;
mod admin_login;
mod api_keys;
mod applications;
mod authenticate;
mod bind;
mod callers;
mod certificate_authority;
mod client_certificate;
mod clock_watch;
mod compile;
mod credential;
mod decide;
mod defaults;
mod diagnostic;
mod disclosures;
mod documents;
mod elsewhere;
mod envoy;
mod events;
mod explain;
mod fields;
mod fingerprint;
mod forward;
mod gateway;
mod introspection;
mod issue;
mod issued;
mod issuer;
mod issuer_keys;
mod keyring;
mod known_caller;
mod parse;
mod passwords;
mod path;
mod policy_types;
mod proof_nonces;
mod proofs;
mod rejection;
mod request;
mod resilience;
mod restart;
mod revocations;
mod route;
mod runtime;
mod schema;
mod snapshot;
mod span;
pub mod spec;
mod time;
mod treatment;
mod turn;
mod units;
mod user_lookup;
mod websocket;
pub mod yaml;

pub use access::{
    Access, CertificateRequirement, Challenge, CredentialDemand, Demand, Requirement, Scheme, Scopes, Subscription,
};
pub use admin_login::AdminLogin;
pub use api_keys::{ApiKey, ApiKeys, generate as generate_api_key, hash as hash_api_key};
pub use applications::{ApplicationRecord, Applications, CallingApplication, SubscriptionRecord};
pub use authenticate::Caller;
pub use bind::{Entries, Literal, WebUrl};
pub use callers::Callers;
pub use certificate_authority::{
    CertificateAuthority, CertificateIdentity, CertificateRefusal, RevocationDoubt, RevocationGap,
};
pub use client_certificate::ClientCertificate;
pub use clock_watch::{ClockReading, ClockStep, ClockWatch};
pub use compile::{BrokenApis, Compiled, Pools, Sources, StateAddress, Surroundings, compile};
pub use credential::{CredentialSource, Holds, Place};
pub use decide::{Decision, DecisionRecord, Jwts, Steps};
pub use defaults::defaults;
pub use diagnostic::{Diagnostic, DiagnosticCode, Diagnostics, Severity};
pub use disclosures::{Disclosure, disclosures};
pub use documents::{Document, Documents, Published};
pub use elsewhere::Elsewhere;
pub use envoy::{ClientHead, HeadChanges};
pub use events::{EventError, EventSources, WebhookFields, receive_set, receive_webhook};
pub use explain::{
    AskedCaller, ExplainError, ExplainedCaller, ExplainedJwt, ExplainedPolicy, Explanation, JwtOutcome, Question,
    Refusal, SentJwt, WrittenQuestion, WrittenQuestionError, explain,
};
pub use fields::{FieldClass, FieldRules};
pub use fingerprint::Fingerprint;
pub use forward::{Forward, ReservedHeaderMode, join_cookies};
pub use gateway::{EditError, Gateway, ProcessSettings, Status};
pub use introspection::{ClientAuthentication, ClientSecret, Introspection, SignedAnswers};
pub use issue::{Issuance, IssuePolicy};
pub use issued::{Generations, IssuedJwt, JwtOrigin, Slot, TokenId};
pub use issuer::{ApplicationFromToken, AttributeLives, ClaimSign, Issuer, RemoteClaim, UserStoreHandle};
pub use issuer_keys::{IssuerKeys, KeySource, KeysError};
pub use keyring::{
    DirectoryError, JWKS_MAX_AGE, Keyring, LoadedKeys, lock_directory, make_first_keys, read_directory,
    retirement_times, write_key,
};
pub use known_caller::{CredentialKind, KnownCaller, OwnApplication, UserTag, Vouching};
pub use parse::{Source, parse_api, parse_operator, render_yaml, update_yaml, yaml_lines, yaml_pointers, yaml_to_json};
pub use passwords::{ClearText, Passwords};
pub use path::{EncodedSlash, NormalPath, PathError};
pub use policy_types::{PolicyField, PolicyType, policy_types};
pub use proof_nonces::{NonceDemand, ProofNonces};
pub use rejection::{Code, Rejection};
pub use request::{Connection, Endpoint, PoolId, RequestHead, Upstream};
pub use resilience::{CallPermit, EndpointLimits, EndpointState, Resilience, Retries, RetryPermit};
pub use revocations::{Revocations, Revoked, StreamLimits};
pub use route::{Base, BaseTable, Conflict, DuplicateBase, OperationRoutes, TargetError};
pub use runtime::{Counter, Counters, Runtime};
pub use schema::{FileKind, json_schema};
pub use snapshot::{Api, ApiState, Endpoints, Operation, Routed, Snapshot};
pub use span::{Span, Spanned};
pub use treatment::{
    AnsweredBy, Cors, CorsMethods, CountedBy, Credentials, HeaderChange, HeaderChanges, Origins, Quota, RateLimit,
    Redirect, RedirectStatus, Treated, Treatment,
};
pub use units::{Bytes, DurationError, Lifetime, Timestamp, parse_duration};
pub use user_lookup::{StoreChoice, StoreMerge};
pub use websocket::{WebSocketHandshake, ask_as_http1};
pub use yaml::YamlEditError;
