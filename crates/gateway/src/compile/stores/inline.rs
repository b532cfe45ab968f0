//! `inline`: the operator's own people.

use std::sync::Arc;

use claims::Json;
use stores::InlineStore;

use super::{Reading, attribute_map};
use crate::spec;

pub(super) fn inline_store(
    name: &Arc<str>,
    (written, inline): (&spec::UserStore, &spec::InlineStore),
    reading: &mut Reading<'_>,
) -> Option<InlineStore> {
    let users = inline.users.iter().map(|user| {
        let attributes = user.attributes.iter().map(|(attribute, values)| {
            let value = match values.0.as_slice() {
                [only] => only.clone(),
                list => Json::Array(list.to_vec()),
            };
            (Box::from(attribute.value.as_str()), value)
        });
        (Box::from(user.user.value.as_str()), attributes.collect())
    });
    let users = users.collect();
    let map = if written.attributes.is_some() { Some(attribute_map(written, reading)?) } else { None };
    Some(InlineStore::new(Arc::clone(name), users, map))
}
