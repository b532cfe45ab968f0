//! `countersign state`: the documents of the database that several gateways share, as files of a folder, and back.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context as _, anyhow};
use control::{ConfigurationFiles, DocumentChange, PushedState, STATE_SCHEMA, StateCopy, StateTransferError};
use gateway::{Severity, Sources};

use super::configuration::{background, diagnose, read_source};
use crate::{
    Process,
    cli::{EXIT_NO, PullStateArguments, PushStateArguments, StateArguments, StateCommand},
    clock, output,
};

/// Where a folder keeps the revision that it was pulled at.
const REVISION: &str = ".countersign-revision";

/// Does what was typed.
///
/// # Errors
///
/// When the database or a file cannot be read or written.
pub(crate) fn run(arguments: &StateArguments, process: &Process) -> anyhow::Result<ExitCode> {
    match &arguments.command {
        StateCommand::Push(arguments) => push(arguments, process),
        StateCommand::Pull(arguments) => pull(arguments, process),
        StateCommand::Schema => {
            output::result(STATE_SCHEMA)?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn push(arguments: &PushStateArguments, process: &Process) -> anyhow::Result<ExitCode> {
    let background = background()?;
    let files = ConfigurationFiles::new(&arguments.config, process.variables.clone(), background.handle().clone());
    let folder = arguments.folder.clone().unwrap_or_else(|| folder_of(&arguments.config));
    let wanted = StateCopy::read(&folder).with_context(|| format!("cannot read `{}`", folder.display()))?;
    let known = files.pull_state().map_err(failed)?;
    if !arguments.force && !is_seen(&folder, &known)? {
        output::message(&format!(
            "the database is at revision {}, which `{}` was not pulled at: pull it and repeat your changes, or say --force",
            known.revision,
            folder.display()
        ));
        return Ok(ExitCode::from(EXIT_NO));
    }
    let mut changes = known.changes_to(&wanted);
    let extra = known.removals_to(&wanted);
    let mut after = wanted.clone();
    if arguments.delete {
        changes.extend(extra);
    } else {
        after.extend(extra.iter().filter_map(|it| Some((it.name.clone(), known.documents.get(&it.name)?.clone()))));
        for document in &extra {
            output::message(&format!("kept: {} (--delete removes it)", document.name));
        }
    }
    if !is_sound(&arguments.config, (&after, &folder), process)? {
        return Ok(ExitCode::from(EXIT_NO));
    }
    show(&changes)?;
    // Without tables they are made, even where there is nothing to put into them.
    if arguments.dry_run || changes.is_empty() && known.revision > 0 {
        return Ok(ExitCode::SUCCESS);
    }
    let author = process.variables.get("USER").map_or("state push", String::as_str);
    let pushed = PushedState { author, at: clock::seconds(process.now), revision: known.revision };
    match files.push_state(changes, pushed) {
        Ok(revision) => {
            remember(&folder, revision)?;
            output::result_line(&format!("the database is at revision {revision}"))?;
            Ok(ExitCode::SUCCESS)
        }
        Err(error @ StateTransferError::Changed(_)) => {
            output::message(&error.to_string());
            Ok(ExitCode::from(EXIT_NO))
        }
        Err(error) => Err(failed(error)),
    }
}

fn pull(arguments: &PullStateArguments, process: &Process) -> anyhow::Result<ExitCode> {
    let background = background()?;
    let files = ConfigurationFiles::new(&arguments.config, process.variables.clone(), background.handle().clone());
    let known = files.pull_state().map_err(failed)?;
    let folder = &arguments.folder;
    let cannot = || format!("cannot write into `{}`", folder.display());
    known.write(folder).with_context(cannot)?;
    let there = StateCopy::read(folder).with_context(cannot)?;
    for name in there.keys().filter(|name| !known.documents.contains_key(*name)) {
        if arguments.delete {
            fs::remove_file(folder.join(name)).with_context(cannot)?;
            output::result_line(&format!("removed {name}"))?;
        } else {
            output::message(&format!("not in the database: {name} (--delete removes it)"));
        }
    }
    remember(folder, known.revision)?;
    output::result_line(&format!("{} documents of revision {}", known.documents.len(), known.revision))?;
    Ok(ExitCode::SUCCESS)
}

/// True when the folder holds the last revision, with or without changes of its own.
fn is_seen(folder: &Path, known: &StateCopy) -> anyhow::Result<bool> {
    let path = folder.join(REVISION);
    match fs::read_to_string(&path) {
        Ok(text) => Ok(text.trim() == known.revision.to_string()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(known.documents.is_empty()),
        Err(error) => Err(anyhow!("cannot read `{}`: {error}", path.display())),
    }
}

fn remember(folder: &Path, revision: i64) -> anyhow::Result<()> {
    let path = folder.join(REVISION);
    fs::write(&path, format!("{revision}\n")).with_context(|| format!("cannot write `{}`", path.display()))
}

/// Compiles what the database would hold; prints the mistakes.
fn is_sound(
    config: &Path,
    (documents, folder): (&BTreeMap<String, String>, &Path),
    process: &Process,
) -> anyhow::Result<bool> {
    let (apis, applications) = StateCopy::sources(documents, folder);
    let sources = Sources { operator: read_source(config)?, apis, applications, variables: process.variables.clone() };
    let diagnostics = diagnose(&sources, process)?;
    for diagnostic in diagnostics.iter().filter(|diagnostic| diagnostic.severity == Severity::Error) {
        output::message(&diagnostic.to_string());
    }
    Ok(!diagnostics.has_errors())
}

fn show(changes: &[DocumentChange]) -> anyhow::Result<()> {
    if changes.is_empty() {
        return output::result_line("nothing to change");
    }
    changes.iter().try_for_each(|change| {
        output::result_line(&format!("{} {}", change.action(), change.name))?;
        if change.action() == "changed" { output::result(&change.diff) } else { Ok(()) }
    })
}

fn folder_of(config: &Path) -> PathBuf {
    let folder = config.parent().filter(|folder| !folder.as_os_str().is_empty());
    folder.map_or_else(|| PathBuf::from("."), Path::to_path_buf)
}

/// Says all that is wrong with what the operator's file says about the database.
fn failed(error: StateTransferError) -> anyhow::Error {
    match error {
        StateTransferError::NoDatabase(diagnostics) => {
            diagnostics.iter().for_each(|diagnostic| output::message(&diagnostic.to_string()));
            if !diagnostics.has_errors() {
                return anyhow!(
                    "the operator's file names no database: say `state: {{ url: postgres://USER@HOST/DATABASE }}`"
                );
            }
            diagnostics.iter().for_each(|diagnostic| output::message(&diagnostic.to_string()));
            anyhow!("the operator's file has mistakes")
        }
        error @ (StateTransferError::Database(_) | StateTransferError::Changed(_)) => error.into(),
    }
}
