//! How a backend's answer goes on: to its end, or until the gateway ends it.
//!
//! A stream of messages is ended in order, between two messages, so that its reader may go on elsewhere. Whatever else has
//! no declared length is broken off, visibly: nobody must take a part of it for the whole.

use std::rc::Rc;

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue,
    header::{CONTENT_ENCODING, CONTENT_TYPE},
};
use http_body::Body;
use hyper::body::Incoming;

use crate::streams::{Cause, Events, Messages, Seat, Stream, StreamKind};

/// What is to come of an answer.
#[derive(Debug)]
pub(crate) enum Course {
    /// As many bytes as were declared.
    Declared,
    /// Nobody knows how much, and nobody knows where it could be cut.
    Open,
    /// Events, and the seat that they have taken.
    Events(Events, Option<Seat>),
    /// gRPC messages.
    Messages(Messages),
}

/// What ends a gRPC call before its backend does: `UNAVAILABLE` and `UNAUTHENTICATED`.
const GRPC_UNAVAILABLE: &str = "14";
const GRPC_UNAUTHENTICATED: &str = "16";

impl Course {
    /// Returns what an answer's head says about its body.
    pub(crate) fn of(headers: &HeaderMap, body: &Incoming, is_http2: bool) -> Self {
        if body.size_hint().exact().is_some() {
            return Self::Declared;
        }
        let kind = headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
        let essence = kind.split(|byte| matches!(byte, b';' | b'+' | b' ')).next().unwrap_or_default();
        if essence.eq_ignore_ascii_case(b"text/event-stream") && !headers.contains_key(CONTENT_ENCODING) {
            Self::Events(Events::default(), None)
        } else if essence.eq_ignore_ascii_case(b"application/grpc") && is_http2 {
            Self::Messages(Messages::default())
        } else {
            Self::Open
        }
    }

    /// Takes the seat that this course needs, if it needs one; `None`: there is none.
    pub(crate) fn seated(self, seat: impl FnOnce() -> Option<Seat>) -> Option<Self> {
        match self {
            Self::Events(events, None) => seat().map(|seat| Self::Events(events, Some(seat))),
            seated @ (Self::Declared | Self::Open | Self::Events(_, Some(_)) | Self::Messages(_)) => Some(seated),
        }
    }

    /// Returns the kind of stream, if it is one that can be ended in order.
    pub(crate) fn kind(&self) -> Option<StreamKind> {
        match self {
            Self::Events(..) => Some(StreamKind::EventStream),
            Self::Messages(_) => Some(StreamKind::Grpc),
            Self::Declared | Self::Open => None,
        }
    }

    /// True for an answer that this ends. What has a declared length ends soon enough by itself: it was asked for while
    /// the token was good; but nothing goes to somebody who was shut out.
    pub(crate) fn is_ended_by(&self, cause: Cause) -> bool {
        match (self, cause) {
            (Self::Declared, Cause::Expired | Cause::Idle | Cause::Shutdown) => false,
            (Self::Declared, Cause::Revoked) | (Self::Open | Self::Events(..) | Self::Messages(_), _) => true,
        }
    }

    /// True where the answer can be ended in order.
    pub(crate) fn is_between(&self) -> bool {
        match self {
            Self::Declared | Self::Open => true,
            Self::Events(events, _) => events.is_between(),
            Self::Messages(messages) => messages.is_between(),
        }
    }

    /// Follows the answer over these bytes, and returns them.
    pub(crate) fn pass(&mut self, bytes: Bytes) -> Bytes {
        match self {
            Self::Declared | Self::Open => {}
            Self::Events(events, _) => events.pass(&bytes),
            Self::Messages(messages) => messages.pass(&bytes),
        }
        bytes
    }

    /// Follows the answer to the first place where it can be ended, and returns what came before that.
    pub(crate) fn cut(&mut self, mut bytes: Bytes) -> Bytes {
        let length = match self {
            Self::Declared | Self::Open => bytes.len(),
            Self::Events(events, _) => events.pass_to_end_of_event(&bytes),
            Self::Messages(messages) => messages.pass_to_end_of_message(&bytes),
        };
        bytes.truncate(length);
        bytes
    }
}

/// Returns the trailers with which a gRPC call ends that the gateway ends.
pub(crate) fn grpc_status(cause: Cause) -> HeaderMap {
    let status = match cause {
        Cause::Expired | Cause::Revoked => GRPC_UNAUTHENTICATED,
        Cause::Idle | Cause::Shutdown => GRPC_UNAVAILABLE,
    };
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static(status));
    trailers.insert("grpc-message", HeaderValue::from_static(cause.message()));
    trailers
}

/// An answer's place among the worker's streams; entered when the answer first has to wait.
pub(crate) type Place = Option<Rc<Stream>>;
