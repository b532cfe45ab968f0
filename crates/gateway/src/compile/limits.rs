//! The operator's bounds on what API authors may write.

use std::fmt;

use claims::BackendJwtPolicy;

use crate::{
    diagnostic::{Diagnostic, DiagnosticCode, Diagnostics},
    span::{Span, Spanned},
    spec::{BackendJwtLimits, BackendJwtParameters, UserStoreSelection},
};

/// Reports every parameter of a resolved policy that lies outside the limits.
pub(super) fn check(
    limits: &BackendJwtLimits,
    policy: &BackendJwtPolicy,
    written: &BackendJwtParameters,
    diagnostics: &mut Diagnostics,
) {
    let mut checker = Checker { written, diagnostics };
    if let Some(limit) = limits.token_ttl.as_ref().filter(|limit| policy.token_ttl > limit.value.0) {
        let message = format!("`tokenTTL` {} s is over the operator's limit of {} s", policy.token_ttl, limit.value.0);
        checker.report(written.token_ttl.as_ref().map(|value| &value.span), message, &limit.span);
    }
    if let Some(limit) = limits.max_header_bytes.as_ref().filter(|limit| policy.max_header_bytes as u64 > limit.value.0)
    {
        let message =
            format!("`maxHeaderBytes` {} is over the operator's limit of {}", policy.max_header_bytes, limit.value.0);
        checker.report(written.max_header_bytes.as_ref().map(|value| &value.span), message, &limit.span);
    }
    let signing = written.signing_algorithm.as_ref().map(|value| &value.span);
    checker.one_of("signingAlgorithm", &policy.algorithm, limits.signing_algorithm.as_ref(), signing);
    let encoding = written.encoding.as_ref().map(|value| &value.span);
    checker.one_of("encoding", &policy.encoding, limits.encoding.as_ref(), encoding);
    let failure = written.on_attribute_failure.as_ref().map(|value| &value.span);
    checker.one_of("onAttributeFailure", &policy.on_attribute_failure, limits.on_attribute_failure.as_ref(), failure);
    let unknown = written.on_unknown_user.as_ref().map(|value| &value.span);
    checker.one_of("onUnknownUser", &policy.on_unknown_user, limits.on_unknown_user.as_ref(), unknown);
    let anonymous = written.anonymous.as_ref().map(|value| &value.span);
    checker.one_of("anonymous", &policy.anonymous, limits.anonymous.as_ref(), anonymous);
    let token_id = written.token_id.as_ref().map(|value| &value.span);
    checker.one_of("tokenId", &policy.token_id, limits.token_id.as_ref(), token_id);
    checker.dialect(limits, policy);
    checker.user_store(limits);
}

struct Checker<'a> {
    written: &'a BackendJwtParameters,
    diagnostics: &'a mut Diagnostics,
}

impl Checker<'_> {
    fn one_of<T: PartialEq + fmt::Debug>(
        &mut self,
        name: &str,
        value: &T,
        limit: Option<&Spanned<Vec<Spanned<T>>>>,
        span: Option<&Span>,
    ) {
        if let Some(limit) = limit.filter(|limit| limit.value.iter().all(|allowed| allowed.value != *value)) {
            let message = format!("`{name}` {value:?} is not among the operator's limits");
            self.report(span, message, &limit.span);
        }
    }

    fn dialect(&mut self, limits: &BackendJwtLimits, policy: &BackendJwtPolicy) {
        let is_allowed =
            |name: &Spanned<String>| *name.value == *policy.dialect.name || *name.value == *policy.dialect.uri;
        if let Some(limit) = limits.dialect.as_ref().filter(|limit| !limit.value.iter().any(is_allowed)) {
            let message = format!("dialect `{}` is not among the operator's limits", policy.dialect.name);
            self.report(self.written.dialect.as_ref().map(|value| &value.span), message, &limit.span);
        }
    }

    fn user_store(&mut self, limits: &BackendJwtLimits) {
        let (Some(limit), Some(chosen)) = (&limits.user_store, &self.written.user_store) else { return };
        let UserStoreSelection::Chain(names) = &chosen.value else { return };
        for name in names {
            if limit.value.iter().all(|allowed| allowed.value != name.value) {
                let message = format!("user store `{}` is not among the operator's limits", name.value);
                self.report(Some(&name.span), message, &limit.span);
            }
        }
    }

    fn report(&mut self, span: Option<&Span>, message: String, limit: &Span) {
        let span = span.unwrap_or(&self.written.span);
        let hint = format!("the limit is at {}:{}", limit.file.display(), limit.line);
        self.diagnostics.push(Diagnostic::error(DiagnosticCode::LimitExceeded, span, message).with_hint(hint));
    }
}
