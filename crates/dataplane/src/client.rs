//! One client connection as its parts share it: who it is, and what it has done lately.
//!
//! Single-threaded: plain cells, written by the stream below hyper and by the requests above it, read by the watch over
//! idle connections. Knows nothing of HTTP messages.

use std::{
    cell::{Cell, RefCell},
    sync::Arc,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use gateway::Connection;

use crate::{presence::Presence, strict::Seen, tunnel::Tunnel, worker::Open};

/// What a listener serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// APIs, key and discovery documents.
    Data,
    /// Key and discovery documents only.
    Keys,
    /// Decisions, for an Envoy that forwards the calls itself.
    Envoy(Asker),
}

/// Whether whoever asks can be none but the operator's own Envoy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asker {
    /// It showed a certificate, or is on this machine: what it says of client certificates is believed.
    Known,
    /// Anybody: it could say that it has seen a certificate whose key it does not have.
    Anybody,
}

/// The protocol that a connection turned out to speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    Http1,
    Http2,
}

/// One client connection.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) worker: Open,
    pub(crate) connection: Arc<Connection>,
    pub(crate) role: Role,
    pub(crate) activity: Activity,
    pub(crate) seen: Seen,
    /// Where hyper does not look after that: HTTP/1.1 in clear text.
    pub(crate) presence: RefCell<Option<Presence>>,
    /// What takes the connection over when the answer under way has been sent (HTTP/1.1).
    pub(crate) successor: RefCell<Option<Box<Tunnel>>>,
}

/// What a client connection has done since somebody last looked.
#[derive(Debug, Default)]
pub(crate) struct Activity {
    in_flight: Cell<u32>,
    served: Cell<u64>,
    written: Cell<u64>,
    has_unserved_bytes: Cell<bool>,
    is_write_blocked: Cell<bool>,
    is_ended: Cell<bool>,
    awaits_body: Cell<bool>,
}

impl Client {
    pub(crate) fn new(worker: Open, connection: Arc<Connection>, role: Role) -> Self {
        Self {
            worker,
            connection,
            role,
            activity: Activity::default(),
            seen: Seen::default(),
            presence: RefCell::default(),
            successor: RefCell::default(),
        }
    }

    /// Records bytes from the client; none: it has closed its side.
    pub(crate) fn received(&self, bytes: &[u8]) {
        self.activity.received(bytes);
        self.seen.received(bytes);
        if let Some(presence) = &*self.presence.borrow() {
            presence.read();
        }
    }

    /// Ready when the client has gone while a request of its was under way; until then `cx` is woken when it may have.
    pub(crate) fn poll_gone(&self, cx: &mut Context<'_>) -> Poll<()> {
        match &*self.presence.borrow() {
            Some(presence) if self.activity.is_answering() => presence.poll_gone(cx),
            Some(_) | None => Poll::Pending,
        }
    }

    /// True when the client has sent something behind its request, as far as can be seen without reading.
    pub(crate) fn has_sent_more(&self, cx: &mut Context<'_>) -> bool {
        self.presence.borrow().as_ref().is_some_and(|presence| {
            let _ = presence.poll_gone(cx);
            presence.has_sent()
        })
    }
}

impl Activity {
    /// Records bytes from the client.
    pub(crate) fn received(&self, bytes: &[u8]) {
        if bytes.is_empty() {
            self.is_ended.set(true);
            return;
        }
        self.has_unserved_bytes.set(true);
    }

    /// Records what became of a write to the client: how many bytes it took, or none for now.
    pub(crate) fn wrote(&self, bytes: Option<usize>) {
        self.is_write_blocked.set(bytes.is_none());
        self.written.set(self.written.get().wrapping_add(bytes.unwrap_or(0) as u64));
    }

    /// Records the start of a request.
    pub(crate) fn begin(&self) {
        self.in_flight.set(self.in_flight.get() + 1);
        self.served.set(self.served.get().wrapping_add(1));
        self.has_unserved_bytes.set(false);
        self.awaits_body.set(false);
    }

    /// Records whether the rest of the request is still to come: whoever reads it finds out when the client has gone.
    pub(crate) fn awaits_body(&self, awaits: bool) {
        self.awaits_body.set(awaits);
    }

    /// Records the end of a request's answer.
    pub(crate) fn end(&self) {
        self.in_flight.set(self.in_flight.get().saturating_sub(1));
        self.served.set(self.served.get().wrapping_add(1));
    }

    /// True while a request is under way that has come as a whole, and its sender has not closed its side.
    fn is_answering(&self) -> bool {
        self.in_flight.get() > 0 && !self.awaits_body.get() && !self.is_ended()
    }

    /// True when the client has closed its side.
    pub(crate) fn is_ended(&self) -> bool {
        self.is_ended.get()
    }
}

/// How long a client may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// To send a whole request head, from its first byte; the TLS handshake likewise.
    pub head: Duration,
    /// Between two requests of a connection.
    pub idle: Duration,
    /// Without taking a byte of an answer.
    pub write: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { head: Duration::from_secs(10), idle: Duration::from_secs(75), write: Duration::from_mins(1) }
    }
}

/// What to do with a connection that was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Keep,
    /// Nothing under way for too long: close politely.
    CloseIdle,
    /// A head that does not end or an answer that is not taken: cut off.
    Cut,
}

/// Watches one connection by looking at it now and then, so that a request costs no timer.
///
/// A limit is noticed at the first look after it has passed.
#[derive(Debug)]
pub(crate) struct Watch {
    patience: Patience,
    protocol: Protocol,
    served: u64,
    written: u64,
    idle_since: Option<Instant>,
    head_since: Option<Instant>,
    blocked_since: Option<Instant>,
}

impl Watch {
    pub(crate) fn new(patience: Patience, protocol: Protocol) -> Self {
        Self { patience, protocol, served: 0, written: 0, idle_since: None, head_since: None, blocked_since: None }
    }

    /// Returns the time between two looks.
    pub(crate) fn interval(patience: Patience) -> Duration {
        patience.head.min(patience.idle).min(patience.write) / 2
    }

    /// Looks at the connection.
    pub(crate) fn judge(&mut self, activity: &Activity, now: Instant) -> Verdict {
        let is_moving = activity.served.get() != self.served;
        self.served = activity.served.get();
        let is_writing = activity.written.get() != self.written;
        self.written = activity.written.get();
        let is_idle = activity.in_flight.get() == 0 && !is_moving;
        let is_mid_head = is_idle && self.protocol == Protocol::Http1 && activity.has_unserved_bytes.get();
        let is_blocked = activity.is_write_blocked.get() && !is_writing;
        if exceeds(&mut self.head_since, is_mid_head, now, self.patience.head)
            || exceeds(&mut self.blocked_since, is_blocked, now, self.patience.write)
        {
            return Verdict::Cut;
        }
        if exceeds(&mut self.idle_since, is_idle, now, self.patience.idle) {
            return Verdict::CloseIdle;
        }
        Verdict::Keep
    }
}

/// Tracks since when a condition holds; true once it has held for longer than the limit.
fn exceeds(since: &mut Option<Instant>, holds: bool, now: Instant, limit: Duration) -> bool {
    if !holds {
        *since = None;
        return false;
    }
    now.duration_since(*since.get_or_insert(now)) >= limit
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Patience =
        Patience { head: Duration::from_secs(10), idle: Duration::from_mins(1), write: Duration::from_secs(30) };

    fn looks(activity: &Activity, protocol: Protocol) -> Option<(u64, Verdict)> {
        let mut watch = Watch::new(PATIENCE, protocol);
        let start = Instant::now();
        (0..100).map(|step| step * 5).find_map(|second| {
            let verdict = watch.judge(activity, start + Duration::from_secs(second));
            (verdict != Verdict::Keep).then_some((second, verdict))
        })
    }

    #[test]
    fn an_idle_connection_is_closed_after_its_limit() {
        assert_eq!(looks(&Activity::default(), Protocol::Http1), Some((60, Verdict::CloseIdle)));
    }

    #[test]
    fn a_head_that_does_not_end_is_cut() {
        let activity = Activity::default();
        activity.received(b"GET / HT");
        assert_eq!(looks(&activity, Protocol::Http1), Some((10, Verdict::Cut)));
        assert_eq!(looks(&activity, Protocol::Http2), Some((60, Verdict::CloseIdle)));
    }

    #[test]
    fn a_request_under_way_is_kept_unless_its_answer_is_not_taken() {
        let activity = Activity::default();
        activity.begin();
        assert_eq!(looks(&activity, Protocol::Http1), None);
        activity.wrote(None);
        assert_eq!(looks(&activity, Protocol::Http1), Some((30, Verdict::Cut)));
    }
}
