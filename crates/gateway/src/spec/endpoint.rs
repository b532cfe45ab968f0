//! `endpointConfigurations`: where an API's requests go.

use crate::{
    bind::WebUrl,
    span::{Span, Spanned},
};

/// Endpoints by key type; a single one may be written without the list.
#[derive(Clone, Debug, PartialEq)]
pub struct EndpointConfigurations {
    /// Where it stands.
    pub span: Span,
    /// `production`
    pub production: Vec<Endpoint>,
    /// `sandbox`
    pub sandbox: Vec<Endpoint>,
}

/// One endpoint.
#[derive(Clone, Debug, PartialEq)]
pub struct Endpoint {
    /// Where the entry stands.
    pub span: Span,
    /// `endpoint`
    pub target: Spanned<EndpointTarget>,
    /// `weight`: its share of the requests; 0: none; absent: 1.
    pub weight: Option<Spanned<u64>>,
    /// `resiliency.timeout`
    pub timeouts: Option<Timeouts>,
}

/// An address or a Kubernetes service.
#[derive(Clone, Debug, PartialEq)]
pub enum EndpointTarget {
    /// A URL.
    Url(WebUrl),
    /// A service.
    Service(KubernetesService),
}

/// A Kubernetes service.
#[derive(Clone, Debug, PartialEq)]
pub struct KubernetesService {
    /// `name`
    pub name: Spanned<String>,
    /// `namespace`
    pub namespace: Option<Spanned<String>>,
    /// `port`
    pub port: Option<Spanned<u16>>,
    /// `protocol`: `http` or `https`; absent: `http`.
    pub protocol: Option<Spanned<String>>,
}

/// `resiliency.timeout`, in seconds.
#[derive(Clone, Debug, PartialEq)]
pub struct Timeouts {
    /// `downstreamRequestIdleTimeout`
    pub downstream_request_idle: Option<Spanned<u64>>,
    /// `upstreamResponseTimeout`
    pub upstream_response: Option<Spanned<u64>>,
}
