//! `endpointConfigurations`: where an API's requests go.

use crate::{
    bind::{Binder, CompositeShape, Form, OneOrMany, RecordShape, Shape, Type, Value, WebUrl, bind, describe},
    diagnostic::DiagnosticCode,
    span::{Span, Spanned},
    spec::{Feature, Resiliency},
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
    /// `resiliency`
    pub resiliency: Option<Resiliency>,
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
            let resiliency = form.optional("resiliency", "What to do when it is slow or fails.");
            read_unbuilt(form);
            Self { span: form.span(), target, weight, resiliency }
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
