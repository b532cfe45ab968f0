//! The list of disclosures as a table, for people, spreadsheets and programs.

use gateway::Disclosure;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

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

/// An attribute that can leave.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Disclosure)]
pub(crate) struct DisclosureView<'a> {
    attribute: &'a str,
    /// The claim that holds it, with its full name.
    claim: &'a str,
    /// The user stores that give it; none: the inbound token alone.
    #[schema(value_type = Vec<String>)]
    sources: &'a [Box<str>],
    /// The API's name.
    api: &'a str,
    /// The API's version.
    version: &'a str,
    /// Verb and target.
    operation: &'a str,
    /// Host and port of every endpoint.
    backends: &'a [String],
    header: &'a str,
    #[schema(value_type = Vec<String>)]
    audience: &'a [Box<str>],
    /// Seconds for which the Backend JWT is valid.
    ttl: u64,
    /// Where the policy is written: file, line and level.
    policy: &'a str,
    /// For a sensitive attribute: the operator's reason for the leave.
    sensitive: Option<&'a str>,
}

impl<'a> DisclosureView<'a> {
    /// Shows one.
    pub(crate) fn of(disclosure: &'a Disclosure) -> Self {
        Self {
            attribute: &disclosure.attribute,
            claim: &disclosure.claim,
            sources: &disclosure.sources,
            api: &disclosure.api,
            version: &disclosure.version,
            operation: &disclosure.operation,
            backends: &disclosure.backends,
            header: &disclosure.header,
            audience: &disclosure.audience,
            ttl: disclosure.token_ttl,
            policy: &disclosure.policy,
            sensitive: disclosure.sensitive.as_deref(),
        }
    }
}

/// Returns one as JSON.
pub fn to_json(disclosure: &Disclosure) -> Value {
    serde_json::to_value(DisclosureView::of(disclosure)).unwrap_or_default()
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
