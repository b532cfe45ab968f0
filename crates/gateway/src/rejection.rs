//! Why a request is not forwarded, as the client learns it (RFC 9457) and as the operator does.

use std::borrow::Cow;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode};

use crate::treatment::RedirectStatus;

/// The stable code of an answer that the gateway gives itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Code {
    /// 204: a preflight (CORS) that is granted.
    Preflight,
    /// 301, 302, 307, 308: the caller is sent elsewhere.
    Redirected(RedirectStatus),
    /// 400: the request line, path, framing or fields are not acceptable.
    BadRequest,
    /// 400: a credential in two places, or twice.
    AmbiguousCredential,
    /// 401: no credential, or none that is valid.
    Unauthorized,
    /// 403: valid, but without a needed scope.
    InsufficientScope,
    /// 403: the user is not in the store.
    UnknownUser,
    /// 403: a required claim has no value.
    MissingClaim,
    /// 403: no subscription to this API.
    NoSubscription,
    /// 403: a preflight (CORS) that is not granted.
    CorsRefused,
    /// 404: no API or operation.
    NotFound,
    /// 405: only the verb is wrong.
    MethodNotAllowed,
    /// 429: too many wrong passwords.
    TooManyAttempts,
    /// 429: more calls than `rateLimit` allows.
    RateLimited,
    /// 500: more than one user matches.
    AmbiguousUser,
    /// 500: over `maxHeaderBytes`.
    BackendJwtTooLarge,
    /// 500: no signature, or a claim that cannot be built.
    SigningFailed,
    /// 501: a method that is not served.
    NotImplemented,
    /// 502: the backend cannot be reached or broke the protocol.
    BadGateway,
    /// 503: a user store does not answer.
    UserStoreUnavailable,
    /// 503: an issuer's keys cannot be had, or it cannot be asked.
    IssuerUnavailable,
    /// 503: more than can be kept apart.
    Overloaded,
    /// 503: this API's definition is broken.
    ApiUnavailable,
    /// 503: as many calls as the circuit breaker allows are with the backend already.
    EndpointBusy,
    /// 504: the backend did not answer in time.
    GatewayTimeout,
}

impl Code {
    /// Returns the stable text, for bodies, logs and metric labels.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Preflight => "preflight",
            Self::Redirected(_) => "redirected",
            Self::BadRequest => "bad_request",
            Self::AmbiguousCredential => "ambiguous_credential",
            Self::Unauthorized => "unauthorized",
            Self::InsufficientScope => "insufficient_scope",
            Self::UnknownUser => "unknown_user",
            Self::MissingClaim => "missing_claim",
            Self::NoSubscription => "no_subscription",
            Self::CorsRefused => "cors_refused",
            Self::NotFound => "not_found",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::TooManyAttempts => "too_many_attempts",
            Self::RateLimited => "rate_limited",
            Self::AmbiguousUser => "ambiguous_user",
            Self::BackendJwtTooLarge => "backend_jwt_too_large",
            Self::SigningFailed => "signing_failed",
            Self::NotImplemented => "not_implemented",
            Self::BadGateway => "bad_gateway",
            Self::UserStoreUnavailable => "user_store_unavailable",
            Self::IssuerUnavailable => "issuer_unavailable",
            Self::Overloaded => "overloaded",
            Self::ApiUnavailable => "api_unavailable",
            Self::EndpointBusy => "endpoint_busy",
            Self::GatewayTimeout => "gateway_timeout",
        }
    }

    /// Returns the HTTP status.
    pub const fn status(self) -> StatusCode {
        match self {
            Self::Preflight => StatusCode::NO_CONTENT,
            Self::Redirected(redirected) => redirected.status(),
            Self::BadRequest | Self::AmbiguousCredential => StatusCode::BAD_REQUEST,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::InsufficientScope
            | Self::UnknownUser
            | Self::MissingClaim
            | Self::NoSubscription
            | Self::CorsRefused => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::TooManyAttempts | Self::RateLimited => StatusCode::TOO_MANY_REQUESTS,
            Self::AmbiguousUser | Self::BackendJwtTooLarge | Self::SigningFailed => StatusCode::INTERNAL_SERVER_ERROR,
            Self::NotImplemented => StatusCode::NOT_IMPLEMENTED,
            Self::BadGateway => StatusCode::BAD_GATEWAY,
            Self::UserStoreUnavailable
            | Self::IssuerUnavailable
            | Self::Overloaded
            | Self::ApiUnavailable
            | Self::EndpointBusy => StatusCode::SERVICE_UNAVAILABLE,
            Self::GatewayTimeout => StatusCode::GATEWAY_TIMEOUT,
        }
    }

    /// True for a refusal, whose body says why; what else the gateway answers has none.
    pub const fn is_refusal(self) -> bool {
        !matches!(self, Self::Preflight | Self::Redirected(_))
    }
}

/// Why a request must not be forwarded, and what is answered instead.
#[derive(Debug)]
pub struct Rejection {
    /// The stable code.
    pub code: Code,
    /// What the client may know: no secret, no value.
    pub detail: Cow<'static, str>,
    /// Fields of the answer: `WWW-Authenticate`, `Allow`, `Retry-After`.
    pub headers: Vec<(HeaderName, HeaderValue)>,
}

impl Rejection {
    /// Makes a rejection without further fields.
    pub fn new(code: Code, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { code, detail: detail.into(), headers: Vec::new() }
    }

    /// Adds a field to the answer.
    #[must_use]
    pub fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// Returns the `application/problem+json` body (RFC 9457 §3); nothing for an answer that is no refusal.
    pub fn body(&self, request_id: &str) -> Bytes {
        if !self.code.is_refusal() {
            return Bytes::new();
        }
        let status = self.code.status();
        let body = serde_json::json!({
            "type": "about:blank",
            "title": status.canonical_reason().unwrap_or_default(),
            "status": status.as_u16(),
            "code": self.code.text(),
            "detail": self.detail,
            "requestId": request_id,
        });
        Bytes::from(body.to_string())
    }
}
