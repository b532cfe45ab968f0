//! A small HTTP server whose answers a test writes byte by byte, so that it can misbehave; with TLS where asked for.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use rcgen::{BasicConstraints, Certificate, CertificateParams, CertifiedIssuer, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpListener,
    task::JoinHandle,
};
use tokio_rustls::TlsAcceptor;
use url::Url;

/// A request as it arrived.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    /// The request line and the header fields.
    pub(crate) head: String,
    /// The body.
    pub(crate) body: String,
}

/// What the server does with a request.
pub(crate) enum Reply {
    /// It sends these bytes and waits for the next request.
    Send(Vec<u8>),
    /// It sends these bytes and closes the connection.
    SendAndClose(Vec<u8>),
    /// It says nothing, and keeps the connection.
    Hang,
}

type Replies = Arc<dyn Fn(&Seen) -> Reply + Send + Sync>;

/// The server. Dropping it ends it, its connections too.
pub(crate) struct WebServer {
    address: SocketAddr,
    scheme: &'static str,
    seen: Arc<Mutex<Vec<Seen>>>,
    listener: JoinHandle<()>,
}

impl WebServer {
    /// Starts a server that answers as `replies` says.
    pub(crate) async fn start(replies: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> Self {
        Self::start_on("127.0.0.1:0".parse().unwrap(), None, Arc::new(replies)).await
    }

    /// Starts a server with TLS.
    pub(crate) async fn start_tls(ca: &Ca, replies: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> Self {
        Self::start_on("127.0.0.1:0".parse().unwrap(), Some(ca.acceptor()), Arc::new(replies)).await
    }

    /// Starts a server at an address where another one was.
    pub(crate) async fn start_at(
        address: SocketAddr,
        replies: impl Fn(&Seen) -> Reply + Send + Sync + 'static,
    ) -> Self {
        Self::start_on(address, None, Arc::new(replies)).await
    }

    async fn start_on(address: SocketAddr, tls: Option<TlsAcceptor>, replies: Replies) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen: Arc<Mutex<Vec<Seen>>> = Arc::default();
        let (scheme, log) = (if tls.is_some() { "https" } else { "http" }, Arc::clone(&seen));
        let listener = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let (replies, log, tls) = (Arc::clone(&replies), Arc::clone(&log), tls.clone());
                connections.spawn(async move {
                    match tls {
                        None => serve(stream, &replies, &log).await,
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                serve(stream, &replies, &log).await;
                            }
                        }
                    }
                });
            }
        });
        Self { address, scheme, seen, listener }
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the address of a path.
    pub(crate) fn url(&self, path: &str) -> Url {
        Url::parse(&format!("{}://{}{path}", self.scheme, self.address)).unwrap()
    }

    /// Returns the requests so far.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// Ends the server and waits until its port is free.
    pub(crate) async fn end(mut self) {
        self.listener.abort();
        let _ = (&mut self.listener).await;
    }
}

impl Drop for WebServer {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

impl Seen {
    /// Returns the target of the request line.
    pub(crate) fn target(&self) -> &str {
        self.head.split(' ').nth(1).unwrap_or_default()
    }

    /// Returns the value of a header field.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let fields = self.head.lines().skip(1).filter_map(|line| line.split_once(':'));
        fields.filter(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim()).next()
    }
}

/// Makes an answer with a body.
pub(crate) fn answer(status: &str, media_type: &str, body: &str) -> Reply {
    answer_with(status, &[("Content-Type", media_type)], body)
}

/// Makes an answer with header fields and a body.
pub(crate) fn answer_with(status: &str, fields: &[(&str, &str)], body: &str) -> Reply {
    let fields: Vec<String> = fields.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let text = format!("HTTP/1.1 {status}\r\n{}Content-Length: {}\r\n\r\n{body}", fields.concat(), body.len());
    Reply::Send(text.into_bytes())
}

async fn serve(mut stream: impl AsyncRead + AsyncWrite + Unpin, replies: &Replies, log: &Mutex<Vec<Seen>>) {
    let mut read = Vec::new();
    while let Some(seen) = next(&mut stream, &mut read).await {
        log.lock().unwrap().push(seen.clone());
        match replies(&seen) {
            Reply::Send(bytes) => {
                if stream.write_all(&bytes).await.is_err() {
                    return;
                }
            }
            Reply::SendAndClose(bytes) => {
                let _ = stream.write_all(&bytes).await;
                let _ = stream.shutdown().await;
                return;
            }
            Reply::Hang => std::future::pending().await,
        }
    }
}

/// Reads one request; `None` at the end.
async fn next(stream: &mut (impl AsyncRead + Unpin), read: &mut Vec<u8>) -> Option<Seen> {
    loop {
        let end = read.windows(4).position(|window| window == b"\r\n\r\n");
        if let Some(end) = end {
            let head = String::from_utf8(read[..end].to_vec()).unwrap();
            let seen = Seen { head, body: String::new() };
            let length: usize = seen.header("Content-Length").map_or(0, |length| length.parse().unwrap());
            if read.len() >= end + 4 + length {
                let body = String::from_utf8(read[end + 4..end + 4 + length].to_vec()).unwrap();
                read.drain(..end + 4 + length);
                return Some(Seen { body, ..seen });
            }
        }
        if stream.read_buf(read).await.ok()? == 0 {
            return None;
        }
    }
}

/// A private CA, with one certificate for 127.0.0.1.
pub(crate) struct Ca {
    issuer: CertifiedIssuer<'static, KeyPair>,
    not_after: Option<(i32, u8, u8)>,
}

impl Ca {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        Self { issuer, not_after: None }
    }

    /// Makes a CA whose servers' certificates have expired.
    pub(crate) fn of_the_past() -> Self {
        Self { not_after: Some((2020, 1, 1)), ..Self::new() }
    }

    /// Returns its certificate.
    pub(crate) fn pem(&self) -> Vec<u8> {
        self.issuer.pem().into_bytes()
    }

    /// Returns a new certificate for 127.0.0.1 and its key, in PEM.
    pub(crate) fn certificate(&self) -> (String, String) {
        self.certificate_for("127.0.0.1")
    }

    /// Returns a new certificate for another address and its key, in PEM.
    pub(crate) fn certificate_for(&self, address: &str) -> (String, String) {
        let (certificate, key) = self.issue(address);
        (certificate.pem(), key.serialize_pem())
    }

    fn issue(&self, address: &str) -> (Certificate, KeyPair) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new([address.to_owned()]).unwrap();
        if let Some((year, month, day)) = self.not_after {
            params.not_before = rcgen::date_time_ymd(year - 1, month, day);
            params.not_after = rcgen::date_time_ymd(year, month, day);
        }
        let issuer: &Issuer<'_, KeyPair> = &self.issuer;
        let certificate = params.signed_by(&key, issuer).unwrap();
        (certificate, key)
    }

    fn acceptor(&self) -> TlsAcceptor {
        let (certificate, key) = self.issue("127.0.0.1");
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let config = config.with_no_client_auth().with_single_cert(vec![certificate.der().clone()], key).unwrap();
        TlsAcceptor::from(Arc::new(config))
    }
}
