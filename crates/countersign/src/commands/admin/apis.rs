//! `countersign apis`: the API definitions of the running gateway.

use std::{path::Path, process::ExitCode};

use reqwest::Method;
use serde_json::{Map, Value, json};

use super::{AdminApi, Answer, Order, Reply, conclude, print_list, refused};
use crate::{
    Process,
    cli::{AdminArguments, ApisArguments, ApisCommand, ChangeArguments, CreateApiArguments, Format},
    commands::configuration::read_source,
    output,
};

const COLUMNS: [(&str, &str); 8] = [
    ("ID", "id"),
    ("NAME", "name"),
    ("VERSION", "version"),
    ("PATH", "context"),
    ("STATE", "state"),
    ("OPERATIONS", "operations"),
    ("BACKEND JWT", "backendJwt"),
    ("SECURITY", "security"),
];

/// Runs one of the commands on APIs.
///
/// # Errors
///
/// When the gateway does not answer, or a file cannot be read.
pub(crate) fn run(arguments: &ApisArguments, process: &Process) -> anyhow::Result<ExitCode> {
    match &arguments.command {
        ApisCommand::List { search, admin } => list(search.as_deref(), admin, process),
        ApisCommand::Show { id, admin } => show(id, admin, process),
        ApisCommand::Create(arguments) => create(arguments, process),
        ApisCommand::Update { id, file, change, admin } => update((id, file), change, (admin, process)),
        ApisCommand::Delete { id, change, admin } => delete(id, change, (admin, process)),
        ApisCommand::Revisions { id, admin } => revisions(id, admin, process),
        ApisCommand::Restore { id, number, change, admin } => restore((id, *number), change, (admin, process)),
    }
}

fn list(search: Option<&str>, admin: &AdminArguments, process: &Process) -> anyhow::Result<ExitCode> {
    let query: Vec<(&str, &str)> = search.map(|text| ("q", text)).into_iter().chain([("limit", "1000")]).collect();
    match AdminApi::of(admin, process)?.get(&["apis"], &query)? {
        Reply::Done(answer) => print_list(&answer, admin.format, &COLUMNS).map(|()| ExitCode::SUCCESS),
        Reply::Refused(reason) => Ok(refused(&reason)),
    }
}

fn show(id: &str, admin: &AdminArguments, process: &Process) -> anyhow::Result<ExitCode> {
    match AdminApi::of(admin, process)?.get(&["apis", id], &[])? {
        Reply::Done(answer) if admin.format == Format::Json => output::result_line(&format!("{:#}", answer.body))?,
        Reply::Done(answer) => {
            output::result(answer.body.get("document").and_then(Value::as_str).unwrap_or_default())?;
        }
        Reply::Refused(reason) => return Ok(refused(&reason)),
    }
    Ok(ExitCode::SUCCESS)
}

fn create(arguments: &CreateApiArguments, process: &Process) -> anyhow::Result<ExitCode> {
    let wishes = arguments.wishes.to_wishes();
    let mut body = Map::new();
    body.insert("document".to_owned(), read_source(&arguments.file)?.text.into());
    body.insert("kind".to_owned(), "auto".into());
    body.insert("note".to_owned(), arguments.change.note.as_str().into());
    let wanted = [
        ("name", wishes.name),
        ("version", wishes.version),
        ("basePath", wishes.base_path),
        ("endpoint", wishes.endpoint),
        ("fileName", arguments.file_name.clone()),
    ];
    body.extend(wanted.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?.into()))));
    let order = Order { method: Method::POST, path: &["apis"], body: Some(body.into()), etag: None };
    let reply = AdminApi::of(&arguments.admin, process)?.change(&order, &arguments.change)?;
    let id = match &reply {
        Some(Reply::Done(answer)) => answer.body.get("id").and_then(Value::as_str).unwrap_or_default().to_owned(),
        Some(Reply::Refused(_)) | None => String::new(),
    };
    Ok(conclude(reply, &arguments.change, &format!("created `{id}`")))
}

fn update(
    (id, file): (&str, &Path),
    change: &ChangeArguments,
    (admin, process): (&AdminArguments, &Process),
) -> anyhow::Result<ExitCode> {
    let body = json!({ "document": read_source(file)?.text, "note": change.note });
    let path = ["apis", id];
    let wanted = |answer: Answer| Order { method: Method::PUT, path: &path, body: Some(body), etag: answer.etag };
    on_what_is_there(id, (wanted, change), (admin, process), &format!("changed `{id}`"))
}

fn delete(
    id: &str,
    change: &ChangeArguments,
    (admin, process): (&AdminArguments, &Process),
) -> anyhow::Result<ExitCode> {
    let path = ["apis", id];
    let wanted = |answer: Answer| Order { method: Method::DELETE, path: &path, body: None, etag: answer.etag };
    on_what_is_there(id, (wanted, change), (admin, process), &format!("removed `{id}`"))
}

fn restore(
    (id, number): (&str, u64),
    change: &ChangeArguments,
    (admin, process): (&AdminArguments, &Process),
) -> anyhow::Result<ExitCode> {
    let number = number.to_string();
    let path = ["apis", id, "revisions", &number, "restore"];
    let body = json!({ "note": change.note });
    let wanted = |answer: Answer| Order { method: Method::POST, path: &path, body: Some(body), etag: answer.etag };
    on_what_is_there(id, (wanted, change), (admin, process), &format!("`{id}` is as it was in revision {number}"))
}

/// Looks at an API, and makes a change of what was seen.
fn on_what_is_there<'a>(
    id: &str,
    (wanted, change): (impl FnOnce(Answer) -> Order<'a>, &ChangeArguments),
    (admin, process): (&AdminArguments, &Process),
    done: &str,
) -> anyhow::Result<ExitCode> {
    let api = AdminApi::of(admin, process)?;
    match api.get(&["apis", id], &[])? {
        Reply::Done(answer) => Ok(conclude(api.change(&wanted(answer), change)?, change, done)),
        Reply::Refused(reason) => Ok(refused(&reason)),
    }
}

fn revisions(id: &str, admin: &AdminArguments, process: &Process) -> anyhow::Result<ExitCode> {
    const COLUMNS: [(&str, &str); 5] =
        [("NUMBER", "n"), ("AT", "at"), ("AUTHOR", "author"), ("ACTION", "action"), ("NOTE", "note")];
    match AdminApi::of(admin, process)?.get(&["apis", id, "revisions"], &[])? {
        Reply::Done(answer) => print_list(&answer, admin.format, &COLUMNS).map(|()| ExitCode::SUCCESS),
        Reply::Refused(reason) => Ok(refused(&reason)),
    }
}
