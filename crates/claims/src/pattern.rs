//! Patterns of names and values: `*` matches any run of characters, everything else itself.

use std::borrow::Cow;

/// True when the whole text matches. Case-sensitive; O(pattern × text).
pub(crate) fn matches(pattern: &str, text: &str) -> bool {
    let mut runs = pattern.as_bytes().split(|byte| *byte == b'*');
    let first = runs.next().unwrap_or_default();
    let Some(rest) = text.as_bytes().strip_prefix(first) else { return false };
    let Some(last) = runs.next_back() else { return rest.is_empty() };
    let Some(mut middle) = rest.strip_suffix(last) else { return false };
    // The earliest match of each run leaves the most for those that follow.
    runs.all(|run| {
        let found = after(middle, run);
        middle = found.unwrap_or(middle);
        found.is_some()
    })
}

/// Returns what follows the first occurrence of a run. A plain loop: texts are short, and a searcher costs more to set up.
fn after<'a>(text: &'a [u8], run: &[u8]) -> Option<&'a [u8]> {
    let Some((first, others)) = run.split_first() else { return Some(text) };
    let mut rest = text;
    while let Some((byte, after)) = rest.split_first() {
        if byte == first && after.starts_with(others) {
            return after.get(others.len()..);
        }
        rest = after;
    }
    None
}

/// A name without case and punctuation: `user_password` and `userPassword` are one.
#[derive(Debug)]
pub(crate) struct PlainName<'a>(Cow<'a, str>);

impl<'a> PlainName<'a> {
    pub(crate) fn new(name: &'a str) -> Self {
        Self(plain(name))
    }

    /// True when the whole name matches, whatever the pattern's case and punctuation.
    pub(crate) fn matches(&self, pattern: &str) -> bool {
        matches(&plain(pattern), &self.0)
    }
}

/// Returns the letters in lower case, the digits and the stars.
fn plain(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'*') {
        return Cow::Borrowed(text);
    }
    let is_plain = |character: &char| character.is_alphanumeric() || *character == '*';
    Cow::Owned(text.chars().filter(is_plain).flat_map(char::to_lowercase).collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(pattern: &str, matching: &[&str], other: &[&str]) {
        assert!(matching.iter().all(|text| matches(pattern, text)), "{pattern} {matching:?}");
        assert!(!other.iter().any(|text| matches(pattern, text)), "{pattern} {other:?}");
    }

    #[test]
    fn a_star_matches_any_run() {
        check("orders-*", &["orders-", "orders-read"], &["orders", "x-orders-read", "Orders-read"]);
        check("*secret*", &["secret", "a secret b"], &["secre"]);
        check("a*b*c", &["abc", "aXbYc", "abbc", "abcbc"], &["ac", "acb", "abcd"]);
        check("*", &["", "x"], &[]);
        check("", &[""], &["x"]);
        check("a*a", &["aa", "aba"], &["a"]);
        check("a**", &["a", "ab"], &["b"]);
    }

    #[test]
    fn names_match_whatever_their_case_and_punctuation() {
        assert!(PlainName::new("USER_password").matches("userPassword"));
        assert!(PlainName::new("identity/TOTP-Key").matches("*totp*"));
        assert!(!PlainName::new("account").matches("accountlocked"));
    }

    /// The definition, at exponential cost.
    fn slowly(pattern: &[u8], text: &[u8]) -> bool {
        match (pattern.split_first(), text.split_first()) {
            (None, _) => text.is_empty(),
            (Some((b'*', pattern)), _) => (0..=text.len()).any(|skip| slowly(pattern, &text[skip..])),
            (Some((first, pattern)), Some((byte, text))) => first == byte && slowly(pattern, text),
            (Some(_), None) => false,
        }
    }

    proptest! {
        #[test]
        fn patterns_match_as_defined(pattern in "[ab*]{0,8}", text in "[ab]{0,8}") {
            prop_assert_eq!(matches(&pattern, &text), slowly(pattern.as_bytes(), text.as_bytes()));
        }
    }
}
