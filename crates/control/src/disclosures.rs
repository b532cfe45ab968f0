//! The list of disclosures as a table, for people, spreadsheets and programs.

use gateway::Disclosure;
use serde_json::{Value, json};

/// The columns, in text and CSV.
pub const COLUMNS: [&str; 12] = [
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

/// Returns the cells of one line.
pub fn row(disclosure: &Disclosure) -> Vec<String> {
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

/// Returns one as JSON.
pub fn to_json(disclosure: &Disclosure) -> Value {
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

/// Writes RFC 4180: a line of names, then one for each.
pub fn csv(list: &[Disclosure]) -> String {
    let names = COLUMNS.map(str::to_owned).to_vec();
    std::iter::once(names).chain(list.iter().map(row)).map(|row| csv_line(&row)).collect()
}

fn csv_line(cells: &[String]) -> String {
    let quoted = |cell: &String| {
        if cell.contains(['"', ',', '\r', '\n']) { format!("\"{}\"", cell.replace('"', "\"\"")) } else { cell.clone() }
    };
    format!("{}\r\n", cells.iter().map(quoted).collect::<Vec<_>>().join(","))
}
