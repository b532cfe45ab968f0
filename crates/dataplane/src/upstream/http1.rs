//! An HTTP/1.1 connection to a backend, driven by the exchange that uses it.
//!
//! hyper gives a connection in two parts: a handle, and a future that does the work. In a task of its own that future
//! would cost each request two switches between tasks; here it is polled by whoever waits for it. Only a request with a
//! body gives it a task: its client may read nothing before all is sent, and then nobody would be waiting.
//!
//! What the future leaves behind wakes a [`Relay`], which knows who holds the connection now: the task that held it before
//! is not disturbed, and what a task does to its own connection does not wake that task.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use http::Request;
use hyper::client::conn::http1::SendRequest;

use super::relay::Relay;
use crate::body::RequestBody;

/// A connection that carries one request at a time.
pub(crate) struct Http1 {
    sender: SendRequest<RequestBody>,
    work: Work,
}

enum Work {
    Here(Here),
    InItsTask,
    Ended,
}

/// The work, and what it wakes.
struct Here {
    future: Pin<Box<dyn Future<Output = hyper::Result<()>>>>,
    relay: Arc<Relay>,
    waker: Waker,
}

impl Here {
    /// Does what can be done now; `holder` is woken when there is more.
    fn poll(&mut self, holder: Option<&Waker>) -> Poll<hyper::Result<()>> {
        // First: work that is cut short wakes at once.
        match holder {
            Some(holder) => self.relay.register(holder),
            None => self.relay.release(),
        }
        self.future.as_mut().poll(&mut Context::from_waker(&self.waker))
    }
}

impl Http1 {
    /// Joins the two parts of a connection, whose stream wakes `relay`.
    pub(super) fn new(
        sender: SendRequest<RequestBody>,
        work: impl Future<Output = hyper::Result<()>> + 'static,
        relay: Arc<Relay>,
    ) -> Self {
        let waker = Waker::from(Arc::clone(&relay));
        Self { sender, work: Work::Here(Here { future: Box::pin(work), relay, waker }) }
    }

    /// Starts to send a request; nothing moves until something is [polled](Self::poll).
    pub(super) fn start(
        &mut self,
        request: Request<RequestBody>,
    ) -> impl Future<Output = Result<http::Response<hyper::body::Incoming>, Refused>> + use<> {
        if request.body().is_streamed() {
            self.work_in_a_task();
        }
        self.sender.try_send_request(request)
    }

    /// Polls something that only this connection can make ready, and does for it what can be done now.
    ///
    /// `cx` is woken when there is more to do.
    pub(super) fn poll<T>(&mut self, cx: &mut Context<'_>, poll: impl FnOnce(&mut Context<'_>) -> Poll<T>) -> Poll<T> {
        if !matches!(self.work, Work::Here(_)) {
            return poll(cx);
        }
        self.work(Some(cx.waker()));
        poll(&mut Context::from_waker(Waker::noop()))
    }

    /// Like [`Self::poll`] for what is often ready already.
    pub(super) fn poll_first<T>(
        &mut self,
        cx: &mut Context<'_>,
        mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>,
    ) -> Poll<T> {
        let Work::Here(here) = &mut self.work else { return poll(cx) };
        // What this sets in motion waits for the next call.
        here.relay.release();
        match poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(ready) => Poll::Ready(ready),
            Poll::Pending => self.poll(cx, poll),
        }
    }

    /// True when both directions are at rest and the backend has not closed. Nobody is woken any more.
    pub(super) fn is_at_rest(&mut self) -> bool {
        match &self.work {
            Work::Here(here) if self.sender.is_ready() => here.relay.release(),
            Work::Here(_) | Work::InItsTask | Work::Ended => self.work(None),
        }
        self.sender.is_ready()
    }

    /// Looks at an idle connection: true when the backend has closed it.
    pub(super) fn is_closed(&mut self) -> bool {
        self.work(None);
        self.sender.is_closed()
    }

    fn work(&mut self, holder: Option<&Waker>) {
        if let Work::Here(here) = &mut self.work
            && let Poll::Ready(ended) = here.poll(holder)
        {
            tell(ended);
            self.work = Work::Ended;
        }
    }

    fn work_in_a_task(&mut self) {
        match std::mem::replace(&mut self.work, Work::InItsTask) {
            Work::Here(here) => {
                here.relay.bypass();
                tokio::task::spawn_local(async move { tell(here.future.await) });
            }
            Work::InItsTask => {}
            Work::Ended => self.work = Work::Ended,
        }
    }
}

/// A request that was not sent, or not answered.
pub(super) type Refused = hyper::client::conn::TrySendError<Request<RequestBody>>;

fn tell(ended: hyper::Result<()>) {
    if let Err(error) = ended {
        tracing::debug!(%error, "a backend's connection ended");
    }
}

impl fmt::Debug for Http1 {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Http1")
    }
}
