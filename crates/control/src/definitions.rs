//! The API definitions as they stand in their folder: what is shown, and what edits start from.
//!
//! Looked at for each question, because people edit the files too; what has not changed is neither read nor parsed again.
//! Whether a definition runs is the snapshot's to say.

use std::{
    collections::HashMap,
    fs::Metadata,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use gateway::{Diagnostics, Fingerprint, Source, Sources, parse_api, spec, yaml_to_json};
use serde_json::Value;

use crate::files::DefinitionFile;

/// One API definition.
#[derive(Clone, Debug)]
pub(crate) struct Definition {
    /// Path and text.
    pub(crate) source: Source,
    /// Of the text.
    pub(crate) etag: String,
    /// What is written, as far as it can be read.
    pub(crate) api: Option<spec::Api>,
    /// The same as JSON; `null`: not YAML.
    pub(crate) json: Value,
    /// What it is called in addresses: its `id`, else its name and version, else its file's name.
    pub(crate) id: String,
}

/// The definitions that were parsed last.
#[derive(Debug, Default)]
pub(crate) struct Definitions {
    known: Mutex<HashMap<PathBuf, Known>>,
}

/// A definition that was parsed, and the file that it was read from.
#[derive(Debug)]
struct Known {
    definition: Arc<Definition>,
    stamp: Option<Stamp>,
}

/// What tells one content of a file from another, without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    /// Nobody can set this one.
    changed: (i64, i64),
}

/// For how long a file may change without a new stamp: no file system counts in larger steps.
const UNSETTLED: Duration = Duration::from_secs(3);

/// Returns the entity tag of a text, quotes included.
pub(crate) fn etag(text: &str) -> String {
    format!("\"{}\"", Fingerprint::of([text.as_bytes()]))
}

/// Returns a member of an object; `null` without it.
pub(crate) fn member<'a>(value: &'a Value, name: &str) -> &'a Value {
    value.get(name).unwrap_or(&Value::Null)
}

/// Returns an array's items; none of anything else.
pub(crate) fn items(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

impl Definition {
    /// Reads a definition.
    pub(crate) fn of(source: Source) -> Self {
        let api = parse_api(&source, &mut Diagnostics::new());
        let json = yaml_to_json(&source).unwrap_or(Value::Null);
        let id = api.as_ref().and_then(spec::Api::effective_id).unwrap_or_else(|| stem(&source.path));
        Self { etag: etag(&source.text), api, json, id, source }
    }

    /// Returns `name`.
    pub(crate) fn name(&self) -> &str {
        self.member("name").as_str().unwrap_or(&self.id)
    }

    /// Returns `version`, empty without one.
    pub(crate) fn version(&self) -> String {
        let version = self.api.as_ref().and_then(|api| api.version.as_ref());
        version.map(|version| version.value.0.clone()).unwrap_or_default()
    }

    /// Returns the operations as they are written.
    pub(crate) fn operations(&self) -> &[Value] {
        items(self.member("operations"))
    }

    /// Returns a member of the file.
    pub(crate) fn member(&self, name: &str) -> &Value {
        member(&self.json, name)
    }
}

impl Definitions {
    /// Returns all definitions of `sources`, in name order.
    pub(crate) fn of(&self, sources: &Sources) -> Vec<Arc<Definition>> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let parse = |source: &Source| parsed(source.clone(), None, known.remove(&source.path));
        let all: Vec<Known> = sources.apis.iter().map(parse).collect();
        keep(&mut known, all)
    }

    /// Returns the definitions of these files, in their order. Only files that may have changed are read.
    ///
    /// # Errors
    ///
    /// A diagnostic for the first file that cannot be read.
    pub(crate) fn of_files(
        &self,
        files: &[DefinitionFile],
        now: SystemTime,
    ) -> Result<Vec<Arc<Definition>>, Diagnostics> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let mut all = Vec::with_capacity(files.len());
        for file in files {
            // INVARIANT: the stamp is older than the text. A file that is written meanwhile has another one next time.
            let stamp = Stamp::of(&file.metadata, now);
            let before = known.remove(&file.path);
            all.push(match before {
                Some(before) if stamp.is_some() && before.stamp == stamp => before,
                Some(_) | None => parsed(file.read()?, stamp, before),
            });
        }
        Ok(keep(&mut known, all))
    }
}

impl Stamp {
    /// Returns a file's stamp; `None` while it may change without getting another one.
    fn of(metadata: &Metadata, now: SystemTime) -> Option<Self> {
        let seconds = u64::try_from(metadata.ctime()).ok()?;
        let is_settled = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds) + UNSETTLED < now;
        is_settled.then(|| Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        })
    }
}

/// Parses a definition, unless its text is what it was `before`.
fn parsed(source: Source, stamp: Option<Stamp>, before: Option<Known>) -> Known {
    let same = before.filter(|before| before.definition.source.text == source.text);
    let definition = same.map_or_else(|| Arc::new(Definition::of(source)), |before| before.definition);
    Known { definition, stamp }
}

/// Keeps these definitions, and no others.
fn keep(known: &mut HashMap<PathBuf, Known>, all: Vec<Known>) -> Vec<Arc<Definition>> {
    let definitions = all.iter().map(|known| Arc::clone(&known.definition)).collect();
    *known = all.into_iter().map(|known| (known.definition.source.path.clone(), known)).collect();
    definitions
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn definition(text: &str) -> Definition {
        Definition::of(Source { path: PathBuf::from("apis/orders.yaml"), text: text.to_owned() })
    }

    #[test]
    fn an_api_is_called_by_its_id_or_name_and_version_or_file() {
        let check = |text: &str, id: &str| assert_eq!(definition(text).id, id, "{text}");
        check("id: o-1\nname: orders\nversion: 1.10\nbasePath: /o\noperations: []", "o-1");
        check("name: orders\nversion: 1.10\nbasePath: /o\noperations: []", "orders:1.10");
        check("name: orders\nbasePath: /o\noperations: []", "orders");
        check("- no mapping", "orders");
        check("{", "orders");
    }

    /// Makes a folder with one definition, and looks at it at `now`.
    fn look(definitions: &Definitions, path: &Path, now: SystemTime) -> (String, Arc<Definition>) {
        let file = DefinitionFile { path: path.to_owned(), metadata: std::fs::metadata(path).unwrap() };
        let all = definitions.of_files(&[file], now).unwrap();
        (all[0].id.clone(), Arc::clone(&all[0]))
    }

    #[test]
    fn a_file_that_was_changed_is_read_again_even_within_the_clocks_step() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.yaml");
        std::fs::write(&path, "name: one").unwrap();
        let written = std::fs::metadata(&path).unwrap().modified().unwrap();
        let (soon, later) = (written + Duration::from_millis(1), written + Duration::from_mins(1));
        let definitions = Definitions::default();
        assert_eq!(look(&definitions, &path, soon).0, "one");
        // As if this had another text and the same stamp.
        let mut known = definitions.known.lock().unwrap();
        let other = definition("name: old");
        known.get_mut(&path).unwrap().definition =
            Arc::new(Definition { source: Source { path: path.clone(), ..other.source.clone() }, ..other });
        drop(known);
        let (id, first) = look(&definitions, &path, later);
        assert_eq!(id, "one");
        assert!(Arc::ptr_eq(&first, &look(&definitions, &path, later).1));
        std::fs::write(&path, "name: two").unwrap();
        assert_eq!(look(&definitions, &path, later).0, "two");
    }

    #[test]
    fn a_broken_definition_is_shown_as_far_as_it_can_be_read() {
        let broken =
            definition("name: orders\nversion: 3.10\nbasePath: 7\noperations: [{ target: /, verb: GET }]\nx: 1");
        assert_eq!((broken.name(), broken.version().as_str(), broken.operations().len()), ("orders", "3.10", 1));
    }
}
