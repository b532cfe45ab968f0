//! What the operator of Envoys should know: who else could ask, and which policies Envoy does not carry out.

use super::Scope;
use crate::{
    diagnostic::{Diagnostic, DiagnosticCode, Diagnostics},
    span::Span,
    spec,
};

/// Warns of a listener that anybody may ask.
pub(super) fn check(operator: &spec::Operator, diagnostics: &mut Diagnostics) {
    let Some(envoy) = operator.envoy.as_ref().filter(|envoy| !envoy.is_private()) else { return };
    let message = "whoever reaches this address is answered as if it were your Envoy".to_owned();
    let hint = "say `tls.clientCa`, or listen on loopback; until then nobody is believed about client certificates";
    let diagnostic = Diagnostic::warning(DiagnosticCode::WeakSetting, &envoy.address.span, message);
    diagnostics.push(diagnostic.with_hint(hint));
}

/// Warns of a policy that has no effect on calls that Envoy forwards.
pub(super) fn warn_of_policy(what: &str, span: &Span, scope: &Scope<'_>, diagnostics: &mut Diagnostics) {
    if scope.operator.envoy.is_some() {
        let message = format!("{what} for calls that Envoy forwards");
        let hint = "say it in Envoy's route too (docs/envoy.md)";
        diagnostics.push(Diagnostic::warning(DiagnosticCode::IgnoredField, span, message).with_hint(hint));
    }
}
