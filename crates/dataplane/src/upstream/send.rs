//! One exchange with a backend: on a pooled connection if there is one, on a new one otherwise.
//!
//! A request is sent a second time when hyper hands it back unwritten, and when a backend closes a connection that had been
//! idle without a byte of an answer: then only if the request is safe and has no body (RFC 9110 §9.2.2, RFC 9112 §9.3.1).
//! Nothing else that a backend may have seen is ever repeated here; `resilient.rs` does more for endpoints that ask for it.

use std::{
    future::{Future, poll_fn},
    io::ErrorKind,
    pin::{Pin, pin},
    rc::Rc,
    sync::Arc,
    task::Poll,
};

use gateway::{Endpoint, RequestHead};
use http::{Request, Response};
use hyper::{
    body::Incoming,
    client::conn::{TrySendError, http2},
};

use super::{Lease, Pooled, Rest, Speaks, UpstreamError, Waiting, connect, connect::Connected, http1::Http1, shape};
use crate::{body::RequestBody, timers::Deadline, worker::Worker};

/// A backend's answer and, in HTTP/1.1, the connection to give back when it has ended.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) response: Response<Incoming>,
    pub(crate) lease: Option<Lease>,
}

/// What came of one attempt.
enum Attempt {
    Done(Result<Answer, UpstreamError>),
    /// Not one byte was written: the request may be sent again.
    Unsent(Request<RequestBody>),
}

/// Sends a request to an endpoint and returns the head of the answer.
///
/// The usual way, over a pooled HTTP/1.1 connection, is written out here: each function more would move the request once
/// more in and out of its future.
///
/// # Errors
///
/// [`UpstreamError`]; the connection is then closed, unless it is shared.
pub(crate) async fn send(
    worker: &Rc<Worker>,
    endpoint: &Arc<Endpoint>,
    (head, body): (Box<RequestHead>, RequestBody),
    waiting: Waiting<'_>,
) -> Result<Answer, UpstreamError> {
    let Some(Pooled { mut connection, rest }) = worker.upstreams.take_for(endpoint) else {
        return Box::pin(send_anew(worker, endpoint, Request::from_parts(head.parts, body), waiting)).await;
    };
    let copy = may_be_repeated(&head, &body, rest).then(|| copy_of(&head));
    let mut request = Request::from_parts(head.parts, body);
    shape::http1(&mut request, endpoint);
    let sending = pin!(connection.start(request));
    let error = match within(worker, endpoint, waiting, (Some(&mut connection), sending)).await? {
        Ok(response) => return Ok(Answer { response, lease: Some(Lease { pool: endpoint.pool, connection }) }),
        Err(error) => Box::new(error),
    };
    let request = unsent(*error).or_else(|error| copy.filter(|_| is_closed_unanswered(&error)).ok_or(error));
    Box::pin(send_anew(worker, endpoint, *request.map_err(UpstreamError::Protocol)?, waiting)).await
}

/// Sends a request over a shared connection or a new one.
async fn send_anew(
    worker: &Rc<Worker>,
    endpoint: &Arc<Endpoint>,
    request: Request<RequestBody>,
    waiting: Waiting<'_>,
) -> Result<Answer, UpstreamError> {
    let request = match worker.upstreams.shared(endpoint.pool) {
        Some(sender) => match over_http2(worker, endpoint, sender, request, waiting).await {
            Attempt::Done(result) => return result,
            Attempt::Unsent(request) => request,
        },
        None => request,
    };
    let attempt = match connected(worker, endpoint).await? {
        Connected::Http1(connection) => over_http1(worker, endpoint, connection, request, waiting).await,
        Connected::Http2(sender) => over_http2(worker, endpoint, sender, request, waiting).await,
    };
    match attempt {
        Attempt::Done(result) => result,
        Attempt::Unsent(_) => Err(UpstreamError::Connect(ErrorKind::ConnectionReset.into())),
    }
}

/// True for a request that may be sent again: safe, without a body, on a connection that may be closing.
fn may_be_repeated(head: &RequestHead, body: &RequestBody, rest: Rest) -> bool {
    rest == Rest::Rested && head.parts.method.is_safe() && body.is_empty()
}

/// Returns the request once more.
fn copy_of(head: &RequestHead) -> Box<Request<RequestBody>> {
    let mut copy = Box::new(Request::new(RequestBody::EMPTY));
    copy.method_mut().clone_from(&head.parts.method);
    copy.uri_mut().clone_from(&head.parts.uri);
    copy.headers_mut().clone_from(&head.parts.headers);
    copy
}

/// True when the connection ended before the head of an answer.
pub(super) fn is_closed_unanswered(error: &hyper::Error) -> bool {
    let io = std::error::Error::source(error).and_then(|source| source.downcast_ref::<std::io::Error>());
    let is_reset = io.is_some_and(|io| matches!(io.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe));
    is_reset || error.is_incomplete_message() || error.is_canceled() || error.is_closed()
}

/// Sees to it that there is a connection, for a request that can be sent only once.
///
/// # Errors
///
/// [`UpstreamError`]: there can be none.
pub(super) async fn ready(worker: &Rc<Worker>, endpoint: &Arc<Endpoint>) -> Result<(), UpstreamError> {
    if worker.upstreams.has_for(endpoint) {
        return Ok(());
    }
    match connected(worker, endpoint).await? {
        Connected::Http1(connection) => worker.upstreams.put(endpoint.pool, connection),
        Connected::Http2(_) => {}
    }
    Ok(())
}

/// Opens a connection; in HTTP/2 waits for the one that another request is opening.
async fn connected(worker: &Rc<Worker>, endpoint: &Arc<Endpoint>) -> Result<Connected, UpstreamError> {
    if worker.upstreams.speaks(endpoint) == Some(Speaks::Http1) {
        return connect::connect(worker, endpoint).await;
    }
    let gate = worker.upstreams.gate(endpoint.pool);
    let _permit = gate.acquire().await;
    if let Some(sender) = worker.upstreams.shared(endpoint.pool) {
        return Ok(Connected::Http2(sender));
    }
    let connected = connect::connect(worker, endpoint).await?;
    match &connected {
        Connected::Http1(_) => worker.upstreams.learn(endpoint.pool, Speaks::Http1),
        Connected::Http2(sender) => {
            worker.upstreams.learn(endpoint.pool, Speaks::Http2);
            worker.upstreams.share(endpoint.pool, sender);
        }
    }
    Ok(connected)
}

async fn over_http1(
    worker: &Rc<Worker>,
    endpoint: &Arc<Endpoint>,
    mut connection: Http1,
    mut request: Request<RequestBody>,
    waiting: Waiting<'_>,
) -> Attempt {
    shape::http1(&mut request, endpoint);
    let sending = pin!(connection.start(request));
    match within(worker, endpoint, waiting, (Some(&mut connection), sending)).await {
        Ok(Ok(response)) => {
            Attempt::Done(Ok(Answer { response, lease: Some(Lease { pool: endpoint.pool, connection }) }))
        }
        Ok(Err(error)) => error.into(),
        Err(error) => Attempt::Done(Err(error)),
    }
}

async fn over_http2(
    worker: &Rc<Worker>,
    endpoint: &Arc<Endpoint>,
    mut sender: http2::SendRequest<RequestBody>,
    request: Request<RequestBody>,
    waiting: Waiting<'_>,
) -> Attempt {
    let sending = pin!(sender.try_send_request(shape::http2(request, endpoint)));
    match within(worker, endpoint, waiting, (None, sending)).await {
        Ok(Ok(response)) => Attempt::Done(Ok(Answer { response, lease: None })),
        Ok(Err(error)) => error.into(),
        Err(error) => Attempt::Done(Err(error)),
    }
}

/// Returns the request, if not one byte of it was written.
fn unsent(mut error: TrySendError<Request<RequestBody>>) -> Result<Box<Request<RequestBody>>, hyper::Error> {
    match error.take_message() {
        Some(request) => Ok(Box::new(request)),
        None => Err(error.into_error()),
    }
}

impl From<TrySendError<Request<RequestBody>>> for Attempt {
    fn from(error: TrySendError<Request<RequestBody>>) -> Self {
        match unsent(error) {
            Ok(request) => Self::Unsent(*request),
            Err(error) => Self::Done(Err(UpstreamError::Protocol(error))),
        }
    }
}

/// Waits for an answer, driving the connection that has no task of its own; the limit starts anew as long as the client's
/// body moves.
async fn within<T>(
    worker: &Worker,
    endpoint: &Endpoint,
    waiting: Waiting<'_>,
    (mut connection, mut answer): (Option<&mut Http1>, Pin<&mut impl Future<Output = T>>),
) -> Result<T, UpstreamError> {
    let Waiting { upload, attention } = waiting;
    let mut deadline = Deadline::new(&worker.timers, endpoint.response_timeout, attention);
    poll_fn(|cx| {
        let polled = match &mut connection {
            Some(connection) => connection.poll(cx, |cx| answer.as_mut().poll(cx)),
            None => answer.as_mut().poll(cx),
        };
        if let Poll::Ready(answer) = polled {
            return Poll::Ready(Ok(answer));
        }
        if let Some(upload) = upload
            && let Poll::Ready(cause) = upload.poll_cause(&worker.streams, cx)
        {
            upload.stop();
            return Poll::Ready(Err(UpstreamError::Ended(cause)));
        }
        while deadline.poll(cx).is_ready() {
            match upload {
                Some(upload) if upload.has_moved() => deadline.restart(),
                Some(upload) if upload.is_waiting_for_client() => {
                    return Poll::Ready(Err(UpstreamError::ClientStalled));
                }
                Some(_) | None => return Poll::Ready(Err(UpstreamError::ResponseTimeout)),
            }
        }
        Poll::Pending
    })
    .await
}
