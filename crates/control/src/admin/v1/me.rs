//! Who asks, what they may do, and how the gateway is.

use std::sync::Arc;

use axum::{Json, extract::State};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::admin::{
    desk::Desk,
    person::{Login, Person, Role},
    problem::Problem,
};

pub(super) fn routes() -> OpenApiRouter<Arc<Desk>> {
    OpenApiRouter::new().routes(routes!(me))
}

/// Who asks.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Me {
    name: String,
    roles: Vec<Role>,
    /// Under which names, besides their own, APIs may be theirs.
    groups: Vec<String>,
    login: Login,
    /// What `X-Countersign-Csrf` must say on unsafe methods.
    csrf_token: String,
    /// Whose values an author sees unmasked.
    test_users: Vec<String>,
    gateway: GatewayState,
}

/// How the gateway is.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct GatewayState {
    issuer: String,
    version: &'static str,
    /// Counts the publications of this process.
    revision: u64,
    /// Seconds since the epoch.
    applied_at: u64,
    /// The errors of newer files that do not run.
    refused: Vec<String>,
    /// Files whose APIs answer 503.
    broken_apis: Vec<String>,
    /// Settings that wait for a restart.
    needs_restart: Vec<&'static str>,
}

/// Who you are, what you may do, and how the gateway is.
#[utoipa::path(
    get,
    path = "/me",
    operation_id = "getMe",
    responses((status = OK, body = Me), (status = UNAUTHORIZED, body = Problem, content_type = "application/problem+json"))
)]
async fn me(State(desk): State<Arc<Desk>>, person: Person) -> Json<Me> {
    let published = desk.published();
    let status = desk.gateway().status();
    Json(Me {
        name: person.name.to_string(),
        roles: person.roles,
        groups: person.groups.iter().map(ToString::to_string).collect(),
        login: person.login,
        csrf_token: person.csrf_token.to_string(),
        test_users: published.operator.admin.test_users.iter().map(|user| user.value.clone()).collect(),
        gateway: GatewayState {
            issuer: published.operator.gateway.issuer.value.clone(),
            version: desk.parts().version,
            revision: published.snapshot.revision,
            applied_at: status.applied_at,
            refused: status.refused.clone(),
            broken_apis: status.broken_apis.clone(),
            needs_restart: status.needs_restart.clone(),
        },
    })
}
