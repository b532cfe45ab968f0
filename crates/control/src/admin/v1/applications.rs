//! The applications, of the operator's file or of the database that several gateways share; `api_keys.rs` has their keys.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use gateway::{Source, Sources};
use http::{HeaderMap, StatusCode, header::ETAG};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::apis::List;
use crate::{
    admin::{
        body::{Body, Place},
        changes::{DryRun, Note, Outcome, Purpose, Wanted, change, check_condition},
        desk::{Desk, blocking},
        person::{Person, Role},
        problem::Problem,
    },
    definitions::{etag, items, member},
    edits::FileEdit,
    secrets::{with_secrets, without_secrets},
    state::{APPLICATIONS, path_of},
};

pub(super) fn routes() -> OpenApiRouter<Arc<Desk>> {
    OpenApiRouter::new().routes(routes!(applications, create_application)).routes(routes!(
        application,
        replace_application,
        remove_application
    ))
}

/// An application, as the operator's file has them.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = Object)]
struct Application(Map<String, Value>);

/// The client applications with their subscriptions; of API keys the names alone.
#[utoipa::path(
    get,
    path = "/applications",
    operation_id = "listApplications",
    responses((status = OK, body = List<Value>, headers(("ETag" = String, description = "Of the applications' file"))))
)]
async fn applications(State(desk): State<Arc<Desk>>, person: Person) -> Result<Response, Problem> {
    person.require(Role::Viewer)?;
    blocking(move || {
        let all = Written::of(&desk)?;
        let list: Vec<Value> = all.list().map(without_secrets).collect();
        Ok(([(ETAG, all.etag())], Json(List::whole(list))).into_response())
    })
    .await
}

/// One client application.
#[utoipa::path(
    get,
    path = "/applications/{name}",
    operation_id = "getApplication",
    params(("name" = String, Path, description = "The application's name")),
    responses(
        (status = OK, body = Object, headers(("ETag" = String, description = "Of the applications' file"))),
        (status = NOT_FOUND, body = Problem, content_type = "application/problem+json")
    )
)]
async fn application(
    State(desk): State<Arc<Desk>>,
    person: Person,
    Place(name): Place<String>,
) -> Result<Response, Problem> {
    person.require(Role::Viewer)?;
    blocking(move || shown(&desk, &name, StatusCode::OK)).await
}

fn shown(desk: &Desk, name: &str, status: StatusCode) -> Result<Response, Problem> {
    let all = Written::of(desk)?;
    let found = all.list().find(|it| is_called(it, name)).ok_or_else(|| unknown(name))?;
    Ok((status, [(ETAG, all.etag())], Json(without_secrets(found))).into_response())
}

pub(super) fn is_called(application: &Value, name: &str) -> bool {
    member(application, "name").as_str() == Some(name)
}

pub(super) fn unknown(name: &str) -> Problem {
    Problem::not_found(format!("there is no application `{name}`"))
}

/// The applications as they are written.
struct Written {
    /// The text that can be changed: the operator's file, or a document of the database.
    source: Source,
    /// False: the document does not exist yet.
    is_there: bool,
    /// The same as JSON.
    document: Value,
    /// Those of the operator's file, where others can be changed.
    fixed: Vec<Value>,
}

impl Written {
    fn of(desk: &Desk) -> Result<Self, Problem> {
        if desk.parts().files.database().is_none() {
            let source = desk.operators_file()?;
            let document = gateway::yaml_to_json(&source).unwrap_or_default();
            return Ok(Self { source, is_there: true, document, fixed: Vec::new() });
        }
        let Sources { operator, applications, .. } = desk.sources()?;
        let document = gateway::yaml_to_json(&operator).unwrap_or_default();
        let fixed = items(member(&document, "applications")).to_vec();
        let is_there = applications.is_some();
        let source = applications.unwrap_or_else(|| Source { path: path_of(APPLICATIONS), text: String::new() });
        let document = gateway::yaml_to_json(&source).filter(|_| is_there).unwrap_or_else(|| json!({}));
        Ok(Self { source, is_there, document, fixed })
    }

    fn etag(&self) -> String {
        etag(&self.source.text)
    }

    fn list(&self) -> impl Iterator<Item = &Value> {
        self.fixed.iter().chain(items(member(&self.document, "applications")))
    }

    /// Returns the edit after which these are the applications that can be changed.
    fn with(self, list: Vec<Value>) -> Result<FileEdit, Problem> {
        let Self { source, is_there, mut document, .. } = self;
        let members = document.as_object_mut().ok_or_else(|| Problem::conflict("the file is no mapping"))?;
        if list.is_empty() {
            members.remove("applications");
        } else {
            members.insert("applications".to_owned(), Value::Array(list));
        }
        let after = match (is_there, members.is_empty()) {
            (_, true) => None,
            (false, false) => Some(gateway::render_yaml(&document)),
            (true, false) => {
                let updated = gateway::update_yaml(&source.text, &document);
                Some(updated.map_err(|error| Problem::conflict(error.to_string()))?)
            }
        };
        Ok(FileEdit { path: source.path, before: is_there.then_some(source.text), after })
    }
}

/// An edit of the applications.
#[derive(Clone, Copy)]
pub(super) struct Edit<'a> {
    pub(super) action: &'static str,
    /// The application's name.
    pub(super) name: &'a str,
    /// Changes the list of applications.
    pub(super) change: &'a dyn Fn(&mut Vec<Value>) -> Result<(), Problem>,
    pub(super) purpose: Purpose,
    /// What the author says about it.
    pub(super) note: &'a str,
}

/// How often an edit of whatever stands there is tried, while others change it.
const MOST_TRIES: usize = 50;

/// Edits the applications as they stand there, whatever others do meanwhile.
pub(super) fn edit_now(desk: &Desk, person: &Person, wanted: Edit<'_>) -> Result<Outcome, Problem> {
    let mut tries = (0..MOST_TRIES).map(|_| edit(desk, person, wanted, None));
    let is_stale = |tried: &Result<Outcome, Problem>| tried.as_ref().is_err_and(Problem::is_stale);
    tries
        .find(|tried| !is_stale(tried))
        .unwrap_or_else(|| Err(Problem::conflict("others change the file all the time")))
}

/// Edits the applications; without `headers` whoever asks has seen none.
fn edit(desk: &Desk, person: &Person, edit: Edit<'_>, headers: Option<&HeaderMap>) -> Result<Outcome, Problem> {
    let written = Written::of(desk)?;
    if written.fixed.iter().any(|fixed| is_called(fixed, edit.name)) {
        let detail =
            format!("`{}` stands in the operator's file, which is each gateway's own: change it there", edit.name);
        return Err(Problem::conflict(detail));
    }
    if let Some(headers) = headers {
        check_condition(headers, &written.etag())?;
    }
    let mut list = items(member(&written.document, "applications")).to_vec();
    (edit.change)(&mut list)?;
    let wanted = Wanted {
        action: edit.action,
        target: format!("application {}", edit.name),
        note: edit.note.to_owned(),
        edit: written.with(list)?,
        pointer: posted,
    };
    change(desk, person, &wanted, edit.purpose)
}

/// Returns where a place in an application stands in the posted one.
fn posted(_: &Value, pointer: &str) -> Option<String> {
    let rest = pointer.strip_prefix("/applications/")?;
    rest.find('/').and_then(|end| rest.get(end..)).map(ToOwned::to_owned)
}

/// Makes a client application.
#[utoipa::path(
    post,
    path = "/applications",
    operation_id = "createApplication",
    params(
        ("dryRun" = Option<bool>, Query, description = "Only say what would happen"),
        ("note" = Option<String>, Query, description = "What you say about the change, for the history")
    ),
    request_body = Application,
    responses(
        (status = CREATED, body = Object, headers(("ETag" = String, description = "Of the applications' file"))),
        (status = OK, body = DryRun, description = "With `dryRun`: what would happen"),
        (status = "4XX", body = Problem, content_type = "application/problem+json")
    )
)]
async fn create_application(
    State(desk): State<Arc<Desk>>,
    person: Person,
    (purpose, Note(note)): (Purpose, Note),
    Body(Application(new)): Body<Application>,
) -> Result<Response, Problem> {
    person.require(Role::Operator)?;
    blocking(move || {
        let name = named(&new)?;
        let add = |list: &mut Vec<Value>| {
            if list.iter().any(|known| is_called(known, &name)) {
                return Err(Problem::conflict(format!("there is an application `{name}` already")));
            }
            list.push(Value::Object(complete(&new, None)?));
            Ok(())
        };
        let asked = Edit { action: "application created", name: &name, change: &add, purpose, note: &note };
        match edit_now(&desk, &person, asked)? {
            Outcome::Tried(tried) => Ok(Json(tried).into_response()),
            Outcome::Done => shown(&desk, &name, StatusCode::CREATED),
        }
    })
    .await
}

fn named(application: &Map<String, Value>) -> Result<String, Problem> {
    let name = application.get("name").and_then(Value::as_str).filter(|name| !name.is_empty());
    name.map(ToOwned::to_owned).ok_or_else(|| Problem::unprocessable("an application has a `name`"))
}

/// Returns an application as it shall be written: with the secrets that were not shown, and with the API keys that it has,
/// whatever was posted. Keys are made and removed by themselves.
fn complete(application: &Map<String, Value>, before: Option<&Value>) -> Result<Map<String, Value>, Problem> {
    let mut application = application.clone();
    application.remove("apiKeys");
    let mut application = with_secrets(&application, before).map_err(|pointer| {
        Problem::unprocessable(format!(
            "`{pointer}` has the mark of a value that is not shown, and there was no such value"
        ))
    })?;
    if let Some(keys) = before.and_then(|before| before.get("apiKeys")) {
        application.insert("apiKeys".to_owned(), keys.clone());
    }
    named(&application)?;
    Ok(application)
}

/// Replaces a client application, its API keys excepted. `(not shown)` in the place of a value that is not shown keeps it.
#[utoipa::path(
    put,
    path = "/applications/{name}",
    operation_id = "putApplication",
    params(
        ("name" = String, Path, description = "The application's name"),
        ("If-Match" = String, Header, description = "The entity tag of what you have seen"),
        ("dryRun" = Option<bool>, Query, description = "Only say what would happen"),
        ("note" = Option<String>, Query, description = "What you say about the change, for the history")
    ),
    request_body = Application,
    responses(
        (status = OK, body = Object, description = "How it is now, or, with `dryRun`, what would happen", headers(("ETag" = String, description = "Of the applications' file"))),
        (status = "4XX", body = Problem, content_type = "application/problem+json")
    )
)]
async fn replace_application(
    State(desk): State<Arc<Desk>>,
    person: Person,
    Place(name): Place<String>,
    (purpose, Note(note), headers): (Purpose, Note, HeaderMap),
    Body(Application(wanted)): Body<Application>,
) -> Result<Response, Problem> {
    person.require(Role::Operator)?;
    blocking(move || {
        let replace = |list: &mut Vec<Value>| {
            let found = list.iter_mut().find(|known| is_called(known, &name));
            let found = found.ok_or_else(|| unknown(&name))?;
            *found = Value::Object(complete(&wanted, Some(&*found))?);
            Ok(())
        };
        let asked = Edit { action: "application changed", name: &name, change: &replace, purpose, note: &note };
        match edit(&desk, &person, asked, Some(&headers))? {
            Outcome::Tried(tried) => Ok(Json(tried).into_response()),
            Outcome::Done => shown(&desk, &named(&wanted)?, StatusCode::OK),
        }
    })
    .await
}

/// Removes a client application.
#[utoipa::path(
    delete,
    path = "/applications/{name}",
    operation_id = "deleteApplication",
    params(
        ("name" = String, Path, description = "The application's name"),
        ("If-Match" = String, Header, description = "The entity tag of what you have seen"),
        ("dryRun" = Option<bool>, Query, description = "Only say what would happen"),
        ("note" = Option<String>, Query, description = "What you say about the change, for the history")
    ),
    responses(
        (status = NO_CONTENT, description = "It is gone"),
        (status = OK, body = DryRun, description = "With `dryRun`: what would happen"),
        (status = "4XX", body = Problem, content_type = "application/problem+json")
    )
)]
async fn remove_application(
    State(desk): State<Arc<Desk>>,
    person: Person,
    Place(name): Place<String>,
    (purpose, Note(note), headers): (Purpose, Note, HeaderMap),
) -> Result<Response, Problem> {
    person.require(Role::Operator)?;
    blocking(move || {
        let remove = |list: &mut Vec<Value>| {
            let before = list.len();
            list.retain(|known| !is_called(known, &name));
            if list.len() == before { Err(unknown(&name)) } else { Ok(()) }
        };
        let asked = Edit { action: "application removed", name: &name, change: &remove, purpose, note: &note };
        match edit(&desk, &person, asked, Some(&headers))? {
            Outcome::Tried(tried) => Ok(Json(tried).into_response()),
            Outcome::Done => Ok(StatusCode::NO_CONTENT.into_response()),
        }
    })
    .await
}
