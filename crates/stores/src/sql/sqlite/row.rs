//! One value of an `SQLite` row as JSON values: by its storage class, and by the column's declared type for the two that
//! `SQLite` has no class for.

use base64::{Engine, engine::general_purpose::STANDARD};
use claims::{Json, Number};
use sqlx::{Row, TypeInfo, ValueRef, sqlite::SqliteRow};

use crate::{
    attribute_map::values_of,
    sql::{answer::Unreadable, text as written},
};

/// The declared types that change how a value is read. A column of an expression has none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Declared {
    /// `BOOLEAN`: 0 and 1, `true` and `false` are booleans.
    Boolean,
    /// `JSON`: text is JSON; an array is its values.
    Json,
    /// Anything else: the storage class decides.
    #[default]
    Other,
}

impl Declared {
    /// Reads a declared type.
    pub(super) fn parse(text: &str) -> Self {
        match text.trim().to_ascii_uppercase().as_str() {
            "BOOLEAN" | "BOOL" => Self::Boolean,
            "JSON" => Self::Json,
            _ => Self::Other,
        }
    }
}

/// Returns the values in column `index`.
///
/// NULL is none. Integers keep their digits. A REAL is a binary float in the file: it gets the fewest digits that give
/// that float again, so that digits come out as they went in. A BLOB becomes Base64 (RFC 4648 §4), as SCIM's binary
/// attributes are written (RFC 7643 §2.3.6).
pub(super) fn values(row: &SqliteRow, index: usize, declared: Declared) -> Result<Vec<Json>, Unreadable> {
    let value = row.try_get_raw(index).map_err(|_| Unreadable::Type("unknown".into()))?;
    if value.is_null() {
        return Ok(Vec::new());
    }
    let json = match value.type_info().name() {
        "INTEGER" => integer(row.try_get_unchecked(index).map_err(|_| Unreadable::Type("unknown".into()))?, declared)?,
        "REAL" => real(row.try_get_unchecked(index).map_err(|_| Unreadable::Type("unknown".into()))?)?,
        "TEXT" => text(row.try_get_unchecked(index).map_err(|_| Unreadable::Text)?, declared)?,
        "BLOB" => Json::string(STANDARD.encode(blob(row, index)?)),
        _ => return Err(Unreadable::Type("unknown".into())),
    };
    Ok(values_of(json))
}

/// Returns an integer's value.
fn integer(integer: i64, declared: Declared) -> Result<Json, Unreadable> {
    match (declared, integer) {
        (Declared::Boolean, 0) => Ok(Json::Bool(false)),
        (Declared::Boolean, 1) => Ok(Json::Bool(true)),
        (Declared::Boolean, _) => Err(Unreadable::Boolean),
        (Declared::Json | Declared::Other, _) => Ok(Json::Number(Number::from(integer))),
    }
}

/// Returns a float's value.
fn real(real: f64) -> Result<Json, Unreadable> {
    written::float(&real)
}

/// Returns a text's value.
fn text(text: &str, declared: Declared) -> Result<Json, Unreadable> {
    match declared {
        Declared::Boolean if text.eq_ignore_ascii_case("true") => Ok(Json::Bool(true)),
        Declared::Boolean if text.eq_ignore_ascii_case("false") => Ok(Json::Bool(false)),
        Declared::Boolean => Err(Unreadable::Boolean),
        Declared::Json => Json::parse(text.as_bytes()).map_err(|_| Unreadable::Json),
        Declared::Other => Ok(Json::string(text)),
    }
}

/// Returns a blob's bytes.
fn blob(row: &SqliteRow, index: usize) -> Result<&[u8], Unreadable> {
    row.try_get_unchecked(index).map_err(|_| Unreadable::Type("unknown".into()))
}
