//! The outgoing request as each version of HTTP writes it: target form, framing and version-specific fields.
//!
//! Everything else of the head is [`gateway::Forward`]'s. May be applied again when a retry speaks another version.

use gateway::{Endpoint, join_cookies};
use http::{
    HeaderValue, Method, Request, Uri, Version,
    header::{CONTENT_LENGTH, HOST, TE, TRANSFER_ENCODING},
    uri::{Authority, Scheme},
};
use http_body::Body;

use crate::body::RequestBody;

const CHUNKED: HeaderValue = HeaderValue::from_static("chunked");

/// Shapes a request for HTTP/1.1. In place: a request is large.
pub(super) fn http1(request: &mut Request<RequestBody>, endpoint: &Endpoint) {
    *request.version_mut() = Version::HTTP_11;
    if request.uri().scheme().is_some()
        && let Some(path_and_query) = request.uri().path_and_query().cloned()
    {
        *request.uri_mut() = Uri::from(path_and_query);
        request.headers_mut().insert(HOST, endpoint.authority.clone());
    }
    if endpoint.upstream == gateway::Upstream::Tls {
        request.headers_mut().remove(TE);
        join_cookies(request.headers_mut());
    }
    frame(request);
}

/// Writes the framing that hyper would not: hyper sends a `GET` body of unknown length as no body at all, and a `POST`
/// without a body without a length.
fn frame(request: &mut Request<RequestBody>) {
    if request.body().is_end_stream() {
        if !matches!(*request.method(), Method::GET | Method::HEAD | Method::DELETE | Method::OPTIONS) {
            request.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
        }
    } else if request.body().size_hint().exact().is_none() {
        request.headers_mut().insert(TRANSFER_ENCODING, CHUNKED);
    }
}

/// Shapes a request for HTTP/2: the authority moves from `Host` to the target (RFC 9113 §8.3.1).
pub(super) fn http2(mut request: Request<RequestBody>, endpoint: &Endpoint) -> Request<RequestBody> {
    *request.version_mut() = Version::HTTP_2;
    request.headers_mut().remove(TRANSFER_ENCODING);
    let host = request.headers_mut().remove(HOST).unwrap_or_else(|| endpoint.authority.clone());
    let mut parts = std::mem::take(request.uri_mut()).into_parts();
    parts.scheme = Some(if endpoint.upstream == gateway::Upstream::Tls { Scheme::HTTPS } else { Scheme::HTTP });
    parts.authority = Authority::try_from(host.as_bytes()).ok();
    if parts.authority.is_none() {
        parts.scheme = None;
    }
    *request.uri_mut() = Uri::from_parts(parts).unwrap_or_default();
    request
}
