//! Counters of one worker, which only that worker writes: a request costs plain loads and stores, a scrape sums up.
//!
//! Label values come from the configuration or from closed enums, never from a request, so their number is bounded.

mod render;
mod streams;

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use foldhash::fast::RandomState;
use http::StatusCode;

use crate::audit::AuditCounts;
pub use render::Exposition;
pub(crate) use streams::StreamCounts;

/// Upper bounds of the duration histograms, in microseconds.
pub(crate) const DURATION_BOUNDS: [u64; 13] =
    [250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 5_000_000];

/// The counters of a running data plane.
#[derive(Clone, Debug)]
pub struct DataMetrics {
    pub(crate) workers: Vec<Arc<WorkerMetrics>>,
    pub(crate) audit: Arc<AuditCounts>,
}

impl DataMetrics {
    /// Writes all of them.
    pub fn render(&self, text: &mut Exposition) {
        render::render(text, &self.workers);
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

/// A number with one writer.
#[derive(Debug, Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    /// Adds; only the owning worker may.
    pub(crate) fn add(&self, count: u64) {
        self.0.store(self.0.load(Ordering::Relaxed).wrapping_add(count), Ordering::Relaxed);
    }

    /// Takes one away; only the owning worker may.
    pub(crate) fn remove_one(&self) {
        self.0.store(self.0.load(Ordering::Relaxed).saturating_sub(1), Ordering::Relaxed);
    }

    pub(crate) fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// How long requests took.
#[derive(Debug, Default)]
pub(crate) struct Histogram {
    buckets: [Count; DURATION_BOUNDS.len()],
    count: Count,
    sum_micros: Count,
}

impl Histogram {
    pub(crate) fn observe(&self, duration: Duration) {
        // In 64 bits: `as_micros` multiplies in 128.
        let micros = duration.as_secs().saturating_mul(1_000_000).saturating_add(u64::from(duration.subsec_micros()));
        let bucket = DURATION_BOUNDS.iter().zip(&self.buckets).find(|(bound, _)| micros <= **bound);
        if let Some((_, bucket)) = bucket {
            bucket.add(1);
        }
        self.count.add(1);
        self.sum_micros.add(micros);
    }
}

/// What happened to the calls of one operation.
#[derive(Debug)]
pub(crate) struct OperationCounts {
    pub(crate) api: Arc<str>,
    pub(crate) operation: Arc<str>,
    /// By status class; index 0: abandoned without an answer.
    classes: [Count; 6],
    /// Those that Envoy forwards: what came of them, Envoy knows.
    allowed: Count,
    durations: Histogram,
}

impl OperationCounts {
    fn new(api: Arc<str>, operation: Arc<str>) -> Self {
        Self { api, operation, classes: Default::default(), allowed: Count::default(), durations: Histogram::default() }
    }

    pub(crate) fn count(&self, status: Option<StatusCode>, duration: Duration) {
        let class = status.map_or(0, |status| usize::from(status.as_u16() / 100));
        if let Some(count) = self.classes.get(class) {
            count.add(1);
        }
        self.durations.observe(duration);
    }

    pub(crate) fn count_allowed(&self, duration: Duration) {
        self.allowed.add(1);
        self.durations.observe(duration);
    }
}

/// The counters of one API, by operation.
type OperationsOfApi = HashMap<Arc<str>, Arc<OperationCounts>, RandomState>;

/// All counters of one worker.
#[derive(Debug, Default)]
pub(crate) struct WorkerMetrics {
    pub(crate) connections: Count,
    pub(crate) open_connections: Count,
    pub(crate) open_requests: Count,
    pub(crate) request_bytes: Count,
    pub(crate) response_bytes: Count,
    /// Requests that carried a Backend JWT.
    pub(crate) with_jwt: Count,
    pub(crate) streams: StreamCounts,
    operations: Mutex<HashMap<Arc<str>, OperationsOfApi, RandomState>>,
    refusals: Mutex<BTreeMap<&'static str, u64>>,
    upstream_errors: Mutex<BTreeMap<&'static str, u64>>,
    upstream_retries: Mutex<BTreeMap<&'static str, u64>>,
    mirrored: Mutex<BTreeMap<&'static str, u64>>,
    /// By host and port, which come from the configuration.
    endpoint_rests: Mutex<BTreeMap<String, u64>>,
}

impl WorkerMetrics {
    /// Returns the counters of an operation.
    pub(crate) fn operation(&self, api: &str, operation: &str) -> Arc<OperationCounts> {
        let mut operations = self.operations.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(counts) = operations.get(api).and_then(|operations| operations.get(operation)) {
            return Arc::clone(counts);
        }
        let counts = Arc::new(OperationCounts::new(api.into(), operation.into()));
        let of_api = operations.entry(Arc::clone(&counts.api)).or_default();
        of_api.insert(Arc::clone(&counts.operation), Arc::clone(&counts));
        counts
    }

    /// Counts an answer of our own by its stable code.
    pub(crate) fn refused(&self, code: &'static str) {
        increment(&self.refusals, code);
    }

    /// Counts a call that is sent again, by the reason.
    pub(crate) fn retried(&self, reason: &'static str) {
        increment(&self.upstream_retries, reason);
    }

    /// Counts a copy of a call, by what came of it.
    pub(crate) fn mirrored(&self, outcome: &'static str) {
        increment(&self.mirrored, outcome);
    }

    /// Counts an endpoint that is left alone from now on.
    pub(crate) fn endpoint_rested(&self, host: &str, port: u16) {
        let mut rests = self.endpoint_rests.lock().unwrap_or_else(PoisonError::into_inner);
        *rests.entry(format!("{host}:{port}")).or_default() += 1;
    }

    /// Counts a backend that gave no answer.
    pub(crate) fn upstream_failed(&self, label: &'static str) {
        increment(&self.upstream_errors, label);
    }
}

fn increment(counts: &Mutex<BTreeMap<&'static str, u64>>, label: &'static str) {
    *counts.lock().unwrap_or_else(PoisonError::into_inner).entry(label).or_default() += 1;
}
