//! The `http` store: one request to a service of the organisation's own, by GET or by POST, answered in JSON.
//!
//! For everything that speaks none of the standards. The user's name goes, encoded, into the path, the query or the body;
//! attributes are JSON pointers (RFC 6901) into the answer.

mod json_template;
mod url_template;

use std::{collections::BTreeMap, fmt, sync::Arc};

use claims::{Attributes, Json, Object};
use http::{HeaderName, HeaderValue, StatusCode, header::ACCEPT};

pub use self::{
    json_template::JsonTemplate,
    url_template::{UrlTemplate, UrlTemplateError},
};
use crate::{
    attribute_map::{AttributeMap, RawAttributes},
    error::StoreError,
    http_client::{HttpAnswer, HttpClientError, HttpRequest},
    json_pointer::JsonPointer,
    service::{Service, ServiceSettings},
    user_store::{BoxFuture, Question, UserStore, seconds},
};

/// How the service is asked.
#[derive(Clone, Debug)]
pub struct HttpCalloutSettings {
    /// What is sent.
    pub request: CalloutRequest,
    /// How the answer is read.
    pub reading: CalloutReading,
    /// Which attributes leave the store; its own names are JSON pointers.
    pub attributes: AttributeMap,
    /// The pointers, by their text; seen from the user's entry.
    pub pointers: BTreeMap<Box<str>, JsonPointer>,
    /// The service.
    pub service: ServiceSettings,
}

/// What is sent. The user's name is in the address or in the body.
#[derive(Clone, Debug)]
pub struct CalloutRequest {
    /// The address.
    pub url: UrlTemplate,
    /// The body of a POST; `None`: a GET.
    pub body: Option<JsonTemplate>,
    /// Header fields of every request.
    pub headers: Vec<(HeaderName, HeaderValue)>,
}

/// How the answer is read.
#[derive(Clone, Debug)]
pub struct CalloutReading {
    /// The statuses that say that there is no such user.
    pub not_found: Vec<StatusCode>,
    /// Where the array of matches is; `None`: the answer is the user himself, an object.
    pub entries: Option<JsonPointer>,
    /// Where the user's name is; it must be there, and only a name that is the same byte for byte is a match.
    pub user: Option<JsonPointer>,
}

/// The `http` user store.
///
/// A name that is empty or holds a NUL is nobody's, as is one that cannot be in a path when it should be.
pub struct HttpCallout {
    name: Arc<str>,
    request: CalloutRequest,
    reading: CalloutReading,
    attributes: AttributeMap,
    pointers: BTreeMap<Box<str>, JsonPointer>,
    service: Service,
}

/// Why an answer cannot be read. Holds no value of a user.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
enum CalloutFault {
    #[error("the service answered {0}")]
    Status(StatusCode),
    #[error("it is not JSON but `{0}`")]
    MediaType(Box<str>),
    #[error("it is not acceptable JSON")]
    Json,
    #[error("there is no array at `entries`")]
    NoEntries,
    #[error("the user is no JSON object")]
    NoObject,
    #[error("there is no text at `user`")]
    NoUser,
}

impl HttpCallout {
    /// Makes the store called `name`. Connects to nothing yet.
    ///
    /// # Errors
    ///
    /// [`HttpClientError`] when the CA certificates cannot be used.
    pub fn new(name: Arc<str>, settings: HttpCalloutSettings) -> Result<Self, HttpClientError> {
        let HttpCalloutSettings { request, reading, attributes, pointers, service } = settings;
        let service = Service::new(Arc::clone(&name), service)?;
        Ok(Self { name, request, reading, attributes, pointers, service })
    }

    async fn find(&self, question: Question<'_>) -> Result<Option<Attributes>, StoreError> {
        if question.user.is_empty() || question.user.contains('\0') {
            return Ok(None);
        }
        let Some(request) = self.request.fill(question) else { return Ok(None) };
        let answer = self.service.ask(request).await?;
        let entries = self.entries(&answer).map_err(|fault| self.bad(&fault))?;
        question.note(|traced| traced.matches = Some(entries.len()));
        let user = match <[Json; 1]>::try_from(entries) {
            Ok([user]) => user,
            Err(none) if none.is_empty() => return Ok(None),
            Err(_) => return Err(StoreError::Ambiguous { store: Arc::clone(&self.name) }),
        };
        if !self.is_asked_for(&user, question.user).map_err(|fault| self.bad(&fault))? {
            return Ok(None);
        }
        let values = self.pointers.iter().map(|(name, pointer)| (name.clone(), pointer.values(&user)));
        let raw: RawAttributes = values.collect();
        question.note(|traced| {
            let members = user.as_object().into_iter().flat_map(Object::iter).map(|(name, _)| name);
            let unread = members.filter(|name| !self.pointers.values().any(|pointer| pointer.is_within(name)));
            traced.returned.extend(unread.map(|name| format!("/{}", escaped(name)).into()));
            traced.returned.extend(raw.iter().filter(|(_, values)| !values.is_empty()).map(|(name, _)| name.clone()));
        });
        Ok(Some(self.attributes.apply(&raw, &self.name, seconds(question.now))))
    }

    /// Returns what matches.
    fn entries(&self, answer: &HttpAnswer) -> Result<Vec<Json>, CalloutFault> {
        if self.reading.not_found.contains(&answer.status) {
            return Ok(Vec::new());
        }
        if answer.status != StatusCode::OK {
            return Err(CalloutFault::Status(answer.status));
        }
        let media_type = answer.media_type();
        if &*media_type != "application/json" && !media_type.ends_with("+json") {
            return Err(CalloutFault::MediaType(media_type));
        }
        let json = Json::parse(&answer.body).map_err(|_| CalloutFault::Json)?;
        match &self.reading.entries {
            None => Ok(vec![json]),
            Some(pointer) => {
                let entries = pointer.find(&json).and_then(Json::as_array).ok_or(CalloutFault::NoEntries)?;
                Ok(entries.to_vec())
            }
        }
    }

    /// Looks whether the entry is the user's, as far as the operator has said where that can be seen.
    fn is_asked_for(&self, entry: &Json, user: &str) -> Result<bool, CalloutFault> {
        if entry.as_object().is_none() {
            return Err(CalloutFault::NoObject);
        }
        match &self.reading.user {
            None => Ok(true),
            Some(pointer) => {
                let found = pointer.find(entry).and_then(Json::as_str).ok_or(CalloutFault::NoUser)?;
                Ok(found == user)
            }
        }
    }

    /// Asks for the root of the service: whatever it answers, it is there. The path for a user may do work or be logged.
    async fn try_out(&self) -> Result<(), StoreError> {
        let Some(root) = self.request.url.root() else { return Ok(()) };
        self.service.reach(HttpRequest::get(root)).await
    }

    fn bad(&self, fault: &CalloutFault) -> StoreError {
        StoreError::malformed(&self.name, fault.to_string())
    }
}

impl CalloutRequest {
    /// Makes the request for one user; `None`: his name cannot be in a path.
    fn fill(&self, question: Question<'_>) -> Option<HttpRequest> {
        let url = self.url.fill(question.user)?;
        let (method, request) = match &self.body {
            None => ("GET", HttpRequest::get(url)),
            Some(body) => {
                let media_type = HeaderValue::from_static("application/json");
                ("POST", HttpRequest::post(url, media_type, body.fill(question.user)))
            }
        };
        question.note(|traced| {
            let body = self.body.as_ref().map(|body| body.fill(question.user));
            let body = body.map(|body| format!(" {}", String::from_utf8_lossy(&body))).unwrap_or_default();
            traced.asked.push(format!("{method} {}{body}", request.url()).into());
        });
        let request = request.with(ACCEPT, HeaderValue::from_static("application/json"));
        Some(self.headers.iter().fold(request, |request, (name, value)| request.with(name.clone(), value.clone())))
    }
}

impl UserStore for HttpCallout {
    fn attribute_map(&self) -> &AttributeMap {
        &self.attributes
    }

    fn lookup<'a>(&'a self, question: Question<'a>) -> BoxFuture<'a, Result<Option<Attributes>, StoreError>> {
        Box::pin(self.find(question))
    }

    fn probe(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(self.try_out())
    }
}

impl fmt::Debug for HttpCallout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpCallout").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Writes a member's name as a pointer's token.
fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}
