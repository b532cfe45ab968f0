//! `RequestRedirect`: the caller is sent elsewhere.

use super::policy::read_identity;
use crate::{
    bind::{Form, RecordShape, Shape, Value, WebUrl},
    span::{Span, Spanned},
};

/// One `RequestRedirect`.
#[derive(Clone, Debug, PartialEq)]
pub struct RequestRedirect {
    /// Where the entry stands.
    pub span: Span,
    /// `url`
    pub url: Spanned<WebUrl>,
    /// `statusCode`
    pub status: Spanned<u64>,
}

impl RequestRedirect {
    /// Reads the policy.
    pub(super) fn read(form: &mut Form<'_>) -> Self {
        read_identity(form);
        let Parameters { url, status } = form.required("parameters", "Where to, and how it is said.");
        Self { span: form.span(), url, status }
    }
}

/// Its parameters.
#[derive(Clone)]
struct Parameters {
    url: Spanned<WebUrl>,
    status: Spanned<u64>,
}

impl Value for Parameters {
    const SHAPE: Shape<Self> = Shape::Record(RecordShape {
        name: "Redirection",
        about: "Where callers are sent.",
        short: None,
        read: |form| Self {
            url: form.required("url", "The address; without a query of its own it gets that of the call."),
            status: form.defaulted("statusCode", "302", "301, 302, or with the same method 307, 308."),
        },
    });
}
