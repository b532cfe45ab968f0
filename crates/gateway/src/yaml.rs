//! YAML text to a tree of nodes with places (YAML 1.2.2, core schema).
//!
//! Converts nothing: a scalar keeps its text and its style, so `3.10` stays `3.10` and `no` is no boolean. Anchors and
//! aliases are followed within a budget; merge keys, several documents and duplicate keys are mistakes.

mod edit;
mod json;
mod load;
mod offsets;
mod resolve;

pub use edit::YamlEditError;
pub(crate) use edit::{render, update};
pub(crate) use json::{at, pointer};
pub(crate) use load::load;
pub use load::load_documents;
pub use resolve::Resolved;
pub(crate) use resolve::shorten;

/// Where a node stands in its file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The line, from 1.
    pub line: u32,
    /// The column in characters, from 1.
    pub column: u32,
    /// The first byte's offset.
    pub offset: u32,
    /// The length in bytes.
    pub length: u32,
}

impl Place {
    /// The start of a file.
    pub const START: Self = Self { line: 1, column: 1, offset: 0, length: 0 };
}

/// A node of the tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Where it stands; of a collection, its first byte.
    pub place: Place,
    /// The byte after its last one; of a block collection, some byte between that and the next node.
    pub end: u32,
    /// What it is.
    pub kind: NodeKind,
}

/// What a node is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NodeKind {
    /// A scalar.
    Scalar(Scalar),
    /// A list.
    Sequence(Vec<Node>),
    /// Entries in file order; keys are unique.
    Mapping(Vec<Entry>),
}

/// One entry of a mapping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The key's text.
    pub key: String,
    /// Where the key stands.
    pub place: Place,
    /// The value.
    pub value: Node,
}

/// A scalar as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scalar {
    /// The content: unescaped, unfolded.
    pub text: String,
    /// How it is written.
    pub style: Style,
}

/// How a scalar is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Without quotes: its text may stand for a number, a boolean or nothing.
    Plain,
    /// Quoted, or a block: always text.
    Text,
}

impl Node {
    /// Makes a node that ends where its place does.
    pub const fn new(place: Place, kind: NodeKind) -> Self {
        Self { end: place.offset.saturating_add(place.length), place, kind }
    }

    /// Makes the node of a default: plain text, `[]` or `{}`, or a flow collection.
    pub(crate) fn of_default(text: &str, place: Place) -> Self {
        let kind = match text {
            "[]" => NodeKind::Sequence(Vec::new()),
            "{}" => NodeKind::Mapping(Vec::new()),
            _ if text.starts_with(['[', '{', '"']) => return load::load_default(text, place),
            _ => NodeKind::Scalar(Scalar { text: text.to_owned(), style: Style::Plain }),
        };
        Self { place, end: place.offset, kind }
    }

    /// Puts a node and everything in it at one place.
    pub(crate) fn move_to(&mut self, place: Place) {
        self.place = place;
        match &mut self.kind {
            NodeKind::Scalar(_) => {}
            NodeKind::Sequence(items) => items.iter_mut().for_each(|item| item.move_to(place)),
            NodeKind::Mapping(entries) => entries.iter_mut().for_each(|entry| {
                entry.place = place;
                entry.value.move_to(place);
            }),
        }
    }

    /// Says what the node is, for a message.
    pub(crate) fn describe(&self) -> String {
        match &self.kind {
            NodeKind::Scalar(scalar) => scalar.describe(),
            NodeKind::Sequence(_) => "a list".to_owned(),
            NodeKind::Mapping(_) => "a mapping".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests;
