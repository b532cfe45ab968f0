//! The normal path: one spelling for what is matched and what is forwarded (backend-jwt.md §4, RFC 3986 §6.2.2).
//!
//! Percent-encoded unreserved characters are decoded and hexadecimal digits upper-cased. Anything else that two parsers
//! could read differently is refused, so that a backend never serves another path than the one whose policy was applied.

use std::borrow::Cow;

/// What `%2F` inside a segment means to an API.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum EncodedSlash {
    /// Refused: the default.
    #[default]
    Refuse,
    /// Data inside a segment, forwarded as `%2F`.
    Allow,
}

/// An absolute path in its normal spelling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NormalPath<'a> {
    text: Cow<'a, str>,
    has_encoded_slash: bool,
}

/// Why a path has no normal spelling.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// Does not start with `/`.
    #[error("the path is not absolute")]
    NotAbsolute,
    /// `//`.
    #[error("the path has an empty segment")]
    EmptySegment,
    /// `.` or `..` in any spelling.
    #[error("the path has a dot segment")]
    DotSegment,
    /// A backslash, `#`, a control byte or a byte over 0x7F, plain or encoded.
    #[error("the path has a byte that parsers disagree about")]
    Ambiguous,
    /// `%` without two hexadecimal digits, or bytes that are not UTF-8.
    #[error("the path has a broken percent-encoding")]
    BrokenEncoding,
    /// A percent sign that is itself encoded.
    #[error("the path is encoded twice")]
    DoubleEncoding,
}

impl<'a> NormalPath<'a> {
    /// Normalises the path of a request target, without its query.
    ///
    /// Allocates only when the path has a percent sign.
    ///
    /// # Errors
    ///
    /// [`PathError`] where two parsers could read the path differently.
    pub fn parse(path: &'a str) -> Result<Self, PathError> {
        let bytes = path.as_bytes();
        if bytes.first() != Some(&b'/') {
            return Err(PathError::NotAbsolute);
        }
        // Every byte of every path comes through here: what is in it is gathered without a branch.
        let (mut found, mut after_slash, mut previous) = (0, 0, 0);
        for &byte in bytes {
            let sign = sign(byte);
            found |= sign;
            after_slash |= sign & previous >> AFTER;
            previous = sign;
        }
        if found & AMBIGUOUS != 0 {
            return Err(PathError::Ambiguous);
        }
        if after_slash & SLASH != 0 {
            return Err(PathError::EmptySegment);
        }
        let is_encoded = found & PERCENT != 0;
        let (text, has_encoded_slash) = if is_encoded { decode(bytes)? } else { (Cow::Borrowed(path), false) };
        if (is_encoded || after_slash & DOT != 0) && has_dot_segment(&text, has_encoded_slash) {
            return Err(PathError::DotSegment);
        }
        Ok(Self { text, has_encoded_slash })
    }

    /// Returns the path.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// True when a segment holds `%2F`: only an API that says [`EncodedSlash::Allow`] takes it.
    pub fn has_encoded_slash(&self) -> bool {
        self.has_encoded_slash
    }
}

// What a byte of a path may be: a sign each.
const SLASH: u8 = 1;
const DOT: u8 = 1 << 1;
const PERCENT: u8 = 1 << 2;
const AMBIGUOUS: u8 = 1 << 3;
/// Where a sign says which others matter right after it.
const AFTER: u8 = 4;

/// The sign of each byte; 0: nothing special.
#[expect(clippy::indexing_slicing, reason = "computed by the compiler, which would refuse an index out of bounds")]
const SIGNS: [u8; 256] = {
    let mut signs = [AMBIGUOUS; 256];
    let mut byte = 0x21;
    while byte < 0x7f {
        signs[byte] = 0;
        byte += 1;
    }
    signs[b'/' as usize] = SLASH | (SLASH | DOT) << AFTER;
    signs[b'.' as usize] = DOT;
    signs[b'%' as usize] = PERCENT;
    signs[b'\\' as usize] = AMBIGUOUS;
    signs[b'#' as usize] = AMBIGUOUS;
    signs[b'?' as usize] = AMBIGUOUS;
    signs
};

fn sign(byte: u8) -> u8 {
    SIGNS.get(usize::from(byte)).copied().unwrap_or(AMBIGUOUS)
}

/// True where a backend would find a dot segment, also one that decodes `%2F` first.
fn has_dot_segment(path: &str, has_encoded_slash: bool) -> bool {
    path.split('/').any(|segment| {
        if has_encoded_slash { segment.split("%2F").any(is_dot_segment) } else { is_dot_segment(segment) }
    })
}

/// True for `.` and `..`, also before a path parameter (`..;x`, `..%3Bx`).
fn is_dot_segment(segment: &str) -> bool {
    let name = segment.split(';').next().unwrap_or_default();
    let name = name.split("%3B").next().unwrap_or_default();
    name == "." || name == ".."
}

/// Decodes unreserved characters and upper-cases the rest; tells whether an encoded slash remains.
fn decode(bytes: &[u8]) -> Result<(Cow<'static, str>, bool), PathError> {
    let mut text = Vec::with_capacity(bytes.len());
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut has_slash = false;
    let mut rest = bytes;
    while let [byte, tail @ ..] = rest {
        rest = tail;
        if *byte != b'%' {
            text.push(*byte);
            decoded.push(*byte);
            continue;
        }
        let [high, low, tail @ ..] = rest else { return Err(PathError::BrokenEncoding) };
        rest = tail;
        let value = hex(*high)? << 4 | hex(*low)?;
        decoded.push(value);
        match value {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => text.push(value),
            0..=0x1f | 0x7f | b'\\' => return Err(PathError::Ambiguous),
            _ => {
                has_slash |= value == b'/';
                text.extend([b'%', high.to_ascii_uppercase(), low.to_ascii_uppercase()]);
            }
        }
    }
    if std::str::from_utf8(&decoded).is_err() {
        return Err(PathError::BrokenEncoding);
    }
    let text = String::from_utf8(text).map_err(|_| PathError::BrokenEncoding)?;
    if is_encoded_twice(text.as_bytes()) {
        return Err(PathError::DoubleEncoding);
    }
    Ok((Cow::Owned(text), has_slash))
}

/// True where `%25` stands before two hexadecimal digits: a second decoding would find another character.
fn is_encoded_twice(text: &[u8]) -> bool {
    text.windows(5).any(
        |window| matches!(window, [b'%', b'2', b'5', high, low] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit()),
    )
}

fn hex(digit: u8) -> Result<u8, PathError> {
    match digit {
        b'0'..=b'9' => Ok(digit - b'0'),
        b'a'..=b'f' => Ok(digit - b'a' + 10),
        b'A'..=b'F' => Ok(digit - b'A' + 10),
        _ => Err(PathError::BrokenEncoding),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(path: &str, expected: Result<&str, PathError>) {
        assert_eq!(
            NormalPath::parse(path).as_ref().map(NormalPath::as_str).map_err(|error| *error),
            expected,
            "{path}"
        );
    }

    #[test]
    fn plain_paths_stay_as_they_are() {
        for path in ["/", "/orders/1.0/items", "/a/", "/a;v=1/b", "/...", "/.well-known/x", "/a.b/c..d"] {
            check(path, Ok(path));
        }
    }

    #[test]
    fn unreserved_characters_are_decoded_and_digits_upper_cased() {
        check("/%6frders/1", Ok("/orders/1"));
        check("/a%20b%c3%a9", Ok("/a%20b%C3%A9"));
        check("/100%25", Ok("/100%25"));
    }

    #[test]
    fn what_parsers_disagree_about_is_refused() {
        for (path, error) in [
            ("orders", PathError::NotAbsolute),
            ("*", PathError::NotAbsolute),
            ("//orders", PathError::EmptySegment),
            ("/a/../b", PathError::DotSegment),
            ("/a/%2e%2e/b", PathError::DotSegment),
            ("/a/..;/b", PathError::DotSegment),
            ("/a/.%2E%3bx/b", PathError::DotSegment),
            ("/a/.", PathError::DotSegment),
            ("/a\\b", PathError::Ambiguous),
            ("/a%5cb", PathError::Ambiguous),
            ("/a%00", PathError::Ambiguous),
            ("/a%0a", PathError::Ambiguous),
            ("/a#b", PathError::Ambiguous),
            ("/é", PathError::Ambiguous),
            ("/a%", PathError::BrokenEncoding),
            ("/a%2", PathError::BrokenEncoding),
            ("/a%u0061", PathError::BrokenEncoding),
            ("/a%c0%ae", PathError::BrokenEncoding),
            ("/%2561dmin", PathError::DoubleEncoding),
            ("/%25%36%31", PathError::DoubleEncoding),
        ] {
            check(path, Err(error));
        }
    }

    #[test]
    fn an_encoded_slash_is_reported() {
        let path = NormalPath::parse("/a%2fb").unwrap();
        assert!(path.has_encoded_slash());
        assert_eq!(path.as_str(), "/a%2Fb");
    }

    proptest! {
        #[test]
        fn a_normal_path_is_its_own_normal_form(path in "/[a-z%0-9A-F/.;~]{0,24}") {
            if let Ok(normal) = NormalPath::parse(&path) {
                let again = NormalPath::parse(normal.as_str()).unwrap();
                prop_assert_eq!(again.as_str(), normal.as_str());
            }
        }

        #[test]
        fn no_path_panics(path in "\\PC*") {
            let _ = NormalPath::parse(&path);
        }
    }
}
