//! The keys directory, opened for reading or, under its lock, for changing.

use std::{
    fs::{DirBuilder, File},
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, bail};
use claims::{KeyFile, KeyOrigin, KeySet, KeySetEntry};
use gateway::{Diagnostics, LoadedKeys, Source, parse_operator, read_directory, spec};

use crate::{Process, cli::KeyPlace, clock};

/// How long a new key is announced where no operator's file says it.
const ANNOUNCE_FOR: Duration = Duration::from_hours(24);

/// What the keys are opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// To look at them.
    Read,
    /// To write some: nobody else writes meanwhile.
    Change,
}

/// The keys of one gateway, on disk.
#[derive(Debug)]
pub(super) struct KeyStore {
    /// Where they are.
    pub(super) directory: PathBuf,
    /// The files there.
    pub(super) files: Vec<KeyFile>,
    /// Those, and the ones that the operator's file lists.
    pub(super) set: KeySet,
    /// `keys.announceFor`
    pub(super) announce_for: Duration,
    /// Seconds since the epoch.
    pub(super) now: u64,
    /// Released when dropped.
    _lock: Option<File>,
}

impl KeyStore {
    /// Reads the keys.
    ///
    /// # Errors
    ///
    /// When the operator's file or a key file is broken or cannot be read, or the directory cannot be locked.
    pub(super) fn open(place: &KeyPlace, purpose: Purpose, process: &Process) -> anyhow::Result<Self> {
        let now = clock::seconds(process.now);
        let operator = match &place.directory {
            Some(_) => None,
            None => Some(read_operator(place.config.as_deref().unwrap_or(Path::new("countersign.yaml")))?),
        };
        let directory = match (&place.directory, &operator) {
            (Some(directory), _) => directory.clone(),
            (None, Some((_, operator))) => operator.keys.directory.value.clone(),
            (None, None) => bail!("name the keys with --config FILE or --directory DIR"),
        };
        let lock = match purpose {
            Purpose::Read => None,
            Purpose::Change => Some(lock(&directory)?),
        };
        let files = read_directory(&directory)?;
        let set = match &operator {
            Some((folder, operator)) => configured(operator, folder, process)?,
            None => KeySet::new(files.iter().map(entry).collect(), Vec::new(), now)?,
        };
        let announce_for = operator.map_or(ANNOUNCE_FOR, |(_, operator)| operator.keys.announce_for.value);
        Ok(Self { directory, files, set, announce_for, now, _lock: lock })
    }

    /// Finds the key file of a `kid`, or of its unambiguous beginning.
    ///
    /// # Errors
    ///
    /// When there is none, or several.
    pub(super) fn find(&self, kid: &str) -> anyhow::Result<&KeyFile> {
        if let Some(exact) = self.files.iter().find(|file| file.key.kid() == kid) {
            return Ok(exact);
        }
        let found: Vec<&KeyFile> = self.files.iter().filter(|file| file.key.kid().starts_with(kid)).collect();
        match found.as_slice() {
            [only] if !kid.is_empty() => Ok(only),
            [] if self.is_listed(kid) => {
                bail!("`{kid}` is a file of the operator's `keys.files`: it is managed there; taking it out revokes it")
            }
            [] => bail!("there is no key `{kid}` in {}; `countersign keys list` shows them", self.directory.display()),
            _ => bail!(
                "`{kid}` begins several keys: {}",
                found.iter().map(|file| file.key.kid()).collect::<Vec<_>>().join(", ")
            ),
        }
    }

    fn is_listed(&self, kid: &str) -> bool {
        !kid.is_empty() && self.set.states(self.now).iter().any(|status| status.kid.starts_with(kid))
    }
}

fn entry(file: &KeyFile) -> KeySetEntry {
    KeySetEntry { key: std::sync::Arc::clone(&file.key), life: file.life, origin: KeyOrigin::Directory }
}

/// Reads the operator's file, and returns it with its folder.
fn read_operator(path: &Path) -> anyhow::Result<(PathBuf, spec::Operator)> {
    let text = std::fs::read_to_string(path).with_context(|| {
        format!(
            "cannot read the operator's file `{}`; name another with --config, or the keys with --directory",
            path.display()
        )
    })?;
    let mut diagnostics = Diagnostics::new();
    let operator = parse_operator(&Source { path: path.to_owned(), text }, &mut diagnostics);
    let folder = path.parent().unwrap_or(Path::new("")).to_path_buf();
    match operator {
        Some(operator) if !diagnostics.has_errors() => Ok((folder, operator)),
        Some(_) | None => bail!(
            "the operator's file is broken; repair it, or name the keys with --directory\n{}",
            diagnostics.to_string().trim_end()
        ),
    }
}

/// Reads the keys of an operator's file: its directory, and the files that it lists.
fn configured(operator: &spec::Operator, folder: &Path, process: &Process) -> anyhow::Result<KeySet> {
    let mut diagnostics = Diagnostics::new();
    let loaded = LoadedKeys::of(operator, (folder, &process.variables), clock::seconds(process.now), &mut diagnostics);
    if diagnostics.has_errors() {
        bail!("the keys cannot be used\n{}", diagnostics.to_string().trim_end());
    }
    Ok(loaded.set().clone())
}

/// Takes the lock that a starting gateway takes too.
fn lock(directory: &Path) -> anyhow::Result<File> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)
        .with_context(|| format!("cannot make the keys directory `{}`", directory.display()))?;
    let path = directory.join(".lock");
    let file =
        File::create(&path).with_context(|| format!("cannot write in the keys directory `{}`", directory.display()))?;
    file.lock().with_context(|| format!("cannot lock `{}`", path.display()))?;
    Ok(file)
}
