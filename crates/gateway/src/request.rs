//! What comes into the decision: the client's head; and the endpoints that a request may be forwarded to.

use std::{
    net::SocketAddr,
    sync::{Arc, OnceLock},
    time::{Duration, SystemTime},
};

use http::{HeaderValue, request::Parts};

use crate::{client_certificate::ClientCertificate, resilience::Resilience};

/// One client connection, as its requests see it.
#[derive(Clone, Debug)]
pub struct Connection {
    /// The other end.
    pub peer: SocketAddr,
    /// The other end's address, ready for `X-Forwarded-For`.
    pub peer_field: HeaderValue,
    /// True when the connection is TLS.
    pub is_secure: bool,
    /// What the client showed in the handshake; set once, before the first request.
    certificate: OnceLock<ClientCertificate>,
}

impl Connection {
    /// Describes a connection that was just accepted.
    pub fn new(peer: SocketAddr, is_secure: bool) -> Self {
        let text = peer.ip().to_canonical().to_string();
        let peer_field = HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static("unknown"));
        Self { peer, peer_field, is_secure, certificate: OnceLock::new() }
    }

    /// Notes the certificate that the client showed in the handshake; the first one counts.
    pub fn show(&self, certificate: ClientCertificate) {
        let _ = self.certificate.set(certificate);
    }

    /// Returns the certificate that the client showed in the handshake: it holds the key, and nothing else is said of it.
    pub fn certificate(&self) -> Option<&ClientCertificate> {
        self.certificate.get()
    }
}

/// A client's request head: as parsed, nothing is believed yet; in a [`Forward`](crate::Forward), what goes to the backend.
///
/// Boxed from end to end: a head is large, and every step hands it on.
#[derive(Debug)]
pub struct RequestHead {
    /// Method, target, version and all fields, as sent.
    pub parts: Parts,
    /// The connection it came on.
    pub connection: Arc<Connection>,
    /// The request's id, for the backend and the audit record.
    pub request_id: HeaderValue,
}

/// The pool of connections that an endpoint uses: equal for endpoints with equal address, protocol and trust, for the
/// life of the process. Small integers, dense from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PoolId(pub u32);

/// The protocol towards an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Upstream {
    /// `http://`, HTTP/1.1.
    Http1,
    /// `http://`, HTTP/2 with prior knowledge (gRPC).
    Http2,
    /// `https://`, HTTP/2 or HTTP/1.1 by ALPN.
    Tls,
}

/// One backend address of an API.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// Which pool of connections.
    pub pool: PoolId,
    /// The protocol.
    pub upstream: Upstream,
    /// Host name or address, without brackets.
    pub host: Box<str>,
    /// The port.
    pub port: u16,
    /// What stands before every path, without a final slash; empty for none.
    pub path: Box<str>,
    /// The `Host` field.
    pub authority: HeaderValue,
    /// PEM of the CA certificates to trust instead of the system's.
    pub trusted_ca: Option<Arc<[u8]>>,
    /// How long connecting may take.
    pub connect_timeout: Duration,
    /// How long the backend may take to answer, and between two reads of its body.
    pub response_timeout: Duration,
    /// What is done when it fails; `None`: the client is told.
    pub resilience: Option<Box<Resilience>>,
}

impl Endpoint {
    /// True while it is left alone.
    pub(crate) fn is_resting(&self, now: SystemTime) -> bool {
        self.resilience.as_ref().is_some_and(|resilience| resilience.state.is_resting(now))
    }
}
