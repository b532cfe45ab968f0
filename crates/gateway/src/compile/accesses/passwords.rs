//! `authType: Basic`: whose users may send a name and a password.

use std::sync::Arc;

use super::Scope;
use crate::{
    access::Scheme,
    diagnostic::{Diagnostic, DiagnosticCode, Diagnostics},
    issuer::Issuer,
    passwords::ClearText,
    spec,
};

/// Checks that it is clear who is asked: nobody's password may be shown to somebody else's store.
pub(super) fn check(
    written: &spec::PlacedCredential,
    issuers: &[Arc<Issuer>],
    scope: &Scope<'_>,
    diagnostics: &mut Diagnostics,
) {
    let asked: Vec<&Issuer> = issuers.iter().map(|issuer| &**issuer).filter(|it| it.passwords.is_some()).collect();
    // An issuer that was refused has been reported.
    let is_written = scope.operator.issuers.iter().any(|issuer| issuer.passwords.is_some());
    match asked.as_slice() {
        [] if is_written && scope.issuers.iter().all(|issuer| issuer.passwords.is_none()) => {}
        [] => {
            let message = "none of the issuers that this API trusts has `passwords`: nobody could log in";
            let hint = "in the operator's file: `issuers: [{ …, passwords: {} }]`";
            let diagnostic = Diagnostic::error(DiagnosticCode::MissingField, &written.span, message);
            diagnostics.push(diagnostic.with_hint(hint));
        }
        [one] => warn_of_clear_text(written, one, scope, diagnostics),
        several => {
            let names: Vec<&str> = several.iter().map(|issuer| &*issuer.name).collect();
            let message = format!("a password may be of a user of `{}`", names.join("` or of `"));
            let hint = "narrow the API with `keyManagers` to one that has `passwords`";
            let diagnostic = Diagnostic::error(DiagnosticCode::ConflictingFields, &written.span, message);
            diagnostics.push(diagnostic.with_hint(hint));
        }
    }
}

/// Warns where every password would be refused.
fn warn_of_clear_text(
    written: &spec::PlacedCredential,
    issuer: &Issuer,
    scope: &Scope<'_>,
    diagnostics: &mut Diagnostics,
) {
    let gateway = &scope.operator.gateway;
    let has_tls = scope.operator.envoy.is_some() || gateway.listeners.iter().any(|listener| listener.tls.is_some());
    let is_refused = issuer.passwords.as_ref().is_some_and(|passwords| passwords.clear_text == ClearText::Refuse);
    if is_refused && !has_tls && gateway.trusted_proxies.is_empty() {
        let message = "no listener has TLS and no proxy is trusted: passwords are taken from this machine alone";
        let hint = "in the operator's file: `listeners: [{ address: …, tls: { … } }]`, or `trustedProxies`";
        let diagnostic = Diagnostic::warning(DiagnosticCode::WeakSetting, &written.span, message.to_owned());
        diagnostics.push(diagnostic.with_hint(hint));
    }
}

/// Returns what is offered.
pub(super) fn scheme(issuers: &[Arc<Issuer>]) -> Scheme {
    let passwords = issuers.iter().find_map(|issuer| issuer.passwords.as_ref());
    Scheme::Basic(passwords.map_or_else(|| "API".into(), |passwords| passwords.realm.clone()))
}
