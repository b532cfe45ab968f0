//! `countersign disclosures`: every attribute that may leave, for whoever must answer for it.

use std::process::ExitCode;

use gateway::{Disclosure, disclosures};
use serde_json::{Value, json};

use super::configuration::Configuration;
use crate::{
    Process,
    cli::{DisclosuresArguments, EXIT_NO, TableFormat},
    output,
};

/// The columns, in text and CSV.
const COLUMNS: [&str; 12] = [
    "attribute",
    "claim",
    "source",
    "api",
    "version",
    "operation",
    "backend",
    "header",
    "audience",
    "ttl",
    "policy",
    "sensitive",
];

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
        TableFormat::Csv => output::result(&csv(&rows()))?,
        TableFormat::Json => output::result_line(&format!("{:#}", list.iter().map(to_json).collect::<Value>()))?,
    }
    Ok(ExitCode::SUCCESS)
}

fn row(disclosure: &Disclosure) -> Vec<String> {
    vec![
        disclosure.attribute.to_string(),
        disclosure.claim.to_string(),
        if disclosure.sources.is_empty() { "token".to_owned() } else { disclosure.sources.join(" ") },
        disclosure.api.to_string(),
        disclosure.version.to_string(),
        disclosure.operation.to_string(),
        disclosure.backends.join(" "),
        disclosure.header.to_string(),
        disclosure.audience.join(" "),
        disclosure.token_ttl.to_string(),
        disclosure.policy.to_string(),
        disclosure.sensitive.as_deref().unwrap_or_default().to_owned(),
    ]
}

fn to_json(disclosure: &Disclosure) -> Value {
    json!({
        "attribute": disclosure.attribute,
        "claim": disclosure.claim,
        "sources": disclosure.sources,
        "api": disclosure.api,
        "version": disclosure.version,
        "operation": disclosure.operation,
        "backends": disclosure.backends,
        "header": disclosure.header,
        "audience": disclosure.audience,
        "ttl": disclosure.token_ttl,
        "policy": disclosure.policy,
        "sensitive": disclosure.sensitive,
    })
}

/// Writes RFC 4180: a line of names, then the rows.
fn csv(rows: &[Vec<String>]) -> String {
    let names = COLUMNS.map(str::to_owned).to_vec();
    std::iter::once(&names).chain(rows).map(|row| csv_line(row)).collect()
}

fn csv_line(cells: &[String]) -> String {
    let quoted = |cell: &String| {
        if cell.contains(['"', ',', '\r', '\n']) { format!("\"{}\"", cell.replace('"', "\"\"")) } else { cell.clone() }
    };
    format!("{}\r\n", cells.iter().map(quoted).collect::<Vec<_>>().join(","))
}
