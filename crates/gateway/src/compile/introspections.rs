//! How issuers are asked about opaque tokens; what is under way is carried over while nothing changes.

use std::sync::Arc;

use stores::{Breaker, HttpClient, HttpSettings};

use super::{Surroundings, secrets};
use crate::{
    diagnostic::{Diagnostic, DiagnosticCode, Diagnostics},
    fingerprint::Fingerprint,
    introspection::{ClientSecret, Flights, Introspection, SignedAnswers},
    issuer_keys::chain,
    spec,
};

/// Compiles an issuer's `introspection`; `None` when there is none, or after a diagnostic.
pub(super) fn compile(
    issuer: &spec::Issuer,
    (reader, surroundings): (secrets::FileReader<'_>, Surroundings<'_>),
    diagnostics: &mut Diagnostics,
) -> Option<Arc<Introspection>> {
    let written = issuer.introspection.as_ref()?;
    check(issuer, written, diagnostics);
    let secret = reader.secret(&written.client_secret, diagnostics);
    let ca = written.ca.as_ref().map(|path| secrets::bytes(path, diagnostics));
    let (secret, ca) = (secret?, ca.map_or(Some(None), |read| read.map(Some))?);
    let fingerprint = Fingerprint::of_value(&(&issuer.name.value, written))
        .and(Fingerprint::of([secret.as_slice(), ca.as_deref().unwrap_or_default()]));
    let mut previous = surroundings.previous.into_iter().flat_map(|compiled| &compiled.issuers);
    let kept = previous.find_map(|known| known.introspection.as_ref().filter(|kept| kept.fingerprint == fingerprint));
    if let Some(kept) = kept {
        return Some(Arc::clone(kept));
    }
    let Ok(secret) = String::from_utf8(secret) else {
        let message = "the client's secret is no text".to_owned();
        diagnostics.error(DiagnosticCode::InvalidValue, &written.client_secret.span, message);
        return None;
    };
    let settings = HttpSettings {
        timeout: written.timeout.value,
        connect_timeout: written.timeout.value,
        most_at_once: usize::try_from(written.at_once.value).unwrap_or(usize::MAX),
        ca,
        ..HttpSettings::default()
    };
    let client = HttpClient::new(&settings).map_err(|error| {
        let message = format!("no HTTPS client for this endpoint: {}", chain(&error));
        diagnostics.error(DiagnosticCode::UnusableKey, &written.span, message);
    });
    Some(Arc::new(Introspection {
        fingerprint,
        name: issuer.name.value.as_str().into(),
        url: written.url.value.url.clone(),
        client_id: written.client_id.value.as_str().into(),
        client_secret: ClientSecret(secret.into()),
        authentication: written.client_authentication.value,
        signed_answers: written.signed_answers.value,
        token_prefix: written.token_prefix.as_ref().map(|prefix| prefix.value.as_str().into()),
        in_turn: written.in_turn.value,
        ttl: written.ttl.value,
        client: client.ok()?,
        breaker: Breaker::new(super::stores::breaker_settings(&written.breaker)),
        flights: Flights::default(),
    }))
}

fn check(issuer: &spec::Issuer, written: &spec::Introspection, diagnostics: &mut Diagnostics) {
    let has_keys = issuer.jwks.is_some() || issuer.discovery.value;
    if written.signed_answers.value == SignedAnswers::Required && !has_keys {
        let message = "signed answers need the issuer's keys: `jwks` or `discovery: true`".to_owned();
        diagnostics.error(DiagnosticCode::MissingField, &written.signed_answers.span, message);
    }
    if let Some(prefix) = written.token_prefix.as_ref().filter(|prefix| prefix.value.is_empty()) {
        let message = "`tokenPrefix` is empty: every token begins so".to_owned();
        diagnostics.error(DiagnosticCode::InvalidValue, &prefix.span, message);
    }
    let is_local =
        written.url.value.url.host_str().is_some_and(|host| matches!(host, "localhost" | "127.0.0.1" | "[::1]"));
    if written.url.value.url.scheme() == "http" && !is_local {
        let message = "tokens and the client's secret go over this address in clear text".to_owned();
        let hint = "use `https://`";
        diagnostics.push(Diagnostic::warning(DiagnosticCode::WeakSetting, &written.url.span, message).with_hint(hint));
    }
}
