//! The API definitions as they stand in their folder: what is shown, and what edits start from.
//!
//! Read at each question, because people edit the files too; what has not changed is not parsed again. Whether a definition
//! runs is the snapshot's to say.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use gateway::{Diagnostics, Fingerprint, Source, Sources, parse_api, spec, yaml_to_json};
use serde_json::Value;

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
    known: Mutex<HashMap<PathBuf, Arc<Definition>>>,
}

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
        let id = api.as_ref().and_then(written_id).unwrap_or_else(|| stem(&source.path));
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
        let mut fresh = HashMap::with_capacity(sources.apis.len());
        let mut all = Vec::with_capacity(sources.apis.len());
        for source in &sources.apis {
            let definition = known
                .remove(&source.path)
                .filter(|definition| definition.source.text == source.text)
                .unwrap_or_else(|| Arc::new(Definition::of(source.clone())));
            fresh.insert(source.path.clone(), Arc::clone(&definition));
            all.push(definition);
        }
        *known = fresh;
        all
    }
}

fn written_id(api: &spec::Api) -> Option<String> {
    if let Some(id) = api.id.as_ref().filter(|id| !id.value.is_empty()) {
        return Some(id.value.clone());
    }
    let name = &api.name.value;
    let version = api.version.as_ref().map(|version| version.value.0.as_str()).filter(|version| !version.is_empty());
    let id = version.map_or_else(|| name.clone(), |version| format!("{name}:{version}"));
    (!name.is_empty()).then_some(id)
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

    #[test]
    fn a_broken_definition_is_shown_as_far_as_it_can_be_read() {
        let broken =
            definition("name: orders\nversion: 3.10\nbasePath: 7\noperations: [{ target: /, verb: GET }]\nx: 1");
        assert_eq!((broken.name(), broken.version().as_str(), broken.operations().len()), ("orders", "3.10", 1));
    }
}
