//! JSON values that keep every number's digits, and a strict reader and writer for them (RFC 8259).
//!
//! Not a general JSON library: no serde, no streaming. Duplicate members, lone surrogates and deep nesting are refused,
//! because two parsers must never see two different tokens.

mod number;
mod packed;
mod parse;
mod write;

pub use number::Number;
pub use packed::PackedObject;
pub(crate) use write::{is_plain, write_escaped, write_members, write_string};

use crate::memory::allocated;

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
    /// Not RFC 8259, or not UTF-8.
    #[error("malformed JSON at byte {0}")]
    Malformed(usize),
    /// A member name twice in one object; the byte is the one after the object's end.
    #[error("duplicate member in the object that ends at byte {0}")]
    Duplicate(usize),
    /// More nested than [`Json::MAX_DEPTH`].
    #[error("nested too deeply at byte {0}")]
    TooDeep(usize),
}

impl Json {
    /// How many arrays and objects may lie inside one another.
    pub const MAX_DEPTH: usize = 64;

    /// Reads exactly one JSON text (RFC 8259): UTF-8 without a byte order mark, nothing after it but white space.
    ///
    /// Names are compared after unescaping. Numbers keep their digits, whatever their size. Takes O(n log n) time.
    ///
    /// # Errors
    ///
    /// [`JsonError`] with the byte offset: malformed text (lone surrogates included), a duplicate member name, or more
    /// than [`Json::MAX_DEPTH`] levels.
    ///
    /// # Examples
    ///
    /// ```
    /// use claims::{Json, JsonError};
    ///
    /// let json = Json::parse(br#"{"id": 12345678901234567890, "name": "J\u00fcrgen"}"#)?;
    /// let object = json.as_object().ok_or(JsonError::Malformed(0))?;
    /// assert_eq!(object.get("name").and_then(Json::as_str), Some("Jürgen"));
    /// assert_eq!(json.to_string(), r#"{"id":12345678901234567890,"name":"Jürgen"}"#);
    /// assert!(matches!(Json::parse(br#"{"a":1,"\u0061":2}"#), Err(JsonError::Duplicate(_))));
    /// # Ok::<(), JsonError>(())
    /// ```
    pub fn parse(bytes: &[u8]) -> Result<Self, JsonError> {
        parse::parse(bytes)
    }

    /// Makes a string.
    pub fn string(text: impl Into<Box<str>>) -> Self {
        Self::String(text.into())
    }

    /// Returns the text of a string.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::Array(_) | Self::Object(_) => None,
        }
    }

    /// Returns the value of a boolean.
    pub const fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(value) => Some(*value),
            Self::Null | Self::String(_) | Self::Number(_) | Self::Array(_) | Self::Object(_) => None,
        }
    }

    /// Returns a number.
    pub const fn as_number(&self) -> Option<&Number> {
        match self {
            Self::Number(number) => Some(number),
            Self::Null | Self::Bool(_) | Self::String(_) | Self::Array(_) | Self::Object(_) => None,
        }
    }

    /// Returns a number that is written as a non-negative integer and fits; see [`Number::as_u64`].
    pub fn as_u64(&self) -> Option<u64> {
        self.as_number().and_then(Number::as_u64)
    }

    /// Returns the values of an array.
    pub fn as_array(&self) -> Option<&[Self]> {
        match self {
            Self::Array(values) => Some(values),
            Self::Null | Self::Bool(_) | Self::String(_) | Self::Number(_) | Self::Object(_) => None,
        }
    }

    /// Returns an object.
    pub const fn as_object(&self) -> Option<&Object> {
        match self {
            Self::Object(object) => Some(object),
            Self::Null | Self::Bool(_) | Self::String(_) | Self::Number(_) | Self::Array(_) => None,
        }
    }

    /// Estimates the bytes held.
    pub fn weight(&self) -> usize {
        size_of::<Self>()
            + match self {
                Self::Null | Self::Bool(_) => 0,
                Self::Number(number) => number.weight(),
                Self::String(text) => allocated(text.len()),
                Self::Array(values) => values.iter().map(Self::weight).sum(),
                Self::Object(object) => {
                    object.0.iter().map(|(name, value)| 16 + allocated(name.len()) + value.weight()).sum()
                }
            }
    }
}

impl From<bool> for Json {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<u64> for Json {
    fn from(value: u64) -> Self {
        Self::Number(value.into())
    }
}

impl From<i64> for Json {
    fn from(value: i64) -> Self {
        Self::Number(value.into())
    }
}

impl From<Object> for Json {
    fn from(object: Object) -> Self {
        Self::Object(object)
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

    /// Takes the member called `name` out; the others keep their order.
    pub fn remove(&mut self, name: &str) -> Option<Json> {
        let position = self.0.iter().position(|(known, _)| &**known == name)?;
        Some(self.0.remove(position).1)
    }
}

#[cfg(test)]
mod tests;
