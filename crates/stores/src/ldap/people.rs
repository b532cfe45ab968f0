//! One user's entry: searched for in every base, told from those that are only spelt alike, and read.

use claims::Json;
use ldap3::Scope;

use super::{
    entry::Entry,
    fault::Fault,
    filter::UserFilter,
    groups::{GROUPS, GroupSearch, NO_ATTRIBUTES},
    schema::{ANY, Schema},
    search::{Extent, Search, Session, Wanted},
    values::Reading,
};
use crate::attribute_map::{AttributeMap, RawAttributes};

/// How many values one user may have in all.
const MOST_VALUES: usize = 10_000;

/// How many bytes they may hold.
const MOST_BYTES: usize = 1 << 20;

/// Where people are, and what is asked about them.
#[derive(Clone, Debug)]
pub(super) struct People {
    bases: Vec<Box<str>>,
    filter: UserFilter,
    groups: Option<GroupSearch>,
    attributes: AttributeMap,
    wanted: Wanted,
}

/// One of them.
#[derive(Clone, Debug)]
pub(super) struct Person {
    /// The entry's distinguished name.
    pub(super) dn: String,
    /// What was asked for.
    pub(super) raw: RawAttributes,
}

impl People {
    /// Prepares to ask for what `attributes` reads.
    pub(super) fn new(
        bases: Vec<Box<str>>,
        filter: UserFilter,
        groups: Option<GroupSearch>,
        attributes: AttributeMap,
    ) -> Self {
        let raw = attributes.raw_names().filter(|name| groups.is_none() || *name != GROUPS);
        let compared = filter.compared().iter().map(|compared| &*compared.attribute);
        let mut wanted: Vec<Box<str>> = raw.chain(compared).map(Box::from).collect();
        wanted.sort_unstable();
        wanted.dedup();
        if wanted.is_empty() {
            wanted.push(NO_ATTRIBUTES.into());
        }
        Self { bases, filter, groups, attributes, wanted: wanted.into() }
    }

    /// Returns `user` with the raw attributes; `None`: no such entry.
    ///
    /// # Errors
    ///
    /// [`Fault`]: two entries are his, no answer, or one that cannot be read.
    pub(super) async fn read(&self, session: &mut Session<'_>, user: &str) -> Result<Option<Person>, Fault> {
        let Some(entry) = self.find(session, user).await? else { return Ok(None) };
        let mut raw = RawAttributes::new();
        for name in self.attributes.raw_names() {
            raw.insert(name.into(), values(&entry, name, self.attributes.wants_base64(name))?);
        }
        if let Some(groups) = &self.groups {
            raw.insert(GROUPS.into(), groups.find(session, user, &entry.dn).await?);
        }
        let returned = raw.iter().filter(|(_, values)| !values.is_empty()).map(|(name, _)| name.clone());
        session.trace(|traced| traced.returned.extend(returned));
        Ok(Some(Person { dn: entry.dn, raw: bounded(raw)? }))
    }

    /// Returns a name that no entry has, of the same form as people's.
    pub(super) fn nobodys_name(&self) -> String {
        match self.bases.iter().find(|base| !base.is_empty()) {
            Some(base) => format!("cn=countersign-nobody,{base}"),
            None => "cn=countersign-nobody".to_owned(),
        }
    }

    /// Returns the one entry that is `user`'s.
    async fn find(&self, session: &mut Session<'_>, user: &str) -> Result<Option<Entry>, Fault> {
        let filter = self.filter.fill(user);
        let mut entries: Vec<Entry> = Vec::new();
        for base in &self.bases {
            let search =
                Search { base, scope: Scope::Subtree, filter: &filter, wanted: &self.wanted, extent: Extent::Few };
            for entry in session.search(search).await? {
                // Bases may lie within one another.
                if entries.iter().all(|known| known.dn != entry.dn) {
                    entries.push(entry);
                }
            }
        }
        let found = entries.len();
        let entries: Vec<Entry> = entries
            .into_iter()
            .map(|entry| self.is_of(&entry, user).map(|is_his| is_his.then_some(entry)))
            .filter_map(Result::transpose)
            .collect::<Result<_, _>>()?;
        session.trace(|traced| {
            traced.matches = Some(entries.len());
            if found > entries.len() {
                let others = found - entries.len();
                traced.asked.push(format!("({others} found that spell the name otherwise: `userMatch: exact`)").into());
            }
        });
        match <[Entry; 1]>::try_from(entries) {
            Ok([entry]) => Ok(Some(entry)),
            Err(entries) if entries.is_empty() => Ok(None),
            Err(_) => Err(Fault::Ambiguous),
        }
    }

    /// True when the entry is `user`'s and not only like his.
    fn is_of(&self, entry: &Entry, user: &str) -> Result<bool, Fault> {
        let compared = self.filter.compared();
        if compared.is_empty() {
            return Ok(true);
        }
        let is_shown = compared.iter().any(|compared| entry.values(&compared.attribute).next().is_some());
        if !is_shown {
            let names: Vec<String> = compared.iter().map(|compared| format!("`{}`", compared.attribute)).collect();
            let names = names.join(", ");
            return Err(Fault::Malformed(format!("{names} found but not shown: `userMatch: exact` cannot compare")));
        }
        Ok(compared.iter().any(|compared| {
            let reading = Reading::of(&compared.attribute);
            entry.values(&compared.attribute).any(|value| match reading {
                Reading::Text | Reading::Base64 => compared.names(value, user),
                Reading::Guid | Reading::Sid => match reading.read(value) {
                    Ok(Json::String(text)) => compared.names(text.as_bytes(), user),
                    Ok(_) | Err(_) => false,
                },
            })
        }))
    }

    /// Looks whether every base is there, and whether the schema knows the attributes.
    ///
    /// # Errors
    ///
    /// [`Fault`]: the first thing that is not as configured.
    pub(super) async fn try_out(&self, session: &mut Session<'_>) -> Result<(), Fault> {
        let nothing: Wanted = [NO_ATTRIBUTES.into()].into();
        let group_bases = self.groups.iter().flat_map(|groups| &groups.bases);
        for base in self.bases.iter().chain(group_bases) {
            let search = Search { base, scope: Scope::Base, filter: ANY, wanted: &nothing, extent: Extent::Few };
            if session.search(search).await?.is_empty() {
                return Err(Fault::Malformed(format!("the base `{base}` cannot be read")));
            }
        }
        let Some(schema) = Schema::read(session).await? else { return Ok(()) };
        let named = self.wanted.iter().map(AsRef::as_ref).filter(|name| *name != NO_ATTRIBUTES);
        let of_groups = self.groups.iter().flat_map(GroupSearch::attributes);
        let unknown = named.chain(self.filter.attributes()).chain(of_groups).find(|name| !schema.knows(name));
        match unknown {
            Some(name) => Err(Fault::Malformed(format!("the directory's schema has no attribute `{name}`"))),
            None => Ok(()),
        }
    }
}

/// Returns an attribute's values.
fn values(entry: &Entry, name: &str, wants_base64: bool) -> Result<Vec<Json>, Fault> {
    if entry.is_partial(name) {
        let reason = format!("the server gives only a part of `{name}`: use `groups`, which takes them in pages");
        return Err(Fault::Malformed(reason));
    }
    let reading = if wants_base64 { Reading::Base64 } else { Reading::of(name) };
    let read = |value| reading.read(value).map_err(|expected| Fault::Malformed(format!("`{name}` is not {expected}")));
    entry.values(name).map(read).collect()
}

/// Refuses more than a user may have.
fn bounded(raw: RawAttributes) -> Result<RawAttributes, Fault> {
    let values = || raw.values().flatten();
    if values().count() > MOST_VALUES || values().map(Json::weight).sum::<usize>() > MOST_BYTES {
        return Err(Fault::Malformed(format!("more than {MOST_VALUES} values or {MOST_BYTES} bytes")));
    }
    Ok(raw)
}
