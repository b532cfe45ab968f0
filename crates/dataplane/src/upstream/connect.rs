//! New connections to backends: name, address, TLS, HTTP handshake, all within the endpoint's connect timeout.

use std::{
    collections::HashMap,
    fmt, io,
    net::IpAddr,
    rc::Rc,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use gateway::{Endpoint, PoolId};
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioIo, TokioTimer};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::{CertificateDer, ServerName, pem::PemObject};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::{
    UpstreamError,
    http1::Http1,
    relay::{Quiet, Relay},
};
use crate::{
    body::RequestBody,
    worker::{LocalExecutor, Worker},
};

/// How often an HTTP/2 backend that is in use is asked whether it is still there, and how long it may take to say so.
const PING_EVERY: Duration = Duration::from_secs(30);
const PING_TIMEOUT: Duration = Duration::from_secs(10);
const STREAM_WINDOW: u32 = 256 * 1024;
const CONNECTION_WINDOW: u32 = 4 * 1024 * 1024;
const LARGEST_ANSWER_HEAD: u32 = 256 * 1024;

/// A new connection, ready for a request.
pub(super) enum Connected {
    Http1(Http1),
    Http2(http2::SendRequest<RequestBody>),
}

/// Opens a connection to an endpoint.
///
/// # Errors
///
/// [`UpstreamError`]: which step failed.
pub(super) async fn connect(worker: &Rc<Worker>, endpoint: &Arc<Endpoint>) -> Result<Connected, UpstreamError> {
    let connecting = async {
        let stream = dial(endpoint).await?;
        match endpoint.upstream {
            gateway::Upstream::Http1 => http1_over(stream).await.map(Connected::Http1),
            gateway::Upstream::Http2 => http2_over(stream).await.map(Connected::Http2),
            gateway::Upstream::Tls => over_tls(worker, endpoint, stream).await,
        }
    };
    tokio::time::timeout(endpoint.connect_timeout, connecting).await.map_err(|_| UpstreamError::ConnectTimeout)?
}

async fn dial(endpoint: &Endpoint) -> Result<TcpStream, UpstreamError> {
    let stream = match endpoint.host.parse::<IpAddr>() {
        Ok(address) => TcpStream::connect((address, endpoint.port)).await.map_err(UpstreamError::Connect)?,
        Err(_) => dial_name(endpoint).await?,
    };
    stream.set_nodelay(true).map_err(UpstreamError::Connect)?;
    Ok(stream)
}

async fn dial_name(endpoint: &Endpoint) -> Result<TcpStream, UpstreamError> {
    let addresses = tokio::net::lookup_host((&*endpoint.host, endpoint.port)).await.map_err(UpstreamError::Resolve)?;
    let mut failure = UpstreamError::Resolve(io::ErrorKind::NotFound.into());
    for address in addresses {
        match TcpStream::connect(address).await {
            Ok(stream) => return Ok(stream),
            Err(error) => failure = UpstreamError::Connect(error),
        }
    }
    Err(failure)
}

async fn over_tls(
    worker: &Rc<Worker>,
    endpoint: &Arc<Endpoint>,
    stream: TcpStream,
) -> Result<Connected, UpstreamError> {
    let stream = encrypted(worker, endpoint, stream, Offer::Both).await?;
    if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
        http2_over(stream).await.map(Connected::Http2)
    } else {
        http1_over(stream).await.map(Connected::Http1)
    }
}

async fn encrypted(
    worker: &Worker,
    endpoint: &Endpoint,
    stream: TcpStream,
    offer: Offer,
) -> Result<TlsStream<TcpStream>, UpstreamError> {
    let config = worker.upstreams.tls.config(endpoint, offer).map_err(UpstreamError::Tls)?;
    let name = ServerName::try_from(endpoint.host.to_string())
        .map_err(|error| UpstreamError::Tls(io::Error::new(io::ErrorKind::InvalidInput, error)))?;
    TlsConnector::from(config).connect(name, stream).await.map_err(UpstreamError::Tls)
}

/// Opens an HTTP/1.1 connection to an endpoint that may switch to another protocol. It is driven by a task of its own.
///
/// # Errors
///
/// [`UpstreamError`]: which step failed.
pub(super) async fn connect_to_switch(
    worker: &Rc<Worker>,
    endpoint: &Arc<Endpoint>,
) -> Result<http1::SendRequest<RequestBody>, UpstreamError> {
    let connecting = async {
        let stream = dial(endpoint).await?;
        match endpoint.upstream {
            gateway::Upstream::Http1 | gateway::Upstream::Http2 => switchable(stream).await,
            gateway::Upstream::Tls => switchable(encrypted(worker, endpoint, stream, Offer::Http1).await?).await,
        }
    };
    tokio::time::timeout(endpoint.connect_timeout, connecting).await.map_err(|_| UpstreamError::ConnectTimeout)?
}

async fn switchable<S>(stream: S) -> Result<http1::SendRequest<RequestBody>, UpstreamError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (sender, connection) =
        http1::Builder::new().handshake(TokioIo::new(stream)).await.map_err(UpstreamError::Protocol)?;
    tokio::task::spawn_local(async move {
        if let Err(error) = connection.with_upgrades().await {
            tracing::debug!(%error, "a backend's connection ended");
        }
    });
    Ok(sender)
}

async fn http1_over<S>(stream: S) -> Result<Http1, UpstreamError>
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let relay = Arc::new(Relay::default());
    let io = TokioIo::new(Quiet::new(stream, &relay));
    let (sender, connection) = http1::Builder::new().handshake(io).await.map_err(UpstreamError::Protocol)?;
    Ok(Http1::new(sender, connection, relay))
}

async fn http2_over<S>(stream: S) -> Result<http2::SendRequest<RequestBody>, UpstreamError>
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let (sender, connection) = http2::Builder::new(LocalExecutor)
        .timer(TokioTimer::new())
        .keep_alive_interval(PING_EVERY)
        .keep_alive_timeout(PING_TIMEOUT)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_header_list_size(LARGEST_ANSWER_HEAD)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(UpstreamError::Protocol)?;
    tokio::task::spawn_local(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a backend's connection ended");
        }
    });
    Ok(sender)
}

/// The protocols that a backend may choose from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Offer {
    /// HTTP/2 and HTTP/1.1.
    Both,
    /// HTTP/1.1, which can switch.
    Http1,
}

/// The TLS configurations towards backends, shared by all workers: one per pool and offer, made when first needed.
#[derive(Default)]
pub(crate) struct TlsClients {
    configs: Mutex<HashMap<(PoolId, Offer), Arc<ClientConfig>>>,
}

impl TlsClients {
    fn config(&self, endpoint: &Endpoint, offer: Offer) -> io::Result<Arc<ClientConfig>> {
        let mut configs = self.configs.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(config) = configs.get(&(endpoint.pool, offer)) {
            return Ok(Arc::clone(config));
        }
        let roots = match &endpoint.trusted_ca {
            Some(pem) => private_roots(pem)?,
            None => system_roots(),
        };
        let mut config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = match offer {
            Offer::Both => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
            Offer::Http1 => vec![b"http/1.1".to_vec()],
        };
        let config = Arc::new(config);
        configs.insert((endpoint.pool, offer), Arc::clone(&config));
        Ok(config)
    }
}

impl fmt::Debug for TlsClients {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("TlsClients")
    }
}

fn private_roots(pem: &[u8]) -> io::Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        roots.add(certificate).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
    }
    Ok(roots)
}

fn system_roots() -> RootCertStore {
    let found = rustls_native_certs::load_native_certs();
    for error in &found.errors {
        tracing::warn!(%error, "a system root certificate cannot be read");
    }
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(found.certs);
    roots
}
