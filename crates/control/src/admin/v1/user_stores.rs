//! User stores: how they are doing, look-ups, forgetting, holds.

use std::{sync::Arc, time::Instant};

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use claims::{Json as Exact, Object};
use gateway::UserStoreHandle;
use http::{StatusCode, header::CONTENT_TYPE};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use stores::{BreakerState, Question, StoreStatus, Trace};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{apis::List, operators_file::address_of};
use crate::{
    TriedLookup,
    admin::{
        acts::{self, note},
        body::{Body, Place},
        desk::{Desk, blocking},
        masks::{mask, sees},
        person::{Person, Role},
        problem::Problem,
    },
    definitions::{items, member},
};

pub(super) fn routes() -> OpenApiRouter<Arc<Desk>> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(look_up))
        .routes(routes!(forget))
        .routes(routes!(hold))
        .routes(routes!(forget_everywhere))
}

/// A user store.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct UserStoreView {
    name: String,
    /// `sql`, `ldap`, `scim`, `http`, `userInfo` or `inline`.
    kind: String,
    /// Host and port, or what else says where it is.
    target: String,
    state: StoreState,
    /// `closed`, `open` or `probing`.
    breaker: &'static str,
    /// Why it did not answer last, for operators and support: stores may name users there.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_error: Option<Failure>,
    /// Answers from the cache, as a share of all; nothing was asked without it.
    hit_rate: Option<f64>,
    hits: u64,
    misses: u64,
    failures: u64,
    stale_served: u64,
    /// Users in the cache.
    entries: u64,
    /// The bytes that they hold.
    bytes: u64,
    /// How long its last thousand queries took; it was not asked yet without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    latency: Option<LatencyView>,
    /// The attributes that it gives.
    attributes: Vec<String>,
    /// The operator's hold, while it lasts.
    #[serde(skip_serializing_if = "Option::is_none")]
    hold: Option<HoldView>,
}

/// How long a store takes to answer, those that gave no answer included.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = StoreLatency)]
#[serde(rename_all = "camelCase")]
struct LatencyView {
    /// Half of the queries took no longer.
    p50_microseconds: u64,
    /// 99 of 100 took no longer.
    p99_microseconds: u64,
}

/// Whether a store answers.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum StoreState {
    Up,
    Down,
    /// Nobody has asked it yet.
    Unknown,
}

/// A failure.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Failure {
    /// Seconds since the epoch.
    at: u64,
    reason: String,
}

/// How old answers may be while the store is down.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct HoldView {
    /// In seconds.
    stale_for: u64,
    /// Seconds since the epoch.
    until: u64,
}

/// A user.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct User {
    /// As the issuer's `lookup` claim names them.
    user: String,
}

/// Whom to forget.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Forgotten {
    /// Without it: everybody.
    user: Option<String>,
    /// Without it: in all stores.
    store: Option<String>,
}

/// Whom to forget in one store.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ForgottenThere {
    /// Without it: everybody.
    user: Option<String>,
}

/// How old answers may be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Hold {
    /// Such as `4h`; without it the hold ends.
    stale: Option<String>,
}

/// The user stores, and how they are doing.
#[utoipa::path(get, path = "/stores", operation_id = "listStores", responses((status = OK, body = List<UserStoreView>)))]
async fn list(State(desk): State<Arc<Desk>>, person: Person) -> Result<Json<List<UserStoreView>>, Problem> {
    person.require(Role::Viewer)?;
    blocking(move || {
        let operator = gateway::yaml_to_json(&desk.operators_file()?).unwrap_or_default();
        let written = items(member(&operator, "userStores"));
        let published = desk.published();
        let names_users = person.is(Role::Operator) || person.is(Role::Support);
        let views = desk.gateway().store_status().into_iter().filter_map(|(name, status)| {
            let handle = published.stores.get(&*name)?;
            let written = written.iter().find(|store| member(store, "name").as_str() == Some(&*name));
            let mut view = view(handle, &status, written.unwrap_or(&Value::Null));
            view.last_error = view.last_error.filter(|_| names_users);
            Some(view)
        });
        Ok(Json(List::whole(views.collect())))
    })
    .await
}

fn view(handle: &UserStoreHandle, status: &StoreStatus, written: &Value) -> UserStoreView {
    let counters = &status.counters;
    let asked = counters.hits + counters.misses;
    let seconds =
        |time: std::time::SystemTime| time.duration_since(std::time::UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_secs());
    let (kind, target) = address_of(written);
    UserStoreView {
        name: handle.name.to_string(),
        kind,
        target,
        state: match counters.breaker {
            BreakerState::Open | BreakerState::Probing => StoreState::Down,
            BreakerState::Closed if asked == 0 => StoreState::Unknown,
            BreakerState::Closed => StoreState::Up,
        },
        breaker: match counters.breaker {
            BreakerState::Closed => "closed",
            BreakerState::Open => "open",
            BreakerState::Probing => "probing",
        },
        last_error: status
            .last_failure
            .as_ref()
            .map(|failure| Failure { at: failure.at, reason: failure.reason.to_string() }),
        hit_rate: (asked > 0).then(|| share(counters.hits, asked)),
        hits: counters.hits,
        misses: counters.misses,
        failures: counters.failures,
        stale_served: counters.stale_served,
        entries: counters.entries,
        bytes: counters.bytes,
        latency: status.latency.map(|latency| LatencyView {
            p50_microseconds: acts::microseconds(latency.p50),
            p99_microseconds: acts::microseconds(latency.p99),
        }),
        attributes: handle.gives.iter().map(ToString::to_string).collect(),
        hold: status.hold.map(|hold| HoldView { stale_for: hold.stale_for.as_secs(), until: seconds(hold.until) }),
    }
}

/// Returns a share, to three digits.
fn share(part: u64, whole: u64) -> f64 {
    let thousandths = u128::from(part) * 1000 / u128::from(whole.max(1));
    f64::from(u32::try_from(thousandths).unwrap_or(1000)) / 1000.0
}

/// Looks a user up in the store itself, past the cache.
///
/// Values of others than test users and yourself are masked unless you have the role `support`.
#[utoipa::path(
    post,
    path = "/stores/{name}/lookup",
    operation_id = "lookUpUser",
    params(("name" = String, Path, description = "The user store's name")),
    request_body = User,
    responses(
        (status = OK, body = Object, description = "As `countersign stores test --format json` prints it"),
        (status = "4XX", body = Problem, content_type = "application/problem+json")
    )
)]
async fn look_up(
    State(desk): State<Arc<Desk>>,
    person: Person,
    Place(name): Place<String>,
    Body(User { user }): Body<User>,
) -> Result<Response, Problem> {
    person.require(Role::Author)?;
    let published = desk.published();
    let handle = published.stores.get(name.as_str()).cloned();
    let handle = handle.ok_or_else(|| Problem::not_found(format!("there is no user store `{name}`")))?;
    let is_open = sees(&person, &published.operator.admin, Some(&user));
    let tag = desk.gateway().runtime().user_tag("", &user).to_string();
    let values = if is_open { "shown" } else { "masked" };
    note(
        desk.parts(),
        json!({ "event": "user_looked_up", "store": name, "user": tag, "values": values }),
        &person.name,
    );
    let own = handle.own_name(&user).unwrap_or(&user);
    let trace = Trace::default();
    let question = Question { trace: Some(&trace), ..Question::new(own, desk.now()) };
    let store = handle.store.store();
    let started = Instant::now();
    let found = store.lookup(question).await;
    let tried = TriedLookup {
        name: &handle.name,
        user: own,
        took: started.elapsed(),
        traced: trace.traced(),
        map: store.attribute_map(),
        found,
    };
    let json = if is_open { tried.to_json() } else { masked_lookup(&tried.to_json()) };
    Ok(([(CONTENT_TYPE, "application/json")], json.to_string()).into_response())
}

fn masked_lookup(tried: &Exact) -> Exact {
    let Exact::Object(members) = tried else { return Exact::Null };
    let mut shown = Object::default();
    for (name, value) in members.iter() {
        let value = match (name, value) {
            ("attributes", Exact::Object(attributes)) => {
                let mut masked = Object::default();
                attributes.iter().for_each(|(name, values)| masked.insert(name, mask(values)));
                Exact::Object(masked)
            }
            // An error may quote what it found.
            ("outcome", Exact::String(outcome)) if !["found", "no such user"].contains(&&**outcome) => mask(value),
            _ => value.clone(),
        };
        shown.insert(name, value);
    }
    Exact::Object(shown)
}

/// Forgets a store's attributes: of one user, or of all.
#[utoipa::path(
    post,
    path = "/stores/{name}/invalidate",
    operation_id = "invalidateStore",
    params(("name" = String, Path, description = "The user store's name")),
    request_body = ForgottenThere,
    responses(
        (status = NO_CONTENT, description = "The next call asks the store"),
        (status = "4XX", body = Problem, content_type = "application/problem+json")
    )
)]
async fn forget(
    State(desk): State<Arc<Desk>>,
    person: Person,
    Place(name): Place<String>,
    Body(ForgottenThere { user }): Body<ForgottenThere>,
) -> Result<StatusCode, Problem> {
    person.require(Role::Operator)?;
    acts::invalidate(desk.parts(), Some(&name), user.as_deref(), &person.name)?;
    Ok(StatusCode::NO_CONTENT)
}

/// Forgets attributes: of one user or of all, in one store or in all.
#[utoipa::path(
    post,
    path = "/invalidate",
    operation_id = "invalidate",
    request_body = Forgotten,
    responses(
        (status = NO_CONTENT, description = "The next call asks the store"),
        (status = "4XX", body = Problem, content_type = "application/problem+json")
    )
)]
async fn forget_everywhere(
    State(desk): State<Arc<Desk>>,
    person: Person,
    Body(forgotten): Body<Forgotten>,
) -> Result<StatusCode, Problem> {
    person.require(Role::Operator)?;
    let Forgotten { user, store } = forgotten;
    acts::invalidate(desk.parts(), store.as_deref(), user.as_deref(), &person.name)?;
    Ok(StatusCode::NO_CONTENT)
}

/// Lets a store's old answers serve while it is down, or ends that.
#[utoipa::path(
    post,
    path = "/stores/{name}/hold",
    operation_id = "holdStore",
    params(("name" = String, Path, description = "The user store's name")),
    request_body = Hold,
    responses(
        (status = OK, body = Object, description = "What was done"),
        (status = "4XX", body = Problem, content_type = "application/problem+json")
    )
)]
async fn hold(
    State(desk): State<Arc<Desk>>,
    person: Person,
    Place(name): Place<String>,
    Body(Hold { stale }): Body<Hold>,
) -> Result<Json<Value>, Problem> {
    person.require(Role::Operator)?;
    acts::hold(desk.parts(), &name, stale.as_deref(), &person.name).map(Json)
}
