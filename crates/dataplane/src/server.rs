//! The running data plane: listeners bound once, one worker per core on each of them, and a shutdown that drains.
//!
//! Every worker has a listening socket of its own on the same port (`SO_REUSEPORT`), so the kernel spreads connections and
//! no accept is contended.

mod listen;

use std::{
    io,
    net::SocketAddr,
    num::NonZeroUsize,
    sync::Arc,
    thread::JoinHandle,
    time::{Duration, Instant},
};

use thiserror::Error;
use tokio::{runtime::LocalOptions, sync::watch};

use crate::{
    audit::{AuditBuffer, AuditLog, AuditNotes, RecentLines},
    client::{Patience, Role},
    decision::Decisions,
    metrics::WorkerMetrics,
    streams::Room,
    tls::TlsIdentity,
    upstream::TlsClients,
    worker::{self, Listening},
};

/// Why the data plane cannot start.
#[derive(Debug, Error)]
pub enum StartError {
    /// An address that cannot be listened on.
    #[error("cannot listen on `{address}`")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// No thread or runtime can be had.
    #[error("cannot start a worker")]
    Worker(#[source] io::Error),
}

/// One address to serve on.
#[derive(Clone, Debug)]
pub struct Listener {
    /// The address; port 0 takes any free port.
    pub address: SocketAddr,
    /// What is served.
    pub role: Role,
    /// The certificate; `None`: clear text.
    pub tls: Option<Arc<TlsIdentity>>,
}

/// How the data plane runs.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How many workers; one per core is best.
    pub workers: NonZeroUsize,
    /// How long clients may take.
    pub patience: Patience,
    /// The longest request head in bytes.
    pub largest_head: usize,
    /// The most fields of a request head (HTTP/1.1; HTTP/2 is bounded by bytes).
    pub most_fields: usize,
    /// Concurrent requests of one HTTP/2 connection.
    pub most_streams: u32,
    /// Idle connections that each worker keeps to one backend.
    pub most_idle_upstreams: usize,
    /// How long they may be idle.
    pub upstream_idle: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            workers: std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
            patience: Patience::default(),
            largest_head: 64 * 1024,
            most_fields: crate::connection::FIELDS_ON_STACK,
            most_streams: 128,
            most_idle_upstreams: 128,
            upstream_idle: Duration::from_secs(50),
        }
    }
}

/// What all workers are told to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Running,
    /// Finish what is under way, for at most this long.
    Draining(Duration),
}

/// Everything that one worker needs.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) decisions: Decisions,
    pub(crate) settings: Arc<Settings>,
    pub(crate) tls_clients: Arc<TlsClients>,
    pub(crate) metrics: Arc<WorkerMetrics>,
    pub(crate) room: Room,
    pub(crate) audit: AuditBuffer,
    pub(crate) listeners: Vec<(std::net::TcpListener, Listening)>,
    pub(crate) phase: watch::Receiver<Phase>,
}

/// The running data plane.
#[derive(Debug)]
pub struct Server {
    addresses: Vec<SocketAddr>,
    phase: watch::Sender<Phase>,
    workers: Vec<JoinHandle<()>>,
    metrics: Vec<Arc<WorkerMetrics>>,
    audit: AuditLog,
}

impl Server {
    /// Binds every listener and starts the workers. Connections are accepted from then on.
    ///
    /// # Errors
    ///
    /// [`StartError`] when an address is taken or no thread can be had.
    pub fn start(
        listeners: &[Listener],
        settings: Settings,
        decisions: &Decisions,
        audit: AuditLog,
    ) -> Result<Self, StartError> {
        let count = settings.workers.get();
        let (addresses, sockets) = listen::bind_all(listeners, count)?;
        let (phase, receiver) = watch::channel(Phase::Running);
        let settings = Arc::new(settings);
        let (tls_clients, room) = (Arc::new(TlsClients::default()), Room::default());
        let mut server = Self { addresses, phase, workers: Vec::new(), metrics: Vec::new(), audit };
        for (index, listeners) in sockets.into_iter().enumerate() {
            let metrics = Arc::new(WorkerMetrics::default());
            server.metrics.push(Arc::clone(&metrics));
            let plan = Plan {
                decisions: decisions.clone(),
                settings: Arc::clone(&settings),
                tls_clients: Arc::clone(&tls_clients),
                metrics,
                room: room.clone(),
                audit: server.audit.buffer(),
                listeners,
                phase: receiver.clone(),
            };
            server.workers.push(spawn(index, plan).map_err(StartError::Worker)?);
        }
        Ok(server)
    }

    /// Returns the bound addresses, in the listeners' order.
    pub fn local_addrs(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Returns what the metrics are made of.
    pub fn metrics(&self) -> crate::metrics::DataMetrics {
        crate::metrics::DataMetrics { workers: self.metrics.clone(), audit: self.audit.counts() }
    }

    /// Returns the last lines of the audit log.
    pub fn recent_lines(&self) -> Arc<RecentLines> {
        self.audit.recent()
    }

    /// Returns a way to write operators' acts into the audit log.
    pub fn audit_notes(&self) -> AuditNotes {
        self.audit.notes()
    }

    /// Stops accepting, finishes the requests under way for at most `grace`, writes the audit log out for at most five
    /// seconds, and returns.
    ///
    /// Blocks the calling thread.
    pub fn shutdown(self, grace: Duration) {
        self.phase.send_replace(Phase::Draining(grace));
        let until = Instant::now() + grace + LAST_LINES;
        for worker in self.workers {
            match ended(worker, until) {
                Ended::Well => {}
                Ended::Failed => tracing::error!("a worker failed"),
                Ended::Not => tracing::error!("a worker does not end: it waits for the audit log"),
            }
        }
        self.audit.finish(Instant::now() + LAST_LINES);
    }
}

/// How long whoever reads the audit log may take for its last lines.
const LAST_LINES: Duration = Duration::from_secs(5);

/// How a thread ended.
pub(crate) enum Ended {
    Well,
    Failed,
    Not,
}

/// Waits for a thread until then.
pub(crate) fn ended(thread: JoinHandle<()>, until: Instant) -> Ended {
    let (end, is_ended) = std::sync::mpsc::sync_channel(1);
    std::thread::spawn(move || end.send(thread.join().is_ok()));
    match is_ended.recv_timeout(until.saturating_duration_since(Instant::now())) {
        Ok(true) => Ended::Well,
        Ok(false) => Ended::Failed,
        Err(_) => Ended::Not,
    }
}

/// Starts one worker's thread; its runtime is made here, so that a failure is seen before anything is served.
fn spawn(index: usize, plan: Plan) -> io::Result<JoinHandle<()>> {
    let (ready, is_ready) = std::sync::mpsc::sync_channel(1);
    let thread = std::thread::Builder::new().name(format!("worker-{index}")).spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build_local(LocalOptions::default());
        match runtime {
            Ok(runtime) => {
                let _ = ready.send(Ok(()));
                runtime.block_on(worker::run(plan));
                runtime.shutdown_background();
            }
            Err(error) => {
                let _ = ready.send(Err(error));
            }
        }
    })?;
    match is_ready.recv() {
        Ok(started) => started.map(|()| thread),
        Err(_) => Err(io::Error::other("the worker's thread ended")),
    }
}
