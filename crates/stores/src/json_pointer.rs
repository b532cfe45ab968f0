//! JSON pointers (RFC 6901): which part of an answer an attribute is.

use claims::Json;

use crate::attribute_map::values_of;

/// A pointer such as `/profile/emails/0/address`; the empty one is the whole.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct JsonPointer(Box<[Box<str>]>);

/// Why a text is no pointer: the operator must act.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JsonPointerError {
    /// It begins with something else than a slash.
    #[error("a JSON pointer begins with `/`")]
    NoSlash,
    /// `~` without `0` or `1` behind it.
    #[error("at character {0}: `~` must be followed by `0` or `1`")]
    Tilde(usize),
}

impl JsonPointer {
    /// Reads a pointer.
    ///
    /// # Errors
    ///
    /// [`JsonPointerError`]
    pub fn parse(text: &str) -> Result<Self, JsonPointerError> {
        if text.is_empty() {
            return Ok(Self::default());
        }
        let rest = text.strip_prefix('/').ok_or(JsonPointerError::NoSlash)?;
        let mut before = ' ';
        for (place, character) in text.chars().chain([' ']).enumerate() {
            if before == '~' && !matches!(character, '0' | '1') {
                return Err(JsonPointerError::Tilde(place));
            }
            before = character;
        }
        // The order matters: `~01` is `~1`.
        Ok(Self(rest.split('/').map(|token| token.replace("~1", "/").replace("~0", "~").into()).collect()))
    }

    /// Makes a pointer to a member of the whole.
    pub fn member(name: &str) -> Self {
        Self([Box::from(name)].into())
    }

    /// True when it leads through the whole's member of that name.
    pub(crate) fn is_within(&self, member: &str) -> bool {
        self.0.first().is_none_or(|first| **first == *member)
    }

    /// Returns what it points to; `None`: nothing is there.
    pub fn find<'j>(&self, json: &'j Json) -> Option<&'j Json> {
        self.0.iter().try_fold(json, |json, token| match json {
            Json::Object(object) => object.get(token),
            Json::Array(values) => values.get(index(token)?),
            Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => None,
        })
    }

    /// Returns the values there: those of an array, or one; none where nothing is there.
    pub(crate) fn values(&self, json: &Json) -> Vec<Json> {
        self.find(json).cloned().map(values_of).unwrap_or_default()
    }
}

/// Reads an index: digits without a leading zero.
fn index(token: &str) -> Option<usize> {
    let is_index = token == "0" || !token.starts_with('0') && token.bytes().all(|byte| byte.is_ascii_digit());
    token.parse().ok().filter(|_| is_index)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_the_standard_hold() {
        // RFC 6901 §5
        let json = r#"{"foo":["bar","baz"],"":0,"a/b":1,"c%d":2,"e^f":3,"g|h":4,"i\\j":5,"k\"l":6," ":7,"m~n":8}"#;
        let json = Json::parse(json.as_bytes()).unwrap();
        let check = |pointer: &str, expected: &str| {
            let found = JsonPointer::parse(pointer).unwrap().find(&json).map(ToString::to_string);
            assert_eq!(found.as_deref(), Some(expected), "{pointer}");
        };
        check("", &json.to_string());
        check("/foo", r#"["bar","baz"]"#);
        check("/foo/0", "\"bar\"");
        let members = ["/", "/a~1b", "/c%d", "/e^f", "/g|h", "/i\\j", "/k\"l", "/ ", "/m~0n"];
        members.iter().enumerate().for_each(|(number, pointer)| check(pointer, &number.to_string()));
        for pointer in ["/bar", "/foo/2", "/foo/00", "/foo/-", "/foo/+1", "/foo/bar", "/foo/0/x", "/m~01n"] {
            assert_eq!(JsonPointer::parse(pointer).unwrap().find(&json), None, "{pointer}");
        }
    }

    #[test]
    fn what_is_no_pointer_is_refused() {
        assert_eq!(JsonPointer::parse("foo"), Err(JsonPointerError::NoSlash));
        assert_eq!(JsonPointer::parse("/a~"), Err(JsonPointerError::Tilde(3)));
        assert_eq!(JsonPointer::parse("/a~2b"), Err(JsonPointerError::Tilde(3)));
    }
}
