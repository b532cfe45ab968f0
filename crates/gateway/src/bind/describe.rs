//! What the types of `spec` say about themselves, as data: the JSON Schema and the list of defaults are made of it.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::{Form, RecordShape, Support, TaggedShape};
use crate::spec::Feature;

/// The type of a value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Type {
    /// The record or tagged mapping of that name, among the definitions.
    Named(&'static str),
    /// A record that may be written as a text alone.
    NamedOrText(&'static str),
    /// One of these words.
    Words(Vec<&'static str>),
    /// A scalar with this JSON Schema.
    Scalar(Json),
    /// A list.
    List(Box<Type>),
    /// A mapping with free keys.
    Map(Box<Type>),
    /// Any of these.
    AnyOf(Vec<Type>),
    /// Anything at all.
    Anything,
}

/// One field of a record.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct FieldDescription {
    /// Its name.
    pub(crate) name: &'static str,
    /// What it is for.
    pub(crate) about: &'static str,
    /// Its type.
    pub(crate) of: Type,
    /// What it means to leave it out.
    pub(crate) absence: Absence,
    /// The feature that it asks for, which is not built yet.
    pub(crate) feature: Option<Feature>,
}

/// What it means to leave a field out. Defaults are as one would write them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Absence {
    /// A mistake.
    Forbidden,
    /// What the field is about is not there.
    Nothing,
    /// The same as to write this.
    Default(&'static str),
    /// The value comes from somewhere else, in the end this.
    Inherited(&'static str),
}

/// A record or a tagged mapping.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Definition {
    /// What it is.
    pub(crate) about: &'static str,
    /// What it holds.
    pub(crate) content: TypeDescription,
}

/// What a definition holds.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum TypeDescription {
    /// These fields.
    Record(Vec<FieldDescription>),
    /// Fields that depend on the one called `tag`.
    Tagged { tag: &'static str, variants: Vec<VariantDescription> },
}

/// One kind of a tagged mapping.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct VariantDescription {
    /// What the tag says.
    pub(crate) words: &'static [&'static str],
    /// What it is.
    pub(crate) about: &'static str,
    /// Whether it can be used.
    pub(crate) support: Support,
    /// Its fields, without the tag.
    pub(crate) fields: Vec<FieldDescription>,
}

/// All records and tagged mappings that a file can hold, by name.
#[derive(Debug, Default)]
pub(crate) struct Definitions(BTreeMap<&'static str, Definition>);

impl Definitions {
    /// Returns the definition called `name`.
    pub(crate) fn find(&self, name: &str) -> Option<&Definition> {
        self.0.get(name)
    }

    /// Iterates by name.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&'static str, &Definition)> {
        self.0.iter().map(|(name, definition)| (*name, definition))
    }

    pub(super) fn record<T>(&mut self, shape: &RecordShape<T>) -> Type {
        if !self.0.contains_key(shape.name) {
            self.insert(shape.name, shape.about, TypeDescription::Record(Vec::new()));
            let fields = self.fields(shape.read);
            self.insert(shape.name, shape.about, TypeDescription::Record(fields));
        }
        if shape.short.is_some() { Type::NamedOrText(shape.name) } else { Type::Named(shape.name) }
    }

    pub(super) fn tagged<T>(&mut self, shape: &TaggedShape<T>) -> Type {
        if !self.0.contains_key(shape.name) {
            self.insert(shape.name, shape.about, TypeDescription::Record(Vec::new()));
            let variants = shape.variants.iter().map(|variant| VariantDescription {
                words: variant.words,
                about: variant.about,
                support: variant.support,
                fields: self.fields(variant.read),
            });
            let content = TypeDescription::Tagged { tag: shape.tag, variants: variants.collect() };
            self.insert(shape.name, shape.about, content);
        }
        Type::Named(shape.name)
    }

    fn insert(&mut self, name: &'static str, about: &'static str, content: TypeDescription) {
        self.0.insert(name, Definition { about, content });
    }

    fn fields<T>(&mut self, read: fn(&mut Form<'_>) -> T) -> Vec<FieldDescription> {
        let mut fields = Vec::new();
        read(&mut Form::describe(&mut fields, self));
        fields
    }
}

impl FieldDescription {
    pub(super) fn new(name: &'static str, about: &'static str) -> Self {
        Self { name, about, of: Type::Anything, absence: Absence::Nothing, feature: None }
    }

    pub(super) fn absence(self, absence: Absence) -> Self {
        Self { absence, ..self }
    }

    pub(super) fn feature(self, feature: Feature) -> Self {
        Self { feature: Some(feature), ..self }
    }

    pub(super) fn of(self, of: Type) -> Self {
        Self { of, ..self }
    }
}
