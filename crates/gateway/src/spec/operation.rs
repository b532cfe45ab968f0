//! `operations`: one method and path each.

use crate::{
    span::{Span, Spanned},
    spec::{EndpointConfigurations, Policies},
};

/// One operation of an API.
#[derive(Clone, Debug, PartialEq)]
pub struct Operation {
    /// Where the entry stands.
    pub span: Span,
    /// `target`: a path template; for gRPC the service.
    pub target: Spanned<String>,
    /// `verb`: a method; for gRPC the method's name.
    pub verb: Spanned<String>,
    /// `secured`
    pub secured: Spanned<bool>,
    /// `scopes`
    pub scopes: Vec<Spanned<String>>,
    /// `scopesMatch`
    pub scopes_match: Spanned<ScopesMatch>,
    /// `endpointConfigurations`: over the API's.
    pub endpoints: Option<EndpointConfigurations>,
    /// `operationPolicies`
    pub policies: Policies,
    /// `upgrade`: recognised, refused.
    pub upgrade: Option<Spanned<Upgrade>>,
}

/// How many of an operation's scopes a token needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ScopesMatch {
    /// `any`
    Any,
    /// `all`
    All,
}

/// Which protocol a client may switch to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Upgrade {
    /// `none`
    None,
    /// `websocket`
    WebSocket,
}
