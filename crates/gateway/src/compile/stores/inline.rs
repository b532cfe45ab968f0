//! `inline`: the operator's own people.

use std::sync::Arc;

use claims::Json;
use stores::{InlinePasswords, InlineStore, PasswordHash};

use super::{Reading, attribute_map};
use crate::{diagnostic::DiagnosticCode, spec};

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
    let passwords = passwords(inline, reading)?;
    let map = if written.attributes.is_some() { Some(attribute_map(written, reading)?) } else { None };
    Some(InlineStore::new(Arc::clone(name), users, map).with_passwords(passwords))
}

/// Reads the hashes; `None` after a diagnostic.
fn passwords(inline: &spec::InlineStore, reading: &mut Reading<'_>) -> Option<InlinePasswords> {
    let mut passwords = InlinePasswords::new();
    let mut is_readable = true;
    for user in &inline.users {
        let Some(written) = &user.password_hash else { continue };
        reading.depends_on(written.value.0.as_bytes());
        match PasswordHash::parse(&written.value.0) {
            Ok(hash) => drop(passwords.insert(user.user.value.as_str().into(), hash)),
            Err(error) => {
                reading.error(DiagnosticCode::InvalidValue, &written.span, format!("this {error}"));
                is_readable = false;
            }
        }
    }
    is_readable.then_some(passwords)
}
