//! `countersign disclosures`.

use std::process::ExitCode;

use crate::{Process, cli::DisclosuresArguments};

/// Runs the command.
///
/// # Errors
///
/// Not built yet.
pub(crate) fn run(_: &DisclosuresArguments, _: &Process) -> anyhow::Result<ExitCode> {
    anyhow::bail!("not built yet")
}
