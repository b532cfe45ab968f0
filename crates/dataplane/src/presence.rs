//! Whether a client is still there while its request is under way and nothing is read from it.
//!
//! hyper would find out by reading: at each look it makes room for what may come, and a request in flight holds on to the
//! buffer that it came in, so that each request would cost a new one. Here its connection is asked without reading. Clear
//! text only: what TLS has received says nothing about what the client has sent.

use std::{
    cell::{Cell, RefCell},
    io,
    pin::Pin,
    rc::{Rc, Weak},
    task::{Context, Poll, ready},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{
        TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
};

/// A client's TCP stream, of which a [`Presence`] can be had.
#[derive(Debug)]
pub(crate) struct Socket {
    reading: Rc<RefCell<OwnedReadHalf>>,
    writing: OwnedWriteHalf,
}

/// Knows whether the client behind a [`Socket`] is still there.
#[derive(Debug)]
pub(crate) struct Presence {
    reading: Weak<RefCell<OwnedReadHalf>>,
    /// Bytes wait to be read: whoever sends is there, and what comes behind them cannot be seen.
    has_sent: Cell<bool>,
}

impl Socket {
    pub(crate) fn new(stream: TcpStream) -> Self {
        let (reading, writing) = stream.into_split();
        Self { reading: Rc::new(RefCell::new(reading)), writing }
    }

    pub(crate) fn presence(&self) -> Presence {
        Presence { reading: Rc::downgrade(&self.reading), has_sent: Cell::new(false) }
    }
}

impl Presence {
    /// Ready when the client has closed its side or the connection is broken; until then `cx` is woken when it may be.
    pub(crate) fn poll_gone(&self, cx: &mut Context<'_>) -> Poll<()> {
        if self.has_sent.get() {
            return Poll::Pending;
        }
        let Some(reading) = self.reading.upgrade() else { return Poll::Pending };
        let reading = reading.borrow();
        let stream: &TcpStream = (*reading).as_ref();
        let mut byte = [0];
        match ready!(stream.poll_peek(cx, &mut ReadBuf::new(&mut byte))) {
            Ok(0) | Err(_) => Poll::Ready(()),
            Ok(_) => {
                self.has_sent.set(true);
                Poll::Pending
            }
        }
    }

    /// True when the client was seen to have sent something that nobody has read.
    pub(crate) fn has_sent(&self) -> bool {
        self.has_sent.get()
    }

    /// Records that what the client has sent was read.
    pub(crate) fn read(&self) {
        self.has_sent.set(false);
    }
}

impl AsyncRead for Socket {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.reading.borrow_mut()).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.writing).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.writing).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.writing.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.writing).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.writing).poll_shutdown(cx)
    }
}
