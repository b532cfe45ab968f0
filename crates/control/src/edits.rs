//! One file, or one document of a database, edited: compiled with everything else first, then replaced as a whole, then
//! published.
//!
//! Whoever edits says what they have seen; what somebody else has changed meanwhile, also by hand, is left alone.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use gateway::{Diagnostics, EditError, Gateway, Source, Sources};

use crate::{
    files::ConfigurationFiles,
    history::Change,
    state::{APPLICATIONS, DocumentEdit, StateDatabase, StateError, name_of, path_of},
};

/// A file as it was seen, and as it shall be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FileEdit {
    /// The file.
    pub(crate) path: PathBuf,
    /// What it held; `None`: there was none.
    pub(crate) before: Option<String>,
    /// What it shall hold; `None`: it goes.
    pub(crate) after: Option<String>,
}

/// Why an edit was not made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FileEditError {
    /// The file holds something else by now: this, or nothing.
    #[error("the file has been changed meanwhile")]
    Changed(Option<String>),
    /// The configuration would be broken.
    #[error("the configuration would be broken")]
    Refused(Diagnostics),
    /// A file cannot be read.
    #[error("a file cannot be read")]
    Unreadable(Diagnostics),
    /// The file cannot be written.
    #[error("cannot write `{path}`", path = .0.display())]
    Unwritable(PathBuf, #[source] io::Error),
    /// The database cannot be asked.
    #[error("the database does not answer")]
    Unreachable(#[source] StateError),
}

impl FileEdit {
    /// Returns the sources with the edit in them.
    pub(crate) fn applied_to(&self, mut sources: Sources) -> Sources {
        if sources.operator.path == self.path {
            sources.operator.text = self.after.clone().unwrap_or_default();
            return sources;
        }
        if path_of(APPLICATIONS) == self.path {
            sources.applications = self.after.clone().map(|text| Source { path: self.path.clone(), text });
            return sources;
        }
        sources.apis.retain(|api| api.path != self.path);
        if let Some(text) = &self.after {
            sources.apis.push(Source { path: self.path.clone(), text: text.clone() });
            sources.apis.sort_by(|one, other| one.path.cmp(&other.path));
        }
        sources
    }

    /// Refuses when the file does not hold what was seen.
    fn check(&self) -> Result<(), FileEditError> {
        let now = match fs::read_to_string(&self.path) {
            Ok(text) => Some(text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(FileEditError::Unwritable(self.path.clone(), error)),
        };
        if now == self.before { Ok(()) } else { Err(FileEditError::Changed(now)) }
    }

    fn write(&self) -> Result<(), FileEditError> {
        self.check()?;
        let outcome = match (&self.before, &self.after) {
            (_, None) => fs::remove_file(&self.path),
            (None, Some(text)) => create(&self.path, text),
            (Some(_), Some(text)) => replace(&self.path, text),
        };
        outcome.map_err(|error| FileEditError::Unwritable(self.path.clone(), error))
    }
}

impl ConfigurationFiles {
    /// Makes an edit: nothing changes when it fails; when it returns, requests see it. A database keeps `change` as well.
    ///
    /// # Errors
    ///
    /// [`FileEditError`]
    pub(crate) fn edit(
        &self,
        gateway: &Gateway,
        edit: &FileEdit,
        change: &Change,
    ) -> Result<Diagnostics, FileEditError> {
        let _turn = self.turn();
        if let (Some(database), Some(name)) = (self.database(), name_of(&edit.path)) {
            return self.edit_document(gateway, (database, name), (edit, change));
        }
        edit.check()?;
        self.publish(gateway, edit, || edit.write())
    }

    fn edit_document(
        &self,
        gateway: &Gateway,
        (database, name): (&StateDatabase, &str),
        (edit, change): (&FileEdit, &Change),
    ) -> Result<Diagnostics, FileEditError> {
        let editing = database.begin().map_err(FileEditError::Unreachable)?;
        let now = editing.known().documents.get(name);
        if now.map(|text| &**text) != edit.before.as_deref() {
            return Err(FileEditError::Changed(now.map(ToString::to_string)));
        }
        let written = DocumentEdit { name: Some(name.to_owned()), change: change.clone() };
        let save = || editing.commit(vec![written]).map(drop).map_err(FileEditError::Unreachable);
        self.publish(gateway, edit, save)
    }

    /// Compiles with an edit in what is there, saves it, and publishes.
    fn publish(
        &self,
        gateway: &Gateway,
        edit: &FileEdit,
        save: impl FnOnce() -> Result<(), FileEditError>,
    ) -> Result<Diagnostics, FileEditError> {
        let sources = edit.applied_to(self.read().map_err(FileEditError::Unreadable)?);
        // Before the watch can see the file: it finds nothing new then.
        let before = self.remember_sources(&sources);
        gateway.apply_edit(&sources, &edit.path, save).map_err(|error| {
            self.remember(before);
            match error {
                EditError::Refused(diagnostics) => FileEditError::Refused(diagnostics),
                EditError::Unsaved(error) => error,
            }
        })
    }
}

/// Replaces a file's content: all of it or nothing. A link stays a link.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let path = fs::canonicalize(path)?;
    let permissions = fs::metadata(&path)?.permissions();
    let temporary = write_beside(&path, text)?;
    fs::set_permissions(&temporary, permissions)
        .and_then(|()| fs::rename(&temporary, &path))
        .and_then(|()| sync_folder(&path))
        .inspect_err(|_| drop(fs::remove_file(&temporary)))
}

/// Makes a file that does not exist yet.
fn create(path: &Path, text: &str) -> io::Result<()> {
    let temporary = write_beside(path, text)?;
    // Unlike a rename, a link never replaces what somebody else has made meanwhile.
    let outcome = fs::hard_link(&temporary, path).and_then(|()| sync_folder(path));
    let _ = fs::remove_file(&temporary);
    outcome
}

fn write_beside(path: &Path, text: &str) -> io::Result<PathBuf> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    // Hidden, and with an ending that is no definition's.
    let temporary = path.with_file_name(format!(".{name}.{}.new", std::process::id()));
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).open(&temporary)?;
    file.write_all(text.as_bytes())
        .and_then(|()| file.sync_all())
        .inspect_err(|_| drop(fs::remove_file(&temporary)))?;
    Ok(temporary)
}

fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edit(path: &Path, before: Option<&str>, after: Option<&str>) -> Result<(), FileEditError> {
        let text = |text: Option<&str>| text.map(ToOwned::to_owned);
        FileEdit { path: path.to_owned(), before: text(before), after: text(after) }.write()
    }

    #[test]
    fn a_file_that_somebody_else_has_changed_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.yaml");
        edit(&path, None, Some("one")).unwrap();
        assert!(matches!(edit(&path, None, Some("two")), Err(FileEditError::Changed(_))));
        fs::write(&path, "by hand").unwrap();
        assert!(matches!(edit(&path, Some("one"), Some("two")), Err(FileEditError::Changed(_))));
        assert!(matches!(edit(&path, Some("one"), None), Err(FileEditError::Changed(_))));
        assert_eq!(fs::read_to_string(&path).unwrap(), "by hand");
        edit(&path, Some("by hand"), None).unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_replaced_file_keeps_its_mode_and_its_link() {
        use std::os::unix::fs::{PermissionsExt as _, symlink};
        let folder = tempfile::tempdir().unwrap();
        let (path, link) = (folder.path().join("a.yaml"), folder.path().join("link.yaml"));
        fs::write(&path, "one").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        symlink(&path, &link).unwrap();
        edit(&link, Some("one"), Some("two")).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "two");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    }
}
