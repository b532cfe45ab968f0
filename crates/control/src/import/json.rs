//! JSON text (RFC 8259) to the same tree as YAML, with places.
//!
//! YAML's reader takes most JSON, but not all of it: not `\/`, no surrogate pairs, no tabs as indentation. Strings and
//! numbers are `serde_json`'s to read; here is only what gives each its place.

use gateway::yaml::{Entry, Node, NodeKind, Place, Scalar, Style};

/// How many collections may lie inside one another.
const MAX_DEPTH: usize = 128;

/// The text is not JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NotJson;

/// Reads one JSON text.
pub(super) fn parse(text: &str) -> Result<Node, NotJson> {
    let text_without_mark = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader = Reader { text: text_without_mark, at: 0, line: 1, column: 1, counted: 0 };
    let root = reader.value(0)?;
    reader.skip_space();
    if reader.rest().is_empty() { Ok(root) } else { Err(NotJson) }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    line: u32,
    column: u32,
    /// Up to where characters have been counted into `column`.
    counted: usize,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn next(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while let Some(byte) = self.next().filter(u8::is_ascii_whitespace) {
            self.at += 1;
            if byte == b'\n' {
                self.line += 1;
                self.column = 1;
                self.counted = self.at;
            }
        }
    }

    /// The place of what stands here.
    fn place(&mut self, length: usize) -> Place {
        let number = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
        let passed = self.text.get(self.counted..self.at).unwrap_or_default().chars().count();
        self.column = self.column.saturating_add(number(passed));
        self.counted = self.at;
        Place { line: self.line, column: self.column, offset: number(self.at), length: number(length) }
    }

    fn take(&mut self, byte: u8) -> Result<(), NotJson> {
        self.skip_space();
        if self.next() != Some(byte) {
            return Err(NotJson);
        }
        self.at += 1;
        Ok(())
    }

    fn is_at(&mut self, byte: u8) -> bool {
        self.skip_space();
        self.next() == Some(byte)
    }

    fn value(&mut self, depth: usize) -> Result<Node, NotJson> {
        if depth > MAX_DEPTH {
            return Err(NotJson);
        }
        self.skip_space();
        match self.next() {
            Some(b'{') => self.object(depth),
            Some(b'[') => self.array(depth),
            Some(b'"') => {
                let length = self.string_length()?;
                let place = self.place(length);
                let text = self.string()?;
                Ok(Node::new(place, NodeKind::Scalar(Scalar { text, style: Style::Text })))
            }
            Some(_) => self.word(),
            None => Err(NotJson),
        }
    }

    fn object(&mut self, depth: usize) -> Result<Node, NotJson> {
        let place = self.place(1);
        self.take(b'{')?;
        let mut entries: Vec<Entry> = Vec::new();
        while !self.is_at(b'}') {
            if !entries.is_empty() {
                self.take(b',')?;
                self.skip_space();
            }
            let key_length = self.string_length()?;
            let key_place = self.place(key_length);
            let key = self.string()?;
            self.take(b':')?;
            let value = self.value(depth + 1)?;
            entries.push(Entry { key, place: key_place, value });
        }
        self.take(b'}')?;
        Ok(Node::new(place, NodeKind::Mapping(entries)))
    }

    fn array(&mut self, depth: usize) -> Result<Node, NotJson> {
        let place = self.place(1);
        self.take(b'[')?;
        let mut items: Vec<Node> = Vec::new();
        while !self.is_at(b']') {
            if !items.is_empty() {
                self.take(b',')?;
            }
            items.push(self.value(depth + 1)?);
        }
        self.take(b']')?;
        Ok(Node::new(place, NodeKind::Sequence(items)))
    }

    /// The length of the string that begins here, quotes included.
    fn string_length(&self) -> Result<usize, NotJson> {
        let mut is_escaped = false;
        let bytes = self.rest().bytes().enumerate();
        for (offset, byte) in bytes {
            match byte {
                _ if offset == 0 && byte != b'"' => return Err(NotJson),
                _ if offset == 0 => {}
                _ if is_escaped => is_escaped = false,
                b'\\' => is_escaped = true,
                b'"' => return Ok(offset + 1),
                _ => {}
            }
        }
        Err(NotJson)
    }

    fn string(&mut self) -> Result<String, NotJson> {
        let length = self.string_length()?;
        let written = self.rest().get(..length).ok_or(NotJson)?;
        self.at += length;
        serde_json::from_str(written).map_err(|_| NotJson)
    }

    /// A number, `true`, `false` or `null`.
    fn word(&mut self) -> Result<Node, NotJson> {
        let rest = self.rest();
        let end =
            rest.find(|character: char| !character.is_ascii_alphanumeric() && !matches!(character, '+' | '-' | '.'));
        let written = rest.get(..end.unwrap_or(rest.len())).ok_or(NotJson)?;
        serde_json::from_str::<serde_json::Value>(written).map_err(|_| NotJson)?;
        let place = self.place(written.len());
        self.at += written.len();
        Ok(Node::new(place, NodeKind::Scalar(Scalar { text: written.to_owned(), style: Style::Plain })))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::tree::Tree;

    #[test]
    fn what_yaml_cannot_read_is_read_with_its_place() {
        let root = parse("{\n\t\"a\\/b\": \"\\ud83d\\ude00\",\n\t\"n\": [1.50, true, null, {}]\n}\n").unwrap();
        let entry = Tree(&root).entry("a/b").unwrap();
        assert_eq!((entry.place.line, entry.place.column, entry.place.length), (2, 2, 6));
        assert_eq!(Tree(&entry.value).text(), Some("😀"));
        let numbers = Tree(&root).get("n").unwrap();
        let texts: Vec<_> = numbers.items().iter().map(|item| Tree(item).text()).collect();
        assert_eq!(texts, [Some("1.50"), Some("true"), None, None]);
        assert_eq!(numbers.items()[3].place.line, 3);
    }

    #[test]
    fn what_is_not_json_is_refused() {
        for text in ["", "{", "{\"a\":1,}", "[1 2]", "{a: 1}", "\"a", "tru", "{} {}", "{\"a\":01}", &"[".repeat(500)] {
            assert_eq!(parse(text), Err(NotJson), "{text}");
        }
    }
}
