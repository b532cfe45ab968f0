//! `countersign.yaml`, the operator's file: who is trusted, where users live, which keys sign.

use std::{net::SocketAddr, path::PathBuf};

use claims::{Algorithm, Anonymous, AttributeFailure, Encoding, TokenId, UnknownUser};

use crate::{
    span::{Span, Spanned},
    spec::{Application, BackendJwtParameters, Dialect, Gateway, Issuer, Keys, UserStore},
    units::{Bytes, Lifetime},
};

/// The operator's file.
#[derive(Clone, Debug, PartialEq)]
pub struct Operator {
    /// The start of the file.
    pub span: Span,
    /// `gateway`
    pub gateway: Gateway,
    /// `backendJwt`
    pub backend_jwt: BackendJwt,
    /// `admin`
    pub admin: Admin,
    /// `apis`
    pub apis: Apis,
    /// `environments`
    pub environments: Vec<Environment>,
    /// `keys`
    pub keys: Keys,
    /// `issuers`
    pub issuers: Vec<Issuer>,
    /// `sharedSubjects`: one `sub` means one person at all issuers.
    pub shared_subjects: Spanned<bool>,
    /// `userStores`
    pub user_stores: Vec<UserStore>,
    /// `dialects`
    pub dialects: Vec<Dialect>,
    /// `applications`
    pub applications: Vec<Application>,
    /// `cache`
    pub cache: Cache,
    /// `audit`
    pub audit: Audit,
}

/// `backendJwt`: the gateway-level policy, and bounds on what API authors may write.
#[derive(Clone, Debug, PartialEq)]
pub struct BackendJwt {
    /// Where it stands; the file's start when left out.
    pub span: Span,
    /// `enabled`: every API gets the policy.
    pub enabled: Spanned<bool>,
    /// `defaults`: what a policy's absent parameters are.
    pub defaults: BackendJwtParameters,
    /// `limits`
    pub limits: BackendJwtLimits,
    /// `allowedHeaders`: exactly these may be minted; absent: the built-in rule.
    pub allowed_headers: Option<Spanned<Vec<Spanned<String>>>>,
    /// `allowUnsigned`: `signingAlgorithm: none` is not refused.
    pub allow_unsigned: Spanned<bool>,
    /// `sensitive`
    pub sensitive: Sensitive,
}

/// `backendJwt.limits`: each absent one bounds nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BackendJwtLimits {
    /// `tokenTTL`: the longest.
    pub token_ttl: Option<Spanned<Lifetime>>,
    /// `maxHeaderBytes`: the largest.
    pub max_header_bytes: Option<Spanned<Bytes>>,
    /// `signingAlgorithm`: one of these.
    pub signing_algorithm: Option<Spanned<Vec<Spanned<Algorithm>>>>,
    /// `encoding`: one of these.
    pub encoding: Option<Spanned<Vec<Spanned<Encoding>>>>,
    /// `dialect`: one of these, by name or URI.
    pub dialect: Option<Spanned<Vec<Spanned<String>>>>,
    /// `claims`: attributes that may be sent at all.
    pub claims: Option<Spanned<Vec<Spanned<String>>>>,
    /// `tokenClaims`: claims of the inbound token that may be passed on.
    pub token_claims: Option<Spanned<Vec<Spanned<String>>>>,
    /// `userStore`: only these.
    pub user_store: Option<Spanned<Vec<Spanned<String>>>>,
    /// `onAttributeFailure`: one of these.
    pub on_attribute_failure: Option<Spanned<Vec<Spanned<AttributeFailure>>>>,
    /// `onUnknownUser`: one of these.
    pub on_unknown_user: Option<Spanned<Vec<Spanned<UnknownUser>>>>,
    /// `anonymous`: one of these.
    pub anonymous: Option<Spanned<Vec<Spanned<Anonymous>>>>,
    /// `tokenId`: one of these.
    pub token_id: Option<Spanned<Vec<Spanned<TokenId>>>>,
}

/// `backendJwt.sensitive`: attributes that are not minted without leave.
#[derive(Clone, Debug, PartialEq)]
pub struct Sensitive {
    /// `attributes`: names or patterns with `*`, besides the built-in ones.
    pub attributes: Vec<Spanned<String>>,
    /// `allow`
    pub allow: Vec<SensitiveAllowance>,
}

/// Leave for one API to receive one sensitive attribute.
#[derive(Clone, Debug, PartialEq)]
pub struct SensitiveAllowance {
    /// `attribute`
    pub attribute: Spanned<String>,
    /// `api`: its name.
    pub api: Spanned<String>,
    /// `reason`: for the disclosure report.
    pub reason: Spanned<String>,
}

/// `admin`
#[derive(Clone, Debug, PartialEq)]
pub struct Admin {
    /// `address`: health, metrics, cache invalidation.
    pub address: Spanned<SocketAddr>,
}

/// `apis`
#[derive(Clone, Debug, PartialEq)]
pub struct Apis {
    /// `directory`: where API definitions are.
    pub directory: Spanned<PathBuf>,
}

/// One entry of `environments`.
#[derive(Clone, Debug, PartialEq)]
pub struct Environment {
    /// `name`: what an API's `environment` names.
    pub name: Spanned<String>,
    /// `hosts`
    pub hosts: Vec<Spanned<String>>,
}

/// `cache`
#[derive(Clone, Debug, PartialEq)]
pub struct Cache {
    /// `maxBytes`: of known credentials and their JWTs.
    pub max_bytes: Spanned<Bytes>,
}

/// `audit`
#[derive(Clone, Debug, PartialEq)]
pub struct Audit {
    /// `mode`: when the writer cannot keep up.
    pub mode: Spanned<AuditMode>,
    /// `file`: absent: standard output.
    pub file: Option<Spanned<PathBuf>>,
    /// `enabled`
    pub enabled: Spanned<bool>,
}

/// What happens when audit records come faster than they can be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AuditMode {
    /// `block`: requests wait.
    Block,
    /// `drop`: records are dropped and counted.
    Drop,
}
