//! The client's byte stream below hyper: gives back the bytes read to tell the protocol, records activity, and closes
//! without losing the last answer.
//!
//! Does not parse. Closing as RFC 9112 §9.6 says: the write side first, then what the client still sends is read and
//! thrown away for a short while, so that a reset does not overtake the answer.

use std::{
    future::Future,
    io,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::{Buf, Bytes};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::Sleep,
};

use crate::client::Client;

/// What a client may still send after the last answer before the connection is cut.
const MOST_LINGERING_BYTES: usize = 1024 * 1024;
const LONGEST_LINGERING: Duration = Duration::from_secs(2);

/// A client's stream.
#[derive(Debug)]
pub(crate) struct ClientIo<S> {
    stream: S,
    client: Rc<Client>,
    prefix: Bytes,
    closing: Closing,
}

#[derive(Debug)]
enum Closing {
    No,
    Lingering { bytes_left: usize, until: Pin<Box<Sleep>> },
    Done,
}

impl<S> ClientIo<S> {
    /// Wraps a stream of which `prefix` was read already.
    pub(crate) fn new(stream: S, prefix: Bytes, client: Rc<Client>) -> Self {
        if !prefix.is_empty() {
            client.received(&prefix);
        }
        Self { stream, client, prefix, closing: Closing::No }
    }
}

impl<S> ClientIo<S> {
    /// Writes what was read already into the buffer; returns how many bytes that were.
    fn give_back(&mut self, buffer: &mut ReadBuf<'_>) -> usize {
        let length = self.prefix.len().min(buffer.remaining());
        buffer.put_slice(self.prefix.get(..length).unwrap_or_default());
        self.prefix.advance(length);
        length
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for ClientIo<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let given_back = self.give_back(buffer);
        let start = buffer.filled().len();
        // With the prefix goes what stands behind it: for a second read hyper would double its buffer.
        let polled = Pin::new(&mut self.stream).poll_read(cx, buffer);
        let received = buffer.filled().get(start..).unwrap_or_default();
        if given_back > 0 && received.is_empty() {
            // The stream's end and its errors come again.
            return Poll::Ready(Ok(()));
        }
        ready!(polled)?;
        self.client.received(received);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for ClientIo<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.record(&written);
        written
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.record(&written);
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            match &self.closing {
                Closing::No => {
                    ready!(Pin::new(&mut self.stream).poll_shutdown(cx))?;
                    self.closing = if self.client.activity.is_ended() {
                        Closing::Done
                    } else {
                        let until = Box::pin(tokio::time::sleep(LONGEST_LINGERING));
                        Closing::Lingering { bytes_left: MOST_LINGERING_BYTES, until }
                    };
                }
                Closing::Lingering { .. } => {
                    ready!(self.poll_linger(cx));
                    self.closing = Closing::Done;
                }
                Closing::Done => return Poll::Ready(Ok(())),
            }
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> ClientIo<S> {
    fn record(&self, written: &Poll<io::Result<usize>>) {
        match written {
            Poll::Ready(Ok(bytes)) => self.client.activity.wrote(Some(*bytes)),
            Poll::Ready(Err(_)) => {}
            Poll::Pending => self.client.activity.wrote(None),
        }
    }

    /// Reads and throws away until the client closes too, or has had its chance.
    fn poll_linger(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Closing::Lingering { bytes_left, until } = &mut self.closing else { return Poll::Ready(()) };
        let mut scratch = [0; 4096];
        loop {
            let mut buffer = ReadBuf::new(&mut scratch);
            match Pin::new(&mut self.stream).poll_read(cx, &mut buffer) {
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() && *bytes_left > buffer.filled().len() => {
                    *bytes_left -= buffer.filled().len();
                }
                Poll::Ready(_) => return Poll::Ready(()),
                Poll::Pending => return until.as_mut().poll(cx),
            }
        }
    }
}
