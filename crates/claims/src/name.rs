//! The name of a claim: shared, because most names are known at load and every JWT has two dozen of them.

use std::{
    fmt,
    hash::{Hash, Hasher},
    ops::Deref,
    sync::Arc,
};

use crate::json::{is_plain, write_string};

/// A claim's full name. Cheap to clone, and to write: what must be escaped is known beforehand.
#[derive(Clone)]
pub struct Name(Text);

#[derive(Clone)]
enum Text {
    /// Of the program itself; needs no escapes in JSON.
    Static(&'static str),
    /// Of the configuration or a token; needs no escapes.
    Plain(Arc<str>),
    /// Likewise, with escapes.
    Escaped(Arc<str>),
}

impl Name {
    /// Makes a name of the configuration's or a token's text.
    pub fn new(text: &str) -> Self {
        Self(if is_plain(text.as_bytes()) { Text::Plain(text.into()) } else { Text::Escaped(text.into()) })
    }

    /// Appends the name as a JSON string.
    pub(crate) fn write_to(&self, out: &mut Vec<u8>) {
        match &self.0 {
            Text::Static(_) | Text::Plain(_) => {
                out.push(b'"');
                out.extend_from_slice(self.as_bytes());
                out.push(b'"');
            }
            Text::Escaped(text) => write_string(text, out),
        }
    }
}

impl Deref for Name {
    type Target = str;

    fn deref(&self) -> &str {
        match &self.0 {
            Text::Static(text) => text,
            Text::Plain(text) | Text::Escaped(text) => text,
        }
    }
}

impl From<&'static str> for Name {
    fn from(text: &'static str) -> Self {
        debug_assert!(is_plain(text.as_bytes()), "a name of the program's own needs escapes");
        Self(Text::Static(text))
    }
}

impl From<&Self> for Name {
    fn from(name: &Self) -> Self {
        name.clone()
    }
}

/// Names are equal by their text.
impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for Name {}

impl Hash for Name {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (**self).hash(state);
    }
}

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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::json::Json;

    proptest! {
        #[test]
        fn a_name_is_written_as_the_string_that_it_is(text in "[ -~\\u{0}-\\u{1f}\"\\\\é]{0,24}") {
            let mut out = Vec::new();
            Name::new(&text).write_to(&mut out);
            prop_assert_eq!(Json::parse(&out).unwrap(), Json::string(text));
        }
    }
}
