//! `http`: the templates and the pointers, parsed, and the service that they are for.

use std::{collections::BTreeMap, sync::Arc};

use http::{HeaderName, HeaderValue, StatusCode, header};
use stores::{
    CalloutReading, CalloutRequest, HttpCallout, HttpCalloutSettings, JsonPointer, JsonTemplate, UrlTemplate,
    secret_value,
};

use super::{
    Reading, attribute_map, require_attributes,
    service::{service_settings, warn_if_clear_text},
};
use crate::{
    diagnostic::DiagnosticCode,
    issuer_keys::chain,
    span::{Span, Spanned},
    spec,
};

pub(super) fn http_store(
    name: &Arc<str>,
    (written, store): (&spec::UserStore, &spec::HttpStore),
    reading: &mut Reading<'_>,
) -> Option<HttpCallout> {
    let request = request(store, reading);
    let answer = answer(store, reading);
    let pointers = pointers(written, reading);
    let service = service_settings(store.authorization.as_ref(), &store.connection, reading);
    require_attributes(written, "/mail: email", reading);
    let attributes = attribute_map(written, reading)?;
    let settings =
        HttpCalloutSettings { request: request?, reading: answer?, attributes, pointers: pointers?, service: service? };
    HttpCallout::new(Arc::clone(name), settings)
        .map_err(|error| reading.error(DiagnosticCode::UnusableKey, &written.span, chain(&error)))
        .ok()
}

fn request(store: &spec::HttpStore, reading: &mut Reading<'_>) -> Option<CalloutRequest> {
    warn_if_clear_text((&store.url.value.replace("{user}", "user"), &store.url.span), "users' attributes", reading);
    let url = UrlTemplate::parse(&store.url.value)
        .map_err(|error| reading.error(DiagnosticCode::InvalidValue, &store.url.span, format!("`url`: {error}")));
    let body = store.body.as_ref().map(|body| {
        JsonTemplate::parse(&body.value)
            .map_err(|error| reading.error(DiagnosticCode::InvalidValue, &body.span, format!("`body`: {error}")))
    });
    let headers: Vec<_> = store.headers.iter().map(|(name, value)| field(name, value, store, reading)).collect();
    let (url, body) = (url.ok()?, body.transpose().ok()?);
    if !url.has_user() && !body.as_ref().is_some_and(JsonTemplate::has_user) {
        let message = "`{user}` is neither in `url` nor in a text of `body`: everybody would get the same answer";
        reading.error(DiagnosticCode::InvalidValue, &store.url.span, message);
        return None;
    }
    Some(CalloutRequest { url, body, headers: headers.into_iter().collect::<Option<_>>()? })
}

/// Reads one header field; `None` after a diagnostic.
fn field(
    name: &Spanned<String>,
    value: &Spanned<spec::HeaderText>,
    store: &spec::HttpStore,
    reading: &mut Reading<'_>,
) -> Option<(HeaderName, HeaderValue)> {
    let secret = Spanned { value: value.value.0.clone(), span: value.span.clone() };
    let text = reading.secret_text(&secret)?;
    let field = HeaderName::from_bytes(name.value.as_bytes())
        .map_err(|_| {
            reading.error(DiagnosticCode::InvalidValue, &name.span, format!("`{}` is no header name", name.value));
        })
        .ok()?;
    let is_framing =
        [header::HOST, header::CONTENT_LENGTH, header::TRANSFER_ENCODING, header::CONNECTION].contains(&field);
    if is_framing {
        reading.error(DiagnosticCode::InvalidValue, &name.span, format!("`{field}` is not for `headers` to say"));
        return None;
    }
    if field == header::AUTHORIZATION && store.authorization.is_some() {
        let message = "`authorization` and the header `Authorization` exclude one another";
        reading.error(DiagnosticCode::ConflictingFields, &name.span, message);
        return None;
    }
    let value = secret_value(&text)
        .map_err(|error| reading.error(DiagnosticCode::InvalidValue, &value.span, format!("the value holds {error}")));
    Some((field, value.ok()?))
}

fn answer(store: &spec::HttpStore, reading: &mut Reading<'_>) -> Option<CalloutReading> {
    let not_found: Vec<_> = store.not_found.iter().map(|status| client_error(status, reading)).collect();
    let mut optional = |written: &Option<Spanned<String>>| match written {
        None => Some(None),
        Some(text) => pointer(&text.value, &text.span, reading).map(Some),
    };
    let (entries, user) = (optional(&store.entries), optional(&store.user));
    Some(CalloutReading { not_found: not_found.into_iter().collect::<Option<_>>()?, entries: entries?, user: user? })
}

/// Reads a status that can say that there is no such user.
fn client_error(status: &Spanned<u64>, reading: &mut Reading<'_>) -> Option<StatusCode> {
    let code = u16::try_from(status.value).ok().and_then(|code| StatusCode::from_u16(code).ok());
    let code = code.filter(|code| code.is_client_error() || *code == StatusCode::NO_CONTENT);
    let is_refusal = |code: &StatusCode| [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN].contains(code);
    let usable = code.filter(|code| !is_refusal(code));
    if usable.is_none() {
        let message =
            format!("{} cannot mean that there is no such user: 204, or 400 to 499 but 401 and 403", status.value);
        reading.error(DiagnosticCode::InvalidValue, &status.span, message);
    }
    usable
}

/// Reads the keys of `attributes`; every one that cannot be read is reported.
fn pointers(written: &spec::UserStore, reading: &mut Reading<'_>) -> Option<BTreeMap<Box<str>, JsonPointer>> {
    let entries = written.attributes.iter().flat_map(|entries| &entries.value);
    let read: Vec<_> = entries
        .map(|(raw, _)| Some((Box::from(raw.value.as_str()), pointer(&raw.value, &raw.span, reading)?)))
        .collect();
    read.into_iter().collect()
}

fn pointer(text: &str, span: &Span, reading: &mut Reading<'_>) -> Option<JsonPointer> {
    JsonPointer::parse(text)
        .map_err(|error| reading.error(DiagnosticCode::InvalidValue, span, format!("`{text}`: {error}")))
        .ok()
}
