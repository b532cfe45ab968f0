//! Where a value stands in a configuration file, so that every later complaint can point at it.
//!
//! A span outlives its file's text: it holds the name, the position and the length, nothing else.

use std::{fmt, ops::Deref, path::Path, sync::Arc};

use crate::yaml::Place;

/// A place in a file: what a diagnostic points at.
#[derive(Clone, PartialEq, Eq)]
pub struct Span {
    /// The file's path, as it was given to the parser.
    pub file: Arc<Path>,
    /// The line, from 1.
    pub line: u32,
    /// The column in characters, from 1.
    pub column: u32,
    /// The first byte's offset in the file.
    pub offset: u32,
    /// The length in bytes.
    pub length: u32,
    /// True for the place of a stand-in: the value there is wrong or missing and has been reported already.
    pub(crate) is_reported: bool,
}

/// A value and where it was written. For a default, the place of the mapping that leaves it out.
#[derive(Clone)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// Its place.
    pub span: Span,
}

impl Span {
    /// Makes a span of a node's place.
    pub fn new(file: &Arc<Path>, place: Place) -> Self {
        let Place { line, column, offset, length } = place;
        Self { file: Arc::clone(file), line, column, offset, length, is_reported: false }
    }

    /// Returns the start of `file`: for complaints about the file as a whole.
    pub fn start_of(file: Arc<Path>) -> Self {
        Self { file, line: 1, column: 1, offset: 0, length: 0, is_reported: false }
    }

    /// Makes a span for what stands in no file.
    pub(crate) fn nowhere() -> Self {
        Self::start_of(Arc::from(Path::new("")))
    }

    /// Returns the same place, marked as complained about: diagnostics that point at it are dropped.
    #[must_use]
    pub(crate) fn reported(&self) -> Self {
        Self { is_reported: true, ..self.clone() }
    }
}

impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file.display(), self.line, self.column)
    }
}

impl<T> Spanned<T> {
    /// Converts the value and keeps the place.
    pub fn map<U>(self, convert: impl FnOnce(T) -> U) -> Spanned<U> {
        Spanned { value: convert(self.value), span: self.span }
    }
}

impl<T> Deref for Spanned<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

/// Two values are equal wherever they stand.
impl<T: PartialEq> PartialEq for Spanned<T> {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl<T: Eq> Eq for Spanned<T> {}

impl<T: fmt::Debug> fmt::Debug for Spanned<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(f)
    }
}
