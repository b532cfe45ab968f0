//! What stands in the operator's file and is only shown: issuers, dialects, environments.
//!
//! Secrets are never shown: where one is written out, a mark stands in its place.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use claims::ClaimMapping;
use http::header::ETAG;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::apis::List;
use crate::{
    admin::{
        desk::{Desk, blocking},
        person::{Person, Role},
        problem::Problem,
    },
    definitions::{etag, items, member},
    secrets::without_secrets,
};

pub(super) fn routes() -> OpenApiRouter<Arc<Desk>> {
    OpenApiRouter::new().routes(routes!(issuers)).routes(routes!(dialects)).routes(routes!(environments))
}

async fn section(desk: Arc<Desk>, person: Person, name: &'static str) -> Result<Response, Problem> {
    person.require(Role::Viewer)?;
    blocking(move || {
        let source = desk.operators_file()?;
        let operator = gateway::yaml_to_json(&source).unwrap_or_default();
        let list: Vec<Value> = items(member(&operator, name)).iter().map(without_secrets).collect();
        Ok(([(ETAG, etag(&source.text))], Json(List::whole(list))).into_response())
    })
    .await
}

/// The issuers whose access tokens are trusted, without their secrets.
#[utoipa::path(get, path = "/issuers", operation_id = "listIssuers", responses((status = OK, body = List<Value>)))]
async fn issuers(State(desk): State<Arc<Desk>>, person: Person) -> Result<Response, Problem> {
    section(desk, person, "issuers").await
}

/// The environments: names for sets of host names.
#[utoipa::path(get, path = "/environments", operation_id = "listEnvironments", responses((status = OK, body = List<Value>)))]
async fn environments(State(desk): State<Arc<Desk>>, person: Person) -> Result<Response, Problem> {
    section(desk, person, "environments").await
}

/// A vocabulary of claims.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct DialectView {
    name: String,
    uri: String,
    /// What stands before the gateway's own claims; the names of `claims` are whole.
    prefix: String,
    /// True: policies that name no dialect have this one.
    is_default: bool,
    /// Each claim with the attribute that it is made of.
    claims: Vec<DialectClaim>,
}

/// A claim of a dialect.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct DialectClaim {
    claim: String,
    attribute: String,
    /// True: always a list, also of one value or none.
    multi: bool,
}

/// The vocabularies of claims, the built-in ones too.
#[utoipa::path(get, path = "/dialects", operation_id = "listDialects", responses((status = OK, body = List<DialectView>)))]
async fn dialects(State(desk): State<Arc<Desk>>, person: Person) -> Result<Json<List<DialectView>>, Problem> {
    person.require(Role::Viewer)?;
    let published = desk.published();
    let default = published.operator.backend_jwt.defaults.dialect.as_ref().map_or("wso2", |it| it.value.as_str());
    let claim = |mapping: &ClaimMapping| DialectClaim {
        claim: mapping.claim.to_string(),
        attribute: mapping.attribute.to_string(),
        multi: mapping.multi,
    };
    let views = published.dialects.iter().map(|dialect| DialectView {
        name: dialect.name.to_string(),
        uri: dialect.uri.to_string(),
        prefix: dialect.prefix.to_string(),
        is_default: [&*dialect.name, &*dialect.uri].contains(&default),
        claims: dialect.mappings.iter().map(claim).collect(),
    });
    Ok(Json(List::whole(views.collect())))
}

/// Returns the kind of a user store and where it is, without names and passwords.
pub(super) fn address_of(store: &Value) -> (String, String) {
    let kinds = ["sql", "ldap", "scim", "http", "userInfo", "inline"];
    let Some(kind) = kinds.into_iter().find(|kind| store.get(kind).is_some()) else { return Default::default() };
    let written = member(store, kind);
    let address = ["url", "host", "address"].iter().find_map(|name| written.get(*name)).unwrap_or(&Value::Null);
    let target = match address.as_str().map(url::Url::parse) {
        Some(Ok(url)) => match (url.host_str(), url.port()) {
            (Some(host), Some(port)) => format!("{host}:{port}"),
            (Some(host), None) => host.to_owned(),
            (None, _) => url.path().to_owned(),
        },
        Some(Err(_)) => address.as_str().unwrap_or_default().to_owned(),
        None => kind.to_owned(),
    };
    (kind.to_owned(), target)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_store_is_told_by_its_host() {
        let check = |store: Value, kind: &str, target: &str| {
            assert_eq!(address_of(&store), (kind.to_owned(), target.to_owned()));
        };
        check(json!({ "sql": { "url": "postgres://u:pw@db:5432/x" } }), "sql", "db:5432");
        check(json!({ "ldap": { "url": "ldaps://ad.corp" } }), "ldap", "ad.corp");
        check(json!({ "sql": { "url": "sqlite:staff.db" } }), "sql", "staff.db");
        check(json!({ "inline": { "users": [] } }), "inline", "inline");
    }
}
