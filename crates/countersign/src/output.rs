//! Where words go: results to standard output, messages to standard error.
//!
//! A reader that has gone (`countersign … | head`) is no error: what it did not want to read is dropped.

use std::io::{self, ErrorKind, Write as _};

use claims::Json;

use crate::Process;

/// Writes a result to standard output, as it is.
///
/// # Errors
///
/// When it cannot be written, except that nobody reads it any more.
pub(crate) fn result(text: &str) -> anyhow::Result<()> {
    result_bytes(text.as_bytes())
}

/// Writes a result and a line end.
///
/// # Errors
///
/// As [`result`].
pub(crate) fn result_line(text: &str) -> anyhow::Result<()> {
    result_bytes(&[text.as_bytes(), b"\n"].concat())
}

/// Writes bytes to standard output.
///
/// # Errors
///
/// As [`result`].
pub(crate) fn result_bytes(bytes: &[u8]) -> anyhow::Result<()> {
    let mut output = io::stdout().lock();
    match output.write_all(bytes).and_then(|()| output.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(anyhow::Error::new(error).context("cannot write to standard output"))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Writes a line to standard error. There is nowhere to report a failure of that.
pub(crate) fn message(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// True when colours are wanted: only on a terminal, and not where `NO_COLOR` or a dumb terminal forbids them.
pub(crate) fn is_colourful(process: &Process, is_terminal: bool) -> bool {
    let is_set = |name: &str| process.variables.get(name).is_some_and(|value| !value.is_empty());
    let is_dumb = process.variables.get("TERM").is_some_and(|terminal| terminal == "dumb");
    is_terminal && !is_set("NO_COLOR") && !is_dumb
}

/// Returns rows in columns under their names, as wide as their widest cell.
pub(crate) fn columns(names: &[&str], rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
        cells.chain(names.get(column).map(|name| name.len())).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..names.len()).map(width).collect();
    let mut text = line(names.iter().copied(), &widths);
    for row in rows {
        text.push_str(&line(row.iter().map(String::as_str), &widths));
    }
    text
}

fn line<'a>(cells: impl Iterator<Item = &'a str>, widths: &[usize]) -> String {
    let padded: Vec<String> = cells
        .zip(widths)
        .map(|(cell, width)| format!("{cell}{}", " ".repeat(width.saturating_sub(cell.chars().count()))))
        .collect();
    format!("{}\n", padded.join("  ").trim_end())
}

/// Writes JSON over several lines, members in their order, numbers with their digits.
pub(crate) fn pretty(json: &Json) -> String {
    let mut text = String::new();
    write_pretty(json, 0, &mut text);
    text
}

fn write_pretty(json: &Json, depth: usize, text: &mut String) {
    match json {
        Json::Array(values) if !values.is_empty() => {
            text.push('[');
            for (position, value) in values.iter().enumerate() {
                text.push_str(if position > 0 { "," } else { "" });
                break_line(depth + 1, text);
                write_pretty(value, depth + 1, text);
            }
            break_line(depth, text);
            text.push(']');
        }
        Json::Object(members) if !members.is_empty() => {
            text.push('{');
            for (position, (name, value)) in members.iter().enumerate() {
                text.push_str(if position > 0 { "," } else { "" });
                break_line(depth + 1, text);
                text.push_str(&Json::string(name).to_string());
                text.push_str(": ");
                write_pretty(value, depth + 1, text);
            }
            break_line(depth, text);
            text.push('}');
        }
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) | Json::Array(_) | Json::Object(_) => {
            text.push_str(&json.to_string());
        }
    }
}

fn break_line(depth: usize, text: &mut String) {
    text.push('\n');
    text.extend(std::iter::repeat_n("  ", depth));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pretty_json_keeps_order_and_digits() {
        let json = Json::parse(br#"{"z":[1.50,{}],"a":{"n":12345678901234567890},"e":[]}"#).unwrap();
        let expected = r#"{
  "z": [
    1.50,
    {}
  ],
  "a": {
    "n": 12345678901234567890
  },
  "e": []
}"#;
        assert_eq!(pretty(&json), expected);
        assert_eq!(Json::parse(pretty(&json).as_bytes()), Ok(json));
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [vec!["Ünï".to_owned(), "b".to_owned()], vec!["a".to_owned(), String::new()]];
        assert_eq!(columns(&["A", "LONG"], &rows), "A    LONG\nÜnï  b\na\n");
    }
}
