//! Reads what is made of other values: places, lists, mappings with free keys, one value or several.

use super::{Binder, CompositeShape, Definitions, Shape, Type, Value, bind, describe, stand_in};
use crate::{
    span::Spanned,
    yaml::{Node, NodeKind},
};

/// A mapping whose keys are the author's, in file order.
pub type Entries<T> = Vec<(Spanned<String>, T)>;

/// A list that may be written without brackets if it has one item.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct OneOrMany<T>(pub(crate) Vec<T>);

impl<T: Value> Value for Spanned<T> {
    const SHAPE: Shape<Self> = Shape::Composite(CompositeShape {
        bind: |node, binder| {
            let value = bind(node, binder)?;
            Some(Self { value, span: binder.span(node.place) })
        },
        stand_in: |span| Self { value: stand_in(span), span: span.reported() },
        describe: describe::<T>,
    });
}

impl<T: Value> Value for Box<T> {
    const SHAPE: Shape<Self> = Shape::Composite(CompositeShape {
        bind: |node, binder| bind(node, binder).map(Self::new),
        stand_in: |span| Self::new(stand_in(span)),
        describe: describe::<T>,
    });
}

impl<T: Value> Value for Vec<T> {
    const SHAPE: Shape<Self> = Shape::Composite(CompositeShape {
        bind: bind_list,
        stand_in: |_| Self::new(),
        describe: |definitions| Type::List(Box::new(describe::<T>(definitions))),
    });
}

impl<T: Value> Value for OneOrMany<T> {
    const SHAPE: Shape<Self> = Shape::Composite(CompositeShape {
        bind: |node, binder| match node.kind {
            NodeKind::Sequence(_) => bind_list(node, binder).map(Self),
            NodeKind::Scalar(_) | NodeKind::Mapping(_) => bind(node, binder).map(|value| Self(vec![value])),
        },
        stand_in: |_| Self(Vec::new()),
        describe: |definitions| {
            let item = describe::<T>(definitions);
            Type::AnyOf(vec![item.clone(), Type::List(Box::new(item))])
        },
    });
}

/// A mapping whose keys are the author's, in file order.
impl<T: Value> Value for Entries<T> {
    const SHAPE: Shape<Self> = Shape::Composite(CompositeShape {
        bind: bind_map,
        stand_in: |_| Self::new(),
        describe: |definitions| Type::Map(Box::new(describe::<T>(definitions))),
    });
}

/// Reads a list; wrong items are reported and left out. `None`: no list, and reported.
pub(crate) fn bind_list<T: Value>(node: &Node, binder: &mut Binder) -> Option<Vec<T>> {
    let NodeKind::Sequence(items) = &node.kind else {
        binder.wrong_type("a list", node);
        return None;
    };
    Some(binder.in_item(|binder| items.iter().filter_map(|item| bind(item, binder)).collect()))
}

fn bind_map<T: Value>(node: &Node, binder: &mut Binder) -> Option<Entries<T>> {
    let NodeKind::Mapping(entries) = &node.kind else {
        binder.wrong_type("a mapping", node);
        return None;
    };
    let named = |binder: &mut Binder| {
        let values = entries.iter().filter_map(|entry| {
            let name = Spanned { value: entry.key.clone(), span: binder.span(entry.place) };
            bind(&entry.value, binder).map(|value| (name, value))
        });
        values.collect()
    };
    Some(binder.in_item(named))
}

/// One word, or a list.
pub(crate) enum WordOrList<T> {
    /// The word.
    Word,
    /// The list.
    List(Vec<T>),
}

/// Reads one word, or a list. `None`: neither, and reported.
pub(crate) fn bind_word_or_list<T: Value>(word: &str, node: &Node, binder: &mut Binder) -> Option<WordOrList<T>> {
    match &node.kind {
        NodeKind::Scalar(scalar) if scalar.text == word => Some(WordOrList::Word),
        NodeKind::Sequence(_) => bind_list(node, binder).map(WordOrList::List),
        NodeKind::Scalar(_) | NodeKind::Mapping(_) => {
            binder.wrong_type(&format!("`{word}` or a list"), node);
            None
        }
    }
}

/// Describes what [`bind_word_or_list`] reads.
pub(crate) fn describe_word_or_list<T: Value>(word: &'static str, definitions: &mut Definitions) -> Type {
    Type::AnyOf(vec![Type::Words(vec![word]), Type::List(Box::new(describe::<T>(definitions)))])
}
