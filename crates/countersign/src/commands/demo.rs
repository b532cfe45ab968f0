//! `countersign demo`.

use std::process::ExitCode;

use crate::{Process, cli::DemoArguments};

/// Runs the command.
///
/// # Errors
///
/// Not built yet.
pub(crate) fn run(_: &DemoArguments, _: Process) -> anyhow::Result<ExitCode> {
    anyhow::bail!("not built yet")
}
