//! `countersign keys live`: the signing keys of the running gateway.

use std::process::ExitCode;

use serde_json::{Value, json};

use super::{AdminApi, Reply, confirmed, print_list, refused};
use crate::{
    Process,
    cli::{AdminArguments, EXIT_NO, LiveKeyArguments, LiveKeysArguments, LiveKeysCommand},
    output,
};

/// Runs one of the commands on the running gateway's keys.
///
/// # Errors
///
/// When the gateway does not answer.
pub(crate) fn run(arguments: &LiveKeysArguments, process: &Process) -> anyhow::Result<ExitCode> {
    match &arguments.command {
        LiveKeysCommand::List { admin } => print(AdminApi::of(admin, process)?.get(&["keys"], &[])?, admin),
        LiveKeysCommand::Announce { algorithm, announce_for, admin } => {
            let mut body = json!({ "algorithm": algorithm });
            if let (Some(announce_for), Some(members)) = (announce_for, body.as_object_mut()) {
                members.insert("announceFor".to_owned(), Value::from(announce_for.as_str()));
            }
            print(AdminApi::of(admin, process)?.post(&["keys"], body)?, admin)
        }
        LiveKeysCommand::Activate(arguments) => act(arguments, "activate", process),
        LiveKeysCommand::Retire(arguments) => act(arguments, "retire", process),
        LiveKeysCommand::Revoke(arguments) => act(arguments, "revoke", process),
    }
}

fn act(arguments: &LiveKeyArguments, act: &str, process: &Process) -> anyhow::Result<ExitCode> {
    if !arguments.yes {
        output::message(&format!("{act} the key `{}`", arguments.kid));
        if !confirmed() {
            return Ok(ExitCode::from(EXIT_NO));
        }
    }
    let reply = AdminApi::of(&arguments.admin, process)?.post(&["keys", &arguments.kid, act], json!({}))?;
    print(reply, &arguments.admin)
}

fn print(reply: Reply, admin: &AdminArguments) -> anyhow::Result<ExitCode> {
    const COLUMNS: [(&str, &str); 5] = [
        ("KID", "kid"),
        ("ALGORITHM", "algorithm"),
        ("STATE", "state"),
        ("ORIGIN", "origin"),
        ("OPERATIONS", "usedBy"),
    ];
    match reply {
        Reply::Done(answer) => print_list(&answer, admin.format, &COLUMNS).map(|()| ExitCode::SUCCESS),
        Reply::Refused(reason) => Ok(refused(&reason)),
    }
}
