//! Opening a WebSocket: the backend is asked first, the client gets its word, and then bytes pass (RFC 6455 §4, RFC 8441 §5).
//!
//! Whatever the backend answers other than a proper `101` is an ordinary answer or none: nothing is ever switched in part.

use std::{future::poll_fn, rc::Rc, task::Poll};

use bytes::Bytes;
use gateway::{Code, Forward, Rejection, WebSocketHandshake, ask_as_http1};
use http::{
    Extensions, HeaderMap, Method, Response, StatusCode,
    header::{CONTENT_LENGTH, SEC_WEBSOCKET_ACCEPT},
    request,
};
use hyper::{
    body::Incoming,
    ext::Protocol,
    upgrade::{OnUpgrade, Upgraded},
};
use hyper_util::rt::TokioIo;

use super::{
    answered,
    answers::{self, Closing},
    passable::keep_passable_fields,
    too_many_streams, unanswered,
};
use crate::{
    body::ResponseBody,
    clock,
    exchange::Exchange,
    streams::Seat,
    tunnel::{Start, Tunnel},
    upstream::{self, Answer, UpstreamError},
};

/// The other end of an extended `CONNECT` of HTTP/2, once it is granted.
pub(super) type Connect = Option<OnUpgrade>;

/// Turns an extended `CONNECT` that asks for a WebSocket into the `GET` that it would be in HTTP/1.1.
pub(super) fn as_http1(parts: &mut request::Parts) -> Connect {
    let is_websocket = parts.extensions.get::<Protocol>().is_some_and(|protocol| protocol.as_str() == "websocket");
    if parts.method != Method::CONNECT || !is_websocket {
        return None;
    }
    parts.method = Method::GET;
    ask_as_http1(&mut parts.headers);
    std::mem::replace(&mut parts.extensions, Extensions::new()).remove()
}

/// Refuses an extended `CONNECT` to an operation that is no WebSocket: there is nothing else that it could mean.
pub(super) fn refuse(exchange: Box<Exchange>) -> Response<ResponseBody> {
    let rejection = Rejection::new(Code::NotImplemented, "this operation is no WebSocket");
    answers::refuse(exchange, &rejection, Closing::Keep)
}

/// Asks the backend for a WebSocket, and gives the client its answer.
pub(super) async fn open(
    mut exchange: Box<Exchange>,
    forward: Forward,
    handshake: Box<WebSocketHandshake>,
    connect: Connect,
) -> Response<ResponseBody> {
    let Forward { endpoint, head, fields, .. } = forward;
    let worker = Rc::clone(exchange.worker());
    // Before the backend is asked: it must not be led to think that it has one.
    let Some(seat) = exchange.seat() else { return answers::refuse(exchange, &too_many_streams(), Closing::Keep) };
    let mut response = match upstream::switch(&worker, &endpoint, head).await {
        Ok(response) => response,
        Err(error) => return unanswered(exchange, &error, &endpoint),
    };
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        if exchange.is_http2() && response.status().is_success() {
            // To an HTTP/2 client success is the switch itself.
            return unanswered(exchange, &UpstreamError::BadAnswer, &endpoint);
        }
        return answered(exchange, Ok(Answer { response, lease: None }), &endpoint, fields);
    }
    let backend = match switched(&mut response, &handshake).await {
        Ok(backend) => backend,
        Err(error) => return unanswered(exchange, &error, &endpoint),
    };
    let (mut parts, _) = response.into_parts();
    if let Err(error) = keep_passable_fields(&mut parts.headers, &fields, &exchange) {
        return unanswered(exchange, &error, &endpoint);
    }
    let status = if exchange.is_http2() { StatusCode::OK } else { StatusCode::SWITCHING_PROTOCOLS };
    let headers = granted(parts.headers, &handshake, &exchange);
    exchange.switched(status);
    let has_sent_more = poll_fn(|cx| Poll::Ready(exchange.client().has_sent_more(cx))).await;
    let start = if has_sent_more { Start::Early } else { Start::Proper };
    take_over(exchange, (backend, seat, start), connect);
    let mut response = Response::new(ResponseBody::Whole(Box::default()));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}

/// Returns the backend's connection, if its `101` grants what was asked for.
async fn switched(
    response: &mut Response<Incoming>,
    handshake: &WebSocketHandshake,
) -> Result<Upgraded, UpstreamError> {
    if !handshake.is_granted_by(response.headers()) {
        return Err(UpstreamError::BadAnswer);
    }
    hyper::upgrade::on(response).await.map_err(UpstreamError::Protocol)
}

fn granted(mut headers: HeaderMap, handshake: &WebSocketHandshake, exchange: &Exchange) -> HeaderMap {
    headers.remove(CONTENT_LENGTH);
    headers.remove(SEC_WEBSOCKET_ACCEPT);
    if !exchange.is_http2() {
        handshake.grant(&mut headers);
    }
    headers
}

/// Lets the two ends talk as soon as the client has its answer.
fn take_over(exchange: Box<Exchange>, backend: (Upgraded, Seat, Start), connect: Connect) {
    let client = Rc::clone(exchange.client());
    let standing = exchange.record.told.standing();
    let stream = client.worker.streams.open(standing, exchange.mark(), clock::now());
    let tunnel = Box::new(Tunnel::new(exchange, backend, stream));
    match connect {
        None => *client.successor.borrow_mut() = Some(tunnel),
        Some(connect) => {
            tokio::task::spawn_local(async move {
                match connect.await {
                    Ok(client) => tunnel.run(TokioIo::new(client), Bytes::new()).await,
                    Err(error) => tracing::debug!(%error, "a client left before its WebSocket was open"),
                }
            });
        }
    }
}
