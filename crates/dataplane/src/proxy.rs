//! One request: checks the head, asks the gateway, forwards or refuses.
//!
//! A thin shell around the decision: it adds and removes no request field but framing. Reads no body before the decision,
//! and none at all for a request that is refused.

mod answers;

use std::{rc::Rc, sync::Arc};

use gateway::{Code, FieldRules, Forward, Rejection, RequestHead, Upstream};
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request, Response, Uri, Version,
    header::{CONNECTION, CONTENT_LENGTH, EXPECT, TRAILER, TRANSFER_ENCODING},
    request,
};
use http_body::Body;
use http_body_util::BodyExt;
use hyper::body::Incoming;

use crate::{
    body::{BackendBody, RequestBody, ResponseBody, Upload},
    client::{Client, Role},
    clock,
    exchange::Exchange,
    strict,
    timers::Deadline,
    upstream::{self, Answer, UpstreamError},
};
use answers::Closing;

/// A body of this size may still be read after a refusal, so that the connection lives on.
const SMALL_BODY: u64 = 64 * 1024;

/// Answers one request.
pub(crate) async fn answer(client: Rc<Client>, request: Request<Incoming>) -> Response<ResponseBody> {
    let now = clock::now();
    let (parts, body) = request.into_parts();
    let mut exchange = Exchange::begin(&client, &parts, now);
    if let Err(rejection) = strict::check(&parts, &body, client.activity.number_sign()) {
        return answers::refuse(exchange, &rejection, closing_always(parts.version));
    }
    if let Some(document) = client.worker.decisions.document(parts.uri.path()) {
        return answers::document(exchange, &document, &parts);
    }
    let closing = closing(&parts, &body);
    if client.role == Role::Keys {
        let rejection = Rejection::new(Code::NotFound, "only key and discovery documents are served here");
        return answers::refuse(exchange, &rejection, closing);
    }
    let announced = announced_trailers(&parts.headers, &body);
    let head = RequestHead {
        method: parts.method,
        uri: parts.uri,
        version: parts.version,
        headers: parts.headers,
        connection: Arc::clone(&client.connection),
        request_id: exchange.record.request_id.clone(),
    };
    let decision = client.worker.decisions.decide(head, now).await;
    exchange.decided(decision.facts);
    match decision.outcome {
        Ok(mut forward) => {
            announce_trailers(&mut forward, &announced);
            self::forward(exchange, forward, body).await
        }
        Err(rejection) => answers::refuse(exchange, &rejection, closing),
    }
}

/// Says whether the connection can be used again after a refusal: not when the body is still to come and may be long.
fn closing(parts: &request::Parts, body: &Incoming) -> Closing {
    if parts.version == Version::HTTP_2 || body.is_end_stream() {
        return Closing::Keep;
    }
    let is_small = body.size_hint().exact().is_some_and(|length| length <= SMALL_BODY);
    if is_small && !parts.headers.contains_key(EXPECT) { Closing::Keep } else { Closing::Close }
}

fn closing_always(version: Version) -> Closing {
    if version == Version::HTTP_2 { Closing::Keep } else { Closing::Close }
}

/// Returns the trailers that the client announces: HTTP/1.1 backends are sent no others.
fn announced_trailers(headers: &HeaderMap, body: &Incoming) -> Vec<HeaderValue> {
    if body.size_hint().exact().is_some() {
        return Vec::new();
    }
    headers.get_all(TRAILER).iter().cloned().collect()
}

fn announce_trailers(forward: &mut Forward, announced: &[HeaderValue]) {
    if announced.is_empty() || forward.endpoint.upstream == Upstream::Http2 {
        return;
    }
    if let Some(names) = admitted_names(announced, |name| forward.fields.admits_trailer(name)) {
        forward.headers.insert(TRAILER, names);
    }
}

/// Returns the listed field names that are admitted, as one list.
fn admitted_names(lists: &[HeaderValue], admits: impl Fn(&HeaderName) -> bool) -> Option<HeaderValue> {
    let mut admitted = Vec::new();
    for list in lists {
        for name in list.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
            if HeaderName::from_bytes(name).is_ok_and(|name| admits(&name)) {
                if !admitted.is_empty() {
                    admitted.extend_from_slice(b", ");
                }
                admitted.extend_from_slice(name);
            }
        }
    }
    if admitted.is_empty() { None } else { HeaderValue::from_bytes(&admitted).ok() }
}

async fn forward(mut exchange: Exchange, forward: Forward, body: Incoming) -> Response<ResponseBody> {
    let Forward { endpoint, method, path_and_query, headers, fields } = forward;
    let body = match streamed(&mut exchange, body, &fields).await {
        Ok(body) => body,
        Err(rejection) => return answers::refuse(exchange, &rejection, Closing::Close),
    };
    let upload = match &body {
        RequestBody::Empty => None,
        RequestBody::Streamed { upload, .. } => Some(Rc::clone(upload)),
    };
    let mut request = Request::new(body);
    *request.method_mut() = method;
    *request.uri_mut() = Uri::from(path_and_query);
    *request.headers_mut() = headers;
    let worker = Rc::clone(exchange.worker());
    let sent = upstream::send(&worker, &endpoint, request, upload.as_deref()).await;
    let sent = sent.and_then(|answer| passable(answer, &fields, exchange.is_http2()));
    match sent {
        Ok(Answer { response, lease }) => {
            let (parts, incoming) = response.into_parts();
            exchange.answered(parts.status);
            let deadline = Deadline::new(&worker.timers, endpoint.response_timeout);
            let body = BackendBody { incoming, fields, lease, deadline, exchange };
            Response::from_parts(parts, ResponseBody::Backend(Box::new(body)))
        }
        Err(error) => {
            let rejection = rejection(&error, upload.as_deref());
            worker.metrics.upstream_failed(error.label());
            tracing::debug!(host = %endpoint.host, port = endpoint.port, error = %Chain(&error), "no answer from the backend");
            answers::refuse(exchange, &rejection, Closing::of_upload(upload.as_deref()))
        }
    }
}

/// Makes the outgoing body, once it is sure that a body declared empty is empty.
///
/// An HTTP/2 client can declare `content-length: 0` and leave the stream open; were the head forwarded at once, what comes
/// next would stand behind a complete request on the backend's connection.
async fn streamed(
    exchange: &mut Exchange,
    mut body: Incoming,
    fields: &Arc<FieldRules>,
) -> Result<RequestBody, Rejection> {
    if body.is_end_stream() {
        return Ok(RequestBody::Empty);
    }
    if body.size_hint().exact() == Some(0) {
        return match body.frame().await {
            None => Ok(RequestBody::Empty),
            Some(Ok(frame)) if frame.is_trailers() || frame.data_ref().is_some_and(bytes::Bytes::is_empty) => {
                Ok(RequestBody::Empty)
            }
            Some(Ok(_) | Err(_)) => Err(Rejection::new(Code::BadRequest, "the body is longer than `content-length`")),
        };
    }
    let upload = Rc::new(Upload::default());
    exchange.uploads(&upload);
    Ok(RequestBody::Streamed { incoming: body, fields: Arc::clone(fields), upload })
}

fn rejection(error: &UpstreamError, upload: Option<&Upload>) -> Rejection {
    if upload.is_some_and(Upload::is_broken) {
        return Rejection::new(Code::BadRequest, "the request body is malformed");
    }
    match error {
        UpstreamError::Resolve(_) | UpstreamError::Connect(_) | UpstreamError::Tls(_) => {
            Rejection::new(Code::BadGateway, "the backend cannot be reached")
        }
        UpstreamError::Protocol(_) | UpstreamError::BadAnswer => {
            Rejection::new(Code::BadGateway, "the backend gave no usable answer")
        }
        UpstreamError::ConnectTimeout | UpstreamError::ResponseTimeout => {
            Rejection::new(Code::GatewayTimeout, "the backend did not answer in time")
        }
        UpstreamError::ClientStalled => Rejection::new(Code::BadRequest, "the request body did not arrive in time"),
    }
}

/// Takes from a backend's answer what ends here: framing, hop-by-hop and reserved fields.
///
/// # Errors
///
/// [`UpstreamError::BadAnswer`]: an upgrade that nobody asked for, or a transfer coding that we do not decode.
fn passable(answer: Answer, fields: &FieldRules, is_http2: bool) -> Result<Answer, UpstreamError> {
    let Answer { mut response, lease } = answer;
    if response.status().is_informational() {
        return Err(UpstreamError::BadAnswer);
    }
    *response.version_mut() = Version::HTTP_11;
    let headers = response.headers_mut();
    unframe(headers)?;
    let trailers: Vec<HeaderValue> = match headers.get(TRAILER) {
        Some(_) if !is_http2 => headers.get_all(TRAILER).iter().cloned().collect(),
        Some(_) | None => Vec::new(),
    };
    remove_nominated(headers);
    let removed: Vec<HeaderName> = headers.keys().filter(|name| !fields.admits_response(name)).cloned().collect();
    for name in removed {
        headers.remove(name);
    }
    if let Some(names) = admitted_names(&trailers, |name| fields.admits_response(name)) {
        headers.insert(TRAILER, names);
    }
    Ok(Answer { response, lease })
}

/// With `Transfer-Encoding` the length is hyper's to find, and a `Content-Length` beside it would be believed by the
/// client (RFC 9112 §6.3).
fn unframe(headers: &mut HeaderMap) -> Result<(), UpstreamError> {
    let mut codings = headers.get_all(TRANSFER_ENCODING).iter();
    let Some(coding) = codings.next() else { return Ok(()) };
    if !coding.as_bytes().eq_ignore_ascii_case(b"chunked") || codings.next().is_some() {
        return Err(UpstreamError::BadAnswer);
    }
    headers.remove(TRANSFER_ENCODING);
    headers.remove(CONTENT_LENGTH);
    Ok(())
}

fn remove_nominated(headers: &mut HeaderMap) {
    let Some(nominations) = headers.remove(CONNECTION) else { return };
    for name in nominations.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
        if let Ok(name) = HeaderName::from_bytes(name)
            && name != CONTENT_LENGTH
        {
            headers.remove(name);
        }
    }
}

/// An error with its causes.
struct Chain<'a>(&'a dyn std::error::Error);

impl std::fmt::Display for Chain<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(formatter, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

/// True for a method whose answer has no body.
fn has_no_body(method: &Method) -> bool {
    *method == Method::HEAD
}
