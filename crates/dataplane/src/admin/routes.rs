//! The admin listener's paths.

use std::{convert::Infallible, sync::Arc};

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Method, Request, Response, StatusCode,
    header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HOST, ORIGIN},
};
use http_body::Body;
use http_body_util::{BodyExt, Full, Limited};

use super::{AdminSource, DataMetrics, Invalidation, Refusal, StoreHold};
use crate::{audit, metrics::Exposition};

const JSON: &str = "application/json";
const TEXT: &str = "text/plain; charset=utf-8";
const PROMETHEUS: &str = "text/plain; version=0.0.4; charset=utf-8";

/// A token and its question fit.
const LONGEST_QUESTION: usize = 128 * 1024;

/// What all admin requests share.
#[derive(Debug)]
pub(super) struct State {
    pub(super) data: DataMetrics,
    pub(super) source: AdminSource,
    pub(super) is_loopback: bool,
}

type Answer = Response<Full<Bytes>>;

/// Answers one admin request.
pub(super) async fn answer<B>(state: Arc<State>, request: Request<B>) -> Result<Answer, Infallible>
where
    B: Body<Data = Bytes, Error: std::error::Error + Send + Sync + 'static>,
{
    if is_from_browser(request.headers(), state.is_loopback) {
        return Ok(problem(StatusCode::FORBIDDEN, "browsers are not served here"));
    }
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
    Ok(match (request.uri().path(), is_read) {
        ("/healthz", true) => whole(StatusCode::OK, TEXT, "ok\n"),
        ("/readyz", true) => readiness(&state),
        ("/metrics", true) => whole(StatusCode::OK, PROMETHEUS, metrics(&state)),
        ("/stores", true) if !state.is_loopback => problem(
            StatusCode::FORBIDDEN,
            "what stores say may name users: it is shown on a loopback admin address only",
        ),
        ("/stores", true) => whole(StatusCode::OK, JSON, (state.source.stores)()),
        ("/invalidate" | "/reload" | "/explain" | "/stores/hold", false) if *request.method() != Method::POST => {
            not_allowed("POST")
        }
        ("/invalidate" | "/reload" | "/explain" | "/stores/hold", false) if !is_json(request.headers()) => {
            problem(StatusCode::UNSUPPORTED_MEDIA_TYPE, "send `Content-Type: application/json`")
        }
        ("/invalidate", false) => acted((state.source.invalidate)(invalidation(request.uri().query()))),
        ("/stores/hold", false) => match hold(request.uri().query()) {
            Some(hold) => acted((state.source.hold)(hold)),
            None => problem(StatusCode::BAD_REQUEST, "name the user store: `?store=NAME&stale=4h`"),
        },
        ("/reload", false) => blocking(state, |state| (state.source.reload)(())).await,
        ("/explain", false) if !state.is_loopback => {
            problem(StatusCode::FORBIDDEN, "attribute values are shown on a loopback admin address only")
        }
        ("/explain", false) => explain(state, request.into_body()).await,
        ("/healthz" | "/readyz" | "/metrics" | "/stores", false) => not_allowed("GET, HEAD"),
        ("/invalidate" | "/reload" | "/explain" | "/stores/hold", true) => not_allowed("POST"),
        _ => problem(StatusCode::NOT_FOUND, "there is nothing at this path"),
    })
}

/// Browsers name the page's origin on every request that could change something; a page that has pointed its own name at
/// this machine is given away by `Host`.
fn is_from_browser(headers: &HeaderMap, is_loopback: bool) -> bool {
    let names_loopback = |host: &HeaderValue| {
        let host = host.as_bytes();
        let name = match host.iter().rposition(|byte| *byte == b':') {
            Some(colon) if !host.ends_with(b"]") => host.get(..colon).unwrap_or_default(),
            Some(_) | None => host,
        };
        matches!(name, b"localhost" | b"[::1]") || name.starts_with(b"127.")
    };
    headers.contains_key(ORIGIN) || (is_loopback && !headers.get(HOST).is_some_and(names_loopback))
}

fn is_json(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).is_some_and(|kind| {
        kind.as_bytes().split(|byte| *byte == b';').next().is_some_and(|kind| kind.trim_ascii() == JSON.as_bytes())
    })
}

fn readiness(state: &State) -> Answer {
    let readiness = (state.source.readiness)();
    let status = if readiness.is_ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    whole(status, JSON, readiness.body)
}

fn metrics(state: &State) -> String {
    let mut text = Exposition::default();
    state.data.render(&mut text);
    (state.source.metrics)(&mut text);
    text.into_text()
}

async fn explain<B>(state: Arc<State>, question: B) -> Answer
where
    B: Body<Data = Bytes, Error: std::error::Error + Send + Sync + 'static>,
{
    match Limited::new(question, LONGEST_QUESTION).collect().await {
        Ok(question) => blocking(state, move |state| (state.source.explain)(question.to_bytes())).await,
        Err(_) => problem(StatusCode::BAD_REQUEST, "the question did not arrive, or is too long"),
    }
}

/// Does what may block, away from the other admin requests.
async fn blocking(state: Arc<State>, act: impl FnOnce(&State) -> Result<String, Refusal> + Send + 'static) -> Answer {
    match tokio::task::spawn_blocking(move || act(&state)).await {
        Ok(result) => acted(result),
        Err(_) => problem(StatusCode::INTERNAL_SERVER_ERROR, "it failed"),
    }
}

fn acted(result: Result<String, Refusal>) -> Answer {
    match result {
        Ok(body) => whole(StatusCode::OK, JSON, body),
        Err(Refusal::Unknown(detail)) => problem(StatusCode::NOT_FOUND, &detail),
        Err(Refusal::Failed(detail)) => problem(StatusCode::UNPROCESSABLE_ENTITY, &detail),
    }
}

fn not_allowed(methods: &'static str) -> Answer {
    let mut answer = problem(StatusCode::METHOD_NOT_ALLOWED, "this path is not served with this method");
    answer.headers_mut().insert(ALLOW, HeaderValue::from_static(methods));
    answer
}

fn problem(status: StatusCode, detail: &str) -> Answer {
    let mut escaped = Vec::new();
    audit::escape(&mut escaped, detail);
    let escaped = String::from_utf8(escaped).unwrap_or_default();
    let title = status.canonical_reason().unwrap_or_default();
    let body =
        format!(r#"{{"type":"about:blank","title":"{title}","status":{},"detail":"{escaped}"}}"#, status.as_u16());
    whole(status, "application/problem+json", body)
}

fn whole(status: StatusCode, kind: &'static str, body: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Full::new(body.into()));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

fn invalidation(query: Option<&str>) -> Invalidation {
    Invalidation { store: parameter(query, "store"), user: parameter(query, "user") }
}

fn hold(query: Option<&str>) -> Option<StoreHold> {
    Some(StoreHold { store: parameter(query, "store")?, stale: parameter(query, "stale") })
}

/// Returns a query parameter that says something.
fn parameter(query: Option<&str>, name: &str) -> Option<String> {
    let mut pairs = query.unwrap_or_default().split('&').filter_map(|pair| pair.split_once('='));
    pairs.find(|(found, _)| *found == name).map(|(_, value)| decoded(value)).filter(|value| !value.is_empty())
}

/// Decodes a query value: percent signs and plus signs.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let hexadecimal = after.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        match (first, hexadecimal.and_then(|digits| u8::from_str_radix(digits, 16).ok())) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            (b'+', _) => {
                bytes.push(b' ');
                rest = after;
            }
            (byte, _) => {
                bytes.push(*byte);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn query_values_are_decoded() {
        let found = invalidation(Some("store=staff&user=a%2Bb+c%zz%"));
        assert_eq!(found, Invalidation { store: Some("staff".into()), user: Some("a+b c%zz%".into()) });
        assert_eq!(invalidation(Some("user=")), Invalidation { store: None, user: None });
    }

    fn check(fields: &[(&'static str, &'static str)], (is_loopback, expected): (bool, bool)) {
        let headers =
            fields.iter().map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value))).collect();
        assert_eq!(is_from_browser(&headers, is_loopback), expected, "{fields:?}");
    }

    #[test]
    fn browsers_are_recognised() {
        check(&[("host", "127.0.0.1:9090")], (true, false));
        check(&[("host", "[::1]")], (true, false));
        check(&[("host", "[::1]:9090")], (true, false));
        check(&[("host", "localhost:9090")], (true, false));
        check(&[("host", "evil.example:9090")], (true, true));
        check(&[], (true, true));
        check(&[("host", "countersign.ns.svc:9090")], (false, false));
        check(&[("host", "127.0.0.1"), ("origin", "http://127.0.0.1")], (true, true));
    }
}
