//! Operations with the policies that stand at them, and those that have effect there.

use std::sync::Arc;

use axum::{Json, extract::State};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    apis::{List, Page},
    policies::{Flows, effective::Effective, effective::EffectivePolicy},
};
use crate::{
    admin::{
        body::{Place, Search},
        desk::{Desk, blocking},
        person::{Person, Role},
        problem::Problem,
    },
    definitions::{items, member},
};

pub(super) fn routes() -> OpenApiRouter<Arc<Desk>> {
    OpenApiRouter::new().routes(routes!(list))
}

/// One method and path of an API.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct OperationView {
    /// Verb and target: what policies are put under.
    key: String,
    verb: String,
    target: String,
    secured: Secured,
    scopes: Vec<String>,
    /// What is written at the operation.
    policies: Flows,
    /// What has effect there, of all levels.
    effective: Vec<EffectivePolicy>,
}

/// Who may call.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Secured {
    #[serde(rename = "secured")]
    Always,
    Optional,
    Open,
}

/// The operations of an API, with the policies at each and those that have effect there.
#[utoipa::path(
    get,
    path = "/apis/{id}/operations",
    operation_id = "getOperations",
    params(("id" = String, Path, description = "The API's id"), Page),
    responses((status = OK, body = List<OperationView>), (status = NOT_FOUND, body = Problem, content_type = "application/problem+json"))
)]
async fn list(
    State(desk): State<Arc<Desk>>,
    person: Person,
    Place(id): Place<String>,
    Search(page): Search<Page>,
) -> Result<Json<List<OperationView>>, Problem> {
    person.require(Role::Viewer)?;
    blocking(move || {
        let definition = desk.definition(&id)?;
        let published = desk.published();
        let effective = Effective::of(&definition, &published);
        let operations = definition.operations().iter().enumerate();
        let found = operations.filter(|(_, operation)| page.wants(&[&key(operation)])).collect();
        Ok(Json(page.of(found, |(number, operation)| view(operation, number, &effective))))
    })
    .await
}

/// Returns what policies of an operation are put under.
pub(super) fn key(operation: &Value) -> String {
    format!("{} {}", text(operation, "verb"), text(operation, "target"))
}

fn text<'a>(operation: &'a Value, name: &str) -> &'a str {
    member(operation, name).as_str().unwrap_or_default()
}

fn view(operation: &Value, number: usize, effective: &Effective<'_>) -> OperationView {
    let key = key(operation);
    let scopes = items(member(operation, "scopes"));
    OperationView {
        verb: text(operation, "verb").to_owned(),
        target: text(operation, "target").to_owned(),
        secured: if *member(operation, "secured") == Value::Bool(false) {
            Secured::Open
        } else {
            effective.secured(&key)
        },
        scopes: scopes.iter().filter_map(Value::as_str).map(ToOwned::to_owned).collect(),
        policies: Flows::read(member(operation, "operationPolicies")),
        effective: effective.at(&key, number),
        key,
    }
}
