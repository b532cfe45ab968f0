//! Header policies: which fields they may change at all.
//!
//! What the gateway says itself is out of reach, in every spelling: minted headers and the operator's `reservedHeaders`,
//! framing, hop-by-hop and forwarding fields. A credential may be taken away on the way to the backend, never written.

use http::{
    HeaderName, HeaderValue,
    header::{AUTHORIZATION, COOKIE, SET_COOKIE},
};

use super::super::{Scope, envoy, policies::mints_authorization};
use crate::{
    diagnostic::{Diagnostic, DiagnosticCode, Diagnostics},
    fields::{FieldClass, collapse},
    spec::{self, HeaderPolicy},
    treatment::HeaderChange,
};

/// Why a policy may not change a field, and what to do.
type Problem = (&'static str, &'static str);

/// Compiles the header policies of `request`.
pub(super) fn of_request(
    policies: &spec::Policies,
    api: &spec::Api,
    scope: &Scope<'_>,
    diagnostics: &mut Diagnostics,
) -> Vec<HeaderChange> {
    let check = |name: &HeaderName, policy: &HeaderPolicy| {
        let problem = forwarded_problem(name, scope).or_else(|| credential_problem(name, policy, scope));
        problem.or_else(|| {
            (*name == AUTHORIZATION && mints_authorization(api, scope.operator))
                .then_some(("carries this API's Backend JWT", "take this policy out, or mint another header"))
        })
    };
    let changes = policies.request_headers.iter().filter_map(|policy| change(policy, check, diagnostics));
    changes.collect()
}

/// Compiles the header policies of `response`.
pub(super) fn of_response(
    policies: &spec::Policies,
    api: &spec::Api,
    scope: &Scope<'_>,
    diagnostics: &mut Diagnostics,
) -> Vec<HeaderChange> {
    let has_cors = api.cors.as_ref().is_some_and(|cors| cors.enabled.value);
    let check = |name: &HeaderName, policy: &HeaderPolicy| {
        let is_cors = has_cors && name.as_str().starts_with("access-control-");
        answer_problem(name, policy, scope)
            .or(is_cors.then_some(("is what `corsConfiguration` speaks of", "say it there")))
    };
    let changes: Vec<HeaderChange> =
        policies.response_headers.iter().filter_map(|policy| change(policy, check, diagnostics)).collect();
    for policy in policies.response_headers.iter().filter(|policy| policy.change == spec::HeaderChange::Remove) {
        envoy::warn_of_policy("the header is not removed from answers", &policy.name.span, scope, diagnostics);
    }
    changes
}

fn change(
    policy: &HeaderPolicy,
    check: impl Fn(&HeaderName, &HeaderPolicy) -> Option<Problem>,
    diagnostics: &mut Diagnostics,
) -> Option<HeaderChange> {
    let written = &policy.name;
    let Ok(name) = HeaderName::from_bytes(written.value.as_bytes()) else {
        let message = format!("`{}` is no header name", written.value);
        let hint = "use letters, digits and hyphens";
        diagnostics.push(Diagnostic::error(DiagnosticCode::InvalidValue, &written.span, message).with_hint(hint));
        return None;
    };
    if let Some((problem, hint)) = check(&name, policy) {
        let message = format!("the header `{}` {problem}", written.value);
        diagnostics.push(Diagnostic::error(DiagnosticCode::HeaderConflict, &written.span, message).with_hint(hint));
        return None;
    }
    match &policy.change {
        spec::HeaderChange::Add(text) => Some(HeaderChange::Add(name, value(text, diagnostics)?)),
        spec::HeaderChange::Set(text) => Some(HeaderChange::Set(name, value(text, diagnostics)?)),
        spec::HeaderChange::Remove => Some(HeaderChange::Remove(name)),
    }
}

/// Reads a value: visible ASCII with spaces inside (RFC 9110 §5.5).
fn value(text: &crate::span::Spanned<crate::bind::Literal>, diagnostics: &mut Diagnostics) -> Option<HeaderValue> {
    let is_plain = text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) && text.trim().len() == text.len();
    let value = HeaderValue::from_str(text).ok().filter(|_| is_plain);
    if value.is_none() {
        let message = "`headerValue` must be visible ASCII, without spaces at its ends";
        diagnostics.error(DiagnosticCode::InvalidValue, &text.span, message);
    }
    value
}

/// Says why no policy may change this field of a call.
fn forwarded_problem(name: &HeaderName, scope: &Scope<'_>) -> Option<Problem> {
    if name.as_str().starts_with("sec-websocket-") {
        return Some(("belongs to the WebSocket handshake", "take this policy out"));
    }
    match scope.fields.class(name)? {
        FieldClass::Reserved => {
            Some(("is the gateway's own, and no policy may change it", "choose another name, or a `BackendJwt` policy"))
        }
        FieldClass::Distrusted => {
            Some(("is one that backends take for the word of a gateway", "say who calls by a `BackendJwt` policy"))
        }
        FieldClass::Forwarding => Some(("is written by the gateway itself", "choose another name")),
        FieldClass::HopByHop => Some(("ends at each hop, so no policy can change it", "take this policy out")),
        FieldClass::Framing => {
            Some(("frames or routes the call, which the gateway does itself", "take this policy out"))
        }
    }
}

/// Says why a policy may not write this field: it is a credential.
fn credential_problem(name: &HeaderName, policy: &HeaderPolicy, scope: &Scope<'_>) -> Option<Problem> {
    let is_credential =
        [AUTHORIZATION, COOKIE].contains(name) || scope.credential_headers.contains(&collapse(name.as_str()));
    let is_written = policy.change != spec::HeaderChange::Remove;
    (is_credential && is_written).then_some((
        "is a credential: a policy may take it away, never write it",
        "use `RemoveHeader`, or another name",
    ))
}

/// Says why no policy may change this field of an answer.
fn answer_problem(name: &HeaderName, policy: &HeaderPolicy, scope: &Scope<'_>) -> Option<Problem> {
    if *name == SET_COOKIE && policy.change != spec::HeaderChange::Remove {
        return Some(("is a credential: a policy may take it away, never write it", "let the backend set it"));
    }
    if name.as_str().starts_with("sec-websocket-") || *name == "dpop-nonce" {
        return Some(("is written by the gateway itself", "take this policy out"));
    }
    match scope.fields.class(name)? {
        FieldClass::Reserved => Some(("never leaves the gateway towards a client", "choose another name")),
        FieldClass::HopByHop => Some(("ends at each hop, so no policy can change it", "take this policy out")),
        FieldClass::Framing => Some(("frames the answer, which the gateway does itself", "take this policy out")),
        FieldClass::Forwarding | FieldClass::Distrusted => None,
    }
}
