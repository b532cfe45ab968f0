//! One user's attributes out of the answers of several stores. Each value keeps its source and age.

use std::{collections::BTreeMap, collections::btree_map::Entry, sync::Arc};

use claims::{Attribute, Attributes, Source};

/// What several stores' answers about one user make together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum StoreMerge {
    /// The first store that knows the user answers alone; the others are not asked.
    #[default]
    FirstStore,
    /// All are asked; of each attribute the first store's that has a value.
    FirstValue,
    /// All are asked; of each attribute the values of all, in the stores' order, each once.
    Union,
}

/// What one store, or several together, found.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) attributes: Arc<Attributes>,
    /// When the oldest answer was given that its store does not stand behind now, in seconds since the epoch.
    pub(super) stale_since: Option<u64>,
}

impl Found {
    /// Merges what the stores found, in their order; `None`: nobody knows the user.
    pub(super) fn merged(found: Vec<Self>, merge: StoreMerge) -> Option<Self> {
        let stale_since = found.iter().filter_map(|found| found.stale_since).min();
        let mut found = found.into_iter().map(|found| found.attributes);
        let first = found.next()?;
        let mut rest = found.peekable();
        if rest.peek().is_none() {
            return Some(Self { attributes: first, stale_since });
        }
        let mut merged: BTreeMap<Box<str>, Attribute> = BTreeMap::new();
        for attributes in std::iter::once(first).chain(rest) {
            for (name, attribute) in attributes.iter() {
                match merged.entry(name.into()) {
                    Entry::Vacant(place) => {
                        place.insert(attribute.clone());
                    }
                    Entry::Occupied(mut place) => add(place.get_mut(), attribute, merge),
                }
            }
        }
        Some(Self { attributes: Arc::new(merged.into_iter().collect()), stale_since })
    }
}

impl Found {
    /// Returns the attributes but for those that are missing.
    pub(super) fn without(&self, is_missing: impl Fn(&str) -> bool) -> Arc<Attributes> {
        let left = self.attributes.iter().filter(|(name, _)| !is_missing(name));
        Arc::new(left.map(|(name, attribute)| (Box::from(name), attribute.clone())).collect())
    }
}

/// Adds a later store's values of an attribute.
fn add(earlier: &mut Attribute, later: &Attribute, merge: StoreMerge) {
    if earlier.values.is_empty() {
        *earlier = later.clone();
        return;
    }
    if merge != StoreMerge::Union || later.values.is_empty() {
        return;
    }
    let is_new = |value: &&claims::Json| !earlier.values.contains(value);
    let new: Vec<_> = later.values.iter().filter(is_new).cloned().collect();
    if new.is_empty() {
        return;
    }
    earlier.values.extend(new);
    earlier.as_of = earlier.as_of.min(later.as_of);
    earlier.source = Source::Store(format!("{}, {}", name(&earlier.source), name(&later.source)).into());
}

fn name(source: &Source) -> &str {
    match source {
        Source::Store(name) | Source::UserInfo(name) => name,
        Source::Token => "token",
    }
}

#[cfg(test)]
mod tests {
    use claims::Json;

    use super::*;

    fn found(store: &str, as_of: u64, attributes: &[(&str, &[&str])]) -> Found {
        let attribute = |values: &[&str]| Attribute {
            values: values.iter().map(|value| Json::string(*value)).collect(),
            source: Source::Store(store.into()),
            as_of,
        };
        let attributes = attributes.iter().map(|(name, values)| (Box::from(*name), attribute(values))).collect();
        Found { attributes: Arc::new(attributes), stale_since: (as_of < 5).then_some(as_of) }
    }

    fn check(merge: StoreMerge, expected: &[(&str, &[&str], &str, u64)]) {
        let staff = found("staff", 9, &[("email", &["a@x"]), ("groups", &["a", "b"]), ("phone", &[])]);
        let directory = found("directory", 4, &[("email", &["b@x"]), ("groups", &["b", "c"]), ("phone", &["7"])]);
        let merged = Found::merged(vec![staff, directory], merge).unwrap();
        let shown: Vec<_> =
            merged.attributes.iter().map(|(name, attribute)| (name.to_owned(), attribute.clone())).collect();
        let expected: Vec<_> = expected
            .iter()
            .map(|(name, values, source, as_of)| {
                let values = values.iter().map(|value| Json::string(*value)).collect();
                ((*name).to_owned(), Attribute { values, source: Source::Store((*source).into()), as_of: *as_of })
            })
            .collect();
        assert_eq!((shown, merged.stale_since), (expected, Some(4)));
    }

    #[test]
    fn the_first_value_wins_and_an_empty_one_is_none() {
        check(
            StoreMerge::FirstValue,
            &[("email", &["a@x"], "staff", 9), ("groups", &["a", "b"], "staff", 9), ("phone", &["7"], "directory", 4)],
        );
    }

    #[test]
    fn values_of_all_stores_come_once_each_with_both_sources_and_the_older_age() {
        check(
            StoreMerge::Union,
            &[
                ("email", &["a@x", "b@x"], "staff, directory", 4),
                ("groups", &["a", "b", "c"], "staff, directory", 4),
                ("phone", &["7"], "directory", 4),
            ],
        );
    }

    #[test]
    fn nobody_is_nobody() {
        assert!(Found::merged(Vec::new(), StoreMerge::Union).is_none());
    }
}
