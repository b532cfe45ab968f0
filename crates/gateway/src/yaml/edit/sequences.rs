//! Lists: which items stay, which become others, which come and go.

use serde_json::Value;

use super::{Editor, Slot, YamlEditError, indent, is_same, render};
use crate::yaml::{Node, NodeKind};

/// Above this, items are paired by what identifies them alone.
const MOST_COMPARED: usize = 4_000_000;

/// What tells whether two items are about the same thing.
const IDENTITIES: [&str; 8] = ["id", "name", "policyName", "claim", "attribute", "target", "api", "apiName"];

impl Editor<'_> {
    pub(super) fn change_sequence(
        &mut self,
        node: &Node,
        items: &[Node],
        values: &[Value],
        slot: Slot,
    ) -> Result<(), YamlEditError> {
        let is_flow = self.is_flow(node)?;
        // By item: the value that it becomes.
        let pairs = pair(items, values);
        let is_rewritten = is_flow && (items.len() != values.len() || pairs.iter().any(Option::is_none));
        if is_rewritten || pairs.iter().all(Option::is_none) {
            return self.replace_whole(node, &Value::Array(values.to_vec()), slot);
        }
        let indent = if is_flow { 0 } else { self.dash_indent(node)? };
        let mut places = Vec::with_capacity(items.len());
        for item in items {
            let place = if is_flow { Slot::Flow } else { self.item_slot((node, indent), item)? };
            places.push((place, self.content_end(item)));
        }
        for (item, (becomes, (place, _))) in items.iter().zip(pairs.iter().zip(&places)) {
            if let Some(value) = becomes.and_then(|becomes| values.get(becomes)) {
                self.change(item, value, *place)?;
            }
        }
        self.remove_items(&pairs, &places);
        self.insert_items(values, &pairs, &places)
    }

    /// Finds the column of a list's dashes. A list that is not indented below its key seems to begin with its first item.
    fn dash_indent(&self, list: &Node) -> Result<usize, YamlEditError> {
        let start = list.place.offset as usize;
        let rest = self.slice(start, self.text.len());
        if rest.starts_with("- ") || rest.starts_with("-\n") || rest.starts_with("-\r") {
            return Ok(indent(list.place.column));
        }
        let mut line = self.start_of_line(start);
        loop {
            let written = self.slice(line, self.end_of_line(line));
            if written.trim_start().starts_with('-') {
                return Ok(written.len() - written.trim_start().len());
            }
            if line == 0 {
                return Err(YamlEditError::Unsupported);
            }
            line = self.start_of_line(line - 1);
        }
    }

    /// Finds an item's dash: in the column of its list, on its line or above.
    fn item_slot(&self, (list, indent): (&Node, usize), item: &Node) -> Result<Slot, YamlEditError> {
        let first = self.start_of_line(list.place.offset as usize).saturating_sub(4096);
        let mut line = self.start_of_line(item.place.offset as usize);
        loop {
            let dash = line + indent;
            let is_dash = self.text.as_bytes().get(dash) == Some(&b'-');
            let before = self.slice(line, dash);
            if is_dash && before.bytes().all(|byte| matches!(byte, b' ' | b'-')) {
                return Ok(Slot::Item { dash, indent });
            }
            if line <= first {
                return Err(YamlEditError::Unsupported);
            }
            line = self.start_of_line(line - 1);
        }
    }

    fn remove_items(&mut self, pairs: &[Option<usize>], places: &[(Slot, usize)]) {
        for (position, _) in pairs.iter().enumerate().filter(|(_, becomes)| becomes.is_none()) {
            if let Some((Slot::Item { dash, .. }, end)) = places.get(position) {
                let next = match places.get(position + 1) {
                    Some((Slot::Item { dash, .. }, _)) => Some(*dash),
                    Some(_) | None => None,
                };
                self.remove_lines(*dash, *end, next);
            }
        }
    }

    fn insert_items(
        &mut self,
        values: &[Value],
        pairs: &[Option<usize>],
        places: &[(Slot, usize)],
    ) -> Result<(), YamlEditError> {
        let mut after: Option<usize> = None;
        for (number, value) in values.iter().enumerate() {
            if let Some(item) = pairs.iter().position(|becomes| *becomes == Some(number)) {
                after = Some(item);
                continue;
            }
            match after.and_then(|item| places.get(item)) {
                Some((Slot::Item { indent, .. }, end)) => {
                    let end = self.end_of_line(*end);
                    let text = format!("\n{}- {}", " ".repeat(*indent), render::item(value, indent + 2));
                    self.replace(end, end, text);
                }
                Some(_) => return Err(YamlEditError::Unsupported),
                None => self.insert_first(value, places)?,
            }
        }
        Ok(())
    }

    /// Writes an item before all others, and before the comments that stand above them.
    fn insert_first(&mut self, value: &Value, places: &[(Slot, usize)]) -> Result<(), YamlEditError> {
        let Some((Slot::Item { dash, indent }, _)) = places.first() else { return Err(YamlEditError::Unsupported) };
        let mut line = self.start_of_line(*dash);
        if !self.slice(line, *dash).trim().is_empty() {
            return Err(YamlEditError::Unsupported);
        }
        while line > 0 {
            let above = self.start_of_line(line - 1);
            if !self.slice(above, line).trim_start().starts_with('#') {
                break;
            }
            line = above;
        }
        let text = format!("{}- {}\n", " ".repeat(*indent), render::item(value, indent + 2));
        self.replace(line, line, text);
        Ok(())
    }
}

/// Decides what becomes of each item: the value that it is or turns into; `None`: it goes. Values keep their order.
fn pair(items: &[Node], values: &[Value]) -> Vec<Option<usize>> {
    let first = items.iter().zip(values).take_while(|(item, value)| is_same(item, value)).count();
    let rest = items.len().min(values.len()) - first;
    let last = items.iter().rev().zip(values.iter().rev()).take(rest).take_while(|(item, value)| is_same(item, value));
    let last = last.count();
    let mut pairs: Vec<Option<usize>> = vec![None; items.len()];
    for (position, pair) in pairs.iter_mut().enumerate() {
        if position < first {
            *pair = Some(position);
        } else if position >= items.len() - last {
            *pair = Some(position + values.len() - items.len());
        }
    }
    let old = items.get(first..items.len() - last).unwrap_or_default();
    let new = values.get(first..values.len() - last).unwrap_or_default();
    let equal = longest_common(old, new);
    let ends = equal.iter().copied().chain(std::iter::once((old.len(), new.len())));
    let (mut from, mut next) = (0, 0);
    for (item, value) in ends {
        // Between two that stay, those about the same thing turn into one another.
        let mut free = next;
        for position in from..item {
            let fits = |candidate: &usize| {
                old.get(position).zip(new.get(*candidate)).is_some_and(|(item, value)| is_about_the_same(item, value))
            };
            if let Some(found) = (free..value).find(fits) {
                set(&mut pairs, first + position, first + found);
                free = found + 1;
            }
        }
        if item < old.len() {
            set(&mut pairs, first + item, first + value);
        }
        (from, next) = (item + 1, value + 1);
    }
    pairs
}

fn set(pairs: &mut [Option<usize>], position: usize, value: usize) {
    if let Some(pair) = pairs.get_mut(position) {
        *pair = Some(value);
    }
}

/// Returns the pairs of equal ones that keep both orders, as many as possible.
fn longest_common(old: &[Node], new: &[Value]) -> Vec<(usize, usize)> {
    if old.len().saturating_mul(new.len()) > MOST_COMPARED || old.is_empty() || new.is_empty() {
        return Vec::new();
    }
    let width = new.len() + 1;
    // `lengths[i][j]`: of what is common to the rests from `i` and `j` on.
    let mut lengths = vec![0_u32; (old.len() + 1) * width];
    let at = |lengths: &[u32], i: usize, j: usize| lengths.get(i * width + j).copied().unwrap_or(0);
    for (i, item) in old.iter().enumerate().rev() {
        for (j, value) in new.iter().enumerate().rev() {
            let length = if is_same(item, value) {
                at(&lengths, i + 1, j + 1) + 1
            } else {
                at(&lengths, i + 1, j).max(at(&lengths, i, j + 1))
            };
            if let Some(cell) = lengths.get_mut(i * width + j) {
                *cell = length;
            }
        }
    }
    let (mut i, mut j, mut common) = (0, 0, Vec::new());
    while let (Some(item), Some(value)) = (old.get(i), new.get(j)) {
        if is_same(item, value) {
            common.push((i, j));
            (i, j) = (i + 1, j + 1);
        } else if at(&lengths, i + 1, j) >= at(&lengths, i, j + 1) {
            i += 1;
        } else {
            j += 1;
        }
    }
    common
}

fn is_about_the_same(item: &Node, value: &Value) -> bool {
    let (NodeKind::Mapping(entries), Value::Object(members)) = (&item.kind, value) else {
        return matches!(item.kind, NodeKind::Scalar(_)) && !value.is_object() && !value.is_array();
    };
    let says =
        |name: &str| (entries.iter().find(|entry| entry.key == name).map(|entry| &entry.value), members.get(name));
    let agrees = |name: &str| match says(name) {
        (Some(written), Some(value)) => is_same(written, value),
        (None, None) => true,
        (Some(_), None) | (None, Some(_)) => false,
    };
    let first = IDENTITIES.iter().find(|name| says(name).0.is_some() || says(name).1.is_some());
    first.is_none_or(|name| agrees(name)) && agrees("verb")
}
