//! What all admin requests share.

use std::{
    net::SocketAddr,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::SystemTime,
};

use gateway::{Compiled, Diagnostics, Gateway, Source, Sources};

use super::{
    AdminParts,
    person::{Person, Role},
    problem::Problem,
    sessions::Sessions,
};
use crate::{
    definitions::{Definition, Definitions},
    history::{API, Change, History},
    state::DocumentEdit,
};

/// What all admin requests share.
#[derive(Debug)]
pub(super) struct Desk {
    parts: AdminParts,
    definitions: Definitions,
    history: History,
    /// Who is logged in.
    pub(super) sessions: Sessions,
    /// The listener's address.
    pub(super) address: SocketAddr,
    /// True: only this machine reaches the listener.
    pub(super) is_loopback: bool,
    is_stopping: AtomicBool,
}

impl Desk {
    pub(super) fn new(address: SocketAddr, parts: AdminParts) -> Self {
        Self {
            parts,
            definitions: Definitions::default(),
            history: History::new(),
            sessions: Sessions::default(),
            address,
            is_loopback: address.ip().is_loopback(),
            is_stopping: AtomicBool::new(false),
        }
    }

    /// Records that the process ends: it takes no new connections for calls.
    pub(super) fn say_stopping(&self) {
        self.is_stopping.store(true, Ordering::Relaxed);
    }

    /// True when the process ends.
    pub(super) fn is_stopping(&self) -> bool {
        self.is_stopping.load(Ordering::Relaxed)
    }

    /// Returns the process's parts.
    pub(super) fn parts(&self) -> &AdminParts {
        &self.parts
    }

    /// Returns the gateway.
    pub(super) fn gateway(&self) -> &Arc<Gateway> {
        &self.parts.gateway
    }

    /// Returns what runs.
    pub(super) fn published(&self) -> Arc<Compiled> {
        Arc::clone(&self.parts.gateway.published())
    }

    /// Returns the time.
    pub(super) fn now(&self) -> SystemTime {
        (self.parts.clock)()
    }

    /// Reads the files as they are now.
    pub(super) fn sources(&self) -> Result<Sources, Problem> {
        self.parts.files.read().map_err(|diagnostics| unreadable(&diagnostics))
    }

    /// Reads the operator's file as it is now.
    pub(super) fn operators_file(&self) -> Result<Source, Problem> {
        self.parts.files.read_operator().map_err(|diagnostics| unreadable(&diagnostics))
    }

    /// Reads the API definitions as they are now.
    pub(super) fn definitions(&self) -> Result<Vec<Arc<Definition>>, Problem> {
        match self.parts.files.definition_files().map_err(|diagnostics| unreadable(&diagnostics))? {
            Some(files) => {
                self.definitions.of_files(&files, self.now()).map_err(|diagnostics| unreadable(&diagnostics))
            }
            None => Ok(self.definitions.of(&self.sources()?)),
        }
    }

    /// Returns the changes that `is_wanted` says, the newest first.
    pub(super) fn history(&self, is_wanted: impl Fn(&Change) -> bool) -> Result<Vec<Change>, Problem> {
        if let Some(database) = self.parts.files.database() {
            let known = database.known().map_err(Problem::unavailable)?;
            let wanted = known.history.iter().rev().filter(|change| is_wanted(change));
            return Ok(wanted.map(|change| Change::clone(change)).collect());
        }
        let folder = self.published().operator.admin.directory.value.clone();
        let cannot =
            |error| Problem::failed(format_args!("cannot read the history in `{}`: {error}", folder.display()));
        self.history.find(&folder, is_wanted).map_err(cannot)
    }

    /// Notes a change of a file's text; a database has noted it with the text.
    pub(super) fn remember_edit(&self, before: Option<&str>, change: Change) {
        if self.parts.files.database().is_none() {
            self.remember_in_folder(before, change);
        }
    }

    /// Notes a change of something that is no document.
    pub(super) fn remember(&self, change: Change) {
        let Some(database) = self.parts.files.database() else { return self.remember_in_folder(None, change) };
        let noted = database.begin().and_then(|editing| editing.commit(vec![DocumentEdit { name: None, change }]));
        if let Err(error) = noted {
            tracing::error!("a change is missing from the history in the database: {error}");
        }
    }

    /// One that cannot be noted has been made all the same, and the log says so.
    fn remember_in_folder(&self, before: Option<&str>, change: Change) {
        let folder = self.published().operator.admin.directory.value.clone();
        if let Err(error) = self.history.add(&folder, before, change) {
            tracing::error!("a change is missing from the history in `{}`: {error}", folder.display());
        }
    }

    /// Returns the changes of a file of an API, the newest first.
    pub(super) fn changes(&self, file: &str) -> Result<Vec<Change>, Problem> {
        self.history(|change| change.is_of_api() && change.file == file)
    }

    /// Says who may change an API, besides operators: those that the operator names, and who made its file.
    pub(super) fn owners(&self, definition: &Definition) -> Vec<String> {
        let file = file_of(&definition.source.path);
        let tells = |change: &Change| change.after.is_none() || [CREATED, RESTORED].contains(&change.action.as_str());
        let changes = self.history(|change| change.is_of_api() && change.file == file && tells(change));
        self.owners_by(definition, &changes.unwrap_or_default())
    }

    fn owners_by(&self, definition: &Definition, changes: &[Change]) -> Vec<String> {
        let published = self.published();
        let written = published.operator.admin.owners.iter().filter(|owners| owners.api.value == definition.name());
        let mut owners: Vec<String> = written.flat_map(|it| &it.authors).map(|author| author.value.clone()).collect();
        owners.extend(maker(changes).filter(|maker| *maker != "local operator").map(ToOwned::to_owned));
        owners.dedup();
        owners
    }

    /// Refuses whoever may not change an API.
    ///
    /// # Errors
    ///
    /// 403.
    pub(super) fn require_author(&self, person: &Person, definition: &Definition) -> Result<(), Problem> {
        require_one_of(&self.owners(definition), person, definition)
    }

    /// Refuses whoever might not change an API as its file's `changes` have left it.
    ///
    /// # Errors
    ///
    /// 403.
    pub(super) fn require_author_then(
        &self,
        person: &Person,
        definition: &Definition,
        changes: &[Change],
    ) -> Result<(), Problem> {
        require_one_of(&self.owners_by(definition, changes), person, definition)
    }

    /// Finds one of them.
    pub(super) fn definition(&self, id: &str) -> Result<Arc<Definition>, Problem> {
        let all = self.definitions()?;
        let found = all.into_iter().find(|definition| definition.id == id);
        found.ok_or_else(|| Problem::not_found(format!("there is no API `{id}`")))
    }
}

fn unreadable(diagnostics: &Diagnostics) -> Problem {
    Problem::failed(diagnostics.to_string().trim_end())
}

fn require_one_of(owners: &[String], person: &Person, definition: &Definition) -> Result<(), Problem> {
    person.require(Role::Author)?;
    let is_theirs = |owner: &String| **owner == *person.name || person.groups.iter().any(|group| **group == **owner);
    if person.is(Role::Operator) || owners.iter().any(is_theirs) {
        return Ok(());
    }
    Err(Problem::forbidden(format!(
        "`{}` is not yours to change: the operator's `admin.owners` says whose it is",
        definition.id
    )))
}

/// The action that makes whoever does it an owner.
pub(super) const CREATED: &str = "api created";
/// The action after which a removed API is its maker's again.
pub(super) const RESTORED: &str = "api restored";

/// Returns who made what a file holds, by its changes, the newest first; nobody is known of what was removed.
fn maker(changes: &[Change]) -> Option<&str> {
    let (mut made_by, mut is_there) = (None, false);
    for change in changes.iter().rev() {
        match change.action.as_str() {
            CREATED => (made_by, is_there) = (Some(&*change.author), true),
            RESTORED => is_there = true,
            _ if change.after.is_some() => {}
            // Of two removals in a row the second is of what somebody has made by hand.
            _ => (made_by, is_there) = (made_by.filter(|_| is_there), false),
        }
    }
    made_by.filter(|_| is_there)
}

/// Returns what the history calls a file.
pub(super) fn file_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Returns what the history calls an API.
pub(super) fn target(id: &str) -> String {
    format!("{API}{id}")
}

/// Does what reads files or compiles, away from the other admin requests.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(Problem::failed(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(action: &str, author: &str) -> Change {
        Change {
            n: 0,
            at: 0,
            author: author.to_owned(),
            action: action.to_owned(),
            target: target("orders"),
            file: "orders.yaml".to_owned(),
            note: String::new(),
            diff: String::new(),
            after: (action != "api removed").then(String::new),
        }
    }

    #[test]
    fn an_api_is_whose_who_made_its_file_last() {
        let check = |changes: &[(&str, &str)], expected: Option<&str>| {
            let newest_first: Vec<Change> =
                changes.iter().rev().map(|(action, author)| change(action, author)).collect();
            assert_eq!(maker(&newest_first), expected, "{changes:?}");
        };
        let (made, removed) = ((CREATED, "bert"), ("api removed", "olga"));
        check(&[("first seen", "by hand"), ("policies changed", "anna")], None);
        check(&[made, ("policies changed", "olga")], Some("bert"));
        check(&[made, removed, ("first seen", "by hand")], None);
        check(&[made, removed, (CREATED, "anna")], Some("anna"));
        check(&[made, removed, (RESTORED, "olga")], Some("bert"));
        check(&[made, removed, ("file changed", "by hand"), removed, (RESTORED, "olga")], None);
    }
}
