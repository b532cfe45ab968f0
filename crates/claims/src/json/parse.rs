//! The strict reader (RFC 8259): one pass over UTF-8 text, recursive to a fixed depth.

use super::{Json, JsonError, Number, Object, number};

/// Reads exactly one JSON text.
pub(super) fn parse(bytes: &[u8]) -> Result<Json, JsonError> {
    let text = str::from_utf8(bytes).map_err(|error| JsonError::Malformed(error.valid_up_to()))?;
    let mut parser = Parser { text, bytes, at: 0 };
    parser.skip_white_space();
    let json = parser.value(0)?;
    parser.skip_white_space();
    if parser.at == bytes.len() { Ok(json) } else { Err(parser.malformed()) }
}

/// A position in a text.
// INVARIANT: `bytes` are those of `text`, and `at` is on a character boundary whenever a slice is taken.
struct Parser<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Parser<'a> {
    fn malformed(&self) -> JsonError {
        JsonError::Malformed(self.at)
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn skip_white_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    /// Takes `byte` if it is next.
    fn take(&mut self, byte: u8) -> bool {
        let is_next = self.peek() == Some(byte);
        self.at += usize::from(is_next);
        is_next
    }

    fn expect(&mut self, byte: u8) -> Result<(), JsonError> {
        if self.take(byte) { Ok(()) } else { Err(self.malformed()) }
    }

    fn slice(&self, start: usize, end: usize) -> Result<&'a str, JsonError> {
        self.text.get(start..end).ok_or(JsonError::Malformed(start))
    }

    /// Reads a value inside `depth` arrays and objects.
    fn value(&mut self, depth: usize) -> Result<Json, JsonError> {
        match self.peek() {
            Some(b'"') => Ok(Json::String(self.string()?)),
            Some(b'{') => self.object(self.deeper(depth)?),
            Some(b'[') => self.array(self.deeper(depth)?),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.literal("true", Json::Bool(true)),
            Some(b'f') => self.literal("false", Json::Bool(false)),
            Some(b'n') => self.literal("null", Json::Null),
            _ => Err(self.malformed()),
        }
    }

    fn deeper(&self, depth: usize) -> Result<usize, JsonError> {
        if depth < Json::MAX_DEPTH { Ok(depth + 1) } else { Err(JsonError::TooDeep(self.at)) }
    }

    fn literal(&mut self, word: &str, json: Json) -> Result<Json, JsonError> {
        if self.bytes.get(self.at..).is_some_and(|rest| rest.starts_with(word.as_bytes())) {
            self.at += word.len();
            Ok(json)
        } else {
            Err(self.malformed())
        }
    }

    fn number(&mut self) -> Result<Json, JsonError> {
        let start = self.at;
        self.at = number::scan(self.bytes, start)?;
        Ok(Json::Number(Number::from_scanned(self.slice(start, self.at)?)))
    }

    fn array(&mut self, depth: usize) -> Result<Json, JsonError> {
        self.expect(b'[')?;
        let mut values = Vec::new();
        self.skip_white_space();
        if self.take(b']') {
            return Ok(Json::Array(values));
        }
        loop {
            self.skip_white_space();
            values.push(self.value(depth)?);
            self.skip_white_space();
            if self.take(b']') {
                return Ok(Json::Array(values));
            }
            self.expect(b',')?;
        }
    }

    fn object(&mut self, depth: usize) -> Result<Json, JsonError> {
        self.expect(b'{')?;
        let mut members = Vec::new();
        self.skip_white_space();
        if self.take(b'}') {
            return Ok(Json::Object(Object(members)));
        }
        loop {
            self.skip_white_space();
            let name = self.string()?;
            self.skip_white_space();
            self.expect(b':')?;
            self.skip_white_space();
            members.push((name, self.value(depth)?));
            self.skip_white_space();
            if self.take(b'}') {
                break;
            }
            self.expect(b',')?;
        }
        if has_duplicate(&members) { Err(JsonError::Duplicate(self.at)) } else { Ok(Json::Object(Object(members))) }
    }

    /// Reads a string: runs of plain text are copied whole, escapes one by one.
    fn string(&mut self) -> Result<Box<str>, JsonError> {
        self.expect(b'"')?;
        let mut unescaped = String::new();
        loop {
            let start = self.at;
            self.skip_plain_text();
            let run = self.slice(start, self.at)?;
            match self.peek() {
                Some(b'"') if unescaped.is_empty() => {
                    self.at += 1;
                    return Ok(run.into());
                }
                Some(b'"') => {
                    self.at += 1;
                    unescaped.push_str(run);
                    return Ok(unescaped.into());
                }
                Some(b'\\') => {
                    unescaped.push_str(run);
                    unescaped.push(self.escape()?);
                }
                _ => return Err(self.malformed()),
            }
        }
    }

    /// Stops at a quote, a backslash, a control byte or the end.
    fn skip_plain_text(&mut self) {
        let rest = self.bytes.iter().skip(self.at);
        self.at += rest.take_while(|byte| !matches!(byte, b'"' | b'\\' | 0..=0x1f)).count();
    }

    fn escape(&mut self) -> Result<char, JsonError> {
        self.expect(b'\\')?;
        let escaped = match self.peek() {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode_escape(),
            _ => return Err(self.malformed()),
        };
        self.at += 1;
        Ok(escaped)
    }

    /// Reads `uXXXX`, or a surrogate pair; a surrogate without its partner is malformed (RFC 8259 §8.2).
    fn unicode_escape(&mut self) -> Result<char, JsonError> {
        let start = self.at;
        let first = self.code_unit()?;
        let second = match first {
            0xd800..=0xdbff => {
                self.expect(b'\\')?;
                Some(self.code_unit()?)
            }
            _ => None,
        };
        let mut decoded = char::decode_utf16([first].into_iter().chain(second));
        match decoded.next() {
            Some(Ok(character)) => Ok(character),
            Some(Err(_)) | None => Err(JsonError::Malformed(start)),
        }
    }

    fn code_unit(&mut self) -> Result<u16, JsonError> {
        self.expect(b'u')?;
        let mut unit = 0;
        for _ in 0..4 {
            let digit = self.peek().and_then(|byte| char::from(byte).to_digit(16)).ok_or(self.malformed())?;
            unit = unit * 16 + digit;
            self.at += 1;
        }
        u16::try_from(unit).map_err(|_| self.malformed())
    }
}

/// True when two members have one name. O(n log n).
fn has_duplicate(members: &[(Box<str>, Json)]) -> bool {
    let mut names: Vec<&str> = members.iter().map(|(name, _)| &**name).collect();
    names.sort_unstable();
    names.windows(2).any(|pair| matches!(pair, [first, second] if first == second))
}
