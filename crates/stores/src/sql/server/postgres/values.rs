//! `PostgreSQL` values as JSON values, by the column's type.

use base64::{Engine, engine::general_purpose::STANDARD};
use claims::{Json, Number};
use sqlx::{
    Column, Decode, Postgres, Row, Type, TypeInfo, ValueRef,
    postgres::{PgHasArrayType, PgRow, PgTypeInfo, PgTypeKind},
    types::{JsonRawValue, Uuid},
};

use super::wire;
use crate::{
    attribute_map::values_of,
    sql::{answer::Unreadable, text},
};

/// Returns the values in column `index`: none for NULL, an array's elements one by one.
///
/// Numbers keep their digits. Times are RFC 3339 in UTC, or without an offset where the column has none. `bytea` becomes
/// Base64 (RFC 4648 §4), as SCIM's binary attributes are written (RFC 7643 §2.3.6).
pub(super) fn read(row: &PgRow, index: usize) -> Result<Vec<Json>, Unreadable> {
    let value = row.try_get_raw(index).map_err(|_| Unreadable::Text)?;
    if value.is_null() {
        return Ok(Vec::new());
    }
    let column = row.columns().get(index).map(Column::type_info);
    let cell = Cell { row, index };
    let Some(info) = column else { return Err(Unreadable::Type("unknown".into())) };
    match base(info).name() {
        "BOOL" => cell.one(Json::Bool),
        "BOOL[]" => cell.many(Json::Bool),
        "INT2" => cell.one(|number: i16| integer(number.into())),
        "INT2[]" => cell.many(|number: i16| integer(number.into())),
        "INT4" => cell.one(|number: i32| integer(number.into())),
        "INT4[]" => cell.many(|number: i32| integer(number.into())),
        "INT8" => cell.one(integer),
        "INT8[]" => cell.many(integer),
        "FLOAT4" => cell.try_one(|number: f32| text::float(&number)),
        "FLOAT4[]" => cell.try_many(|number: f32| text::float(&number)),
        "FLOAT8" => cell.try_one(|number: f64| text::float(&number)),
        "FLOAT8[]" => cell.try_many(|number: f64| text::float(&number)),
        "NUMERIC" => cell.try_one(wire::Decimal::json),
        "NUMERIC[]" => cell.try_many(wire::Decimal::json),
        "TEXT" | "VARCHAR" | "CHAR" | "NAME" | "UNKNOWN" => cell.one(|text: String| Json::string(text)),
        "TEXT[]" | "VARCHAR[]" | "CHAR[]" | "NAME[]" => cell.many(|text: String| Json::string(text)),
        "UUID" => cell.one(|uuid: Uuid| Json::string(uuid.to_string())),
        "UUID[]" => cell.many(|uuid: Uuid| Json::string(uuid.to_string())),
        "BYTEA" => cell.one(|bytes: Vec<u8>| Json::string(STANDARD.encode(bytes))),
        "BYTEA[]" => cell.many(|bytes: Vec<u8>| Json::string(STANDARD.encode(bytes))),
        "JSON" | "JSONB" => cell.json(),
        "DATE" => cell.try_one(wire::Days::json),
        "DATE[]" => cell.try_many(wire::Days::json),
        "TIME" => cell.try_one(wire::TimeOfDay::json),
        "TIMESTAMP" => cell.try_one(wire::Microseconds::json_without_offset),
        "TIMESTAMP[]" => cell.try_many(wire::Microseconds::json_without_offset),
        "TIMESTAMPTZ" => cell.try_one(wire::Microseconds::json_in_utc),
        "TIMESTAMPTZ[]" => cell.try_many(wire::Microseconds::json_in_utc),
        name => match kind(info) {
            Textual::One => cell.unchecked_text(),
            Textual::Many => cell.unchecked_texts(),
            Textual::Not => Err(Unreadable::Type(name.into())),
        },
    }
}

/// Types of the operator's own that are text on the wire.
enum Textual {
    One,
    Many,
    Not,
}

/// Tells enumerations and `citext` from everything else.
fn kind(info: &PgTypeInfo) -> Textual {
    let is_text =
        |info: &PgTypeInfo| matches!(info.kind(), PgTypeKind::Enum(_)) || info.name().eq_ignore_ascii_case("citext");
    match base(info).kind() {
        PgTypeKind::Array(element) if is_text(base(element)) => Textual::Many,
        _ if is_text(base(info)) => Textual::One,
        _ => Textual::Not,
    }
}

/// Returns what a domain is made of.
fn base(info: &PgTypeInfo) -> &PgTypeInfo {
    match info.kind() {
        PgTypeKind::Domain(of) => base(of),
        _ => info,
    }
}

/// One value of a row.
#[derive(Clone, Copy)]
struct Cell<'r> {
    row: &'r PgRow,
    index: usize,
}

impl<'r> Cell<'r> {
    /// Decodes as `T`, whatever the column says: its type was looked at.
    fn get<T: Decode<'r, Postgres>>(self, otherwise: Unreadable) -> Result<T, Unreadable> {
        self.row.try_get_unchecked(self.index).map_err(|_| otherwise)
    }

    fn one<T: Decode<'r, Postgres>>(self, json: impl Fn(T) -> Json) -> Result<Vec<Json>, Unreadable> {
        self.try_one(|value| Ok(json(value)))
    }

    fn try_one<T: Decode<'r, Postgres>>(
        self,
        json: impl Fn(T) -> Result<Json, Unreadable>,
    ) -> Result<Vec<Json>, Unreadable> {
        Ok(vec![json(self.get(Unreadable::Text)?)?])
    }

    fn many<T>(self, json: impl Fn(T) -> Json) -> Result<Vec<Json>, Unreadable>
    where
        T: for<'a> Decode<'a, Postgres> + Type<Postgres> + PgHasArrayType,
    {
        self.try_many(|value| Ok(json(value)))
    }

    fn try_many<T>(self, json: impl Fn(T) -> Result<Json, Unreadable>) -> Result<Vec<Json>, Unreadable>
    where
        T: for<'a> Decode<'a, Postgres> + Type<Postgres> + PgHasArrayType,
    {
        let elements: Vec<Option<T>> = self.get(Unreadable::Type("array of several dimensions".into()))?;
        elements.into_iter().flatten().map(json).collect()
    }

    fn json(self) -> Result<Vec<Json>, Unreadable> {
        let raw: &JsonRawValue = self.get::<sqlx::types::Json<&JsonRawValue>>(Unreadable::Json)?.0;
        Json::parse(raw.get().as_bytes()).map(values_of).map_err(|_| Unreadable::Json)
    }

    fn unchecked_text(self) -> Result<Vec<Json>, Unreadable> {
        self.one(|text: String| Json::string(text))
    }

    fn unchecked_texts(self) -> Result<Vec<Json>, Unreadable> {
        self.many(|text: String| Json::string(text))
    }
}

fn integer(number: i64) -> Json {
    Json::Number(Number::from(number))
}
