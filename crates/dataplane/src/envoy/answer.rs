//! A decision as Envoy's answer: which fields it sets and removes, or what it answers in our stead.

use envoy_types::pb::{
    envoy::{
        config::core::v3::{HeaderValue as EnvoyHeader, HeaderValueOption, header_value_option::HeaderAppendAction},
        service::auth::v3::{CheckResponse, DeniedHttpResponse, OkHttpResponse, check_response::HttpResponse},
        r#type::v3::HttpStatus,
    },
    google::{
        protobuf::{Struct, Value, value::Kind},
        rpc,
    },
};
use gateway::{Code, HeadChanges, HeaderChange, Rejection};
use http::{
    HeaderName, HeaderValue,
    header::{CACHE_CONTROL, CONTENT_TYPE},
};
use tonic::Code as GrpcCode;

use crate::exchange::Exchange;

/// Lets a call go on, with these changes.
///
/// # Errors
///
/// [`Code::BadRequest`] for a value that Envoy could not be told.
pub(super) fn allow(changes: &HeadChanges) -> Result<OkHttpResponse, Rejection> {
    let mut allowed = OkHttpResponse {
        headers_to_remove: changes.remove.iter().map(|name| name.as_str().to_owned()).collect(),
        ..OkHttpResponse::default()
    };
    for (name, value) in &changes.set {
        allowed.headers.push(option(name.as_str(), value, HeaderAppendAction::OverwriteIfExistsOrAdd)?);
    }
    if let Some(target) = &changes.target {
        allowed.headers.push(set(":path", target.as_str()));
    }
    for change in &changes.answer {
        let (name, value, action) = match change {
            HeaderChange::Add(name, value) => (name, value, HeaderAppendAction::AppendIfExistsOrAdd),
            HeaderChange::Set(name, value) => (name, value, HeaderAppendAction::OverwriteIfExistsOrAdd),
            // Envoy cannot be told to; `countersign check` says so.
            HeaderChange::Remove(_) => continue,
        };
        allowed.response_headers_to_add.push(option(name.as_str(), value, action)?);
    }
    Ok(allowed)
}

/// Adds a field to the answer that the client gets.
pub(super) fn add_to_answer(allowed: &mut OkHttpResponse, name: &HeaderName, value: &HeaderValue) {
    allowed.response_headers_to_add.extend(option(name.as_str(), value, HeaderAppendAction::OverwriteIfExistsOrAdd));
}

/// Refuses a call as our own proxy does it: a problem document (RFC 9457).
pub(super) fn deny(rejection: &Rejection, request_id: &HeaderValue) -> DeniedHttpResponse {
    let body = rejection.body(request_id.to_str().unwrap_or_default());
    let mut headers = Vec::new();
    if rejection.code.is_refusal() {
        headers.push(set(CONTENT_TYPE.as_str(), "application/problem+json"));
        headers.push(set(CACHE_CONTROL.as_str(), "no-store"));
    }
    headers.extend(
        rejection
            .headers
            .iter()
            .filter_map(|(name, value)| option(name.as_str(), value, HeaderAppendAction::AppendIfExistsOrAdd).ok()),
    );
    DeniedHttpResponse {
        status: Some(HttpStatus { code: i32::from(rejection.code.status().as_u16()) }),
        headers,
        body: String::from_utf8_lossy(&body).into_owned(),
    }
}

/// What Envoy is told to do.
pub(super) enum Verdict {
    Allowed(OkHttpResponse),
    Denied(DeniedHttpResponse),
}

/// Puts an answer together, with what Envoy's access log may say of the call: names and a hash, no value.
pub(super) fn response(verdict: Verdict, exchange: &Exchange) -> CheckResponse {
    let (code, http_response) = match verdict {
        Verdict::Allowed(allowed) => (GrpcCode::Ok, HttpResponse::OkResponse(allowed)),
        Verdict::Denied(denied) => (GrpcCode::PermissionDenied, HttpResponse::DeniedResponse(denied)),
    };
    CheckResponse {
        status: Some(rpc::Status { code: code as i32, ..rpc::Status::default() }),
        dynamic_metadata: Some(metadata(exchange)),
        http_response: Some(http_response),
    }
}

fn metadata(exchange: &Exchange) -> Struct {
    let record = &exchange.record;
    let mut fields = vec![("requestId", record.request_id.to_str().unwrap_or_default().to_owned())];
    if let Some((api, operation)) = record.told.names() {
        fields.extend([("api", api), ("operation", operation)]);
    }
    fields.extend(record.told.user().map(|user| ("user", user.to_owned())));
    fields.extend(record.code.map(|code| ("code", code.to_owned())));
    let value = |text| Value { kind: Some(Kind::StringValue(text)) };
    Struct { fields: fields.into_iter().map(|(name, text)| (name.to_owned(), value(text))).collect() }
}

fn option(name: &str, value: &HeaderValue, action: HeaderAppendAction) -> Result<HeaderValueOption, Rejection> {
    let text = std::str::from_utf8(value.as_bytes());
    let text = text.map_err(|_| Rejection::new(Code::BadRequest, "a field that is changed is no text"))?;
    Ok(HeaderValueOption { append_action: action.into(), ..set(name, text) })
}

fn set(name: &str, text: &str) -> HeaderValueOption {
    HeaderValueOption {
        header: Some(EnvoyHeader { key: name.to_owned(), value: text.to_owned(), ..EnvoyHeader::default() }),
        append_action: HeaderAppendAction::OverwriteIfExistsOrAdd.into(),
        ..HeaderValueOption::default()
    }
}
