//! `countersign apps`: the client applications of the running gateway.

use std::{path::Path, process::ExitCode};

use anyhow::Context as _;
use reqwest::Method;
use serde_json::Value;

use super::{AdminApi, Answer, Order, Reply, conclude, print_list, refused, seen};
use crate::{
    Process,
    cli::{AdminArguments, AppsArguments, AppsCommand, ChangeArguments, SeenArguments},
    commands::configuration::read_source,
    output,
};

/// Runs one of the commands on client applications.
///
/// # Errors
///
/// When the gateway does not answer, or a file cannot be read.
pub(crate) fn run(arguments: &AppsArguments, process: &Process) -> anyhow::Result<ExitCode> {
    match &arguments.command {
        AppsCommand::List { admin } => list(admin, process),
        AppsCommand::Show { name, admin } => show(name, admin, process),
        AppsCommand::Create { file, seen, change, admin } => create(file, (seen, change), (admin, process)),
        AppsCommand::Delete { name, change, admin } => delete(name, change, (admin, process)),
    }
}

fn list(admin: &AdminArguments, process: &Process) -> anyhow::Result<ExitCode> {
    const COLUMNS: [(&str, &str); 4] =
        [("NAME", "name"), ("CLIENT IDS", "clientIds"), ("OWNER", "owner"), ("TIER", "tier")];
    match AdminApi::of(admin, process)?.get(&["applications"], &[])? {
        Reply::Done(answer) => print_list(&answer, admin.format, &COLUMNS).map(|()| ExitCode::SUCCESS),
        Reply::Refused(reason) => Ok(refused(&reason)),
    }
}

fn show(name: &str, admin: &AdminArguments, process: &Process) -> anyhow::Result<ExitCode> {
    match AdminApi::of(admin, process)?.get(&["applications", name], &[])? {
        Reply::Done(Answer { etag, mut body }) => {
            if let (Some(members), Some(etag)) = (body.as_object_mut(), etag) {
                members.insert(SEEN.to_owned(), etag.into());
            }
            output::result_line(&format!("{body:#}")).map(|()| ExitCode::SUCCESS)
        }
        Reply::Refused(reason) => Ok(refused(&reason)),
    }
}

/// The member that `show` adds: the entity tag of the applications' file.
const SEEN: &str = "etag";

/// Makes an application, or replaces the one of that name.
fn create(
    file: &Path,
    (said, change): (&SeenArguments, &ChangeArguments),
    (admin, process): (&AdminArguments, &Process),
) -> anyhow::Result<ExitCode> {
    let text = read_source(file)?.text;
    let mut body: Value = serde_json::from_str(&text).with_context(|| format!("`{}` is no JSON", file.display()))?;
    let shown = body.as_object_mut().and_then(|members| members.remove(SEEN));
    let shown = shown.and_then(|etag| etag.as_str().map(ToOwned::to_owned));
    let name = body.get("name").and_then(Value::as_str).context("an application has a `name`")?.to_owned();
    let api = AdminApi::of(admin, process)?;
    let there = match api.get(&["applications", &name], &[])? {
        Reply::Done(answer) => Some(answer),
        Reply::Refused(_) => None,
    };
    let path = ["applications", name.as_str()];
    let order = match there {
        None => Order { method: Method::POST, path: &["applications"], body: Some(body), etag: None },
        Some(answer) => match seen((said, shown), change, answer.etag) {
            Ok(etag) => Order { method: Method::PUT, path: &path, body: Some(body), etag },
            Err(reason) => return Ok(refused(reason)),
        },
    };
    Ok(conclude(api.change(&order, change)?, change, &format!("saved `{name}`")))
}

fn delete(
    name: &str,
    change: &ChangeArguments,
    (admin, process): (&AdminArguments, &Process),
) -> anyhow::Result<ExitCode> {
    let api = AdminApi::of(admin, process)?;
    let path = ["applications", name];
    let etag = match api.get(&path, &[])? {
        Reply::Done(answer) => answer.etag,
        Reply::Refused(reason) => return Ok(refused(&reason)),
    };
    let order = Order { method: Method::DELETE, path: &path, body: None, etag };
    Ok(conclude(api.change(&order, change)?, change, &format!("removed `{name}`")))
}
