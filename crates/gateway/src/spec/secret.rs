//! A secret of the operator's file: where it is, or itself.

use std::{fmt, path::PathBuf};

/// `{file: …}`, `{env: …}`, or the text itself, which gives a warning.
#[derive(Clone, PartialEq, Eq)]
pub enum Secret {
    /// `file`: its content, less one final line end.
    File(PathBuf),
    /// `env`: the name of a variable of the process's environment.
    Environment(String),
    /// The secret itself.
    Inline(String),
}

/// Never shows an inline secret.
impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => f.debug_tuple("File").field(path).finish(),
            Self::Environment(name) => f.debug_tuple("Environment").field(name).finish(),
            Self::Inline(_) => f.write_str("Inline(…)"),
        }
    }
}
