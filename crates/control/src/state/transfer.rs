//! `countersign state push` and `pull`: the documents of a database as files of a folder, and back.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use gateway::{Diagnostics, Source};

use super::{
    APPLICATIONS, StateDatabase, StateError,
    names::{APIS, is_document},
    session::DocumentEdit,
};
use crate::{
    definitions::Definition,
    files::ConfigurationFiles,
    history::{API, Change, diff},
};

/// All documents, by name: `apis/orders.yaml`, `applications.yaml`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StateCopy {
    /// How many changes the database had seen.
    pub revision: i64,
    /// The documents' texts.
    pub documents: BTreeMap<String, String>,
}

/// What a push changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DocumentChange {
    /// The document's name.
    pub name: String,
    /// The difference, as `diff -u` writes it.
    pub diff: String,
    before: Option<String>,
    after: Option<String>,
}

/// Who pushes, and when.
#[derive(Clone, Copy, Debug)]
pub struct PushedState<'a> {
    /// Who pushes, for the history.
    pub author: &'a str,
    /// Seconds since the epoch.
    pub at: u64,
    /// The revision that the changes start from.
    pub revision: i64,
}

/// Why documents were not moved.
#[derive(Debug, thiserror::Error)]
pub enum StateTransferError {
    /// The operator's file names no database, or cannot be read.
    #[error("the operator's file names no database that can be used")]
    NoDatabase(Diagnostics),
    /// The database cannot be asked.
    #[error("cannot ask the database: {0}")]
    Database(#[from] StateError),
    /// Somebody has changed something meanwhile.
    #[error("the database is at revision {0} by now: somebody has changed something meanwhile")]
    Changed(i64),
}

impl StateCopy {
    /// Reads the documents of a folder: `applications.yaml`, and API definitions below `apis`. What is not there is no
    /// document.
    ///
    /// # Errors
    ///
    /// When a file or folder cannot be read.
    pub fn read(folder: &Path) -> io::Result<BTreeMap<String, String>> {
        let mut documents = BTreeMap::new();
        let mut names = vec![APPLICATIONS.to_owned()];
        match fs::read_dir(folder.join(APIS)) {
            Ok(entries) => {
                for entry in entries {
                    names.push(format!("{APIS}/{}", entry?.file_name().to_string_lossy()));
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        for name in names.into_iter().filter(|name| is_document(name)) {
            let path = folder.join(&name);
            if path.is_file() {
                documents.insert(name, fs::read_to_string(path)?);
            }
        }
        Ok(documents)
    }

    /// Writes the documents into a folder; other files stay.
    ///
    /// # Errors
    ///
    /// When a file or folder cannot be written.
    pub fn write(&self, folder: &Path) -> io::Result<()> {
        fs::create_dir_all(folder.join(APIS))?;
        self.documents.iter().try_for_each(|(name, text)| fs::write(folder.join(name), text))
    }

    /// Returns what has to change for the database to hold `wanted`; what `wanted` does not have stays.
    pub fn changes_to(&self, wanted: &BTreeMap<String, String>) -> Vec<DocumentChange> {
        let changed = wanted.iter().filter(|(name, text)| self.documents.get(*name) != Some(*text));
        changed.map(|(name, text)| self.change(name, Some(text))).collect()
    }

    /// Returns what has to change for the database to hold nothing that `wanted` does not have.
    pub fn removals_to(&self, wanted: &BTreeMap<String, String>) -> Vec<DocumentChange> {
        let extra = self.documents.keys().filter(|name| !wanted.contains_key(*name));
        extra.map(|name| self.change(name, None)).collect()
    }

    fn change(&self, name: &str, after: Option<&String>) -> DocumentChange {
        let before = self.documents.get(name);
        let target = if name == APPLICATIONS { name } else { API };
        DocumentChange {
            name: name.to_owned(),
            diff: diff(target, name, (before.map(String::as_str), after.map(String::as_str))),
            before: before.cloned(),
            after: after.cloned(),
        }
    }

    /// Returns the documents as sources, below `folder`: API definitions, and applications.
    pub fn sources(documents: &BTreeMap<String, String>, folder: &Path) -> (Vec<Source>, Option<Source>) {
        let source = |(name, text): (&String, &String)| Source { path: folder.join(name), text: text.clone() };
        let (applications, apis) = documents.iter().partition::<Vec<_>, _>(|(name, _)| **name == *APPLICATIONS);
        (apis.into_iter().map(source).collect(), applications.into_iter().map(source).next())
    }
}

impl DocumentChange {
    /// Returns what is done to the document.
    pub fn action(&self) -> &'static str {
        match (&self.before, &self.after) {
            (None, _) => "added",
            (Some(_), Some(_)) => "changed",
            (Some(_), None) => "removed",
        }
    }

    fn into_edit(self, pushed: PushedState<'_>) -> DocumentEdit {
        let text = self.after.as_ref().or(self.before.as_ref()).cloned().unwrap_or_default();
        let definition = || Definition::of(Source { path: PathBuf::from(&self.name), text });
        let target =
            if self.name == APPLICATIONS { "applications".to_owned() } else { format!("{API}{}", definition().id) };
        let file = self.name.rsplit('/').next().unwrap_or_default().to_owned();
        let change = Change {
            n: 0,
            at: pushed.at,
            author: pushed.author.to_owned(),
            action: format!("{} by state push", self.action()),
            target,
            file,
            note: String::new(),
            diff: self.diff,
            after: self.after,
        };
        DocumentEdit { name: Some(self.name), change }
    }
}

impl ConfigurationFiles {
    /// Reads all documents of the database; without tables there are none.
    ///
    /// # Errors
    ///
    /// [`StateTransferError`]
    pub fn pull_state(&self) -> Result<StateCopy, StateTransferError> {
        let known = match self.opened_database()?.known() {
            Ok(known) => known,
            Err(StateError::NoTables) => return Ok(StateCopy::default()),
            Err(error) => return Err(error.into()),
        };
        let documents = known.documents.iter().map(|(name, text)| (name.to_string(), text.to_string()));
        Ok(StateCopy { revision: known.revision, documents: documents.collect() })
    }

    /// Makes changes in the database, all or none, and makes its tables if there are none. Returns the new revision.
    ///
    /// # Errors
    ///
    /// [`StateTransferError`]
    pub fn push_state(&self, changes: Vec<DocumentChange>, pushed: PushedState<'_>) -> Result<i64, StateTransferError> {
        let database = self.opened_database()?;
        let editing = match database.begin() {
            Err(StateError::NoTables) => {
                database.make_tables()?;
                database.begin()?
            }
            outcome => outcome?,
        };
        if editing.known().revision != pushed.revision {
            return Err(StateTransferError::Changed(editing.known().revision));
        }
        let edits = changes.into_iter().map(|change| change.into_edit(pushed)).collect();
        Ok(editing.commit(edits)?)
    }

    fn opened_database(&self) -> Result<&StateDatabase, StateTransferError> {
        self.open().map_err(StateTransferError::NoDatabase)?;
        self.database().ok_or_else(|| StateTransferError::NoDatabase(Diagnostics::new()))
    }
}
