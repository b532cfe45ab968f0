//! One request: checks the head, asks the gateway, forwards or refuses.
//!
//! A thin shell around the decision: it adds and removes no request field but framing. Reads no body before the decision,
//! and none at all for a request that is refused.

mod answers;
mod elsewhere;
mod passable;
mod treated;
mod websocket;

use std::{convert::Infallible, rc::Rc, sync::Arc, time::SystemTime};

use gateway::{Code, Endpoint, FieldRules, Forward, Rejection, RequestHead, Upstream};
use http::{
    HeaderMap, HeaderValue, Method, Request, Response, Version,
    header::{EXPECT, RETRY_AFTER, TRAILER},
    request,
};
use http_body::Body;
use http_body_util::BodyExt;
use hyper::body::Incoming;

use crate::{
    body::{RequestBody, ResponseBody, Streamed, Upload},
    client::{Client, Role},
    clock,
    decision::{Told, WorkerDecisions},
    exchange::{Course, Download, Exchange},
    streams::Cause,
    strict,
    timers::Deadline,
    upstream::{self, Answer, UpstreamError},
};
use answers::Closing;
use passable::{admitted_names, keep_passable};
use websocket::Connect;

pub(crate) use passable::AdmittedNames;

/// A body of this size may still be read after a refusal, so that the connection lives on.
const SMALL_BODY: u64 = 64 * 1024;

/// Answers one request.
///
/// Every connection keeps room for this future, and each further async function would be moved in and out of it: what is
/// large is in a box, and what needs no waiting is done outside.
///
/// # Errors
///
/// None: every failure has an answer.
pub(crate) fn answer(
    client: Rc<Client>,
    request: Request<Incoming>,
) -> impl Future<Output = Result<Response<ResponseBody>, Infallible>> {
    let begun = begin(&client, request);
    async move {
        let (mut exchange, Asked { head, now, rest }) = match begun {
            Begun::Undecided(exchange, asked) => (exchange, asked),
            Begun::Answered(response) => return Ok(*response),
        };
        let decided = match &client.worker.decisions {
            WorkerDecisions::Gateway(gateway) => {
                let held = gateway.held();
                let decision = held.snapshot().decide(gateway.runtime(), head, now).await;
                exchange.record.told = Told::Gateway(held, decision.record);
                decision.outcome
            }
            WorkerDecisions::Functions(functions) => {
                let decision = functions.decide(head, now).await;
                exchange.record.told = Told::Facts(Box::new(decision.facts));
                decision.outcome
            }
        };
        let mut forward = match decided {
            Ok(forward) => forward,
            Err(rejection) => return Ok(answers::refuse(exchange, &rejection, rest.closing)),
        };
        let treated = forward.treated.take();
        if let Some(handshake) = forward.websocket.take() {
            let opened = Box::pin(websocket::open(exchange, forward, handshake, rest.connect)).await;
            return Ok(treated::complete(opened, treated));
        }
        if rest.connect.is_some() {
            return Ok(treated::complete(websocket::refuse(exchange), treated));
        }
        let body = if rest.is_declared_empty() {
            match Box::pin(nothing(rest.body)).await {
                Ok(body) => body,
                Err(rejection) => {
                    let refused = answers::refuse(exchange, &rejection, Closing::Close);
                    return Ok(treated::complete(refused, treated));
                }
            }
        } else {
            streamed(rest, &mut forward, &mut exchange)
        };
        if let Some(elsewhere) = forward.elsewhere.take() {
            let answer = Box::pin(elsewhere::answer(exchange, (forward, elsewhere), body)).await;
            return Ok(treated::complete(answer, treated));
        }
        let Forward { endpoint, head, fields, .. } = forward;
        let sent = upstream::send(&client.worker, &endpoint, (head, body), exchange.waiting()).await;
        Ok(treated::complete(answered(exchange, sent, &endpoint, fields), treated))
    }
}

/// What came of the steps before the decision.
enum Begun {
    Undecided(Box<Exchange>, Asked),
    Answered(Box<Response<ResponseBody>>),
}

/// A request, as it is decided.
struct Asked {
    head: Box<RequestHead>,
    now: SystemTime,
    rest: Rest,
}

/// What of a request takes no part in the decision.
struct Rest {
    body: Incoming,
    /// The trailers that the client announces: HTTP/1.1 backends are sent no others.
    announced: Vec<HeaderValue>,
    /// What becomes of the connection after a refusal.
    closing: Closing,
    connect: Connect,
}

/// Checks the head, and answers what needs no decision.
fn begin(client: &Rc<Client>, request: Request<Incoming>) -> Begun {
    let now = clock::now();
    let (parts, body) = request.into_parts();
    let mut exchange = Exchange::begin(client, &parts, now);
    let connection = Arc::clone(&client.connection);
    let mut head = Box::new(RequestHead { parts, connection, request_id: exchange.record.request_id.clone() });
    let parts = &head.parts;
    if let Err(rejection) = strict::check(parts, &body, &client.seen) {
        exchange.record.told = client.worker.decisions.undecided();
        return Begun::Answered(Box::new(answers::refuse(exchange, &rejection, closing_always(parts.version))));
    }
    if let Some(document) = client.worker.decisions.document(parts.uri.path()) {
        exchange.record.told = client.worker.decisions.undecided();
        return Begun::Answered(Box::new(answers::document(exchange, &document, parts)));
    }
    let closing = closing(parts, &body);
    if client.role != Role::Data {
        exchange.record.told = client.worker.decisions.undecided();
        let rejection = Rejection::new(Code::NotFound, "only key and discovery documents are served here");
        return Begun::Answered(Box::new(answers::refuse(exchange, &rejection, closing)));
    }
    let announced = announced_trailers(&parts.headers, &body);
    let connect = if exchange.is_http2() { websocket::as_http1(&mut head.parts) } else { None };
    let rest = Rest { body, announced, closing, connect };
    Begun::Undecided(exchange, Asked { head, now, rest })
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
        forward.head.parts.headers.insert(TRAILER, names);
    }
}

impl Rest {
    /// True when `content-length: 0` was declared and the stream left open.
    ///
    /// Were such a head forwarded at once, what an HTTP/2 client sends next would stand behind a complete request on the
    /// backend's connection.
    fn is_declared_empty(&self) -> bool {
        !self.body.is_end_stream() && self.body.size_hint().exact() == Some(0)
    }
}

/// Waits until it is sure that a body declared empty is empty.
async fn nothing(mut body: Incoming) -> Result<RequestBody, Rejection> {
    let is_empty = match body.frame().await {
        None => true,
        Some(Ok(frame)) => frame.is_trailers() || frame.data_ref().is_some_and(bytes::Bytes::is_empty),
        Some(Err(_)) => false,
    };
    if is_empty {
        return Ok(RequestBody::EMPTY);
    }
    Err(Rejection::new(Code::BadRequest, "the body is longer than `content-length`"))
}

/// Returns the body to forward, and announces its trailers.
fn streamed(rest: Rest, forward: &mut Forward, exchange: &mut Exchange) -> RequestBody {
    announce_trailers(forward, &rest.announced);
    if rest.body.is_end_stream() {
        return RequestBody::EMPTY;
    }
    let is_declared = rest.body.size_hint().exact().is_some();
    let upload = Rc::new(if is_declared {
        Upload::default()
    } else {
        Upload::open_ended(exchange.record.told.standing(), exchange.mark())
    });
    exchange.uploads(&upload);
    let (fields, client) = (Arc::clone(&forward.fields), Rc::clone(exchange.client()));
    client.activity.awaits_body(true);
    RequestBody::streamed(Streamed { incoming: rest.body, fields, upload, client, collector: None })
}

/// Passes the backend's answer on, or says that there is none.
fn answered(
    mut exchange: Box<Exchange>,
    sent: Result<Answer, UpstreamError>,
    endpoint: &Endpoint,
    fields: Arc<FieldRules>,
) -> Response<ResponseBody> {
    let Answer { response, lease } = match sent {
        Ok(answer) => answer,
        Err(error) => return unanswered(exchange, &error, endpoint),
    };
    let (mut parts, incoming) = response.into_parts();
    if let Err(error) = keep_passable(&mut parts, &fields, &exchange) {
        return unanswered(exchange, &error, endpoint);
    }
    if let Some((name, nonce)) = exchange.record.told.proof_nonce(&exchange.worker().decisions) {
        parts.headers.insert(name, nonce);
    }
    let course = Course::of(&parts.headers, &incoming, exchange.is_http2());
    let Some(course) = course.seated(|| exchange.seat()) else {
        let closing = Closing::of_upload(exchange.upload());
        return answers::refuse(exchange, &too_many_streams(), closing);
    };
    let is_stream = course.kind().is_some();
    let patience = if is_stream { exchange.record.told.stream_idle() } else { endpoint.response_timeout };
    let deadline = Deadline::new(&exchange.worker().timers, patience, exchange.attention());
    exchange.answered(parts.status, Download::new((incoming, course), fields, lease, deadline));
    Response::from_parts(parts, ResponseBody::Backend(exchange))
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
        UpstreamError::Ended(cause @ (Cause::Expired | Cause::Revoked)) => {
            Rejection::new(Code::Unauthorized, cause.message())
        }
        UpstreamError::Ended(cause @ (Cause::Idle | Cause::Shutdown)) => {
            Rejection::new(Code::ApiUnavailable, cause.message())
        }
        UpstreamError::Busy => Rejection::new(Code::EndpointBusy, "the backend has enough to do")
            .with(RETRY_AFTER, HeaderValue::from_static("1")),
        UpstreamError::ClientStalled => Rejection::new(Code::BadRequest, "the request body did not arrive in time"),
    }
}

fn too_many_streams() -> Rejection {
    Rejection::new(Code::Overloaded, "too many streams are open").with(RETRY_AFTER, HeaderValue::from_static("5"))
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
