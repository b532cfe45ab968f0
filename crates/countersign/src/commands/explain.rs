//! `countersign explain`.

use std::process::ExitCode;

use crate::{Process, cli::ExplainArguments};

/// Runs the command.
///
/// # Errors
///
/// Not built yet.
pub(crate) fn run(_: &ExplainArguments, _: &Process) -> anyhow::Result<ExitCode> {
    anyhow::bail!("not built yet")
}
