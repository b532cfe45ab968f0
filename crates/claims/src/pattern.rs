//! Patterns of names and values: `*` matches any run of characters, everything else itself.

use std::borrow::Cow;

/// True when the whole text matches. Case-sensitive; O(pattern × text).
pub(crate) fn matches(pattern: &str, text: &str) -> bool {
    let mut runs = pattern.split('*');
    let first = runs.next().unwrap_or_default();
    let Some(rest) = text.strip_prefix(first) else { return false };
    let Some(last) = runs.next_back() else { return rest.is_empty() };
    let Some(mut middle) = rest.strip_suffix(last) else { return false };
    // The earliest match of each run leaves the most for those that follow.
    runs.all(|run| {
        let found = middle.split_once(run);
        middle = found.map_or(middle, |(_, after)| after);
        found.is_some()
    })
}

/// True when the whole name matches, whatever its case and punctuation: `user_password` is `userPassword`.
pub(crate) fn matches_loosely(pattern: &str, name: &str) -> bool {
    matches(&plain(pattern), &plain(name))
}

/// Returns the letters in lower case, the digits and the stars.
fn plain(text: &str) -> Cow<'_, str> {
    let is_plain = |character: char| character.is_alphanumeric() || character == '*';
    if text.chars().all(|character| is_plain(character) && !character.is_uppercase()) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().filter(|character| is_plain(*character)).flat_map(char::to_lowercase).collect())
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
        assert!(matches_loosely("userPassword", "USER_password"));
        assert!(matches_loosely("*totp*", "identity/TOTP-Key"));
        assert!(!matches_loosely("accountlocked", "account"));
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
