//! The API definitions.

use std::sync::Arc;

use axum::{Json, extract::State, response::IntoResponse};
use gateway::{Access, Api, ApiState, Compiled, Endpoint, Endpoints, Holds, Upstream, spec};
use http::header::ETAG;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{policies::effective::running, revisions::Past};
use crate::{
    admin::{
        body::{Place, Search},
        desk::{Desk, blocking},
        person::{Person, Role},
        problem::Problem,
    },
    definitions::Definition,
};

/// How many items a page has where nobody asks for another number.
const PAGE: usize = 200;
const LARGEST_PAGE: usize = 1000;

pub(super) fn routes() -> OpenApiRouter<Arc<Desk>> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(read))
}

/// Some items, and how many there are.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct List<T> {
    items: Vec<T>,
    total: usize,
}

/// Which items are asked for.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(super) struct Page {
    /// Only those whose name holds this text.
    q: Option<String>,
    /// How many at most.
    #[param(minimum = 0, maximum = 1000, default = 200)]
    limit: Option<usize>,
    /// How many to leave out first.
    #[param(minimum = 0, default = 0)]
    offset: Option<usize>,
}

impl<T> List<T> {
    /// Makes a list of everything.
    pub(super) fn whole(items: Vec<T>) -> Self {
        Self { total: items.len(), items }
    }

    /// Makes a list of the first `limit` items, which says how many there are.
    pub(super) fn first(limit: usize, items: Vec<T>) -> Self {
        Self { total: items.len(), items: items.into_iter().take(limit).collect() }
    }
}

impl Page {
    /// Cuts the page out of `items`, which have been looked through for `q` already.
    pub(super) fn of<I, T>(&self, items: Vec<I>, view: impl FnMut(I) -> T) -> List<T> {
        let total = items.len();
        let limit = self.limit.unwrap_or(PAGE).min(LARGEST_PAGE);
        let items = items.into_iter().skip(self.offset.unwrap_or(0)).take(limit);
        List { items: items.map(view).collect(), total }
    }

    /// True when a text is asked for.
    pub(super) fn wants(&self, texts: &[&str]) -> bool {
        let Some(wanted) = self.q.as_deref().map(str::to_lowercase).filter(|wanted| !wanted.is_empty()) else {
            return true;
        };
        texts.iter().any(|text| text.to_lowercase().contains(&wanted))
    }
}

/// An API in a list.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ApiSummary {
    id: String,
    name: String,
    version: String,
    base_path: String,
    /// The path under which it answers: with its version.
    context: String,
    #[serde(rename = "type")]
    kind: String,
    environment: Option<String>,
    state: Running,
    /// How many operations it has.
    operations: usize,
    /// The narrowest level with a Backend JWT policy.
    backend_jwt: Level,
    /// How callers prove who they are.
    security: Vec<String>,
    /// Who may change it, besides operators.
    owners: Vec<String>,
    /// The file's name.
    file: String,
    etag: String,
}

/// Whether an API answers.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = ApiState)]
enum Running {
    /// As its definition says.
    Live,
    /// With 503, or as an older definition says: the file has errors.
    Broken,
}

/// Where a policy stands.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Level {
    Gateway,
    Api,
    Operations,
    None,
}

/// An API with its definition.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ApiView {
    #[serde(flatten)]
    summary: ApiSummary,
    /// The file's text.
    document: String,
    /// The same as JSON.
    definition: Value,
    endpoints: Vec<EndpointView>,
    /// The ids of the APIs of the same name.
    versions: Vec<String>,
    /// How many revisions the history has.
    revisions: usize,
}

/// Where calls go.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct EndpointView {
    /// `production` or `sandbox`.
    #[serde(rename = "type")]
    kind: &'static str,
    url: String,
    /// Its share of the calls, among those of its operations.
    weight: u64,
}

/// The API definitions, in name order.
#[utoipa::path(get, path = "/apis", operation_id = "listApis", params(Page), responses((status = OK, body = List<ApiSummary>)))]
async fn list(
    State(desk): State<Arc<Desk>>,
    person: Person,
    Search(page): Search<Page>,
) -> Result<Json<List<ApiSummary>>, Problem> {
    person.require(Role::Viewer)?;
    blocking(move || {
        let published = desk.published();
        let mut found = desk.definitions()?;
        found.retain(|definition| page.wants(&[definition.name(), &definition.id, base_path(definition)]));
        found.sort_by(|one, other| (one.name(), &one.id).cmp(&(other.name(), &other.id)));
        Ok(Json(page.of(found, |definition| ApiSummary::of(&desk, &definition, &published))))
    })
    .await
}

/// One API, with its definition.
#[utoipa::path(
    get,
    path = "/apis/{id}",
    operation_id = "getApi",
    params(("id" = String, Path, description = "The API's id")),
    responses(
        (status = OK, body = ApiView, headers(("ETag" = String, description = "Of the API's file"))),
        (status = NOT_FOUND, body = Problem, content_type = "application/problem+json")
    )
)]
async fn read(
    State(desk): State<Arc<Desk>>,
    person: Person,
    Place(id): Place<String>,
) -> Result<impl IntoResponse, Problem> {
    person.require(Role::Viewer)?;
    blocking(move || {
        let (etag, view) = ApiView::read(&desk, &id)?;
        Ok(([(ETAG, etag)], Json(view)))
    })
    .await
}

fn base_path(definition: &Definition) -> &str {
    definition.member("basePath").as_str().unwrap_or_default()
}

impl ApiSummary {
    fn of(desk: &Desk, definition: &Definition, published: &Compiled) -> Self {
        let running = running(definition, published).filter(|api| api.state == ApiState::Ready);
        let is_broken = definition.api.is_none() || published.broken.contains(&definition.source.path);
        let written = |name: &str| definition.member(name).as_str().map(ToOwned::to_owned);
        Self {
            id: definition.id.clone(),
            name: definition.name().to_owned(),
            version: definition.version(),
            base_path: base_path(definition).to_owned(),
            context: running.map(|api| api.production.context.to_string()).unwrap_or_default(),
            kind: written("type").unwrap_or_else(|| "REST".to_owned()),
            environment: written("environment"),
            state: if running.is_some() && !is_broken { Running::Live } else { Running::Broken },
            operations: definition.operations().len(),
            backend_jwt: level(definition, &published.operator),
            security: running.map(security).unwrap_or_default(),
            owners: desk.owners(definition),
            file: definition.source.path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            etag: definition.etag.clone(),
        }
    }
}

impl ApiView {
    /// Reads an API as it is now, with its entity tag.
    ///
    /// # Errors
    ///
    /// 404 without one.
    pub(super) fn read(desk: &Desk, id: &str) -> Result<(String, Self), Problem> {
        let all = desk.definitions()?;
        let found = all.iter().find(|definition| definition.id == id);
        let definition = found.ok_or_else(|| Problem::not_found(format!("there is no API `{id}`")))?;
        Ok((definition.etag.clone(), Self::of(desk, definition, &all)))
    }

    fn of(desk: &Desk, definition: &Definition, all: &[Arc<Definition>]) -> Self {
        let published = &desk.published();
        let versions = all.iter().filter(|other| other.name() == definition.name());
        Self {
            summary: ApiSummary::of(desk, definition, published),
            document: definition.source.text.clone(),
            definition: definition.json.clone(),
            endpoints: running(definition, published).map(endpoints).unwrap_or_default(),
            versions: versions.map(|other| other.id.clone()).collect(),
            revisions: Past::of_definition(desk, definition).map_or(0, |past| past.changes.len()),
        }
    }
}

fn level(definition: &Definition, operator: &spec::Operator) -> Level {
    let Some(api) = &definition.api else { return Level::None };
    if api.operations.iter().any(|operation| !operation.policies.backend_jwt.is_empty()) {
        Level::Operations
    } else if !api.policies.backend_jwt.is_empty() {
        Level::Api
    } else if operator.backend_jwt.enabled.value {
        Level::Gateway
    } else {
        Level::None
    }
}

/// Returns the kinds of credential that an API's operations take.
fn security(api: &Api) -> Vec<String> {
    let mut kinds: Vec<String> = Vec::new();
    for operation in &api.operations {
        let requirement = match &operation.access {
            Access::Open => continue,
            Access::Optional(requirement) | Access::Secured(requirement) => requirement,
        };
        let certificates = requirement.certificates.iter().map(|_| "mutualTls");
        let credentials = requirement.sources.iter().map(|source| match &source.holds {
            Holds::AccessToken { .. } => "oauth2",
            Holds::ApiKey => "apiKey",
            Holds::Password => "basic",
            Holds::AccessTokenOrPassword { .. } => "oauth2 or basic",
        });
        for kind in credentials.chain(certificates) {
            if !kinds.iter().any(|known| known == kind) {
                kinds.push(kind.to_owned());
            }
        }
    }
    kinds
}

fn url(endpoint: &Endpoint) -> String {
    let scheme = match endpoint.upstream {
        Upstream::Http1 | Upstream::Http2 => "http",
        Upstream::Tls => "https",
    };
    let host = if endpoint.host.contains(':') { format!("[{}]", endpoint.host) } else { endpoint.host.to_string() };
    format!("{scheme}://{host}:{}{}", endpoint.port, endpoint.path)
}

/// Returns where an API's calls go, each place once.
fn endpoints(api: &Api) -> Vec<EndpointView> {
    let mut list: Vec<EndpointView> = Vec::new();
    let mut add = |kind: &'static str, endpoints: &Endpoints| {
        for (weight, endpoint) in endpoints.weights() {
            let view = EndpointView { kind, url: url(endpoint), weight };
            if !list.contains(&view) {
                list.push(view);
            }
        }
    };
    for operation in &api.operations {
        add("production", &operation.production);
        add("sandbox", &operation.sandbox);
    }
    list
}
