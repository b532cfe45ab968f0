//! `countersign completions` and `countersign manual`: what shells and `man` know of the commands, made of the commands.

use std::process::ExitCode;

use anyhow::Context as _;
use clap::CommandFactory as _;

use crate::{
    cli::{Cli, CompletionsArguments, ManualArguments},
    output,
};

/// Prints the completions of a shell.
///
/// # Errors
///
/// When they cannot be written.
pub(crate) fn run(arguments: &CompletionsArguments) -> anyhow::Result<ExitCode> {
    let mut written = Vec::new();
    clap_complete::generate(arguments.shell, &mut Cli::command(), "countersign", &mut written);
    output::result_bytes(&written)?;
    Ok(ExitCode::SUCCESS)
}

/// Writes the manual pages.
///
/// # Errors
///
/// When they cannot be written.
pub(crate) fn manual(arguments: &ManualArguments) -> anyhow::Result<ExitCode> {
    let folder = &arguments.output;
    std::fs::create_dir_all(folder)
        .and_then(|()| clap_mangen::generate_to(Cli::command(), folder))
        .with_context(|| format!("cannot write the manual pages into `{}`", folder.display()))?;
    Ok(ExitCode::SUCCESS)
}
