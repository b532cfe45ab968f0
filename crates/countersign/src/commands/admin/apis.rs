//! `countersign apis`: the API definitions of the running gateway.

use std::{path::Path, process::ExitCode};

use reqwest::Method;
use serde_json::{Map, Value, json};

use super::{AdminApi, Order, Reply, conclude, print_list, refused, seen};
use crate::{
    Process,
    cli::{AdminArguments, ApisArguments, ApisCommand, ChangeArguments, CreateApiArguments, Format, SeenArguments},
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
        ApisCommand::Update { id, file, seen, change, admin } => update((id, file), (seen, change), (admin, process)),
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
            let document = answer.body.get("document").and_then(Value::as_str).unwrap_or_default();
            output::result(&with_etag(document, answer.etag.as_deref().unwrap_or_default()))?;
        }
        Reply::Refused(reason) => return Ok(refused(&reason)),
    }
    Ok(ExitCode::SUCCESS)
}

/// What stands before the entity tag in the last line of what `show` prints: the other lines keep their numbers.
const SEEN: &str = "# etag: ";

fn with_etag(document: &str, etag: &str) -> String {
    let end = if document.is_empty() || document.ends_with('\n') { "" } else { "\n" };
    format!("{document}{end}{SEEN}{etag}\n")
}

/// Takes the entity tag off again.
fn without_etag(text: &str) -> (&str, Option<String>) {
    let last_line = text.trim_end().rfind('\n').map_or(0, |end| end + 1);
    let etag = text.get(last_line..).and_then(|last| last.trim_end().strip_prefix(SEEN));
    etag.map_or((text, None), |etag| (text.get(..last_line).unwrap_or_default(), Some(etag.to_owned())))
}

fn create(arguments: &CreateApiArguments, process: &Process) -> anyhow::Result<ExitCode> {
    let wishes = arguments.wishes.to_wishes();
    let mut body = Map::new();
    body.insert("document".to_owned(), without_etag(&read_source(&arguments.file)?.text).0.into());
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
    (said, change): (&SeenArguments, &ChangeArguments),
    (admin, process): (&AdminArguments, &Process),
) -> anyhow::Result<ExitCode> {
    let text = read_source(file)?.text;
    let (document, shown) = without_etag(&text);
    let body = json!({ "document": document, "note": change.note });
    let api = AdminApi::of(admin, process)?;
    let now = match api.get(&["apis", id], &[])? {
        Reply::Done(answer) => answer.etag,
        Reply::Refused(reason) => return Ok(refused(&reason)),
    };
    let etag = match seen((said, shown), change, now) {
        Ok(etag) => etag,
        Err(reason) => return Ok(refused(reason)),
    };
    let order = Order { method: Method::PUT, path: &["apis", id], body: Some(body), etag };
    Ok(conclude(api.change(&order, change)?, change, &format!("changed `{id}`")))
}

fn delete(
    id: &str,
    change: &ChangeArguments,
    (admin, process): (&AdminArguments, &Process),
) -> anyhow::Result<ExitCode> {
    let api = AdminApi::of(admin, process)?;
    let etag = match api.get(&["apis", id], &[])? {
        Reply::Done(answer) => answer.etag,
        Reply::Refused(reason) => return Ok(refused(&reason)),
    };
    let order = Order { method: Method::DELETE, path: &["apis", id], body: None, etag };
    Ok(conclude(api.change(&order, change)?, change, &format!("removed `{id}`")))
}

fn restore(
    (id, number): (&str, u64),
    change: &ChangeArguments,
    (admin, process): (&AdminArguments, &Process),
) -> anyhow::Result<ExitCode> {
    let number = number.to_string();
    let path = ["apis", id, "revisions", &number, "restore"];
    let api = AdminApi::of(admin, process)?;
    let etag = match api.get(&["apis", id], &[])? {
        Reply::Done(answer) => answer.etag,
        // It was removed, perhaps: the gateway knows.
        Reply::Refused(_) => None,
    };
    let order = Order { method: Method::POST, path: &path, body: None, etag };
    let done = format!("`{id}` is as it was in revision {number}");
    Ok(conclude(api.change(&order, change)?, change, &done))
}

fn revisions(id: &str, admin: &AdminArguments, process: &Process) -> anyhow::Result<ExitCode> {
    const COLUMNS: [(&str, &str); 5] =
        [("NUMBER", "n"), ("AT", "at"), ("AUTHOR", "author"), ("ACTION", "action"), ("NOTE", "note")];
    match AdminApi::of(admin, process)?.get(&["apis", id, "revisions"], &[])? {
        Reply::Done(answer) => print_list(&answer, admin.format, &COLUMNS).map(|()| ExitCode::SUCCESS),
        Reply::Refused(reason) => Ok(refused(&reason)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_is_read_back_with_its_state() {
        let check = |document: &str, read: &str| {
            let shown = with_etag(document, "\"a1\"");
            assert_eq!(without_etag(&shown), (read, Some("\"a1\"".to_owned())), "{document}");
        };
        check("name: x\n", "name: x\n");
        check("name: x", "name: x\n");
        check("", "");
        assert_eq!(without_etag("name: x\n# etags\n"), ("name: x\n# etags\n", None));
    }
}
