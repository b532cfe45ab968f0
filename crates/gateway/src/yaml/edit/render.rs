//! Values as YAML, the way a person would write them: blocks, short lists on one line, quotes only where they are needed.

use std::fmt::Write as _;

use serde_json::{Map, Value};

use super::super::{Resolved, Scalar, Style};

/// A list of words up to this length stays on one line.
const LONGEST_LINE: usize = 80;

/// What identifies a thing comes first; the rest by name.
const FIRST: [&str; 16] = [
    "id",
    "name",
    "policyName",
    "policyVersion",
    "policyId",
    "claim",
    "attribute",
    "api",
    "apiName",
    "target",
    "verb",
    "secured",
    "scopes",
    "basePath",
    "version",
    "type",
];

/// Returns the members in the order in which they are written.
pub(super) fn ordered(members: &Map<String, Value>) -> Vec<(&String, &Value)> {
    let place = |key: &str| FIRST.iter().position(|first| *first == key).unwrap_or(FIRST.len());
    let mut list: Vec<(&String, &Value)> = members.iter().collect();
    list.sort_by_key(|(key, _)| place(key));
    list
}

/// Writes `key: value`, indented, without a line end.
pub(super) fn entry(key: &str, value: &Value, indent: usize) -> String {
    format!("{}{}:{}", " ".repeat(indent), text(key, false), after_colon(value, indent))
}

/// Writes what stands after a key's colon.
pub(super) fn after_colon(value: &Value, indent: usize) -> String {
    match value {
        Value::Object(members) if !members.is_empty() => {
            let lines = ordered(members).into_iter().map(|(key, value)| entry(key, value, indent + 2));
            format!("\n{}", lines.collect::<Vec<_>>().join("\n"))
        }
        Value::Array(values) if !is_short(values) => {
            let indent = indent + 2;
            let lines = values.iter().map(|value| format!("{}- {}", " ".repeat(indent), item(value, indent + 2)));
            format!("\n{}", lines.collect::<Vec<_>>().join("\n"))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) | Value::Object(_) => {
            format!(" {}", flow(value))
        }
    }
}

/// Writes what stands after an item's dash and space; further lines are indented by `indent`.
pub(super) fn item(value: &Value, indent: usize) -> String {
    match value {
        Value::Object(members) if !members.is_empty() => {
            let lines: Vec<String> =
                ordered(members).into_iter().map(|(key, value)| entry(key, value, indent)).collect();
            lines.join("\n").trim_start().to_owned()
        }
        Value::Array(values) if !is_short(values) => {
            let lines: Vec<String> = values.iter().map(|value| format!("- {}", item(value, indent + 2))).collect();
            lines.join(&format!("\n{}", " ".repeat(indent)))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) | Value::Object(_) => {
            flow(value)
        }
    }
}

/// Writes a value on one line.
pub(super) fn flow(value: &Value) -> String {
    match value {
        Value::Object(members) if members.is_empty() => "{}".to_owned(),
        Value::Object(members) => {
            let entries: Vec<String> =
                ordered(members).into_iter().map(|(key, value)| flow_entry(key, value)).collect();
            format!("{{ {} }}", entries.join(", "))
        }
        Value::Array(values) => format!("[{}]", values.iter().map(flow).collect::<Vec<_>>().join(", ")),
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::String(content) => text(content, true),
    }
}

/// Writes `key: value` on one line.
pub(super) fn flow_entry(key: &str, value: &Value) -> String {
    format!("{}: {}", text(key, true), flow(value))
}

/// Writes a scalar, quoted as `before` was where that is possible.
pub(super) fn scalar(value: &Value, before: &str, is_in_flow: bool) -> String {
    match value {
        Value::String(content) if before.starts_with('"') => quoted(content),
        Value::String(content) if before.starts_with('\'') && content.chars().all(|letter| !letter.is_control()) => {
            format!("'{}'", content.replace('\'', "''"))
        }
        Value::String(content) => text(content, is_in_flow),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => flow(value),
    }
}

fn is_short(values: &[Value]) -> bool {
    values.iter().all(|value| !value.is_object() && !value.is_array())
        && values.iter().map(|value| flow(value).len() + 2).sum::<usize>() <= LONGEST_LINE
}

/// Writes a text, in quotes where it would be taken for something else.
fn text(content: &str, is_in_flow: bool) -> String {
    if is_plain(content, is_in_flow) { content.to_owned() } else { quoted(content) }
}

fn is_plain(content: &str, is_in_flow: bool) -> bool {
    let scalar = Scalar { text: content.to_owned(), style: Style::Plain };
    let is_text = matches!(scalar.resolve(), Resolved::Text(_));
    let starts = |letter: char| letter.is_alphanumeric() || matches!(letter, '/' | '_' | '.' | '$' | '(');
    let is_first_fine = content.chars().next().is_some_and(starts);
    let is_last_fine = !content.ends_with([' ', ':']);
    let is_flow_letter = |letter: char| is_in_flow && matches!(letter, ',' | '[' | ']' | '{' | '}');
    let is_fine = |letter: char| !letter.is_control() && letter != '\u{feff}' && !is_flow_letter(letter);
    // `{id}` at the start is excluded above; within a block it may stand, and so may `a:b`.
    is_text
        && is_first_fine
        && is_last_fine
        && content.chars().all(is_fine)
        && !content.contains(": ")
        && !content.contains(" #")
        && !(is_in_flow && content.contains(':') && !content.contains("://"))
        && !content.starts_with("---")
        && !content.starts_with("...")
}

/// JSON's strings are YAML's double-quoted ones, but for the characters that YAML does not print.
fn quoted(content: &str) -> String {
    let mut text = String::with_capacity(content.len() + 2);
    for letter in Value::from(content).to_string().chars() {
        if (letter.is_control() || matches!(letter, '\u{2028}' | '\u{2029}' | '\u{feff}'))
            && u32::from(letter) <= 0xffff
        {
            let _ = write!(text, "\\u{:04x}", u32::from(letter));
        } else {
            text.push(letter);
        }
    }
    text
}
