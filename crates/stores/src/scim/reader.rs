//! The tokens of SCIM's paths and filters (RFC 7644 §3.4.2.2 and §3.5.2), and where in the text a mistake is.

use claims::Json;

/// Why a path or filter cannot be read: the operator must act.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("at character {at}: {problem}")]
pub struct ScimSyntaxError {
    /// Which character of the text, counted from 1.
    pub at: usize,
    /// What is wrong there.
    pub problem: ScimSyntaxProblem,
}

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScimSyntaxProblem {
    /// Something else was expected.
    #[error("expected {0}")]
    Expected(&'static str),
    /// The text goes on where it should end.
    #[error("more than expected")]
    Trailing,
    /// More parentheses within one another than anybody needs.
    #[error("nested too deeply")]
    TooDeep,
    /// `gt`, `ge`, `lt` and `le` have no place in a path: what they compare is the server's business.
    #[error("`gt`, `ge`, `lt` and `le` are not supported in a path")]
    Ordering,
    /// A filter without the user would find the same for everybody.
    #[error("the filter has no `{{user}}` in a quoted text")]
    NoUser,
    /// With `userMatch: exact` the name must be compared as a whole.
    #[error("`userMatch: exact` needs a comparison such as `userName eq \"{{user}}\"`")]
    NoExact,
}

/// A text that is read from its beginning.
#[derive(Clone, Copy)]
pub(super) struct Reader<'t> {
    whole: &'t str,
    rest: &'t str,
}

impl<'t> Reader<'t> {
    pub(super) const fn new(text: &'t str) -> Self {
        Self { whole: text, rest: text }
    }

    /// Returns a complaint about the present place.
    pub(super) fn complain(&self, problem: ScimSyntaxProblem) -> ScimSyntaxError {
        let read = self.whole.len() - self.rest.len();
        let at = self.whole.get(..read).unwrap_or_default().chars().count() + 1;
        ScimSyntaxError { at, problem }
    }

    pub(super) fn expected(&self, what: &'static str) -> ScimSyntaxError {
        self.complain(ScimSyntaxProblem::Expected(what))
    }

    pub(super) fn skip_spaces(&mut self) {
        self.rest = self.rest.trim_start_matches(' ');
    }

    /// Takes one character if it is there.
    pub(super) fn take(&mut self, character: char) -> bool {
        match self.rest.strip_prefix(character) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    /// Takes a word (`and`, `eq` …) in any case, if it is the next one and ends there.
    pub(super) fn take_word(&mut self, word: &str) -> bool {
        let Some((next, rest)) = self.rest.split_at_checked(word.len()) else { return false };
        let ends = !rest.starts_with(is_name_character);
        if ends && next.eq_ignore_ascii_case(word) {
            self.rest = rest;
            return true;
        }
        false
    }

    /// Takes an attribute's name: `ALPHA *(ALPHA / DIGIT / "-" / "_")`, and `$ref`.
    pub(super) fn name(&mut self) -> Result<&'t str, ScimSyntaxError> {
        let length = self.rest.find(|character| !is_name_character(character)).unwrap_or(self.rest.len());
        let (name, rest) = self.rest.split_at_checked(length).unwrap_or_default();
        if !name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '$') {
            return Err(self.expected("the name of an attribute"));
        }
        self.rest = rest;
        Ok(name)
    }

    /// Takes a schema's URN and the colon after it, if there is one: all up to the last colon of the next word.
    pub(super) fn schema(&mut self) -> Option<&'t str> {
        let is_urn = self.rest.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("urn:"));
        let word = self.rest.split(['[', ' ', ']', '(', ')', '"']).next().filter(|_| is_urn)?;
        let (schema, _) = word.rsplit_once(':')?;
        self.rest = self.rest.get(schema.len() + 1..)?;
        Some(schema)
    }

    /// Takes a JSON string, number, `true`, `false` or `null` (RFC 7644 §3.4.2.2, `compValue`).
    pub(super) fn value(&mut self) -> Result<Json, ScimSyntaxError> {
        const EXPECTED: &str = "a text in double quotes, a number, `true`, `false` or `null`";
        let length = if self.rest.starts_with('"') {
            self.string_length().ok_or_else(|| self.expected("the closing double quote"))?
        } else {
            self.rest.find([' ', ')', ']']).unwrap_or(self.rest.len())
        };
        let (value, rest) = self.rest.split_at_checked(length).unwrap_or_default();
        match Json::parse(value.as_bytes()) {
            Ok(Json::Array(_) | Json::Object(_)) | Err(_) => Err(self.expected(EXPECTED)),
            Ok(json) => {
                self.rest = rest;
                Ok(json)
            }
        }
    }

    /// Returns how long the JSON string is that the rest begins with, quotes included.
    fn string_length(&self) -> Option<usize> {
        let mut is_escaped = false;
        for (place, byte) in self.rest.bytes().enumerate().skip(1) {
            match byte {
                _ if is_escaped => is_escaped = false,
                b'\\' => is_escaped = true,
                b'"' => return Some(place + 1),
                _ => {}
            }
        }
        None
    }

    /// Makes sure that nothing is left.
    pub(super) fn end(mut self) -> Result<(), ScimSyntaxError> {
        self.skip_spaces();
        if self.rest.is_empty() { Ok(()) } else { Err(self.complain(ScimSyntaxProblem::Trailing)) }
    }
}

fn is_name_character(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '_' | '-' | '$')
}
