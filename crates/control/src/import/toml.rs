//! TOML text to the same tree as YAML, with places; tables in the order in which they stand.

use std::{path::Path, sync::Arc};

use gateway::{
    DiagnosticCode, Diagnostics, Span,
    yaml::{Entry, Node, NodeKind, Place, Scalar, Style},
};
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

/// Reads a TOML file. `None`: it is none, and each mistake is reported.
pub(super) fn parse(text: &str, file: &Arc<Path>, diagnostics: &mut Diagnostics) -> Option<Node> {
    let lines = Lines::of(text);
    let (table, errors) = DeTable::parse_recoverable(text);
    let mut errors: Vec<_> = errors.into_iter().map(|error| (error.span().unwrap_or_default(), error)).collect();
    errors.sort_by_key(|(span, _)| span.start);
    for (span, error) in &errors {
        let place = lines.place(span.clone());
        let message = format!("not TOML: {}", error.message().replace('\n', " "));
        diagnostics.error(DiagnosticCode::InvalidValue, &Span::new(file, place), message);
    }
    errors.is_empty().then(|| lines.table(table.get_ref(), Place::START))
}

/// Where lines begin.
struct Lines<'a> {
    text: &'a str,
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    fn of(text: &'a str) -> Self {
        let starts = std::iter::once(0).chain(text.match_indices('\n').map(|(offset, _)| offset + 1)).collect();
        Self { text, starts }
    }

    fn place(&self, range: std::ops::Range<usize>) -> Place {
        let number = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
        let line = self.starts.partition_point(|start| *start <= range.start).max(1);
        let start = self.starts.get(line - 1).copied().unwrap_or_default();
        let column = self.text.get(start..range.start).unwrap_or_default().chars().count() + 1;
        let length = range.end.saturating_sub(range.start);
        Place { line: number(line), column: number(column), offset: number(range.start), length: number(length) }
    }

    fn table(&self, table: &DeTable<'_>, place: Place) -> Node {
        let entry = |(key, value): (&Spanned<std::borrow::Cow<'_, str>>, &Spanned<DeValue<'_>>)| Entry {
            key: key.get_ref().clone().into_owned(),
            place: self.place(key.span()),
            value: self.value(value),
        };
        let mut entries: Vec<Entry> = table.iter().map(entry).collect();
        entries.sort_by_key(|entry| entry.place.offset);
        Node::new(place, NodeKind::Mapping(entries))
    }

    fn value(&self, value: &Spanned<DeValue<'_>>) -> Node {
        let place = self.place(value.span());
        let scalar = |text: String, style| Node::new(place, NodeKind::Scalar(Scalar { text, style }));
        match value.get_ref() {
            DeValue::String(text) => scalar(text.clone().into_owned(), Style::Text),
            DeValue::Integer(number) => scalar(number.to_string(), Style::Plain),
            DeValue::Float(number) => scalar(number.to_string(), Style::Plain),
            DeValue::Boolean(value) => scalar(value.to_string(), Style::Plain),
            DeValue::Datetime(time) => scalar(time.to_string(), Style::Text),
            DeValue::Array(items) => {
                let items = items.iter().map(|item| self.value(item)).collect();
                Node::new(place, NodeKind::Sequence(items))
            }
            DeValue::Table(table) => self.table(table, place),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::tree::Tree;

    #[test]
    fn tables_keep_their_order_and_their_lines() {
        let text = "# ü\n[b]\nz = 1\na = \"x\"\n[[a.list]]\nn = true\n[[a.list]]\nn = [1, 2]\n";
        let file = Arc::from(Path::new("d.toml"));
        let root = parse(text, &file, &mut Diagnostics::new()).unwrap();
        let keys: Vec<_> = Tree(&root).entries().iter().map(|entry| (entry.key.as_str(), entry.place.line)).collect();
        assert_eq!(keys, [("b", 2), ("a", 5)]);
        let list = Tree(&root).at(&["a", "list"]).unwrap();
        assert_eq!(list.items().len(), 2);
        let second = Tree(&list.items()[1]).entry("n").unwrap();
        assert_eq!((second.place.line, second.place.column), (8, 1));
        assert_eq!(Tree(&root).at(&["b", "z"]).and_then(Tree::text), Some("1"));
    }

    #[test]
    fn every_mistake_is_reported_with_its_line() {
        let file = Arc::from(Path::new("d.toml"));
        let mut diagnostics = Diagnostics::new();
        assert_eq!(parse("a = \nb = 1\nc = [\n", &file, &mut diagnostics), None);
        let text = diagnostics.to_string();
        assert!(text.starts_with("d.toml:1:"), "{text}");
        assert!(diagnostics.len() > 1, "{text}");
    }
}
