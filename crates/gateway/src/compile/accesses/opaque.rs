//! Which of an API's issuers are asked about opaque tokens: nothing in such a token says whose it is, and nobody's token
//! may be shown to somebody else's server unless the operator says so.

use std::sync::Arc;

use crate::{
    diagnostic::{Diagnostic, DiagnosticCode, Diagnostics},
    introspection::Introspection,
    issuer::Issuer,
    spec,
};

/// Refuses an API of which it is not clear who is asked about a token.
pub(in crate::compile) fn check(api: &spec::Api, trusted: &[Arc<Issuer>], diagnostics: &mut Diagnostics) {
    if api.operations.iter().all(|operation| !operation.secured.value) {
        return;
    }
    let asked: Vec<&Introspection> = trusted.iter().filter_map(|issuer| issuer.introspection.as_deref()).collect();
    for (index, one) in asked.iter().enumerate() {
        let unclear = asked.iter().skip(index + 1).find(|other| may_both_be_asked(one, other));
        if let Some(other) = unclear {
            let message =
                format!("issuers `{}` and `{}` may both be asked about an opaque token", one.name, other.name);
            let hint = "give their tokens a `tokenPrefix` each, say `inTurn: true` at both `introspection`s if each may see \
                        the other's tokens, or narrow the API with `keyManagers` to one of them";
            diagnostics.push(Diagnostic::error(DiagnosticCode::ConflictingFields, &api.span, message).with_hint(hint));
            return;
        }
    }
}

/// True when a token may be shown to both without their leave.
fn may_both_be_asked(one: &Introspection, other: &Introspection) -> bool {
    match (&one.token_prefix, &other.token_prefix) {
        (Some(one), Some(other)) => one.starts_with(&**other) || other.starts_with(&**one),
        (None, None) => !(one.in_turn && other.in_turn),
        (Some(_), None) | (None, Some(_)) => false,
    }
}
