//! `countersign keys`.

use std::process::ExitCode;

use crate::{Process, cli::KeysArguments};

/// Runs the command.
///
/// # Errors
///
/// Not built yet.
pub(crate) fn run(_: &KeysArguments, _: &Process) -> anyhow::Result<ExitCode> {
    anyhow::bail!("not built yet")
}
