//! Bodies on their way through: streamed frame by frame, counted, with only the trailers that may pass.
//!
//! Buffers nothing: a frame is asked for when the other side can take one.

use std::{
    cell::{Cell, OnceCell, RefCell},
    pin::Pin,
    rc::Rc,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use bytes::Bytes;
use gateway::FieldRules;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use thiserror::Error;

use crate::{
    client::Client,
    clock,
    exchange::Exchange,
    mirror::{Collector, Copies},
    streams::{Cause, Mark, Standing, Stream, Streams},
};

/// Why a body ended before its end.
#[derive(Debug, Error)]
pub(crate) enum BodyError {
    /// The backend broke off.
    #[error("the backend's answer broke off")]
    Backend(#[source] hyper::Error),
    /// The backend stopped sending.
    #[error("the backend stopped sending")]
    Stalled,
    /// The gateway lets no more of it pass.
    #[error("no more of the answer may pass: {}", .0.message())]
    Ended(Cause),
    /// An answer to Envoy could not be written.
    #[error("the answer cannot be written")]
    Grpc(#[source] Box<tonic::Status>),
}

/// Why the client's body ended before its end.
#[derive(Debug, Error)]
pub(crate) enum UploadError {
    /// The client broke off.
    #[error("the client's body broke off")]
    Client(#[source] hyper::Error),
    /// The gateway lets no more of it pass.
    #[error("no more of the client's body may pass")]
    Stopped,
}

/// How far the client's body has got.
#[derive(Debug, Default)]
pub(crate) struct Upload {
    bytes: Cell<u64>,
    frames: Cell<u64>,
    frames_seen: Cell<u64>,
    is_waiting_for_client: Cell<bool>,
    is_broken: Cell<bool>,
    is_stopped: Cell<bool>,
    /// Who waits for the client.
    waiting: RefCell<Option<Waker>>,
    /// For a body without a declared length: what it stands on, and when that was decided.
    standing: Option<(Standing, Mark)>,
    stream: OnceCell<Rc<Stream>>,
    /// Who waits for the answer, until the body becomes one of the worker's streams.
    asking: RefCell<Option<Waker>>,
}

impl Upload {
    /// Begins a body of which nobody knows how long it is.
    pub(crate) fn open_ended(standing: Standing, mark: Mark) -> Self {
        Self { standing: Some((standing, mark)), ..Self::default() }
    }

    /// Lets nothing more pass.
    pub(crate) fn stop(&self) {
        self.is_stopped.set(true);
        if let Some(waker) = self.waiting.take() {
            waker.wake();
        }
    }

    /// Ready when a body that goes on has to end; until then `cx` is woken when it has.
    pub(crate) fn poll_cause(&self, streams: &Streams, cx: &Context<'_>) -> Poll<Cause> {
        let Some((standing, mark)) = &self.standing else { return Poll::Pending };
        if self.stream.get().is_none() && !self.is_waiting_for_client() {
            keep(&self.asking, cx.waker());
            return Poll::Pending;
        }
        self.stream.get_or_init(|| streams.open(standing.clone(), *mark, clock::now())).poll_cause(cx)
    }

    /// Records that the body's next frame has to come from the client.
    fn wait(&self, waker: &Waker) {
        keep(&self.waiting, waker);
        if let Some(waker) = self.asking.take() {
            waker.wake();
        }
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.get()
    }

    /// True when a frame has passed since the last call.
    pub(crate) fn has_moved(&self) -> bool {
        self.frames_seen.replace(self.frames.get()) != self.frames.get()
    }

    /// True when the client's body ended in an error.
    pub(crate) fn is_broken(&self) -> bool {
        self.is_broken.get()
    }

    /// True when the next frame has to come from the client.
    pub(crate) fn is_waiting_for_client(&self) -> bool {
        self.is_waiting_for_client.get()
    }
}

fn keep(kept: &RefCell<Option<Waker>>, waker: &Waker) {
    let mut kept = kept.borrow_mut();
    if !kept.as_ref().is_some_and(|known| known.will_wake(waker)) {
        *kept = Some(waker.clone());
    }
}

/// The client's body, on its way to the backend: one pointer, as most requests have none and each is moved a dozen times.
#[derive(Debug)]
pub(crate) struct RequestBody(Option<Box<Content>>);

#[derive(Debug)]
enum Content {
    /// Of a copy: there already.
    Whole(Bytes),
    Streamed(Streamed),
}

/// A body of the client.
#[derive(Debug)]
pub(crate) struct Streamed {
    pub(crate) incoming: Incoming,
    pub(crate) fields: Arc<FieldRules>,
    pub(crate) upload: Rc<Upload>,
    /// Collects it for the call's copies.
    pub(crate) collector: Option<Box<Collector>>,
    pub(crate) client: Rc<Client>,
}

impl Drop for Streamed {
    fn drop(&mut self) {
        self.client.activity.awaits_body(false);
    }
}

impl RequestBody {
    pub(crate) const EMPTY: Self = Self(None);

    pub(crate) fn whole(bytes: Bytes) -> Self {
        Self(Some(Box::new(Content::Whole(bytes))))
    }

    pub(crate) fn streamed(streamed: Streamed) -> Self {
        Self(Some(Box::new(Content::Streamed(streamed))))
    }

    /// True when there never was one.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// True when it comes from a client that still sends.
    pub(crate) fn is_streamed(&self) -> bool {
        matches!(self.0.as_deref(), Some(Content::Streamed(_)))
    }

    /// Gives the call's copies what there is of it, now or while it passes.
    pub(crate) fn copy_to(&mut self, copies: Copies) {
        match self.0.as_deref_mut() {
            None => copies.send(&Bytes::new()),
            Some(Content::Whole(bytes)) => copies.send(bytes),
            Some(Content::Streamed(streamed)) => streamed.collector = Some(Box::new(Collector::new(copies))),
        }
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = UploadError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, UploadError>>> {
        let Streamed { incoming, fields, upload, client, collector } = match self.0.as_deref_mut() {
            None => return Poll::Ready(None),
            Some(Content::Whole(bytes)) if bytes.is_empty() => return Poll::Ready(None),
            Some(Content::Whole(bytes)) => return Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            Some(Content::Streamed(streamed)) => streamed,
        };
        if upload.is_stopped.get() {
            return Poll::Ready(Some(Err(UploadError::Stopped)));
        }
        let polled = Pin::new(&mut *incoming).poll_frame(cx);
        if incoming.is_end_stream() {
            client.activity.awaits_body(false);
        }
        if let Some(collector) = collector {
            match &polled {
                Poll::Ready(Some(Ok(frame))) => collector.pass(Some(frame), incoming.is_end_stream()),
                Poll::Ready(None) => collector.pass(None, true),
                Poll::Ready(Some(Err(_))) | Poll::Pending => {}
            }
        }
        upload.is_waiting_for_client.set(polled.is_pending());
        if polled.is_pending() {
            upload.wait(cx.waker());
        }
        polled.map(|frame| {
            upload.frames.set(upload.frames.get() + 1);
            match frame {
                Some(Ok(frame)) => {
                    upload.bytes.set(upload.bytes.get() + frame.data_ref().map_or(0, |data| data.len() as u64));
                    filtered(frame, |name| fields.admits_trailer(name)).map(Ok)
                }
                Some(Err(error)) => {
                    upload.is_broken.set(true);
                    Some(Err(UploadError::Client(error)))
                }
                None => None,
            }
        })
    }

    fn is_end_stream(&self) -> bool {
        match self.0.as_deref() {
            None => true,
            Some(Content::Whole(bytes)) => bytes.is_empty(),
            Some(Content::Streamed(streamed)) => streamed.incoming.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self.0.as_deref() {
            None => SizeHint::with_exact(0),
            Some(Content::Whole(bytes)) => SizeHint::with_exact(bytes.len() as u64),
            Some(Content::Streamed(streamed)) => streamed.incoming.size_hint(),
        }
    }
}

/// Takes from a trailer frame the fields that may not pass; `None` when nothing is left of it.
pub(crate) fn filtered(frame: Frame<Bytes>, admits: impl Fn(&http::HeaderName) -> bool) -> Option<Frame<Bytes>> {
    match frame.into_trailers() {
        Ok(trailers) => {
            let mut admitted = HeaderMap::new();
            for (name, value) in trailers.iter().filter(|(name, _)| admits(name)) {
                admitted.append(name, value.clone());
            }
            (!admitted.is_empty()).then(|| Frame::trailers(admitted))
        }
        Err(frame) => Some(frame),
    }
}

/// An answer's body, on its way to the client.
#[derive(Debug)]
pub(crate) enum ResponseBody {
    /// In a box: an answer is moved often, and most are the backend's.
    Whole(Box<Bytes>),
    Backend(Box<Exchange>),
    /// For Envoy.
    Grpc(Box<tonic::body::Body>),
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match &mut *self {
            Self::Whole(bytes) if bytes.is_empty() => Poll::Ready(None),
            Self::Whole(bytes) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(&mut **bytes))))),
            Self::Backend(exchange) => exchange.poll_frame(cx),
            Self::Grpc(body) => Pin::new(body).poll_frame(cx).map_err(|status| BodyError::Grpc(Box::new(status))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(bytes) => bytes.is_empty(),
            Self::Backend(exchange) => exchange.incoming().is_none_or(Incoming::is_end_stream),
            Self::Grpc(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Self::Backend(exchange) => exchange.incoming().map(Incoming::size_hint).unwrap_or_default(),
            Self::Grpc(body) => body.size_hint(),
        }
    }
}
