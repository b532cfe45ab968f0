//! What serves a connection: hyper, and after an answer that switches the protocol whoever takes the connection over.
//!
//! hyper's own way to hand a connection over wants it to be movable between threads, which ours are not: here it is taken
//! from hyper when hyper is done with it.

use std::{
    error::Error,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, ready},
};

use hyper::{body::Incoming, server::conn::http1, service::HttpService};
use hyper_util::{rt::TokioIo, server::graceful::GracefulConnection};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::{body::ResponseBody, client::Client, client_io::ClientIo};

/// A connection that is served.
pub(super) trait Serving {
    /// Ready when it has ended.
    fn poll_served(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()>;

    /// Ends it after the answers that are under way.
    fn finish(self: Pin<&mut Self>);
}

impl<C: GracefulConnection<Error = hyper::Error>> Serving for C {
    fn poll_served(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.poll(cx).map(|_| ())
    }

    fn finish(self: Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}

/// A connection of HTTP/1.
pub(super) struct Http1<S, V: HttpService<Incoming>> {
    client: Rc<Client>,
    state: State<S, V>,
}

#[expect(clippy::large_enum_variant, reason = "nearly every connection is in the large state, to its end")]
enum State<S, V: HttpService<Incoming>> {
    Http(http1::Connection<TokioIo<ClientIo<S>>, V>),
    /// Another protocol has taken over.
    Switched(Pin<Box<dyn Future<Output = ()>>>),
    Closing(ClientIo<S>),
    Over,
}

impl<S, V: HttpService<Incoming>> Http1<S, V> {
    pub(super) fn new(client: &Rc<Client>, http: http1::Connection<TokioIo<ClientIo<S>>, V>) -> Self {
        Self { client: Rc::clone(client), state: State::Http(http) }
    }
}

impl<S, V> Http1<S, V>
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
    V: HttpService<Incoming, ResBody = ResponseBody>,
    V::Error: Into<Box<dyn Error + Send + Sync>>,
{
    /// Says what becomes of a connection with which hyper is done.
    fn after(&self, http: http1::Connection<TokioIo<ClientIo<S>>, V>) -> State<S, V> {
        let http1::Parts { io, read_buf, .. } = http.into_parts();
        let io = io.into_inner();
        // Whoever takes over reads.
        self.client.presence.take();
        match self.client.successor.take() {
            Some(tunnel) => State::Switched(Box::pin(tunnel.run(io, read_buf))),
            // hyper leaves a connection open on which a client once asked to switch.
            None => State::Closing(io),
        }
    }
}

impl<S, V> Serving for Http1<S, V>
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
    V: HttpService<Incoming, ResBody = ResponseBody>,
    V::Error: Into<Box<dyn Error + Send + Sync>>,
    Self: Unpin,
{
    fn poll_served(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            match &mut self.state {
                State::Http(http) => {
                    let ended = ready!(Pin::new(http).poll(cx));
                    let State::Http(http) = std::mem::replace(&mut self.state, State::Over) else { continue };
                    if ended.is_ok() {
                        self.state = self.after(http);
                    }
                }
                State::Switched(tunnel) => return tunnel.as_mut().poll(cx),
                State::Closing(io) => return Pin::new(io).poll_shutdown(cx).map(|_| ()),
                State::Over => return Poll::Ready(()),
            }
        }
    }

    fn finish(mut self: Pin<&mut Self>) {
        match &mut self.state {
            State::Http(http) => Pin::new(http).graceful_shutdown(),
            // It is one of the worker's streams, and told as such.
            State::Switched(_) | State::Closing(_) | State::Over => {}
        }
    }
}

impl<S, V: HttpService<Incoming>> Drop for Http1<S, V> {
    fn drop(&mut self) {
        // What waits for a connection that is gone holds on to its client.
        self.client.successor.take();
    }
}
