//! Percent-encoding of what goes into an address from outside (RFC 3986 §2.1).

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// All but the unreserved characters (RFC 3986 §2.3).
const RESERVED: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Encodes a text for any part of an address: nothing in it keeps a meaning of its own.
pub(crate) fn encoded(text: &str) -> String {
    utf8_percent_encode(text, &RESERVED).to_string()
}

/// True for a text that can be one segment of a path. Encoding is not enough: `.` and `..` are taken for steps even when
/// they are encoded, and a slash is a slash again behind many a proxy.
pub(crate) fn is_segment(text: &str) -> bool {
    !matches!(text, "" | "." | "..") && !text.contains(['/', '\\', '\0'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_keeps_a_meaning_of_its_own() {
        assert_eq!(encoded("aZ09-._~"), "aZ09-._~");
        assert_eq!(encoded("a b&c=d#e%2e?f/g@h:i+j\r\n'\""), "a%20b%26c%3Dd%23e%252e%3Ff%2Fg%40h%3Ai%2Bj%0D%0A%27%22");
        assert_eq!(encoded("é😀"), "%C3%A9%F0%9F%98%80");
    }

    #[test]
    fn steps_and_slashes_are_no_segment() {
        for text in ["", ".", "..", "a/b", "a\\b", "a\0"] {
            assert!(!is_segment(text), "{text:?}");
        }
        for text in ["a", "...", "%2e%2e", "a b", "2819c223-7f76-453a-919d-413861904646"] {
            assert!(is_segment(text), "{text:?}");
        }
    }
}
