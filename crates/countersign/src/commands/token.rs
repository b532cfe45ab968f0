//! `countersign token`.

use std::process::ExitCode;

use crate::{Process, cli::TokenArguments};

/// Runs the command.
///
/// # Errors
///
/// Not built yet.
pub(crate) fn run(_: &TokenArguments, _: &Process) -> anyhow::Result<ExitCode> {
    anyhow::bail!("not built yet")
}
