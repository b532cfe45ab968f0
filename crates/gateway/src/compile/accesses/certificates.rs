//! `authType: mTLS`: which client certificates an API trusts.

use std::sync::Arc;

use super::Scope;
use crate::{
    certificate_authority::CertificateAuthority,
    diagnostic::{Diagnostic, DiagnosticCode, Diagnostics},
    issuer::Issuer,
    spec::{self, AskForCertificates},
};

/// What the API's enabled entry says.
#[derive(Debug)]
pub(super) struct Certificates {
    /// `required`
    pub(super) presence: spec::CertificatePresence,
    /// Who may vouch for them, in order.
    pub(super) authorities: Box<[Arc<CertificateAuthority>]>,
}

/// Finds what the API's enabled entry says; `None`: certificates do not count here.
pub(super) fn compile(
    api: &spec::Api,
    issuers: &[Arc<Issuer>],
    scope: &Scope<'_>,
    diagnostics: &mut Diagnostics,
) -> Option<Certificates> {
    let entries = api.authentication.as_ref().map(|list| list.value.as_slice()).unwrap_or_default();
    let mut enabled = entries.iter().filter_map(|entry| match entry {
        spec::Authentication::MutualTls(written) => Some(written).filter(|written| written.enabled.value),
        spec::Authentication::OAuth2(_)
        | spec::Authentication::Jwt(_)
        | spec::Authentication::ApiKey(_)
        | spec::Authentication::Basic(_) => None,
    });
    let written = enabled.next()?;
    if let Some(second) = enabled.next() {
        let message = "a second `mTLS` entry: one lists all `certificates`".to_owned();
        diagnostics.error(DiagnosticCode::ConflictingFields, &second.span, message);
    }
    warn_if_nobody_asks(written, scope, diagnostics);
    let authorities = authorities(written, issuers, scope, diagnostics);
    Some(Certificates { presence: written.required.value, authorities })
}

fn authorities(
    written: &spec::MutualTls,
    issuers: &[Arc<Issuer>],
    scope: &Scope<'_>,
    diagnostics: &mut Diagnostics,
) -> Box<[Arc<CertificateAuthority>]> {
    let is_trusted = |authority: &CertificateAuthority| {
        let wanted = authority.issuer.as_ref();
        wanted.is_none_or(|wanted| issuers.iter().any(|issuer| issuer.fingerprint == wanted.fingerprint))
    };
    if written.certificates.is_empty() {
        let all = scope.certificate_authorities.iter();
        let trusted: Box<[_]> = all.filter(|authority| is_trusted(authority)).cloned().collect();
        if trusted.is_empty() {
            let message = "no client certificate is trusted here".to_owned();
            let hint = "the operator's `clientCertificates` say whose are";
            diagnostics.push(Diagnostic::error(DiagnosticCode::MissingField, &written.span, message).with_hint(hint));
        }
        return trusted;
    }
    let mut chosen = Vec::new();
    for choice in &written.certificates {
        let name = &choice.name;
        let found = scope.certificate_authorities.iter().find(|authority| *authority.name == *name.value);
        let is_written = scope.operator.client_certificates.iter().any(|entry| entry.name.value == name.value);
        match found {
            Some(authority) if is_trusted(authority) => chosen.push(Arc::clone(authority)),
            Some(_) => {
                let message = format!("`{}` names users of an issuer that this API does not trust", name.value);
                let hint = "add the issuer to `keyManagers`";
                diagnostics
                    .push(Diagnostic::error(DiagnosticCode::ConflictingFields, &name.span, message).with_hint(hint));
            }
            // It is there and wrong: that has been said.
            None if is_written => {}
            None => {
                let message = format!("`{}` is none of the operator's `clientCertificates`", name.value);
                let hint = "API definitions choose among them; they define none";
                diagnostics.push(Diagnostic::error(DiagnosticCode::UnknownName, &name.span, message).with_hint(hint));
            }
        }
    }
    chosen.into()
}

/// A certificate that no listener asks for never comes.
fn warn_if_nobody_asks(written: &spec::MutualTls, scope: &Scope<'_>, diagnostics: &mut Diagnostics) {
    let mut listeners = scope.operator.gateway.listeners.iter().filter_map(|listener| listener.tls.as_ref());
    let is_told = scope.operator.envoy.as_ref().is_some_and(spec::Envoy::is_private);
    if is_told || listeners.any(|tls| tls.client_certificates.value == AskForCertificates::Request) {
        return;
    }
    let message = "no listener asks clients for a certificate".to_owned();
    let hint = "in the operator's file: `listeners: [{ address: …, tls: { …, clientCertificates: request } }]`";
    diagnostics.push(Diagnostic::warning(DiagnosticCode::WeakSetting, &written.span, message).with_hint(hint));
}
