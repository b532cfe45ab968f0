//! What stands in the operator's file: issuers, dialects, environments, and the applications, which can be changed here.
//!
//! Secrets are never shown: where one is written out, a mark stands in its place.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, StatusCode, header::ETAG};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::apis::List;
use crate::{
    admin::{
        body::{Body, Place},
        changes::{Changed, DryRun, Outcome, Purpose, Wanted, change, check_condition},
        desk::{Desk, blocking},
        person::{Person, Role},
        problem::Problem,
    },
    definitions::{etag, items, member},
    edits::FileEdit,
};

pub(super) fn routes() -> OpenApiRouter<Arc<Desk>> {
    OpenApiRouter::new()
        .routes(routes!(issuers))
        .routes(routes!(dialects))
        .routes(routes!(environments))
        .routes(routes!(applications, create_application))
        .routes(routes!(application, replace_application, remove_application))
        .routes(routes!(create_key))
        .routes(routes!(remove_key))
}

/// An application, as the operator's file has them.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = Object)]
struct Application(Map<String, Value>);

/// An API key to make.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = NewApiKey)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NewKey {
    /// The application's name.
    application: String,
    /// What to call the key; without it, a number.
    id: Option<String>,
    /// When it ends, such as `2027-01-31T00:00:00Z`; without it: never.
    expires: Option<String>,
    /// The scopes that its calls have.
    #[serde(default)]
    scopes: Vec<String>,
    /// True: its calls go to sandbox endpoints.
    #[serde(default)]
    sandbox: bool,
}

/// An API key that was just made. It is shown this once, and kept nowhere.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MadeApiKey)]
#[serde(rename_all = "camelCase")]
struct MadeKey {
    application: String,
    id: String,
    key: String,
}

async fn section(desk: Arc<Desk>, person: Person, name: &'static str) -> Result<Response, Problem> {
    person.require(Role::Viewer)?;
    blocking(move || {
        let source = desk.sources()?.operator;
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
    /// Each claim with the attribute that it is made of.
    claims: Vec<DialectClaim>,
}

/// A claim of a dialect.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct DialectClaim {
    claim: String,
    attribute: String,
}

/// The vocabularies of claims, the built-in ones too.
#[utoipa::path(get, path = "/dialects", operation_id = "listDialects", responses((status = OK, body = List<DialectView>)))]
async fn dialects(State(desk): State<Arc<Desk>>, person: Person) -> Result<Json<List<DialectView>>, Problem> {
    person.require(Role::Viewer)?;
    let published = desk.published();
    let views = published.dialects.iter().map(|dialect| DialectView {
        name: dialect.name.to_string(),
        uri: dialect.uri.to_string(),
        claims: dialect
            .mappings
            .iter()
            .map(|mapping| DialectClaim { claim: mapping.claim.to_string(), attribute: mapping.attribute.to_string() })
            .collect(),
    });
    Ok(Json(List::whole(views.collect())))
}

/// The client applications with their subscriptions; of API keys the names alone.
#[utoipa::path(
    get,
    path = "/applications",
    operation_id = "listApplications",
    responses((status = OK, body = List<Value>, headers(("ETag" = String, description = "Of the operator's file"))))
)]
async fn applications(State(desk): State<Arc<Desk>>, person: Person) -> Result<Response, Problem> {
    section(desk, person, "applications").await
}

/// One client application.
#[utoipa::path(
    get,
    path = "/applications/{name}",
    operation_id = "getApplication",
    params(("name" = String, Path, description = "The application's name")),
    responses(
        (status = OK, body = Object, headers(("ETag" = String, description = "Of the operator's file"))),
        (status = NOT_FOUND, body = Problem, content_type = "application/problem+json")
    )
)]
async fn application(
    State(desk): State<Arc<Desk>>,
    person: Person,
    Place(name): Place<String>,
) -> Result<Response, Problem> {
    person.require(Role::Viewer)?;
    blocking(move || shown(&desk, &name, StatusCode::OK)).await
}

fn shown(desk: &Desk, name: &str, status: StatusCode) -> Result<Response, Problem> {
    let source = desk.sources()?.operator;
    let operator = gateway::yaml_to_json(&source).unwrap_or_default();
    let found = items(member(&operator, "applications")).iter().find(|it| member(it, "name").as_str() == Some(name));
    let found = found.ok_or_else(|| unknown(name))?;
    Ok((status, [(ETAG, etag(&source.text))], Json(without_secrets(found))).into_response())
}

fn unknown(name: &str) -> Problem {
    Problem::not_found(format!("there is no application `{name}`"))
}

/// An edit of the operator's file.
struct Edit<'a> {
    action: &'static str,
    target: String,
    /// Changes the list of applications.
    change: &'a dyn Fn(&mut Vec<Value>) -> Result<(), Problem>,
    purpose: Purpose,
}

/// Edits the applications of the operator's file; without `headers` whatever stands there.
fn edit(desk: &Desk, person: &Person, edit: Edit<'_>, headers: Option<&HeaderMap>) -> Result<Outcome, Problem> {
    let source = desk.sources()?.operator;
    if let Some(headers) = headers {
        check_condition(headers, &etag(&source.text))?;
    }
    let mut operator = gateway::yaml_to_json(&source).unwrap_or_default();
    let mut list = items(member(&operator, "applications")).to_vec();
    (edit.change)(&mut list)?;
    let members = operator.as_object_mut().ok_or_else(|| Problem::conflict("the operator's file is no mapping"))?;
    if list.is_empty() {
        members.remove("applications");
    } else {
        members.insert("applications".to_owned(), Value::Array(list));
    }
    let after = gateway::update_yaml(&source.text, &operator).map_err(|error| Problem::conflict(error.to_string()))?;
    let wanted = Wanted {
        action: edit.action,
        target: edit.target,
        note: String::new(),
        edit: FileEdit { path: source.path, before: Some(source.text), after: Some(after) },
        pointer: posted,
    };
    change(desk, person, wanted, edit.purpose)
}

/// Returns where a place in an application stands in the posted one.
fn posted(_: &Value, pointer: &str) -> Option<String> {
    let rest = pointer.strip_prefix("/applications/")?;
    rest.find('/').and_then(|end| rest.get(end..)).map(ToOwned::to_owned)
}

/// Makes a client application.
#[utoipa::path(
    post,
    path = "/applications",
    operation_id = "createApplication",
    params(("dryRun" = Option<bool>, Query, description = "Only say what would happen")),
    request_body = Application,
    responses(
        (status = CREATED, body = Object, headers(("ETag" = String, description = "Of the operator's file"))),
        (status = OK, body = DryRun, description = "With `dryRun`: what would happen"),
        (status = "4XX", body = Problem, content_type = "application/problem+json")
    )
)]
async fn create_application(
    State(desk): State<Arc<Desk>>,
    person: Person,
    purpose: Purpose,
    Body(Application(new)): Body<Application>,
) -> Result<Response, Problem> {
    person.require(Role::Operator)?;
    blocking(move || {
        let name = named(&new)?;
        let add = |list: &mut Vec<Value>| {
            if list.iter().any(|known| member(known, "name").as_str() == Some(&name)) {
                return Err(Problem::conflict(format!("there is an application `{name}` already")));
            }
            list.push(Value::Object(without_keys(&new, None)?));
            Ok(())
        };
        let asked =
            Edit { action: "application created", target: format!("application {name}"), change: &add, purpose };
        match edit(&desk, &person, asked, None)? {
            Outcome::Tried(tried) => Ok(Json(tried).into_response()),
            Outcome::Done => shown(&desk, &name, StatusCode::CREATED),
        }
    })
    .await
}

fn named(application: &Map<String, Value>) -> Result<String, Problem> {
    let name = application.get("name").and_then(Value::as_str).filter(|name| !name.is_empty());
    name.map(ToOwned::to_owned).ok_or_else(|| Problem::unprocessable("an application has a `name`"))
}

/// Returns an application with the API keys that it has, whatever was posted: keys are made and removed by themselves.
fn without_keys(application: &Map<String, Value>, before: Option<&Value>) -> Result<Map<String, Value>, Problem> {
    let mut application = application.clone();
    application.remove("apiKeys");
    if let Some(keys) = before.and_then(|before| before.get("apiKeys")) {
        application.insert("apiKeys".to_owned(), keys.clone());
    }
    named(&application)?;
    Ok(application)
}

/// Replaces a client application, its API keys excepted.
#[utoipa::path(
    put,
    path = "/applications/{name}",
    operation_id = "putApplication",
    params(
        ("name" = String, Path, description = "The application's name"),
        ("If-Match" = String, Header, description = "The entity tag of what you have seen"),
        ("dryRun" = Option<bool>, Query, description = "Only say what would happen")
    ),
    request_body = Application,
    responses(
        (status = OK, body = Changed<Value>, headers(("ETag" = String, description = "Of the operator's file"))),
        (status = "4XX", body = Problem, content_type = "application/problem+json")
    )
)]
async fn replace_application(
    State(desk): State<Arc<Desk>>,
    person: Person,
    Place(name): Place<String>,
    (purpose, headers): (Purpose, HeaderMap),
    Body(Application(wanted)): Body<Application>,
) -> Result<Response, Problem> {
    person.require(Role::Operator)?;
    blocking(move || {
        let replace = |list: &mut Vec<Value>| {
            let found = list.iter_mut().find(|known| member(known, "name").as_str() == Some(&name));
            let found = found.ok_or_else(|| unknown(&name))?;
            *found = Value::Object(without_keys(&wanted, Some(&*found))?);
            Ok(())
        };
        let target = format!("application {name}");
        let asked = Edit { action: "application changed", target, change: &replace, purpose };
        match edit(&desk, &person, asked, Some(&headers))? {
            Outcome::Tried(tried) => Ok(Json(tried).into_response()),
            Outcome::Done => shown(&desk, &named(&wanted)?, StatusCode::OK),
        }
    })
    .await
}

/// Removes a client application.
#[utoipa::path(
    delete,
    path = "/applications/{name}",
    operation_id = "deleteApplication",
    params(
        ("name" = String, Path, description = "The application's name"),
        ("If-Match" = String, Header, description = "The entity tag of what you have seen"),
        ("dryRun" = Option<bool>, Query, description = "Only say what would happen")
    ),
    responses(
        (status = NO_CONTENT, description = "It is gone"),
        (status = OK, body = DryRun, description = "With `dryRun`: what would happen"),
        (status = "4XX", body = Problem, content_type = "application/problem+json")
    )
)]
async fn remove_application(
    State(desk): State<Arc<Desk>>,
    person: Person,
    Place(name): Place<String>,
    (purpose, headers): (Purpose, HeaderMap),
) -> Result<Response, Problem> {
    person.require(Role::Operator)?;
    blocking(move || {
        let remove = |list: &mut Vec<Value>| {
            let before = list.len();
            list.retain(|known| member(known, "name").as_str() != Some(&name));
            if list.len() == before { Err(unknown(&name)) } else { Ok(()) }
        };
        let target = format!("application {name}");
        let asked = Edit { action: "application removed", target, change: &remove, purpose };
        match edit(&desk, &person, asked, Some(&headers))? {
            Outcome::Tried(tried) => Ok(Json(tried).into_response()),
            Outcome::Done => Ok(StatusCode::NO_CONTENT.into_response()),
        }
    })
    .await
}

/// Makes an API key. It is shown this once: the operator's file keeps its hash alone.
#[utoipa::path(
    post,
    path = "/api-keys",
    operation_id = "createApiKey",
    request_body = NewKey,
    responses(
        (status = CREATED, body = MadeKey),
        (status = "4XX", body = Problem, content_type = "application/problem+json")
    )
)]
async fn create_key(
    State(desk): State<Arc<Desk>>,
    person: Person,
    Body(new): Body<NewKey>,
) -> Result<Response, Problem> {
    person.require(Role::Operator)?;
    blocking(move || {
        let key = gateway::generate_api_key().map_err(|_| Problem::failed("no random bytes"))?;
        let hash = gateway::hash_api_key(key.as_bytes()).to_string();
        let made = std::cell::RefCell::new(String::new());
        let add = |list: &mut Vec<Value>| {
            let found = list.iter_mut().find(|known| member(known, "name").as_str() == Some(&new.application));
            let application = found.and_then(Value::as_object_mut).ok_or_else(|| unknown(&new.application))?;
            let keys = application.entry("apiKeys").or_insert_with(|| json!([]));
            let keys = keys.as_array_mut().ok_or_else(|| Problem::conflict("`apiKeys` is no list"))?;
            let is_taken = |id: &str| keys.iter().any(|known| text(member(known, "id")) == id);
            let id = match &new.id {
                Some(id) if is_taken(id) => return Err(Problem::conflict(format!("there is a key `{id}` already"))),
                Some(id) => id.clone(),
                None => (1..=keys.len() + 1)
                    .map(|number| format!("key-{number}"))
                    .find(|id| !is_taken(id))
                    .unwrap_or_default(),
            };
            keys.push(entry(&new, &id, &hash));
            made.replace(id);
            Ok(())
        };
        let target = format!("application {}", new.application);
        edit(&desk, &person, Edit { action: "api key created", target, change: &add, purpose: Purpose::Do }, None)?;
        let made = MadeKey { application: new.application.clone(), id: made.take(), key: key.clone() };
        Ok((StatusCode::CREATED, Json(made)).into_response())
    })
    .await
}

fn entry(new: &NewKey, id: &str, hash: &str) -> Value {
    let mut entry = Map::new();
    entry.insert("id".to_owned(), json!(id));
    entry.insert("hash".to_owned(), json!(hash));
    if let Some(expires) = &new.expires {
        entry.insert("expires".to_owned(), json!(expires));
    }
    if !new.scopes.is_empty() {
        entry.insert("scopes".to_owned(), json!(new.scopes));
    }
    if new.sandbox {
        entry.insert("sandbox".to_owned(), json!(true));
    }
    Value::Object(entry)
}

/// Removes an API key; calls with it are refused from then on.
#[utoipa::path(
    delete,
    path = "/api-keys/{application}/{id}",
    operation_id = "deleteApiKey",
    params(
        ("application" = String, Path, description = "The application's name"),
        ("id" = String, Path, description = "The key's id")
    ),
    responses(
        (status = NO_CONTENT, description = "It is gone"),
        (status = "4XX", body = Problem, content_type = "application/problem+json")
    )
)]
async fn remove_key(
    State(desk): State<Arc<Desk>>,
    person: Person,
    Place((name, id)): Place<(String, String)>,
) -> Result<Response, Problem> {
    person.require(Role::Operator)?;
    blocking(move || {
        let remove = |list: &mut Vec<Value>| {
            let found = list.iter_mut().find(|known| member(known, "name").as_str() == Some(&name));
            let application = found.and_then(Value::as_object_mut).ok_or_else(|| unknown(&name))?;
            let mut keys = application.get("apiKeys").map(items).unwrap_or_default().to_vec();
            let before = keys.len();
            keys.retain(|known| text(member(known, "id")) != id);
            if keys.len() == before {
                return Err(Problem::not_found(format!("`{name}` has no key `{id}`")));
            }
            if keys.is_empty() {
                application.remove("apiKeys");
            } else {
                application.insert("apiKeys".to_owned(), Value::Array(keys));
            }
            Ok(())
        };
        let target = format!("application {name}");
        edit(&desk, &person, Edit { action: "api key removed", target, change: &remove, purpose: Purpose::Do }, None)?;
        Ok(StatusCode::NO_CONTENT.into_response())
    })
    .await
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned)
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

/// Names that hold secrets, in any spelling.
const SECRET: [&str; 4] = ["secret", "password", "privatekey", "bearertoken"];

/// Returns a part of the operator's file with a mark in the place of every secret that is written out.
fn without_secrets(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let shown = members.iter().filter(|(name, _)| *name != "hash").map(|(name, value)| {
                let lower = name.to_lowercase();
                let is_secret =
                    SECRET.iter().any(|secret| lower.contains(secret)) || ["token", "key"].contains(&&*lower);
                let is_secret = is_secret && value.is_string();
                (name.clone(), if is_secret { json!("(not shown)") } else { without_secrets(value) })
            });
            Value::Object(shown.collect())
        }
        Value::Array(values) => values.iter().map(without_secrets).collect(),
        Value::String(text) => json!(without_user_information(text)),
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}

fn without_user_information(text: &str) -> String {
    match url::Url::parse(text) {
        Ok(mut url) if url.password().is_some() => {
            let _ = url.set_password(None);
            url.to_string()
        }
        Ok(_) | Err(_) => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_shown() {
        let written = json!({
            "name": "corp",
            "introspection": { "clientId": "c", "clientSecret": "s3cret", "url": "https://u:pw@idp/introspect" },
            "passwords": { "file": "x" },
            "apiKeys": [{ "id": "k", "hash": "sha256:abc" }],
            "bindPassword": { "file": "secret.txt" },
        });
        let shown = without_secrets(&written).to_string();
        for secret in ["s3cret", "pw@", "sha256"] {
            assert!(!shown.contains(secret), "{secret} in {shown}");
        }
        assert!(shown.contains(r#""bindPassword":{"file":"secret.txt"}"#), "{shown}");
    }

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
