//! JSON values that keep every number's digits, and a strict reader and writer for them (RFC 8259).
//!
//! Not a general JSON library: no serde, no streaming. Duplicate members, lone surrogates and deep nesting are refused,
//! because two parsers must never see two different tokens.

/// A JSON number, as written: no detour through a float.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Number(Box<str>);

/// A JSON object: members in order, names unique.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Object(Vec<(Box<str>, Json)>);

/// A JSON value.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Json {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number.
    Number(Number),
    /// A string.
    String(Box<str>),
    /// An array.
    Array(Vec<Json>),
    /// An object.
    Object(Object),
}

/// Why a text is not acceptable JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    /// Not RFC 8259.
    #[error("malformed JSON at byte {0}")]
    Malformed(usize),
    /// A member name twice in one object.
    #[error("duplicate member at byte {0}")]
    Duplicate(usize),
    /// More nested than allowed.
    #[error("nested too deeply at byte {0}")]
    TooDeep(usize),
}

impl Number {
    /// Returns the digits as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<u64> for Number {
    fn from(value: u64) -> Self {
        Self(value.to_string().into())
    }
}

impl From<i64> for Number {
    fn from(value: i64) -> Self {
        Self(value.to_string().into())
    }
}

impl Object {
    /// Returns the member called `name`.
    pub fn get(&self, name: &str) -> Option<&Json> {
        self.0.iter().find(|(known, _)| &**known == name).map(|(_, value)| value)
    }

    /// Iterates in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Json)> {
        self.0.iter().map(|(name, value)| (&**name, value))
    }

    /// Returns how many members there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// True when there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Sets a member: replaces one of that name in place, else appends.
    pub fn insert(&mut self, name: impl Into<Box<str>>, value: Json) {
        let name = name.into();
        match self.0.iter_mut().find(|(known, _)| *known == name) {
            Some((_, slot)) => *slot = value,
            None => self.0.push((name, value)),
        }
    }
}

impl Json {
    /// Returns the text of a string.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::Array(_) | Self::Object(_) => None,
        }
    }

    /// Makes a string.
    pub fn string(text: impl Into<Box<str>>) -> Self {
        Self::String(text.into())
    }

    /// Estimates the bytes held.
    pub fn weight(&self) -> usize {
        24 + match self {
            Self::Null | Self::Bool(_) => 0,
            Self::Number(number) => number.0.len(),
            Self::String(text) => text.len(),
            Self::Array(values) => values.iter().map(Self::weight).sum(),
            Self::Object(object) => object.0.iter().map(|(name, value)| name.len() + 16 + value.weight()).sum(),
        }
    }
}
