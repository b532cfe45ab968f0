//! Answers that the gateway gives itself: refusals as RFC 9457 problem documents, and key and discovery documents.

use gateway::{Code, Rejection};
use http::{
    HeaderValue, Method, Response, StatusCode,
    header::{ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, ETAG, IF_NONE_MATCH},
    request::Parts,
};

use super::has_no_body;
use crate::{
    body::{ResponseBody, Upload},
    decision::Document,
    exchange::Exchange,
};

const PROBLEM: HeaderValue = HeaderValue::from_static("application/problem+json");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

/// What becomes of an HTTP/1 connection after the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Closing {
    Keep,
    Close,
}

impl Closing {
    /// Closes when the client's body has not been taken in full.
    pub(super) fn of_upload(upload: Option<&Upload>) -> Self {
        if upload.is_none() { Self::Keep } else { Self::Close }
    }
}

/// Refuses a request.
pub(super) fn refuse(mut exchange: Box<Exchange>, rejection: &Rejection, closing: Closing) -> Response<ResponseBody> {
    let body = rejection.body(exchange.record.request_id.to_str().unwrap_or_default());
    let status = rejection.code.status();
    let length = body.len();
    exchange.answered_ourselves(status, Some(rejection.code.text()), length);
    let is_bodiless = has_no_body(&exchange.record.method);
    let mut response =
        Response::new(ResponseBody::Whole(Box::new(if is_bodiless { bytes::Bytes::new() } else { body })));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    if rejection.code.is_refusal() {
        headers.insert(CONTENT_TYPE, PROBLEM);
        headers.insert(CACHE_CONTROL, NO_STORE);
        if is_bodiless {
            headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
        }
    }
    for (name, value) in &rejection.headers {
        headers.append(name.clone(), value.clone());
    }
    if closing == Closing::Close && !exchange.is_http2() {
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// Serves a key or discovery document to `GET` and `HEAD`, or says that the client's copy is fresh.
pub(super) fn document(mut exchange: Box<Exchange>, document: &Document, parts: &Parts) -> Response<ResponseBody> {
    if parts.method != Method::GET && parts.method != Method::HEAD {
        let rejection = Rejection::new(Code::MethodNotAllowed, "this document can only be read")
            .with(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return refuse(exchange, &rejection, Closing::Keep);
    }
    let is_fresh = parts.headers.get_all(IF_NONE_MATCH).iter().any(|tags| names_tag(tags, &document.etag));
    let is_bodiless = is_fresh || has_no_body(&parts.method);
    let status = if is_fresh { StatusCode::NOT_MODIFIED } else { StatusCode::OK };
    let body = if is_bodiless { bytes::Bytes::new() } else { document.body.clone() };
    exchange.answered_ourselves(status, None, body.len());
    let mut response = Response::new(ResponseBody::Whole(Box::new(body)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, document.content_type.clone());
    headers.insert(CACHE_CONTROL, document.cache_control.clone());
    headers.insert(ETAG, document.etag.clone());
    if is_bodiless && !is_fresh {
        headers.insert(CONTENT_LENGTH, HeaderValue::from(document.body.len()));
    }
    response
}

/// Compares weakly (RFC 9110 §13.1.2).
fn names_tag(tags: &HeaderValue, etag: &HeaderValue) -> bool {
    let opaque = |tag: &[u8]| tag.strip_prefix(b"W/").unwrap_or(tag).to_vec();
    let etag = opaque(etag.as_bytes());
    tags.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii).any(|tag| tag == b"*" || opaque(tag) == etag)
}
