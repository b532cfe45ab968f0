//! A running proxy whose decisions are the test's: everything is forwarded, but for a few paths that are refused.

use std::{
    io::Write,
    net::SocketAddr,
    num::NonZeroUsize,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use dataplane::{
    AuditLog, AuditPressure, Decision, Decisions, Document, Facts, Listener, Role, Server, Settings, TlsIdentity,
};
use gateway::{
    Code, Endpoint, FieldClass, FieldRules, Forward, PoolId, Rejection, RequestHead, Upstream, WebSocketHandshake,
};
use http::{HeaderName, HeaderValue, header::HOST};

use crate::backend::SOON;

/// In a request: after how many milliseconds its caller's say is over.
pub(crate) const LASTS: &str = "x-lasts";

pub(crate) const GRACE: Duration = Duration::from_secs(10);

/// What a test wants of the proxy.
pub(crate) struct Setup {
    pub(crate) endpoint: Endpoint,
    pub(crate) settings: Settings,
    pub(crate) tls: Option<Arc<TlsIdentity>>,
}

impl Setup {
    /// Forwards to an HTTP/1.1 backend, with one worker.
    pub(crate) fn to(backend: SocketAddr) -> Self {
        let endpoint = Endpoint {
            pool: PoolId(0),
            upstream: Upstream::Http1,
            host: backend.ip().to_string().into(),
            port: backend.port(),
            path: "".into(),
            authority: HeaderValue::from_str(&backend.to_string()).unwrap(),
            trusted_ca: None,
            connect_timeout: Duration::from_secs(5),
            response_timeout: Duration::from_secs(10),
            resilience: None,
        };
        let settings = Settings { workers: NonZeroUsize::MIN, ..Settings::default() };
        Self { endpoint, settings, tls: None }
    }

    pub(crate) fn upstream(mut self, upstream: Upstream) -> Self {
        self.endpoint.upstream = upstream;
        self
    }

    pub(crate) fn start(self) -> Proxy {
        let lines = Lines::default();
        let audit = AuditLog::start(lines.clone(), AuditPressure::Block).unwrap();
        let address = "127.0.0.1:0".parse().unwrap();
        let listeners =
            [Listener { address, role: Role::Data, tls: self.tls }, Listener { address, role: Role::Keys, tls: None }];
        let server = Server::start(&listeners, self.settings, &decisions(self.endpoint), audit).unwrap();
        let [data, keys] = server.local_addrs() else { panic!("two listeners") };
        Proxy { address: *data, keys: *keys, lines, server: Some(server) }
    }
}

/// A running proxy; stopped when dropped.
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    pub(crate) keys: SocketAddr,
    pub(crate) lines: Lines,
    server: Option<Server>,
}

impl Proxy {
    pub(crate) fn to(backend: SocketAddr) -> Self {
        Setup::to(backend).start()
    }

    pub(crate) fn server(&self) -> &Server {
        self.server.as_ref().unwrap()
    }

    /// Returns the one audit line of a request that has ended, or ends soon.
    pub(crate) fn line(&self) -> serde_json::Value {
        let deadline = std::time::Instant::now() + SOON;
        loop {
            if let Some(line) = self.lines.parsed().first() {
                return line.clone();
            }
            assert!(std::time::Instant::now() < deadline, "no audit line");
            std::thread::yield_now();
        }
    }

    /// Stops the proxy as an operator would, and returns its audit lines.
    pub(crate) fn stop(mut self, grace: Duration) -> Vec<serde_json::Value> {
        self.server.take().unwrap().shutdown(grace);
        self.lines.parsed()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        if let Some(server) = self.server.take() {
            server.shutdown(Duration::ZERO);
        }
    }
}

/// Where the audit log goes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    pub(crate) fn parsed(&self) -> Vec<serde_json::Value> {
        let bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        bytes
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty())
            .map(|line| serde_json::from_slice(line).unwrap())
            .collect()
    }
}

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn decisions(endpoint: Endpoint) -> Decisions {
    let fields = Arc::new(FieldRules::new([]));
    let endpoint = Arc::new(endpoint);
    let decide = move |head: Box<RequestHead>, now| {
        let stream_until = head.parts.headers.get(LASTS).map(|millis| now + lasting(millis));
        let outcome = match head.parts.uri.path() {
            "/deny" => Err(Rejection::new(Code::Unauthorized, "no credential")),
            "/missing" => Err(Rejection::new(Code::NotFound, "no API answers at this path")),
            _ => Ok(forward(head, &endpoint, &fields)),
        };
        let facts =
            Facts { operation: Some(("orders".into(), "GET /orders/*".into())), stream_until, ..Facts::default() };
        Box::pin(async move { Decision { outcome, facts } }) as _
    };
    Decisions::new(decide, |path| {
        (path == "/jwks").then(|| Document {
            body: Bytes::from_static(br#"{"keys":[]}"#),
            content_type: HeaderValue::from_static("application/jwk-set+json"),
            etag: HeaderValue::from_static("\"v1\""),
            cache_control: HeaderValue::from_static("max-age=600"),
        })
    })
}

/// What a gateway asks with for a client that has no key.
fn own_key() -> HeaderValue {
    HeaderValue::from_static("dGhlIHNhbXBsZSBub25jZQ==")
}

fn lasting(millis: &HeaderValue) -> Duration {
    Duration::from_millis(millis.to_str().unwrap().parse().unwrap())
}

fn forward(mut head: Box<RequestHead>, endpoint: &Arc<Endpoint>, fields: &Arc<FieldRules>) -> Forward {
    let headers = &mut head.parts.headers;
    let known: Vec<HeaderName> = headers.keys().filter(|name| fields.class(name).is_some()).cloned().collect();
    let key = headers.get("sec-websocket-key").cloned().or_else(|| headers.contains_key("upgrade").then(own_key));
    let websocket = key.filter(|_| head.parts.uri.path() == "/websocket").and_then(WebSocketHandshake::of_key);
    let takes_trailers = headers.get("te").is_some_and(|te| te == "trailers");
    for name in known {
        assert!(fields.class(&name) != Some(FieldClass::Framing) || name == HOST || headers.remove(&name).is_some());
        headers.remove(&name);
    }
    if takes_trailers && endpoint.upstream != Upstream::Http1 {
        headers.insert("te", HeaderValue::from_static("trailers"));
    }
    headers.insert(HOST, endpoint.authority.clone());
    headers.insert("x-jwt-assertion", HeaderValue::from_static("OURS"));
    if let Some(websocket) = &websocket {
        websocket.ask(headers);
    }
    let websocket = websocket.map(Box::new);
    head.parts.uri = head.parts.uri.path_and_query().unwrap().clone().into();
    Forward {
        endpoint: Arc::clone(endpoint),
        head,
        fields: Arc::clone(fields),
        websocket,
        treated: None,
        elsewhere: None,
        is_aside: false,
    }
}
