//! Values whose binary form is read here, because the driver changes them: `numeric` would lose its trailing zeros, and an
//! infinite time ends the driver in a panic.
//!
//! Forms as in `PostgreSQL`'s `numeric_send`, `date_send`, `time_send` and `timestamp_send`.

use claims::{Json, Number};
use sqlx::{
    Decode, Postgres, Type,
    error::BoxDynError,
    postgres::{PgHasArrayType, PgTypeInfo, PgValueRef, types::Oid},
};
use time::{Duration, OffsetDateTime, PrimitiveDateTime, Time, macros::datetime};

use crate::sql::{answer::Unreadable, text};

/// Where `PostgreSQL` begins to count.
const EPOCH: OffsetDateTime = datetime!(2000-01-01 0:00 UTC);

/// A `numeric`, as its decimal digits; `None`: not a number, or infinite.
pub(super) struct Decimal(Option<String>);

/// A `date`, in days since 2000-01-01.
pub(super) struct Days(i32);

/// A `time`, in microseconds since midnight.
pub(super) struct TimeOfDay(i64);

/// A `timestamp` or `timestamptz`, in microseconds since 2000-01-01.
pub(super) struct Microseconds(i64);

impl Decimal {
    pub(super) fn json(self) -> Result<Json, Unreadable> {
        let digits = self.0.ok_or(Unreadable::Number)?;
        Number::parse(&digits).map(Json::Number).map_err(|_| Unreadable::Number)
    }

    /// Reads count, weight, sign and scale, then groups of four digits.
    fn read(bytes: &[u8]) -> Option<Self> {
        const NEGATIVE: i16 = 0x4000;
        let mut words = bytes.chunks_exact(2).map(|word| <[u8; 2]>::try_from(word).map(i16::from_be_bytes));
        let mut word = || words.next()?.ok();
        let (count, weight, sign, scale) = (word()?, word()?, word()?, usize::try_from(word()?).ok()?);
        if sign != 0 && sign != NEGATIVE {
            return Some(Self(None));
        }
        let groups: Vec<i16> = (0..count).map(|_| word()).collect::<Option<_>>()?;
        let group = |place: i32| {
            let index = i32::from(weight) - place;
            usize::try_from(index).ok().and_then(|index| groups.get(index)).copied().unwrap_or(0)
        };
        let whole = i32::from(weight).max(0);
        let sign = if sign == NEGATIVE { "-" } else { "" };
        let four_each = |groups: Vec<String>| groups.concat();
        let rest = four_each((0..whole).rev().map(|place| format!("{:04}", group(place))).collect());
        let fraction = four_each((1..).map(|place| format!("{:04}", group(-place))).take(scale.div_ceil(4)).collect());
        let point = if scale == 0 { "" } else { "." };
        let fraction = fraction.get(..scale)?;
        let digits = format!("{sign}{}{rest}{point}{fraction}", group(whole));
        Some(Self(Some(digits)))
    }
}

impl Days {
    pub(super) fn json(self) -> Result<Json, Unreadable> {
        let day = EPOCH.date().checked_add(Duration::days(self.0.into())).ok_or(Unreadable::Time)?;
        text::date(day)
    }
}

impl TimeOfDay {
    pub(super) fn json(self) -> Result<Json, Unreadable> {
        // 24:00:00 is a time there, and none elsewhere.
        if self.0 >= 24 * 3600 * 1_000_000 {
            return Err(Unreadable::Time);
        }
        text::time(Time::MIDNIGHT + Duration::microseconds(self.0))
    }
}

impl Microseconds {
    pub(super) fn json_in_utc(self) -> Result<Json, Unreadable> {
        text::instant(self.time()?)
    }

    pub(super) fn json_without_offset(self) -> Result<Json, Unreadable> {
        let time = self.time()?;
        text::local(PrimitiveDateTime::new(time.date(), time.time()))
    }

    /// The infinities lie outside of the years that can be counted to.
    fn time(self) -> Result<OffsetDateTime, Unreadable> {
        EPOCH.checked_add(Duration::microseconds(self.0)).ok_or(Unreadable::Time)
    }
}

/// Makes a value of the driver's trait out of bytes of the binary form.
macro_rules! decoded {
    ($value:ty, $oid:literal, $array_oid:literal, $read:expr) => {
        impl Decode<'_, Postgres> for $value {
            fn decode(value: PgValueRef<'_>) -> Result<Self, BoxDynError> {
                let read: fn(&[u8]) -> Option<Self> = $read;
                read(value.as_bytes()?).ok_or_else(|| "not in its binary form".into())
            }
        }

        impl Type<Postgres> for $value {
            fn type_info() -> PgTypeInfo {
                PgTypeInfo::with_oid(Oid($oid))
            }

            fn compatible(_: &PgTypeInfo) -> bool {
                true
            }
        }

        impl PgHasArrayType for $value {
            fn array_type_info() -> PgTypeInfo {
                PgTypeInfo::with_oid(Oid($array_oid))
            }
        }
    };
}

decoded!(Decimal, 1700, 1231, Self::read);
decoded!(Days, 1082, 1182, |bytes| Some(Self(i32::from_be_bytes(bytes.try_into().ok()?))));
decoded!(TimeOfDay, 1083, 1183, |bytes| Some(Self(i64::from_be_bytes(bytes.try_into().ok()?))));
decoded!(Microseconds, 1184, 1185, |bytes| Some(Self(i64::from_be_bytes(bytes.try_into().ok()?))));

#[cfg(test)]
mod tests {
    use super::*;

    fn check(words: &[i16], expected: Option<&str>) {
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).collect();
        assert_eq!(Decimal::read(&bytes).unwrap().0.as_deref(), expected, "{words:?}");
    }

    #[test]
    fn a_numeric_keeps_its_digits() {
        check(&[0, 0, 0, 0], Some("0"));
        check(&[0, 0, 0, 2], Some("0.00"));
        check(&[2, 0, 0, 2, 12, 3400], Some("12.34"));
        check(&[2, 0, 0x4000, 3, 12, 3400], Some("-12.340"));
        check(&[1, 1, 0, 0, 5], Some("50000"));
        check(&[2, 1, 0, 0, 5, 7], Some("50007"));
        check(&[1, -1, 0, 1, 5000], Some("0.5"));
        check(&[1, -2, 0, 8, 1], Some("0.00000001"));
        check(&[0, 0, i16::MIN | 0x4000, 0], None);
    }

    #[test]
    fn half_a_numeric_is_refused() {
        assert!(Decimal::read(&[0, 2, 0, 0, 0, 0, 0, 0, 0, 1]).is_none());
    }
}
