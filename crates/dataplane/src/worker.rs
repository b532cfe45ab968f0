//! One worker: a single-threaded runtime on a thread of its own, with its own listeners, upstream connections, timers,
//! counters and audit buffer. Workers share nothing that a request writes.

use std::{
    cell::{Cell, RefCell},
    future::Future,
    hash::{BuildHasher, Hasher, RandomState},
    ops::Deref,
    rc::Rc,
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use http::HeaderValue;
use tokio::{
    net::TcpListener,
    sync::Notify,
    task::{JoinHandle, JoinSet},
};

use crate::{
    audit::AuditBuffer,
    client::Role,
    clock, connection,
    decision::WorkerDecisions,
    exchange::{Ending, Record},
    metrics::WorkerMetrics,
    proxy::AdmittedNames,
    server::{Phase, Plan, Settings},
    streams::{Room, Streams, hear},
    timers::Timers,
    tls::TlsIdentity,
    upstream::{AGE, Upstreams},
};

/// Bytes of a WebSocket that are read at once.
const SCRATCH: usize = 16 * 1024;
/// Audit lines wait at most this long for company.
const AUDIT_DELAY: Duration = Duration::from_millis(50);
/// After a failed accept: usually no file descriptors are left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// How long streams may take to end properly after the grace time.
const ENDING_STREAMS: Duration = Duration::from_secs(3);

/// How long the tasks that the grace time cut off may take to be dropped.
const CUTTING_OFF: Duration = Duration::from_secs(1);

/// What the requests of one worker share.
#[derive(Debug)]
pub(crate) struct Worker {
    pub(crate) decisions: WorkerDecisions,
    pub(crate) upstreams: Upstreams,
    pub(crate) timers: Rc<Timers>,
    pub(crate) streams: Streams,
    /// What all workers' open streams share.
    pub(crate) room: Room,
    pub(crate) metrics: Arc<WorkerMetrics>,
    pub(crate) ids: RequestIds,
    pub(crate) admitted: RefCell<AdmittedNames>,
    /// Copies of calls that are on their way to mirrors.
    pub(crate) copies_under_way: Cell<usize>,
    /// Where the bytes of open streams pass through.
    pub(crate) scratch: RefCell<Box<[u8]>>,
    pub(crate) settings: Arc<Settings>,
    audit: AuditBuffer,
    is_draining: Cell<bool>,
    drain: Notify,
    live_connections: Cell<usize>,
    all_closed: Notify,
}

/// One of a worker's listeners.
#[derive(Clone, Debug)]
pub(crate) struct Listening {
    pub(crate) role: Role,
    pub(crate) tls: Option<Arc<TlsIdentity>>,
}

impl Worker {
    /// Writes what became of a request.
    pub(crate) fn record(&self, record: &Record) {
        let metrics = &self.metrics;
        metrics.open_requests.remove_one();
        metrics.request_bytes.add(record.request_bytes);
        metrics.response_bytes.add(record.response_bytes);
        if record.told.has_jwt() {
            metrics.with_jwt.add(1);
        }
        if let Some(code) = record.code {
            metrics.refused(code);
        }
        if let Some(kind) = record.stream {
            metrics.streams.closed(kind, record.ending.by());
        }
        record.told.with_operation(metrics, |operation| {
            if let Some(operation) = operation {
                // How long a stream is open says nothing about how fast an operation answers.
                let duration = record.answered.filter(|_| record.stream.is_some()).unwrap_or(record.ended);
                match record.ending {
                    Ending::HandedOver => operation.counts.count_allowed(duration),
                    _ => operation.counts.count(record.status, duration),
                }
            }
            self.audit.record(record, operation.map(|operation| &operation.text));
        });
    }

    /// True from the start of the shutdown.
    pub(crate) fn is_draining(&self) -> bool {
        self.is_draining.get()
    }

    /// Returns a future that wakes whoever polled it when the shutdown starts.
    pub(crate) fn drained(&self) -> tokio::sync::futures::Notified<'_> {
        self.drain.notified()
    }

    fn drain(&self) {
        self.is_draining.set(true);
        self.drain.notify_waiters();
    }
}

/// The worker, as one of its connections holds it: counted while it is open.
#[derive(Debug)]
pub(crate) struct Open(Rc<Worker>);

impl Open {
    fn new(worker: &Rc<Worker>) -> Self {
        worker.live_connections.set(worker.live_connections.get() + 1);
        worker.metrics.connections.add(1);
        worker.metrics.open_connections.add(1);
        Self(Rc::clone(worker))
    }
}

impl Deref for Open {
    type Target = Rc<Worker>;

    fn deref(&self) -> &Rc<Worker> {
        &self.0
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.metrics.open_connections.remove_one();
        let left = self.0.live_connections.get().saturating_sub(1);
        self.0.live_connections.set(left);
        if left == 0 {
            self.0.all_closed.notify_one();
        }
    }
}

/// Runs one worker until it is told to stop, and then until its connections are closed or the grace time is over.
pub(crate) async fn run(plan: Plan) {
    let Plan { decisions, settings, tls_clients, metrics, room, audit, listeners, mut phase } = plan;
    let worker = Rc::new(Worker {
        decisions: decisions.for_worker(),
        upstreams: Upstreams::new(tls_clients, settings.most_idle_upstreams, settings.upstream_idle),
        timers: Rc::default(),
        streams: Streams::default(),
        room,
        metrics,
        ids: RequestIds::new(),
        admitted: RefCell::default(),
        copies_under_way: Cell::new(0),
        scratch: RefCell::new(vec![0; SCRATCH].into()),
        settings,
        audit,
        is_draining: Cell::new(false),
        drain: Notify::new(),
        live_connections: Cell::new(0),
        all_closed: Notify::new(),
    });
    let mut tasks = vec![tokio::task::spawn_local(look_around(Rc::clone(&worker)))];
    if let Some(revocations) = worker.decisions.revocations() {
        tasks.push(tokio::task::spawn_local(hear(revocations, Rc::clone(&worker))));
    }
    tasks.push(tokio::task::spawn_local(flush_audit(Rc::clone(&worker))));
    let accepting = accept_all(&worker, listeners);
    let Ok(Phase::Draining(grace)) = phase.wait_for(|phase| *phase != Phase::Running).await.map(|phase| *phase) else {
        return;
    };
    worker.drain();
    if worker.live_connections.get() > 0 {
        let _ = tokio::time::timeout(grace, worker.all_closed.notified()).await;
    }
    if worker.live_connections.get() > 0 && worker.streams.shut_down() {
        let _ = tokio::time::timeout(ENDING_STREAMS, worker.all_closed.notified()).await;
    }
    for task in accepting {
        task.abort();
        let _ = task.await;
    }
    // What the grace time cut off is recorded when its task is dropped.
    let _ = tokio::time::timeout(CUTTING_OFF, async {
        while worker.live_connections.get() > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    worker.upstreams.close();
    for task in tasks {
        task.abort();
    }
    worker.audit.flush();
}

fn accept_all(worker: &Rc<Worker>, listeners: Vec<(std::net::TcpListener, Listening)>) -> Vec<JoinHandle<()>> {
    let mut accepting = Vec::new();
    for (listener, listening) in listeners {
        match TcpListener::from_std(listener) {
            Ok(listener) => accepting.push(tokio::task::spawn_local(accept(Rc::clone(worker), listener, listening))),
            Err(error) => tracing::error!(%error, "a listener cannot be used"),
        }
    }
    accepting
}

/// Accepts connections until the shutdown, then waits for them; aborted, it ends them.
async fn accept(worker: Rc<Worker>, listener: TcpListener, listening: Listening) {
    let mut serving = JoinSet::new();
    while !worker.is_draining() {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_) = serving.join_next() => continue,
            () = worker.drained() => break,
        };
        match accepted {
            Ok((stream, peer)) => {
                serving.spawn_local(connection::serve(Open::new(&worker), stream, peer, listening.clone()));
            }
            Err(error) => {
                tracing::warn!(%error, "a connection cannot be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    while serving.join_next().await.is_some() {}
}

/// Looks at idle connections to backends and at open streams, every now and then.
async fn look_around(worker: Rc<Worker>) {
    let mut interval = tokio::time::interval(AGE);
    loop {
        interval.tick().await;
        worker.timers.tick();
        worker.upstreams.age();
        worker.streams.look(clock::now());
    }
}

async fn flush_audit(worker: Rc<Worker>) {
    loop {
        worker.audit.lines().await;
        tokio::time::sleep(AUDIT_DELAY).await;
        worker.audit.flush();
    }
}

/// Makes request ids: 128 bits in hexadecimal, a random part for some of them and their number.
///
/// Made by the hundred: an id is a slice of their common text, which costs less than a text of its own.
#[derive(Debug)]
pub(crate) struct RequestIds {
    random: RandomState,
    made: RefCell<Bytes>,
}

/// Ids in one text: all that a byte can number.
const IDS_AT_ONCE: usize = 256;
const ID_LENGTH: usize = 32;

impl RequestIds {
    fn new() -> Self {
        Self { random: RandomState::new(), made: RefCell::default() }
    }

    pub(crate) fn next(&self) -> HeaderValue {
        let mut made = self.made.borrow_mut();
        if made.is_empty() {
            *made = self.make();
        }
        HeaderValue::from_maybe_shared(made.split_to(ID_LENGTH)).unwrap_or(HeaderValue::from_static("none"))
    }

    /// Makes the next ids. The random numbers are fresh, from the standard library's keyed hash.
    fn make(&self) -> Bytes {
        let random = || RandomState::new().build_hasher().finish();
        let (first, second) = (hexadecimal(random()), hexadecimal(self.random.hash_one(random())));
        let (second, _) = second.split_at(14);
        let mut text = Vec::with_capacity(ID_LENGTH * IDS_AT_ONCE);
        for number in 0..=u8::MAX {
            text.extend_from_slice(&first);
            text.extend_from_slice(second);
            text.extend_from_slice(&[digit(number >> 4), digit(number & 0xf)]);
        }
        Bytes::from(text)
    }
}

fn hexadecimal(number: u64) -> [u8; 16] {
    let mut text = [0; 16];
    for (place, letter) in text.iter_mut().rev().enumerate() {
        *letter = digit((number >> (place * 4) & 0xf) as u8);
    }
    text
}

fn digit(nibble: u8) -> u8 {
    if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 }
}

/// Spawns hyper's tasks on the worker's own thread.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LocalExecutor;

impl<F> hyper::rt::Executor<F> for LocalExecutor
where
    F: Future + 'static,
{
    fn execute(&self, task: F) {
        tokio::task::spawn_local(task);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn request_ids_are_32_hexadecimal_digits_and_differ() {
        let ids = RequestIds::new();
        let made: HashSet<HeaderValue> = (0..1000).map(|_| ids.next()).collect();
        assert_eq!(made.len(), 1000);
        for id in made {
            let text = id.to_str().unwrap();
            assert!(text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit()), "{text}");
        }
    }
}
