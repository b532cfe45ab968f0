//! What became of each part of an imported file: carried over, changed or left behind, where it stands, and why.
//!
//! Never holds a value that could be a secret: fields, places, and what the importer itself wrote.

use std::{collections::HashMap, path::Path, sync::Arc};

use gateway::{Span, yaml::Place};
use serde_json::{Value, json};

/// What became of a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// It means the same here.
    Carried,
    /// It means something else here.
    Changed,
    /// It is not here.
    Left,
}

/// What became of one part of a file, or of all its parts of one sort.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportNote {
    /// Where it stands; of several, the first.
    pub span: Span,
    /// The field, as its file spells it.
    pub field: String,
    /// What became of it.
    pub outcome: Outcome,
    /// The field that it became; empty: none.
    pub becomes: String,
    /// Why, where it is not simply carried over.
    pub reason: String,
    /// How many there are of the sort.
    pub times: usize,
}

/// The notes of one file, in the order in which its parts were met.
#[derive(Debug)]
pub(super) struct Notes {
    file: Arc<Path>,
    list: Vec<ImportNote>,
    known: HashMap<(Outcome, String, String, String), usize>,
}

impl Notes {
    pub(super) fn of(file: &Path) -> Self {
        Self { file: Arc::from(file), list: Vec::new(), known: HashMap::new() }
    }

    /// The part means the same here.
    pub(super) fn carried(&mut self, place: Place, field: &str, becomes: &str) {
        self.note(place, field, (Outcome::Carried, becomes, ""));
    }

    /// The part means something else here.
    pub(super) fn changed(&mut self, place: Place, field: &str, becomes: &str, reason: &str) {
        self.note(place, field, (Outcome::Changed, becomes, reason));
    }

    /// The part is not here.
    pub(super) fn left(&mut self, place: Place, field: &str, reason: &str) {
        self.note(place, field, (Outcome::Left, "", reason));
    }

    pub(super) fn span(&self, place: Place) -> Span {
        Span::new(&self.file, place)
    }

    pub(super) fn into_list(self) -> Vec<ImportNote> {
        self.list
    }

    fn note(&mut self, place: Place, field: &str, (outcome, becomes, reason): (Outcome, &str, &str)) {
        let sort = (outcome, field.to_owned(), becomes.to_owned(), reason.to_owned());
        let next = self.list.len();
        let known = *self.known.entry(sort).or_insert(next);
        if let Some(note) = self.list.get_mut(known) {
            note.times += 1;
            return;
        }
        let (field, becomes, reason) = (field.to_owned(), becomes.to_owned(), reason.to_owned());
        self.list.push(ImportNote { span: self.span(place), field, outcome, becomes, reason, times: 1 });
    }
}

impl ImportNote {
    /// Returns the note as JSON: `outcome field file line column becomes reason times`.
    pub fn to_json(&self) -> Value {
        json!({
            "outcome": self.outcome.text(),
            "field": self.field,
            "file": self.span.file.to_string_lossy(),
            "line": self.span.line,
            "column": self.span.column,
            "becomes": (!self.becomes.is_empty()).then_some(&self.becomes),
            "reason": (!self.reason.is_empty()).then_some(&self.reason),
            "times": self.times,
        })
    }
}

impl Outcome {
    /// Returns the words that are shown.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Carried => "carried over",
            Self::Changed => "changed",
            Self::Left => "not carried over",
        }
    }
}
