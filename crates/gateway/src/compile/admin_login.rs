//! `admin.login`: checked where it is written, and made ready.

use std::sync::Arc;

use stores::{HttpClient, HttpSettings};
use url::Url;

use super::{Surroundings, secrets};
use crate::{
    admin_login::AdminLogin,
    diagnostic::{Diagnostic, DiagnosticCode, Diagnostics},
    fingerprint::Fingerprint,
    issuer_keys::{IssuerKeys, KeySource, chain},
    span::Spanned,
    spec,
};

/// Compiles the login; `None` without one, or after a diagnostic.
pub(super) fn compile(
    operator: &spec::Operator,
    (reader, surroundings): (secrets::FileReader<'_>, Surroundings<'_>),
    diagnostics: &mut Diagnostics,
) -> Option<Arc<AdminLogin>> {
    let admin = &operator.admin;
    let written = admin.login.as_ref()?;
    let errors = diagnostics.error_count();
    check(operator, written, diagnostics);
    let oidc = &written.oidc;
    let secret = reader.secret(&oidc.client_secret, diagnostics);
    let ca = oidc.ca.as_ref().map(|path| secrets::bytes(path, diagnostics));
    let (secret, ca) = (secret?, ca.map_or(Some(None), |read| read.map(Some))?);
    let fingerprint = Fingerprint::of_value(&(written, &admin.public_url))
        .and(Fingerprint::of([secret.as_slice(), ca.as_deref().unwrap_or_default()]));
    let previous = surroundings.previous.and_then(|previous| previous.login.as_ref());
    if let Some(kept) = previous.filter(|kept| kept.fingerprint == fingerprint) {
        return Some(Arc::clone(kept));
    }
    let Ok(secret) = String::from_utf8(secret) else {
        diagnostics.error(DiagnosticCode::InvalidValue, &oidc.client_secret.span, "the client's secret is no text");
        return None;
    };
    let settings = HttpSettings { ca, ..HttpSettings::default() };
    let client = HttpClient::new(&settings).map_err(|error| {
        let message = format!("no HTTPS client for this provider: {}", chain(&error));
        diagnostics.error(DiagnosticCode::UnusableKey, &oidc.issuer.span, message);
    });
    let client = client.ok().filter(|_| diagnostics.error_count() == errors)?;
    let issuer: Arc<str> = oidc.issuer.value.text.as_str().into();
    let discovery = discovery(&oidc.issuer, diagnostics)?;
    let source = KeySource::Discovery(discovery.clone());
    let keys = IssuerKeys::new(("admin.login".into(), Arc::clone(&issuer)), source, client.clone(), None);
    let roles = &written.roles;
    Some(Arc::new(AdminLogin {
        fingerprint,
        issuer,
        discovery,
        client_id: oidc.client_id.value.as_str().into(),
        scopes: oidc.scopes.iter().map(|scope| scope.value.as_str()).collect::<Vec<_>>().join(" ").into(),
        public_url: admin.public_url.as_ref().map(|url| url.value.url.clone()),
        roles_claim: oidc.roles_claim.value.as_str().into(),
        name_claim: oidc.name_claim.value.as_str().into(),
        bearer_audience: written.bearer.as_ref().map(|bearer| bearer.audience.value.as_str().into()),
        roles: [&roles.viewer, &roles.author, &roles.operator, &roles.support]
            .map(|values| values.iter().map(|value| value.value.0.as_str().into()).collect()),
        keys: Arc::new(keys),
        client,
        client_secret: secret.into(),
    }))
}

fn discovery(issuer: &Spanned<crate::bind::WebUrl>, diagnostics: &mut Diagnostics) -> Option<Url> {
    let address = format!("{}/.well-known/openid-configuration", issuer.value.text.trim_end_matches('/'));
    let url = Url::parse(&address);
    url.map_err(|_| diagnostics.error(DiagnosticCode::InvalidValue, &issuer.span, "the issuer is no address")).ok()
}

/// Refuses what would let the wrong ones in, or nobody.
fn check(operator: &spec::Operator, written: &spec::AdminLogin, diagnostics: &mut Diagnostics) {
    let (admin, oidc) = (&operator.admin, &written.oidc);
    if oidc.issuer.value.text == operator.gateway.issuer.value {
        let message = "the gateway's own issuer cannot log operators in: a backend JWT is no operator's token";
        diagnostics.error(DiagnosticCode::ConflictingFields, &oidc.issuer.span, message);
    }
    if !oidc.scopes.iter().any(|scope| scope.value == "openid") {
        let message = "`scopes` must hold `openid`: without it there is no ID token";
        diagnostics.error(DiagnosticCode::InvalidValue, &oidc.issuer.span, message);
    }
    match &admin.public_url {
        None if !admin.address.value.ip().is_loopback() => {
            let message = "`admin.publicUrl` is missing: off loopback a login must know where people find it";
            diagnostics.error(DiagnosticCode::MissingField, &admin.address.span, message);
        }
        Some(url) if url.value.url.scheme() != "https" && !is_loopback(&url.value.url) => {
            let hint = "a session's cookie must not travel in clear text";
            let diagnostic = Diagnostic::error(DiagnosticCode::WeakSetting, &url.span, "`publicUrl` must be `https`");
            diagnostics.push(diagnostic.with_hint(hint));
        }
        Some(_) | None => {}
    }
    let roles = &written.roles;
    if [&roles.viewer, &roles.author, &roles.operator, &roles.support].iter().all(|values| values.is_empty()) {
        diagnostics.error(DiagnosticCode::InvalidValue, &roles.span, "`roles` give nobody anything to do");
    }
    check_bearer(operator, written, diagnostics);
}

/// Refuses an audience that end users' tokens have too.
fn check_bearer(operator: &spec::Operator, written: &spec::AdminLogin, diagnostics: &mut Diagnostics) {
    let Some(bearer) = &written.bearer else { return };
    let audience = &bearer.audience;
    if audience.value.is_empty() {
        diagnostics.error(DiagnosticCode::InvalidValue, &audience.span, "`audience` must not be empty");
    }
    for issuer in &operator.issuers {
        if issuer.audience.iter().any(|known| known.value == audience.value) {
            let message = format!(
                "issuer `{}` has this audience for end users: their tokens must not be operators'",
                issuer.name.value
            );
            diagnostics.error(DiagnosticCode::ConflictingFields, &audience.span, message);
        }
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}
