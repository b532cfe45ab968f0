//! What is wrong with a configuration file: a list of complaints, each with its place, a stable code and a hint.
//!
//! Everything that reads configuration pushes here and goes on, so that ten mistakes give ten diagnostics. The CLI, the
//! admin API and the console show this list. Messages name fields and never the value of a secret one.

mod code;

use std::{cmp::Ordering, fmt};

pub use code::DiagnosticCode;
use serde_json::{Value, json};

use crate::span::Span;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The file cannot be used.
    Error,
    /// The file can be used; somebody should look.
    Warning,
}

/// One complaint. Displayed as `file:line:column: error[code]: message`, the hint on a line of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// What kind of mistake it is.
    pub code: DiagnosticCode,
    /// Where.
    pub span: Span,
    /// What is wrong: lower case, no full stop, values in backticks.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

/// All complaints so far.
#[derive(Clone, Debug, Default)]
pub struct Diagnostics {
    list: Vec<Diagnostic>,
    errors: usize,
}

impl Diagnostics {
    /// Makes an empty list.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a complaint, unless it points at a stand-in for something that has been complained about already.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        if !diagnostic.span.is_reported {
            self.errors += usize::from(diagnostic.severity == Severity::Error);
            self.list.push(diagnostic);
        }
    }

    /// Adds an error.
    pub fn error(&mut self, code: DiagnosticCode, span: &Span, message: impl Into<String>) {
        self.push(Diagnostic::error(code, span, message));
    }

    /// Adds a warning.
    pub fn warning(&mut self, code: DiagnosticCode, span: &Span, message: impl Into<String>) {
        self.push(Diagnostic::warning(code, span, message));
    }

    /// True when at least one is an error.
    pub const fn has_errors(&self) -> bool {
        self.errors > 0
    }

    /// Returns how many are errors.
    pub const fn error_count(&self) -> usize {
        self.errors
    }

    /// Returns how many there are, warnings included.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// True when there is nothing to complain about.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Iterates in the present order.
    pub fn iter(&self) -> impl Iterator<Item = &Diagnostic> {
        self.list.iter()
    }

    /// Keeps those that `is_kept` says.
    pub(crate) fn retain(&mut self, is_kept: impl Fn(&Diagnostic) -> bool) {
        self.list.retain(is_kept);
        self.errors = self.list.iter().filter(|diagnostic| diagnostic.severity == Severity::Error).count();
    }

    /// Adds all of another list.
    pub fn extend(&mut self, other: Self) {
        self.errors += other.errors;
        self.list.extend(other.list);
    }

    /// Drops all but the first `most`, and says so at the last that stays.
    pub(crate) fn truncate(&mut self, most: usize) {
        let rest = self.list.len().saturating_sub(most);
        self.list.truncate(most);
        self.errors = self.list.iter().filter(|diagnostic| diagnostic.severity == Severity::Error).count();
        if let Some(span) = self.list.last().filter(|_| rest > 0).map(|last| last.span.clone()) {
            self.error(DiagnosticCode::TooManyMistakes, &span, format!("{rest} further mistakes are not shown"));
        }
    }

    /// Sorts by file, then by position; what stands at one place keeps its order.
    pub fn sort(&mut self) {
        self.list.sort_by(Diagnostic::compare_places);
        self.list.dedup();
    }

    /// Returns the list as a JSON array of objects: `severity code file line column offset length message hint`.
    pub fn to_json(&self) -> Value {
        self.list.iter().map(Diagnostic::to_json).collect()
    }
}

/// One diagnostic after another, each on its own line or two.
impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.list.iter().try_for_each(|diagnostic| writeln!(f, "{diagnostic}"))
    }
}

impl Diagnostic {
    /// Makes an error without a hint.
    pub fn error(code: DiagnosticCode, span: &Span, message: impl Into<String>) -> Self {
        Self { severity: Severity::Error, code, span: span.clone(), message: message.into(), hint: None }
    }

    /// Makes a warning without a hint.
    pub fn warning(code: DiagnosticCode, span: &Span, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, span, message) }
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn with_hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    fn compare_places(&self, other: &Self) -> Ordering {
        let place = |diagnostic: &Self| (diagnostic.span.line, diagnostic.span.column);
        self.span.file.cmp(&other.span.file).then_with(|| place(self).cmp(&place(other)))
    }

    fn to_json(&self) -> Value {
        json!({
            "severity": self.severity.text(),
            "code": self.code.text(),
            "file": self.span.file.to_string_lossy(),
            "line": self.span.line,
            "column": self.span.column,
            "offset": self.span.offset,
            "length": self.span.length,
            "message": self.message,
            "hint": self.hint,
        })
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Span { file, line, column, .. } = &self.span;
        let (severity, code) = (self.severity.text(), self.code.text());
        write!(f, "{}:{line}:{column}: {severity}[{code}]: {}", file.display(), self.message)?;
        self.hint.as_ref().map_or(Ok(()), |hint| write!(f, "\n  hint: {hint}"))
    }
}

impl Severity {
    /// Returns the word that is shown.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}
