//! What a SCIM server answers (RFC 7644 §3.4): a list, one user, or an error message. Anything else is refused, whole.

use std::collections::BTreeSet;

use claims::{Json, Object};
use http::StatusCode;

use super::path::{CORE_USER, member};
use crate::http_client::HttpAnswer;

const LIST: &str = "urn:ietf:params:scim:api:messages:2.0:ListResponse";
const ERROR: &str = "urn:ietf:params:scim:api:messages:2.0:Error";
const PROVIDER: &str = "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig";

/// What a search found.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    Nobody,
    One(Object),
    Several(usize),
}

/// Why an answer cannot be read. Holds no value of a user.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum ScimFault {
    #[error("it is not JSON but `{0}`")]
    MediaType(Box<str>),
    #[error("it is not acceptable JSON")]
    Json,
    #[error("it is not of the schema `{0}`")]
    Schema(&'static str),
    #[error("its `totalResults` and `Resources` do not fit together")]
    Count,
    #[error("two members of an object differ by case only")]
    Twice,
    #[error("its `id` is not the one that was asked for")]
    OtherId,
    #[error("the service answered {status}{}", .kind.as_ref().map(|kind| format!(", `{kind}`")).unwrap_or_default())]
    Status {
        status: u16,
        /// `scimType` (RFC 7644 §3.12).
        kind: Option<Box<str>>,
    },
    #[error("the service answered 404 without a SCIM error message: is `url` right?")]
    NotFound,
    #[error("it says that nothing has changed, and was not asked whether it had")]
    NotModified,
    #[error("it lacks the attribute that the filter compares: return it, or set `userMatch: store`")]
    NotComparable,
}

/// Reads the answer to a search (RFC 7644 §3.4.2).
pub(super) fn search(answer: &HttpAnswer) -> Result<Found, ScimFault> {
    let list = message(answer, LIST)?;
    let total = member(&list, "totalResults").and_then(Json::as_u64).ok_or(ScimFault::Count)?;
    let resources = match member(&list, "Resources") {
        None => &[],
        Some(resources) => resources.as_array().ok_or(ScimFault::Count)?,
    };
    match (total, resources) {
        (0, []) => Ok(Found::Nobody),
        (1, [user]) => Ok(Found::One(user_of(user)?)),
        (1, []) => Err(ScimFault::Count),
        (total, resources) => Ok(Found::Several(usize::try_from(total).unwrap_or(usize::MAX).max(resources.len()))),
    }
}

/// Reads the answer about one user (RFC 7644 §3.4.1); `None`: no such user.
pub(super) fn user(answer: &HttpAnswer, id: &str) -> Result<Option<Object>, ScimFault> {
    if answer.status == StatusCode::NOT_FOUND {
        // Any other server's 404, say a proxy's, must not make everybody unknown.
        let error = json(answer).ok().filter(|error| has_schema(error, ERROR));
        return error.map(|_| None).ok_or(ScimFault::NotFound);
    }
    let user = user_of(&Json::Object(content(answer)?))?;
    let is_asked_for = member(&user, "id").and_then(Json::as_str) == Some(id);
    if is_asked_for { Ok(Some(user)) } else { Err(ScimFault::OtherId) }
}

/// Reads the description of the service (RFC 7643 §5).
pub(super) fn provider(answer: &HttpAnswer) -> Result<(), ScimFault> {
    message(answer, PROVIDER).map(drop)
}

/// Returns the names of a user's attributes; those of an extension behind its schema.
pub(super) fn names(user: &Object) -> impl Iterator<Item = Box<str>> {
    user.iter().flat_map(|(name, value)| match value.as_object().filter(|_| name.contains(':')) {
        Some(extension) => extension.iter().map(|(attribute, _)| format!("{name}:{attribute}").into()).collect(),
        None => vec![Box::from(name)],
    })
}

/// Some services leave `schemas` out when they are asked for some attributes only; where it is, it must name users.
fn user_of(json: &Json) -> Result<Object, ScimFault> {
    let is_user = |user: &&Object| member(user, "schemas").is_none() || has_schema(user, CORE_USER);
    let user = json.as_object().filter(is_user).ok_or(ScimFault::Schema(CORE_USER))?;
    refuse_twins(json)?;
    Ok(user.clone())
}

/// Reads an answer that is what was asked for.
fn content(answer: &HttpAnswer) -> Result<Object, ScimFault> {
    match answer.status {
        StatusCode::OK => json(answer),
        StatusCode::NOT_MODIFIED => Err(ScimFault::NotModified),
        StatusCode::NOT_FOUND => Err(ScimFault::NotFound),
        status => Err(ScimFault::Status { status: status.as_u16(), kind: error_kind(answer) }),
    }
}

/// Reads an answer of one schema.
fn message(answer: &HttpAnswer, schema: &'static str) -> Result<Object, ScimFault> {
    let message = content(answer)?;
    if has_schema(&message, schema) { Ok(message) } else { Err(ScimFault::Schema(schema)) }
}

fn json(answer: &HttpAnswer) -> Result<Object, ScimFault> {
    if !answer.is_of(&["application/scim+json", "application/json"]) {
        return Err(ScimFault::MediaType(answer.media_type()));
    }
    match Json::parse(&answer.body) {
        Ok(Json::Object(object)) => Ok(object),
        Ok(Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) | Json::Array(_)) | Err(_) => {
            Err(ScimFault::Json)
        }
    }
}

fn has_schema(object: &Object, schema: &str) -> bool {
    let schemas = member(object, "schemas").and_then(Json::as_array).unwrap_or_default();
    schemas.iter().filter_map(Json::as_str).any(|known| known.eq_ignore_ascii_case(schema))
}

/// Returns `scimType`, if it is a keyword.
fn error_kind(answer: &HttpAnswer) -> Option<Box<str>> {
    let error = json(answer).ok()?;
    let kind = member(&error, "scimType")?.as_str()?;
    let is_keyword = kind.len() <= 32 && kind.bytes().all(|byte| byte.is_ascii_alphabetic());
    is_keyword.then(|| kind.into())
}

/// Refuses objects with two members whose names differ by case only: which is meant, nobody can say.
fn refuse_twins(json: &Json) -> Result<(), ScimFault> {
    match json {
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => Ok(()),
        Json::Array(values) => values.iter().try_for_each(refuse_twins),
        Json::Object(object) => {
            let mut names = BTreeSet::new();
            object.iter().try_for_each(|(name, value)| {
                if names.insert(name.to_ascii_lowercase()) { refuse_twins(value) } else { Err(ScimFault::Twice) }
            })
        }
    }
}
