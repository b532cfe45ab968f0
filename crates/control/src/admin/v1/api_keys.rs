//! API keys of applications: made and removed, never changed; only their hashes are kept.

use std::{sync::Arc, time::UNIX_EPOCH};

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use gateway::Timestamp;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::applications::{Edit, edit_now, is_called, unknown};
use crate::{
    admin::{
        body::{Body, Place},
        changes::Purpose,
        desk::{Desk, blocking},
        person::{Person, Role},
        problem::Problem,
    },
    definitions::{items, member},
};

pub(super) fn routes() -> OpenApiRouter<Arc<Desk>> {
    OpenApiRouter::new().routes(routes!(create_key)).routes(routes!(remove_key))
}

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

/// Makes an API key. It is shown this once: its hash alone is kept.
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
        refuse_ended(&desk, new.expires.as_deref())?;
        let key = gateway::generate_api_key().map_err(|_| Problem::failed("no random bytes"))?;
        let hash = gateway::hash_api_key(key.as_bytes()).to_string();
        let made = std::cell::RefCell::new(String::new());
        let add = |list: &mut Vec<Value>| {
            let found = list.iter_mut().find(|known| is_called(known, &new.application));
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
        let asked =
            Edit { action: "api key created", name: &new.application, change: &add, purpose: Purpose::Do, note: "" };
        edit_now(&desk, &person, asked)?;
        let made = MadeKey { application: new.application.clone(), id: made.take(), key: key.clone() };
        Ok((StatusCode::CREATED, Json(made)).into_response())
    })
    .await
}

/// Refuses an end that is over; what is no time at all is told with the configuration's mistakes.
fn refuse_ended(desk: &Desk, expires: Option<&str>) -> Result<(), Problem> {
    let Some(expires) = expires else { return Ok(()) };
    let now = desk.now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_secs());
    match Timestamp::parse(expires) {
        Some(Timestamp(end)) if end <= now => Err(Problem::unprocessable(format!("`{expires}` is over already"))),
        Some(_) | None => Ok(()),
    }
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
            let found = list.iter_mut().find(|known| is_called(known, &name));
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
        let asked = Edit { action: "api key removed", name: &name, change: &remove, purpose: Purpose::Do, note: "" };
        edit_now(&desk, &person, asked)?;
        Ok(StatusCode::NO_CONTENT.into_response())
    })
    .await
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned)
}
