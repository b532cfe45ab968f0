//! The parameters of a Backend JWT policy, as written: in an API definition or in the operator's defaults.

use claims::{Algorithm, Anonymous, AttributeFailure, CustomClaimType, Encoding, TokenId, UnknownUser};

use crate::{
    bind::Literal,
    span::{Span, Spanned},
    units::Bytes,
};

/// Every parameter; an absent one comes from the gateway's defaults.
#[derive(Clone, Debug, PartialEq)]
pub struct BackendJwtParameters {
    /// Where the parameters stand; where the policy stands when there are none.
    pub span: Span,
    /// `encoding`
    pub encoding: Option<Spanned<Encoding>>,
    /// `signingAlgorithm`
    pub signing_algorithm: Option<Spanned<Algorithm>>,
    /// `header`
    pub header: Option<Spanned<String>>,
    /// `scheme`
    pub scheme: Option<Spanned<String>>,
    /// `tokenTTL`
    pub token_ttl: Option<Spanned<TokenTtl>>,
    /// `capToInboundToken`
    pub cap_to_inbound_token: Option<Spanned<bool>>,
    /// `audience`: `[]` is no audience.
    pub audience: Option<Spanned<Vec<Spanned<String>>>>,
    /// `dialect`: a name or a URI.
    pub dialect: Option<Spanned<String>>,
    /// `claims`
    pub claims: Option<Spanned<ClaimsSelection>>,
    /// `tokenClaims`
    pub token_claims: Option<Spanned<TokenClaimsSelection>>,
    /// `excludedClaims`
    pub excluded_claims: Option<Spanned<Vec<Spanned<String>>>>,
    /// `claimMappings`: claim to attribute, in file order.
    pub claim_mappings: Option<Spanned<Vec<(Spanned<String>, Spanned<String>)>>>,
    /// `customClaims`
    pub custom_claims: Option<Spanned<Vec<CustomClaim>>>,
    /// `userStore`
    pub user_store: Option<Spanned<UserStoreSelection>>,
    /// `onAttributeFailure`
    pub on_attribute_failure: Option<Spanned<AttributeFailure>>,
    /// `onUnknownUser`
    pub on_unknown_user: Option<Spanned<UnknownUser>>,
    /// `anonymous`
    pub anonymous: Option<Spanned<Anonymous>>,
    /// `maxHeaderBytes`
    pub max_header_bytes: Option<Spanned<Bytes>>,
    /// `onOversize`
    pub on_oversize: Option<Spanned<OnOversize>>,
    /// `dropOrder`
    pub drop_order: Option<Spanned<Vec<Spanned<String>>>>,
    /// `tokenId`
    pub token_id: Option<Spanned<TokenId>>,
    /// `enabled`
    pub enabled: Option<Spanned<bool>>,
}

/// A policy's `tokenTTL`: 1 to 86 400 seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TokenTtl(pub u64);

/// `claims`
#[derive(Clone, Debug, PartialEq)]
pub enum ClaimsSelection {
    /// `all` that the dialect maps.
    All,
    /// Only these.
    Only(Vec<AttributeSelection>),
}

/// One entry of `claims`: a name, or `{attribute, keep}`.
#[derive(Clone, Debug, PartialEq)]
pub struct AttributeSelection {
    /// `attribute`
    pub attribute: Spanned<String>,
    /// `keep`: patterns of the values to send; empty: all.
    pub keep: Vec<Spanned<String>>,
}

/// `tokenClaims`
#[derive(Clone, Debug, PartialEq)]
pub enum TokenClaimsSelection {
    /// `all`
    All,
    /// Only these.
    Only(Vec<Spanned<String>>),
}

/// `userStore`
#[derive(Clone, Debug, PartialEq)]
pub enum UserStoreSelection {
    /// `none`: no look-up.
    None,
    /// These, in order.
    Chain(Vec<Spanned<String>>),
}

/// One entry of `customClaims`.
#[derive(Clone, Debug, PartialEq)]
pub struct CustomClaim {
    /// `claim`
    pub claim: Spanned<String>,
    /// `value`: text with placeholders, as written.
    pub value: Spanned<Literal>,
    /// `type`
    pub claim_type: Spanned<CustomClaimType>,
    /// `required`: an absent value is 403.
    pub required: Spanned<bool>,
}

/// `onOversize`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OnOversize {
    /// `reject`
    Reject,
    /// `drop`, as `dropOrder` says.
    Drop,
}
