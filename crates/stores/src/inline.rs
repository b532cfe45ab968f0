//! The `inline` store: people whom the operator writes into the configuration file.
//!
//! For demonstrations, tests and the few technical users that no directory knows. Does no I/O and never fails.

use std::{collections::BTreeMap, fmt, sync::Arc};

use claims::{Attributes, Json};

use crate::{
    attribute_map::{AttributeMap, RawAttributes, values_of},
    error::StoreError,
    user_store::{BoxFuture, Question, UserStore, seconds},
};

/// People by name, each with values by attribute. A list is several values, `null` none.
pub type InlineUsers = BTreeMap<Box<str>, BTreeMap<Box<str>, Json>>;

/// The `inline` user store.
pub struct InlineStore {
    name: Arc<str>,
    users: BTreeMap<Box<str>, RawAttributes>,
    attributes: AttributeMap,
}

impl InlineStore {
    /// Makes the store called `name`.
    ///
    /// Without an `attributes` map every attribute of anybody leaves under its own name. User names are compared
    /// exactly.
    pub fn new(name: Arc<str>, users: InlineUsers, attributes: Option<AttributeMap>) -> Self {
        let all_names = || users.values().flat_map(BTreeMap::keys).cloned();
        let attributes = attributes.unwrap_or_else(|| AttributeMap::identity(all_names()));
        let users = users.into_iter().map(|(user, attributes)| (user, raw(attributes))).collect();
        Self { name, users, attributes }
    }
}

impl UserStore for InlineStore {
    fn attribute_map(&self) -> &AttributeMap {
        &self.attributes
    }

    fn lookup<'a>(&'a self, question: Question<'a>) -> BoxFuture<'a, Result<Option<Attributes>, StoreError>> {
        let raw = self.users.get(question.user);
        question.note(|traced| {
            traced.matches = Some(usize::from(raw.is_some()));
            traced.returned.extend(raw.into_iter().flat_map(RawAttributes::keys).cloned());
        });
        let attributes = raw.map(|raw| self.attributes.apply(raw, &self.name, seconds(question.now)));
        Box::pin(std::future::ready(Ok(attributes)))
    }

    fn probe(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(std::future::ready(Ok(())))
    }
}

impl fmt::Debug for InlineStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InlineStore")
            .field("name", &self.name)
            .field("users", &self.users.len())
            .finish_non_exhaustive()
    }
}

/// Splits lists into values.
fn raw(attributes: BTreeMap<Box<str>, Json>) -> RawAttributes {
    attributes.into_iter().map(|(name, json)| (name, values_of(json))).collect()
}
