//! `dialects`: vocabularies of claims, besides the built-in ones.

use crate::{
    bind::{RecordShape, Shape, Value},
    span::Spanned,
};

/// One vocabulary.
#[derive(Clone, Debug, PartialEq)]
pub struct Dialect {
    /// `name`
    pub name: Spanned<String>,
    /// `uri`
    pub uri: Spanned<String>,
    /// `prefix`; absent: the URI and a slash.
    pub prefix: Option<Spanned<String>>,
    /// `claims`
    pub claims: Vec<DialectClaim>,
}

/// One claim of a dialect.
#[derive(Clone, Debug, PartialEq)]
pub struct DialectClaim {
    /// `attribute`: the canonical name.
    pub attribute: Spanned<String>,
    /// `claim`: its name here, without the prefix.
    pub claim: Spanned<String>,
    /// `multi`: always an array.
    pub multi: Spanned<bool>,
    /// `type`
    pub value_type: Spanned<ClaimValueType>,
}

/// How values are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ClaimValueType {
    /// `any`: as the store gives them.
    Any,
    /// `string`: for readers that cannot take numbers.
    String,
}

impl Value for Dialect {
    const SHAPE: Shape<Self> = Shape::Record(RecordShape {
        name: "Dialect",
        about: "A vocabulary of claims, and the attributes that they show.",
        short: None,
        read: |form| Self {
            name: form.required("name", "Its name."),
            uri: form.required("uri", "The URI that names it."),
            prefix: form.optional("prefix", "What claim names begin with; without it, the URI and a slash."),
            claims: form.defaulted("claims", "[]", "Its claims."),
        },
    });
}

impl Value for DialectClaim {
    const SHAPE: Shape<Self> = Shape::Record(RecordShape {
        name: "DialectClaim",
        about: "One claim of a dialect.",
        short: None,
        read: |form| Self {
            attribute: form.required("attribute", "The attribute, by its canonical name."),
            claim: form.required("claim", "The claim's name, without the prefix."),
            multi: form.defaulted("multi", "false", "True: always an array, also of one value or none."),
            value_type: form.defaulted("type", "any", "`string`: for readers that cannot take numbers."),
        },
    });
}

impl Value for ClaimValueType {
    const SHAPE: Shape<Self> = Shape::Words(Self::Any, &[("any", Self::Any), ("string", Self::String)]);
}
