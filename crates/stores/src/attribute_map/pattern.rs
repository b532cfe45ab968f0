//! `keep` patterns: of many values, those that a store lets out.

use claims::Json;

/// A text in which `*` stands for any run of characters, also none. Case counts; nothing else is special.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Pattern(Box<str>);

impl Pattern {
    /// Makes a pattern; every text is one.
    pub fn new(text: impl Into<Box<str>>) -> Self {
        Self(text.into())
    }

    /// True when the whole of `text` matches. Takes O(pattern × text) time at worst.
    pub fn matches(&self, text: &str) -> bool {
        let mut pieces = self.0.split('*');
        let first = pieces.next().unwrap_or_default();
        let Some(last) = pieces.next_back() else { return first == text };
        let Some(rest) = text.strip_prefix(first).and_then(|rest| rest.strip_suffix(last)) else { return false };
        // The leftmost place for each piece leaves the most room for the next ones, so that no other need be tried.
        pieces.try_fold(rest, |rest, piece| rest.split_once(piece).map(|(_, rest)| rest)).is_some()
    }

    /// True when the value's text matches: a string's, a number's digits, `true`, `false`. Nothing else matches.
    pub(crate) fn keeps(&self, value: &Json) -> bool {
        match value {
            Json::String(text) => self.matches(text),
            Json::Number(number) => self.matches(&number.text()),
            Json::Bool(true) => self.matches("true"),
            Json::Bool(false) => self.matches("false"),
            Json::Null | Json::Array(_) | Json::Object(_) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(pattern: &str, matching: &[&str], others: &[&str]) {
        let pattern = Pattern::new(pattern);
        for text in matching {
            assert!(pattern.matches(text), "{pattern:?} matches {text}");
        }
        for text in others {
            assert!(!pattern.matches(text), "{pattern:?} does not match {text}");
        }
    }

    #[test]
    fn a_star_stands_for_any_run() {
        check("orders-*", &["orders-", "orders-read"], &["orders", "Orders-read", "x-orders-read"]);
        check("*-admin", &["-admin", "orders-admin"], &["orders-admins"]);
        check("a*b*c", &["abc", "aXbYc", "abbcc"], &["ab", "acb", "abcd"]);
        check("*", &["", "anything"], &[]);
        check("ab*ba", &["abba", "ab-ba"], &["aba"]);
    }

    #[test]
    fn without_a_star_only_the_same_text_matches() {
        check("admin", &["admin"], &["admins", "Admin", ""]);
        check("a.c[d]?", &["a.c[d]?"], &["abcd"]);
    }

    proptest! {
        #[test]
        fn every_text_matches_itself_with_any_run_replaced(head in ".{0,8}", run in ".{0,8}", tail in ".{0,8}") {
            prop_assume!(!head.contains('*') && !tail.contains('*'));
            let pattern = Pattern::new(format!("{head}*{tail}"));
            let text = format!("{head}{run}{tail}");
            prop_assert!(pattern.matches(&text));
        }

        #[test]
        fn it_agrees_with_the_plain_definition(pattern in "[ab*]{0,6}", text in "[ab]{0,8}") {
            prop_assert_eq!(Pattern::new(&*pattern).matches(&text), plainly(pattern.as_bytes(), text.as_bytes()));
        }
    }

    /// The definition, character by character.
    fn plainly(pattern: &[u8], text: &[u8]) -> bool {
        match (pattern, text) {
            ([], []) => true,
            ([b'*', rest @ ..], _) => plainly(rest, text) || matches!(text, [_, t @ ..] if plainly(pattern, t)),
            ([p, rest @ ..], [t, texts @ ..]) => p == t && plainly(rest, texts),
            (_, []) | ([], _) => false,
        }
    }
}
