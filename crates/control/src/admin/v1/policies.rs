//! The policy lists of an API's file.

pub(super) mod effective;

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use gateway::spec;
use http::{HeaderMap, header::ETAG};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use self::effective::{Effective, EffectivePolicy};
use super::operations::key;
use crate::{
    admin::{
        body::{Body, Place},
        changes::{Changed, Outcome, Purpose, Wanted, change, check_condition},
        desk::{Desk, blocking, target},
        person::{Person, Role},
        problem::Problem,
    },
    definitions::{Definition, items, member},
    edits::FileEdit,
};

pub(super) fn routes() -> OpenApiRouter<Arc<Desk>> {
    OpenApiRouter::new().routes(routes!(read, replace))
}

/// The policy lists that an API's file shall have.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct WantedPolicies {
    /// Those of every operation; without it the API keeps what it has.
    pub(crate) api: Option<Flows>,
    /// By verb and target; one that is left out keeps what it has.
    #[serde(default)]
    pub(crate) operations: BTreeMap<String, Flows>,
    /// What you say about the change, for the history.
    #[serde(default)]
    pub(crate) note: String,
}

/// A policy as it is written.
#[expect(clippy::struct_field_names, reason = "as apk-conf names them")]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Policy {
    pub(crate) policy_name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) policy_version: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) policy_id: Option<String>,
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    #[schema(value_type = Object)]
    pub(crate) parameters: Map<String, Value>,
}

/// The policies of one API or operation.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Flows {
    /// Before the call goes to the backend.
    #[serde(default)]
    pub(crate) request: Vec<Policy>,
    /// Before the answer goes to the client.
    #[serde(default)]
    pub(crate) response: Vec<Policy>,
}

/// All policy lists of an API's file.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Policies {
    /// Those of every operation.
    api: Flows,
    /// By verb and target.
    operations: BTreeMap<String, Flows>,
    /// The operator's, which every API has.
    gateway: Vec<EffectivePolicy>,
}

impl Flows {
    /// Reads what is written, as far as it can be read.
    pub(super) fn read(written: &Value) -> Self {
        let list = |flow: &str| {
            items(member(written, flow)).iter().filter_map(|entry| serde_json::from_value(entry.clone()).ok()).collect()
        };
        Self { request: list("request"), response: list("response") }
    }
}

impl Policies {
    fn of(definition: &Definition, operator: &spec::Operator) -> Self {
        let operations = definition.operations().iter();
        Self {
            api: Flows::read(definition.member("apiPolicies")),
            operations: operations.map(|it| (key(it), Flows::read(member(it, "operationPolicies")))).collect(),
            gateway: Effective::of_gateway(operator),
        }
    }
}

/// The policies of an API's file: of the API, of each operation, and the operator's.
#[utoipa::path(
    get,
    path = "/apis/{id}/policies",
    operation_id = "getPolicies",
    params(("id" = String, Path, description = "The API's id")),
    responses(
        (status = OK, body = Policies, headers(("ETag" = String, description = "Of the API's file"))),
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
        let definition = desk.definition(&id)?;
        let policies = Policies::of(&definition, &desk.published().operator);
        Ok(([(ETAG, definition.etag.clone())], Json(policies)))
    })
    .await
}

/// Replaces the policy lists of an API's file. Only what differs is edited in its text.
#[utoipa::path(
    put,
    path = "/apis/{id}/policies",
    operation_id = "putPolicies",
    params(
        ("id" = String, Path, description = "The API's id"),
        ("If-Match" = String, Header, description = "The entity tag of what you have seen"),
        ("dryRun" = Option<bool>, Query, description = "Only say what would happen")
    ),
    request_body = WantedPolicies,
    responses(
        (status = OK, body = Changed<Policies>, headers(("ETag" = String, description = "Of the API's file"))),
        (status = "4XX", body = Problem, content_type = "application/problem+json")
    )
)]
async fn replace(
    State(desk): State<Arc<Desk>>,
    person: Person,
    Place(id): Place<String>,
    (purpose, headers): (Purpose, HeaderMap),
    Body(wanted): Body<WantedPolicies>,
) -> Result<Response, Problem> {
    person.require(Role::Author)?;
    blocking(move || {
        let definition = desk.definition(&id)?;
        desk.require_author(&person, &definition)?;
        check_condition(&headers, &definition.etag)?;
        let after = edited(&definition, &wanted)?;
        let change_wanted = Wanted {
            action: "policies changed",
            target: target(&id),
            note: wanted.note,
            edit: FileEdit {
                path: definition.source.path.clone(),
                before: Some(definition.source.text.clone()),
                after: Some(after),
            },
            pointer: posted,
        };
        match change(&desk, &person, &change_wanted, purpose)? {
            Outcome::Tried(tried) => Ok(Json(Changed::<Policies>::Tried(tried)).into_response()),
            Outcome::Done => {
                let definition = desk.definition(&id)?;
                let policies = Policies::of(&definition, &desk.published().operator);
                Ok(([(ETAG, definition.etag.clone())], Json(Changed::Done(policies))).into_response())
            }
        }
    })
    .await
}

/// Returns the text of a definition with other policy lists in it.
///
/// # Errors
///
/// 404 for an operation that is not there, 409 for a file that only a person can edit.
pub(super) fn edited(definition: &Definition, wanted: &WantedPolicies) -> Result<String, Problem> {
    let mut document = definition.json.clone();
    if let Some(flows) = &wanted.api {
        put(&mut document, "apiPolicies", flows);
    }
    for (name, flows) in &wanted.operations {
        let operations = document.get_mut("operations").and_then(Value::as_array_mut);
        let mut named = operations.into_iter().flatten().filter(|operation| key(operation) == *name);
        let Some(operation) = named.next() else {
            return Err(Problem::unprocessable(format!("`{}` has no operation `{name}`", definition.id)));
        };
        put(operation, "operationPolicies", flows);
    }
    gateway::update_yaml(&definition.source.text, &document).map_err(|error| Problem::conflict(error.to_string()))
}

/// Puts policy lists into an API or operation; what is empty, and was not written, is not written.
fn put(place: &mut Value, name: &str, flows: &Flows) {
    let Some(members) = place.as_object_mut() else { return };
    let mut written = members.get(name).and_then(Value::as_object).cloned().unwrap_or_default();
    for (flow, policies) in [("request", &flows.request), ("response", &flows.response)] {
        if policies.is_empty() {
            written.remove(flow);
            continue;
        }
        let before = written.get(flow).and_then(Value::as_array).cloned().unwrap_or_default();
        let list = policies.iter().map(|policy| as_written(policy, &before));
        written.insert(flow.to_owned(), list.collect());
    }
    if written.is_empty() {
        members.remove(name);
    } else {
        members.insert(name.to_owned(), Value::Object(written));
    }
}

/// Returns a policy as JSON: just as it was written, if it means the same.
fn as_written(policy: &Policy, before: &[Value]) -> Value {
    let is_same = |written: &&Value| serde_json::from_value::<Policy>((*written).clone()).is_ok_and(|it| it == *policy);
    let known = before.iter().find(is_same).cloned();
    known.unwrap_or_else(|| serde_json::to_value(policy).unwrap_or_default())
}

/// Returns where a place of the file stands in the posted lists.
pub(super) fn posted(document: &Value, pointer: &str) -> Option<String> {
    if let Some(rest) = pointer.strip_prefix("/apiPolicies") {
        return Some(format!("/api{rest}"));
    }
    let rest = pointer.strip_prefix("/operations/")?;
    let (position, rest) = rest.split_once("/operationPolicies")?;
    let operation = member(document, "operations").get(position.parse::<usize>().ok()?)?;
    Some(format!("/operations/{}{rest}", key(operation).replace('~', "~0").replace('/', "~1")))
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use gateway::Source;
    use serde_json::json;

    use super::*;

    const TEXT: &str = "\
name: orders # the claim
basePath: /orders
apiPolicies:
  request:
    - policyName: BackendJwt # for all
      parameters:
        tokenTTL: 900
operations:
  - target: /a
    verb: GET
  # the other
  - target: /b
    verb: POST
";

    fn check(wanted: Value, expected: &str) {
        let definition = Definition::of(Source { path: PathBuf::from("orders.yaml"), text: TEXT.to_owned() });
        let wanted: WantedPolicies = serde_json::from_value(wanted).unwrap();
        assert_eq!(edited(&definition, &wanted).unwrap(), expected);
    }

    #[test]
    fn a_policy_is_attached_to_one_operation_with_a_small_difference() {
        let own = json!({ "policyName": "BackendJwt", "parameters": { "tokenTTL": 900 } });
        let other = json!({ "policyName": "BackendJwt", "policyVersion": "v1", "parameters": { "header": "X-B" } });
        let wanted = json!({ "api": { "request": [own] }, "operations": { "GET /a": { "request": [other] } } });
        let lines = "    verb: GET
    operationPolicies:
      request:
        - policyName: BackendJwt
          policyVersion: v1
          parameters:
            header: X-B
";
        check(wanted, &TEXT.replace("    verb: GET\n", lines));
    }

    #[test]
    fn lists_that_become_empty_go_and_those_that_are_left_out_stay() {
        let lines = "apiPolicies:\n  request:\n    - policyName: BackendJwt # for all\n      parameters:\n        tokenTTL: 900\n";
        check(json!({ "api": {} }), &TEXT.replace(lines, ""));
        check(json!({}), TEXT);
    }

    #[test]
    fn a_place_in_the_file_is_found_in_what_was_posted() {
        let document = json!({ "operations": [{ "verb": "GET", "target": "/a/{b}" }] });
        let check = |pointer: &str, expected: Option<&str>| {
            assert_eq!(posted(&document, pointer).as_deref(), expected, "{pointer}");
        };
        check("/apiPolicies/request/0/parameters/tokenTTL", Some("/api/request/0/parameters/tokenTTL"));
        let place = "/operations/0/operationPolicies/request/1/policyName";
        check(place, Some("/operations/GET ~1a~1{b}/request/1/policyName"));
        check("/basePath", None);
    }
}
