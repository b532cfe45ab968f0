//! `endpointConfigurations`: where an API's requests go.

use crate::{
    bind::{Binder, CompositeShape, Form, OneOrMany, RecordShape, Shape, Type, Value, WebUrl, bind, describe},
    diagnostic::DiagnosticCode,
    span::{Span, Spanned},
    spec::Feature,
    yaml::{Node, NodeKind},
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

/// `resiliency`
#[derive(Clone, Debug, PartialEq)]
pub struct Resiliency {
    /// `timeout`
    pub timeout: Option<Timeouts>,
}

/// `endpointSecurity`: recognised; refused when enabled, until it is built.
#[derive(Clone, Debug, PartialEq)]
pub struct EndpointSecurity {
    /// `enabled`
    pub enabled: Spanned<bool>,
}

impl Value for EndpointConfigurations {
    const SHAPE: Shape<Self> = Shape::Record(RecordShape {
        name: "EndpointConfigurations",
        about: "Where calls go, by the kind of the caller's credentials.",
        short: None,
        read: |form| Self {
            span: form.span(),
            production: form.defaulted::<OneOrMany<_>>("production", "[]", "One endpoint, or several with weights.").0,
            sandbox: form.defaulted::<OneOrMany<_>>("sandbox", "[]", "For calls with sandbox credentials.").0,
        },
    });
}

impl Value for Endpoint {
    const SHAPE: Shape<Self> = Shape::Record(RecordShape {
        name: "Endpoint",
        about: "One endpoint.",
        short: None,
        read: |form| {
            let (target, weight) = (
                form.required("endpoint", "A URL, or a Kubernetes service."),
                form.optional("weight", "Its share of the calls; 0: none. Without it, 1."),
            );
            let resiliency: Option<Resiliency> = form.optional("resiliency", "Timeouts.");
            read_unbuilt(form);
            Self { span: form.span(), target, weight, timeouts: resiliency.and_then(|resiliency| resiliency.timeout) }
        },
    });
}

fn read_unbuilt(form: &mut Form<'_>) {
    form.unbuilt("certificate", Feature::EndpointCertificate, "The certificate that the endpoint must show.");
    form.gated::<EndpointSecurity>(
        "endpointSecurity",
        (Feature::EndpointSecurity, |security| *security.enabled),
        "Credentials that the endpoint wants.",
    );
    form.gated::<AiRateLimit>(
        "aiRatelimit",
        (Feature::AiRateLimit, |limit| *limit.enabled),
        "How many tokens and calls an AI endpoint answers.",
    );
}

/// The member of `aiRatelimit` that decides whether it asks for anything.
#[derive(Clone, Debug, PartialEq)]
struct AiRateLimit {
    enabled: Spanned<bool>,
}

impl Value for AiRateLimit {
    const SHAPE: Shape<Self> = Shape::Record(RecordShape {
        name: "AiRateLimit",
        about: "How many tokens and calls an AI endpoint answers.",
        short: None,
        read: |form| {
            form.ignored("token", "Limits on tokens.");
            form.ignored("request", "Limits on calls.");
            Self { enabled: form.defaulted("enabled", "true", "Whether there are limits.") }
        },
    });
}

impl Value for EndpointSecurity {
    const SHAPE: Shape<Self> = Shape::Record(RecordShape {
        name: "EndpointSecurity",
        about: "Credentials that the endpoint wants.",
        short: None,
        read: |form| {
            form.ignored("securityType", "What kind of credentials, and where they are.");
            Self { enabled: form.defaulted("enabled", "false", "Whether it wants any.") }
        },
    });
}

impl Value for EndpointTarget {
    const SHAPE: Shape<Self> = Shape::Composite(CompositeShape {
        bind: bind_target,
        stand_in: |_| Self::Url(WebUrl::nowhere()),
        describe: |definitions| {
            Type::AnyOf(vec![describe::<WebUrl>(definitions), describe::<KubernetesService>(definitions)])
        },
    });
}

fn bind_target(node: &Node, binder: &mut Binder) -> Option<EndpointTarget> {
    match node.kind {
        NodeKind::Scalar(_) => bind(node, binder).map(EndpointTarget::Url),
        NodeKind::Mapping(_) => bind(node, binder).map(EndpointTarget::Service),
        NodeKind::Sequence(_) => {
            binder.wrong_type("a URL or a Kubernetes service", node);
            None
        }
    }
}

impl Value for KubernetesService {
    const SHAPE: Shape<Self> = Shape::Record(RecordShape {
        name: "KubernetesService",
        about: "A Kubernetes service.",
        short: None,
        read: |form| {
            let service = Self {
                name: form.required("name", "Its name."),
                namespace: form.optional("namespace", "Its namespace; without it, the gateway's own."),
                port: form.optional("port", "Its port; without it, the protocol's own."),
                protocol: form.optional("protocol", "`http` or `https`; without it, `http`."),
            };
            if let Some(protocol) = service.protocol.as_ref().filter(|p| !matches!(p.as_str(), "http" | "https")) {
                let message = "`protocol` must be `http` or `https`".to_owned();
                form.complain(DiagnosticCode::InvalidValue, &protocol.span, message);
            }
            service
        },
    });
}

impl Value for Resiliency {
    const SHAPE: Shape<Self> = Shape::Record(RecordShape {
        name: "Resiliency",
        about: "What to do with a slow or failing endpoint.",
        short: None,
        read: |form| {
            let timeout = form.optional("timeout", "How long it may take.");
            form.gated::<RetryPolicy>("retryPolicy", (Feature::RetryPolicy, |_| true), "When to try again.");
            form.gated::<CircuitBreaker>(
                "circuitBreaker",
                (Feature::CircuitBreaker, |_| true),
                "How much may be going on at once.",
            );
            Self { timeout }
        },
    });
}

impl Value for Timeouts {
    const SHAPE: Shape<Self> = Shape::Record(RecordShape {
        name: "Timeouts",
        about: "How long an endpoint may take, in seconds.",
        short: None,
        read: |form| Self {
            downstream_request_idle: form.optional("downstreamRequestIdleTimeout", "Without a byte from the client."),
            upstream_response: form.optional("upstreamResponseTimeout", "To the end of the response's header."),
        },
    });
}

/// `resiliency.retryPolicy`: checked, and refused until it is built.
#[derive(Clone, Debug)]
struct RetryPolicy;

impl Value for RetryPolicy {
    const SHAPE: Shape<Self> = Shape::Record(RecordShape {
        name: "RetryPolicy",
        about: "When to try again.",
        short: None,
        read: |form| {
            form.optional::<u64>("count", "How often.");
            form.optional::<u64>("baseIntervalMillis", "The first pause, in milliseconds.");
            form.optional::<Vec<u64>>("statusCodes", "After these answers.");
            Self
        },
    });
}

/// `resiliency.circuitBreaker`: checked, and refused until it is built.
#[derive(Clone, Debug)]
struct CircuitBreaker;

impl Value for CircuitBreaker {
    const SHAPE: Shape<Self> = Shape::Record(RecordShape {
        name: "CircuitBreaker",
        about: "How much may be going on at once.",
        short: None,
        read: |form| {
            form.optional::<u64>("maxConnectionPools", "Connection pools.");
            form.optional::<u64>("maxConnections", "Connections.");
            form.optional::<u64>("maxPendingRequests", "Calls that wait.");
            form.optional::<u64>("maxRequests", "Calls.");
            form.optional::<u64>("maxRetries", "Calls that are tried again.");
            Self
        },
    });
}
