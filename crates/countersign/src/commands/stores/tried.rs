//! How one look-up went, for people and for scripts.

use std::{collections::BTreeSet, fmt::Write as _, time::Duration};

use claims::{Attributes, Json, Object};
use stores::{AttributeMap, StoreError, Traced};

/// A look-up that was tried.
pub(super) struct Tried<'a> {
    pub(super) name: &'a str,
    pub(super) user: &'a str,
    pub(super) took: Duration,
    pub(super) traced: Traced,
    pub(super) map: &'a AttributeMap,
    pub(super) found: Result<Option<Attributes>, StoreError>,
}

impl Tried<'_> {
    pub(super) fn is_found(&self) -> bool {
        matches!(self.found, Ok(Some(_)))
    }

    /// Says what came of it.
    fn outcome(&self) -> String {
        match &self.found {
            Ok(Some(_)) => "found".to_owned(),
            Ok(None) => "no such user".to_owned(),
            Err(error) => error.with_causes(),
        }
    }

    /// Returns the map's names that did not come back, and those that came back and are in no map.
    fn missing_and_unmapped(&self) -> (Vec<String>, Vec<&str>) {
        let returned = &self.traced.returned;
        let mapped: BTreeSet<&str> = self.map.pairs().map(|(raw, _)| raw).collect();
        let is_missing = |(raw, _): &(&str, &str)| !returned.iter().any(|name| name.eq_ignore_ascii_case(raw));
        let missing = self.map.pairs().filter(is_missing);
        let missing = missing.map(|(raw, name)| if raw == name { raw.to_owned() } else { format!("{raw} ({name})") });
        let is_mapped = |name: &str| mapped.iter().any(|raw| raw.eq_ignore_ascii_case(name));
        let unmapped = returned.iter().map(|name| &**name).filter(|name| !is_mapped(name));
        (if self.is_found() { missing.collect() } else { Vec::new() }, unmapped.collect())
    }

    pub(super) fn to_text(&self) -> String {
        let mut text = format!("{} in {}: {}\n", self.user, self.name, self.outcome());
        // INVARIANT: writing to a string cannot fail.
        let _ = writeln!(text, "answered in {:.1} ms", self.took.as_secs_f64() * 1000.0);
        for asked in &self.traced.asked {
            let _ = writeln!(text, "asked: {asked}");
        }
        if let Some(matches) = self.traced.matches {
            let _ = writeln!(text, "matches: {matches}");
        }
        if let Ok(Some(attributes)) = &self.found {
            let rows: Vec<Vec<String>> = self.map.pairs().map(|(raw, name)| row(attributes, raw, name)).collect();
            let _ = write!(text, "\n{}", crate::output::columns(&["ATTRIBUTE", "FROM", "VALUES"], &rows));
        }
        let (missing, unmapped) = self.missing_and_unmapped();
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

    pub(super) fn to_json(&self) -> Json {
        let strings = |texts: Vec<&str>| Json::Array(texts.into_iter().map(Json::string).collect());
        let (missing, unmapped) = self.missing_and_unmapped();
        let mut object = Object::default();
        object.insert("store", Json::string(self.name));
        object.insert("user", Json::string(self.user));
        object.insert("outcome", Json::string(self.outcome()));
        object.insert("microseconds", Json::from(u64::try_from(self.took.as_micros()).unwrap_or(u64::MAX)));
        object.insert("asked", strings(self.traced.asked.iter().map(|asked| &**asked).collect()));
        object.insert("matches", self.traced.matches.map_or(Json::Null, |matches| Json::from(matches as u64)));
        if let Ok(Some(attributes)) = &self.found {
            let mut values = Object::default();
            for (name, attribute) in attributes.iter() {
                values.insert(name, Json::Array(attribute.values.clone()));
            }
            object.insert("attributes", Json::Object(values));
        }
        object.insert("notReturned", strings(missing.iter().map(String::as_str).collect()));
        object.insert("notMapped", strings(unmapped));
        Json::Object(object)
    }
}

fn row(attributes: &Attributes, raw: &str, name: &str) -> Vec<String> {
    let values = attributes.get(name).map(|attribute| attribute.values.as_slice()).unwrap_or_default();
    let values: Vec<String> = values.iter().map(ToString::to_string).collect();
    let shown = if values.is_empty() { "-".to_owned() } else { values.join(", ") };
    vec![name.to_owned(), raw.to_owned(), shown]
}
