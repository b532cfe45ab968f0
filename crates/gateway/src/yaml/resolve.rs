//! What a plain scalar stands for in the core schema (YAML 1.2.2 §10.3.2).
//!
//! `yes`, `no`, `on`, `off`, `y` and `n` are text: they were booleans in YAML 1.1 only.

use super::{Scalar, Style};

/// What a scalar stands for. The text is the scalar's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resolved<'a> {
    /// Nothing: empty, `~` or `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number in decimal digits, perhaps signed.
    Integer(&'a str),
    /// Another number: with a fraction, an exponent, in base 8 or 16, infinite or not a number.
    Float(&'a str),
    /// Text.
    Text(&'a str),
}

/// How much of a value a message shows.
const SHOWN_CHARACTERS: usize = 60;

impl Scalar {
    /// Returns what it stands for.
    pub fn resolve(&self) -> Resolved<'_> {
        match self.style {
            Style::Text => Resolved::Text(&self.text),
            Style::Plain => resolve_plain(&self.text),
        }
    }

    /// Says what the scalar is, for a message.
    pub(crate) fn describe(&self) -> String {
        match self.resolve() {
            Resolved::Null => "nothing".to_owned(),
            Resolved::Bool(value) => format!("the boolean `{value}`"),
            Resolved::Integer(text) | Resolved::Float(text) => format!("the number `{}`", shorten(text)),
            Resolved::Text(text) => format!("the text `{}`", shorten(text)),
        }
    }
}

/// Cuts a long text, and leaves one line of it.
pub(crate) fn shorten(text: &str) -> String {
    let mut shown: String = text.chars().take(SHOWN_CHARACTERS).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.chars().nth(SHOWN_CHARACTERS).is_some() {
        shown.push('…');
    }
    shown
}

fn resolve_plain(text: &str) -> Resolved<'_> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Resolved::Null,
        "true" | "True" | "TRUE" => Resolved::Bool(true),
        "false" | "False" | "FALSE" => Resolved::Bool(false),
        ".nan" | ".NaN" | ".NAN" => Resolved::Float(text),
        _ if is_integer(text) => Resolved::Integer(text),
        _ if is_float(text) || is_prefixed(text) => Resolved::Float(text),
        _ => Resolved::Text(text),
    }
}

fn without_sign(text: &str) -> &str {
    text.strip_prefix(['-', '+']).unwrap_or(text)
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_integer(text: &str) -> bool {
    is_digits(without_sign(text))
}

/// `0o17` and `0x1F`.
fn is_prefixed(text: &str) -> bool {
    let octal = text.strip_prefix("0o").is_some_and(|d| !d.is_empty() && d.bytes().all(|b| (b'0'..=b'7').contains(&b)));
    let hex = text.strip_prefix("0x").is_some_and(|d| !d.is_empty() && d.bytes().all(|b| b.is_ascii_hexdigit()));
    octal || hex
}

/// `[-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?`, or an infinity.
fn is_float(text: &str) -> bool {
    let text = without_sign(text);
    if matches!(text, ".inf" | ".Inf" | ".INF") {
        return true;
    }
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (text, None),
    };
    let is_mantissa = match mantissa.split_once('.') {
        Some(("", fraction)) => is_digits(fraction),
        Some((whole, fraction)) => is_digits(whole) && (fraction.is_empty() || is_digits(fraction)),
        None => is_digits(mantissa),
    };
    is_mantissa && exponent.is_none_or(|exponent| is_digits(without_sign(exponent)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_scalars_are_resolved_as_the_core_schema_says() {
        let check = |text: &str, expected| assert_eq!(resolve_plain(text), expected, "{text}");
        for text in ["", "~", "null"] {
            check(text, Resolved::Null);
        }
        for text in ["0", "-7", "+7", "007", "18446744073709551616"] {
            check(text, Resolved::Integer(text));
        }
        for text in ["3.10", "-.5", "5.", "1e3", "1.5E-3", "0x1F", "0o17", ".inf", "-.INF", ".nan"] {
            check(text, Resolved::Float(text));
        }
        for text in ["no", "on", "y", "v1", "1.2.3", "-", "+", ".", "e3", "1e", "0x", "0o8", "1_000", "-0x1F", "10s"] {
            check(text, Resolved::Text(text));
        }
        check("true", Resolved::Bool(true));
        check("FALSE", Resolved::Bool(false));
    }
}
