//! `authentication`: how callers of an API prove who they are.

use crate::span::{Span, Spanned};

/// One entry of `authentication`.
#[derive(Clone, Debug, PartialEq)]
pub enum Authentication {
    /// `OAuth2`: an access token.
    OAuth2(TokenAuthentication),
    /// `JWT`
    Jwt(TokenAuthentication),
    /// `APIKey`: refused when enabled.
    ApiKey(ApiKeyAuthentication),
    /// `mTLS`: refused when enabled.
    MutualTls(MutualTls),
    /// `Basic`: refused when enabled.
    Basic(ApiKeyAuthentication),
}

/// An access token in a header or a query parameter.
#[derive(Clone, Debug, PartialEq)]
pub struct TokenAuthentication {
    /// Where the entry stands.
    pub span: Span,
    /// `enabled`
    pub enabled: Spanned<bool>,
    /// `required`
    pub required: Spanned<Presence>,
    /// `sendTokenToUpstream`
    pub send_token_to_upstream: Spanned<bool>,
    /// `headerEnable`
    pub header_enable: Spanned<bool>,
    /// `headerName`
    pub header_name: Spanned<String>,
    /// `queryParamEnable`
    pub query_param_enable: Spanned<bool>,
    /// `queryParamName`
    pub query_param_name: Option<Spanned<String>>,
    /// `audience`: one of these must be in `aud`.
    pub audience: Vec<Spanned<String>>,
}

/// An API key in a header or a query parameter.
#[derive(Clone, Debug, PartialEq)]
pub struct ApiKeyAuthentication {
    /// Where the entry stands.
    pub span: Span,
    /// `enabled`
    pub enabled: Spanned<bool>,
}

/// A client certificate.
#[derive(Clone, Debug, PartialEq)]
pub struct MutualTls {
    /// Where the entry stands.
    pub span: Span,
    /// `enabled`
    pub enabled: Spanned<bool>,
}

/// Whether a credential must be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Presence {
    /// `mandatory`
    Mandatory,
    /// `optional`
    Optional,
}
