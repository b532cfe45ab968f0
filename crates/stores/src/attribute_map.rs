//! What leaves a user store, and under which canonical name.
//!
//! Pure. Runs on a store's raw answer, before the cache: an attribute that is not mapped goes no further. Does not know
//! dialects or claims; those map the canonical names again.

mod distinguished_name;
mod pattern;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use claims::{Attribute, Attributes, Json, Source};

pub use pattern::Pattern;

/// What happens to each value of a mapped attribute.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ValueRule {
    /// It stays what it is.
    #[default]
    AsIs,
    /// `base64`: bytes become text (RFC 4648 §4). The store sees to it, as only it has bytes; nothing is left to do here.
    Base64,
    /// `cn`: a distinguished name (RFC 4514) becomes the common name in its first RDN; any other value is left out.
    CommonName,
    /// `json`: a text becomes the JSON that is written in it, and an array its values; any other text is left out. For
    /// databases that keep JSON as text.
    Json,
}

/// One entry of a store's `attributes` map.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MappedAttribute {
    /// The name in the store: a column, an LDAP attribute, a SCIM path. Compared exactly.
    pub raw: Box<str>,
    /// The canonical name.
    pub name: Box<str>,
    /// What happens to each value.
    pub value: ValueRule,
    /// Only the values, after [`MappedAttribute::value`], that match one of these leave the store; empty: all.
    pub keep: Vec<Pattern>,
}

/// A store's `attributes` map.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AttributeMap {
    entries: Vec<MappedAttribute>,
    gives: BTreeSet<Box<str>>,
}

/// Why an `attributes` map cannot be: the operator must act.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AttributeMapError {
    /// Two entries give one canonical name: neither may win in silence.
    #[error("two entries give the attribute `{0}`")]
    Duplicate(Box<str>),
}

/// A store's answer before the map: the store's own names, with their values in store order.
pub(crate) type RawAttributes = BTreeMap<Box<str>, Vec<Json>>;

impl MappedAttribute {
    /// Makes an entry that passes every value of `raw` on as `name`.
    pub fn new(raw: impl Into<Box<str>>, name: impl Into<Box<str>>) -> Self {
        Self { raw: raw.into(), name: name.into(), value: ValueRule::AsIs, keep: Vec::new() }
    }

    /// Returns what leaves the store of these values, in their order.
    fn apply(&self, values: &[Json]) -> Vec<Json> {
        let converted = values.iter().flat_map(|value| self.convert(value));
        converted.filter(|value| self.keep.is_empty() || self.keep.iter().any(|pattern| pattern.keeps(value))).collect()
    }

    /// Applies the value rule; nothing leaves the value out.
    fn convert(&self, value: &Json) -> Vec<Json> {
        match (self.value, value.as_str()) {
            (ValueRule::AsIs | ValueRule::Base64, _) | (ValueRule::Json, None) => vec![value.clone()],
            (ValueRule::CommonName, text) => {
                text.and_then(distinguished_name::common_name).map(Json::string).into_iter().collect()
            }
            (ValueRule::Json, Some(text)) => Json::parse(text.as_bytes()).map(values_of).unwrap_or_default(),
        }
    }
}

impl AttributeMap {
    /// Makes a map of these entries.
    ///
    /// # Errors
    ///
    /// [`AttributeMapError::Duplicate`] when two entries give one canonical name.
    pub fn new(entries: Vec<MappedAttribute>) -> Result<Self, AttributeMapError> {
        let mut gives = BTreeSet::new();
        for entry in &entries {
            if !gives.insert(entry.name.clone()) {
                return Err(AttributeMapError::Duplicate(entry.name.clone()));
            }
        }
        Ok(Self { entries, gives })
    }

    /// Makes the map that passes each of `names` on under its own name.
    pub fn identity(names: impl IntoIterator<Item = Box<str>>) -> Self {
        let gives: BTreeSet<Box<str>> = names.into_iter().collect();
        let entries = gives.iter().map(|name| MappedAttribute::new(name.clone(), name.clone())).collect();
        Self { entries, gives }
    }

    /// Returns the canonical names that the store is configured to give, in name order.
    pub const fn gives(&self) -> &BTreeSet<Box<str>> {
        &self.gives
    }

    /// Returns the store's own names that the map reads, each with the canonical one.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.entries.iter().map(|entry| (&*entry.raw, &*entry.name))
    }

    /// Returns the store's own names that the map reads.
    pub(crate) fn raw_names(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(|entry| &*entry.raw)
    }

    /// True when a store gives the values of `raw` in base64.
    pub(crate) fn wants_base64(&self, raw: &str) -> bool {
        self.entries.iter().any(|entry| &*entry.raw == raw && entry.value == ValueRule::Base64)
    }

    /// Turns a raw answer of `store` into attributes: exactly the names of [`AttributeMap::gives`].
    ///
    /// A name for which the store has nothing is there without values, from every kind of store alike.
    pub(crate) fn apply(&self, raw: &RawAttributes, store: &Arc<str>, as_of: u64) -> Attributes {
        let attribute = |entry: &MappedAttribute| {
            let values = raw.get(&entry.raw).map(|values| entry.apply(values)).unwrap_or_default();
            (entry.name.clone(), Attribute { values, source: Source::Store(Arc::clone(store)), as_of })
        };
        self.entries.iter().map(attribute).collect()
    }
}

/// Returns the values of one raw value: those of an array, in order, or itself. `null` is no value.
pub(crate) fn values_of(json: Json) -> Vec<Json> {
    match json {
        Json::Null => Vec::new(),
        Json::Array(values) => values.into_iter().filter(|value| *value != Json::Null).collect(),
        Json::Bool(_) | Json::Number(_) | Json::String(_) | Json::Object(_) => vec![json],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strings(texts: &[&str]) -> Vec<Json> {
        texts.iter().map(|text| Json::string(*text)).collect()
    }

    fn check(entry: MappedAttribute, raw: &[(&str, Vec<Json>)], expected: &[Json]) {
        let raw = raw.iter().map(|(name, values)| (Box::from(*name), values.clone())).collect();
        let name = entry.name.clone();
        let attributes = AttributeMap::new(vec![entry]).unwrap().apply(&raw, &"staff".into(), 7);
        let expected = Attribute { values: expected.to_vec(), source: Source::Store("staff".into()), as_of: 7 };
        assert_eq!(attributes.iter().collect::<Vec<_>>(), [(&*name, &expected)]);
    }

    #[test]
    fn only_mapped_attributes_leave_under_their_canonical_names() {
        let raw = [("mail", strings(&["a@example.com"])), ("userPassword", strings(&["secret"]))];
        check(MappedAttribute::new("mail", "email"), &raw, &strings(&["a@example.com"]));
    }

    #[test]
    fn an_attribute_that_the_store_lacks_is_given_without_values() {
        check(MappedAttribute::new("mail", "email"), &[], &[]);
    }

    #[test]
    fn group_names_become_common_names_and_only_kept_ones_leave() {
        let entry = MappedAttribute {
            value: ValueRule::CommonName,
            keep: vec![Pattern::new("orders-*")],
            ..MappedAttribute::new("memberOf", "groups")
        };
        let groups = ["CN=orders-read,OU=g,DC=example", "cn=hr,ou=g", "orders-plain", "ou=orders-unit,dc=example"];
        check(entry, &[("memberOf", strings(&groups))], &strings(&["orders-read"]));
    }

    #[test]
    fn json_in_a_text_becomes_what_it_says_and_other_text_is_left_out() {
        let entry = || MappedAttribute { value: ValueRule::Json, ..MappedAttribute::new("roles", "roles") };
        check(entry(), &[("roles", strings(&[r#"["a", null, "b"]"#]))], &strings(&["a", "b"]));
        check(entry(), &[("roles", strings(&["true", "[1,", "a", r#"{"x":1,"x":2}"#]))], &[Json::Bool(true)]);
        let address = Json::parse(br#"{"city": "Bern"}"#).unwrap();
        check(entry(), &[("roles", strings(&[r#"{"city":"Bern"}"#]))], std::slice::from_ref(&address));
        check(entry(), &[("roles", vec![address.clone()])], &[address]);
        let kept = MappedAttribute { keep: vec![Pattern::new("orders-*")], ..entry() };
        check(kept, &[("roles", strings(&[r#"["hr", "orders-read"]"#]))], &strings(&["orders-read"]));
    }

    #[test]
    fn two_entries_for_one_name_are_refused() {
        let entries = vec![MappedAttribute::new("mail", "email"), MappedAttribute::new("mail2", "email")];
        assert_eq!(AttributeMap::new(entries), Err(AttributeMapError::Duplicate("email".into())));
    }

    #[test]
    fn a_list_is_its_values_and_null_is_none() {
        assert_eq!(values_of(Json::Array(vec![Json::string("a"), Json::Null, Json::Bool(true)])).len(), 2);
        assert_eq!(values_of(Json::Null), []);
        assert_eq!(values_of(Json::string("a")), strings(&["a"]));
    }
}
