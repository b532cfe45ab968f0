//! Shadow: what would change for users that have called lately, if something were saved. Counts and names, never values.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use axum::{Json, extract::State};
use claims::Json as Exact;
use gateway::{Api, AskedCaller, Compiled, JwtOutcome, Operation, Question};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    policies::WantedPolicies,
    preview::{compiled, named},
};
use crate::admin::{
    acts::note,
    body::Body,
    changes::facts,
    desk::{Desk, blocking},
    person::{Person, Role},
    problem::Problem,
};

/// Each user costs look-ups, two for each operation.
const MOST_USERS: usize = 20;
const MOST_OPERATIONS: usize = 20;

pub(super) fn routes() -> OpenApiRouter<Arc<Desk>> {
    OpenApiRouter::new().routes(routes!(shadow))
}

/// What would be saved.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = ShadowQuestion)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Asked {
    /// The API's id.
    api: String,
    /// Policy lists that are not saved yet.
    policies: Option<WantedPolicies>,
    /// A definition that is not saved yet.
    draft: Option<String>,
    /// Verb and target; without it, the API's operations that would answer otherwise, up to twenty of them.
    operation: Option<String>,
}

/// What would change.
#[derive(Debug, Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Shadow {
    /// How many users were looked at: some of those that have called lately.
    users: usize,
    /// For how many nothing would change.
    unchanged: usize,
    /// For how many it cannot be told: a question could not be asked, or a store did not answer.
    unknown: usize,
    /// How many operations would answer otherwise, or one that was asked for.
    operations: usize,
    /// How many of these were looked at.
    operations_seen: usize,
    changed: Vec<Difference>,
}

/// One way in which Backend JWTs would change.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Difference {
    /// Verb and target.
    operation: String,
    /// For how many users.
    users: usize,
    /// Claims that would come.
    added: Vec<String>,
    /// Claims that would go.
    removed: Vec<String>,
    /// Claims that would have other values.
    changed: Vec<String>,
    /// The header, where that is new or goes.
    #[serde(skip_serializing_if = "Option::is_none")]
    header: Option<String>,
    /// The code of a refusal that is new.
    #[serde(skip_serializing_if = "Option::is_none")]
    refused: Option<String>,
}

/// By header: the claims with their values, or the code of a refusal.
type Tokens = BTreeMap<String, Result<BTreeMap<String, String>, String>>;

/// What would change for users that have called lately.
#[utoipa::path(
    post,
    path = "/shadow",
    operation_id = "shadow",
    request_body = Asked,
    responses(
        (status = OK, body = Shadow),
        (status = "4XX", body = Problem, content_type = "application/problem+json")
    )
)]
async fn shadow(
    State(desk): State<Arc<Desk>>,
    person: Person,
    Body(asked): Body<Asked>,
) -> Result<Json<Shadow>, Problem> {
    person.require(Role::Author)?;
    let own = Arc::clone(&desk);
    let (api, drafted, operation) = blocking(move || {
        let definition = own.definition(&asked.api)?;
        let drafted = compiled(&own, &definition, (asked.policies.as_ref(), asked.draft.as_deref()))?;
        let drafted = drafted.ok_or_else(|| Problem::unprocessable("send `policies` or a `draft`"))?;
        Ok((named(&definition), drafted, asked.operation))
    })
    .await?;
    let published = desk.published();
    let mut operations = operation.map_or_else(|| differing((&published, &drafted), &api), |operation| vec![operation]);
    let all = operations.len();
    operations.truncate(MOST_OPERATIONS);
    let users = desk.gateway().runtime().callers.users(MOST_USERS);
    note(desk.parts(), json!({ "event": "users_shadowed", "users": users.len(), "api": api }), &person.name);
    let (users_seen, operations_seen) = (users.len(), operations.len());
    let mut shadow = Shadow { users: users_seen, operations: all, operations_seen, ..Shadow::default() };
    let mut differences: BTreeMap<Difference, usize> = BTreeMap::new();
    for (iss, user) in &users {
        let (mut is_changed, mut is_unknown) = (false, false);
        for operation in &operations {
            let asked = (api.as_str(), operation.as_str(), &**iss, &**user);
            let both = (tokens(&desk, &published, asked).await, tokens(&desk, &drafted, asked).await);
            let (Some(before), Some(after)) = both else {
                is_unknown = true;
                continue;
            };
            for difference in compare(operation, &before, &after) {
                is_changed = true;
                *differences.entry(difference).or_default() += 1;
            }
        }
        shadow.unknown += usize::from(is_unknown && !is_changed);
        shadow.unchanged += usize::from(!is_unknown && !is_changed);
    }
    shadow.changed = differences.into_iter().map(|(difference, users)| Difference { users, ..difference }).collect();
    Ok(Json(shadow))
}

/// Returns the operations of an API that would answer otherwise, by verb and target.
fn differing((before, after): (&Compiled, &Compiled), api: &str) -> Vec<String> {
    let (before, after) = (operations(before, api), operations(after, api));
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    names.into_iter().filter(|name| before.get(*name) != after.get(*name)).cloned().collect()
}

/// Returns what the operations' answers depend on, by verb and target.
fn operations(compiled: &Compiled, api: &str) -> BTreeMap<String, String> {
    let (name, version) = api.split_once(':').unwrap_or((api, ""));
    let mut apis = compiled.snapshot.apis.iter();
    let found = apis.find(|known| *known.name == *name && *known.production.version == *version);
    let of = |api: &Api| -> BTreeMap<String, String> {
        let named = |it: &Operation| (format!("{} {}", it.facts.verb, it.facts.target), facts(api, it));
        api.operations.iter().map(named).collect()
    };
    found.map(|api| of(api)).unwrap_or_default()
}

/// Returns the Backend JWTs that a user would get; `None`: that cannot be told.
async fn tokens(
    desk: &Desk,
    compiled: &Compiled,
    (api, operation, iss, user): (&str, &str, &str, &str),
) -> Option<Tokens> {
    let issuer = compiled.issuers.iter().find(|issuer| *issuer.rules.issuer == *iss);
    let caller = AskedCaller::User { user, issuer: issuer.map(|issuer| &*issuer.name) };
    let question = Question { api, operation, caller };
    let explained = gateway::explain(compiled, desk.gateway().runtime(), question, desk.now()).await.ok()?;
    if let Some(refusal) = &explained.refusal {
        return Some(Tokens::from([(String::new(), Err(refusal.code.to_owned()))]));
    }
    let token = |jwt: &gateway::ExplainedJwt| {
        let header = jwt.policy.policy.header.to_string();
        match &jwt.outcome {
            JwtOutcome::Sent(sent) => {
                let claims = sent.claims.claims.iter().filter(|claim| !is_of_the_moment(&claim.name));
                Some((header, Ok(claims.map(|claim| (claim.name.to_string(), text(&claim.value))).collect())))
            }
            JwtOutcome::NotSent(_) => None,
            JwtOutcome::Refused { refusal, .. } => Some((header, Err(refusal.code.to_owned()))),
        }
    };
    Some(explained.jwts.iter().filter_map(token).collect())
}

fn is_of_the_moment(claim: &str) -> bool {
    ["iat", "exp", "nbf", "jti"].contains(&claim)
}

fn text(value: &Exact) -> String {
    value.to_string()
}

fn compare(operation: &str, before: &Tokens, after: &Tokens) -> Vec<Difference> {
    let headers: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let mut found = Vec::new();
    for header in headers {
        let empty = BTreeMap::new();
        let claims = |side: Option<&'_ Result<BTreeMap<String, String>, String>>| match side {
            Some(Ok(claims)) => claims.clone(),
            Some(Err(_)) | None => empty.clone(),
        };
        let (old, new) = (before.get(header), after.get(header));
        let (had, has) = (claims(old), claims(new));
        let only = |these: &BTreeMap<String, String>, those: &BTreeMap<String, String>| -> Vec<String> {
            these.keys().filter(|name| !those.contains_key(*name)).cloned().collect()
        };
        let changed = has.iter().filter(|(name, value)| had.get(*name).is_some_and(|before| before != *value));
        let refused = match (old, new) {
            (Some(Err(_)), _) | (_, Some(Ok(_)) | None) => None,
            (_, Some(Err(code))) => Some(code.clone()),
        };
        let difference = Difference {
            operation: operation.to_owned(),
            users: 0,
            added: only(&has, &had),
            removed: only(&had, &has),
            changed: changed.map(|(name, _)| name.clone()).collect(),
            header: (old.is_some() != new.is_some() && !header.is_empty()).then(|| header.clone()),
            refused,
        };
        let is_nothing = difference.added.is_empty()
            && difference.removed.is_empty()
            && difference.changed.is_empty()
            && difference.header.is_none()
            && difference.refused.is_none();
        if !is_nothing {
            found.push(difference);
        }
    }
    found
}
