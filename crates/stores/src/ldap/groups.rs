//! The groups of a user: found by a search of their own, and the groups of those groups if the operator says so.
//!
//! Where the server walks by itself (Active Directory's matching rule 1.2.840.113556.1.4.1941) one search does; elsewhere
//! the walk is ours, level by level, and ends when nothing new is found.

use std::collections::{BTreeMap, BTreeSet};

use claims::Json;
use ldap3::Scope;

use super::{
    entry::Entry,
    fault::Fault,
    filter::GroupFilter,
    search::{Extent, Search, Session, Wanted},
    values::Reading,
};

/// The store's own name of what the group search finds.
pub const GROUPS: &str = "groups";

/// What stands for "no attributes" (RFC 4511 §4.5.1.8).
pub(super) const NO_ATTRIBUTES: &str = "1.1";

/// How many levels of groups within groups are walked.
const MOST_LEVELS: usize = 32;

/// How many groups one user may have.
const MOST_GROUPS: usize = 5_000;

/// How many groups' own groups are asked for in one search.
const AT_ONCE: usize = 50;

/// How a user's groups are found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupSearch {
    /// Where they are; every base is searched.
    pub bases: Vec<Box<str>>,
    /// Which of them are his.
    pub filter: GroupFilter,
    /// The attribute whose values they are called by; `None`: their distinguished names.
    pub attribute: Option<Box<str>>,
    /// Whether the groups of his groups are his as well.
    pub nested: bool,
}

impl GroupSearch {
    /// Returns the user's groups, sorted: different servers find them in different orders.
    pub(super) async fn find(&self, session: &mut Session<'_>, user: &str, dn: &str) -> Result<Vec<Json>, Fault> {
        let mut found = BTreeMap::new();
        let mut level = self.search(session, &self.filter.fill(user, dn), &mut found).await?;
        let mut levels = 1;
        while self.nested && !level.is_empty() {
            if levels == MOST_LEVELS {
                return Err(Fault::Malformed(format!("groups within groups on more than {MOST_LEVELS} levels")));
            }
            levels += 1;
            let mut above = Vec::new();
            for groups in level.chunks(AT_ONCE) {
                above.extend(self.search(session, &self.any_of(groups), &mut found).await?);
            }
            level = above;
        }
        let names: BTreeSet<String> = found.into_values().flatten().collect();
        Ok(names.into_iter().map(Json::string).collect())
    }

    /// Returns the attributes that the search speaks of.
    pub(super) fn attributes(&self) -> impl Iterator<Item = &str> {
        self.filter.attributes().chain(self.attribute.as_deref())
    }

    /// Returns the filter for the groups of any of these groups.
    fn any_of(&self, groups: &[String]) -> String {
        let filters: String = groups.iter().map(|group| self.filter.fill("", group)).collect();
        format!("(|{filters})")
    }

    /// Adds what is found, and returns the distinguished names that are new.
    async fn search(
        &self,
        session: &mut Session<'_>,
        filter: &str,
        found: &mut BTreeMap<String, Vec<String>>,
    ) -> Result<Vec<String>, Fault> {
        let wanted: Wanted = [self.attribute.clone().unwrap_or_else(|| NO_ATTRIBUTES.into())].into();
        let mut new = Vec::new();
        for base in &self.bases {
            let search = Search { base, scope: Scope::Subtree, filter, wanted: &wanted, extent: Extent::Many };
            for entry in session.search(search).await? {
                if !found.contains_key(&entry.dn) {
                    new.push(entry.dn.clone());
                    found.insert(entry.dn.clone(), self.names(&entry)?);
                }
            }
            if found.len() > MOST_GROUPS {
                return Err(Fault::Malformed(format!("more than {MOST_GROUPS} groups")));
            }
        }
        Ok(new)
    }

    /// Returns what the group is called.
    fn names(&self, group: &Entry) -> Result<Vec<String>, Fault> {
        let Some(attribute) = &self.attribute else { return Ok(vec![group.dn.clone()]) };
        let read = |bytes| match Reading::of(attribute).read(bytes) {
            Ok(Json::String(name)) => Ok(name.to_string()),
            Ok(_) => Err(Fault::Malformed(format!("a group's `{attribute}` is no text"))),
            Err(expected) => Err(Fault::Malformed(format!("a group's `{attribute}` is not {expected}"))),
        };
        group.values(attribute).map(read).collect()
    }
}
