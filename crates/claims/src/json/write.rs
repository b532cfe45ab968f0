//! The compact writer (RFC 8259): minimal escapes, UTF-8 as it is, members in their order.

use std::fmt;

use super::{Json, Object};

impl Json {
    /// Appends the compact text: no white space, and only `"`, `\` and control characters escaped.
    pub fn write_to(&self, out: &mut Vec<u8>) {
        match self {
            Self::Null => out.extend_from_slice(b"null"),
            Self::Bool(true) => out.extend_from_slice(b"true"),
            Self::Bool(false) => out.extend_from_slice(b"false"),
            Self::Number(number) => number.write_to(out),
            Self::String(text) => write_string(text, out),
            Self::Array(values) => write_array(values, out),
            Self::Object(object) => object.write_to(out),
        }
    }
}

impl Object {
    /// Appends the compact text; see [`Json::write_to`].
    pub fn write_to(&self, out: &mut Vec<u8>) {
        write_members(self.iter(), write_string, out);
    }
}

/// Appends an object of these members, their names with `write_name`. The caller vouches for unique names.
pub(crate) fn write_members<'a, N>(
    members: impl Iterator<Item = (N, &'a Json)>,
    write_name: impl Fn(N, &mut Vec<u8>),
    out: &mut Vec<u8>,
) {
    out.push(b'{');
    for (position, (name, value)) in members.enumerate() {
        if position > 0 {
            out.push(b',');
        }
        write_name(name, out);
        out.push(b':');
        value.write_to(out);
    }
    out.push(b'}');
}

fn write_array(values: &[Json], out: &mut Vec<u8>) {
    out.push(b'[');
    for (position, value) in values.iter().enumerate() {
        if position > 0 {
            out.push(b',');
        }
        value.write_to(out);
    }
    out.push(b']');
}

/// Appends a string literal.
pub(crate) fn write_string(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    write_escaped(text, out);
    out.push(b'"');
}

/// Appends the inside of a string literal.
pub(crate) fn write_escaped(text: &str, out: &mut Vec<u8>) {
    if is_plain(text.as_bytes()) {
        return out.extend_from_slice(text.as_bytes());
    }
    for run in text.as_bytes().split_inclusive(|byte| is_escaped(*byte)) {
        match run.split_last() {
            Some((last, plain)) if is_escaped(*last) => {
                out.extend_from_slice(plain);
                write_escape(*last, out);
            }
            Some(_) | None => out.extend_from_slice(run),
        }
    }
}

/// True when nothing is to be escaped, which is the usual case: eight bytes at a time, because most strings are short. The
/// last eight may overlap the ones before.
pub(crate) fn is_plain(text: &[u8]) -> bool {
    const ONES: u64 = u64::MAX / 255;
    const HIGHS: u64 = ONES * 0x80;
    /// Not zero when a byte is below `bound`, which is at most 0x80.
    const fn below(word: u64, bound: u64) -> u64 {
        word.wrapping_sub(ONES * bound) & !word & HIGHS
    }
    let escaped = |bytes: &[u8; 8]| {
        let word = u64::from_le_bytes(*bytes);
        let (quote, backslash) = (word ^ (ONES * u64::from(b'"')), word ^ (ONES * u64::from(b'\\')));
        below(word, 0x20) | below(quote, 1) | below(backslash, 1)
    };
    let Some(last) = text.last_chunk::<8>() else { return !text.iter().copied().any(is_escaped) };
    text.as_chunks::<8>().0.iter().fold(escaped(last), |found, bytes| found | escaped(bytes)) == 0
}

const fn is_escaped(byte: u8) -> bool {
    matches!(byte, b'"' | b'\\' | 0..=0x1f)
}

fn write_escape(byte: u8, out: &mut Vec<u8>) {
    match byte {
        b'"' => out.extend_from_slice(b"\\\""),
        b'\\' => out.extend_from_slice(b"\\\\"),
        0x08 => out.extend_from_slice(b"\\b"),
        0x0c => out.extend_from_slice(b"\\f"),
        b'\n' => out.extend_from_slice(b"\\n"),
        b'\r' => out.extend_from_slice(b"\\r"),
        b'\t' => out.extend_from_slice(b"\\t"),
        control => {
            let hexadecimal = |nibble: u8| if nibble < 10 { b'0' + nibble } else { b'a' + (nibble - 10) };
            out.extend_from_slice(b"\\u00");
            out.extend_from_slice(&[hexadecimal(control >> 4), hexadecimal(control & 0xf)]);
        }
    }
}

impl fmt::Display for Json {
    /// Writes the compact text.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = Vec::new();
        self.write_to(&mut out);
        f.write_str(&String::from_utf8_lossy(&out))
    }
}
