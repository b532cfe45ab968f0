//! Fills the types of `spec` from a YAML tree, reporting every mistake and going on.
//!
//! Each type of `spec` has one description of itself, its [`Shape`]: for a record the names, types, defaults and meanings
//! of its fields. Reading, unknown-field hints, the JSON Schema and the list of defaults all come from there. Nothing is
//! resolved across files here.

mod binder;
mod collections;
mod describe;
mod form;
mod nearest;
mod scalars;
mod tagged;
mod text;

use serde_json::Value as Json;

pub(crate) use binder::Binder;
pub use collections::Entries;
pub(crate) use collections::{OneOrMany, WordOrList, bind_word_or_list, describe_word_or_list};
pub(crate) use describe::{
    Absence, Definition, Definitions, FieldDescription, Type, TypeDescription, VariantDescription,
};
pub(crate) use form::Form;
pub(crate) use nearest::nearest;
pub(crate) use tagged::{Support, TaggedShape, Variant};
pub use text::{Literal, WebUrl};

use crate::{
    span::{Span, Spanned},
    yaml::{Node, NodeKind, Scalar},
};

/// Something that can be read from a configuration file.
pub(crate) trait Value: Sized + Clone + 'static {
    /// How it is written.
    const SHAPE: Shape<Self>;
}

/// How a value is written: what the binder, the schema and the defaults know about it.
pub(crate) enum Shape<T: 'static> {
    /// A mapping with known fields.
    Record(RecordShape<T>),
    /// A mapping whose fields depend on one of them.
    Tagged(TaggedShape<T>),
    /// One of a few words; the first member stands in for a wrong one.
    Words(T, &'static [(&'static str, T)]),
    /// A scalar.
    Scalar(ScalarShape<T>),
    /// Made of other values.
    Composite(CompositeShape<T>),
}

/// A mapping with known fields.
pub(crate) struct RecordShape<T> {
    /// Its name in the schema.
    pub(crate) name: &'static str,
    /// What it is, for the schema.
    pub(crate) about: &'static str,
    /// Asks the form for each field, in the order in which they are shown.
    pub(crate) read: fn(&mut Form<'_>) -> T,
    /// Makes it of a text alone, if it may be written so.
    pub(crate) short: Option<fn(Spanned<String>) -> T>,
}

/// A scalar.
pub(crate) struct ScalarShape<T> {
    /// What it should be, for messages: a noun with its article.
    pub(crate) expected: &'static str,
    /// Reads it.
    pub(crate) read: fn(&Scalar, &Binder) -> Result<T, Mistake>,
    /// Makes a value to go on with where the written one is wrong.
    pub(crate) stand_in: fn() -> T,
    /// Its JSON Schema.
    pub(crate) schema: fn() -> Json,
}

/// Made of other values.
pub(crate) struct CompositeShape<T> {
    /// Reads it. `None`: wrong, and reported.
    pub(crate) bind: fn(&Node, &mut Binder) -> Option<T>,
    /// Makes a value to go on with where the written one is wrong.
    pub(crate) stand_in: fn(&Span) -> T,
    /// Describes it.
    pub(crate) describe: fn(&mut Definitions) -> Type,
}

/// Why a scalar is not what its field takes.
pub(crate) enum Mistake {
    /// Of another kind.
    WrongType,
    /// Of another kind, with something to say about it.
    WrongTypeHint(String),
    /// Of the right kind, but not this one: what is wrong with it.
    Invalid(String),
    /// The same, with something to say about it.
    InvalidHint(String, String),
}

/// Reads a value. `None`: wrong, and reported.
pub(crate) fn bind<T: Value>(node: &Node, binder: &mut Binder) -> Option<T> {
    match T::SHAPE {
        Shape::Record(record) => bind_record(&record, node, binder),
        Shape::Tagged(tagged) => tagged::bind(&tagged, node, binder),
        Shape::Words(_, words) => scalars::bind_word(words, node, binder),
        Shape::Scalar(shape) => scalars::bind_scalar(&shape, node, binder),
        Shape::Composite(composite) => (composite.bind)(node, binder),
    }
}

/// Makes a value to go on with; everything in it stands at `span`.
pub(crate) fn stand_in<T: Value>(span: &Span) -> T {
    match T::SHAPE {
        Shape::Record(record) => (record.read)(&mut Form::stand_in(span)),
        Shape::Tagged(tagged) => (tagged.stand_in)(span),
        Shape::Words(stand_in, _) => stand_in,
        Shape::Scalar(scalar) => (scalar.stand_in)(),
        Shape::Composite(composite) => (composite.stand_in)(span),
    }
}

/// Describes a type, and puts the records in it among `definitions`.
pub(crate) fn describe<T: Value>(definitions: &mut Definitions) -> Type {
    match T::SHAPE {
        Shape::Record(record) => definitions.record(&record),
        Shape::Tagged(tagged) => definitions.tagged(&tagged),
        Shape::Words(_, words) => Type::Words(words.iter().map(|(word, _)| *word).collect()),
        Shape::Scalar(scalar) => Type::Scalar((scalar.schema)()),
        Shape::Composite(composite) => (composite.describe)(definitions),
    }
}

fn bind_record<T>(record: &RecordShape<T>, node: &Node, binder: &mut Binder) -> Option<T> {
    match (&node.kind, record.short) {
        (NodeKind::Mapping(entries), _) => {
            let mut form = Form::read(entries, node.place, binder);
            let value = (record.read)(&mut form);
            form.refuse_wrong_names(record.name);
            Some(value)
        }
        (NodeKind::Scalar(_), Some(short)) => bind(node, binder).map(short),
        (NodeKind::Scalar(_) | NodeKind::Sequence(_), _) => {
            binder.wrong_type("a mapping", node);
            None
        }
    }
}
