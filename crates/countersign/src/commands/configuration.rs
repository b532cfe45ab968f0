//! The configuration as the commands see it: read, compiled once, with everything that is wrong with it.
//!
//! Starts no server and makes no key.

use std::{fs, path::Path, sync::Arc};

use anyhow::{Context as _, anyhow};
use control::ConfigurationFiles;
use gateway::{BrokenApis, Compiled, Diagnostics, Keyring, Pools, Runtime, Source, Sources, Surroundings, compile};

use crate::{Process, clock, output};

/// A compiled configuration, and what it needs to make tokens.
#[derive(Debug)]
pub(crate) struct Configuration {
    /// The configuration.
    pub(crate) compiled: Compiled,
    /// The state that a gateway would have: keys, and empty caches.
    pub(crate) runtime: Arc<Runtime>,
    /// Where look-ups run.
    pub(crate) background: tokio::runtime::Runtime,
}

impl Configuration {
    /// Reads and compiles the files; complains about broken ones on standard error.
    ///
    /// `Ok(None)`: the operator's file is broken. A broken API definition leaves its API out.
    ///
    /// # Errors
    ///
    /// When threads cannot be started.
    pub(crate) fn load(config: &Path, process: &Process) -> anyhow::Result<Option<Self>> {
        let background = background()?;
        let files = ConfigurationFiles::new(config, process.variables.clone(), background.handle().clone());
        let sources = match files.read() {
            Ok(sources) => sources,
            Err(diagnostics) => return Ok(complain(&diagnostics)),
        };
        let mut diagnostics = Diagnostics::new();
        let pools = Pools::default();
        let surroundings =
            Surroundings { background: background.handle(), pools: &pools, previous: None, now: process.now };
        let Some(mut compiled) = compile(&sources, surroundings, BrokenApis::Answer503, &mut diagnostics) else {
            return Ok(complain(&diagnostics));
        };
        if diagnostics.has_errors() {
            complain::<()>(&diagnostics);
        }
        let keyring = Arc::new(Keyring::default());
        keyring.install(std::mem::take(&mut compiled.keys), clock::seconds(process.now));
        let callers = gateway::Callers::new(1 << 20);
        let runtime = Runtime::new(background.handle().clone(), clock::now, callers, keyring, b"a command's own");
        Ok(Some(Self { compiled, runtime: Arc::new(runtime), background }))
    }
}

/// Starts the thread on which servers are asked.
///
/// # Errors
///
/// When there is none to be had.
pub(crate) fn background() -> anyhow::Result<tokio::runtime::Runtime> {
    let builder = &mut tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(1).enable_all().build().context("cannot start a background thread")
}

/// Prints the errors; warnings are for `check`.
fn complain<T>(diagnostics: &Diagnostics) -> Option<T> {
    for diagnostic in diagnostics.iter().filter(|diagnostic| diagnostic.severity == gateway::Severity::Error) {
        output::message(&diagnostic.to_string());
    }
    None
}

/// Reads files by name, as they were typed.
///
/// # Errors
///
/// When one cannot be read.
pub(crate) fn read_sources(paths: &[std::path::PathBuf]) -> anyhow::Result<Vec<Source>> {
    paths.iter().map(|path| read_source(path)).collect()
}

/// Reads one file.
///
/// # Errors
///
/// When it cannot be read, or is not UTF-8.
pub(crate) fn read_source(path: &Path) -> anyhow::Result<Source> {
    let text = fs::read_to_string(path).map_err(|error| anyhow!("cannot read `{}`: {error}", path.display()))?;
    Ok(Source { path: path.to_owned(), text })
}

/// Compiles without keeping the outcome: everything that is wrong with the files.
///
/// # Errors
///
/// When no runtime can be made; nothing runs on it.
pub(crate) fn diagnose(sources: &Sources, process: &Process) -> anyhow::Result<Diagnostics> {
    let idle = tokio::runtime::Builder::new_current_thread().build().context("cannot make a runtime")?;
    let pools = Pools::default();
    let surroundings = Surroundings { background: idle.handle(), pools: &pools, previous: None, now: process.now };
    let mut diagnostics = Diagnostics::new();
    let _ = compile(sources, surroundings, BrokenApis::Refuse, &mut diagnostics);
    Ok(diagnostics)
}
