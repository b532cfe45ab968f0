//! Settings that a process takes up at its start and keeps: what a reload changes of them waits for a restart.

use crate::{
    diagnostic::{Diagnostic, DiagnosticCode, Diagnostics},
    span::Span,
    spec::{Operator, Tls},
};

/// Warns of every setting that differs from the one that the process was started with, and returns their names.
pub(crate) fn warn(started: &Operator, now: &Operator, diagnostics: &mut Diagnostics) -> Vec<&'static str> {
    let changed = changed(started, now);
    for (name, span) in &changed {
        let message = format!("`{name}` has changed: the new value is taken up by a restart");
        diagnostics.push(Diagnostic::warning(DiagnosticCode::NeedsRestart, span, message));
    }
    changed.into_iter().map(|(name, _)| name).collect()
}

/// Returns the settings that differ, each with its place in the new file.
fn changed<'a>(started: &Operator, now: &'a Operator) -> Vec<(&'static str, &'a Span)> {
    let (was, is) = (&started.gateway, &now.gateway);
    let file = &is.issuer.span;
    let listeners = is.listeners.first().map_or(file, |listener| &listener.address.span);
    let settings = [
        ("gateway.listeners", was.listeners == is.listeners, listeners),
        (
            "gateway.keysAddress",
            was.keys_address == is.keys_address,
            is.keys_address.as_ref().map_or(file, |address| &address.span),
        ),
        ("gateway.workers", was.workers == is.workers, is.workers.as_ref().map_or(file, |workers| &workers.span)),
        ("gateway.shutdownGrace", was.shutdown_grace == is.shutdown_grace, &is.shutdown_grace.span),
        ("gateway.limits", was.limits == is.limits, &is.limits.header_bytes.span),
        (
            "gateway.upstream.idleTimeout",
            was.upstream.idle_timeout == is.upstream.idle_timeout,
            &is.upstream.idle_timeout.span,
        ),
        ("admin.address", started.admin.address == now.admin.address, &now.admin.address.span),
        (
            "events.address",
            listener(started) == listener(now),
            now.events.as_ref().map_or(file, |events| &events.address.span),
        ),
        ("envoy", started.envoy == now.envoy, now.envoy.as_ref().map_or(file, |envoy| &envoy.address.span)),
        ("state", started.state == now.state, now.state.as_ref().map_or(file, |state| &state.span)),
        ("audit", started.audit == now.audit, &now.audit.mode.span),
        ("cache.maxBytes", started.cache.max_bytes == now.cache.max_bytes, &now.cache.max_bytes.span),
    ];
    settings.into_iter().filter(|(_, is_same, _)| !is_same).map(|(name, _, span)| (name, span)).collect()
}

/// Returns what the listener for events is started with.
fn listener(operator: &Operator) -> Option<(std::net::SocketAddr, Option<&Tls>)> {
    operator.events.as_ref().map(|events| (events.address.value, events.tls.as_ref()))
}
