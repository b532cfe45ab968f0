//! `operations`: one method and path each.

use crate::{
    bind::{RecordShape, Shape, Value},
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
    /// `rateLimit`
    pub rate_limit: Option<RateLimit>,
    /// `upgrade`
    pub upgrade: Spanned<Upgrade>,
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

/// `rateLimit`
#[derive(Clone, Debug, PartialEq)]
pub struct RateLimit {
    /// `requestsPerUnit`
    pub requests_per_unit: Spanned<u64>,
    /// `unit`
    pub unit: Spanned<RateUnit>,
    /// `per`
    pub per: Spanned<RateSubject>,
}

/// Whose calls a rate limit counts together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RateSubject {
    /// `everyone`
    Everyone,
    /// `caller`
    Caller,
}

/// What a rate limit counts over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RateUnit {
    /// `Minute`
    Minute,
    /// `Hour`
    Hour,
    /// `Day`
    Day,
}

impl Value for Operation {
    const SHAPE: Shape<Self> = Shape::Record(RecordShape {
        name: "Operation",
        about: "One method and path.",
        short: None,
        read: |form| Self {
            span: form.span(),
            target: form.required("target", "The path under the API's, such as `/orders/{id}`; for gRPC the service."),
            verb: form.required("verb", "The method, such as `GET`; for gRPC the method's name."),
            secured: form.defaulted("secured", "true", "False: open, and credentials are removed unread."),
            scopes: form.defaulted("scopes", "[]", "The scopes that a caller's token needs: any of these."),
            scopes_match: form.defaulted("scopesMatch", "any", "`all`: every one of the scopes."),
            endpoints: form.optional("endpointConfigurations", "Where its calls go, instead of the API's endpoints."),
            policies: form.defaulted("operationPolicies", "{}", "Policies of this operation."),
            rate_limit: form.optional("rateLimit", "How many of its calls are answered."),
            upgrade: form.defaulted("upgrade", "none", "`websocket`: a client may switch to that protocol."),
        },
    });
}

impl Value for ScopesMatch {
    const SHAPE: Shape<Self> = Shape::Words(Self::Any, &[("any", Self::Any), ("all", Self::All)]);
}

impl Value for Upgrade {
    const SHAPE: Shape<Self> = Shape::Words(Self::None, &[("none", Self::None), ("websocket", Self::WebSocket)]);
}

impl Value for RateLimit {
    const SHAPE: Shape<Self> = Shape::Record(RecordShape {
        name: "RateLimit",
        about: "How many calls are answered.",
        short: None,
        read: |form| Self {
            requests_per_unit: form.required("requestsPerUnit", "How many."),
            unit: form.required("unit", "In what time."),
            per: form.defaulted(
                "per",
                "everyone",
                "`caller`: each user and application alone, and each address of callers who are not known.",
            ),
        },
    });
}

impl Value for RateSubject {
    const SHAPE: Shape<Self> = Shape::Words(Self::Everyone, &[("everyone", Self::Everyone), ("caller", Self::Caller)]);
}

impl Value for RateUnit {
    const SHAPE: Shape<Self> =
        Shape::Words(Self::Minute, &[("Minute", Self::Minute), ("Hour", Self::Hour), ("Day", Self::Day)]);
}
