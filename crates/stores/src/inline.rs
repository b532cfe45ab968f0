//! The `inline` store: people whom the operator writes into the configuration file.
//!
//! For demonstrations, tests and the few technical users that no directory knows. Does no I/O and never fails.

use std::{collections::BTreeMap, fmt, sync::Arc};

use claims::{Attributes, Json};

use crate::{
    attribute_map::{AttributeMap, RawAttributes, values_of},
    error::StoreError,
    password::{HashChecks, Known, Password, PasswordHash, PasswordStore, PasswordVerdict},
    user_store::{BoxFuture, Question, UserStore, seconds},
};

/// People by name, each with values by attribute. A list is several values, `null` none.
pub type InlineUsers = BTreeMap<Box<str>, BTreeMap<Box<str>, Json>>;

/// Hashes of their passwords, by name: of those who have one.
pub type InlinePasswords = BTreeMap<Box<str>, PasswordHash>;

/// The `inline` user store.
pub struct InlineStore {
    name: Arc<str>,
    users: BTreeMap<Box<str>, RawAttributes>,
    passwords: InlinePasswords,
    attributes: AttributeMap,
    checks: HashChecks,
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
        Self { name, users, passwords: InlinePasswords::new(), attributes, checks: HashChecks::new() }
    }

    /// Gives some of them passwords.
    #[must_use]
    pub fn with_passwords(mut self, passwords: InlinePasswords) -> Self {
        // So that the first stranger takes as long as everybody else.
        passwords.values().take(1).for_each(|hash| self.checks.remember(hash));
        self.passwords = passwords;
        self
    }

    fn known(&self, user: &str) -> Known {
        match self.passwords.get(user) {
            Some(hash) => Known::Hash(hash.clone()),
            None if self.users.contains_key(user) => Known::NoPassword,
            None => Known::Nobody,
        }
    }
}

impl PasswordStore for InlineStore {
    fn check_password<'a>(
        &'a self,
        question: Question<'a>,
        password: &'a Password,
    ) -> BoxFuture<'a, Result<PasswordVerdict, StoreError>> {
        Box::pin(self.checks.check(self.known(question.user), password, &self.name))
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

    fn passwords(&self) -> Option<&dyn PasswordStore> {
        if self.passwords.is_empty() { None } else { Some(self) }
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
