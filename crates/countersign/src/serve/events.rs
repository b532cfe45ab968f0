//! Webhooks and Shared Signals: from a delivery on the listener for events to the gateway.

use std::{io, sync::Arc};

use anyhow::Context as _;
use dataplane::{Delivery, EventListener, Receipt, Receive, TlsIdentity};
use gateway::{EventError, Gateway, WebhookFields, receive_set, receive_webhook, spec};
use http::{HeaderMap, StatusCode, header::CONTENT_TYPE};
use serde_json::json;
use tokio::runtime::Runtime;

use crate::clock;

/// Starts the listener that the operator's file asks for.
///
/// # Errors
///
/// When its address cannot be had.
pub(super) fn start(
    operator: &spec::Operator,
    tls: Option<&TlsIdentity>,
    gateway: &Arc<Gateway>,
    background: &Runtime,
) -> anyhow::Result<Option<EventListener>> {
    let Some(written) = &operator.events else { return Ok(None) };
    let address = written.address.value;
    let gateway = Arc::clone(gateway);
    let receive: Arc<Receive> = Arc::new(move |delivery| Box::pin(receive(Arc::clone(&gateway), delivery)));
    let started: io::Result<EventListener> = background.block_on(EventListener::start(address, tls, receive));
    started.map(Some).with_context(|| format!("cannot listen for events on {address}"))
}

async fn receive(gateway: Arc<Gateway>, delivery: Delivery) -> Receipt {
    let (published, now) = (gateway.published(), clock::now());
    let mut parts = delivery.path.trim_start_matches('/').splitn(2, '/');
    let taken = match (parts.next(), parts.next()) {
        (Some("webhooks"), Some(name)) => {
            receive_webhook(&published, name, webhook_fields(&delivery.fields), (&delivery.body, now))
        }
        (Some("shared-signals"), Some(name)) => match set(&delivery) {
            Ok(token) => receive_set(&published, gateway.runtime(), name, (token, now)).await,
            Err(error) => Err(error),
        },
        _ => Err(EventError::UnknownSender),
    };
    match taken {
        Ok(()) => Receipt { status: StatusCode::ACCEPTED, body: String::new() },
        Err(error) => {
            tracing::warn!("an event was refused: {error}");
            refusal(&error)
        }
    }
}

fn webhook_fields(fields: &HeaderMap) -> WebhookFields<'_> {
    let text = |name: &str| fields.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    WebhookFields { id: text("webhook-id"), timestamp: text("webhook-timestamp"), signature: text("webhook-signature") }
}

/// Returns the token of a delivery (RFC 8935 §2.1).
fn set(delivery: &Delivery) -> Result<&str, EventError> {
    let kind = delivery.fields.get(CONTENT_TYPE).map(http::HeaderValue::as_bytes).unwrap_or_default();
    let kind = kind.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
    if !kind.eq_ignore_ascii_case(b"application/secevent+jwt") {
        return Err(EventError::Malformed("not `application/secevent+jwt`"));
    }
    std::str::from_utf8(&delivery.body).map(str::trim).map_err(|_| EventError::Malformed("no text"))
}

/// Answers as RFC 8935 §2.3 and §2.4 say, which suits a webhook's sender too.
fn refusal(error: &EventError) -> Receipt {
    let (status, code) = match error {
        EventError::UnknownSender => (StatusCode::NOT_FOUND, "invalid_request"),
        EventError::Unsigned => (StatusCode::UNAUTHORIZED, "authentication_failed"),
        EventError::Malformed(_) => (StatusCode::BAD_REQUEST, "invalid_request"),
        EventError::ForeignStore => (StatusCode::FORBIDDEN, "access_denied"),
        EventError::NoKeys => (StatusCode::SERVICE_UNAVAILABLE, "invalid_key"),
        EventError::Token(error) => (StatusCode::BAD_REQUEST, token_code(*error)),
    };
    Receipt { status, body: json!({ "err": code, "description": error.to_string() }).to_string() }
}

fn token_code(error: claims::TokenError) -> &'static str {
    match error {
        claims::TokenError::UntrustedIssuer => "invalid_issuer",
        claims::TokenError::WrongAudience => "invalid_audience",
        claims::TokenError::UnknownKid
        | claims::TokenError::WrongKey
        | claims::TokenError::AmbiguousKey
        | claims::TokenError::BadSignature
        | claims::TokenError::AlgorithmNotAllowed => "invalid_key",
        _ => "invalid_request",
    }
}
