//! The REST API, version 1: routes and their OpenAPI 3.1 description, declared once.
//!
//! `docs/openapi.json` is the golden file of the description; a test keeps it fresh.

mod api_changes;
mod api_keys;
mod apis;
mod applications;
mod explanation;
mod imports;
mod keys;
mod login;
mod me;
mod operations;
mod operators_file;
mod policies;
mod policy_types;
mod preview;
mod revisions;
mod shadow;
mod user_stores;
mod watching;

use std::sync::{Arc, LazyLock};

use axum::{
    Router,
    extract::DefaultBodyLimit,
    response::{IntoResponse, Response},
    routing::get,
};
use http::header::CONTENT_TYPE;
use utoipa::{
    OpenApi,
    openapi::{
        self, Content, Ref, RefOr, ResponseBuilder,
        path::PathItem,
        security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme},
    },
};
use utoipa_axum::router::OpenApiRouter;

pub(super) use self::{imports::NoteView, preview::note_look};
use super::{desk::Desk, problem::Problem};

/// The bytes that a question may have: a document of 4 MB fits, however JSON writes it.
const LARGEST: usize = 16 << 20;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Countersign admin API",
        version = "1",
        description = "APIs, their policies, and what the gateway does with them. Problems are RFC 9457; updates need `If-Match`.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    servers((url = "/api/v1")),
    components(schemas(Problem))
)]
struct Description;

/// Returns the routes, below `/api/v1`.
pub(super) fn routes() -> Router<Arc<Desk>> {
    let (router, _) = all().split_for_parts();
    let router = router.layer(DefaultBodyLimit::max(LARGEST));
    router.route("/openapi.json", get(described)).fallback(nothing).method_not_allowed_fallback(not_allowed)
}

/// Returns the description.
pub(super) fn document() -> openapi::OpenApi {
    all().into_openapi()
}

fn all() -> OpenApiRouter<Arc<Desk>> {
    let mut router = every_route();
    let document = router.get_openapi_mut();
    document.paths.paths.values_mut().for_each(complete);
    add_security(document);
    router
}

/// Completes what is said of a path: that every operation may answer with a problem (nobody may be logged in, a parameter
/// may make no sense, a database may be down), and what answers without words of their own are.
fn complete(item: &mut PathItem) {
    let problem = || {
        let content = Content::new(Some(Ref::from_schema_name("Problem")));
        ResponseBuilder::new().content("application/problem+json", content).build()
    };
    let operations = [&mut item.get, &mut item.put, &mut item.post, &mut item.delete];
    for operation in operations.into_iter().filter_map(Option::as_mut) {
        let responses = &mut operation.responses.responses;
        for status in ["4XX", "5XX"] {
            responses.entry(status.to_owned()).or_insert_with(|| problem().into());
        }
        for (status, response) in responses {
            let RefOr::T(response) = response else { continue };
            if response.description.is_empty() {
                response.description = String::from(if status.starts_with(['4', '5']) { "A problem" } else { "Done" });
            }
        }
    }
}

/// Says how callers prove who they are: not at all on a loopback listener without a login.
fn add_security(document: &mut openapi::OpenApi) {
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some("An access token")).build();
    let cookie = ApiKeyValue::with_description("countersign", "A session; with HTTPS `__Host-countersign`");
    if let Some(components) = &mut document.components {
        components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
        components.add_security_scheme("session", SecurityScheme::ApiKey(ApiKey::Cookie(cookie)));
    }
    let named = |name: &str| SecurityRequirement::new(name, [] as [&str; 0]);
    document.security = Some(vec![SecurityRequirement::default(), named("bearer"), named("session")]);
}

fn every_route() -> OpenApiRouter<Arc<Desk>> {
    OpenApiRouter::with_openapi(Description::openapi())
        .merge(me::routes())
        .merge(login::routes())
        .merge(apis::routes())
        .merge(api_changes::routes())
        .merge(revisions::routes())
        .merge(imports::routes())
        .merge(operations::routes())
        .merge(policies::routes())
        .merge(policy_types::routes())
        .merge(preview::routes())
        .merge(shadow::routes())
        .merge(user_stores::routes())
        .merge(operators_file::routes())
        .merge(applications::routes())
        .merge(api_keys::routes())
        .merge(keys::routes())
        .merge(watching::routes())
}

async fn described() -> Response {
    static TEXT: LazyLock<String> = LazyLock::new(super::openapi);
    ([(CONTENT_TYPE, "application/json")], TEXT.as_str()).into_response()
}

async fn nothing() -> Problem {
    Problem::not_found("there is nothing at this path")
}

async fn not_allowed() -> Problem {
    let detail = "this path is not served with this method";
    Problem::new(http::StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_golden_file_is_fresh() {
        let golden = include_str!("../../../../docs/openapi.json");
        assert!(
            golden.trim_end() == super::super::openapi().trim_end(),
            "docs/openapi.json is stale: `countersign config openapi > docs/openapi.json`"
        );
    }

    #[test]
    fn every_operation_has_a_name_of_its_own() {
        let mut names = BTreeSet::new();
        for (path, item) in document().paths.paths {
            for operation in [item.get, item.put, item.post, item.delete].into_iter().flatten() {
                let name = operation.operation_id.unwrap_or_default();
                assert!(operation.summary.is_some(), "{path}");
                assert!(names.insert(name.clone()), "{path}: {name}");
            }
        }
    }
}
