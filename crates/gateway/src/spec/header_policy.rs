//! `AddHeader`, `SetHeader` and `RemoveHeader`: what happens to the fields of a call or of its answer.

use super::policy::read_identity;
use crate::{
    bind::{Form, Literal, RecordShape, Shape, Value},
    span::{Span, Spanned},
};

/// One of the three policies.
#[derive(Clone, Debug, PartialEq)]
pub struct HeaderPolicy {
    /// Where the entry stands.
    pub span: Span,
    /// `headerName`
    pub name: Spanned<String>,
    /// What happens to the fields of that name.
    pub change: HeaderChange,
}

/// What happens to the fields of a name.
#[derive(Clone, Debug, PartialEq)]
pub enum HeaderChange {
    /// `AddHeader`: one more.
    Add(Spanned<Literal>),
    /// `SetHeader`: this one alone.
    Set(Spanned<Literal>),
    /// `RemoveHeader`: none.
    Remove,
}

impl HeaderPolicy {
    /// Reads an `AddHeader`.
    pub(super) fn add(form: &mut Form<'_>) -> Self {
        Self::with_value(form, HeaderChange::Add)
    }

    /// Reads a `SetHeader`.
    pub(super) fn set(form: &mut Form<'_>) -> Self {
        Self::with_value(form, HeaderChange::Set)
    }

    /// Reads a `RemoveHeader`.
    pub(super) fn remove(form: &mut Form<'_>) -> Self {
        read_identity(form);
        let NamedHeader { name } = form.required("parameters", "Which fields.");
        Self { span: form.span(), name, change: HeaderChange::Remove }
    }

    fn with_value(form: &mut Form<'_>, change: fn(Spanned<Literal>) -> HeaderChange) -> Self {
        read_identity(form);
        let ValuedHeader { name, value } = form.required("parameters", "Which field, and what it says.");
        Self { span: form.span(), name, change: change(value) }
    }
}

/// The parameters of a policy that writes a field.
#[derive(Clone)]
struct ValuedHeader {
    name: Spanned<String>,
    value: Spanned<Literal>,
}

/// The parameters of `RemoveHeader`.
#[derive(Clone)]
struct NamedHeader {
    name: Spanned<String>,
}

impl Value for ValuedHeader {
    const SHAPE: Shape<Self> = Shape::Record(RecordShape {
        name: "HeaderField",
        about: "A header field.",
        short: None,
        read: |form| Self {
            name: form.required("headerName", "Its name."),
            value: form.required("headerValue", "Its value."),
        },
    });
}

impl Value for NamedHeader {
    const SHAPE: Shape<Self> = Shape::Record(RecordShape {
        name: "HeaderName",
        about: "The name of header fields.",
        short: None,
        read: |form| {
            form.ignored("headerValue", "No effect.");
            Self { name: form.required("headerName", "The name.") }
        },
    });
}
