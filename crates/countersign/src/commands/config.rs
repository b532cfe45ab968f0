//! `countersign config`: what the configuration files and the admin API may say.

use std::process::ExitCode;

use gateway::{FileKind, defaults, json_schema};

use crate::{
    cli::{ConfigArguments, ConfigCommand, ConfigFile},
    output,
};

/// Prints defaults, a JSON Schema, or the admin API's description.
///
/// # Errors
///
/// When it cannot be written.
pub(crate) fn run(arguments: &ConfigArguments) -> anyhow::Result<ExitCode> {
    match &arguments.command {
        ConfigCommand::Defaults { file } => output::result(&defaults(kind(*file)))?,
        ConfigCommand::Openapi => output::result_line(&control::openapi())?,
        ConfigCommand::Schema { file } => output::result_line(&format!("{:#}", json_schema(kind(*file))))?,
    }
    Ok(ExitCode::SUCCESS)
}

const fn kind(file: ConfigFile) -> FileKind {
    match file {
        ConfigFile::Operator => FileKind::Operator,
        ConfigFile::Api => FileKind::Api,
    }
}
