//! What the counters and the last audit lines say about traffic.
//!
//! From the text that Prometheus reads: one truth about what is counted, and nothing is counted for this alone.

use std::{collections::BTreeMap, time::UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::desk::Desk;

/// Numbers since the start; they only grow. Times are in seconds.
#[derive(Debug, Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Traffic {
    /// Seconds since the epoch.
    at: f64,
    requests: u64,
    /// By status class: `2xx`, `4xx` …; `none` for those that were abandoned, `allowed` for those that Envoy
    /// forwards.
    classes: BTreeMap<String, u64>,
    /// Answers of the gateway itself, by code.
    refusals: BTreeMap<String, u64>,
    /// Backends that gave no answer, by reason.
    upstream_errors: BTreeMap<String, u64>,
    open_connections: u64,
    open_requests: u64,
    /// Requests that carried a Backend JWT.
    with_jwt: u64,
    /// Backend JWTs that were signed: the others came from the cache.
    minted: u64,
    /// The share of Backend JWTs that came from the cache.
    hit_rate: Option<f64>,
    /// Answers of user stores' caches, and questions to the stores.
    store_hits: u64,
    store_misses: u64,
    /// How many requests took at most so long, by seconds: a histogram.
    durations: Vec<Bucket>,
    /// The sum of all durations.
    duration_sum: f64,
    /// How long authentication took where it was not cached, over the last requests.
    authenticate_latency: Option<Latency>,
    /// How long look-ups and signatures took where they were not cached, over the last requests.
    mint_latency: Option<Latency>,
    /// How long backends took to answer, over the last requests.
    backend_latency: Option<Latency>,
}

/// One bucket of a histogram.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
struct Bucket {
    /// The upper bound; nothing for the last.
    le: Option<f64>,
    /// How many, those of the smaller buckets too.
    count: u64,
}

/// How long something took.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, ToSchema)]
struct Latency {
    /// Half of them took at most so long.
    p50: f64,
    /// 99 of 100 took at most so long.
    p99: f64,
    /// How many were looked at.
    count: usize,
}

/// A request, as the audit log has it: names and times, never values.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct AuditLine {
    /// When it came: RFC 3339, with microseconds.
    time: String,
    request_id: String,
    method: String,
    /// The API's name; nothing where none was found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) api: Option<String>,
    /// Verb and target, with the path that the API lives at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    operation: Option<String>,
    /// The publication that answered.
    revision: u64,
    /// The answer's status; 0: none was sent.
    status: u16,
    /// `answered`, the code of a refusal, or how it ended otherwise.
    pub(super) outcome: String,
    /// A keyed hash of the user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    user: Option<String>,
    /// For a stream: of which kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    stream: Option<String>,
    /// For a stream: what ended it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ended: Option<String>,
    /// The Backend JWTs that it carried.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    jwts: Vec<SentJwt>,
    /// How often the backend was asked, where that was more than once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    attempts: Option<u64>,
    request_bytes: u64,
    response_bytes: u64,
    micros: Steps,
}

/// A Backend JWT that was sent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
struct SentJwt {
    /// The name of the application that it was sent for, where one is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    application: Option<String>,
    /// The key that signed it; nothing for unsigned ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    kid: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    jti: Option<String>,
}

/// How long a request took, in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
struct Steps {
    /// Who calls; 0: known from before.
    #[serde(default)]
    authenticate: u64,
    /// Look-ups and signatures; 0: known from before.
    #[serde(default)]
    issue: u64,
    /// Until the backend answered, where it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    backend: Option<u64>,
    /// All of it.
    total: u64,
}

impl Traffic {
    /// Reads the counters.
    pub(super) fn of(desk: &Desk) -> Self {
        let at = desk.now().duration_since(UNIX_EPOCH).map_or(0.0, |elapsed| elapsed.as_secs_f64());
        let mut traffic = Self { at, ..Self::default() };
        let mut buckets: BTreeMap<String, u64> = BTreeMap::new();
        for line in (desk.parts().metrics)().lines().filter(|line| !line.starts_with('#')) {
            if let Some(sample) = Sample::parse(line) {
                traffic.take(&sample, &mut buckets);
            }
        }
        traffic.durations = in_order(buckets);
        let cached = traffic.with_jwt.saturating_sub(traffic.minted);
        traffic.hit_rate = (traffic.with_jwt > 0).then(|| exact(cached) / exact(traffic.with_jwt));
        let requests = requests(desk);
        traffic.authenticate_latency = latency(&requests, |steps| steps.authenticate);
        traffic.mint_latency = latency(&requests, |steps| steps.issue);
        traffic.backend_latency = latency(&requests, |steps| steps.backend.unwrap_or(0));
        traffic
    }

    fn take(&mut self, sample: &Sample<'_>, buckets: &mut BTreeMap<String, u64>) {
        let count = sample.count();
        let add = |counts: &mut BTreeMap<String, u64>, label: &str| {
            *counts.entry(sample.label(label).to_owned()).or_default() += count;
        };
        match sample.name {
            "countersign_requests_total" => {
                self.requests += count;
                add(&mut self.classes, "class");
            }
            "countersign_refusals_total" => add(&mut self.refusals, "code"),
            "countersign_upstream_errors_total" => add(&mut self.upstream_errors, "reason"),
            "countersign_open_connections" => self.open_connections += count,
            "countersign_open_requests" => self.open_requests += count,
            "countersign_requests_with_jwt_total" => self.with_jwt += count,
            "countersign_backend_jwts_minted_total" => self.minted += count,
            "countersign_user_store_hits_total" => self.store_hits += count,
            "countersign_user_store_misses_total" => self.store_misses += count,
            "countersign_request_duration_seconds_bucket" => add(buckets, "le"),
            "countersign_request_duration_seconds_sum" => {
                self.duration_sum += sample.value.parse::<f64>().unwrap_or_default();
            }
            _ => {}
        }
    }
}

/// One line of the Prometheus text format.
struct Sample<'a> {
    name: &'a str,
    labels: &'a str,
    value: &'a str,
}

impl<'a> Sample<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        let (series, value) = line.rsplit_once(' ')?;
        let (name, labels) = series.split_once('{').unwrap_or((series, ""));
        Some(Self { name, labels, value })
    }

    fn count(&self) -> u64 {
        self.value.parse().unwrap_or_default()
    }

    /// Returns a label without anything that needs escaping, such as a class, a code or a bound.
    fn label(&self, name: &str) -> &'a str {
        let start = format!("{name}=\"");
        let Some(found) = self.labels.find(&start) else { return "" };
        let rest = self.labels.get(found + start.len()..).unwrap_or_default();
        rest.split('"').next().unwrap_or_default()
    }
}

fn in_order(buckets: BTreeMap<String, u64>) -> Vec<Bucket> {
    let mut list: Vec<Bucket> = buckets
        .into_iter()
        .map(|(le, count)| Bucket { le: le.parse().ok().filter(|le: &f64| le.is_finite()), count })
        .collect();
    let bound = |bucket: &Bucket| bucket.le.unwrap_or(f64::INFINITY);
    list.sort_by(|one, other| bound(one).total_cmp(&bound(other)));
    list
}

#[expect(clippy::cast_precision_loss, reason = "a share needs no more digits")]
const fn exact(count: u64) -> f64 {
    count as f64
}

/// Returns the last requests, the newest first; operators' acts are none.
pub(super) fn requests(desk: &Desk) -> Vec<AuditLine> {
    let text = (desk.parts().recent)();
    text.lines().rev().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

/// Returns how long a step took, where it took any time.
fn latency(requests: &[AuditLine], step: impl Fn(&Steps) -> u64) -> Option<Latency> {
    let mut micros: Vec<u64> = requests.iter().map(|it| step(&it.micros)).filter(|micros| *micros > 0).collect();
    micros.sort_unstable();
    let at = |percent: usize| {
        let place = (micros.len() * percent).div_ceil(100).saturating_sub(1);
        micros.get(place).map(|micros| exact(*micros) / 1e6)
    };
    Some(Latency { p50: at(50)?, p99: at(99)?, count: micros.len() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_read_as_they_are_written() {
        let line = r#"countersign_requests_total{api="a\"{b} c",operation="GET /x",class="2xx"} 7"#;
        let sample = Sample::parse(line).unwrap();
        assert_eq!((sample.name, sample.label("class"), sample.count()), ("countersign_requests_total", "2xx", 7));
        let mut traffic = Traffic::default();
        traffic.take(&sample, &mut BTreeMap::new());
        assert_eq!((traffic.requests, traffic.classes.get("2xx")), (7, Some(&7)));
    }

    #[test]
    fn latencies_leave_out_what_was_cached() {
        let request = |issue: u64| AuditLine { micros: Steps { issue, ..Steps::default() }, ..AuditLine::default() };
        let requests: Vec<AuditLine> = (0..=100).map(|n| request(n * 1000)).collect();
        let expected = Some(Latency { p50: 0.05, p99: 0.099, count: 100 });
        assert_eq!(latency(&requests, |steps| steps.issue), expected);
        assert_eq!(latency(&requests, |steps| steps.authenticate), None);
    }
}
