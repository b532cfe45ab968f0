//! `MySQL` values as JSON values, by the column's type.

use base64::{Engine, engine::general_purpose::STANDARD};
use claims::{Json, Number};
use sqlx::{
    Column, Decode, MySql, Row, Type, TypeInfo, ValueRef,
    mysql::MySqlRow,
    types::time::{Date, OffsetDateTime, PrimitiveDateTime, Time},
};

use crate::{attribute_map::values_of, sql::answer::Unreadable, sql::text};

/// Returns the values in column `index`: none for NULL.
///
/// Numbers keep their digits, `BOOLEAN` (`TINYINT(1)`) is a boolean. `TIMESTAMP` is RFC 3339 in UTC, `DATETIME` has no
/// offset. Binary columns become Base64 (RFC 4648 §4). `MariaDB`'s `JSON` is text, and
/// stays that.
pub(super) fn read(row: &MySqlRow, index: usize) -> Result<Vec<Json>, Unreadable> {
    let value = row.try_get_raw(index).map_err(|_| Unreadable::Text)?;
    if value.is_null() {
        return Ok(Vec::new());
    }
    let cell = Cell { row, index };
    let column = row.columns().get(index).map(Column::type_info);
    let Some(info) = column else { return Err(Unreadable::Type("unknown".into())) };
    // By the collation: a name like `VARBINARY` stands for text with a binary collation too.
    if <str as Type<MySql>>::compatible(info) {
        return cell.one(Unreadable::Text, |text: &str| Ok(Json::string(text)));
    }
    match info.name() {
        "BOOLEAN" => cell.one(Unreadable::Boolean, |flag| Ok(Json::Bool(flag))),
        "TINYINT" | "SMALLINT" | "MEDIUMINT" | "INT" | "BIGINT" | "YEAR" => {
            cell.one(Unreadable::Number, |number: i64| Ok(Json::Number(Number::from(number))))
        }
        "TINYINT UNSIGNED" | "SMALLINT UNSIGNED" | "MEDIUMINT UNSIGNED" | "INT UNSIGNED" | "BIGINT UNSIGNED" => cell
            .one(Unreadable::Number, |number: u64| {
                Number::parse(&number.to_string()).map(Json::Number).map_err(|_| Unreadable::Number)
            }),
        "FLOAT" => cell.one(Unreadable::Number, |number: f32| text::float(&number)),
        "DOUBLE" => cell.one(Unreadable::Number, |number: f64| text::float(&number)),
        // Sent as its digits.
        "DECIMAL" => cell.one(Unreadable::Number, |digits: &str| {
            Number::parse(digits).map(Json::Number).map_err(|_| Unreadable::Number)
        }),
        "JSON" => {
            let text: &str = cell.get(Unreadable::Json)?;
            Json::parse(text.as_bytes()).map(values_of).map_err(|_| Unreadable::Json)
        }
        "BINARY" | "VARBINARY" | "TINYBLOB" | "BLOB" | "MEDIUMBLOB" | "LONGBLOB" => {
            cell.one(Unreadable::Text, |bytes: &[u8]| Ok(Json::string(STANDARD.encode(bytes))))
        }
        "DATE" => cell.one(Unreadable::Time, |date: Date| text::date(date)),
        "TIME" => cell.one(Unreadable::Time, |time: Time| text::time(time)),
        "DATETIME" => cell.one(Unreadable::Time, |time: PrimitiveDateTime| text::local(time)),
        "TIMESTAMP" => cell.one(Unreadable::Time, |time: OffsetDateTime| text::instant(time)),
        name => Err(Unreadable::Type(name.into())),
    }
}

/// One value of a row.
#[derive(Clone, Copy)]
struct Cell<'r> {
    row: &'r MySqlRow,
    index: usize,
}

impl<'r> Cell<'r> {
    /// Decodes as `T`, whatever the column says: its type was looked at.
    fn get<T: Decode<'r, MySql>>(self, otherwise: Unreadable) -> Result<T, Unreadable> {
        self.row.try_get_unchecked(self.index).map_err(|_| otherwise)
    }

    fn one<T: Decode<'r, MySql>>(
        self,
        otherwise: Unreadable,
        json: impl Fn(T) -> Result<Json, Unreadable>,
    ) -> Result<Vec<Json>, Unreadable> {
        Ok(vec![json(self.get(otherwise)?)?])
    }
}
