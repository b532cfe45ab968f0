//! `countersign disclosures`: every attribute that may leave, for whoever must answer for it.

use std::process::ExitCode;

use control::disclosures::{COLUMNS, csv, row, to_json};
use gateway::disclosures;
use serde_json::Value;

use super::configuration::Configuration;
use crate::{
    Process,
    cli::{DisclosuresArguments, EXIT_NO, TableFormat},
    output,
};

/// Prints the list.
///
/// # Errors
///
/// When it cannot be written.
pub(crate) fn run(arguments: &DisclosuresArguments, process: &Process) -> anyhow::Result<ExitCode> {
    let Some(configuration) = Configuration::load(&arguments.config, process)? else {
        return Ok(ExitCode::from(EXIT_NO));
    };
    let list = disclosures(&configuration.compiled);
    let rows = || list.iter().map(row).collect::<Vec<_>>();
    match arguments.format {
        TableFormat::Text => {
            let names = COLUMNS.map(str::to_uppercase);
            output::result(&output::columns(&names.each_ref().map(String::as_str), &rows()))?;
        }
        TableFormat::Csv => output::result(&csv(&list))?,
        TableFormat::Json => output::result_line(&format!("{:#}", list.iter().map(to_json).collect::<Value>()))?,
    }
    Ok(ExitCode::SUCCESS)
}
