//! What happens and what has happened: events, traffic, requests, history, diagnostics, disclosures.

use std::{
    convert::Infallible,
    sync::Arc,
    time::{Duration, UNIX_EPOCH},
};

use axum::{
    Json,
    extract::State,
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use futures_util::{Stream, stream};
use gateway::disclosures;
use http::header::CONTENT_TYPE;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::apis::{List, Page};
use crate::{
    admin::{
        body::Search,
        desk::{Desk, blocking},
        person::{Person, Role},
        problem::{Mistake, Problem},
        traffic::{AuditLine, Traffic, requests},
    },
    disclosures::DisclosureView,
    history::Change,
};

/// How soon listeners are told of a publication.
const TOLD_WITHIN: Duration = Duration::from_millis(100);

pub(super) fn routes() -> OpenApiRouter<Arc<Desk>> {
    OpenApiRouter::new()
        .routes(routes!(events))
        .routes(routes!(traffic))
        .routes(routes!(recent))
        .routes(routes!(history))
        .routes(routes!(diagnostics))
        .routes(routes!(disclosed))
        .routes(routes!(key_set))
}

/// Tells of every publication and every refused configuration, as server-sent events named `revision`.
#[utoipa::path(
    get,
    path = "/events",
    operation_id = "events",
    responses((status = OK, body = String, content_type = "text/event-stream"))
)]
async fn events(
    State(desk): State<Arc<Desk>>,
    person: Person,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    person.require(Role::Viewer)?;
    let seen: Option<(u64, u64)> = None;
    let told = stream::unfold((desk, seen), |(desk, seen)| async move {
        loop {
            let status = desk.gateway().status();
            let now = (desk.published().snapshot.revision, status.refusals);
            if seen != Some(now) {
                let data = json!({ "revision": now.0, "appliedAt": status.applied_at, "refused": status.refused });
                let event = Event::default().event("revision").data(data.to_string());
                return Some((Ok(event), (desk, Some(now))));
            }
            tokio::time::sleep(TOLD_WITHIN).await;
        }
    });
    Ok(Sse::new(told).keep_alive(KeepAlive::new().interval(Duration::from_secs(15))))
}

/// Numbers that only grow, for whoever draws rates of them, and how long things take.
#[utoipa::path(get, path = "/traffic", operation_id = "traffic", responses((status = OK, body = Traffic)))]
async fn traffic(State(desk): State<Arc<Desk>>, person: Person) -> Result<Json<Traffic>, Problem> {
    person.require(Role::Viewer)?;
    blocking(move || Ok(Json(Traffic::of(&desk)))).await
}

/// Which requests are asked for.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
struct RequestPage {
    /// How many at most.
    #[param(minimum = 0, maximum = 1000, default = 200)]
    limit: Option<usize>,
    /// Only those to this API, by its name.
    api: Option<String>,
    /// Only those that ended so, such as `answered` or `unauthorized`.
    outcome: Option<String>,
}

/// The last requests, the newest first, as the audit log has them: names and times, never values.
#[utoipa::path(
    get,
    path = "/requests",
    operation_id = "listRequests",
    params(RequestPage),
    responses((status = OK, body = List<AuditLine>))
)]
async fn recent(
    State(desk): State<Arc<Desk>>,
    person: Person,
    Search(page): Search<RequestPage>,
) -> Result<Json<List<AuditLine>>, Problem> {
    person.require(Role::Viewer)?;
    blocking(move || {
        let mut found = requests(&desk);
        found.retain(|it| page.api.is_none() || it.api == page.api);
        found.retain(|it| page.outcome.as_ref().is_none_or(|wanted| *wanted == it.outcome));
        Ok(Json(List::first(page.limit.unwrap_or(200).min(1000), found)))
    })
    .await
}

/// A change.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ChangeView {
    n: u64,
    /// Seconds since the epoch.
    at: u64,
    author: String,
    action: String,
    target: String,
    file: String,
    note: String,
    /// Unified.
    diff: String,
}

/// What was changed, by whom and when, the newest first.
#[utoipa::path(
    get,
    path = "/history",
    operation_id = "listHistory",
    params(Page),
    responses((status = OK, body = List<ChangeView>))
)]
async fn history(
    State(desk): State<Arc<Desk>>,
    person: Person,
    Search(page): Search<Page>,
) -> Result<Json<List<ChangeView>>, Problem> {
    person.require(Role::Viewer)?;
    blocking(move || {
        let found =
            desk.history(|change| page.wants(&[&change.author, &change.action, &change.target, &change.note]))?;
        Ok(Json(page.of(found, |change| {
            let Change { n, at, author, action, target, file, note, diff, .. } = change;
            ChangeView { n, at, author, action, target, file, note, diff }
        })))
    })
    .await
}

/// What `countersign check` says about the files as they are now.
#[utoipa::path(get, path = "/diagnostics", operation_id = "listDiagnostics", responses((status = OK, body = List<Mistake>)))]
async fn diagnostics(State(desk): State<Arc<Desk>>, person: Person) -> Result<Json<List<Mistake>>, Problem> {
    person.require(Role::Viewer)?;
    blocking(move || {
        let sources = desk.sources()?;
        let found = match desk.gateway().draft(&sources, &sources.operator.path) {
            Ok((_, diagnostics)) | Err(diagnostics) => diagnostics,
        };
        Ok(Json(List::whole(Mistake::all(&found))))
    })
    .await
}

/// In which form a table is wanted.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
struct TableForm {
    /// `csv`: for a spreadsheet.
    #[param(inline)]
    format: Option<TableFormat>,
}

/// A form of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum TableFormat {
    Json,
    Csv,
}

/// Every attribute that can leave: claim, API, operation, backend, header, audience, lifetime, policy line.
#[utoipa::path(
    get,
    path = "/disclosures",
    operation_id = "listDisclosures",
    params(TableForm),
    responses((status = OK, content((List<DisclosureView<'_>> = "application/json"), (String = "text/csv"))))
)]
async fn disclosed(
    State(desk): State<Arc<Desk>>,
    person: Person,
    Search(form): Search<TableForm>,
) -> Result<Response, Problem> {
    person.require(Role::Viewer)?;
    blocking(move || {
        let list = disclosures(&desk.published());
        Ok(match form.format {
            Some(TableFormat::Csv) => {
                ([(CONTENT_TYPE, "text/csv; charset=utf-8")], crate::disclosures::csv(&list)).into_response()
            }
            Some(TableFormat::Json) | None => {
                Json(List::whole(list.iter().map(DisclosureView::of).collect::<Vec<_>>())).into_response()
            }
        })
    })
    .await
}

/// The published key set, exactly as the data listeners answer it.
#[utoipa::path(get, path = "/jwks", operation_id = "getJwks", responses((status = OK, body = Object)))]
async fn key_set(State(desk): State<Arc<Desk>>, person: Person) -> Result<Response, Problem> {
    person.require(Role::Viewer)?;
    let now = desk.now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_secs());
    let document = desk.gateway().runtime().keyring.jwks(now);
    Ok(([(CONTENT_TYPE, "application/json")], document.body).into_response())
}
