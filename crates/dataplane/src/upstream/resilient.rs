//! A call to an endpoint that may fail: sent again, or elsewhere, where that is safe (RFC 9110 §9.2.2).
//!
//! Only calls with an idempotent method are, and only while no answer has begun for the client: when there was no
//! connection, when it ended before an answer, or when the answer has one of the statuses that the author lists. What has
//! taken too long is not asked again: nobody knows what came of it.

use std::{rc::Rc, sync::Arc, time::Duration};

use gateway::{CallPermit, Elsewhere, Endpoint, RequestHead, Resilience, RetryPermit};

use super::{
    Answer, UpstreamError, Waiting,
    send::{is_closed_unanswered, ready, send},
};
use crate::{
    body::{RequestBody, Upload},
    clock,
    worker::Worker,
};

/// The longest pause, as a multiple of the first one.
const LONGEST_PAUSE: u32 = 10;

/// What came of a call, and where.
#[derive(Debug)]
pub(crate) struct Sent {
    pub(crate) answer: Result<Answer, UpstreamError>,
    pub(crate) endpoint: Arc<Endpoint>,
    /// How often it was sent.
    pub(crate) attempts: u32,
    /// Held until the answer has ended.
    pub(crate) permit: Option<CallPermit>,
}

/// A request, as it is sent.
type Request = (Box<RequestHead>, RequestBody);

/// A call that is being sent.
struct Call<'a> {
    worker: &'a Rc<Worker>,
    elsewhere: &'a Elsewhere,
    waiting: Waiting<'a>,
    /// How the first endpoint's failures are treated.
    retries: Option<&'a Resilience>,
    /// Where the next attempt goes.
    endpoint: Arc<Endpoint>,
    /// Where the earlier ones went.
    tried: Vec<Arc<Endpoint>>,
    permit: Option<RetryPermit>,
}

/// Sends a call to `endpoint`, and where that fails and it may be repeated, again.
pub(crate) async fn send_resiliently(
    worker: &Rc<Worker>,
    endpoint: Arc<Endpoint>,
    elsewhere: &Elsewhere,
    mut request: Request,
    waiting: Waiting<'_>,
) -> Sent {
    let first = Arc::clone(&endpoint);
    let retries = first.resilience.as_deref();
    let mut call = Call { worker, elsewhere, waiting, retries, endpoint, tried: Vec::new(), permit: None };
    loop {
        let (sent, kept) = call.attempt(request).await;
        let Some(reason) = call.reason(&sent) else { return sent };
        let Some(again) = call.again(kept).await else { return sent };
        worker.metrics.retried(reason);
        request = again;
    }
}

impl Call<'_> {
    /// Sends the request to the endpoint that was chosen last; returns it too, where it may be sent again.
    async fn attempt(&self, (head, body): Request) -> (Sent, Option<Request>) {
        let endpoint = &self.endpoint;
        let resilience = endpoint.resilience.as_deref();
        let permit = match resilience {
            None => None,
            Some(resilience) => match entered(resilience, endpoint.connect_timeout).await {
                Some(permit) => Some(permit),
                None => return (self.sent(Err(UpstreamError::Busy), None), Some((head, body))),
            },
        };
        let is_repeatable = self.has_attempts() && head.parts.method.is_idempotent();
        let mut kept = None;
        if is_repeatable && body.is_empty() {
            kept = Some((copy_of(&head), RequestBody::EMPTY));
        } else if is_repeatable && let Err(error) = ready(self.worker, endpoint).await {
            // The body has not been touched.
            self.note(Err(&error));
            return (self.sent(Err(error), permit), Some((head, body)));
        }
        let answer = send(self.worker, endpoint, (head, body), self.waiting).await;
        self.note(answer.as_ref().map(|_| ()));
        (self.sent(answer, permit), kept)
    }

    fn sent(&self, answer: Result<Answer, UpstreamError>, permit: Option<CallPermit>) -> Sent {
        Sent {
            answer,
            endpoint: Arc::clone(&self.endpoint),
            attempts: self.earlier_attempts().saturating_add(1),
            permit,
        }
    }

    fn earlier_attempts(&self) -> u32 {
        u32::try_from(self.tried.len()).unwrap_or(u32::MAX)
    }

    /// True when there may be one more attempt behind this one.
    fn has_attempts(&self) -> bool {
        self.retries.is_some_and(|resilience| self.earlier_attempts() < resilience.retries.count)
    }

    /// Notes whether the endpoint answered; what the client or the gateway has ended says nothing about it.
    fn note(&self, answer: Result<(), &UpstreamError>) {
        let endpoint = &self.endpoint;
        let Some(Resilience { state, .. }) = endpoint.resilience.as_deref() else { return };
        match answer {
            Ok(()) => state.succeeded(),
            Err(error) if self.is_endpoints_fault(error) => {
                if state.failed(clock::now()) {
                    self.worker.metrics.endpoint_rested(&endpoint.host, endpoint.port);
                }
            }
            Err(_) => {}
        }
    }

    fn is_endpoints_fault(&self, error: &UpstreamError) -> bool {
        if self.waiting.upload.is_some_and(Upload::is_broken) {
            return false;
        }
        match error {
            UpstreamError::Resolve(_)
            | UpstreamError::Connect(_)
            | UpstreamError::ConnectTimeout
            | UpstreamError::Tls(_)
            | UpstreamError::Protocol(_)
            | UpstreamError::ResponseTimeout => true,
            UpstreamError::ClientStalled | UpstreamError::BadAnswer | UpstreamError::Busy | UpstreamError::Ended(_) => {
                false
            }
        }
    }

    /// Returns why the call should be sent again; `None`: it should not.
    fn reason(&self, sent: &Sent) -> Option<&'static str> {
        if !self.has_attempts() || self.waiting.upload.is_some_and(Upload::is_broken) {
            return None;
        }
        match &sent.answer {
            Ok(answer) => {
                let statuses = &self.retries?.retries.statuses;
                statuses.contains(&answer.response.status()).then_some("status")
            }
            Err(UpstreamError::Protocol(error)) if !is_closed_unanswered(error) => None,
            Err(
                error @ (UpstreamError::Resolve(_)
                | UpstreamError::Connect(_)
                | UpstreamError::ConnectTimeout
                | UpstreamError::Tls(_)
                | UpstreamError::Protocol(_)
                | UpstreamError::Busy),
            ) => Some(error.label()),
            Err(
                UpstreamError::ResponseTimeout
                | UpstreamError::ClientStalled
                | UpstreamError::BadAnswer
                | UpstreamError::Ended(_),
            ) => None,
        }
    }

    /// Chooses an endpoint for the next attempt, waits where it is asked again, and makes the request for it.
    async fn again(&mut self, kept: Option<Request>) -> Option<Request> {
        let (mut head, body) = kept.filter(|(head, _)| head.parts.method.is_idempotent())?;
        self.tried.push(Arc::clone(&self.endpoint));
        let next = self.elsewhere.next(&self.tried, clock::now()).map(Arc::clone);
        let Some(next) = next.filter(|_| self.may_retry()) else {
            self.tried.pop();
            return None;
        };
        if self.tried.iter().any(|known| Arc::ptr_eq(known, &next)) {
            tokio::time::sleep(self.pause()).await;
        }
        self.elsewhere.retarget(&mut head.parts, &next);
        self.endpoint = next;
        Some((head, body))
    }

    /// Asks for leave to send a call again, once for all attempts.
    fn may_retry(&mut self) -> bool {
        if self.permit.is_none() {
            self.permit = self.retries.and_then(|resilience| resilience.state.retry(resilience.limits));
        }
        self.permit.is_some()
    }

    fn pause(&self) -> Duration {
        let first = self.retries.map_or(Duration::ZERO, |resilience| resilience.retries.pause);
        let doubled = 1_u32.checked_shl(self.earlier_attempts().saturating_sub(1));
        first.saturating_mul(doubled.unwrap_or(LONGEST_PAUSE).min(LONGEST_PAUSE))
    }
}

/// Waits for leave to call, no longer than connecting may take.
async fn entered(resilience: &Resilience, patience: Duration) -> Option<CallPermit> {
    tokio::time::timeout(patience, resilience.state.enter(resilience.limits)).await.ok().flatten()
}

/// Returns a head once more.
fn copy_of(head: &RequestHead) -> Box<RequestHead> {
    let (parts, connection) = (head.parts.clone(), Arc::clone(&head.connection));
    Box::new(RequestHead { parts, connection, request_id: head.request_id.clone() })
}
