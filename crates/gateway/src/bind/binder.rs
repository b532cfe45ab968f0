//! What is common to the reading of one file: its name, its folder, and the list of complaints.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::{
    diagnostic::{Diagnostic, DiagnosticCode, Diagnostics},
    span::Span,
    yaml::{Node, NodeKind, Place},
};

/// The reading of one file.
pub(crate) struct Binder {
    file: Arc<Path>,
    diagnostics: Diagnostics,
    subject: Subject,
}

/// What messages are about.
#[derive(Clone, Copy)]
enum Subject {
    File,
    Field(&'static str),
    ItemOf(&'static str),
}

impl Binder {
    /// Starts to read `file`, of which some things may be known to be wrong.
    pub(crate) fn new(file: Arc<Path>, diagnostics: Diagnostics) -> Self {
        Self { file, diagnostics, subject: Subject::File }
    }

    /// Ends the reading.
    pub(crate) fn into_diagnostics(self) -> Diagnostics {
        self.diagnostics
    }

    /// Returns the span of a place in this file.
    pub(crate) fn span(&self, place: Place) -> Span {
        Span::new(&self.file, place)
    }

    /// Returns a path of the file as seen from the process: relative ones start from the file's folder.
    pub(crate) fn path(&self, text: &str) -> PathBuf {
        self.file.parent().unwrap_or_else(|| Path::new("")).join(text)
    }

    /// Adds a complaint.
    pub(crate) fn push(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }

    /// Returns how many errors there are by now.
    pub(crate) fn error_count(&self) -> usize {
        self.diagnostics.error_count()
    }

    /// Reads the value of a field: messages are about `field`.
    pub(crate) fn in_field<T>(&mut self, field: &'static str, read: impl FnOnce(&mut Self) -> T) -> T {
        self.about(Subject::Field(field), read)
    }

    /// Reads an item of the present field's list.
    pub(crate) fn in_item<T>(&mut self, read: impl FnOnce(&mut Self) -> T) -> T {
        let item = match self.subject {
            Subject::File => Subject::File,
            Subject::Field(field) | Subject::ItemOf(field) => Subject::ItemOf(field),
        };
        self.about(item, read)
    }

    /// Says what the present value is called: `` `clockSkew` ``.
    pub(crate) fn subject(&self) -> String {
        match self.subject {
            Subject::File => "the file".to_owned(),
            Subject::Field(field) => format!("`{field}`"),
            Subject::ItemOf(field) => format!("an item of `{field}`"),
        }
    }

    /// Reports a value of another kind than `expected`.
    pub(crate) fn wrong_type(&mut self, expected: &str, node: &Node) {
        if is_secret_reference(node) {
            return self.misplaced_secret(node);
        }
        let message = format!("{} must be {expected}, not {}", self.subject(), node.describe());
        self.push(Diagnostic::error(DiagnosticCode::WrongType, &self.span(node.place), message));
    }

    fn misplaced_secret(&mut self, node: &Node) {
        let message = format!("{} takes no `file` or `env`: only secrets of the operator's file do", self.subject());
        self.push(Diagnostic::error(DiagnosticCode::MisplacedSecret, &self.span(node.place), message));
    }

    fn about<T>(&mut self, subject: Subject, read: impl FnOnce(&mut Self) -> T) -> T {
        let outer = std::mem::replace(&mut self.subject, subject);
        let value = read(self);
        self.subject = outer;
        value
    }
}

/// True for `{file: …}` and `{env: …}`.
fn is_secret_reference(node: &Node) -> bool {
    match &node.kind {
        NodeKind::Mapping(entries) => matches!(entries.as_slice(), [entry] if matches!(&*entry.key, "file" | "env")),
        NodeKind::Scalar(_) | NodeKind::Sequence(_) => false,
    }
}
