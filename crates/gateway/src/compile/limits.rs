//! The operator's bounds on what API authors may write.

use claims::BackendJwtPolicy;

use crate::{
    bind::{Shape, Value},
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
    let algorithm = (&policy.algorithm, &*policy.algorithm.to_string());
    checker.one_of("signingAlgorithm", algorithm, limits.signing_algorithm.as_ref(), signing);
    let encoding = written.encoding.as_ref().map(|value| &value.span);
    checker.one_of("encoding", (&policy.encoding, policy.encoding.name()), limits.encoding.as_ref(), encoding);
    let failure = written.on_attribute_failure.as_ref().map(|value| &value.span);
    let on_failure = worded(&policy.on_attribute_failure);
    checker.one_of("onAttributeFailure", on_failure, limits.on_attribute_failure.as_ref(), failure);
    let unknown = written.on_unknown_user.as_ref().map(|value| &value.span);
    checker.one_of("onUnknownUser", worded(&policy.on_unknown_user), limits.on_unknown_user.as_ref(), unknown);
    let anonymous = written.anonymous.as_ref().map(|value| &value.span);
    checker.one_of("anonymous", worded(&policy.anonymous), limits.anonymous.as_ref(), anonymous);
    let token_id = written.token_id.as_ref().map(|value| &value.span);
    checker.one_of("tokenId", worded(&policy.token_id), limits.token_id.as_ref(), token_id);
    checker.dialect(limits, policy);
    checker.user_store(limits);
}

/// Pairs a value with its word in a file.
fn worded<T: Value + PartialEq>(value: &T) -> (&T, &'static str) {
    let words = match T::SHAPE {
        Shape::Words(_, words) => words,
        Shape::Record(_) | Shape::Tagged(_) | Shape::Scalar(_) | Shape::Composite(_) => &[],
    };
    (value, words.iter().find(|(_, known)| known == value).map_or("", |(word, _)| word))
}

struct Checker<'a> {
    written: &'a BackendJwtParameters,
    diagnostics: &'a mut Diagnostics,
}

impl Checker<'_> {
    fn one_of<T: PartialEq>(
        &mut self,
        name: &str,
        (value, text): (&T, &str),
        limit: Option<&Spanned<Vec<Spanned<T>>>>,
        span: Option<&Span>,
    ) {
        if let Some(limit) = limit.filter(|limit| limit.value.iter().all(|allowed| allowed.value != *value)) {
            let message = format!("`{name}: {text}` is not among the operator's limits");
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
