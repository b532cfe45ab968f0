//! `RequestMirror`: copies of calls go elsewhere too.

use super::policy::read_identity;
use crate::{
    bind::{Form, RecordShape, Shape, Value, WebUrl},
    span::{Span, Spanned},
};

/// One `RequestMirror`.
#[derive(Clone, Debug, PartialEq)]
pub struct RequestMirror {
    /// Where the entry stands.
    pub span: Span,
    /// `urls`
    pub urls: Vec<Spanned<WebUrl>>,
}

impl RequestMirror {
    /// Reads the policy.
    pub(super) fn read(form: &mut Form<'_>) -> Self {
        read_identity(form);
        let Parameters { urls } = form.required("parameters", "Where copies go.");
        Self { span: form.span(), urls }
    }
}

/// Its parameters.
#[derive(Clone)]
struct Parameters {
    urls: Vec<Spanned<WebUrl>>,
}

impl Value for Parameters {
    const SHAPE: Shape<Self> = Shape::Record(RecordShape {
        name: "Mirrors",
        about: "Where copies of calls go.",
        short: None,
        read: |form| Self { urls: form.required("urls", "Addresses, in place of the endpoint's.") },
    });
}
