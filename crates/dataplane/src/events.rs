//! The listener for events: a body is taken in, and somebody else says what it means.
//!
//! Apart from data and admin listeners, because others than callers and operators reach it. Runs on the binary's background
//! runtime. Small bodies, few connections, `POST` only.

use std::{fmt, future::Future, io, net::SocketAddr, pin::Pin, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Method, Request, Response, StatusCode,
    header::{CACHE_CONTROL, CONTENT_TYPE},
};
use http_body_util::{BodyExt, Full, Limited};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    task::JoinHandle,
    time::timeout,
};
use tokio_rustls::TlsAcceptor;

use crate::tls::TlsIdentity;

/// How long a handshake, a head or a body may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// The longest body.
const LONGEST: usize = 128 * 1024;

/// How many connections there are at most; the next ones wait.
const MOST_CONNECTIONS: usize = 128;

/// What somebody sent.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// The path.
    pub path: String,
    /// The header fields.
    pub fields: HeaderMap,
    /// The whole body.
    pub body: Bytes,
}

/// What is answered.
#[derive(Clone, Debug)]
pub struct Receipt {
    /// The status.
    pub status: StatusCode,
    /// A JSON document; empty: no body.
    pub body: String,
}

/// Says what becomes of a delivery.
pub type Receive = dyn Fn(Delivery) -> Pin<Box<dyn Future<Output = Receipt> + Send>> + Send + Sync;

/// The running listener. Dropping it stops it.
pub struct EventListener {
    address: SocketAddr,
    accepting: JoinHandle<()>,
}

impl EventListener {
    /// Binds the listener and serves on the current runtime.
    ///
    /// # Errors
    ///
    /// When the address cannot be listened on.
    pub async fn start(address: SocketAddr, tls: Option<&TlsIdentity>, receive: Arc<Receive>) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let acceptor = tls.map(|identity| TlsAcceptor::from(identity.config()));
        let accepting = tokio::spawn(accept(listener, acceptor, receive));
        Ok(Self { address, accepting })
    }

    /// Returns the bound address.
    pub const fn local_addr(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for EventListener {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl fmt::Debug for EventListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventListener").field("address", &self.address).finish_non_exhaustive()
    }
}

async fn accept(listener: TcpListener, acceptor: Option<TlsAcceptor>, receive: Arc<Receive>) {
    let places = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) => {
                let (acceptor, receive) = (acceptor.clone(), Arc::clone(&receive));
                tokio::spawn(async move {
                    connection(stream, acceptor, receive).await;
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "a connection for events cannot be accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

async fn connection(stream: TcpStream, acceptor: Option<TlsAcceptor>, receive: Arc<Receive>) {
    match acceptor {
        None => serve(stream, receive).await,
        Some(acceptor) => match timeout(PATIENCE, acceptor.accept(stream)).await {
            Ok(Ok(stream)) => serve(stream, receive).await,
            Ok(Err(error)) => tracing::debug!(%error, "no TLS with a sender of events"),
            Err(_) => tracing::debug!("a sender of events did not finish its TLS handshake"),
        },
    }
}

async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, receive: Arc<Receive>) {
    let service = service_fn(move |request| answer(Arc::clone(&receive), request));
    // One request on each connection: senders come seldom, and none is to occupy a place.
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service);
    if let Err(error) = connection.await {
        tracing::debug!(%error, "a connection for events ended");
    }
}

async fn answer(receive: Arc<Receive>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, hyper::Error> {
    if request.method() != Method::POST {
        return Ok(response(StatusCode::METHOD_NOT_ALLOWED, String::new()));
    }
    let (head, body) = request.into_parts();
    let Ok(Ok(body)) = timeout(PATIENCE, Limited::new(body, LONGEST).collect()).await else {
        return Ok(response(StatusCode::BAD_REQUEST, String::new()));
    };
    let delivery = Delivery { path: head.uri.path().to_owned(), fields: head.headers, body: body.to_bytes() };
    let Receipt { status, body } = receive(delivery).await;
    Ok(response(status, body))
}

fn response(status: StatusCode, body: String) -> Response<Full<Bytes>> {
    let has_body = !body.is_empty();
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if has_body {
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    response
}
