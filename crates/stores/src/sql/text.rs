//! Numbers and times as every database's values are written.

use claims::{Json, Number};
use time::{
    Date, OffsetDateTime, PrimitiveDateTime, Time, UtcOffset,
    format_description::{BorrowedFormatItem, well_known::Rfc3339},
    macros::format_description,
};

use super::answer::Unreadable;

const DATE: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day]");
const TIME: &[BorrowedFormatItem<'_>] = format_description!("[hour]:[minute]:[second]");
const TIME_WITH_FRACTION: &[BorrowedFormatItem<'_>] =
    format_description!("[hour]:[minute]:[second].[subsecond digits:1+]");

/// Returns a binary float with the fewest digits that give it again.
pub(super) fn float(number: &impl std::fmt::Debug) -> Result<Json, Unreadable> {
    Number::parse(&format!("{number:?}")).map(Json::Number).map_err(|_| Unreadable::Number)
}

/// Returns a day: `2024-02-29`.
pub(super) fn date(date: Date) -> Result<Json, Unreadable> {
    written(date.format(DATE))
}

/// Returns a time of day: `12:30:00`, with a fraction only where there is one.
pub(super) fn time(time: Time) -> Result<Json, Unreadable> {
    clock(time).map(Json::string)
}

/// Returns a time without an offset: `2024-02-29T12:30:00`.
pub(super) fn local(time: PrimitiveDateTime) -> Result<Json, Unreadable> {
    let day = time.date().format(DATE).map_err(|_| Unreadable::Time)?;
    Ok(Json::string(format!("{day}T{}", clock(time.time())?)))
}

/// Returns an instant in UTC: `2024-02-29T12:30:00Z` (RFC 3339).
pub(super) fn instant(time: OffsetDateTime) -> Result<Json, Unreadable> {
    written(time.to_offset(UtcOffset::UTC).format(&Rfc3339))
}

fn clock(time: Time) -> Result<String, Unreadable> {
    let format = if time.nanosecond() == 0 { TIME } else { TIME_WITH_FRACTION };
    time.format(format).map_err(|_| Unreadable::Time)
}

fn written(text: Result<String, time::error::Format>) -> Result<Json, Unreadable> {
    text.map(Json::string).map_err(|_| Unreadable::Time)
}
