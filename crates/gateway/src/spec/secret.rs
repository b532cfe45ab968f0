//! A secret of the operator's file: where it is, or itself.

use std::{fmt, path::PathBuf};

use serde_json::json;

use crate::{
    bind::{Binder, CompositeShape, Shape, Type, Value},
    diagnostic::{Diagnostic, DiagnosticCode},
    yaml::{Entry, Node, NodeKind, Resolved},
};

/// `{file: …}`, `{env: …}`, or the text itself, which gives a warning.
#[derive(Clone, PartialEq, Eq)]
pub enum Secret {
    /// `file`: its content, less one final line end.
    File(PathBuf),
    /// `env`: the name of a variable of the process's environment.
    Environment(String),
    /// The secret itself.
    Inline(String),
}

/// Never shows an inline secret.
impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => f.debug_tuple("File").field(path).finish(),
            Self::Environment(name) => f.debug_tuple("Environment").field(name).finish(),
            Self::Inline(_) => f.write_str("Inline(…)"),
        }
    }
}

/// What a secret may be, for messages. The value itself is never shown: it may be the secret.
const EXPECTED: &str = "`{ file: PATH }`, `{ env: NAME }` or the text itself";

impl Value for Secret {
    const SHAPE: Shape<Self> = Shape::Composite(CompositeShape {
        bind: |node, binder| match &node.kind {
            NodeKind::Mapping(entries) => match entries.as_slice() {
                [entry] => reference(entry, node, binder),
                _ => wrong(node, binder),
            },
            NodeKind::Scalar(scalar) => match scalar.resolve() {
                Resolved::Null | Resolved::Text("") => wrong(node, binder),
                Resolved::Bool(_) | Resolved::Integer(_) | Resolved::Float(_) | Resolved::Text(_) => {
                    warn(node, binder);
                    Some(Self::Inline(scalar.text.clone()))
                }
            },
            NodeKind::Sequence(_) => wrong(node, binder),
        },
        stand_in: |_| Self::Inline(String::new()),
        describe: |_| {
            let field = |name: &str| json!({"type": "object", "properties": {name: {"type": "string"}}, "required": [name], "additionalProperties": false});
            Type::Scalar(json!({"anyOf": [field("file"), field("env"), {"type": ["string", "number", "boolean"]}]}))
        },
    });
}

fn reference(entry: &Entry, node: &Node, binder: &mut Binder) -> Option<Secret> {
    let NodeKind::Scalar(scalar) = &entry.value.kind else { return wrong(node, binder) };
    let Resolved::Text(text) = scalar.resolve() else { return wrong(node, binder) };
    match entry.key.as_str() {
        "file" if !text.is_empty() => Some(Secret::File(binder.path(text))),
        "env" if !text.is_empty() => Some(Secret::Environment(text.to_owned())),
        _ => wrong(node, binder),
    }
}

fn wrong(node: &Node, binder: &mut Binder) -> Option<Secret> {
    let message = format!("{} must be {EXPECTED}", binder.subject());
    binder.push(Diagnostic::error(DiagnosticCode::WrongType, &binder.span(node.place), message));
    None
}

fn warn(node: &Node, binder: &mut Binder) {
    let message = format!("{} holds the secret itself: everybody who reads this file knows it", binder.subject());
    let diagnostic = Diagnostic::warning(DiagnosticCode::InlineSecret, &binder.span(node.place), message);
    binder.push(diagnostic.with_hint("put it into a file or the environment: `{ file: PATH }` or `{ env: NAME }`"));
}
