//! API definitions made, replaced and removed; `revisions.rs` has them back as they were.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use gateway::{Diagnostic, DiagnosticCode, Source, Sources, Span};
use http::{
    HeaderMap, HeaderValue, StatusCode,
    header::{ETAG, LOCATION},
};
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{apis::ApiView, imports::NoteView};
use crate::{
    admin::{
        body::{Body, Place},
        changes::{Changed, Note, Outcome, Purpose, Wanted, change, check_condition},
        desk::{CREATED, Desk, blocking, target},
        person::{Person, Role},
        problem::{Mistake, Problem},
    },
    definitions::Definition,
    edits::FileEdit,
    import::{ApiWishes, ImportKind, ImportNote, import_api},
};

pub(super) fn routes() -> OpenApiRouter<Arc<Desk>> {
    OpenApiRouter::new().routes(routes!(create)).routes(routes!(replace, remove))
}

/// An API to make.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NewApi {
    /// An API definition (apk-conf) or an OpenAPI document, YAML or JSON.
    document: String,
    /// What it is.
    #[serde(default)]
    kind: DocumentKind,
    /// Where it lives, before what the document says.
    base_path: Option<String>,
    /// Where its calls go, before what the document says.
    endpoint: Option<String>,
    /// Its name, before what the document says.
    name: Option<String>,
    /// Its version, before what the document says.
    version: Option<String>,
    /// What to call the file, with its ending.
    file_name: Option<String>,
    /// What you say about the change, for the history.
    #[serde(default)]
    note: String,
}

/// What a document is.
#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
enum DocumentKind {
    /// As it looks.
    #[default]
    #[serde(rename = "auto")]
    Auto,
    /// An API definition.
    #[serde(rename = "apk-conf")]
    ApkConf,
    /// An OpenAPI document.
    #[serde(rename = "openapi")]
    OpenApi,
}

/// A definition's text.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Document {
    /// The whole file.
    document: String,
    /// What you say about the change, for the history.
    #[serde(default)]
    note: String,
}

/// Makes an API of an API definition or an OpenAPI document.
#[utoipa::path(
    post,
    path = "/apis",
    operation_id = "createApi",
    params(("dryRun" = Option<bool>, Query, description = "Only say what would happen")),
    request_body = NewApi,
    responses(
        (status = CREATED, body = ApiView, headers(
            ("ETag" = String, description = "Of the API's file"),
            ("Location" = String, description = "Where the API is")
        )),
        (status = OK, body = Changed<ApiView>, description = "With `dryRun`: what would happen"),
        (status = "4XX", body = Problem, content_type = "application/problem+json")
    )
)]
async fn create(
    State(desk): State<Arc<Desk>>,
    person: Person,
    purpose: Purpose,
    Body(new): Body<NewApi>,
) -> Result<Response, Problem> {
    person.require(Role::Author)?;
    blocking(move || {
        let sources = desk.sources()?;
        let folder = desk.parts().files.api_folder(&desk.published().operator);
        let (file_name, text, notes) = definition_of(&new)?;
        let path = free_path(&folder, &file_name, &sources, new.file_name.is_some())?;
        let definition = Definition::of(Source { path: path.clone(), text: text.clone() });
        let wanted = Wanted {
            action: CREATED,
            target: target(&definition.id),
            note: new.note,
            edit: FileEdit { path, before: None, after: Some(text) },
            pointer: field,
        };
        match change(&desk, &person, &wanted, purpose)? {
            Outcome::Tried(tried) => {
                let tried = tried.with_notes(NoteView::all(&notes));
                Ok(Json(Changed::<ApiView>::Tried(tried)).into_response())
            }
            Outcome::Done => {
                let (etag, view) = ApiView::read(&desk, &definition.id)?;
                let location = format!("/api/v1/apis/{}", encoded(&definition.id));
                let location = HeaderValue::from_str(&location).unwrap_or(HeaderValue::from_static("/api/v1/apis"));
                let mut response = (StatusCode::CREATED, [(ETAG, etag)], Json(view)).into_response();
                response.headers_mut().insert(LOCATION, location);
                Ok(response)
            }
        }
    })
    .await
}

/// Returns the file's name and text, and what became of the document's parts.
fn definition_of(new: &NewApi) -> Result<(String, String, Vec<ImportNote>), Problem> {
    let source = Source { path: PathBuf::from("document"), text: new.document.clone() };
    let kind = match new.kind {
        DocumentKind::Auto => None,
        DocumentKind::ApkConf => Some(ImportKind::ApkConf),
        DocumentKind::OpenApi => Some(ImportKind::OpenApi),
    };
    let wishes = ApiWishes {
        name: new.name.clone(),
        version: new.version.clone(),
        base_path: new.base_path.clone(),
        endpoint: new.endpoint.clone(),
    };
    let imported = import_api(&source, kind, &wishes).map_err(|diagnostics| {
        let wrong = wishes.mistakes();
        if !wrong.is_empty() {
            return Problem::broken(wrong.iter().map(wrong_field).collect());
        }
        let at_document = |mistake: Mistake| mistake.at(Some("/document".to_owned()));
        Problem::broken(Mistake::all(&diagnostics).into_iter().map(at_document).collect())
    })?;
    let file_name = new.file_name.clone().unwrap_or_else(|| file_name_of(&imported.text));
    Ok((file_name, imported.text, imported.notes))
}

/// Says what is wrong with a field beside the document.
fn wrong_field((field, reason): &(&'static str, String)) -> Mistake {
    let span = Span::start_of(Arc::from(Path::new("document")));
    Mistake::of(&Diagnostic::error(DiagnosticCode::InvalidValue, &span, reason)).at(Some(format!("/{field}")))
}

/// Returns what to call a definition's file: by its name and version.
fn file_name_of(text: &str) -> String {
    let definition = Definition::of(Source { path: PathBuf::from("api.yaml"), text: text.to_owned() });
    let plain = |letter: char| if letter.is_ascii_alphanumeric() || letter == '.' { letter } else { '-' };
    let name: String = definition.id.chars().map(plain).collect();
    let name = name.trim_matches(['.', '-']).to_ascii_lowercase();
    if name.is_empty() { "api.yaml".to_owned() } else { format!("{name}.yaml") }
}

/// Returns where a new file goes: a name that is taken gets a number, unless it was asked for.
pub(super) fn free_path(folder: &Path, name: &str, sources: &Sources, is_wanted: bool) -> Result<PathBuf, Problem> {
    let is_plain =
        !name.starts_with('.') && name.chars().all(|it| it.is_alphanumeric() || matches!(it, '.' | '-' | '_'));
    let (stem, ending) = name.rsplit_once('.').unwrap_or((name, ""));
    if !is_plain || stem.is_empty() || !matches!(ending, "yaml" | "yml" | "apk-conf") {
        return Err(Problem::unprocessable(
            "`fileName` is letters, digits, `.`, `-` and `_`, and ends in `.yaml`, `.yml` or `.apk-conf`",
        ));
    }
    let is_taken = |path: &PathBuf| sources.apis.iter().any(|api| api.path == *path) || path.exists();
    let wanted = folder.join(name);
    if !is_taken(&wanted) {
        return Ok(wanted);
    }
    if is_wanted {
        return Err(Problem::conflict(format!("there is a file `{name}` already")));
    }
    let mut numbered = (2..1000).map(|number| folder.join(format!("{stem}-{number}.{ending}")));
    numbered.find(|path| !is_taken(path)).ok_or_else(|| Problem::conflict("too many files of one name"))
}

/// Replaces an API's definition.
#[utoipa::path(
    put,
    path = "/apis/{id}",
    operation_id = "putApi",
    params(
        ("id" = String, Path, description = "The API's id"),
        ("If-Match" = String, Header, description = "The entity tag of what you have seen"),
        ("dryRun" = Option<bool>, Query, description = "Only say what would happen")
    ),
    request_body = Document,
    responses(
        (status = OK, body = Changed<ApiView>, headers(("ETag" = String, description = "Of the API's file"))),
        (status = "4XX", body = Problem, content_type = "application/problem+json")
    )
)]
async fn replace(
    State(desk): State<Arc<Desk>>,
    person: Person,
    Place(id): Place<String>,
    (purpose, headers): (Purpose, HeaderMap),
    Body(document): Body<Document>,
) -> Result<Response, Problem> {
    person.require(Role::Author)?;
    blocking(move || {
        let asked = Asked { action: "definition changed", id, note: document.note, purpose };
        write(&desk, &person, (asked, &headers), document.document)
    })
    .await
}

/// A replacement that is asked for.
pub(super) struct Asked {
    pub(super) action: &'static str,
    pub(super) id: String,
    pub(super) note: String,
    pub(super) purpose: Purpose,
}

/// Writes an API's file anew.
pub(super) fn write(
    desk: &Desk,
    person: &Person,
    (asked, headers): (Asked, &HeaderMap),
    text: String,
) -> Result<Response, Problem> {
    let definition = desk.definition(&asked.id)?;
    desk.require_author(person, &definition)?;
    check_condition(headers, &definition.etag)?;
    let (path, before) = (definition.source.path.clone(), Some(definition.source.text.clone()));
    finish(desk, person, asked, FileEdit { path, before, after: Some(text) })
}

/// Makes an edit of an API's file, and shows the API as it is then.
pub(super) fn finish(desk: &Desk, person: &Person, asked: Asked, edit: FileEdit) -> Result<Response, Problem> {
    let text = edit.after.clone().unwrap_or_default();
    let after = Definition::of(Source { path: edit.path.clone(), text });
    let target = target(&asked.id);
    let wanted = Wanted { action: asked.action, target, note: asked.note, edit, pointer: whole_document };
    match change(desk, person, &wanted, asked.purpose)? {
        Outcome::Tried(tried) => Ok(Json(Changed::<ApiView>::Tried(tried)).into_response()),
        Outcome::Done => {
            let (etag, view) = ApiView::read(desk, &after.id)?;
            Ok(([(ETAG, etag)], Json(Changed::Done(view))).into_response())
        }
    }
}

/// Removes an API.
#[utoipa::path(
    delete,
    path = "/apis/{id}",
    operation_id = "deleteApi",
    params(
        ("id" = String, Path, description = "The API's id"),
        ("If-Match" = String, Header, description = "The entity tag of what you have seen"),
        ("dryRun" = Option<bool>, Query, description = "Only say what would happen"),
        ("note" = Option<String>, Query, description = "What you say about the change, for the history")
    ),
    responses(
        (status = NO_CONTENT, description = "It is gone"),
        (status = OK, body = crate::admin::changes::DryRun, description = "With `dryRun`: what would happen"),
        (status = "4XX", body = Problem, content_type = "application/problem+json")
    )
)]
async fn remove(
    State(desk): State<Arc<Desk>>,
    person: Person,
    Place(id): Place<String>,
    (purpose, Note(note), headers): (Purpose, Note, HeaderMap),
) -> Result<Response, Problem> {
    person.require(Role::Author)?;
    blocking(move || {
        let definition = desk.definition(&id)?;
        desk.require_author(&person, &definition)?;
        check_condition(&headers, &definition.etag)?;
        let wanted = Wanted {
            action: "api removed",
            target: target(&id),
            note,
            edit: FileEdit {
                path: definition.source.path.clone(),
                before: Some(definition.source.text.clone()),
                after: None,
            },
            pointer: whole_document,
        };
        match change(&desk, &person, &wanted, purpose)? {
            Outcome::Tried(tried) => Ok(Json(tried).into_response()),
            Outcome::Done => Ok(StatusCode::NO_CONTENT.into_response()),
        }
    })
    .await
}

/// What is wrong with a part that has a field of its own is wrong there, and else in the document.
#[expect(clippy::unnecessary_wraps, reason = "one of several functions of this shape")]
fn field(_: &Value, pointer: &str) -> Option<String> {
    let part = pointer.split('/').nth(1).unwrap_or_default();
    let field = match part {
        "name" | "version" | "basePath" => part,
        "endpointConfigurations" => "endpoint",
        _ => "document",
    };
    Some(format!("/{field}"))
}

/// What is wrong in a file that was posted whole is wrong in the document.
#[expect(clippy::unnecessary_wraps, reason = "one of several functions of this shape")]
fn whole_document(_: &Value, _: &str) -> Option<String> {
    Some("/document".to_owned())
}

fn encoded(id: &str) -> String {
    percent_encoding::utf8_percent_encode(id, percent_encoding::NON_ALPHANUMERIC).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_called_by_its_api() {
        let check = |text: &str, name: &str| assert_eq!(file_name_of(text), name, "{text}");
        check("name: Order Service\nversion: 1.10\nbasePath: /o\noperations: []", "order-service-1.10.yaml");
        check("name: ../../etc/passwd\nbasePath: /o\noperations: []", "etc-passwd.yaml");
        check("name: \"…\"\nbasePath: /o\noperations: []", "api.yaml");
    }

    #[test]
    fn a_new_file_stays_in_the_folder_and_replaces_none() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a.yaml"), "").unwrap();
        let operator = Source { path: folder.path().join("countersign.yaml"), text: String::new() };
        let sources = Sources {
            operator,
            apis: Vec::new(),
            applications: None,
            variables: std::collections::BTreeMap::default(),
        };
        let check = |name: &str, is_wanted: bool, expected: Option<&str>| {
            let path = free_path(folder.path(), name, &sources, is_wanted).ok();
            assert_eq!(path, expected.map(|name| folder.path().join(name)), "{name}");
        };
        check("b.yaml", true, Some("b.yaml"));
        check("a.yaml", false, Some("a-2.yaml"));
        check("a.yaml", true, None);
        for name in ["../b.yaml", ".b.yaml", "b", "b.txt", ".yaml", "b/c.yaml", "b\0.yaml"] {
            check(name, true, None);
        }
    }
}
