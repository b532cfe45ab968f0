//! What goes wrong, as RFC 9457 problems; a configuration's mistakes with the diagnostics of `countersign check`.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use gateway::{Diagnostic, Diagnostics};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use utoipa::ToSchema;

/// Why a request was not done.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Problem {
    /// `about:blank`: the status says what kind of problem it is.
    #[serde(rename = "type")]
    kind: &'static str,
    /// The status in words.
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// What happened, for people.
    detail: Box<str>,
    /// What happened, for programs.
    code: &'static str,
    /// What is wrong with the configuration.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    diagnostics: Vec<Mistake>,
    /// The entity tag that `If-Match` should have named.
    #[serde(skip)]
    etag: Option<Box<str>>,
}

/// One complaint, as `countersign check --format json` prints it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Mistake {
    /// `error` or `warning`.
    severity: &'static str,
    /// What kind of mistake it is.
    code: &'static str,
    /// What is wrong.
    message: String,
    /// What to do about it.
    hint: Option<String>,
    /// The file.
    file: String,
    /// The line, from 1.
    line: u32,
    /// The column, from 1.
    column: u32,
    /// The first byte in the file.
    offset: u32,
    /// The length in bytes.
    length: u32,
    /// The place within the posted document, as a JSON pointer, where it is known.
    pointer: Option<String>,
}

impl Mistake {
    /// Shows a diagnostic.
    pub(crate) fn of(diagnostic: &Diagnostic) -> Self {
        let span = &diagnostic.span;
        Self {
            severity: diagnostic.severity.text(),
            code: diagnostic.code.text(),
            message: diagnostic.message.clone(),
            hint: diagnostic.hint.clone(),
            file: span.file.to_string_lossy().into_owned(),
            line: span.line,
            column: span.column,
            offset: span.offset,
            length: span.length,
            pointer: None,
        }
    }

    /// Shows all of a list.
    pub(crate) fn all(diagnostics: &Diagnostics) -> Vec<Self> {
        diagnostics.iter().map(Self::of).collect()
    }

    /// Adds the place within the posted document.
    pub(crate) fn at(self, pointer: Option<String>) -> Self {
        Self { pointer, ..self }
    }

    /// True for an error.
    pub(crate) fn is_error(&self) -> bool {
        self.severity == "error"
    }
}

impl Problem {
    /// Makes a problem.
    pub(crate) fn new(status: StatusCode, code: &'static str, detail: impl Into<Box<str>>) -> Self {
        Self {
            kind: "about:blank",
            title: status.canonical_reason().unwrap_or_default(),
            status: status.as_u16(),
            detail: detail.into(),
            code,
            diagnostics: Vec::new(),
            etag: None,
        }
    }

    /// What happened, for programs.
    pub(crate) const fn code(&self) -> &'static str {
        self.code
    }

    /// True: what it is about has been changed meanwhile.
    pub(crate) fn is_stale(&self) -> bool {
        self.status == StatusCode::PRECONDITION_FAILED.as_u16()
    }

    /// 400: the request makes no sense.
    pub(crate) fn bad_request(detail: impl Into<Box<str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_request", detail)
    }

    /// 404: what was named does not exist.
    pub(crate) fn not_found(detail: impl Into<Box<str>>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", detail)
    }

    /// 409: something of that name is there already, or the state does not allow it.
    pub(crate) fn conflict(detail: impl Into<Box<str>>) -> Self {
        Self::new(StatusCode::CONFLICT, "conflict", detail)
    }

    /// 422: it was understood and cannot be done.
    pub(crate) fn unprocessable(detail: impl Into<Box<str>>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "unprocessable", detail)
    }

    /// 422: the configuration that would come of it is broken.
    pub(crate) fn broken(diagnostics: Vec<Mistake>) -> Self {
        let errors = diagnostics.iter().filter(|mistake| mistake.is_error()).count();
        let detail = match errors {
            1 => "the configuration would have 1 error; nothing was changed".to_owned(),
            _ => format!("the configuration would have {errors} errors; nothing was changed"),
        };
        Self { diagnostics, ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_configuration", detail) }
    }

    /// 428: an update must say what it updates.
    pub(crate) fn no_condition(etag: &str) -> Self {
        let detail = "send `If-Match` with the entity tag of what you have seen, so that nobody's change is lost";
        let problem = Self::new(StatusCode::PRECONDITION_REQUIRED, "precondition_required", detail);
        Self { etag: Some(etag.into()), ..problem }
    }

    /// 412: somebody else was faster.
    pub(crate) fn stale(etag: &str) -> Self {
        let detail = "somebody has changed this since you read it: read it again, and repeat your change on top";
        let problem = Self::new(StatusCode::PRECONDITION_FAILED, "changed_meanwhile", detail);
        Self { etag: Some(etag.into()), ..problem }
    }

    /// 403: whoever asks may not do this.
    pub(crate) fn forbidden(detail: impl Into<Box<str>>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", detail)
    }

    /// 401: nobody knows who asks.
    pub(crate) fn unauthenticated(detail: impl Into<Box<str>>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthenticated", detail)
    }

    /// 503: the database with the API definitions cannot be asked; the cause is in the log.
    pub(crate) fn unavailable(cause: impl std::fmt::Display) -> Self {
        tracing::error!("the database of API definitions: {cause}");
        let detail =
            "the database with the API definitions does not answer: nothing was changed, and what runs goes on";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "database_unavailable", detail)
    }

    /// 500: the gateway's own fault; the cause is in its log.
    pub(crate) fn failed(cause: impl std::fmt::Display) -> Self {
        tracing::error!("an admin request failed: {cause}");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "failed", "it failed; the gateway's log says why")
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let etag = self.etag.as_deref().and_then(|etag| HeaderValue::from_str(etag).ok());
        let mut response = (status, Json(self)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(etag) = etag {
            headers.insert(header::ETAG, etag);
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
