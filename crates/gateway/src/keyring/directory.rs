//! The keys directory: one private JWK per file, made under a lock, readable by its owner alone.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    sync::Arc,
};

use claims::{Algorithm, KeyError, KeyFile, KeyFileError, KeyLife, RsaSize, SigningKey};

/// What can go wrong with the keys directory.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// A file or the directory cannot be read or written.
    #[error("cannot use `{path}`")]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file is no key.
    #[error("`{path}` is no key file of ours")]
    Malformed {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: KeyFileError,
    },
    /// A key could not be made.
    #[error("cannot make a key")]
    Generate(#[source] KeyError),
}

/// The keys that a first start makes.
const FIRST_KEYS: [Algorithm; 2] = [Algorithm::Es256, Algorithm::Rs256];

/// Returns the algorithms that a start makes keys for: those of which there is none yet.
pub(super) fn missing_first_keys(existing: &[KeyFile]) -> Vec<Algorithm> {
    let is_there = |algorithm: Algorithm| existing.iter().any(|file| file.key.algorithm() == algorithm);
    FIRST_KEYS.into_iter().filter(|algorithm| !is_there(*algorithm)).collect()
}

/// Makes an ES256 and an RS256 key if the directory has none yet. Replicas on one volume do not race: creation is under a
/// lock.
///
/// Returns the files that were made.
///
/// # Errors
///
/// [`DirectoryError`] when the directory cannot be written.
pub fn make_first_keys(directory: &Path, now: u64) -> Result<Vec<PathBuf>, DirectoryError> {
    if missing_first_keys(&read_directory(directory)?).is_empty() {
        return Ok(Vec::new());
    }
    let _lock = lock_directory(directory)?;
    let mut made = Vec::new();
    for algorithm in missing_first_keys(&read_directory(directory)?) {
        let key = SigningKey::generate(algorithm, RsaSize::default()).map_err(DirectoryError::Generate)?;
        made.push(write_key(directory, &KeyFile { key: Arc::new(key), life: KeyLife::active_from(now) })?);
    }
    Ok(made)
}

/// The file with the key of the hashes by which audit records name users.
const USER_HASH_KEY: &str = "audit-users.key";
const SHORTEST_USER_HASH_KEY: usize = 16;

/// Returns the key of the hashes by which audit records name users, made if there is none yet: one for all replicas and
/// restarts that share the directory, so that one user has one name.
///
/// # Errors
///
/// [`DirectoryError`] when there is none and none can be written.
pub(crate) fn user_hash_key(directory: &Path) -> Result<Vec<u8>, DirectoryError> {
    let existing = || fs::read(directory.join(USER_HASH_KEY)).ok().filter(|key| key.len() >= SHORTEST_USER_HASH_KEY);
    if let Some(key) = existing() {
        return Ok(key);
    }
    let _lock = lock_directory(directory)?;
    if let Some(key) = existing() {
        return Ok(key);
    }
    let key = [uuid::Uuid::new_v4(), uuid::Uuid::new_v4()].map(uuid::Uuid::into_bytes).concat();
    write_private(directory, USER_HASH_KEY, &key)?;
    Ok(key)
}

/// Waits until no other process makes keys here, until the file is dropped.
///
/// # Errors
///
/// [`DirectoryError`] when the directory cannot be written.
pub fn lock_directory(directory: &Path) -> Result<File, DirectoryError> {
    let mut folder = fs::DirBuilder::new();
    folder.recursive(true).mode(0o700).create(directory).map_err(|source| io_error(directory, source))?;
    let path = directory.join(".lock");
    let lock = File::create(&path).map_err(|source| io_error(&path, source))?;
    lock.lock().map_err(|source| io_error(&path, source))?;
    Ok(lock)
}

/// Reads every key of the directory, in name order; one that does not exist has none.
///
/// # Errors
///
/// [`DirectoryError`] for the first file that is no key.
pub fn read_directory(directory: &Path) -> Result<Vec<KeyFile>, DirectoryError> {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(io_error(directory, source)),
    };
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry.map_err(|source| io_error(directory, source))?.path();
        if path.extension().is_some_and(|extension| extension == "json") {
            paths.push(path);
        }
    }
    paths.sort();
    paths.into_iter().map(read_key).collect()
}

fn read_key(path: PathBuf) -> Result<KeyFile, DirectoryError> {
    let text = fs::read(&path).map_err(|source| io_error(&path, source))?;
    KeyFile::parse(&text).map_err(|source| DirectoryError::Malformed { path, source })
}

/// Writes a key's file, mode 0600, whole or not at all; an older version is replaced.
///
/// # Errors
///
/// [`DirectoryError`] when the file cannot be written.
pub fn write_key(directory: &Path, key: &KeyFile) -> Result<PathBuf, DirectoryError> {
    let text = key.to_text().map_err(DirectoryError::Generate)?;
    write_private(directory, &key.name(), &text)
}

/// Writes a file that only its owner may read, whole or not at all.
fn write_private(directory: &Path, name: &str, content: &[u8]) -> Result<PathBuf, DirectoryError> {
    let path = directory.join(name);
    let temporary = directory.join(format!(".{name}.new"));
    let write = || -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
        file.set_permissions(fs::Permissions::from_mode(0o600))?;
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(&temporary, &path)
    };
    write().map_err(|source| io_error(&path, source))?;
    Ok(path)
}

fn io_error(path: &Path, source: io::Error) -> DirectoryError {
    DirectoryError::Io { path: path.to_owned(), source }
}
