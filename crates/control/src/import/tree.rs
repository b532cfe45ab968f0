//! A foreign file as a tree in which every part knows its line, whatever it is written in.
//!
//! Looks, and complains about nothing: a part that is missing or of another kind is `None`, so that broken documents give
//! what they have.

use std::{path::Path, sync::Arc};

use gateway::{
    Diagnostics, Source,
    yaml::{Entry, Node, NodeKind, Place, Resolved, load_documents},
};

use super::{json, toml};

/// A part of a file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tree<'a>(pub(super) &'a Node);

/// Reads a file, YAML, JSON or TOML (by its name's ending); nothing after a diagnostic.
pub(super) fn read(source: &Source, diagnostics: &mut Diagnostics) -> Vec<Node> {
    let file: Arc<Path> = Arc::from(source.path.as_path());
    if source.path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("toml")) {
        return toml::parse(&source.text, &file, diagnostics).into_iter().collect();
    }
    if source.text.trim_start_matches(['\u{feff}', ' ', '\t', '\r', '\n']).starts_with('{')
        && let Ok(root) = json::parse(&source.text)
    {
        return vec![root];
    }
    load_documents(&source.text, &file, diagnostics)
}

impl<'a> Tree<'a> {
    /// Where it stands.
    pub(super) fn place(self) -> Place {
        self.0.place
    }

    /// Returns the entries of a mapping; of anything else none.
    pub(super) fn entries(self) -> &'a [Entry] {
        match &self.0.kind {
            NodeKind::Mapping(entries) => entries,
            NodeKind::Scalar(_) | NodeKind::Sequence(_) => &[],
        }
    }

    /// Returns the items of a list; of anything else none.
    pub(super) fn items(self) -> &'a [Node] {
        match &self.0.kind {
            NodeKind::Sequence(items) => items,
            NodeKind::Scalar(_) | NodeKind::Mapping(_) => &[],
        }
    }

    /// True for a list.
    pub(super) fn is_list(self) -> bool {
        matches!(self.0.kind, NodeKind::Sequence(_))
    }

    /// True for a mapping.
    pub(super) fn is_mapping(self) -> bool {
        matches!(self.0.kind, NodeKind::Mapping(_))
    }

    /// Returns the entry of that name, with its key's place.
    pub(super) fn entry(self, name: &str) -> Option<&'a Entry> {
        self.entries().iter().find(|entry| entry.key == name)
    }

    /// Returns the value of that name.
    pub(super) fn get(self, name: &str) -> Option<Self> {
        self.entry(name).map(|entry| Self(&entry.value))
    }

    /// Returns the value at the end of several names.
    pub(super) fn at(self, names: &[&str]) -> Option<Self> {
        names.iter().try_fold(self, |tree, name| tree.get(name))
    }

    /// Returns a scalar's text as it is written, numbers with their digits; `None` for nothing.
    pub(super) fn text(self) -> Option<&'a str> {
        match &self.0.kind {
            NodeKind::Scalar(scalar) => match scalar.resolve() {
                Resolved::Null => None,
                Resolved::Bool(_) | Resolved::Integer(_) | Resolved::Float(_) | Resolved::Text(_) => Some(&scalar.text),
            },
            NodeKind::Sequence(_) | NodeKind::Mapping(_) => None,
        }
    }

    /// Returns the text of the value of that name.
    pub(super) fn text_of(self, name: &str) -> Option<&'a str> {
        self.get(name)?.text()
    }

    /// Follows a JSON pointer (RFC 6901) without its `#`.
    pub(super) fn pointer(self, pointer: &str) -> Option<Self> {
        let names = pointer.strip_prefix('/')?;
        names.split('/').try_fold(self, |tree, name| {
            let name = name.replace("~1", "/").replace("~0", "~");
            match name.parse::<usize>() {
                Ok(index) if tree.is_list() => tree.items().get(index).map(Self),
                Ok(_) | Err(_) => tree.get(&name),
            }
        })
    }
}
