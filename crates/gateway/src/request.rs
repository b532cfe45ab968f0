//! What comes into the decision and what goes out of it: the client's head, and the request to forward.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use http::{HeaderMap, HeaderValue, Method, Uri, Version, uri::PathAndQuery};

/// A client's request head, as parsed: nothing is believed yet.
#[derive(Debug)]
pub struct RequestHead {
    /// The method.
    pub method: Method,
    /// The target, as sent.
    pub uri: Uri,
    /// HTTP/1.x or HTTP/2.
    pub version: Version,
    /// All fields, in order.
    pub headers: HeaderMap,
    /// The other end of the connection.
    pub peer: SocketAddr,
    /// True when the connection is TLS.
    pub is_secure: bool,
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
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Which pool of connections.
    pub pool: PoolId,
    /// The protocol.
    pub upstream: Upstream,
    /// Host name or address, without brackets.
    pub host: Box<str>,
    /// The port.
    pub port: u16,
    /// The `Host` field.
    pub authority: HeaderValue,
    /// PEM of the CA certificates to trust instead of the system's.
    pub trusted_ca: Option<Arc<[u8]>>,
    /// How long connecting may take.
    pub connect_timeout: Duration,
    /// How long the backend may take to answer, and between two reads of its body.
    pub response_timeout: Duration,
}

/// Everything needed to forward a request. The only source of the outgoing head.
#[derive(Debug)]
pub struct Forward {
    /// Where to.
    pub endpoint: Arc<Endpoint>,
    /// The method.
    pub method: Method,
    /// The normal path, rebased on the endpoint, with the query untouched.
    pub path_and_query: PathAndQuery,
    /// The fields: the client's less what must not pass, plus ours. `Host` included; framing fields are not.
    pub headers: HeaderMap,
}
