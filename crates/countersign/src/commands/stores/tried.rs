//! How one look-up went, for people: of what `TriedLookup` says, here or from the running gateway.

use std::fmt::Write as _;

use claims::Json;

use super::{member, number, text};

/// Says how a look-up went.
pub(super) fn to_text(tried: &Json) -> String {
    let mut shown = format!("{} in {}: {}\n", text(tried, "user"), text(tried, "store"), text(tried, "outcome"));
    let microseconds = number(tried, "microseconds");
    // INVARIANT: writing to a string cannot fail.
    let _ = writeln!(shown, "answered in {}.{} ms", microseconds / 1000, microseconds % 1000 / 100);
    for asked in list(tried, "asked").iter().filter_map(Json::as_str) {
        let _ = writeln!(shown, "asked: {asked}");
    }
    if let Some(matches) = member(tried, "matches").and_then(Json::as_u64) {
        let _ = writeln!(shown, "matches: {matches}");
    }
    if let Some(attributes) = member(tried, "attributes") {
        let rows: Vec<Vec<String>> = list(tried, "map").iter().map(|mapped| row(attributes, mapped)).collect();
        let _ = write!(shown, "\n{}", crate::output::columns(&["ATTRIBUTE", "FROM", "VALUES"], &rows));
    }
    let names = |name: &str| list(tried, name).iter().filter_map(Json::as_str).collect::<Vec<_>>().join(", ");
    let (missing, unmapped) = (names("notReturned"), names("notMapped"));
    if !missing.is_empty() {
        let _ = writeln!(shown, "\nasked for, not returned: {missing}");
    }
    if !unmapped.is_empty() {
        let _ = writeln!(shown, "\nreturned, and not in `attributes`, so that it stays in the store: {unmapped}");
    }
    shown
}

fn row(attributes: &Json, mapped: &Json) -> Vec<String> {
    let name = text(mapped, "attribute");
    let values: Vec<String> = list(attributes, name).iter().map(ToString::to_string).collect();
    let shown = if values.is_empty() { "-".to_owned() } else { values.join(", ") };
    vec![name.to_owned(), text(mapped, "raw").to_owned(), shown]
}

fn list<'a>(json: &'a Json, name: &str) -> &'a [Json] {
    member(json, name).and_then(Json::as_array).unwrap_or_default()
}
