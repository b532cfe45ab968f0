//! Changes: conditions first, then all that would be wrong, then the file, the publication, the history and the audit log.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::Arc,
    time::UNIX_EPOCH,
};

use axum::extract::FromRequestParts;
use gateway::{
    Api, Compiled, DiagnosticCode, Diagnostics, Endpoint, Operation, Severity, Source, Treatment, yaml_pointers,
};
use http::{HeaderMap, header::IF_MATCH, request::Parts};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::{
    acts::note,
    desk::{Desk, file_of},
    person::Person,
    problem::{Mistake, Problem},
    v1::NoteView,
};
use crate::{
    definitions::{Definition, etag},
    edits::{FileEdit, FileEditError},
    files::Reload,
    history::{self, API, Change},
};

/// Whether something is done, or only tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// It is done.
    Do,
    /// `?dryRun=true`: it is compiled, and what would happen is said.
    Try,
}

/// What would happen.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct DryRun {
    /// The difference of the file, unified.
    diff: String,
    /// What would be wrong, or should be looked at.
    diagnostics: Vec<Mistake>,
    /// The operations that would answer otherwise: API, verb and target.
    affected: Vec<String>,
    /// What became of each part of an imported document: what was not carried over, and where it stands.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    notes: Vec<NoteView>,
}

impl DryRun {
    /// Adds what became of an imported document.
    pub(super) fn with_notes(self, notes: Vec<NoteView>) -> Self {
        Self { notes, ..self }
    }
}

/// What a change answers: how it is now, or, with `dryRun`, what would happen.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub(super) enum Changed<T> {
    /// How it is now.
    Done(T),
    /// What would happen.
    Tried(DryRun),
}

/// One change of one file.
#[derive(Debug)]
pub(super) struct Wanted {
    /// What is done, for the history.
    pub(super) action: &'static str,
    /// What it is about, for the history.
    pub(super) target: String,
    /// What the author says about it.
    pub(super) note: String,
    /// The file.
    pub(super) edit: FileEdit,
    /// Where places of the file stand in what was posted.
    pub(super) pointer: Pointer,
}

/// Finds a place of a file in what was posted: by the file as JSON, and the place's JSON pointer in it.
pub(super) type Pointer = fn(&Value, &str) -> Option<String>;

/// What came of it.
#[derive(Debug)]
pub(super) enum Outcome {
    /// It is done, and requests see it.
    Done,
    /// This would happen.
    Tried(DryRun),
}

/// `?note=`: what the author says about a change that says so nowhere else.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Note(pub(super) String);

impl FromRequestParts<Arc<Desk>> for Purpose {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<Desk>) -> Result<Self, Problem> {
        match parameter(parts, "dryRun").as_deref() {
            None | Some("false") => Ok(Self::Do),
            Some("true" | "") => Ok(Self::Try),
            Some(_) => Err(Problem::bad_request("`dryRun` is `true` or `false`")),
        }
    }
}

impl FromRequestParts<Arc<Desk>> for Note {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<Desk>) -> Result<Self, Problem> {
        Ok(Self(parameter(parts, "note").unwrap_or_default()))
    }
}

fn parameter(parts: &Parts, name: &str) -> Option<String> {
    let pairs = url::form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes());
    let mut values = pairs.filter(|(found, _)| found == name).map(|(_, value)| value.into_owned());
    values.next()
}

/// Checks that whoever changes something has seen it as it is.
///
/// # Errors
///
/// 428 without `If-Match`, 412 when it names another state.
pub(super) fn check_condition(headers: &HeaderMap, current: &str) -> Result<(), Problem> {
    let Some(condition) = headers.get(IF_MATCH) else { return Err(Problem::no_condition(current)) };
    let condition = condition.to_str().unwrap_or_default();
    let is_met = condition == "*" || condition.split(',').any(|tag| tag.trim() == current);
    if is_met { Ok(()) } else { Err(Problem::stale(current)) }
}

/// Makes a change, or says what it would come to.
///
/// # Errors
///
/// 412 when the file has changed meanwhile, 422 with diagnostics when the configuration would be broken.
pub(super) fn change(desk: &Desk, person: &Person, wanted: &Wanted, purpose: Purpose) -> Result<Outcome, Problem> {
    let edit = &wanted.edit;
    let file = file_of(&edit.path);
    refuse_second(desk, wanted)?;
    let diff = history::diff(&wanted.target, &file, (edit.before.as_deref(), edit.after.as_deref()));
    if purpose == Purpose::Try {
        return try_out(desk, wanted, diff).map(Outcome::Tried);
    }
    if edit.before == edit.after {
        return Ok(Outcome::Done);
    }
    let parts = desk.parts();
    let change = Change {
        n: 0,
        at: desk.now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_secs()),
        author: person.name.to_string(),
        action: wanted.action.to_owned(),
        target: wanted.target.clone(),
        file,
        note: wanted.note.clone(),
        diff,
        after: edit.after.clone(),
    };
    let diagnostics = parts.files.edit(&parts.gateway, edit, &change).map_err(|error| refusal(wanted, error))?;
    (parts.report)(&Reload::Applied(diagnostics));
    let act = json!({
        "event": "configuration_changed",
        "action": change.action,
        "target": change.target,
        "file": change.file,
        "diff": change.diff,
    });
    note(parts, act, &person.name);
    desk.remember_edit(edit.before.as_deref(), change);
    Ok(Outcome::Done)
}

/// Refuses the id of an API whose file is broken: nothing compiles that, so nothing else refuses it.
fn refuse_second(desk: &Desk, wanted: &Wanted) -> Result<(), Problem> {
    let (Some(text), true) = (&wanted.edit.after, wanted.target.starts_with(API)) else { return Ok(()) };
    let path = wanted.edit.path.clone();
    let wanted = Definition::of(Source { path, text: text.clone() });
    let published = desk.published();
    let is_taken = desk.definitions()?.iter().any(|known| {
        let path = &known.source.path;
        known.id == wanted.id && *path != wanted.source.path && published.broken.contains(path)
    });
    if is_taken {
        return Err(Problem::unprocessable(format!("another API has the id `{}`", wanted.id)));
    }
    Ok(())
}

/// Compiles what is wanted without publishing it.
///
/// # Errors
///
/// 422 with diagnostics.
pub(super) fn draft(desk: &Desk, wanted: &Wanted) -> Result<(Compiled, Diagnostics), Problem> {
    let sources = wanted.edit.applied_to(desk.sources()?);
    let compiled = desk.gateway().draft(&sources, &wanted.edit.path);
    compiled.map_err(|diagnostics| Problem::broken(located(wanted, &diagnostics)))
}

fn try_out(desk: &Desk, wanted: &Wanted, diff: String) -> Result<DryRun, Problem> {
    let (compiled, diagnostics) = draft(desk, wanted)?;
    let affected = affected(&desk.published(), &compiled);
    Ok(DryRun { diff, diagnostics: located(wanted, &diagnostics), affected, notes: Vec::new() })
}

fn refusal(wanted: &Wanted, error: FileEditError) -> Problem {
    match error {
        FileEditError::Changed(now) => Problem::stale(&etag(&now.unwrap_or_default())),
        FileEditError::Unreachable(error) => Problem::unavailable(error),
        FileEditError::Refused(diagnostics) => Problem::broken(located(wanted, &diagnostics)),
        FileEditError::Unreadable(diagnostics) => Problem::failed(diagnostics.to_string().trim_end()),
        FileEditError::Unwritable(path, error) => {
            tracing::error!("cannot write `{}`: {error}", path.display());
            Problem::conflict(format!("the gateway cannot write `{}`: {}", name(&path), error.kind()))
        }
    }
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Shows diagnostics, those of the edited file with their place in what was posted.
fn located(wanted: &Wanted, diagnostics: &Diagnostics) -> Vec<Mistake> {
    let edit = &wanted.edit;
    let own = diagnostics.iter().filter(|diagnostic| *diagnostic.span.file == *edit.path);
    let places: Vec<(u32, u32)> = own.map(|it| (it.span.offset, it.span.length)).collect();
    let source = Source { path: edit.path.clone(), text: edit.after.clone().unwrap_or_default() };
    let document = gateway::yaml_to_json(&source).unwrap_or_default();
    let mut pointers = yaml_pointers(&source, &places).into_iter();
    let locate = |diagnostic: &gateway::Diagnostic| {
        let is_own = *diagnostic.span.file == *edit.path;
        let pointer = if is_own { pointers.next().flatten() } else { clash(diagnostic) };
        let pointer = pointer.and_then(|pointer| (wanted.pointer)(&document, &pointer));
        Mistake::of(diagnostic).at(pointer)
    };
    diagnostics.iter().map(locate).collect()
}

/// Returns the place in the edited file of what another file complains of; `None`: that complains of itself.
fn clash(diagnostic: &gateway::Diagnostic) -> Option<String> {
    let places = [(DiagnosticCode::RouteConflict, "/basePath"), (DiagnosticCode::DuplicateName, "/name")];
    let place = places.into_iter().find(|(code, _)| *code == diagnostic.code)?.1;
    (diagnostic.severity == Severity::Error).then(|| place.to_owned())
}

/// Lists the operations that answer otherwise with another configuration.
fn affected(before: &Compiled, after: &Compiled) -> Vec<String> {
    let all = |compiled: &Compiled| -> BTreeMap<String, String> {
        let apis = compiled.snapshot.apis.iter();
        let named = apis.flat_map(|api| {
            let version = &api.production.version;
            let name = if version.is_empty() { api.name.to_string() } else { format!("{}:{version}", api.name) };
            api.operations.iter().map(move |operation| (format!("{name} {}", operation.label), facts(api, operation)))
        });
        named.collect()
    };
    let (before, after) = (all(before), all(after));
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    names.into_iter().filter(|name| before.get(*name) != after.get(*name)).cloned().collect()
}

/// Returns all that an operation's answers depend on, to be compared: what is configured, and nothing that changes by itself.
pub(super) fn facts(api: &Api, operation: &Operation) -> String {
    let policies: Vec<_> = operation.backend_jwts.policies.iter().map(|it| it.fingerprint).collect();
    let endpoints = operation.production.weights().chain(operation.sandbox.weights());
    let endpoints: Vec<String> = endpoints.map(|(weight, it)| format!("{weight} {}", address(it))).collect();
    let access = (&operation.access, &operation.upgrade, &operation.credential_headers);
    let treatment = operation.treatment.as_deref().map(|treatment| {
        let Treatment { cors: _, limits, redirect, mirrors, request_headers, response_headers } = treatment;
        let quotas: Vec<_> = limits.iter().map(|limit| limit.quota).collect();
        let mirrors: Vec<String> = mirrors.iter().map(|mirror| address(mirror)).collect();
        format!("{quotas:?} {redirect:?} {mirrors:?} {request_headers:?} {response_headers:?}")
    });
    format!("{policies:?} {endpoints:?} {access:?} {treatment:?} {:?} {:?}", api.cors, api.state)
}

fn address(endpoint: &Endpoint) -> String {
    let Endpoint { pool: _, upstream, host, port, path, authority, trusted_ca, .. } = endpoint;
    let times = (endpoint.connect_timeout, endpoint.response_timeout);
    let resilience = endpoint.resilience.as_ref().map(|it| (&it.retries, it.limits));
    format!("{upstream:?} {host} {port} {path} {authority:?} {trusted_ca:?} {times:?} {resilience:?}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_needs_the_state_that_it_starts_from() {
        let check = |condition: Option<&'static str>, is_met| {
            let mut headers = HeaderMap::new();
            if let Some(condition) = condition {
                headers.insert(IF_MATCH, http::HeaderValue::from_static(condition));
            }
            assert_eq!(check_condition(&headers, "\"a\"").is_ok(), is_met, "{condition:?}");
        };
        check(None, false);
        check(Some("\"a\""), true);
        check(Some("\"b\", \"a\""), true);
        check(Some("*"), true);
        check(Some("\"b\""), false);
        check(Some("a"), false);
    }
}
