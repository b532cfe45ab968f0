//! A JSON number (RFC 8259 §6) with all of its digits, and exact integer readings of it. No float anywhere.

use std::borrow::Cow;

use super::JsonError;
use crate::memory::allocated;

/// A JSON number, as written: no detour through a float.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Number(Repr);

/// Each number has one of these only: JSON writes an integer in one way.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Repr {
    /// Written as digits alone, and of 64 bits.
    Unsigned(u64),
    /// Any other, as it is written.
    Text(Box<str>),
}

impl Number {
    /// Reads a number in JSON's grammar: no leading `+` or zero, no bare point, neither `NaN` nor infinity.
    ///
    /// # Errors
    ///
    /// [`JsonError::Malformed`] with the offset of the first byte that does not belong.
    pub fn parse(text: &str) -> Result<Self, JsonError> {
        let end = scan(text.as_bytes(), 0)?;
        if end == text.len() { Ok(Self::from_scanned(text)) } else { Err(JsonError::Malformed(end)) }
    }

    /// Takes a text that [`scan`] has accepted whole.
    pub(super) fn from_scanned(text: &str) -> Self {
        Self(text.parse().map_or_else(|_| Repr::Text(text.into()), Repr::Unsigned))
    }

    /// Returns the digits as written.
    pub fn text(&self) -> Cow<'_, str> {
        match &self.0 {
            Repr::Unsigned(value) => Cow::Owned(itoa::Buffer::new().format(*value).to_owned()),
            Repr::Text(text) => Cow::Borrowed(text),
        }
    }

    /// Appends the digits as written.
    pub(super) fn write_to(&self, out: &mut Vec<u8>) {
        match &self.0 {
            Repr::Unsigned(value) => out.extend_from_slice(itoa::Buffer::new().format(*value).as_bytes()),
            Repr::Text(text) => out.extend_from_slice(text.as_bytes()),
        }
    }

    /// Estimates the bytes held beside the number itself.
    pub(super) fn weight(&self) -> usize {
        match &self.0 {
            Repr::Unsigned(_) => 0,
            Repr::Text(text) => allocated(text.len()),
        }
    }

    /// True when it is written with a minus sign.
    pub fn is_negative(&self) -> bool {
        match &self.0 {
            Repr::Unsigned(_) => false,
            Repr::Text(text) => text.starts_with('-'),
        }
    }

    /// True when it is written without fraction and exponent.
    pub fn is_integer(&self) -> bool {
        match &self.0 {
            Repr::Unsigned(_) => true,
            Repr::Text(text) => !text.bytes().any(|byte| matches!(byte, b'.' | b'e' | b'E')),
        }
    }

    /// Returns the value of a number written as a non-negative integer, if it fits: `1`, but neither `1.0` nor `1e0`.
    pub const fn as_u64(&self) -> Option<u64> {
        match &self.0 {
            Repr::Unsigned(value) => Some(*value),
            Repr::Text(_) => None,
        }
    }

    /// Returns the value of a number written as an integer, if it fits.
    pub fn as_i64(&self) -> Option<i64> {
        match &self.0 {
            Repr::Unsigned(value) => i64::try_from(*value).ok(),
            Repr::Text(text) => text.parse().ok(),
        }
    }

    /// Returns the greatest integer that is not above it, for `NumericDate`s with a fraction (RFC 7519 §2).
    ///
    /// `None`: negative, or beyond 64 bits. Exact for every number of digits and every exponent.
    pub fn floor(&self) -> Option<u64> {
        self.split_at_point().map(|(integer, _)| integer)
    }

    /// Returns the least integer that is not below it; `None` as in [`Number::floor`].
    pub fn ceil(&self) -> Option<u64> {
        let (integer, has_fraction) = self.split_at_point()?;
        integer.checked_add(u64::from(has_fraction))
    }

    /// Returns the integer part, and whether a fraction other than zero follows it.
    fn split_at_point(&self) -> Option<(u64, bool)> {
        let text = match &self.0 {
            Repr::Unsigned(value) => return Some((*value, false)),
            Repr::Text(text) => text,
        };
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let (unsigned, is_negative) = mantissa.strip_prefix('-').map_or((mantissa, false), |rest| (rest, true));
        let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
        let digits = || whole.bytes().chain(fraction.bytes()).map(|byte| u64::from(byte.wrapping_sub(b'0')));
        if digits().all(|digit| digit == 0) {
            return Some((0, false));
        }
        if is_negative {
            return None;
        }
        let exponent = exponent_or_limit(exponent);
        let point = i64::try_from(whole.len()).ok()?.saturating_add(exponent);
        let point = usize::try_from(point.max(0)).ok()?;
        let integer = digits().take(point).try_fold(0_u64, push_digit)?;
        let has_fraction = digits().skip(point).any(|digit| digit != 0);
        let missing = point.saturating_sub(whole.len() + fraction.len());
        Some((push_zeros(integer, missing)?, has_fraction))
    }
}

/// Reads an exponent; one that does not fit becomes the limit on its side.
fn exponent_or_limit(text: &str) -> i64 {
    let limit = if text.starts_with('-') { i64::MIN } else { i64::MAX };
    text.parse().unwrap_or(limit)
}

fn push_digit(value: u64, digit: u64) -> Option<u64> {
    value.checked_mul(10)?.checked_add(digit)
}

/// Multiplies by ten, `count` times; zero stays zero without the walk.
fn push_zeros(value: u64, count: usize) -> Option<u64> {
    if value == 0 {
        return Some(0);
    }
    10_u64.checked_pow(u32::try_from(count).ok()?)?.checked_mul(value)
}

/// Walks over the number that starts at `start`, and returns where it ends.
pub(super) fn scan(bytes: &[u8], start: usize) -> Result<usize, JsonError> {
    let mut at = start;
    if bytes.get(at) == Some(&b'-') {
        at += 1;
    }
    at = match bytes.get(at) {
        Some(b'0') => at + 1,
        Some(b'1'..=b'9') => skip_digits(bytes, at),
        _ => return Err(JsonError::Malformed(at)),
    };
    if bytes.get(at) == Some(&b'.') {
        at = scan_digits(bytes, at + 1)?;
    }
    if matches!(bytes.get(at), Some(b'e' | b'E')) {
        at += 1;
        if matches!(bytes.get(at), Some(b'+' | b'-')) {
            at += 1;
        }
        at = scan_digits(bytes, at)?;
    }
    Ok(at)
}

/// Walks over at least one digit.
fn scan_digits(bytes: &[u8], start: usize) -> Result<usize, JsonError> {
    let end = skip_digits(bytes, start);
    if end == start { Err(JsonError::Malformed(start)) } else { Ok(end) }
}

fn skip_digits(bytes: &[u8], start: usize) -> usize {
    let count = bytes.iter().skip(start).take_while(|byte| byte.is_ascii_digit()).count();
    start + count
}

impl From<u64> for Number {
    fn from(value: u64) -> Self {
        Self(Repr::Unsigned(value))
    }
}

impl From<i64> for Number {
    fn from(value: i64) -> Self {
        Self::from_scanned(itoa::Buffer::new().format(value))
    }
}
