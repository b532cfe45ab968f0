//! `cache.classes`: attributes of a store that live longer or shorter than its other ones.

use std::collections::{BTreeMap, BTreeSet, btree_map::Entry};

use crate::{
    diagnostic::{Diagnostic, DiagnosticCode, Diagnostics},
    issuer::AttributeLives,
    spec,
};

/// Reads how long each attribute lives, of those that the store gives.
pub(super) fn read(
    written: &spec::UserStore,
    gives: &BTreeSet<Box<str>>,
    diagnostics: &mut Diagnostics,
) -> AttributeLives {
    let mut classes = BTreeMap::new();
    for class in &written.cache.classes {
        for name in &class.attributes {
            if !gives.contains(name.value.as_str()) {
                let store = &written.name.value;
                let message = format!("`classes`: the user store `{store}` gives no attribute `{}`", name.value);
                let given = gives.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
                let diagnostic = Diagnostic::error(DiagnosticCode::UnknownName, &name.span, message);
                diagnostics.push(diagnostic.with_hint(format!("it gives {given}")));
                continue;
            }
            match classes.entry(Box::from(name.value.as_str())) {
                Entry::Vacant(place) => {
                    place.insert(class.ttl.value);
                }
                Entry::Occupied(_) => {
                    let message = format!("`classes`: `{}` is in two classes, or in one twice", name.value);
                    diagnostics.error(DiagnosticCode::DuplicateName, &name.span, message);
                }
            }
        }
    }
    AttributeLives { ttl: written.cache.ttl.value, classes }
}
