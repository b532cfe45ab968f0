//! A Backend JWT policy, fully resolved for one operation: nothing optional that must be there, nothing named.
//!
//! Made by the gateway's compile step from the three policy levels; every field is one parameter of the contract.

mod collisions;
mod mapping;

use std::{collections::BTreeSet, sync::Arc};

use crate::{
    algorithm::{Algorithm, Encoding},
    custom_claim::CustomClaim,
    dialect::Dialect,
    key::HeaderForm,
    name::Name,
    pattern::PlainName,
};

pub use self::{
    collisions::{NameProblem, PolicyProblem, check_collisions},
    mapping::{AttributeMapping, Selection},
};

/// The `aud` claim.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Audience(pub Vec<Box<str>>);

/// One entry of the `claims` allow-list.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AttributeRule {
    /// The attribute to let through.
    pub attribute: Box<str>,
    /// Of a multi-valued attribute, only the values that match one of these patterns (`*` matches any run); empty: all.
    pub keep: Vec<Box<str>>,
}

/// Which of the dialect's attributes are sent.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ClaimSelection {
    /// All that the dialect maps.
    All,
    /// Only these.
    Only(Vec<AttributeRule>),
}

/// Which claims of the inbound token are passed on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum TokenClaims {
    /// All but the named ones and those that the gateway sets.
    AllBut(BTreeSet<Box<str>>),
    /// Only these, in this order.
    Only(Vec<Box<str>>),
}

/// The token claims that the `apim` compatibility never passes on.
const APIM_RESTRICTED: [&str; 10] =
    ["iss", "sub", "aud", "exp", "nbf", "iat", "jti", "application", "tierInfo", "subscribedAPIs"];

impl TokenClaims {
    /// What WSO2 APK passes on: all but `iss sub aud exp nbf iat jti application tierInfo subscribedAPIs aut`.
    pub fn apk() -> Self {
        Self::apim(["aut".into()])
    }

    /// What WSO2 API Manager passes on: as [`TokenClaims::apk`] with `aut`, and without the `excluded` claims.
    pub fn apim(excluded: impl IntoIterator<Item = Box<str>>) -> Self {
        Self::AllBut(APIM_RESTRICTED.into_iter().map(Box::from).chain(excluded).collect())
    }
}

/// What to do when the header would exceed `maxHeaderBytes`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Oversize {
    /// 500 `backend_jwt_too_large`.
    Reject,
    /// Drop whole claims in this order, and list them in `claims_dropped`.
    Drop(Vec<Box<str>>),
}

/// When the user store cannot answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AttributeFailure {
    /// 503 `user_store_unavailable`.
    Reject,
    /// The last answer, within the store's `staleFor`; else as `Reject`.
    UseStale,
    /// Mint without attributes, with `attributes_omitted: true`.
    Omit,
}

/// When the token is valid and the user is not in the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UnknownUser {
    /// 403 `unknown_user`.
    Reject,
    /// Mint without attributes.
    Omit,
}

/// What an operation without a caller gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Anonymous {
    /// A JWT with the API claims, no `sub`, `usertype: ANONYMOUS`.
    Mint,
    /// No JWT.
    Omit,
}

/// How long a `jti` lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TokenId {
    /// With the cached JWT.
    Cached,
    /// A fresh one, and a signature, for each request.
    Unique,
}

/// A Backend JWT policy, fully resolved for one operation.
#[derive(Clone, Debug, PartialEq)]
pub struct BackendJwtPolicy {
    /// The header field's name, as configured.
    pub header: Box<str>,
    /// Written before the JWT with one space, such as `Bearer`.
    pub scheme: Option<Box<str>>,
    /// How segments are encoded.
    pub encoding: Encoding,
    /// How it is signed.
    pub algorithm: Algorithm,
    /// For HS algorithms: the name of the operator's secret, which is the `kid`.
    pub hmac_key: Option<Box<str>>,
    /// Which members the JOSE header has.
    pub header_form: HeaderForm,
    /// `iss`.
    pub issuer: Arc<str>,
    /// Seconds that `iat` and `nbf` lie before now.
    pub clock_skew: u64,
    /// Seconds from now to `exp`.
    pub token_ttl: u64,
    /// True: `exp` never exceeds the inbound token's.
    pub cap_to_inbound_token: bool,
    /// True: `nbf` is sent.
    pub not_before: bool,
    /// `aud`; empty for none.
    pub audience: Audience,
    /// The claim vocabulary.
    pub dialect: Arc<Dialect>,
    /// Which attributes are sent.
    pub claims: ClaimSelection,
    /// `claimMappings`: claim name to attribute, in file order; replaces the dialect's claim for that attribute.
    pub claim_mappings: Vec<(Name, Box<str>)>,
    /// Attributes that the operator's sensitive list keeps from this API.
    pub sensitive: Sensitive,
    /// Which token claims are passed on.
    pub token_claims: TokenClaims,
    /// Custom claims, in file order.
    pub custom_claims: Vec<CustomClaim>,
    /// The bound of the whole field line, in bytes.
    pub max_header_bytes: usize,
    /// Over that bound.
    pub on_oversize: Oversize,
    /// When the store cannot answer.
    pub on_attribute_failure: AttributeFailure,
    /// When the user is unknown.
    pub on_unknown_user: UnknownUser,
    /// Without a caller.
    pub anonymous: Anonymous,
    /// Cached or unique `jti`.
    pub token_id: TokenId,
}

/// Patterns of attribute names that are not minted, less those that the operator allows for this API.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Sensitive {
    /// Lower-case patterns with `*`, such as `*secret*`.
    pub patterns: Vec<Box<str>>,
    /// Attributes that this API may have all the same.
    pub allowed: BTreeSet<Box<str>>,
}

impl Sensitive {
    /// True when the attribute may not be minted for this API. Case and punctuation do not matter.
    pub fn forbids(&self, attribute: &str) -> bool {
        let name = PlainName::new(attribute);
        let is_sensitive = self.patterns.iter().any(|pattern| name.matches(pattern));
        is_sensitive && !self.allowed.iter().any(|allowed| &**allowed == attribute)
    }
}
