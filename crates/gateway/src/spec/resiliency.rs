//! `resiliency`: what to do with a slow or failing endpoint, as APK writes it.

use crate::{
    bind::{RecordShape, Shape, Value},
    span::{Span, Spanned},
};

/// `resiliency`
#[derive(Clone, Debug, PartialEq)]
pub struct Resiliency {
    /// `timeout`
    pub timeouts: Option<Timeouts>,
    /// `retryPolicy`
    pub retries: Option<RetryPolicy>,
    /// `circuitBreaker`
    pub circuit_breaker: Option<CircuitBreaker>,
}

/// `resiliency.timeout`, in seconds.
#[derive(Clone, Debug, PartialEq)]
pub struct Timeouts {
    /// `downstreamRequestIdleTimeout`
    pub downstream_request_idle: Option<Spanned<u64>>,
    /// `upstreamResponseTimeout`
    pub upstream_response: Option<Spanned<u64>>,
}

/// `resiliency.retryPolicy`
#[derive(Clone, Debug, PartialEq)]
pub struct RetryPolicy {
    /// Where it stands.
    pub span: Span,
    /// `count`
    pub count: Spanned<u64>,
    /// `baseIntervalMillis`
    pub base_interval_millis: Spanned<u64>,
    /// `statusCodes`
    pub status_codes: Vec<Spanned<u64>>,
}

/// `resiliency.circuitBreaker`; what is absent is not limited.
#[derive(Clone, Debug, PartialEq)]
pub struct CircuitBreaker {
    /// `maxConnectionPools`: no effect.
    pub max_connection_pools: Option<Spanned<u64>>,
    /// `maxConnections`
    pub max_connections: Option<Spanned<u64>>,
    /// `maxPendingRequests`
    pub max_pending_requests: Option<Spanned<u64>>,
    /// `maxRequests`
    pub max_requests: Option<Spanned<u64>>,
    /// `maxRetries`
    pub max_retries: Option<Spanned<u64>>,
}

impl Value for Resiliency {
    const SHAPE: Shape<Self> = Shape::Record(RecordShape {
        name: "Resiliency",
        about: "What to do with a slow or failing endpoint.",
        short: None,
        read: |form| Self {
            timeouts: form.optional("timeout", "How long it may take."),
            retries: form.optional("retryPolicy", "When a call is sent again."),
            circuit_breaker: form.optional("circuitBreaker", "How much may be going on at once, in this process."),
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

impl Value for RetryPolicy {
    const SHAPE: Shape<Self> = Shape::Record(RecordShape {
        name: "RetryPolicy",
        about: "When a call is sent again: only one that may be repeated, and that no backend has answered.",
        short: None,
        read: |form| Self {
            span: form.span(),
            count: form.defaulted("count", "1", "How often, up to 10."),
            base_interval_millis: form.defaulted(
                "baseIntervalMillis",
                "25",
                "The first pause, in milliseconds; each further one is twice as long.",
            ),
            status_codes: form.defaulted("statusCodes", "[]", "After these answers too: 429 and 5xx."),
        },
    });
}

impl Value for CircuitBreaker {
    const SHAPE: Shape<Self> = Shape::Record(RecordShape {
        name: "CircuitBreaker",
        about: "How much may be going on at once with an endpoint; what is left out is not limited.",
        short: None,
        read: |form| Self {
            max_connection_pools: form.optional("maxConnectionPools", "No effect: there is one for each endpoint."),
            max_connections: form.optional("maxConnections", "Connections that speak HTTP/1.1: each carries one call."),
            max_pending_requests: form.optional("maxPendingRequests", "Calls that wait for such a connection."),
            max_requests: form.optional("maxRequests", "Calls; one more is answered 503."),
            max_retries: form.optional("maxRetries", "Calls that are being sent again."),
        },
    });
}
