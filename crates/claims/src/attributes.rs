//! The user's attributes as a user store gave them: canonical names, typed values, where each came from and when.
//!
//! Made by the user stores, read by `compose`. Says nothing about claims: that is the dialect's part.

use std::{collections::BTreeMap, sync::Arc};

use crate::{json::Json, memory::allocated};

/// Where an attribute's values came from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// A user store, by its name.
    Store(Arc<str>),
    /// The OIDC user info of the named issuer.
    UserInfo(Arc<str>),
    /// The verified inbound token.
    Token,
}

/// One attribute: its values in store order, and their source.
#[derive(Clone, Debug, PartialEq)]
pub struct Attribute {
    /// The values, in store order. Empty when the store knows the attribute and has no value.
    pub values: Vec<Json>,
    /// Which store answered.
    pub source: Source,
    /// When it answered, in seconds since the epoch.
    pub as_of: u64,
}

/// The attributes of one user, by canonical name, in name order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Attributes(BTreeMap<Box<str>, Attribute>);

impl Attributes {
    /// Returns the attribute called `name`.
    pub fn get(&self, name: &str) -> Option<&Attribute> {
        self.0.get(name)
    }

    /// Adds an attribute; an earlier one of that name is replaced.
    pub fn insert(&mut self, name: impl Into<Box<str>>, attribute: Attribute) {
        self.0.insert(name.into(), attribute);
    }

    /// Iterates in name order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Attribute)> {
        self.0.iter().map(|(name, attribute)| (&**name, attribute))
    }

    /// Returns how many attributes there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// True when there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Estimates the bytes held, for a cache's bound.
    pub fn weight(&self) -> usize {
        self.0
            .iter()
            .map(|(name, attribute)| {
                // A tree's node has room for eleven, and half of that is used.
                2 * size_of::<(Box<str>, Attribute)>()
                    + allocated(name.len())
                    + attribute.values.iter().map(Json::weight).sum::<usize>()
            })
            .sum()
    }
}

impl FromIterator<(Box<str>, Attribute)> for Attributes {
    fn from_iter<I: IntoIterator<Item = (Box<str>, Attribute)>>(iter: I) -> Self {
        Self(iter.into_iter().collect())
    }
}
