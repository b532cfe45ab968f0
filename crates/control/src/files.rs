//! The operator's file and the folder of API definitions: read together, applied together.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use gateway::{Diagnostic, DiagnosticCode, Diagnostics, Fingerprint, Gateway, Source, Sources, Span, parse_operator};

/// How the names of other files end that count: keys, and revocation lists.
const WATCHED_ENDINGS: [&str; 3] = ["json", "crl", "pem"];

/// The endings of API definitions.
const API_ENDINGS: [&str; 3] = ["yaml", "yml", "apk-conf"];

/// The files of one gateway.
#[derive(Debug)]
pub struct ConfigurationFiles {
    operator: PathBuf,
    variables: BTreeMap<String, String>,
    applied: Mutex<Option<Fingerprint>>,
    turn: Mutex<()>,
}

/// What a reload came to.
#[derive(Debug)]
pub enum Reload {
    /// Nothing has changed.
    Unchanged,
    /// The files run now; with warnings, if any.
    Applied(Diagnostics),
    /// The files have errors; what ran before still runs.
    Refused(Diagnostics),
}

impl ConfigurationFiles {
    /// Names the files; `variables` is the process's environment, for `{env: …}` secrets.
    pub fn new(operator: impl Into<PathBuf>, variables: BTreeMap<String, String>) -> Self {
        Self { operator: operator.into(), variables, applied: Mutex::default(), turn: Mutex::default() }
    }

    /// Returns the operator's file.
    pub fn operator(&self) -> &Path {
        &self.operator
    }

    /// Returns the process's environment.
    pub(crate) fn variables(&self) -> &BTreeMap<String, String> {
        &self.variables
    }

    /// Reads all files.
    ///
    /// # Errors
    ///
    /// A diagnostic for the first file that cannot be read.
    pub fn read(&self) -> Result<Sources, Diagnostics> {
        let operator = read_source(&self.operator)?;
        let apis = match api_folder(&operator) {
            Some(folder) => read_folder(&folder, &self.operator)?,
            None => Vec::new(),
        };
        Ok(Sources { operator, apis, variables: self.variables.clone() })
    }

    /// Notes that these files run now, so that the first look at them finds nothing new.
    pub fn started(&self, sources: &Sources) {
        self.remember_sources(sources);
    }

    /// Applies the files if they have changed since the last time they were looked at.
    pub fn reload_if_changed(&self, gateway: &Gateway) -> Reload {
        let _turn = self.turn();
        let sources = match self.read() {
            Ok(sources) => sources,
            Err(diagnostics) => return self.refuse(gateway, diagnostics),
        };
        let fingerprint = Self::fingerprint(&sources);
        let is_known = *self.applied.lock().unwrap_or_else(PoisonError::into_inner) == Some(fingerprint);
        if is_known { Reload::Unchanged } else { self.apply(gateway, &sources, fingerprint) }
    }

    /// Applies the files, changed or not: what `SIGHUP` asks for, also after a secret or certificate changed.
    pub fn reload(&self, gateway: &Gateway) -> Reload {
        let _turn = self.turn();
        match self.read() {
            Ok(sources) => {
                let fingerprint = Self::fingerprint(&sources);
                self.apply(gateway, &sources, fingerprint)
            }
            Err(diagnostics) => self.refuse(gateway, diagnostics),
        }
    }

    /// True for the operator's file, API definitions, keys, revocation lists, and what links to them: Kubernetes swaps
    /// `..data`.
    pub(crate) fn may_be_configuration(&self, path: &Path) -> bool {
        let ending = path.extension().and_then(|ending| ending.to_str());
        let is_swapped = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b".."));
        path.file_name() == self.operator.file_name()
            || is_swapped
            || ending.is_some_and(|ending| WATCHED_ENDINGS.contains(&ending) || API_ENDINGS.contains(&ending))
    }

    /// Returns the folders to watch: of the operator's file, the API definitions, the keys and the revocation lists.
    pub fn folders(&self) -> Vec<PathBuf> {
        let own = self.operator.parent().map_or_else(|| PathBuf::from("."), Path::to_path_buf);
        let own = if own.as_os_str().is_empty() { PathBuf::from(".") } else { own };
        let mut folders = vec![own];
        if let Ok(operator) = read_source(&self.operator) {
            folders.extend([api_folder(&operator), key_folder(&operator)].into_iter().flatten());
            let lists = revocation_lists(&operator);
            folders.extend(lists.iter().filter_map(|list| list.parent()).map(Path::to_path_buf));
        }
        folders.sort();
        folders.dedup();
        folders.retain(|folder| folder.is_dir());
        folders
    }

    /// Waits until nobody else reads and applies, or edits.
    pub(crate) fn turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn apply(&self, gateway: &Gateway, sources: &Sources, fingerprint: Fingerprint) -> Reload {
        self.remember(Some(fingerprint));
        match gateway.apply(sources) {
            Ok(warnings) => Reload::Applied(warnings),
            Err(diagnostics) => Reload::Refused(diagnostics),
        }
    }

    fn refuse(&self, gateway: &Gateway, diagnostics: Diagnostics) -> Reload {
        self.remember(None);
        gateway.refuse(&diagnostics);
        Reload::Refused(diagnostics)
    }

    /// Notes what runs, and returns what was noted before.
    pub(crate) fn remember_sources(&self, sources: &Sources) -> Option<Fingerprint> {
        self.remember(Some(Self::fingerprint(sources)))
    }

    /// Notes what runs, and returns what was noted before.
    pub(crate) fn remember(&self, fingerprint: Option<Fingerprint>) -> Option<Fingerprint> {
        std::mem::replace(&mut *self.applied.lock().unwrap_or_else(PoisonError::into_inner), fingerprint)
    }

    /// Fingerprints everything that is read, the key files and revocation lists included.
    fn fingerprint(sources: &Sources) -> Fingerprint {
        let lists = revocation_lists(&sources.operator);
        let lists: Vec<Vec<u8>> = lists.iter().map(|list| fs::read(list).unwrap_or_default()).collect();
        let keys = key_folder(&sources.operator).and_then(|folder| contents(&folder).ok()).unwrap_or_default();
        let apis = sources.apis.iter().flat_map(|api| [api.path.as_os_str().as_encoded_bytes(), api.text.as_bytes()]);
        let others = keys.iter().chain(lists.iter()).map(Vec::as_slice);
        Fingerprint::of(std::iter::once(sources.operator.text.as_bytes()).chain(apis).chain(others))
    }
}

fn api_folder(operator: &Source) -> Option<PathBuf> {
    let spec = parse_operator(operator, &mut Diagnostics::new())?;
    Some(spec.apis.directory.value)
}

fn key_folder(operator: &Source) -> Option<PathBuf> {
    let spec = parse_operator(operator, &mut Diagnostics::new())?;
    Some(spec.keys.directory.value)
}

/// Returns the files of revocation lists: others replace them every day, and nobody else says so.
fn revocation_lists(operator: &Source) -> Vec<PathBuf> {
    let Some(spec) = parse_operator(operator, &mut Diagnostics::new()) else { return Vec::new() };
    let sets = spec.client_certificates.iter();
    sets.flat_map(|set| &set.crl).map(|list| list.value.clone()).collect()
}

fn read_source(path: &Path) -> Result<Source, Diagnostics> {
    let text = fs::read_to_string(path).map_err(|error| unreadable(path, path, &error))?;
    Ok(Source { path: path.to_owned(), text })
}

/// Reads the API definitions of a folder, in name order. Hidden files and other endings are no definitions.
fn read_folder(folder: &Path, operator: &Path) -> Result<Vec<Source>, Diagnostics> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) => return Err(unreadable(folder, operator, &error)),
    };
    let mut paths: Vec<PathBuf> = entries.filter_map(Result::ok).map(|entry| entry.path()).collect();
    paths.retain(|path| is_definition(path));
    paths.sort();
    paths.iter().map(|path| read_source(path)).collect()
}

fn is_definition(path: &Path) -> bool {
    let is_hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
    let ending = path.extension().and_then(|ending| ending.to_str());
    !is_hidden && ending.is_some_and(|ending| API_ENDINGS.contains(&ending)) && path.is_file()
}

/// Returns the names and contents of a folder's key files, in name order.
fn contents(folder: &Path) -> io::Result<Vec<Vec<u8>>> {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder)?.filter_map(Result::ok).map(|entry| entry.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|ending| ending == "json"));
    paths.sort();
    paths.iter().map(fs::read).collect()
}

fn unreadable(path: &Path, reported_in: &Path, error: &io::Error) -> Diagnostics {
    let span = Span::start_of(Arc::from(reported_in));
    let message = format!("cannot read `{}`: {error}", path.display());
    let mut diagnostics = Diagnostics::new();
    let hint = "relative paths start at the operator's file; `apis.directory` names the folder of API definitions";
    diagnostics.push(Diagnostic::error(DiagnosticCode::UnreadableFile, &span, message).with_hint(hint));
    diagnostics
}
