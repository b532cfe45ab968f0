//! From the parser's character positions to bytes.

use saphyr_parser::{Marker, Span};

use super::Place;

/// The byte offset of every character; nothing is stored for ASCII text, where they are the same.
pub(super) struct Offsets {
    bytes: Option<Vec<u32>>,
    end: u32,
    /// Bytes of a byte order mark, which the parser does not see.
    skipped: u32,
}

impl Offsets {
    /// Indexes `text`, which stands `skipped` bytes into its file.
    pub(super) fn of(text: &str, skipped: u32) -> Self {
        let offset_of = |(offset, _): (usize, char)| u32::try_from(offset).unwrap_or(u32::MAX);
        let bytes = (!text.is_ascii()).then(|| text.char_indices().map(offset_of).collect());
        Self { bytes, end: u32::try_from(text.len()).unwrap_or(u32::MAX), skipped }
    }

    /// Converts a span of `text`. The parser counts white space and a comment after a quoted scalar in: they are left out.
    pub(super) fn place(&self, span: Span, text: &str) -> Place {
        let (offset, end) = (self.byte(span.start.index()), self.byte(span.end.index()));
        let written = text.get(offset as usize..end as usize).unwrap_or_default();
        let length = quoted_length(written).unwrap_or_else(|| end.saturating_sub(offset));
        Place { offset: offset.saturating_add(self.skipped), length, ..Self::line_and_column(&span.start) }
    }

    /// Converts one position.
    pub(super) fn point(&self, marker: &Marker) -> Place {
        let offset = self.byte(marker.index()).saturating_add(self.skipped);
        Place { offset, ..Self::line_and_column(marker) }
    }

    fn byte(&self, character: usize) -> u32 {
        match &self.bytes {
            Some(bytes) => bytes.get(character).copied().unwrap_or(self.end),
            None => u32::try_from(character).unwrap_or(u32::MAX).min(self.end),
        }
    }

    fn line_and_column(marker: &Marker) -> Place {
        let number = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
        Place {
            line: number(marker.line()).max(1),
            column: number(marker.col()).saturating_add(1),
            offset: 0,
            length: 0,
        }
    }
}

/// Returns the length of the quoted scalar that `text` begins with, if it does.
fn quoted_length(text: &str) -> Option<u32> {
    let quote = text.chars().next().filter(|first| matches!(first, '"' | '\''))?;
    let mut is_escaped = false;
    for (offset, character) in text.char_indices().skip(1) {
        // Inside single quotes, two of them stand for one.
        let is_doubled = || quote == '\'' && text.get(offset + 1..).is_some_and(|rest| rest.starts_with('\''));
        match character {
            _ if is_escaped => is_escaped = false,
            '\\' if quote == '"' => is_escaped = true,
            '\'' if quote == '\'' && is_doubled() => is_escaped = true,
            _ if character == quote => return u32::try_from(offset + 1).ok(),
            _ => {}
        }
    }
    None
}
