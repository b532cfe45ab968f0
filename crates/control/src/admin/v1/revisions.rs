//! The states that an API's file has had, and one of them had back.

use std::sync::Arc;

use axum::{Json, extract::State, response::Response};
use gateway::Source;
use http::{HeaderMap, header::IF_MATCH};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    api_changes::{Asked, finish, write},
    apis::{ApiView, List},
};
use crate::{
    admin::{
        body::Place,
        changes::{Changed, Note, Purpose},
        desk::{CREATED, Desk, RESTORED, blocking, file_of, target},
        person::{Person, Role},
        problem::Problem,
    },
    definitions::{Definition, etag},
    edits::FileEdit,
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
    responses(
        (status = OK, body = List<Revision>),
        (status = NOT_FOUND, body = Problem, content_type = "application/problem+json")
    )
)]
async fn revisions(
    State(desk): State<Arc<Desk>>,
    person: Person,
    Place(id): Place<String>,
) -> Result<Json<List<Revision>>, Problem> {
    person.require(Role::Viewer)?;
    blocking(move || {
        let past = Past::of(&desk, &id)?;
        Ok(Json(List::whole(past.changes.into_iter().map(Revision::without_document).collect())))
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
    blocking(move || Ok(Json(Revision::of(Past::of(&desk, &id)?.revision(n)?.clone())))).await
}

/// What an API's file has been, whatever the API was called then.
pub(super) struct Past {
    id: String,
    file: String,
    /// The newest first: of a removed API that is the removal.
    pub(super) changes: Vec<Change>,
    is_removed: bool,
}

impl Past {
    /// Finds the file of an API, also of one that was removed.
    fn of(desk: &Desk, id: &str) -> Result<Self, Problem> {
        if let Some(definition) = desk.definitions()?.iter().find(|definition| definition.id == id) {
            return Self::of_definition(desk, definition);
        }
        let target = target(id);
        let last = desk.history(|change| change.target == target)?.into_iter().next();
        let removal = last.filter(|last| last.after.is_none());
        let removal = removal.ok_or_else(|| Problem::not_found(format!("there is no API `{id}`")))?;
        let mut changes = desk.changes(&removal.file)?;
        changes.retain(|change| change.n <= removal.n);
        Ok(Self::since_made(id, removal.file, changes, true))
    }

    /// Finds the file of an API that is there.
    pub(super) fn of_definition(desk: &Desk, definition: &Definition) -> Result<Self, Problem> {
        let file = file_of(&definition.source.path);
        let changes = desk.changes(&file)?;
        Ok(Self::since_made(&definition.id, file, changes, false))
    }

    /// Leaves out what the file has held before, unless that had the same id.
    fn since_made(id: &str, file: String, mut changes: Vec<Change>, is_removed: bool) -> Self {
        let made = changes.iter().find(|change| change.action == CREATED).map_or(0, |made| made.n);
        let target = target(id);
        changes.retain(|change| change.n >= made || change.target == target);
        Self { id: id.to_owned(), file, changes, is_removed }
    }

    fn revision(&self, n: u64) -> Result<&Change, Problem> {
        let found = self.changes.iter().find(|change| change.n == n);
        found.ok_or_else(|| Problem::not_found(format!("`{}` has no revision {n}", self.id)))
    }

    /// Makes a removed API's file again. Whoever could change it then may.
    fn bring_back(
        self,
        desk: &Desk,
        person: &Person,
        (asked, headers): (Asked, &HeaderMap),
        text: String,
    ) -> Result<Response, Problem> {
        let path = desk.parts().files.api_folder(&desk.published().operator).join(&self.file);
        let last = self.changes.iter().find_map(|change| change.after.clone()).unwrap_or_default();
        let removed = Definition::of(Source { path: path.clone(), text: last });
        desk.require_author_then(person, &removed, self.changes.get(1..).unwrap_or_default())?;
        if headers.contains_key(IF_MATCH) {
            return Err(Problem::stale(&etag("")));
        }
        finish(desk, person, Asked { action: RESTORED, ..asked }, FileEdit { path, before: None, after: Some(text) })
    }
}

/// Writes an earlier state of an API's file again; a removed API is made again, by whoever could change it.
#[utoipa::path(
    post,
    path = "/apis/{id}/revisions/{n}/restore",
    operation_id = "restoreRevision",
    params(
        ("id" = String, Path, description = "The API's id"),
        ("n" = u64, Path, description = "The revision's number"),
        ("If-Match" = Option<String>, Header, description = "The entity tag of the API as it is now; not for a removed one"),
        ("dryRun" = Option<bool>, Query, description = "Only say what would happen"),
        ("note" = Option<String>, Query, description = "What you say about the change, for the history")
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
    (purpose, Note(note), headers): (Purpose, Note, HeaderMap),
) -> Result<Response, Problem> {
    person.require(Role::Author)?;
    blocking(move || {
        let past = Past::of(&desk, &id)?;
        let text = past.revision(n)?.after.clone();
        let text =
            text.ok_or_else(|| Problem::conflict(format!("revision {n} is a removal: nothing can be had back")))?;
        let note = if note.is_empty() { format!("revision {n}") } else { format!("revision {n}: {note}") };
        let asked = Asked { action: "revision restored", id, note, purpose };
        if past.is_removed {
            return past.bring_back(&desk, &person, (asked, &headers), text);
        }
        write(&desk, &person, (asked, &headers), text)
    })
    .await
}
