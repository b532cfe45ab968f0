//! `resiliency`, and what endpoints of a set have without it: a failing one is left alone, and another is asked.

use std::time::Duration;

use http::StatusCode;

use super::super::Scope;
use crate::{
    diagnostic::{Diagnostic, DiagnosticCode, Diagnostics},
    request::{Endpoint, Upstream},
    resilience::{EndpointLimits, Resilience, Retries},
    span::Spanned,
    spec,
};

/// More attempts than this help nobody, and wear out a backend that is down.
const MOST_RETRIES: u64 = 10;
/// As in Envoy, which APK runs.
const WAITING: u32 = 1024;
const PAUSE: Duration = Duration::from_millis(25);

/// Compiles what is done about one endpoint's failures; `None`: nothing.
pub(super) fn compile(
    written: &spec::Endpoint,
    compiled: &Endpoint,
    (is_one_of_several, scope): (bool, &Scope<'_>),
    diagnostics: &mut Diagnostics,
) -> Option<Box<Resilience>> {
    let resiliency = written.resiliency.as_ref();
    let policy = resiliency.and_then(|resiliency| resiliency.retries.as_ref());
    let breaker = resiliency.and_then(|resiliency| resiliency.circuit_breaker.as_ref());
    let mut limits = breaker.map(|breaker| limits(breaker, diagnostics)).unwrap_or_default();
    if compiled.upstream != Upstream::Http1 {
        // Calls share a connection, or may do so.
        limits.connections = u32::MAX;
    }
    let retries = match policy {
        Some(policy) => retries(policy, diagnostics)?,
        None => Retries { count: u32::from(is_one_of_several), pause: PAUSE, statuses: Box::default() },
    };
    let is_asked_for = is_one_of_several || policy.is_some() || breaker.is_some();
    let state = scope.surroundings.pools.state(compiled.pool);
    is_asked_for.then(|| Box::new(Resilience { retries, limits, state }))
}

fn retries(policy: &spec::RetryPolicy, diagnostics: &mut Diagnostics) -> Option<Retries> {
    let count = policy.count.value;
    if count > MOST_RETRIES {
        let message = format!("`count` must be at most {MOST_RETRIES}, not {count}");
        diagnostics.error(DiagnosticCode::InvalidValue, &policy.count.span, message);
    }
    let statuses = policy.status_codes.iter().filter_map(|status| status_code(status, diagnostics)).collect();
    Some(Retries {
        count: u32::try_from(count).ok()?,
        pause: Duration::from_millis(policy.base_interval_millis.value).min(Duration::from_mins(1)),
        statuses,
    })
}

/// Reads an answer after which a call may be sent again: one that says that it was not done.
fn status_code(written: &Spanned<u64>, diagnostics: &mut Diagnostics) -> Option<StatusCode> {
    let status = u16::try_from(written.value).ok().and_then(|status| StatusCode::from_u16(status).ok());
    let status = status.filter(|status| *status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error());
    if status.is_none() {
        let message = format!("`statusCodes` takes 429 and 500 to 599, not {}", written.value);
        let hint = "any other answer is one, and goes to the client";
        diagnostics.push(Diagnostic::error(DiagnosticCode::InvalidValue, &written.span, message).with_hint(hint));
    }
    status
}

fn limits(breaker: &spec::CircuitBreaker, diagnostics: &mut Diagnostics) -> EndpointLimits {
    if let Some(pools) = &breaker.max_connection_pools {
        let message = "`maxConnectionPools` has no effect here: each endpoint has one pool";
        diagnostics.warning(DiagnosticCode::IgnoredField, &pools.span, message);
    }
    let mut limit = |written: &Option<Spanned<u64>>, least: u64, name: &str| -> Option<u32> {
        let written = written.as_ref()?;
        if written.value < least {
            let message = format!("`{name}` must be at least {least}: no call would be answered");
            diagnostics.error(DiagnosticCode::InvalidValue, &written.span, message);
        }
        Some(u32::try_from(written.value).unwrap_or(u32::MAX))
    };
    let unlimited = EndpointLimits::default();
    EndpointLimits {
        calls: limit(&breaker.max_requests, 1, "maxRequests").unwrap_or(unlimited.calls),
        connections: limit(&breaker.max_connections, 1, "maxConnections").unwrap_or(unlimited.connections),
        waiting: limit(&breaker.max_pending_requests, 0, "maxPendingRequests").unwrap_or(WAITING),
        retries: limit(&breaker.max_retries, 0, "maxRetries").unwrap_or(unlimited.retries),
    }
}
