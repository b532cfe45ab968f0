//! A mapping whose fields depend on one of them, such as `policyName`.

use super::{Binder, Form, form::list, nearest};
use crate::{
    diagnostic::{Diagnostic, DiagnosticCode},
    span::Span,
    spec::Feature,
    yaml::{Node, NodeKind, Resolved},
};

/// A mapping whose fields depend on the one called `tag`.
pub(crate) struct TaggedShape<T: 'static> {
    /// Its name in the schema.
    pub(crate) name: &'static str,
    /// What it is, for the schema.
    pub(crate) about: &'static str,
    /// The field that decides.
    pub(crate) tag: &'static str,
    /// The kinds there are.
    pub(crate) variants: &'static [Variant<T>],
    /// Makes a value to go on with where the written one is wrong.
    pub(crate) stand_in: fn(&Span) -> T,
}

/// One kind of a tagged mapping.
pub(crate) struct Variant<T> {
    /// What the tag says; the first is shown.
    pub(crate) words: &'static [&'static str],
    /// What it is, for the schema.
    pub(crate) about: &'static str,
    /// Whether it can be used.
    pub(crate) support: Support,
    /// Asks the form for each field but the tag.
    pub(crate) read: fn(&mut Form<'_>) -> T,
}

/// Whether a kind of mapping can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Support {
    /// It can.
    Built,
    /// It asks for a feature that is not built yet.
    Unbuilt(Feature),
    /// It is recognised for the sake of a better message, and not documented.
    Misplaced,
}

/// Reads a tagged mapping. `None`: no such kind, and reported.
pub(super) fn bind<T>(shape: &TaggedShape<T>, node: &Node, binder: &mut Binder) -> Option<T> {
    let NodeKind::Mapping(entries) = &node.kind else {
        binder.wrong_type("a mapping", node);
        return None;
    };
    let Some(entry) = entries.iter().find(|entry| entry.key == shape.tag) else {
        let message = format!("the field `{}` is missing", shape.tag);
        binder.push(Diagnostic::error(DiagnosticCode::MissingField, &binder.span(node.place), message));
        return None;
    };
    let variant = binder.in_field(shape.tag, |binder| find_variant(shape, &entry.value, binder))?;
    let mut form = Form::read(entries, node.place, binder);
    form.skip(shape.tag);
    let value = (variant.read)(&mut form);
    form.refuse_wrong_names(shape.name);
    Some(value)
}

fn find_variant<T>(shape: &TaggedShape<T>, node: &Node, binder: &mut Binder) -> Option<&'static Variant<T>> {
    let text = match &node.kind {
        NodeKind::Scalar(scalar) if matches!(scalar.resolve(), Resolved::Text(_)) => &scalar.text,
        NodeKind::Scalar(_) | NodeKind::Sequence(_) | NodeKind::Mapping(_) => {
            binder.wrong_type("text", node);
            return None;
        }
    };
    let variant = shape.variants.iter().find(|variant| variant.words.contains(&text.as_str()));
    if variant.is_none() {
        let message = format!("{} is unknown: `{}`", binder.subject(), crate::yaml::shorten(text));
        let diagnostic = Diagnostic::error(DiagnosticCode::InvalidValue, &binder.span(node.place), message);
        binder.push(diagnostic.with_hint(hint(shape, text)));
    }
    variant
}

fn hint<T>(shape: &TaggedShape<T>, text: &str) -> String {
    let words: Vec<&'static str> = shape.variants.iter().flat_map(|variant| variant.words.iter().copied()).collect();
    match nearest(text, words.iter().copied()) {
        Some(word) => format!("did you mean `{word}`?"),
        None => format!("known: {}", list(&words)),
    }
}
