//! The name of a claim: shared, because most names are known at load and every JWT has two dozen of them.

use std::{fmt, ops::Deref, sync::Arc};

/// A claim's full name. Cheap to clone.
#[derive(Clone)]
pub enum Name {
    /// Of the program's own text.
    Static(&'static str),
    /// Of the configuration or a token.
    Shared(Arc<str>),
}

impl Deref for Name {
    type Target = str;

    fn deref(&self) -> &str {
        match self {
            Self::Static(text) => text,
            Self::Shared(text) => text,
        }
    }
}

impl From<&'static str> for Name {
    fn from(text: &'static str) -> Self {
        Self::Static(text)
    }
}

impl From<&Arc<str>> for Name {
    fn from(text: &Arc<str>) -> Self {
        Self::Shared(Arc::clone(text))
    }
}

impl From<&Box<str>> for Name {
    fn from(text: &Box<str>) -> Self {
        Self::Shared(Arc::from(&**text))
    }
}

/// Names are equal by their text.
impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for Name {}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self)
    }
}
