//! A tree of nodes as JSON values, for those who show or compare what is written.
//!
//! Whole numbers and booleans become what they stand for; what has a fraction stays text, so that `3.10` stays `3.10`.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use super::{Node, NodeKind, Resolved, Scalar};

impl Node {
    /// Returns the node as JSON.
    pub(crate) fn to_json(&self) -> Value {
        match &self.kind {
            NodeKind::Scalar(scalar) => scalar.to_json(),
            NodeKind::Sequence(items) => items.iter().map(Self::to_json).collect(),
            NodeKind::Mapping(entries) => {
                let members: Map<String, Value> =
                    entries.iter().map(|entry| (entry.key.clone(), entry.value.to_json())).collect();
                Value::Object(members)
            }
        }
    }
}

/// Returns the JSON pointer (RFC 6901) of what stands at a place; nothing for the document itself.
pub(crate) fn pointer(root: &Node, (offset, length): (u32, u32)) -> Option<String> {
    let mut pointer = String::new();
    let mut node = root;
    loop {
        // A collection has no length of its own: a complaint about it has none either.
        if length == 0 && node.place.offset == offset && !matches!(node.kind, NodeKind::Scalar(_)) {
            break;
        }
        node = match &node.kind {
            NodeKind::Scalar(_) => break,
            NodeKind::Sequence(items) => {
                let Some(position) = items.iter().rposition(|item| item.place.offset <= offset) else { break };
                let Some(item) = items.get(position) else { break };
                let _ = write!(pointer, "/{position}");
                item
            }
            NodeKind::Mapping(entries) => {
                let Some(entry) = entries.iter().rfind(|entry| entry.place.offset <= offset) else { break };
                let _ = write!(pointer, "/{}", entry.key.replace('~', "~0").replace('/', "~1"));
                if entry.place.offset == offset {
                    break;
                }
                &entry.value
            }
        };
    }
    (!pointer.is_empty()).then_some(pointer)
}

/// Follows a JSON pointer (RFC 6901).
pub(crate) fn at<'n>(root: &'n Node, pointer: &str) -> Option<&'n Node> {
    pointer.strip_prefix('/')?.split('/').try_fold(root, |node, name| {
        let name = name.replace("~1", "/").replace("~0", "~");
        match &node.kind {
            NodeKind::Scalar(_) => None,
            NodeKind::Sequence(items) => items.get(name.parse::<usize>().ok()?),
            NodeKind::Mapping(entries) => entries.iter().find(|entry| entry.key == name).map(|entry| &entry.value),
        }
    })
}

impl Scalar {
    fn to_json(&self) -> Value {
        match self.resolve() {
            Resolved::Null => Value::Null,
            Resolved::Bool(value) => json!(value),
            Resolved::Integer(text) => text.parse::<i64>().map_or_else(|_| json!(text), |number| json!(number)),
            Resolved::Float(text) | Resolved::Text(text) => json!(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::{Diagnostics, yaml::load};

    #[test]
    fn a_place_has_a_pointer() {
        let text = "name: a\nlist:\n  - x: 1\n    a/b: [c, d]\n  - y: {}\n";
        let root = load(text, &Path::new("f.yaml").into(), &mut Diagnostics::new()).unwrap();
        let check = |what: &str, length, expected: &str| {
            let offset = u32::try_from(text.find(what).unwrap()).unwrap();
            assert_eq!(pointer(&root, (offset, length)).as_deref().unwrap_or(""), expected, "{what}");
        };
        check("name", 4, "/name");
        check("a\n", 1, "/name");
        check("x", 1, "/list/0/x");
        check("x", 0, "/list/0");
        check("d]", 1, "/list/0/a~1b/1");
        check("{}", 0, "/list/1/y");
        check("name", 0, "");
    }
}
