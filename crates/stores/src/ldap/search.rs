//! One search on one connection, its answer bounded; nothing is followed that it refers to.

use std::{sync::Arc, time::Duration};

use ldap3::{
    DerefAliases, Ldap, LdapError, Scope, SearchOptions,
    adapters::{Adapter, EntriesOnly, PagedResults},
};

use super::{
    entry::Entry,
    fault::{Failure, Fault, SIZE_LIMIT_EXCEEDED},
};
use crate::user_store::{Question, Traced};

/// How many entries a search for one user may find; they differ at most in what the server does not tell apart.
const FEW: i32 = 50;

/// How many entries a page has: Active Directory gives no more than 1 000 at once, many others 500.
const PAGE: i32 = 500;

/// How many bytes one search may answer.
const MOST_BYTES: usize = 4 << 20;

/// How many entries.
const MOST_ENTRIES: usize = 10_000;

/// Which attributes an answer holds.
pub(super) type Wanted = Arc<[Box<str>]>;

/// A search.
#[derive(Clone, Copy, Debug)]
pub(super) struct Search<'s> {
    pub(super) base: &'s str,
    pub(super) scope: Scope,
    pub(super) filter: &'s str,
    pub(super) wanted: &'s Wanted,
    pub(super) extent: Extent,
}

/// How many entries are expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extent {
    /// One user's: more than a few are an error.
    Few,
    /// Any number, fetched in pages (RFC 2696).
    Many,
}

/// A connection while it is asked for one purpose.
pub(super) struct Session<'c> {
    /// The connection.
    pub(super) ldap: &'c mut Ldap,
    /// The server at its end.
    pub(super) server: &'c Arc<str>,
    /// Whose question it is, for the trace.
    pub(super) question: Option<Question<'c>>,
    /// How long the server may think about one search.
    pub(super) time_limit: Duration,
}

impl Session<'_> {
    /// Returns the entries that match; references to other servers are left out.
    pub(super) async fn search(&mut self, search: Search<'_>) -> Result<Vec<Entry>, Fault> {
        self.trace(|traced| traced.asked.push(format!("{}: {}", search.base, search.filter).into()));
        let seconds = i32::try_from(self.time_limit.as_secs()).unwrap_or(i32::MAX).saturating_add(1);
        let size_limit = match search.extent {
            Extent::Few => FEW,
            Extent::Many => 0,
        };
        let options = SearchOptions::new().deref(DerefAliases::Never).timelimit(seconds).sizelimit(size_limit);
        self.ldap.with_search_options(options);
        let adapters = adapters(search.extent);
        let Search { base, scope, filter, wanted, .. } = search;
        let stream = self.ldap.streaming_search_with(adapters, base, scope, filter, Arc::clone(wanted)).await;
        let mut stream = stream.map_err(|source| self.lost(source))?;
        let mut entries = Vec::new();
        let mut bytes = 0;
        while let Some(item) = stream.next().await.map_err(|source| self.lost(source))? {
            let entry = Entry::read(item.0).ok_or_else(|| Failure::Garbage { server: Arc::clone(self.server) })?;
            bytes += entry.weight();
            entries.push(entry);
            if bytes > MOST_BYTES || entries.len() > MOST_ENTRIES {
                return Err(Fault::Malformed(format!("more than {MOST_ENTRIES} entries or {MOST_BYTES} bytes")));
            }
        }
        let result = stream.finish().await;
        match (result.rc, search.extent) {
            (0, _) => Ok(entries),
            (SIZE_LIMIT_EXCEEDED, Extent::Few) => Err(Fault::Ambiguous),
            _ => Err(Failure::Search { server: Arc::clone(self.server), base: base.into(), result }.into()),
        }
    }

    /// Notes something for whoever follows the look-up.
    pub(super) fn trace(&self, note: impl FnOnce(&mut Traced)) {
        if let Some(question) = self.question {
            question.note(note);
        }
    }

    fn lost(&self, source: LdapError) -> Fault {
        Failure::Lost { server: Arc::clone(self.server), source }.into()
    }
}

/// Returns what stands between the connection and the entries: no references, and pages where there may be many.
fn adapters<'a>(extent: Extent) -> Vec<Box<dyn Adapter<'a, Box<str>, Wanted> + 'a>> {
    let mut adapters: Vec<Box<dyn Adapter<'a, Box<str>, Wanted> + 'a>> = vec![Box::new(EntriesOnly::new())];
    match extent {
        Extent::Few => {}
        Extent::Many => adapters.push(Box::new(PagedResults::new(PAGE))),
    }
    adapters
}
