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

    /// Converts a span; `trimmed` is the length of the scalar's text if that is all the span should cover.
    pub(super) fn place(&self, span: Span) -> Place {
        let offset = self.byte(span.start.index());
        let length = self.byte(span.end.index()).saturating_sub(offset);
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
