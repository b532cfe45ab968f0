//! Preview: the Backend JWTs that a caller would get, from what runs or from what is not saved yet. Nothing is kept.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use claims::Json;
use gateway::{AskedCaller, Compiled, Explanation, Question};
use http::header::CONTENT_TYPE;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    explanation::ExplanationView,
    policies::{WantedPolicies, edited, posted},
};
use crate::{
    admin::{
        acts::note,
        body::Body,
        changes::{Pointer, Wanted, draft},
        desk::{Desk, blocking, target},
        machines,
        masks::{masked, sees},
        person::{Person, Role},
        problem::Problem,
    },
    definitions::Definition,
    edits::FileEdit,
};

pub(super) fn routes() -> OpenApiRouter<Arc<Desk>> {
    OpenApiRouter::new().routes(routes!(preview)).routes(routes!(explained))
}

/// What is asked.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = PreviewQuestion)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Asked {
    /// The API's id.
    api: String,
    /// Verb and target, or a path that it matches.
    operation: String,
    /// The user, as the issuer's `lookup` claim would name them; this or `token`.
    user: Option<String>,
    /// The user's issuer, by its name; without it, the first that the operation trusts.
    issuer: Option<String>,
    /// An access token.
    token: Option<String>,
    /// Policy lists that are not saved yet.
    policies: Option<WantedPolicies>,
    /// A definition that is not saved yet.
    draft: Option<String>,
}

/// What a caller's Backend JWTs would be.
///
/// Authors see the values of the operator's test users and their own; those of others are masked (type and length) unless
/// they have the role `support`. A call that would be refused is an answer too.
#[utoipa::path(
    post,
    path = "/preview",
    operation_id = "preview",
    request_body = Asked,
    responses(
        (status = OK, body = ExplanationView, description = "As `countersign explain --format json` prints it"),
        (status = "4XX", body = Problem, content_type = "application/problem+json")
    )
)]
async fn preview(State(desk): State<Arc<Desk>>, person: Person, Body(asked): Body<Asked>) -> Result<Response, Problem> {
    person.require(Role::Author)?;
    if asked.user.is_some() == asked.token.is_some() {
        return Err(Problem::unprocessable("name either a `user` or a `token`"));
    }
    let (own, looked) = (Arc::clone(&desk), asked);
    let (asked, definition, drafted) = blocking(move || {
        let definition = own.definition(&looked.api)?;
        let drafted = compiled(&own, &definition, (looked.policies.as_ref(), looked.draft.as_deref()))?;
        Ok((looked, definition, drafted))
    })
    .await?;
    let published = desk.published();
    let compiled = drafted.as_ref().unwrap_or(&published);
    let api = named(&definition);
    let caller = match (&asked.user, &asked.token) {
        (Some(user), _) => AskedCaller::User { user, issuer: asked.issuer.as_deref() },
        (None, token) => AskedCaller::Token(token.as_deref().unwrap_or_default()),
    };
    let question = Question { api: &api, operation: &asked.operation, caller };
    let explained = gateway::explain(compiled, desk.gateway().runtime(), question, desk.now()).await;
    let explanation = explained.map_err(|error| Problem::unprocessable(error.to_string()))?;
    let user = looked_at(&explanation);
    let is_open = sees(&person, &published.operator.admin, user.as_deref());
    note_look(&desk, &person, &explanation, is_open);
    let json = limited(explanation.to_json());
    let json = if is_open { json } else { masked(&json) };
    Ok(([(CONTENT_TYPE, "application/json")], json.to_string()).into_response())
}

/// What the running gateway does with a call, as `countersign explain --live` asks it: with everybody's values.
#[utoipa::path(
    post,
    path = "/explain",
    operation_id = "explain",
    request_body(content = Object, description = "`api` and `operation`, and a `token`, or a `user` and its `issuer`"),
    responses(
        (status = OK, body = ExplanationView, description = "As `countersign explain --format json` prints it"),
        (status = "4XX", body = Problem, content_type = "application/problem+json")
    )
)]
async fn explained(desk: State<Arc<Desk>>, person: Person, request: Request) -> Result<Response, Problem> {
    machines::explain(desk, person, request).await
}

/// Compiles what is not saved yet; `None`: nothing of that kind is asked.
pub(super) fn compiled(
    desk: &Desk,
    definition: &Definition,
    (policies, text): (Option<&WantedPolicies>, Option<&str>),
) -> Result<Option<Compiled>, Problem> {
    let (after, pointer): (String, Pointer) = match (policies, text) {
        (Some(_), Some(_)) => return Err(Problem::unprocessable("send `policies` or a `draft`, not both")),
        (None, None) => return Ok(None),
        (Some(policies), None) => {
            let located = |document: &Value, pointer: &str| Some(format!("/policies{}", posted(document, pointer)?));
            (edited(definition, policies)?, located)
        }
        (None, Some(text)) => (text.to_owned(), |_, _| Some("/draft".to_owned())),
    };
    let edit = FileEdit {
        path: definition.source.path.clone(),
        before: Some(definition.source.text.clone()),
        after: Some(after),
    };
    let (action, target) = ("preview", target(&definition.id));
    let wanted = Wanted { action, target, note: String::new(), edit, pointer };
    draft(desk, &wanted).map(|(compiled, _)| Some(compiled))
}

/// Returns an API as `explain` names it.
pub(super) fn named(definition: &Definition) -> String {
    let version = definition.version();
    if version.is_empty() { definition.name().to_owned() } else { format!("{}:{version}", definition.name()) }
}

fn looked_at(explanation: &Explanation) -> Option<Box<str>> {
    match &explanation.caller.as_ref()?.principal.kind {
        claims::PrincipalKind::EndUser { lookup } => Some(lookup.as_ref().into()),
        claims::PrincipalKind::Application => None,
    }
}

/// Writes who looked at whom into the audit log, the user as a keyed hash.
pub(in crate::admin) fn note_look(desk: &Desk, person: &Person, explanation: &Explanation, is_open: bool) {
    let user = looked_at(explanation).map(|user| desk.gateway().runtime().user_tag("", &user).to_string());
    let act = json!({
        "event": "user_previewed",
        "user": user,
        "api": &*explanation.api,
        "operation": &*explanation.operation,
        "values": if is_open { "shown" } else { "masked" },
    });
    note(desk.parts(), act, &person.name);
}

/// Adds the bound of each header under the name that the console knows.
fn limited(json: Json) -> Json {
    let Json::Object(mut explanation) = json else { return json };
    if let Some(Json::Array(jwts)) = explanation.remove("jwts") {
        let with_limit = |jwt: Json| match jwt {
            Json::Object(mut jwt) => {
                let limit = jwt.get("maxHeaderBytes").cloned().unwrap_or(Json::Null);
                jwt.insert("limitBytes", limit);
                Json::Object(jwt)
            }
            other => other,
        };
        let jwts: Vec<Json> = jwts.into_iter().map(with_limit).collect();
        explanation.insert("jwts", Json::Array(jwts));
    }
    Json::Object(explanation)
}
