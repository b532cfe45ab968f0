//! What operators' machines and the command line ask: health, readiness, metrics, reload, invalidation, holds, explain.
//!
//! Older than the REST API, and kept: probes, scrapers and scripts know these paths.

use std::sync::Arc;

use axum::{
    Router,
    extract::{RawQuery, Request, State},
    response::{IntoResponse, Response},
    routing::{MethodRouter, get, post},
};
use bytes::Bytes;
use gateway::{Gateway, WrittenQuestion};
use http::{
    HeaderMap, HeaderValue, StatusCode,
    header::{ALLOW, CONTENT_TYPE},
};
use http_body_util::{BodyExt, Limited};
use serde_json::json;

use super::{
    acts,
    desk::{Desk, blocking},
    person::{Person, Role},
    problem::Problem,
    v1::note_look,
};
use crate::{files::Reload, state::StateStatus};

const PROMETHEUS: &str = "text/plain; version=0.0.4; charset=utf-8";

/// A token and its question fit.
const LONGEST_QUESTION: usize = 128 * 1024;

type Answer = Result<Response, Problem>;

/// Returns the paths.
pub(super) fn routes() -> Router<Arc<Desk>> {
    let read = |handler: MethodRouter<Arc<Desk>>| handler.fallback(|| async { not_allowed("GET, HEAD") });
    let act = |handler: MethodRouter<Arc<Desk>>| handler.fallback(|| async { not_allowed("POST") });
    Router::new()
        .route("/healthz", read(get(|| async { "ok\n" })))
        .route("/readyz", read(get(readiness)))
        .route("/metrics", read(get(metrics)))
        .route("/stores", read(get(store_status)))
        .route("/stores/hold", act(post(hold)))
        .route("/invalidate", act(post(invalidate)))
        .route("/reload", act(post(reload)))
        .route("/explain", act(post(explain)))
}

async fn readiness(State(desk): State<Arc<Desk>>) -> Response {
    let is_ready = !desk.is_stopping();
    let status = if is_ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let document = readiness_document(is_ready, desk.gateway(), desk.parts().files.state_status());
    (status, json_text(document)).into_response()
}

/// Returns the JSON document of `/readyz`.
fn readiness_document(is_ready: bool, gateway: &Gateway, state: Option<StateStatus>) -> String {
    let published = gateway.published();
    let status = gateway.status();
    json!({
        "ready": is_ready,
        "revision": published.snapshot.revision,
        "fingerprint": published.snapshot.fingerprint.to_string(),
        "appliedAt": status.applied_at,
        "brokenApis": status.broken_apis,
        "needsRestart": status.needs_restart,
        "refusedConfiguration": {
            "isPending": !status.refused.is_empty(),
            "at": status.refused_at,
            "errors": status.refused,
        },
        "state": state.map(|state| json!({ "isReachable": state.is_reachable, "revision": state.revision })),
    })
    .to_string()
}

async fn metrics(State(desk): State<Arc<Desk>>) -> Response {
    ([(CONTENT_TYPE, PROMETHEUS)], (desk.parts().metrics)()).into_response()
}

/// What stores say may name users.
async fn store_status(State(desk): State<Arc<Desk>>, person: Person) -> Answer {
    if !person.is(Role::Operator) {
        person.require(Role::Support)?;
    }
    Ok(json_text(acts::store_status(desk.gateway())))
}

async fn hold(State(desk): State<Arc<Desk>>, person: Person, headers: HeaderMap, query: RawQuery) -> Answer {
    person.require(Role::Operator)?;
    refuse_forms(&headers)?;
    let named = |name| parameter(query.0.as_deref(), name);
    let store = named("store").ok_or_else(|| Problem::bad_request("name the user store: `?store=NAME&stale=4h`"))?;
    let done = acts::hold(desk.parts(), &store, named("stale").as_deref(), &person.name)?;
    Ok(json_text(done.to_string()))
}

async fn invalidate(State(desk): State<Arc<Desk>>, person: Person, headers: HeaderMap, query: RawQuery) -> Answer {
    person.require(Role::Operator)?;
    refuse_forms(&headers)?;
    let named = |name| parameter(query.0.as_deref(), name);
    acts::invalidate(desk.parts(), named("store").as_deref(), named("user").as_deref(), &person.name)?;
    Ok(json_text(r#"{"invalidated":true}"#.to_owned()))
}

async fn reload(State(desk): State<Arc<Desk>>, person: Person, headers: HeaderMap) -> Answer {
    person.require(Role::Operator)?;
    refuse_forms(&headers)?;
    blocking(move || {
        let parts = desk.parts();
        let outcome = parts.files.reload(&parts.gateway);
        (parts.report)(&outcome);
        let is_applied = !matches!(outcome, Reload::Refused(_));
        acts::note(parts, json!({ "event": "configuration_reloaded", "applied": is_applied }), &person.name);
        match outcome {
            Reload::Unchanged | Reload::Applied(_) => Ok(json_text(r#"{"applied":true}"#.to_owned())),
            Reload::Refused(diagnostics) => Err(Problem::unprocessable(diagnostics.to_string())),
        }
    })
    .await
}

/// Explains as the running gateway sees it: with its caches, keys and connections. Whom it shows is noted.
pub(super) async fn explain(State(desk): State<Arc<Desk>>, person: Person, request: Request) -> Answer {
    person.require(Role::Support)?;
    refuse_forms(request.headers())?;
    let body = Limited::new(request.into_body(), LONGEST_QUESTION).collect().await;
    let body: Bytes = body.map_err(|_| Problem::bad_request("the question did not arrive, or is too long"))?.to_bytes();
    let question = WrittenQuestion::parse(&body).map_err(|error| Problem::unprocessable(error.to_string()))?;
    let published = desk.published();
    let runtime = desk.gateway().runtime();
    let explaining = gateway::explain(&published, runtime, question.question(), desk.now());
    let explanation = explaining.await.map_err(|error| Problem::unprocessable(error.to_string()))?;
    note_look(&desk, &person, &explanation, true);
    Ok(json_text(explanation.to_json().to_string()))
}

/// Refuses what a form of another site can send without asking.
fn refuse_forms(headers: &HeaderMap) -> Result<(), Problem> {
    let is_json = headers.get(CONTENT_TYPE).is_some_and(|kind| {
        kind.as_bytes().split(|byte| *byte == b';').next().is_some_and(|kind| kind.trim_ascii() == b"application/json")
    });
    if is_json {
        return Ok(());
    }
    let detail = "send `Content-Type: application/json`";
    Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", detail))
}

fn not_allowed(methods: &'static str) -> Response {
    let detail = "this path is not served with this method";
    let problem = Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail);
    ([(ALLOW, HeaderValue::from_static(methods))], problem).into_response()
}

/// Answers with a JSON text.
fn json_text(text: String) -> Response {
    ([(CONTENT_TYPE, "application/json")], text).into_response()
}

/// Returns a query parameter that says something.
fn parameter(query: Option<&str>, name: &str) -> Option<String> {
    let pairs = url::form_urlencoded::parse(query.unwrap_or_default().as_bytes());
    let mut values = pairs.filter(|(found, _)| found == name).map(|(_, value)| value.into_owned());
    values.next().filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn query_values_are_decoded() {
        let query = Some("store=staff&user=a%2Bb+c%zz%&empty=");
        assert_eq!(parameter(query, "store").as_deref(), Some("staff"));
        assert_eq!(parameter(query, "user").as_deref(), Some("a+b c%zz%"));
        assert_eq!((parameter(query, "empty"), parameter(query, "none"), parameter(None, "x")), (None, None, None));
    }
}
