//! From a configuration file's text to its `spec`, with every complaint.
//!
//! Reads no file itself: the caller gives text and path. What needs more than one file is `compile`'s.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::{
    bind::{Binder, Value, bind},
    diagnostic::Diagnostics,
    spec, yaml,
};

/// How many mistakes of one file are shown.
const MAX_SHOWN: usize = 1_000;

/// One configuration file, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Its path: shown in diagnostics; relative paths inside it start from its folder.
    pub path: PathBuf,
    /// Its content.
    pub text: String,
}

/// Reads the operator's file. `None`: not a mapping at all; otherwise wrong values are stand-ins, and reported.
///
/// Diagnostics that point at a stand-in are dropped, so that one mistake gives one diagnostic.
pub fn parse_operator(source: &Source, diagnostics: &mut Diagnostics) -> Option<spec::Operator> {
    parse(source, diagnostics)
}

/// Reads one API definition. `None`: not a mapping at all; otherwise wrong values are stand-ins, and reported.
///
/// Diagnostics that point at a stand-in are dropped, so that one mistake gives one diagnostic.
pub fn parse_api(source: &Source, diagnostics: &mut Diagnostics) -> Option<spec::Api> {
    parse(source, diagnostics)
}

/// Reads applications that several gateways share; none after a diagnostic.
pub(crate) fn parse_applications(source: &Source, diagnostics: &mut Diagnostics) -> Vec<spec::Application> {
    parse::<spec::SharedApplications>(source, diagnostics).map(|shared| shared.applications).unwrap_or_default()
}

/// Returns a configuration file as JSON, as it is written. `None`: not YAML, or not one document.
pub fn yaml_to_json(source: &Source) -> Option<serde_json::Value> {
    let file: Arc<Path> = Arc::from(source.path.as_path());
    yaml::load(&source.text, &file, &mut Diagnostics::new()).map(|node| node.to_json())
}

/// Returns the JSON pointers (RFC 6901) of places in a configuration file, given by their first byte and length.
pub fn yaml_pointers(source: &Source, places: &[(u32, u32)]) -> Vec<Option<String>> {
    let file: Arc<Path> = Arc::from(source.path.as_path());
    let root = yaml::load(&source.text, &file, &mut Diagnostics::new());
    places.iter().map(|place| root.as_ref().and_then(|root| yaml::pointer(root, *place))).collect()
}

/// Returns the lines, from 1, on which values of a configuration file begin, by their JSON pointers (RFC 6901).
pub fn yaml_lines(source: &Source, pointers: &[String]) -> Vec<Option<u32>> {
    let file: Arc<Path> = Arc::from(source.path.as_path());
    let root = yaml::load(&source.text, &file, &mut Diagnostics::new());
    let node = |pointer: &String| root.as_ref().and_then(|root| yaml::at(root, pointer));
    pointers.iter().map(|pointer| node(pointer).map(|node| node.place.line)).collect()
}

/// Returns the text that means `wanted`, with everything else of `text` left as it is: comments, order, layout.
///
/// # Errors
///
/// [`yaml::YamlEditError`]: a person must edit the file.
pub fn update_yaml(text: &str, wanted: &serde_json::Value) -> Result<String, yaml::YamlEditError> {
    yaml::update(text, wanted)
}

/// Returns a value as a YAML document of its own.
pub fn render_yaml(value: &serde_json::Value) -> String {
    yaml::render(value)
}

fn parse<T: Value>(source: &Source, diagnostics: &mut Diagnostics) -> Option<T> {
    let file: Arc<Path> = Arc::from(source.path.as_path());
    let mut mistakes = Diagnostics::new();
    let node = yaml::load(&source.text, &file, &mut mistakes);
    let mut binder = Binder::new(file, mistakes);
    let value = node.and_then(|node| bind(&node, &mut binder));
    let mut mistakes = binder.into_diagnostics();
    mistakes.truncate(MAX_SHOWN);
    diagnostics.extend(mistakes);
    value
}

#[cfg(test)]
mod tests;
