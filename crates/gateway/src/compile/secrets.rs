//! Reads what the operator's file names: secrets, certificates, key sets.
//!
//! Paths come from `spec` joined to the operator's folder. Contents never get into a diagnostic.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use crate::{
    diagnostic::{Diagnostic, DiagnosticCode, Diagnostics},
    span::{Span, Spanned},
    spec::Secret,
};

/// Where files and variables are found.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FileReader<'a> {
    /// The operator's file's folder.
    pub(crate) folder: &'a Path,
    /// The process's environment.
    pub(crate) variables: &'a BTreeMap<String, String>,
}

impl FileReader<'_> {
    /// Reads a secret, less one final line end; `None` after a diagnostic.
    pub(crate) fn secret(self, secret: &Spanned<Secret>, diagnostics: &mut Diagnostics) -> Option<Vec<u8>> {
        match &secret.value {
            Secret::Inline(text) => Some(text.clone().into_bytes()),
            Secret::File(path) => read(path, &secret.span, diagnostics).map(without_line_end),
            Secret::Environment(name) => {
                let found = self.variables.get(name).filter(|value| !value.is_empty());
                if found.is_none() {
                    let message = format!("the environment variable `{name}` is not set");
                    diagnostics.error(DiagnosticCode::UnreadableFile, &secret.span, message);
                }
                found.map(|value| value.clone().into_bytes())
            }
        }
    }

    /// Reads a secret that is text; `None` after a diagnostic.
    pub(crate) fn secret_text(self, secret: &Spanned<Secret>, diagnostics: &mut Diagnostics) -> Option<String> {
        String::from_utf8(self.secret(secret, diagnostics)?)
            .map_err(|_| {
                let message = "the secret is not UTF-8 text".to_owned();
                diagnostics.error(DiagnosticCode::InvalidValue, &secret.span, message);
            })
            .ok()
    }
}

/// Reads a file; `None` after a diagnostic.
fn read(path: &Path, span: &Span, diagnostics: &mut Diagnostics) -> Option<Vec<u8>> {
    std::fs::read(path)
        .map_err(|error| {
            let message = format!("cannot read `{}`: {error}", path.display());
            let hint = "paths are relative to the operator's file";
            diagnostics.push(Diagnostic::error(DiagnosticCode::UnreadableFile, span, message).with_hint(hint));
        })
        .ok()
}

/// Reads a file that the operator names; `None` after a diagnostic.
pub(crate) fn bytes(written: &Spanned<PathBuf>, diagnostics: &mut Diagnostics) -> Option<Vec<u8>> {
    read(&written.value, &written.span, diagnostics)
}

fn without_line_end(mut bytes: Vec<u8>) -> Vec<u8> {
    if bytes.last() == Some(&b'\n') {
        bytes.pop();
        if bytes.last() == Some(&b'\r') {
            bytes.pop();
        }
    }
    bytes
}
