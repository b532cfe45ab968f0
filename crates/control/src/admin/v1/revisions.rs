//! The states that an API's file has had, and one of them had back.

use std::sync::Arc;

use axum::{Json, extract::State, response::Response};
use http::HeaderMap;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    api_changes::{Asked, write},
    apis::{ApiView, List},
};
use crate::{
    admin::{
        body::Place,
        changes::{Changed, Purpose},
        desk::{Desk, blocking, target},
        person::{Person, Role},
        problem::Problem,
    },
    history::Change,
};

pub(super) fn routes() -> OpenApiRouter<Arc<Desk>> {
    OpenApiRouter::new().routes(routes!(revisions)).routes(routes!(revision)).routes(routes!(restore))
}

/// A state of an API's file.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Revision {
    /// The number of the change, in the gateway's history.
    n: u64,
    /// Seconds since the epoch.
    at: u64,
    author: String,
    action: String,
    note: String,
    /// The difference from the state before, unified.
    diff: String,
    /// The file's text; nothing after a removal.
    #[serde(skip_serializing_if = "Option::is_none")]
    document: Option<String>,
}

impl Revision {
    fn of(change: Change) -> Self {
        let Change { n, at, author, action, note, diff, after, .. } = change;
        Self { n, at, author, action, note, diff, document: after }
    }

    fn without_document(change: Change) -> Self {
        Self { document: None, ..Self::of(change) }
    }
}

/// The states that an API's file has had, the newest first.
#[utoipa::path(
    get,
    path = "/apis/{id}/revisions",
    operation_id = "listRevisions",
    params(("id" = String, Path, description = "The API's id")),
    responses((status = OK, body = List<Revision>))
)]
async fn revisions(
    State(desk): State<Arc<Desk>>,
    person: Person,
    Place(id): Place<String>,
) -> Result<Json<List<Revision>>, Problem> {
    person.require(Role::Viewer)?;
    blocking(move || {
        let target = target(&id);
        let changes = desk.history(|change| change.target == target)?;
        Ok(Json(List::whole(changes.into_iter().map(Revision::without_document).collect())))
    })
    .await
}

/// One state of an API's file, with its text.
#[utoipa::path(
    get,
    path = "/apis/{id}/revisions/{n}",
    operation_id = "getRevision",
    params(("id" = String, Path, description = "The API's id"), ("n" = u64, Path, description = "The revision's number")),
    responses(
        (status = OK, body = Revision),
        (status = NOT_FOUND, body = Problem, content_type = "application/problem+json")
    )
)]
async fn revision(
    State(desk): State<Arc<Desk>>,
    person: Person,
    Place((id, n)): Place<(String, u64)>,
) -> Result<Json<Revision>, Problem> {
    person.require(Role::Viewer)?;
    blocking(move || Ok(Json(Revision::of(one(&desk, &id, n)?)))).await
}

fn one(desk: &Desk, id: &str, n: u64) -> Result<Change, Problem> {
    let target = target(id);
    let found = desk.history(|change| change.target == target && change.n == n)?.into_iter().next();
    found.ok_or_else(|| Problem::not_found(format!("`{id}` has no revision {n}")))
}

/// Writes an earlier state of an API's file again.
#[utoipa::path(
    post,
    path = "/apis/{id}/revisions/{n}/restore",
    operation_id = "restoreRevision",
    params(
        ("id" = String, Path, description = "The API's id"),
        ("n" = u64, Path, description = "The revision's number"),
        ("If-Match" = String, Header, description = "The entity tag of the API as it is now"),
        ("dryRun" = Option<bool>, Query, description = "Only say what would happen")
    ),
    responses(
        (status = OK, body = Changed<ApiView>, headers(("ETag" = String, description = "Of the API's file"))),
        (status = "4XX", body = Problem, content_type = "application/problem+json")
    )
)]
async fn restore(
    State(desk): State<Arc<Desk>>,
    person: Person,
    Place((id, n)): Place<(String, u64)>,
    (purpose, headers): (Purpose, HeaderMap),
) -> Result<Response, Problem> {
    person.require(Role::Author)?;
    blocking(move || {
        let text = one(&desk, &id, n)?.after;
        let text =
            text.ok_or_else(|| Problem::conflict(format!("revision {n} is a removal: nothing can be had back")))?;
        let asked = Asked { action: "revision restored", id, note: format!("revision {n}"), purpose };
        write(&desk, &person, (asked, &headers), text)
    })
    .await
}
