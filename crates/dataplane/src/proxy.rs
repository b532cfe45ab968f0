//! One request: checks the head, asks the gateway, forwards or refuses.
//!
//! A thin shell around the decision: it adds and removes no request field but framing. Reads no body before the decision,
//! and none at all for a request that is refused.

mod answers;
mod passable;

use std::{convert::Infallible, rc::Rc, sync::Arc};

use gateway::{Code, Endpoint, FieldRules, Forward, Rejection, RequestHead, Upstream};
use http::{
    HeaderMap, HeaderValue, Method, Request, Response, Uri, Version,
    header::{EXPECT, TRAILER},
    request,
};
use http_body::Body;
use http_body_util::BodyExt;
use hyper::body::Incoming;

use crate::{
    body::{RequestBody, ResponseBody, Upload},
    client::{Client, Role},
    clock,
    exchange::{Download, Exchange},
    strict,
    timers::Deadline,
    upstream::{self, Answer, UpstreamError},
};
use answers::Closing;
use passable::{admitted_names, passable};

pub(crate) use passable::AdmittedNames;

/// A body of this size may still be read after a refusal, so that the connection lives on.
const SMALL_BODY: u64 = 64 * 1024;

/// Answers one request.
///
/// One function, because each further one would move the head and the request once more in and out of its future.
///
/// # Errors
///
/// None: every failure has an answer.
pub(crate) async fn answer(
    client: Rc<Client>,
    request: Request<Incoming>,
) -> Result<Response<ResponseBody>, Infallible> {
    let now = clock::now();
    let (parts, body) = request.into_parts();
    let exchange = Exchange::begin(&client, &parts, now);
    let (mut exchange, closing) = match screen(&client, &parts, &body, exchange) {
        Screened::Passed(exchange, closing) => (exchange, closing),
        Screened::Answered(response) => return Ok(response),
    };
    let announced = announced_trailers(&parts.headers, &body);
    let head = RequestHead {
        method: parts.method,
        uri: parts.uri,
        version: parts.version,
        headers: parts.headers,
        connection: Arc::clone(&client.connection),
        request_id: exchange.record.request_id.clone(),
    };
    let mut forward = match client.worker.decisions.decide(head, now, &mut exchange.record.told).await {
        Ok(forward) => forward,
        Err(rejection) => return Ok(answers::refuse(exchange, &rejection, closing)),
    };
    announce_trailers(&mut forward, &announced);
    let body = if body.is_end_stream() {
        Some(RequestBody::Empty)
    } else if body.size_hint().exact() == Some(0) {
        Box::pin(declared_empty(body)).await
    } else {
        Some(streamed(&mut exchange, body, &forward.fields))
    };
    let Some(body) = body else {
        let rejection = Rejection::new(Code::BadRequest, "the body is longer than `content-length`");
        return Ok(answers::refuse(exchange, &rejection, Closing::Close));
    };
    let Forward { endpoint, method, path_and_query, headers, fields } = forward;
    let mut request = Request::new(body);
    *request.method_mut() = method;
    *request.uri_mut() = Uri::from(path_and_query);
    *request.headers_mut() = headers;
    let sent = upstream::send(&client.worker, &endpoint, request, exchange.upload()).await;
    Ok(match sent.and_then(|answer| passable(answer, &fields, &exchange)) {
        Ok(Answer { response, lease }) => {
            let (parts, incoming) = response.into_parts();
            let deadline = Deadline::new(&client.worker.timers, endpoint.response_timeout);
            exchange.answered(parts.status, Download { incoming, fields, lease, deadline });
            Response::from_parts(parts, ResponseBody::Backend(exchange))
        }
        Err(error) => unanswered(exchange, &error, &endpoint),
    })
}

/// What came of the checks before the decision.
enum Screened {
    Passed(Box<Exchange>, Closing),
    Answered(Response<ResponseBody>),
}

/// Checks the head, and answers what needs no decision.
fn screen(client: &Client, parts: &request::Parts, body: &Incoming, exchange: Box<Exchange>) -> Screened {
    if let Err(rejection) = strict::check(parts, body, &client.seen) {
        return Screened::Answered(answers::refuse(exchange, &rejection, closing_always(parts.version)));
    }
    if let Some(document) = client.worker.decisions.document(parts.uri.path()) {
        return Screened::Answered(answers::document(exchange, &document, parts));
    }
    let closing = closing(parts, body);
    if client.role == Role::Keys {
        let rejection = Rejection::new(Code::NotFound, "only key and discovery documents are served here");
        return Screened::Answered(answers::refuse(exchange, &rejection, closing));
    }
    Screened::Passed(exchange, closing)
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

/// Waits until it is sure that a body declared empty is empty; `None`: it is not.
///
/// An HTTP/2 client can declare `content-length: 0` and leave the stream open; were the head forwarded at once, what comes
/// next would stand behind a complete request on the backend's connection.
async fn declared_empty(mut body: Incoming) -> Option<RequestBody> {
    match body.frame().await {
        None => Some(RequestBody::Empty),
        Some(Ok(frame)) if frame.is_trailers() || frame.data_ref().is_some_and(bytes::Bytes::is_empty) => {
            Some(RequestBody::Empty)
        }
        Some(Ok(_) | Err(_)) => None,
    }
}

fn streamed(exchange: &mut Exchange, body: Incoming, fields: &Arc<FieldRules>) -> RequestBody {
    let upload = Rc::new(Upload::default());
    exchange.uploads(&upload);
    RequestBody::Streamed { incoming: body, fields: Arc::clone(fields), upload }
}

fn unanswered(exchange: Box<Exchange>, error: &UpstreamError, endpoint: &Endpoint) -> Response<ResponseBody> {
    let rejection = rejection(error, exchange.upload());
    exchange.worker().metrics.upstream_failed(error.label());
    tracing::debug!(host = %endpoint.host, port = endpoint.port, error = %Chain(error), "no answer from the backend");
    let closing = Closing::of_upload(exchange.upload());
    answers::refuse(exchange, &rejection, closing)
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
