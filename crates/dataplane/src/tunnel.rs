//! An open WebSocket between a client and a backend: bytes pass untouched, until one side leaves or the gateway ends it.
//!
//! Frames are only followed, so that a close frame can be put between two of them (RFC 6455 §5.5.1, §7). Holds what was read
//! and could not be written yet, and nothing else: an idle one costs no buffer.

mod direction;

use std::{
    future::poll_fn,
    hash::{BuildHasher, RandomState},
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};

use crate::{
    exchange::{Ending, Exchange},
    streams::{Cause, GOING_AWAY, POLICY_VIOLATION, PROTOCOL_ERROR, Seat, Sender, Stream, close_frame},
    timers::{Attention, Deadline},
};
use direction::{Broken, Direction};

/// How long the two sides may take to say good-bye.
const FAREWELL: Duration = Duration::from_secs(3);

/// A WebSocket.
#[derive(Debug)]
pub(crate) struct Tunnel {
    exchange: Box<Exchange>,
    backend: TokioIo<Upgraded>,
    start: Start,
    stream: Rc<Stream>,
    idle: Deadline,
    /// From the client to the backend.
    up: Direction,
    /// From the backend to the client.
    down: Direction,
    /// What it means that one side said good-bye first.
    first: Option<Ending>,
    _seat: Seat,
}

/// What the client did before it was told that it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Start {
    /// It waited.
    Proper,
    /// It sent something: nothing of that passes (RFC 6455 §4.1).
    Early,
}

/// Why no more bytes pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stop {
    /// The backend has gone, or a side has broken off.
    Over,
    /// The client has closed its side.
    ClientGone,
    /// The gateway ends it.
    Told(Cause),
    /// The client sends what is no frame of a client.
    Malformed,
}

impl Tunnel {
    pub(crate) fn new(
        exchange: Box<Exchange>,
        (backend, seat, start): (Upgraded, Seat, Start),
        stream: Rc<Stream>,
    ) -> Self {
        let idle = Deadline::new(&exchange.worker().timers, exchange.record.told.stream_idle(), Attention::None);
        let (up, down) = (Direction::from(Sender::Client), Direction::from(Sender::Server));
        Self { exchange, backend: TokioIo::new(backend), start, stream, idle, up, down, first: None, _seat: seat }
    }

    /// Lets bytes pass until the end. `early` is what was read of the client before it was told that it may send.
    pub(crate) async fn run(mut self, mut client: impl AsyncRead + AsyncWrite + Unpin, early: Bytes) {
        let stop = if early.is_empty() && self.start == Start::Proper {
            poll_fn(|cx| self.poll_pass(cx, Pin::new(&mut client))).await
        } else {
            Stop::Malformed
        };
        let farewell = match stop {
            Stop::Over => None,
            Stop::ClientGone => {
                let _ = tokio::time::timeout(FAREWELL, self.hear_backend_out(&mut client)).await;
                None
            }
            Stop::Told(cause @ (Cause::Expired | Cause::Revoked)) => Some((POLICY_VIOLATION, cause.message())),
            Stop::Told(cause @ (Cause::Idle | Cause::Shutdown)) => Some((GOING_AWAY, cause.message())),
            Stop::Malformed => Some((PROTOCOL_ERROR, "no frame of a client")),
        };
        if let Stop::Told(cause) = stop {
            self.exchange.record.ending = Ending::Ended(cause);
        }
        if let Some((code, reason)) = farewell {
            self.up.say(close_frame(code, reason, Some(mask())));
            self.down.say(close_frame(code, reason, None));
            let saying = poll_fn(|cx| self.poll_farewell(cx, Pin::new(&mut client)));
            let _ = tokio::time::timeout(FAREWELL, saying).await;
        }
        let closing = async { tokio::join!(client.shutdown(), self.backend.shutdown()) };
        let _ = tokio::time::timeout(FAREWELL, closing).await;
    }

    /// Lets pass what the backend has still to say to a client that says no more.
    async fn hear_backend_out(&mut self, client: &mut (impl AsyncRead + AsyncWrite + Unpin)) {
        let _ = self.backend.shutdown().await;
        poll_fn(|cx| {
            let worker = Rc::clone(self.exchange.worker());
            let ends = (Pin::new(&mut self.backend), Pin::new(&mut *client));
            let polled = self.down.poll_pass(cx, ends, &mut worker.scratch.borrow_mut());
            self.record();
            polled.map(|_| ())
        })
        .await;
    }

    /// Ready when no more bytes pass.
    fn poll_pass(&mut self, cx: &mut Context<'_>, mut client: Pin<&mut (impl AsyncRead + AsyncWrite)>) -> Poll<Stop> {
        if let Poll::Ready(cause) = self.stream.poll_cause(cx) {
            return Poll::Ready(Stop::Told(cause));
        }
        let before = (self.up.bytes(), self.down.bytes());
        let worker = Rc::clone(self.exchange.worker());
        let mut scratch = worker.scratch.borrow_mut();
        let mut backend = Pin::new(&mut self.backend);
        let down = self.down.poll_pass(cx, (backend.as_mut(), client.as_mut()), &mut scratch);
        let up = self.up.poll_pass(cx, (client.as_mut(), backend.as_mut()), &mut scratch);
        drop(scratch);
        self.record();
        if self.first.is_none() {
            let (client, backend) = (self.up.has_close(), self.down.has_close());
            self.first = client.then_some(Ending::Left).or(backend.then_some(Ending::Complete));
        }
        match (up, down) {
            (Poll::Ready(Err(Broken::Malformed)), _) => return Poll::Ready(Stop::Malformed),
            (Poll::Ready(Err(Broken::From)), _) | (_, Poll::Ready(Err(Broken::To))) => {
                return self.over(Ending::Abandoned, Stop::Over);
            }
            (Poll::Ready(Err(Broken::To)), _) | (_, Poll::Ready(Err(Broken::From | Broken::Malformed))) => {
                return self.over(Ending::BrokeOff, Stop::Over);
            }
            (_, Poll::Ready(Ok(()))) => return self.over(Ending::Complete, Stop::Over),
            (Poll::Ready(Ok(())), Poll::Pending) => return self.over(Ending::Abandoned, Stop::ClientGone),
            (Poll::Pending, Poll::Pending) => {}
        }
        if before != (self.up.bytes(), self.down.bytes()) {
            self.idle.restart();
        }
        match self.idle.poll(cx) {
            Poll::Ready(()) => Poll::Ready(Stop::Told(Cause::Idle)),
            Poll::Pending => Poll::Pending,
        }
    }

    /// Records which side has gone: where one said good-bye first, that one.
    fn over(&mut self, ending: Ending, stop: Stop) -> Poll<Stop> {
        self.exchange.record.ending = self.first.unwrap_or(ending);
        Poll::Ready(stop)
    }

    /// Ready when both sides have been told good-bye and have answered it.
    fn poll_farewell(&mut self, cx: &mut Context<'_>, mut client: Pin<&mut (impl AsyncRead + AsyncWrite)>) -> Poll<()> {
        let worker = Rc::clone(self.exchange.worker());
        let mut scratch = worker.scratch.borrow_mut();
        let mut backend = Pin::new(&mut self.backend);
        let down = self.down.poll_farewell(cx, (backend.as_mut(), client.as_mut()), &mut scratch);
        let up = self.up.poll_farewell(cx, (client.as_mut(), backend.as_mut()), &mut scratch);
        drop(scratch);
        self.record();
        if up.is_ready() && down.is_ready() { Poll::Ready(()) } else { Poll::Pending }
    }

    fn record(&mut self) {
        self.exchange.record.request_bytes = self.up.bytes();
        self.exchange.record.response_bytes = self.down.bytes();
    }
}

/// Returns a mask that nobody can foresee (RFC 6455 §5.3).
fn mask() -> [u8; 4] {
    let [first, second, third, fourth, ..] = RandomState::new().hash_one(()).to_be_bytes();
    [first, second, third, fourth]
}
