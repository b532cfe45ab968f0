//! How one look-up went, for people.

use std::fmt::Write as _;

use claims::Attributes;
use control::TriedLookup;

/// Says how a look-up went.
pub(super) fn to_text(tried: &TriedLookup<'_>) -> String {
    let mut text = format!("{} in {}: {}\n", tried.user, tried.name, tried.outcome());
    // INVARIANT: writing to a string cannot fail.
    let _ = writeln!(text, "answered in {:.1} ms", tried.took.as_secs_f64() * 1000.0);
    for asked in &tried.traced.asked {
        let _ = writeln!(text, "asked: {asked}");
    }
    if let Some(matches) = tried.traced.matches {
        let _ = writeln!(text, "matches: {matches}");
    }
    if let Ok(Some(attributes)) = &tried.found {
        let rows: Vec<Vec<String>> = tried.map.pairs().map(|(raw, name)| row(attributes, raw, name)).collect();
        let _ = write!(text, "\n{}", crate::output::columns(&["ATTRIBUTE", "FROM", "VALUES"], &rows));
    }
    let (missing, unmapped) = tried.missing_and_unmapped();
    if !missing.is_empty() {
        let _ = writeln!(text, "\nasked for, not returned: {}", missing.join(", "));
    }
    if !unmapped.is_empty() {
        let _ = writeln!(
            text,
            "\nreturned, and not in `attributes`, so that it stays in the store: {}",
            unmapped.join(", ")
        );
    }
    text
}

fn row(attributes: &Attributes, raw: &str, name: &str) -> Vec<String> {
    let values = attributes.get(name).map(|attribute| attribute.values.as_slice()).unwrap_or_default();
    let values: Vec<String> = values.iter().map(ToString::to_string).collect();
    let shown = if values.is_empty() { "-".to_owned() } else { values.join(", ") };
    vec![name.to_owned(), raw.to_owned(), shown]
}
