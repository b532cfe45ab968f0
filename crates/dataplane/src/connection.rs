//! One client connection: finds out what it speaks, hands it to hyper, and watches over it until it ends.
//!
//! HTTP/2 by ALPN on TLS, by its preface on clear text (RFC 9113 §3.3). Knows nothing of requests; see `proxy.rs`.

mod serving;

use std::{
    future::{Future, poll_fn},
    io,
    net::SocketAddr,
    pin::{Pin, pin},
    rc::Rc,
    sync::Arc,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use bytes::Bytes;
use gateway::{ClientCertificate, Connection};
use http::Request;
use hyper::{
    body::Incoming,
    server::conn::{http1, http2},
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite},
    net::TcpStream,
};
use tokio_rustls::TlsAcceptor;

use crate::{
    client::{Client, Protocol, Role, Verdict, Watch},
    client_io::ClientIo,
    envoy,
    presence::Socket,
    proxy,
    server::Settings,
    tls::TlsIdentity,
    worker::{Listening, LocalExecutor, Open},
};
use serving::{Http1, Serving};

const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const PING_EVERY: Duration = Duration::from_secs(30);
const PING_TIMEOUT: Duration = Duration::from_secs(20);
const STREAM_WINDOW: u32 = 256 * 1024;
const CONNECTION_WINDOW: u32 = 1024 * 1024;

/// Serves a connection that was just accepted, to its end.
pub(crate) async fn serve(worker: Open, stream: TcpStream, peer: SocketAddr, listening: Listening) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a new connection is gone already");
        return;
    }
    let connection = Arc::new(Connection::new(peer, listening.tls.is_some()));
    let client = Rc::new(Client::new(worker, connection, listening.role));
    let opened = match &listening.tls {
        None => open_clear(stream, &client).await,
        Some(identity) => Box::pin(open_tls(stream, &client, identity)).await,
    };
    if let Some((connection, protocol)) = opened {
        watched(connection, &client, protocol).await;
    }
}

/// A connection that hyper serves. In a box, because a future holds what it is given twice.
type Served = Pin<Box<dyn Serving>>;

async fn open_clear(mut stream: TcpStream, client: &Rc<Client>) -> Option<(Served, Protocol)> {
    let patience = client.worker.settings.patience.head;
    let sniffed = unless_draining(client, tokio::time::timeout(patience, sniff(&mut stream))).await?;
    let (protocol, prefix) = sniffed.ok()?.ok()?;
    if protocol == Protocol::Http2 {
        return Some((served(stream, prefix, client, protocol), protocol));
    }
    let socket = Socket::new(stream);
    client.presence.replace(Some(socket.presence()));
    Some((served(socket, prefix, client, protocol), protocol))
}

async fn open_tls(stream: TcpStream, client: &Rc<Client>, identity: &TlsIdentity) -> Option<(Served, Protocol)> {
    let patience = client.worker.settings.patience.head;
    let handshake = TlsAcceptor::from(identity.config()).accept(stream);
    let handshaken = unless_draining(client, tokio::time::timeout(patience, handshake)).await?;
    let stream = handshaken.ok()?.inspect_err(|error| tracing::debug!(%error, "a TLS handshake failed")).ok()?;
    if let Some(certificate) = stream.get_ref().1.peer_certificates().and_then(ClientCertificate::new) {
        client.connection.show(certificate);
    }
    let is_http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
    let protocol = if is_http2 { Protocol::Http2 } else { Protocol::Http1 };
    Some((served(stream, Bytes::new(), client, protocol), protocol))
}

/// Waits for a step before the first request, but not through the shutdown.
async fn unless_draining<T>(client: &Client, step: impl Future<Output = T>) -> Option<T> {
    if client.worker.is_draining() {
        return None;
    }
    tokio::select! {
        biased;
        done = step => Some(done),
        () = client.worker.drained() => None,
    }
}

/// Reads until it is plain which protocol the client speaks; returns what was read.
async fn sniff(stream: &mut TcpStream) -> io::Result<(Protocol, Bytes)> {
    let mut start = [0; PREFACE.len()];
    let mut length = 0;
    loop {
        let room = start.get_mut(length..).unwrap_or_default();
        let read = stream.read(room).await?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        length += read;
        let seen = start.get(..length).unwrap_or_default();
        if !PREFACE.starts_with(seen) {
            return Ok((Protocol::Http1, Bytes::copy_from_slice(seen)));
        }
        if length == PREFACE.len() {
            return Ok((Protocol::Http2, Bytes::from_static(PREFACE)));
        }
    }
}

/// As many fields of a head hyper reads without allocating; another bound costs an allocation for each request.
pub(crate) const FIELDS_ON_STACK: usize = 100;

/// Hands a stream to hyper; `prefix` is what was read of it already.
fn served<S>(stream: S, prefix: Bytes, client: &Rc<Client>, protocol: Protocol) -> Served
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let io = TokioIo::new(ClientIo::new(stream, prefix, Rc::clone(client)));
    let shared = Rc::clone(client);
    if let Role::Envoy(asker) = client.role {
        let service = service_fn(move |request| envoy::answer(Rc::clone(&shared), asker, request));
        return Box::pin(http2_builder(&client.worker.settings).serve_connection(io, service));
    }
    let service = service_fn(move |request: Request<Incoming>| proxy::answer(Rc::clone(&shared), request));
    match protocol {
        Protocol::Http1 => {
            let mut builder = http1_builder(&client.worker.settings);
            builder.half_close(client.presence.borrow().is_some());
            Box::pin(Http1::new(client, builder.serve_connection(io, service)))
        }
        Protocol::Http2 => Box::pin(http2_builder(&client.worker.settings).serve_connection(io, service)),
    }
}

fn http1_builder(settings: &Settings) -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder.max_header_size(settings.largest_head).max_buf_size(settings.largest_head.max(64 * 1024));
    if settings.most_fields != FIELDS_ON_STACK {
        builder.max_headers(settings.most_fields);
    }
    builder
}

fn http2_builder(settings: &Settings) -> http2::Builder<LocalExecutor> {
    let mut builder = http2::Builder::new(LocalExecutor);
    builder
        .timer(TokioTimer::new())
        .keep_alive_interval(PING_EVERY)
        .keep_alive_timeout(PING_TIMEOUT)
        .max_concurrent_streams(settings.most_streams)
        .enable_connect_protocol()
        .max_header_list_size(u32::try_from(settings.largest_head).unwrap_or(u32::MAX))
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW);
    builder
}

/// Drives a connection to its end, closing it when it is idle for too long or the worker shuts down.
///
/// The timer and the shutdown's notification are polled once and again only after they fired: both keep the task's waker.
async fn watched(mut connection: Served, client: &Client, protocol: Protocol) {
    let mut drained = pin!(client.worker.drained());
    let patience = client.worker.settings.patience;
    let mut look = pin!(tokio::time::sleep(Watch::interval(patience)));
    let mut watch = Watch::new(patience, protocol);
    let mut is_first_poll = true;
    let mut is_closing = false;
    poll_fn(|cx| {
        if is_first_poll || look.is_elapsed() {
            let first = std::mem::take(&mut is_first_poll);
            if first {
                let _ = drained.as_mut().poll(cx);
            }
            match poll_look(look.as_mut(), cx, &mut watch, client) {
                Verdict::Cut => return Poll::Ready(()),
                Verdict::CloseIdle if is_closing => return Poll::Ready(()),
                Verdict::CloseIdle => {
                    is_closing = true;
                    connection.as_mut().finish();
                }
                Verdict::Keep => {}
            }
        }
        if client.worker.is_draining() && !is_closing {
            is_closing = true;
            connection.as_mut().finish();
        }
        match connection.as_mut().poll_served(cx) {
            Poll::Ready(()) => Poll::Ready(()),
            Poll::Pending => client.poll_gone(cx),
        }
    })
    .await;
}

/// Looks at the connection if it is time to, and sets the time of the next look.
fn poll_look(
    mut look: Pin<&mut tokio::time::Sleep>,
    cx: &mut Context<'_>,
    watch: &mut Watch,
    client: &Client,
) -> Verdict {
    let mut verdict = Verdict::Keep;
    while look.as_mut().poll(cx).is_ready() {
        let interval = Watch::interval(client.worker.settings.patience);
        look.as_mut().reset(tokio::time::Instant::now() + interval);
        verdict = watch.judge(&client.activity, Instant::now());
        if verdict != Verdict::Keep {
            let _ = look.as_mut().poll(cx);
            break;
        }
    }
    verdict
}
