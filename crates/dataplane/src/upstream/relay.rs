//! Who is woken for a backend's connection, and whether there is anything to read on it.
//!
//! hyper tries to read at every look, several times for each exchange, and nearly always in vain. What the connection waits
//! for wakes its [`Relay`] and nobody else, as long as an exchange drives it: until that has happened there is nothing new,
//! and a [`Quiet`] stream says so without asking the system's driver.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
};

use futures_util::task::AtomicWaker;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Wakes the task that holds the connection, if one waits for it.
#[derive(Debug, Default)]
pub(super) struct Relay {
    holder: AtomicWaker,
    /// Woken since the last look.
    is_stirred: AtomicBool,
    /// The connection is driven by a task of its own, which is woken without the relay.
    is_bypassed: AtomicBool,
}

impl Relay {
    /// From now on wakes this task.
    pub(super) fn register(&self, holder: &Waker) {
        self.holder.register(holder);
    }

    /// From now on wakes nobody.
    pub(super) fn release(&self) {
        drop(self.holder.take());
    }

    /// Says that others are woken than the relay.
    pub(super) fn bypass(&self) {
        self.is_bypassed.store(true, Ordering::Relaxed);
    }

    fn may_have_news(&self) -> bool {
        self.is_stirred.swap(false, Ordering::Acquire) || self.is_bypassed.load(Ordering::Relaxed)
    }
}

impl Wake for Relay {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.is_stirred.store(true, Ordering::Release);
        self.holder.wake();
    }
}

/// A stream to a backend that is polled with its relay's waker only, until the relay is bypassed.
#[derive(Debug)]
pub(super) struct Quiet<S> {
    stream: S,
    relay: Arc<Relay>,
    /// The last read found nothing: the relay is woken when there is something.
    is_waiting: bool,
}

impl<S> Quiet<S> {
    pub(super) fn new(stream: S, relay: &Arc<Relay>) -> Self {
        Self { stream, relay: Arc::clone(relay), is_waiting: false }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Quiet<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.is_waiting && !self.relay.may_have_news() {
            return Poll::Pending;
        }
        let polled = Pin::new(&mut self.stream).poll_read(cx, buffer);
        self.is_waiting = polled.is_pending();
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Quiet<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    /// Reads once with the relay's waker; `None`: nothing was there.
    fn read(quiet: &mut Quiet<impl AsyncRead + Unpin>, relay: &Arc<Relay>) -> Option<Vec<u8>> {
        let waker = Waker::from(Arc::clone(relay));
        let (mut bytes, mut cx) = ([0; 16], Context::from_waker(&waker));
        let mut buffer = ReadBuf::new(&mut bytes);
        match Pin::new(quiet).poll_read(&mut cx, &mut buffer) {
            Poll::Ready(read) => {
                read.unwrap();
                Some(buffer.filled().to_vec())
            }
            Poll::Pending => None,
        }
    }

    #[tokio::test]
    async fn whatever_a_backend_sends_is_read_at_the_next_look() {
        let relay = Arc::new(Relay::default());
        let (ours, mut backends) = duplex(64);
        let mut quiet = Quiet::new(ours, &relay);
        for _ in 0..3 {
            assert_eq!((read(&mut quiet, &relay), read(&mut quiet, &relay)), (None, None));
            backends.write_all(b"news").await.unwrap();
            assert_eq!(read(&mut quiet, &relay), Some(b"news".to_vec()));
        }
        drop(backends);
        assert_eq!(read(&mut quiet, &relay), Some(Vec::new()));
    }

    #[tokio::test]
    async fn a_task_of_the_connections_own_reads_without_the_relay() {
        let relay = Arc::new(Relay::default());
        let (ours, mut backends) = duplex(64);
        let mut quiet = Quiet::new(ours, &relay);
        assert_eq!(read(&mut quiet, &relay), None);
        relay.bypass();
        let reading = tokio::spawn(async move {
            let mut bytes = [0; 4];
            quiet.read_exact(&mut bytes).await.map(|_| bytes)
        });
        tokio::task::yield_now().await;
        backends.write_all(b"news").await.unwrap();
        assert_eq!(reading.await.unwrap().unwrap(), *b"news");
    }
}
