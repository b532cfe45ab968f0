//! The operator's file and the API definitions, of a folder or a database: read together, applied together.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
};

use gateway::{
    Diagnostic, DiagnosticCode, Diagnostics, Fingerprint, Gateway, Source, Sources, Span, StateAddress, parse_operator,
};
use tokio::runtime::Handle;

use crate::state::{self, Reread, StateDatabase, StateError, StateStatus};

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
    /// Where databases are asked.
    background: Handle,
    /// Where API definitions live: known, and kept, as soon as the operator's file has said it.
    place: OnceLock<Option<StateDatabase>>,
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
    /// Names the files; `variables` is the process's environment, for `{env: …}` secrets. `background` is a runtime with
    /// threads of its own, on which a database is asked.
    pub fn new(operator: impl Into<PathBuf>, variables: BTreeMap<String, String>, background: Handle) -> Self {
        Self {
            operator: operator.into(),
            variables,
            applied: Mutex::default(),
            turn: Mutex::default(),
            background,
            place: OnceLock::new(),
        }
    }

    /// Returns the operator's file.
    pub fn operator(&self) -> &Path {
        &self.operator
    }

    /// Returns the process's environment.
    pub(crate) fn variables(&self) -> &BTreeMap<String, String> {
        &self.variables
    }

    /// Reads the operator's file, and the API definitions: of their folder, or as their database was read last.
    ///
    /// # Errors
    ///
    /// A diagnostic for the first file that cannot be read, or for the database.
    pub fn read(&self) -> Result<Sources, Diagnostics> {
        let operator = read_source(&self.operator)?;
        self.find_place(&operator);
        let (apis, applications) = match (self.database(), api_folder(&operator)) {
            (Some(database), _) => database.sources().map_err(|error| database.unreadable(&error))?,
            (None, Some(folder)) => (read_folder(&folder, &self.operator)?, None),
            (None, None) => Default::default(),
        };
        Ok(Sources { operator, apis, applications, variables: self.variables.clone() })
    }

    /// Reads the operator's file alone.
    ///
    /// # Errors
    ///
    /// A diagnostic when it cannot be read.
    pub(crate) fn read_operator(&self) -> Result<Source, Diagnostics> {
        read_source(&self.operator)
    }

    /// Lists the files of the API definitions, in name order; `None`: they are no files.
    ///
    /// # Errors
    ///
    /// A diagnostic for the operator's file, or for the folder, that cannot be read.
    pub(crate) fn definition_files(&self) -> Result<Option<Vec<DefinitionFile>>, Diagnostics> {
        let operator = read_source(&self.operator)?;
        self.find_place(&operator);
        if self.database().is_some() {
            return Ok(None);
        }
        api_folder(&operator).map(|folder| list_folder(&folder, &self.operator)).transpose()
    }

    /// Finds out where API definitions live, without reading them.
    ///
    /// # Errors
    ///
    /// All that is wrong with what the operator's file says about it.
    pub(crate) fn open(&self) -> Result<(), Diagnostics> {
        let diagnostics = self.find_place(&read_source(&self.operator)?);
        if diagnostics.has_errors() { Err(diagnostics) } else { Ok(()) }
    }

    /// Returns the database of the desired state; `None`: API definitions are files.
    pub(crate) fn database(&self) -> Option<&StateDatabase> {
        self.place.get()?.as_ref()
    }

    /// Returns how the database of the desired state is doing; `None`: API definitions are files.
    pub fn state_status(&self) -> Option<StateStatus> {
        self.database().map(StateDatabase::status)
    }

    /// Notes where API definitions live. What is wrong with the operator's file is reported when it is compiled, too.
    fn find_place(&self, operator: &Source) -> Diagnostics {
        let mut diagnostics = Diagnostics::new();
        if self.place.get().is_some() {
            return diagnostics;
        }
        let spec = parse_operator(operator, &mut diagnostics).filter(|_| !diagnostics.has_errors());
        let Some(spec) = spec else { return diagnostics };
        let folder = operator.path.parent().unwrap_or(Path::new(""));
        let place = match &spec.state {
            None => None,
            Some(written) => match StateAddress::read(written, folder, &self.variables, &mut diagnostics) {
                None => return diagnostics,
                Some(address) => Some(StateDatabase::new(&address, written.url.span.clone(), self.background.clone())),
            },
        };
        let _ = self.place.set(place);
        diagnostics
    }

    /// Notes that these files run now, so that the first look at them finds nothing new.
    pub fn started(&self, sources: &Sources) {
        self.remember_sources(sources);
    }

    /// Applies the files if they have changed since the last time they were looked at.
    pub fn reload_if_changed(&self, gateway: &Gateway) -> Reload {
        let _turn = self.turn();
        self.look(gateway)
    }

    /// Reads the database again, and applies what has changed.
    ///
    /// # Errors
    ///
    /// [`StateError`]: nothing has changed.
    pub(crate) fn reload_state(&self, gateway: &Gateway, how: Reread) -> Result<Reload, StateError> {
        let _turn = self.turn();
        if let Some(database) = self.database() {
            database.refresh(how)?;
        }
        Ok(self.look(gateway))
    }

    /// Applies the files, changed or not: what `SIGHUP` asks for, also after a secret or certificate changed.
    pub fn reload(&self, gateway: &Gateway) -> Reload {
        let _turn = self.turn();
        if let Some(database) = self.database()
            && let Err(error) = database.refresh(Reread::Everything)
        {
            return self.refuse(gateway, database.unreadable(&error));
        }
        match self.read() {
            Ok(sources) => {
                let fingerprint = Self::fingerprint(&sources);
                self.apply(gateway, &sources, fingerprint)
            }
            Err(diagnostics) => self.refuse(gateway, diagnostics),
        }
    }

    fn look(&self, gateway: &Gateway) -> Reload {
        let sources = match self.read() {
            Ok(sources) => sources,
            Err(diagnostics) => return self.refuse(gateway, diagnostics),
        };
        let fingerprint = Self::fingerprint(&sources);
        let is_known = *self.applied.lock().unwrap_or_else(PoisonError::into_inner) == Some(fingerprint);
        if is_known { Reload::Unchanged } else { self.apply(gateway, &sources, fingerprint) }
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

    /// Returns where new API definitions go.
    pub(crate) fn api_folder(&self, operator: &gateway::spec::Operator) -> PathBuf {
        self.database().map_or_else(|| operator.apis.directory.value.clone(), |_| state::api_folder())
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
        let others = sources.apis.iter().chain(&sources.applications);
        let apis = others.flat_map(|api| [api.path.as_os_str().as_encoded_bytes(), api.text.as_bytes()]);
        let bytes = keys.iter().chain(lists.iter()).map(Vec::as_slice);
        Fingerprint::of(std::iter::once(sources.operator.text.as_bytes()).chain(apis).chain(bytes))
    }
}

/// Returns the folder of API definitions; `None`: they live in a database, or nobody can tell.
fn api_folder(operator: &Source) -> Option<PathBuf> {
    let spec = parse_operator(operator, &mut Diagnostics::new())?;
    spec.state.is_none().then_some(spec.apis.directory.value)
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

/// A file of the folder of API definitions.
#[derive(Debug)]
pub(crate) struct DefinitionFile {
    /// Where it is.
    pub(crate) path: PathBuf,
    /// Of the file, links followed.
    pub(crate) metadata: fs::Metadata,
}

impl DefinitionFile {
    /// Reads the file.
    ///
    /// # Errors
    ///
    /// A diagnostic when it cannot be read.
    pub(crate) fn read(&self) -> Result<Source, Diagnostics> {
        read_source(&self.path)
    }
}

/// Reads the API definitions of a folder, in name order.
fn read_folder(folder: &Path, operator: &Path) -> Result<Vec<Source>, Diagnostics> {
    list_folder(folder, operator)?.iter().map(DefinitionFile::read).collect()
}

/// Lists the API definitions of a folder, in name order. Hidden files and other endings are no definitions.
fn list_folder(folder: &Path, operator: &Path) -> Result<Vec<DefinitionFile>, Diagnostics> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) => return Err(unreadable(folder, operator, &error)),
    };
    let mut paths: Vec<PathBuf> = entries.filter_map(Result::ok).map(|entry| entry.path()).collect();
    paths.retain(|path| is_api_file_name(path));
    paths.sort();
    let file = |path: PathBuf| fs::metadata(&path).ok().map(|metadata| DefinitionFile { path, metadata });
    Ok(paths.into_iter().filter_map(file).filter(|file| file.metadata.is_file()).collect())
}

/// True for a name that API definitions have.
pub(crate) fn is_api_file_name(path: &Path) -> bool {
    let is_hidden = path.file_name().is_none_or(|name| name.as_encoded_bytes().starts_with(b"."));
    let ending = path.extension().and_then(|ending| ending.to_str());
    !is_hidden && ending.is_some_and(|ending| API_ENDINGS.contains(&ending))
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
