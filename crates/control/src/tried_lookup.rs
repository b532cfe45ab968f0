//! How one look-up went: told by the admin API and by `countersign stores test`.

use std::{collections::BTreeSet, time::Duration};

use claims::{Attributes, Json, Object};
use stores::{AttributeMap, StoreError, Traced};

/// A look-up that was tried.
#[derive(Debug)]
pub struct TriedLookup<'a> {
    /// The store's name.
    pub name: &'a str,
    /// The user, as the store knows them.
    pub user: &'a str,
    /// How long it took.
    pub took: Duration,
    /// How the store was asked.
    pub traced: Traced,
    /// Which attributes are its to give.
    pub map: &'a AttributeMap,
    /// What it answered.
    pub found: Result<Option<Attributes>, StoreError>,
}

impl TriedLookup<'_> {
    /// What is said of a user who is there.
    pub const FOUND: &'static str = "found";

    /// True when there is such a user.
    pub fn is_found(&self) -> bool {
        matches!(self.found, Ok(Some(_)))
    }

    /// Says what came of it.
    pub fn outcome(&self) -> String {
        match &self.found {
            Ok(Some(_)) => Self::FOUND.to_owned(),
            Ok(None) => "no such user".to_owned(),
            Err(error) => error.with_causes(),
        }
    }

    /// Returns the map's names that did not come back, and those that came back and are in no map.
    pub fn missing_and_unmapped(&self) -> (Vec<String>, Vec<&str>) {
        let returned = &self.traced.returned;
        let mapped: BTreeSet<&str> = self.map.pairs().map(|(raw, _)| raw).collect();
        let is_missing = |(raw, _): &(&str, &str)| !returned.iter().any(|name| name.eq_ignore_ascii_case(raw));
        let missing = self.map.pairs().filter(is_missing);
        let missing = missing.map(|(raw, name)| if raw == name { raw.to_owned() } else { format!("{raw} ({name})") });
        let is_mapped = |name: &str| mapped.iter().any(|raw| raw.eq_ignore_ascii_case(name));
        let unmapped = returned.iter().map(|name| &**name).filter(|name| !is_mapped(name));
        (if self.is_found() { missing.collect() } else { Vec::new() }, unmapped.collect())
    }

    /// Returns the whole as JSON.
    pub fn to_json(&self) -> Json {
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
        let mapped = self.map.pairs().map(|(raw, name)| {
            let mut mapped = Object::default();
            mapped.insert("raw", Json::string(raw));
            mapped.insert("attribute", Json::string(name));
            Json::Object(mapped)
        });
        object.insert("map", Json::Array(mapped.collect()));
        object.insert("notReturned", strings(missing.iter().map(String::as_str).collect()));
        object.insert("notMapped", strings(unmapped));
        Json::Object(object)
    }
}
