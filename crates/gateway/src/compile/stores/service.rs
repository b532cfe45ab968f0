//! How a service is reached and how the gateway authenticates itself there, from `spec` to what the stores crate takes.

use std::path::PathBuf;

use stores::{Authorization, ClientCredentialsSettings, HttpClient, HttpSettings, ServiceSettings};
use url::{Host, Url};

use super::Reading;
use crate::{
    bind::WebUrl,
    diagnostic::{Diagnostic, DiagnosticCode},
    issuer_keys::chain,
    span::{Span, Spanned},
    spec,
};

/// How long the answer to one look-up may be.
const MOST_BYTES: usize = 1 << 20;

/// Compiles the settings of a service; `None` after a diagnostic.
pub(super) fn service_settings(
    authorization: Option<&spec::ServiceAuthorization>,
    connection: &spec::ServiceConnection,
    reading: &mut Reading<'_>,
) -> Option<ServiceSettings> {
    let http = http_settings(connection, reading);
    let authorization = match authorization {
        None => Some(Authorization::None),
        Some(written) => authorization_of(written, reading),
    };
    Some(ServiceSettings { http: http?, authorization: authorization? })
}

/// Compiles the bounds and the trust; `None` after a diagnostic.
pub(super) fn http_settings(connection: &spec::ServiceConnection, reading: &mut Reading<'_>) -> Option<HttpSettings> {
    let ca = match &connection.ca {
        None => None,
        Some(path) => Some(reading.file(path)?),
    };
    let settings = HttpSettings {
        connect_timeout: connection.connect_timeout.value,
        timeout: connection.timeout.value,
        most_bytes: MOST_BYTES,
        most_at_once: usize::try_from(connection.pool.value).unwrap_or(usize::MAX),
        ca,
    };
    check_ca(&settings, connection.ca.as_ref(), reading)?;
    Some(settings)
}

/// Makes sure, with the place at hand, that a client can be made of these settings.
fn check_ca(settings: &HttpSettings, ca: Option<&Spanned<PathBuf>>, reading: &mut Reading<'_>) -> Option<()> {
    let span = ca.map_or_else(Span::nowhere, |ca| ca.span.clone());
    HttpClient::new(settings)
        .map(drop)
        .map_err(|error| reading.error(DiagnosticCode::UnusableKey, &span, chain(&error)))
        .ok()
}

fn authorization_of(written: &spec::ServiceAuthorization, reading: &mut Reading<'_>) -> Option<Authorization> {
    match (&written.bearer, &written.client_credentials) {
        (Some(bearer), None) => {
            let token = reading.secret_text(bearer)?;
            Authorization::bearer(&token)
                .map_err(|error| {
                    reading.error(DiagnosticCode::InvalidValue, &bearer.span, format!("the token holds {error}"));
                })
                .ok()
        }
        (None, Some(client)) => {
            warn_of_clear_text(&client.token_url, "the client's secret", reading);
            let settings = ClientCredentialsSettings {
                token_url: client.token_url.value.url.clone(),
                client_id: client.client_id.value.as_str().into(),
                client_secret: reading.secret_text(&client.client_secret)?.into(),
                scope: client.scope.as_ref().map(|scope| scope.value.as_str().into()),
                authentication: client.authentication,
            };
            Some(Authorization::ClientCredentials(settings))
        }
        // Reported when it was read.
        (None, None) | (Some(_), Some(_)) => None,
    }
}

/// Warns of an address without TLS that leads off this machine.
pub(super) fn warn_of_clear_text(url: &Spanned<WebUrl>, what: &str, reading: &mut Reading<'_>) {
    warn_if_clear_text((&url.value.text, &url.span), what, reading);
}

/// The same for an address that is a text so far; what is no address has other problems.
pub(super) fn warn_if_clear_text((url, span): (&str, &Span), what: &str, reading: &mut Reading<'_>) {
    if Url::parse(url).is_ok_and(|url| is_clear_text(&url)) {
        let message = format!("{what} would cross the network in clear text");
        let diagnostic = Diagnostic::warning(DiagnosticCode::WeakSetting, span, message);
        reading.diagnostics.push(diagnostic.with_hint("use https://"));
    }
}

fn is_clear_text(url: &Url) -> bool {
    let is_loopback = match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    url.scheme() == "http" && !is_loopback
}
