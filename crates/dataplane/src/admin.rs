//! The admin listener: health, readiness, metrics, invalidation and reload, for operators and their machines.
//!
//! Runs on the binary's background runtime, never on a worker. Browsers are refused, so that no web page can reach it through
//! its reader: whatever names an `Origin`, and on a loopback listener every other `Host`.

mod routes;

use std::{fmt, io, net::SocketAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{net::TcpListener, task::JoinHandle};

use crate::{
    audit::AuditCounts,
    metrics::{self, Exposition, WorkerMetrics},
};

const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// The counters of a running data plane.
#[derive(Clone, Debug)]
pub struct DataMetrics {
    pub(crate) workers: Vec<Arc<WorkerMetrics>>,
    pub(crate) audit: Arc<AuditCounts>,
}

impl DataMetrics {
    fn render(&self, text: &mut Exposition) {
        metrics::render(text, &self.workers);
        text.single(
            "countersign_audit_dropped_total",
            "counter",
            "Audit lines dropped because they could not be written fast enough.",
            self.audit.dropped(),
        );
        text.single(
            "countersign_audit_failed_total",
            "counter",
            "Audit lines whose writing failed.",
            self.audit.failed(),
        );
    }
}

/// Whether traffic should be sent here, and what there is to say about it.
#[derive(Clone, Debug)]
pub struct Readiness {
    /// False answers 503.
    pub is_ready: bool,
    /// The JSON document of `/readyz`.
    pub body: String,
}

/// What an invalidation is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalidation {
    /// The user store; `None`: all of them.
    pub store: Option<String>,
    /// The user, as it is looked up; `None`: all of the store's.
    pub user: Option<String>,
}

/// An operator's word about how old a store's answers may be while it is down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreHold {
    /// The user store.
    pub store: String,
    /// The age, such as `4h`; `None`: as configured.
    pub stale: Option<String>,
}

/// Why an operator's request was not done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// What was named does not exist.
    Unknown(String),
    /// It was tried and did not work.
    Failed(String),
}

type Act<I> = dyn Fn(I) -> Result<String, Refusal> + Send + Sync;

/// What the admin listener asks the rest of the process.
#[derive(Clone)]
pub struct AdminSource {
    /// Says whether the gateway is ready.
    pub readiness: Arc<dyn Fn() -> Readiness + Send + Sync>,
    /// Adds the metrics that are not the data plane's.
    pub metrics: Arc<dyn Fn(&mut Exposition) + Send + Sync>,
    /// Forgets attributes; answers a JSON document.
    pub invalidate: Arc<Act<Invalidation>>,
    /// Reads the configuration again; answers a JSON document. May block.
    pub reload: Arc<Act<()>>,
    /// Says how each user store is doing: a JSON document.
    pub stores: Arc<dyn Fn() -> String + Send + Sync>,
    /// Lets a store's old answers serve, or ends that; answers a JSON document.
    pub hold: Arc<Act<StoreHold>>,
    /// Explains a caller's Backend JWTs; a JSON question, a JSON answer. May block.
    pub explain: Arc<Act<Bytes>>,
}

impl fmt::Debug for AdminSource {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("AdminSource")
    }
}

/// The running admin listener. Dropping it stops it.
#[derive(Debug)]
pub struct Admin {
    address: SocketAddr,
    accepting: JoinHandle<()>,
}

impl Admin {
    /// Binds the listener and serves on the current runtime.
    ///
    /// # Errors
    ///
    /// When the address cannot be listened on.
    pub async fn start(address: SocketAddr, data: DataMetrics, source: AdminSource) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let state = Arc::new(routes::State { data, source, is_loopback: address.ip().is_loopback() });
        let accepting = tokio::spawn(accept(listener, state));
        Ok(Self { address, accepting })
    }

    /// Returns the bound address.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Admin {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, state: Arc<routes::State>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let state = Arc::clone(&state);
                tokio::spawn(async move {
                    let service = service_fn(move |request| routes::answer(Arc::clone(&state), request));
                    let connection = http1::Builder::new()
                        .timer(TokioTimer::new())
                        .header_read_timeout(HEAD_TIMEOUT)
                        .serve_connection(TokioIo::new(stream), service);
                    if let Err(error) = connection.await {
                        tracing::debug!(%error, "an admin connection ended");
                    }
                });
            }
            Err(error) => {
                tracing::warn!(%error, "an admin connection cannot be accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}
