//! The open streams of one worker: which there are, and when and why each of them ends.
//!
//! A request that is answered at once is never seen here. A stream is entered when it first has to wait, and from then on
//! a look at all of them every half second finds those whose time is over; a revocation finds them at once. How each
//! kind of stream ends is `exchange/course.rs` and `tunnel.rs`.

mod boundary;
mod frames;
mod room;

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    rc::{Rc, Weak},
    sync::Arc,
    task::{Context, Poll, Waker},
    time::SystemTime,
};

use gateway::{KnownCaller, Revoked};
use tokio::sync::broadcast::{Receiver, error::RecvError};

use crate::worker::Worker;
pub(crate) use boundary::{Events, Messages};
pub(crate) use frames::{Frames, GOING_AWAY, POLICY_VIOLATION, PROTOCOL_ERROR, Passable, Sender, close_frame};
pub(crate) use room::{Room, Seat};

/// A stream that was told to end may take this many looks to get to a place where it can.
const LOOKS_TO_END: u32 = 4;

/// Revocations that are remembered for requests that were decided before them and become streams after them.
const MOST_REMEMBERED: usize = 4096;

/// What kind of stream it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StreamKind {
    /// `text/event-stream`
    EventStream,
    /// `application/grpc`, over HTTP/2.
    Grpc,
    /// A WebSocket.
    WebSocket,
}

impl StreamKind {
    pub(crate) const ALL: [Self; 3] = [Self::EventStream, Self::Grpc, Self::WebSocket];

    /// Returns the name in metrics and audit records.
    pub(crate) const fn text(self) -> &'static str {
        match self {
            Self::EventStream => "event_stream",
            Self::Grpc => "grpc",
            Self::WebSocket => "websocket",
        }
    }
}

/// Why the gateway ends an answer that goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// The caller's token has expired, and the grace time is over.
    Expired,
    /// The caller's session, token or user was revoked, or what is known of the user has changed.
    Revoked,
    /// Nothing has passed for too long.
    Idle,
    /// The gateway stops.
    Shutdown,
}

impl Cause {
    /// Returns the name in metrics and audit records.
    pub(crate) const fn text(self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::Revoked => "revoked",
            Self::Idle => "idle",
            Self::Shutdown => "shutdown",
        }
    }

    /// Returns what the client is told.
    pub(crate) const fn message(self) -> &'static str {
        match self {
            Self::Expired => "the access token has expired",
            Self::Revoked => "the session has ended",
            Self::Idle => "nothing has passed for too long",
            Self::Shutdown => "the gateway is stopping",
        }
    }
}

/// What an answer stands on: whose it is, and for how long.
#[derive(Clone, Debug, Default)]
pub(crate) struct Standing {
    /// The caller, where it is known.
    pub(crate) caller: Option<Arc<KnownCaller>>,
    /// When the token has expired and the grace time is over; `None`: never.
    pub(crate) until: Option<SystemTime>,
}

impl Standing {
    fn is_over(&self, now: SystemTime) -> bool {
        self.until.is_some_and(|until| now >= until)
    }
}

/// The open streams of one worker.
#[derive(Debug, Default)]
pub(crate) struct Streams {
    /// How often they were looked at.
    looks: Cell<u32>,
    open: RefCell<Vec<Weak<Stream>>>,
    remembered: RefCell<VecDeque<Arc<Revoked>>>,
    revocations: Cell<u64>,
    /// All revocations up to this one concern everybody: which they were is not known any more.
    all_revoked_at: Cell<u64>,
    is_shut_down: Cell<bool>,
}

/// One open stream.
#[derive(Debug)]
pub(crate) struct Stream {
    standing: Standing,
    cause: Cell<Option<Cause>>,
    told_at: Cell<u32>,
    waker: RefCell<Option<Waker>>,
}

/// What an answer has to ask [`Streams`] about itself later.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mark {
    looks: u32,
    revocations: u64,
}

impl Streams {
    /// Returns the present moment, as later questions refer to it.
    pub(crate) fn mark(&self) -> Mark {
        Mark { looks: self.looks.get(), revocations: self.revocations.get() }
    }

    /// True once in a while: when there may be something to find out about an answer that began at this mark. Sets the
    /// mark to this look.
    pub(crate) fn is_due(&self, mark: &mut Mark) -> bool {
        let looks = self.looks.get();
        std::mem::replace(&mut mark.looks, looks) != looks
    }

    /// Returns why an answer that stands on this, and was decided at the mark, has to end.
    pub(crate) fn cause(&self, standing: &Standing, mark: Mark, now: SystemTime) -> Option<Cause> {
        if self.is_revoked_since(mark.revocations, standing) {
            return Some(Cause::Revoked);
        }
        if self.is_shut_down.get() {
            return Some(Cause::Shutdown);
        }
        standing.is_over(now).then_some(Cause::Expired)
    }

    /// Enters a stream that was decided at the mark.
    pub(crate) fn open(&self, standing: Standing, mark: Mark, now: SystemTime) -> Rc<Stream> {
        let cause = self.cause(&standing, mark, now);
        let stream = Rc::new(Stream {
            standing,
            cause: Cell::new(cause),
            told_at: Cell::new(self.looks.get()),
            waker: RefCell::default(),
        });
        self.open.borrow_mut().push(Rc::downgrade(&stream));
        stream
    }

    /// True when a stream that was told to end has had its time to do so.
    pub(crate) fn is_overdue(&self, stream: &Stream) -> bool {
        stream.cause.get().is_some() && self.looks.get().wrapping_sub(stream.told_at.get()) >= LOOKS_TO_END
    }

    /// Looks at all streams: those whose time is over are told so, those that are still ending are reminded.
    pub(crate) fn look(&self, now: SystemTime) {
        self.looks.set(self.looks.get().wrapping_add(1));
        self.each(|stream| {
            if stream.cause.get().is_some() {
                stream.wake();
            } else if stream.standing.is_over(now) {
                self.tell(stream, Cause::Expired);
            }
        });
    }

    /// Tells every stream that the gateway stops; true when there was one.
    pub(crate) fn shut_down(&self) -> bool {
        self.is_shut_down.set(true);
        let mut is_any = false;
        self.each(|stream| {
            is_any = true;
            self.tell(stream, Cause::Shutdown);
        });
        is_any
    }

    /// Tells the streams that a revocation is about, and remembers it.
    fn revoke(&self, revoked: &Arc<Revoked>) {
        self.revocations.set(self.revocations.get() + 1);
        let mut remembered = self.remembered.borrow_mut();
        if remembered.len() == MOST_REMEMBERED {
            remembered.pop_front();
        }
        remembered.push_back(Arc::clone(revoked));
        drop(remembered);
        self.each(|stream| {
            if stream.standing.caller.as_ref().is_some_and(|caller| revoked.matches(caller)) {
                self.tell(stream, Cause::Revoked);
            }
        });
    }

    /// Ends every caller's streams: revocations were missed, and nobody knows whose.
    fn revoke_all(&self) {
        self.revocations.set(self.revocations.get() + 1);
        self.all_revoked_at.set(self.revocations.get());
        self.remembered.borrow_mut().clear();
        self.each(|stream| {
            if stream.standing.caller.is_some() {
                self.tell(stream, Cause::Revoked);
            }
        });
    }

    fn is_revoked_since(&self, seen: u64, standing: &Standing) -> bool {
        let count = self.revocations.get();
        if seen == count {
            return false;
        }
        let Some(caller) = &standing.caller else { return false };
        let remembered = self.remembered.borrow();
        let missed = usize::try_from(count - seen).unwrap_or(usize::MAX);
        seen < self.all_revoked_at.get()
            || missed > remembered.len()
            || remembered.iter().rev().take(missed).any(|revoked| revoked.matches(caller))
    }

    fn tell(&self, stream: &Stream, cause: Cause) {
        if stream.cause.get().is_none() {
            stream.cause.set(Some(cause));
            stream.told_at.set(self.looks.get());
            stream.wake();
        }
    }

    /// Calls `act` with every stream that is still open.
    fn each(&self, mut act: impl FnMut(&Stream)) {
        self.open.borrow_mut().retain(|stream| stream.upgrade().inspect(|stream| act(stream)).is_some());
    }
}

impl Stream {
    /// Ready when the stream has to end; until then `cx` is woken when it has.
    pub(crate) fn poll_cause(&self, cx: &Context<'_>) -> Poll<Cause> {
        let mut waker = self.waker.borrow_mut();
        if !waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            *waker = Some(cx.waker().clone());
        }
        self.cause.get().map_or(Poll::Pending, Poll::Ready)
    }

    /// Records that the stream ends by itself.
    pub(crate) fn end(&self, streams: &Streams, cause: Cause) {
        streams.tell(self, cause);
    }

    fn wake(&self) {
        if let Some(waker) = &*self.waker.borrow() {
            waker.wake_by_ref();
        }
    }
}

/// Hands every revocation to a worker's streams, for as long as there are any to come.
pub(crate) async fn hear(mut revocations: Receiver<Arc<Revoked>>, worker: Rc<Worker>) {
    loop {
        match revocations.recv().await {
            Ok(revoked) => worker.streams.revoke(&revoked),
            Err(RecvError::Lagged(missed)) => {
                tracing::warn!(missed, "revocations came too fast: the streams of all callers are ended");
                worker.streams.revoke_all();
            }
            Err(RecvError::Closed) => return,
        }
    }
}
