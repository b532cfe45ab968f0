//! One direction of a WebSocket: what was read and not written yet, and where its frames stand.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::streams::{Frames, Passable, Sender};

/// After so many steps another task has its turn.
const MOST_STEPS: usize = 32;

/// One direction.
#[derive(Debug)]
pub(super) struct Direction {
    frames: Frames,
    /// Read, and not written yet.
    held: Vec<u8>,
    bytes: u64,
    has_unflushed: bool,
    /// The sender has closed its side.
    is_over: bool,
    farewell: Farewell,
}

/// How far the gateway's own good-bye has got.
#[derive(Debug)]
enum Farewell {
    /// It is to be said; the frame that has begun comes first.
    Waiting(Vec<u8>),
    /// It is being written; with what the sender has sent meanwhile.
    Saying(Vec<u8>, Frames),
    /// It was said; what still comes is read for its answer.
    Said(Frames),
    /// There is none, or it was answered, or nobody is there.
    Over,
}

/// What broke.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Broken {
    /// The side that sends.
    From,
    /// The side that receives.
    To,
    /// What was sent may not pass.
    Malformed,
}

/// The two ends.
type Ends<'a, F, T> = (Pin<&'a mut F>, Pin<&'a mut T>);

impl Direction {
    pub(super) fn from(sender: Sender) -> Self {
        Self {
            frames: Frames::from(sender),
            held: Vec::new(),
            bytes: 0,
            has_unflushed: false,
            is_over: false,
            farewell: Farewell::Over,
        }
    }

    /// Returns how many bytes have passed.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// True once a close frame has passed.
    pub(super) fn has_close(&self) -> bool {
        self.frames.has_close()
    }

    /// Lets bytes pass. Ready when the sender has closed its side and everything has passed.
    pub(super) fn poll_pass(
        &mut self,
        cx: &mut Context<'_>,
        (mut from, mut to): Ends<'_, impl AsyncRead, impl AsyncWrite>,
        scratch: &mut [u8],
    ) -> Poll<Result<(), Broken>> {
        for _ in 0..MOST_STEPS {
            match self.frames.passable(&self.held) {
                Passable::Nothing => return Poll::Ready(Err(Broken::Malformed)),
                Passable::Bytes(0) if self.is_over => return self.poll_flush(cx, to),
                Passable::Bytes(0) => {
                    if self.poll_read(cx, from.as_mut(), scratch)?.is_pending() {
                        let _ = self.poll_flush(cx, to)?;
                        return Poll::Pending;
                    }
                }
                Passable::Bytes(most) => ready!(self.poll_write(cx, to.as_mut(), most))?,
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Sets the gateway's own good-bye.
    pub(super) fn say(&mut self, close: Vec<u8>) {
        self.farewell = Farewell::Waiting(close);
    }

    /// Says good-bye between two frames. Ready when it was answered, or cannot be said.
    pub(super) fn poll_farewell(
        &mut self,
        cx: &mut Context<'_>,
        (mut from, mut to): Ends<'_, impl AsyncRead, impl AsyncWrite>,
        scratch: &mut [u8],
    ) -> Poll<()> {
        loop {
            let step = match std::mem::replace(&mut self.farewell, Farewell::Over) {
                Farewell::Over => return Poll::Ready(()),
                Farewell::Waiting(close) if self.frames.is_between() => {
                    let mut heard = self.frames;
                    heard.pass(&std::mem::take(&mut self.held));
                    // After a close frame nothing may follow (RFC 6455 §5.5.1).
                    let has_said = self.frames.has_close();
                    self.farewell = if has_said { Farewell::Said(heard) } else { Farewell::Saying(close, heard) };
                    Poll::Ready(Ok(()))
                }
                waiting @ Farewell::Waiting(_) => {
                    self.farewell = waiting;
                    self.poll_rest_of_frame(cx, (from.as_mut(), to.as_mut()), scratch)
                }
                Farewell::Saying(mut close, heard) => {
                    let said = poll_all(cx, to.as_mut(), &mut close);
                    self.farewell =
                        if said.is_ready() { Farewell::Said(heard) } else { Farewell::Saying(close, heard) };
                    said
                }
                Farewell::Said(heard) if heard.has_close() || self.is_over => Poll::Ready(Ok(())),
                Farewell::Said(mut heard) => {
                    let read = self.poll_read(cx, from.as_mut(), scratch);
                    heard.pass(&std::mem::take(&mut self.held));
                    self.farewell = Farewell::Said(heard);
                    read
                }
            };
            if ready!(step).is_err() {
                self.farewell = Farewell::Over;
            }
        }
    }

    /// Lets the frame pass that has begun, and nothing behind it.
    fn poll_rest_of_frame(
        &mut self,
        cx: &mut Context<'_>,
        (from, to): Ends<'_, impl AsyncRead, impl AsyncWrite>,
        scratch: &mut [u8],
    ) -> Poll<Result<(), Broken>> {
        match self.frames.rest_of_frame(&self.held) {
            0 if self.is_over => Poll::Ready(Err(Broken::From)),
            0 => self.poll_read(cx, from, scratch),
            most => self.poll_write(cx, to, most),
        }
    }

    fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        from: Pin<&mut impl AsyncRead>,
        scratch: &mut [u8],
    ) -> Poll<Result<(), Broken>> {
        let mut buffer = ReadBuf::new(scratch);
        ready!(from.poll_read(cx, &mut buffer)).map_err(|_| Broken::From)?;
        self.is_over = buffer.filled().is_empty();
        self.held.extend_from_slice(buffer.filled());
        Poll::Ready(Ok(()))
    }

    /// Writes at most so many of the bytes that are held.
    fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        to: Pin<&mut impl AsyncWrite>,
        most: usize,
    ) -> Poll<Result<(), Broken>> {
        let bytes = self.held.get(..most).unwrap_or_default();
        let written = ready!(to.poll_write(cx, bytes)).map_err(|_| Broken::To)?;
        if written == 0 {
            return Poll::Ready(Err(Broken::To));
        }
        self.frames.pass(bytes.get(..written).unwrap_or_default());
        self.bytes += written as u64;
        self.has_unflushed = true;
        if written == self.held.len() {
            // An idle direction keeps no buffer.
            self.held = Vec::new();
        } else {
            self.held.drain(..written);
        }
        Poll::Ready(Ok(()))
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>, to: Pin<&mut impl AsyncWrite>) -> Poll<Result<(), Broken>> {
        if self.has_unflushed {
            ready!(to.poll_flush(cx)).map_err(|_| Broken::To)?;
            self.has_unflushed = false;
        }
        Poll::Ready(Ok(()))
    }
}

/// Writes and flushes all of these bytes.
fn poll_all(cx: &mut Context<'_>, mut to: Pin<&mut impl AsyncWrite>, bytes: &mut Vec<u8>) -> Poll<Result<(), Broken>> {
    while !bytes.is_empty() {
        let written = ready!(to.as_mut().poll_write(cx, bytes)).map_err(|_| Broken::To)?;
        if written == 0 {
            return Poll::Ready(Err(Broken::To));
        }
        bytes.drain(..written);
    }
    to.poll_flush(cx).map_err(|_| Broken::To)
}
