//! Changes a YAML text so that it means something else, and leaves every byte alone that need not change.
//!
//! What is wanted is given as a whole, as JSON; the difference to what is written decides what is edited: a scalar in its
//! place, entries and items as lines of their own. Comments, order, quotes and blank lines elsewhere stay. The outcome is
//! read again: a text that would mean anything else than what is wanted is never returned.

mod render;
mod sequences;

use std::{path::Path, sync::Arc};

use serde_json::{Map, Value};

use self::render::{flow, scalar};
use super::{Entry, Node, NodeKind, Resolved, Style, load};
use crate::diagnostic::Diagnostics;

/// Why a text is not edited: a person must do it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum YamlEditError {
    /// Not YAML, or not one document.
    #[error("the file is not YAML as it stands: repair it by hand first")]
    Unreadable,
    /// Written with anchors, tags or a layout that an edit would break.
    #[error("the file is written in a way (anchors, tags, unusual layout) that this edit would break: edit it by hand")]
    Unsupported,
}

/// Returns the text that means `wanted`, as like `text` as it can be.
///
/// # Errors
///
/// [`YamlEditError`]: nothing can be said then, and nothing was changed.
pub(crate) fn update(text: &str, wanted: &Value) -> Result<String, YamlEditError> {
    let root = read(text).ok_or(YamlEditError::Unreadable)?;
    if is_same(&root, wanted) {
        return Ok(text.to_owned());
    }
    let line_end = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let mut editor = Editor { text, edits: Vec::new(), line_end };
    editor.change(&root, wanted, Slot::Root)?;
    let edited = editor.apply()?;
    match read(&edited) {
        Some(outcome) if is_same(&outcome, wanted) => Ok(edited),
        Some(_) | None => Err(YamlEditError::Unsupported),
    }
}

/// Writes a value as a document: a mapping as lines, anything else on one.
pub(crate) fn render(value: &Value) -> String {
    format!("{}\n", render::item(value, 0))
}

fn read(text: &str) -> Option<Node> {
    let mut diagnostics = Diagnostics::new();
    let file: Arc<Path> = Arc::from(Path::new(""));
    load(text, &file, &mut diagnostics).filter(|_| !diagnostics.has_errors())
}

/// What stands around a value, which says how another one is written there.
#[derive(Clone, Copy, Debug)]
enum Slot {
    /// Nothing.
    Root,
    /// A key: where its name begins and ends, and how far it is indented.
    Entry { key: usize, key_end: usize, indent: usize },
    /// A dash: where it stands, and how far it is indented.
    Item { dash: usize, indent: usize },
    /// Brackets.
    Flow,
}

/// One replacement of bytes.
#[derive(Debug)]
struct Edit {
    start: usize,
    end: usize,
    text: String,
}

struct Editor<'t> {
    text: &'t str,
    edits: Vec<Edit>,
    line_end: &'static str,
}

impl Editor<'_> {
    /// Edits a node so that it means `wanted`.
    fn change(&mut self, node: &Node, wanted: &Value, slot: Slot) -> Result<(), YamlEditError> {
        if is_same(node, wanted) {
            return Ok(());
        }
        match (&node.kind, wanted) {
            (NodeKind::Mapping(entries), Value::Object(members)) if keeps_some(entries, members) => {
                self.change_mapping(node, entries, members, slot)
            }
            (NodeKind::Sequence(items), Value::Array(values)) if !items.is_empty() && !values.is_empty() => {
                self.change_sequence(node, items, values, slot)
            }
            (NodeKind::Scalar(_), Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_))
                if !is_empty(node, slot) && !self.is_block_scalar(node) =>
            {
                let (start, end) = (node.place.offset as usize, node.end as usize);
                let text = scalar(wanted, self.slice(start, end), matches!(slot, Slot::Flow));
                self.replace(start, end, text);
                Ok(())
            }
            _ => self.replace_whole(node, wanted, slot),
        }
    }

    fn change_mapping(
        &mut self,
        node: &Node,
        entries: &[Entry],
        members: &Map<String, Value>,
        slot: Slot,
    ) -> Result<(), YamlEditError> {
        let is_flow = self.is_flow(node)?;
        if is_flow && !(entries.len() == members.len() && entries.iter().all(|it| members.contains_key(&it.key))) {
            return self.replace_whole(node, &Value::Object(members.clone()), slot);
        }
        for entry in entries {
            if let Some(wanted) = members.get(&entry.key) {
                let slot = if is_flow { Slot::Flow } else { entry_slot(entry) };
                self.change(&entry.value, wanted, slot)?;
            }
        }
        let Some(last) = entries.iter().rfind(|entry| members.contains_key(&entry.key)) else {
            return Err(YamlEditError::Unsupported);
        };
        for (position, entry) in entries.iter().enumerate().filter(|(_, entry)| !members.contains_key(&entry.key)) {
            let next = entries.get(position + 1).map(|next| next.place.offset as usize);
            self.remove_lines(entry.place.offset as usize, self.entry_end(entry), next);
        }
        let added = render::ordered(members).into_iter().filter(|(key, _)| entries.iter().all(|it| it.key != **key));
        let indent = indent(last.place.column);
        let lines: Vec<String> = added.map(|(key, value)| render::entry(key, value, indent)).collect();
        if !lines.is_empty() {
            let end = self.end_of_line(self.entry_end(last));
            self.replace(end, end, format!("\n{}", lines.join("\n")));
        }
        Ok(())
    }

    /// Writes another value in the place of a node.
    fn replace_whole(&mut self, node: &Node, wanted: &Value, slot: Slot) -> Result<(), YamlEditError> {
        let (start, end) = (node.place.offset as usize, self.content_end(node));
        // What is written on one line stays on one line.
        let is_kept_flow = self.is_flow(node)? && (wanted.is_object() || wanted.is_array()) && end > start + 2;
        match slot {
            _ if is_kept_flow => {
                self.replace(start, end, flow(wanted));
                Ok(())
            }
            Slot::Root => Err(YamlEditError::Unsupported),
            Slot::Flow => {
                self.replace(start, end, flow(wanted));
                Ok(())
            }
            Slot::Entry { key, key_end, indent } => {
                let colon = self.slice(key_end, self.text.len()).find(':').ok_or(YamlEditError::Unsupported)?;
                let start = key_end + colon + 1;
                // An empty value stands where its key does.
                let end = if node.place.offset as usize == key { start } else { end.max(start) };
                self.replace(start, end, render::after_colon(wanted, indent));
                Ok(())
            }
            Slot::Item { dash, indent } => {
                let end = end.max(dash + 1);
                self.replace(dash + 1, end, format!(" {}", render::item(wanted, indent + 2)));
                Ok(())
            }
        }
    }

    /// Takes an entry or item out of its lines.
    fn remove_lines(&mut self, start: usize, end: usize, next: Option<usize>) {
        let line = self.start_of_line(start);
        let after = self.end_of_line(end);
        if self.slice(line, start).trim().is_empty() {
            let after = self.next_line(after);
            self.replace(line, after, String::new());
            return;
        }
        // The first entry of an item shares its line with the dash.
        match next.filter(|next| self.slice(after, *next).trim().is_empty()) {
            Some(next) => self.replace(start, next, String::new()),
            None => self.replace(start, after, String::new()),
        }
    }

    /// Returns the byte after the last one of a node.
    fn content_end(&self, node: &Node) -> usize {
        let end = match &node.kind {
            NodeKind::Scalar(_) => node.end as usize,
            NodeKind::Sequence(_) | NodeKind::Mapping(_) if self.starts_flow(node) => node.end as usize,
            NodeKind::Sequence(items) => items.last().map_or(node.end as usize, |item| self.content_end(item)),
            NodeKind::Mapping(entries) => entries.last().map_or(node.end as usize, |entry| self.entry_end(entry)),
        };
        // A block scalar's place goes on to the next node.
        let start = node.place.offset as usize;
        start + self.slice(start, end).trim_end().len()
    }

    /// Returns the byte after the last one of an entry.
    fn entry_end(&self, entry: &Entry) -> usize {
        let key_end = (entry.place.offset + entry.place.length) as usize;
        if entry.value.place.offset == entry.place.offset {
            let colon = self.slice(key_end, self.text.len()).find(':').map_or(0, |colon| colon + 1);
            return key_end + colon;
        }
        self.content_end(&entry.value)
    }

    /// True for `{…}` and `[…]`.
    ///
    /// # Errors
    ///
    /// [`YamlEditError::Unsupported`] behind an anchor or a tag.
    fn is_flow(&self, node: &Node) -> Result<bool, YamlEditError> {
        match self.text.as_bytes().get(node.place.offset as usize) {
            Some(b'&' | b'!' | b'*') => Err(YamlEditError::Unsupported),
            Some(_) | None => Ok(self.starts_flow(node)),
        }
    }

    fn starts_flow(&self, node: &Node) -> bool {
        // A list that is not indented below its key seems to begin with its first item, which may be in brackets.
        let is_items = match &node.kind {
            NodeKind::Sequence(items) => items.first().is_some_and(|item| item.place.offset == node.place.offset),
            NodeKind::Scalar(_) | NodeKind::Mapping(_) => false,
        };
        !is_items && matches!(self.text.as_bytes().get(node.place.offset as usize), Some(b'{' | b'['))
    }

    /// True for `|` and `>`: their place begins with the indicator, or with the text after it.
    fn is_block_scalar(&self, node: &Node) -> bool {
        let start = node.place.offset as usize;
        let written = self.slice(start, node.end as usize);
        let is_quoted = written.starts_with(['"', '\'']);
        let is_text = matches!(&node.kind, NodeKind::Scalar(scalar) if scalar.style == Style::Text);
        is_text && !is_quoted
    }

    fn slice(&self, start: usize, end: usize) -> &str {
        self.text.get(start..end.max(start)).unwrap_or_default()
    }

    fn start_of_line(&self, offset: usize) -> usize {
        self.slice(0, offset).rfind('\n').map_or(0, |end| end + 1)
    }

    /// Returns where the line ends, before what ends it.
    fn end_of_line(&self, offset: usize) -> usize {
        let rest = self.slice(offset, self.text.len());
        let length = rest.find('\n').unwrap_or(rest.len());
        offset + rest.get(..length).unwrap_or_default().trim_end_matches('\r').len()
    }

    /// Returns the start of the line after the one that ends at `end`.
    fn next_line(&self, end: usize) -> usize {
        let rest = self.slice(end, self.text.len());
        end + rest.find('\n').map_or(rest.len(), |length| length + 1)
    }

    fn replace(&mut self, start: usize, end: usize, text: String) {
        self.edits.push(Edit { start, end, text });
    }

    /// Makes the new text.
    fn apply(mut self) -> Result<String, YamlEditError> {
        // An insertion comes before what is replaced there; of two, the inner one was made first and stays first.
        self.edits.sort_by_key(|edit| (edit.start, edit.end));
        let mut edited = String::with_capacity(self.text.len() + 256);
        let mut done = 0;
        for edit in &self.edits {
            let is_insertion = edit.start == edit.end && edit.start < done;
            if let Some(lines) = edit.text.strip_prefix('\n').filter(|_| is_insertion && edited.ends_with('\n')) {
                // The line after which it belongs has gone.
                edited.push_str(&lines.replace('\n', self.line_end));
                edited.push_str(self.line_end);
                continue;
            }
            let kept = self.text.get(done..edit.start).ok_or(YamlEditError::Unsupported)?;
            edited.push_str(kept);
            edited.push_str(&edit.text.replace('\n', self.line_end));
            done = edit.end;
        }
        edited.push_str(self.text.get(done..).ok_or(YamlEditError::Unsupported)?);
        Ok(edited)
    }
}

fn entry_slot(entry: &Entry) -> Slot {
    let key = entry.place.offset as usize;
    Slot::Entry { key, key_end: key + entry.place.length as usize, indent: indent(entry.place.column) }
}

fn indent(column: u32) -> usize {
    column.saturating_sub(1) as usize
}

fn keeps_some(entries: &[Entry], members: &Map<String, Value>) -> bool {
    entries.iter().any(|entry| members.contains_key(&entry.key))
}

/// True where nothing is written.
fn is_empty(node: &Node, slot: Slot) -> bool {
    let start = node.place.offset as usize;
    node.end as usize == start || matches!(slot, Slot::Entry { key, .. } if key == start)
}

/// True when a node means `wanted`.
fn is_same(node: &Node, wanted: &Value) -> bool {
    match (&node.kind, wanted) {
        (NodeKind::Scalar(scalar), Value::Number(number)) => match scalar.resolve() {
            Resolved::Integer(text) | Resolved::Float(text) => {
                *text == number.to_string() || text.parse::<f64>().ok() == number.as_f64()
            }
            Resolved::Null | Resolved::Bool(_) | Resolved::Text(_) => false,
        },
        (NodeKind::Scalar(_), _) => node.to_json() == *wanted,
        (NodeKind::Sequence(items), Value::Array(values)) => {
            items.len() == values.len() && items.iter().zip(values).all(|(item, value)| is_same(item, value))
        }
        (NodeKind::Mapping(entries), Value::Object(members)) => {
            let has = |entry: &Entry| members.get(&entry.key).is_some_and(|wanted| is_same(&entry.value, wanted));
            entries.len() == members.len() && entries.iter().all(has)
        }
        (NodeKind::Sequence(_) | NodeKind::Mapping(_), _) => false,
    }
}

#[cfg(test)]
mod tests;
