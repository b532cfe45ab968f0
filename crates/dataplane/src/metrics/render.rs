//! The Prometheus text format (0.0.4), summed over the workers.

use std::{
    collections::{BTreeMap, HashMap},
    fmt::Write,
    sync::{Arc, PoisonError},
};

use super::{Count, DURATION_BOUNDS, OperationCounts, WorkerMetrics};

const CLASSES: [&str; 6] = ["none", "1xx", "2xx", "3xx", "4xx", "5xx"];

/// Metrics in the Prometheus text format, under construction.
#[derive(Debug, Default)]
pub struct Exposition(String);

impl Exposition {
    /// Starts a metric.
    pub fn metric(&mut self, name: &str, kind: &str, help: &str) {
        let _ = write!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
    }

    /// Writes one sample.
    pub fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl std::fmt::Display) {
        self.0.push_str(name);
        for (index, (label, text)) in labels.iter().enumerate() {
            self.0.push(if index == 0 { '{' } else { ',' });
            let _ = write!(self.0, "{label}=\"");
            for letter in text.chars() {
                match letter {
                    '\\' => self.0.push_str(r"\\"),
                    '"' => self.0.push_str("\\\""),
                    '\n' => self.0.push_str("\\n"),
                    letter => self.0.push(letter),
                }
            }
            self.0.push('"');
        }
        if !labels.is_empty() {
            self.0.push('}');
        }
        let _ = writeln!(self.0, " {value}");
    }

    /// Writes a metric with one sample and no labels.
    pub fn single(&mut self, name: &str, kind: &str, help: &str, value: u64) {
        self.metric(name, kind, help);
        self.sample(name, &[], value);
    }

    /// Returns the text.
    pub fn into_text(self) -> String {
        self.0
    }
}

/// Writes everything that workers count.
pub(crate) fn render(text: &mut Exposition, workers: &[Arc<WorkerMetrics>]) {
    render_totals(text, workers);
    let operations = operations(workers);
    text.metric("countersign_requests_total", "counter", "Requests by operation and status class.");
    for counts in operations.values() {
        let by_status = CLASSES.iter().enumerate();
        let by_status = by_status.map(|(index, class)| (class, sum(counts, |counts| counts.classes.get(index))));
        for (class, total) in by_status.chain([(&"allowed", sum(counts, |counts| Some(&counts.allowed)))]) {
            if total > 0 {
                let labels = [labels(counts).as_slice(), &[("class", *class)]].concat();
                text.sample("countersign_requests_total", &labels, total);
            }
        }
    }
    text.metric("countersign_request_duration_seconds", "histogram", "Time from the head to the answer's last byte.");
    for counts in operations.values() {
        render_durations(text, counts);
    }
    super::streams::render(text, workers);
    text.metric("countersign_refusals_total", "counter", "Answers of the gateway itself, by code.");
    for (code, total) in labelled(workers, |worker| &worker.refusals) {
        text.sample("countersign_refusals_total", &[("code", code)], total);
    }
    text.metric("countersign_upstream_errors_total", "counter", "Backends that gave no answer, by reason.");
    for (reason, total) in labelled(workers, |worker| &worker.upstream_errors) {
        text.sample("countersign_upstream_errors_total", &[("reason", reason)], total);
    }
    render_resilience(text, workers);
}

fn render_resilience(text: &mut Exposition, workers: &[Arc<WorkerMetrics>]) {
    text.metric("countersign_upstream_retries_total", "counter", "Calls that were sent again, by reason.");
    for (reason, total) in labelled(workers, |worker| &worker.upstream_retries) {
        text.sample("countersign_upstream_retries_total", &[("reason", reason)], total);
    }
    text.metric("countersign_endpoint_rests_total", "counter", "Times that a failing endpoint was left alone.");
    for (endpoint, total) in labelled(workers, |worker| &worker.endpoint_rests) {
        text.sample("countersign_endpoint_rests_total", &[("endpoint", &endpoint)], total);
    }
    text.metric("countersign_mirrored_requests_total", "counter", "Copies of calls, by what came of them.");
    for (outcome, total) in labelled(workers, |worker| &worker.mirrored) {
        text.sample("countersign_mirrored_requests_total", &[("outcome", outcome)], total);
    }
}

fn render_totals(text: &mut Exposition, workers: &[Arc<WorkerMetrics>]) {
    let total = |count: fn(&WorkerMetrics) -> &Count| workers.iter().map(|worker| count(worker).value()).sum::<u64>();
    text.single(
        "countersign_connections_total",
        "counter",
        "Client connections accepted.",
        total(|worker| &worker.connections),
    );
    text.single(
        "countersign_open_connections",
        "gauge",
        "Client connections open.",
        total(|worker| &worker.open_connections),
    );
    text.single("countersign_open_requests", "gauge", "Requests under way.", total(|worker| &worker.open_requests));
    text.single(
        "countersign_request_body_bytes_total",
        "counter",
        "Bytes of request bodies.",
        total(|worker| &worker.request_bytes),
    );
    text.single(
        "countersign_response_body_bytes_total",
        "counter",
        "Bytes of answers' bodies.",
        total(|worker| &worker.response_bytes),
    );
    text.single(
        "countersign_requests_with_jwt_total",
        "counter",
        "Requests that carried a Backend JWT.",
        total(|worker| &worker.with_jwt),
    );
}

/// All workers' counters of each operation.
type Operations = BTreeMap<(Arc<str>, Arc<str>), Vec<Arc<OperationCounts>>>;

fn operations(workers: &[Arc<WorkerMetrics>]) -> Operations {
    let mut operations = Operations::new();
    for worker in workers {
        for counts in
            worker.operations.lock().unwrap_or_else(PoisonError::into_inner).values().flat_map(HashMap::values)
        {
            let key = (Arc::clone(&counts.api), Arc::clone(&counts.operation));
            operations.entry(key).or_default().push(Arc::clone(counts));
        }
    }
    operations
}

fn labels(counts: &[Arc<OperationCounts>]) -> [(&str, &str); 2] {
    counts
        .first()
        .map_or([("api", ""), ("operation", "")], |counts| [("api", &counts.api), ("operation", &counts.operation)])
}

fn sum(counts: &[Arc<OperationCounts>], of: impl Fn(&OperationCounts) -> Option<&Count>) -> u64 {
    counts.iter().filter_map(|counts| of(counts).map(Count::value)).sum()
}

fn render_durations(text: &mut Exposition, counts: &[Arc<OperationCounts>]) {
    const NAME: &str = "countersign_request_duration_seconds";
    let labels = labels(counts);
    let mut below = 0;
    for (index, bound) in DURATION_BOUNDS.iter().enumerate() {
        below += sum(counts, |counts| counts.durations.buckets.get(index));
        let bound = Duration(*bound).to_string();
        text.sample(&format!("{NAME}_bucket"), &[labels.as_slice(), &[("le", &bound)]].concat(), below);
    }
    let count = sum(counts, |counts| Some(&counts.durations.count));
    text.sample(&format!("{NAME}_bucket"), &[labels.as_slice(), &[("le", "+Inf")]].concat(), count);
    text.sample(&format!("{NAME}_sum"), &labels, Duration(sum(counts, |counts| Some(&counts.durations.sum_micros))));
    text.sample(&format!("{NAME}_count"), &labels, count);
}

/// Microseconds, written as seconds.
struct Duration(u64);

impl std::fmt::Display for Duration {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = format!("{}.{:06}", self.0 / 1_000_000, self.0 % 1_000_000);
        formatter.write_str(text.trim_end_matches('0').trim_end_matches('.'))
    }
}

fn labelled<L: Ord + Clone>(
    workers: &[Arc<WorkerMetrics>],
    counts: fn(&WorkerMetrics) -> &std::sync::Mutex<BTreeMap<L, u64>>,
) -> BTreeMap<L, u64> {
    let mut totals = BTreeMap::new();
    for worker in workers {
        for (label, count) in counts(worker).lock().unwrap_or_else(PoisonError::into_inner).iter() {
            *totals.entry(label.clone()).or_default() += count;
        }
    }
    totals
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::*;

    #[test]
    fn workers_are_summed_and_labels_escaped() {
        let workers = [Arc::new(WorkerMetrics::default()), Arc::new(WorkerMetrics::default())];
        for worker in &workers {
            let counts = worker.operation("a\"b", "GET /x");
            counts.count(Some(StatusCode::OK), std::time::Duration::from_millis(3));
            worker.refused("not_found");
        }
        let mut text = Exposition::default();
        render(&mut text, &workers);
        let text = text.into_text();
        for line in [
            r#"countersign_requests_total{api="a\"b",operation="GET /x",class="2xx"} 2"#,
            r#"countersign_request_duration_seconds_bucket{api="a\"b",operation="GET /x",le="0.0025"} 0"#,
            r#"countersign_request_duration_seconds_bucket{api="a\"b",operation="GET /x",le="0.005"} 2"#,
            r#"countersign_request_duration_seconds_sum{api="a\"b",operation="GET /x"} 0.006"#,
            r#"countersign_refusals_total{code="not_found"} 2"#,
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
    }
}
