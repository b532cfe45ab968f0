//! A database's answer about one user, as it is put together.

use claims::Json;

use crate::attribute_map::RawAttributes;

/// How many values one user may have in all.
const MOST_VALUES: usize = 10_000;

/// How many bytes they may hold.
const MOST_BYTES: usize = 1 << 20;

/// The values so far, within bounds.
#[derive(Default)]
pub(super) struct Answer {
    raw: RawAttributes,
    values: usize,
    bytes: usize,
}

/// Why a value cannot be read; says nothing about the value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unreadable {
    /// Text in another encoding.
    #[error("is not UTF-8 text")]
    Text,
    /// An infinity, or no number.
    #[error("is a number that JSON does not have")]
    Number,
    /// An infinity, or outside of the years 1 to 9999.
    #[error("is a time that cannot be written")]
    Time,
    /// Neither true nor false.
    #[error("is declared BOOLEAN and is neither true nor false")]
    Boolean,
    /// No JSON, or with a member twice.
    #[error("is declared JSON and is not")]
    Json,
    /// A type that has no obvious JSON.
    #[error("has the type {0}: convert it in the query, for example to text")]
    Type(Box<str>),
}

impl Answer {
    /// Adds values of `attribute`, or says what is wrong, without values.
    pub(super) fn add(&mut self, attribute: &str, values: Result<Vec<Json>, Unreadable>) -> Result<(), String> {
        let values = values.map_err(|unreadable| format!("`{attribute}` {unreadable}"))?;
        self.values += values.len();
        self.bytes += values.iter().map(Json::weight).sum::<usize>();
        if self.values > MOST_VALUES || self.bytes > MOST_BYTES {
            return Err(format!("`{attribute}` brings it over {MOST_VALUES} values or {MOST_BYTES} bytes"));
        }
        self.raw.entry(attribute.into()).or_default().extend(values);
        Ok(())
    }

    /// Returns all of it.
    pub(super) fn finish(self) -> RawAttributes {
        self.raw
    }
}
