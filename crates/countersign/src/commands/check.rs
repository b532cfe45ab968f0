//! `countersign check`.

use std::process::ExitCode;

use crate::{Process, cli::CheckArguments};

/// Runs the command.
///
/// # Errors
///
/// Not built yet.
pub(crate) fn run(_: &CheckArguments, _: &Process) -> anyhow::Result<ExitCode> {
    anyhow::bail!("not built yet")
}
