//! The `scim` store: users of a SCIM 2.0 service (RFC 7643, RFC 7644), found by a filter or by their `id`.
//!
//! Reads only. The user's name is escaped into the filter's string or a segment of the path; it cannot change what is
//! asked. A user leaves only whole: an answer that is not exactly as the standard says is an error, never fewer attributes.

mod answer;
mod filter;
mod filter_template;
mod last_answers;
mod path;
mod reader;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
};

use claims::{Attributes, Object};
use http::{
    HeaderValue, StatusCode,
    header::{ACCEPT, ETAG, IF_NONE_MATCH},
};
use url::Url;

use self::{
    answer::{Found, ScimFault},
    filter_template::Spelling,
    last_answers::LastAnswers,
};
pub use self::{
    filter_template::FilterTemplate,
    path::ScimPath,
    reader::{ScimSyntaxError, ScimSyntaxProblem},
};
use crate::{
    attribute_map::{AttributeMap, RawAttributes},
    error::StoreError,
    http_client::{HttpClientError, HttpRequest},
    percent::{encoded, is_segment},
    service::{Service, ServiceSettings},
    user_store::{BoxFuture, Question, UserMatch, UserStore, seconds},
};

/// A name that nobody has, for [`UserStore::probe`].
const NOBODY: &str = "countersign-probe";

/// How a SCIM service is asked.
#[derive(Clone, Debug)]
pub struct ScimSettings {
    /// The service's base address; `/Users` is below it.
    pub url: Url,
    /// How a user is found.
    pub find: ScimFind,
    /// When what the service found is the user in question. By `id` always to the letter.
    pub user_match: UserMatch,
    /// Whether only the attributes that are needed are asked for, by the parameter `attributes` (RFC 7644 §3.9).
    pub selection: ScimSelection,
    /// Which attributes leave the store; its own names are paths.
    pub attributes: AttributeMap,
    /// The paths, by their text.
    pub paths: BTreeMap<Box<str>, ScimPath>,
    /// The service.
    pub service: ServiceSettings,
}

/// How a user is found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ScimFind {
    /// `GET /Users?filter=…`
    Filter(FilterTemplate),
    /// `GET /Users/{id}`: the name is the service's own `id`.
    Id,
}

/// Which attributes are asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ScimSelection {
    /// Those that are needed.
    #[default]
    Needed,
    /// What the service gives by itself: for services that stumble over the parameter.
    Default,
}

/// The `scim` user store.
///
/// A name that is empty or holds a NUL is nobody's; by `id` neither is one that cannot be a segment of a path.
pub struct ScimStore {
    name: Arc<str>,
    url: Box<str>,
    find: ScimFind,
    user_match: UserMatch,
    attributes: AttributeMap,
    paths: BTreeMap<Box<str>, ScimPath>,
    /// `attributes=…`, encoded; empty: not asked for.
    selection: Box<str>,
    last_answers: LastAnswers,
    service: Service,
}

impl ScimStore {
    /// Makes the store called `name`. Connects to nothing yet.
    ///
    /// # Errors
    ///
    /// [`HttpClientError`] when the CA certificates cannot be used.
    pub fn new(name: Arc<str>, settings: ScimSettings) -> Result<Self, HttpClientError> {
        let ScimSettings { url, find, user_match, selection, attributes, paths, service } = settings;
        let selection = match selection {
            ScimSelection::Needed => selection_of(&find, &paths),
            ScimSelection::Default => Box::default(),
        };
        let service = Service::new(Arc::clone(&name), service)?;
        let url = url.as_str().trim_end_matches('/').into();
        let last_answers = LastAnswers::new();
        Ok(Self { name, url, find, user_match, attributes, paths, selection, last_answers, service })
    }

    async fn find(&self, question: Question<'_>) -> Result<Option<Attributes>, StoreError> {
        if question.user.is_empty() || question.user.contains('\0') {
            return Ok(None);
        }
        let user = match &self.find {
            ScimFind::Filter(template) => self.search(template, question).await?.map(Arc::new),
            ScimFind::Id => self.fetch(question).await?,
        };
        let Some(user) = user else { return Ok(None) };
        let values = self.paths.iter().map(|(name, path)| (name.clone(), path.select(&user)));
        let raw: RawAttributes = values.collect();
        question.note(|traced| {
            let read = |name: &str| self.paths.values().any(|path| path.asked_for().eq_ignore_ascii_case(name));
            traced.returned.extend(answer::names(&user).filter(|name| !read(name)));
            traced.returned.extend(raw.iter().filter(|(_, values)| !values.is_empty()).map(|(path, _)| path.clone()));
        });
        Ok(Some(self.attributes.apply(&raw, &self.name, seconds(question.now))))
    }

    /// Searches by the filter. Two users are one too many to ask for: the number of all is in the answer.
    async fn search(&self, template: &FilterTemplate, question: Question<'_>) -> Result<Option<Object>, StoreError> {
        let url = self.search_url(template, question.user)?;
        question.note(|traced| traced.asked.push(format!("GET {url}").into()));
        let answer = self.service.ask(scim_request(url)).await?;
        let found = answer::search(&answer).map_err(|fault| self.bad(&fault))?;
        let matches = match &found {
            Found::Nobody => 0,
            Found::One(_) => 1,
            Found::Several(number) => *number,
        };
        question.note(|traced| traced.matches = Some(matches));
        match found {
            Found::Nobody => Ok(None),
            Found::Several(_) => Err(StoreError::Ambiguous { store: Arc::clone(&self.name) }),
            Found::One(user) => match (self.user_match, template.spelling(&user, question.user)) {
                (UserMatch::Store, _) | (UserMatch::Exact, Spelling::Exact) => Ok(Some(user)),
                (UserMatch::Exact, Spelling::Other) => Ok(None),
                (UserMatch::Exact, Spelling::Unknown) => Err(self.bad(&ScimFault::NotComparable)),
            },
        }
    }

    /// Fetches the user by his `id`; a last answer is only confirmed.
    async fn fetch(&self, question: Question<'_>) -> Result<Option<Arc<Object>>, StoreError> {
        let id = question.user;
        if !is_segment(id) {
            return Ok(None);
        }
        let separator = if self.selection.is_empty() { "" } else { "?" };
        let url = self.address(&format!("/Users/{}{separator}{}", encoded(id), self.selection))?;
        question.note(|traced| traced.asked.push(format!("GET {url}").into()));
        let last = self.last_answers.find(id);
        let request = match &last {
            Some(last) => scim_request(url).with(IF_NONE_MATCH, last.etag.clone()),
            None => scim_request(url),
        };
        let answer = self.service.ask(request).await?;
        let user = match last.filter(|_| answer.status == StatusCode::NOT_MODIFIED) {
            Some(last) => Some(last.user),
            None => answer::user(&answer, id).map_err(|fault| self.bad(&fault))?.map(Arc::new),
        };
        question.note(|traced| traced.matches = Some(usize::from(user.is_some())));
        match (&user, answer.headers.get(ETAG)) {
            (Some(user), Some(etag)) => self.last_answers.keep(id, etag.clone(), Arc::clone(user)),
            (Some(_), None) if answer.status == StatusCode::NOT_MODIFIED => {}
            (Some(_) | None, _) => self.last_answers.forget(id),
        }
        Ok(user)
    }

    /// By filter: a search for nobody, which needs the credentials and a filter that the service understands. By `id`: the
    /// service's description of itself.
    async fn try_out(&self) -> Result<(), StoreError> {
        match &self.find {
            ScimFind::Filter(template) => {
                let answer = self.service.ask(scim_request(self.search_url(template, NOBODY)?)).await?;
                answer::search(&answer).map(drop).map_err(|fault| self.bad(&fault))
            }
            ScimFind::Id => {
                let answer = self.service.ask(scim_request(self.address("/ServiceProviderConfig")?)).await?;
                answer::provider(&answer).map_err(|fault| self.bad(&fault))
            }
        }
    }

    fn search_url(&self, template: &FilterTemplate, user: &str) -> Result<Url, StoreError> {
        let separator = if self.selection.is_empty() { "" } else { "&" };
        let filter = encoded(&template.filter(user));
        self.address(&format!("/Users?filter={filter}&count=2{separator}{}", self.selection))
    }

    fn address(&self, rest: &str) -> Result<Url, StoreError> {
        Url::parse(&format!("{}{rest}", self.url)).map_err(|error| StoreError::unavailable(&self.name, error))
    }

    fn bad(&self, fault: &ScimFault) -> StoreError {
        StoreError::malformed(&self.name, fault.to_string())
    }
}

impl UserStore for ScimStore {
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

impl fmt::Debug for ScimStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScimStore").field("name", &self.name).field("url", &self.url).finish_non_exhaustive()
    }
}

fn scim_request(url: Url) -> HttpRequest {
    HttpRequest::get(url).with(ACCEPT, HeaderValue::from_static("application/scim+json, application/json"))
}

/// Returns the parameter that names what is needed: what leaves the store, and what the filter compares.
fn selection_of(find: &ScimFind, paths: &BTreeMap<Box<str>, ScimPath>) -> Box<str> {
    let mut names: BTreeSet<String> = paths.values().map(ScimPath::asked_for).collect();
    match find {
        ScimFind::Filter(template) => names.extend(template.compared().map(ScimPath::asked_for)),
        ScimFind::Id => {}
    }
    let names: Vec<String> = names.iter().map(|name| encoded(name)).collect();
    if names.is_empty() { Box::default() } else { format!("attributes={}", names.join(",")).into() }
}
