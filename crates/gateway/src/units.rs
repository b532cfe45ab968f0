//! Quantities with their units: durations (`500ms 10s 5m 24h 1d`), sizes (`64KiB`), points in time.
//!
//! A bare number is no duration: nobody can see whether `10` is seconds or milliseconds. Where a field takes bare
//! seconds, because existing files write them so, its type is [`Lifetime`].

use std::{fmt, time::Duration};

/// A number of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bytes(pub u64);

/// A token's life: whole seconds, written as `3600` or with a unit as `1h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lifetime(pub u64);

/// A point in time, in seconds since the epoch: written as a date (its first second in UTC) or by RFC 3339.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub u64);

impl Timestamp {
    /// Reads `2027-01-01` or `2027-01-01T12:00:00+01:00`; nothing before 1970.
    pub fn parse(text: &str) -> Option<Self> {
        let date = ::time::macros::format_description!("[year]-[month]-[day]");
        let seconds = match ::time::Date::parse(text, date) {
            Ok(date) => date.midnight().assume_utc().unix_timestamp(),
            Err(_) => ::time::OffsetDateTime::parse(text, &::time::format_description::well_known::Rfc3339)
                .ok()?
                .unix_timestamp(),
        };
        u64::try_from(seconds).ok().map(Self)
    }
}

/// Why a text is no duration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    /// A number alone.
    #[error("a duration needs a unit")]
    NoUnit,
    /// Neither.
    #[error("not a duration")]
    Malformed,
    /// More than a hundred years.
    #[error("a duration of more than a hundred years")]
    TooLong,
}

const HUNDRED_YEARS: u64 = 100 * 366 * 86_400;

/// Reads `500ms`, `10s`, `5m`, `24h` or `1d`: a whole number and one unit.
///
/// # Errors
///
/// [`DurationError`]; a number without a unit is told apart.
pub fn parse_duration(text: &str) -> Result<Duration, DurationError> {
    let (number, unit) = split(text).ok_or(DurationError::Malformed)?;
    let duration = match unit {
        "ms" => Duration::from_millis(number),
        "s" => Duration::from_secs(number),
        "m" => Duration::from_secs(number.saturating_mul(60)),
        "h" => Duration::from_secs(number.saturating_mul(3_600)),
        "d" => Duration::from_secs(number.saturating_mul(86_400)),
        "" => return Err(DurationError::NoUnit),
        _ => return Err(DurationError::Malformed),
    };
    if duration.as_secs() > HUNDRED_YEARS { Err(DurationError::TooLong) } else { Ok(duration) }
}

impl Bytes {
    /// Reads a number of bytes: `4096`, `512B`, `64KiB`, `1MiB` or `2GiB`.
    pub fn parse(text: &str) -> Option<Self> {
        let (number, unit) = split(text)?;
        let factor = match unit {
            "" | "B" => 1,
            "KiB" => 1 << 10,
            "MiB" => 1 << 20,
            "GiB" => 1 << 30,
            _ => return None,
        };
        number.checked_mul(factor).map(Self)
    }
}

/// With the largest unit that leaves a whole number.
impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = [(1_u64 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
        match units.into_iter().find(|(factor, _)| self.0 > 0 && self.0.is_multiple_of(*factor)) {
            Some((factor, unit)) => write!(f, "{}{unit}", self.0 / factor),
            None => write!(f, "{}B", self.0),
        }
    }
}

impl Lifetime {
    /// Reads `3600` or `1h`; fractions of a second are refused.
    pub fn parse(text: &str) -> Option<Self> {
        match parse_duration(text) {
            Ok(duration) => (duration.subsec_nanos() == 0).then_some(Self(duration.as_secs())),
            Err(DurationError::NoUnit) => text.parse().ok().map(Self),
            Err(DurationError::Malformed | DurationError::TooLong) => None,
        }
    }
}

/// Splits `64KiB` into the number and the unit.
fn split(text: &str) -> Option<(u64, &str)> {
    let end = text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len());
    let (digits, unit) = text.split_at_checked(end)?;
    Some((digits.parse().ok()?, unit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_a_whole_number_and_one_unit() {
        let check = |text, expected| assert_eq!(parse_duration(text), expected, "{text}");
        check("500ms", Ok(Duration::from_millis(500)));
        check("10s", Ok(Duration::from_secs(10)));
        check("5m", Ok(Duration::from_mins(5)));
        check("24h", Ok(Duration::from_hours(24)));
        check("1d", Ok(Duration::from_hours(24)));
        check("0s", Ok(Duration::ZERO));
        check("10", Err(DurationError::NoUnit));
        for text in ["", "s", "1.5s", "-1s", "1h30m", "10 s", "1w", "99999999999999999999s"] {
            check(text, Err(DurationError::Malformed));
        }
        check("99999999d", Err(DurationError::TooLong));
    }

    #[test]
    fn sizes_are_binary_and_show_as_they_are_written() {
        for (text, bytes, shown) in [
            ("4096", 4096, "4KiB"),
            ("64KiB", 65_536, "64KiB"),
            ("1MiB", 1 << 20, "1MiB"),
            ("7B", 7, "7B"),
            ("0", 0, "0B"),
        ] {
            assert_eq!(Bytes::parse(text), Some(Bytes(bytes)), "{text}");
            assert_eq!(Bytes(bytes).to_string(), shown);
        }
        for text in ["", "KiB", "1kb", "1.5MiB", "-1", "18446744073709551615GiB"] {
            assert_eq!(Bytes::parse(text), None, "{text}");
        }
    }

    #[test]
    fn lifetimes_are_seconds_with_or_without_a_unit() {
        assert_eq!(Lifetime::parse("3600"), Some(Lifetime(3600)));
        assert_eq!(Lifetime::parse("1h"), Some(Lifetime(3600)));
        assert_eq!(Lifetime::parse("1500ms"), None);
        assert_eq!(Lifetime::parse("soon"), None);
    }
}
