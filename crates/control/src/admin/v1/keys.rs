//! The signing keys and their life cycle.

use std::{path::Path as FilePath, sync::Arc, time::UNIX_EPOCH};

use axum::{Json, extract::State};
use claims::{Algorithm, Announcement, KeyOrigin, KeyState};
use gateway::{JWKS_MAX_AGE, parse_duration};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::apis::List;
use crate::{
    admin::{
        acts::note,
        body::{Body, Place},
        desk::{Desk, blocking},
        person::{Person, Role},
        problem::Problem,
    },
    files::Reload,
    history::Change,
    signing_keys::{KeyAct, KeyChangeError, SigningKeys},
};

pub(super) fn routes() -> OpenApiRouter<Arc<Desk>> {
    OpenApiRouter::new()
        .routes(routes!(list, announce))
        .routes(routes!(activate))
        .routes(routes!(retire))
        .routes(routes!(revoke))
}

/// A signing key. Times are in seconds since the epoch.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct KeyView {
    kid: String,
    algorithm: &'static str,
    state: &'static str,
    /// `directory`: the gateway's own; `keys.files`: the operator's.
    origin: &'static str,
    announced_at: u64,
    /// When it signs, or did first.
    active_at: u64,
    /// When another one takes over, or did.
    retired_at: Option<u64>,
    /// When it is not published any more.
    gone_at: Option<u64>,
    revoked_at: Option<u64>,
    /// How many operations have Backend JWTs that it signs now.
    used_by: usize,
    /// Where the key came with one.
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate: Option<CertificateView>,
}

/// A key's certificate.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct CertificateView {
    /// The distinguished name.
    subject: String,
    /// When it expires, in seconds since the epoch.
    not_after: i64,
    /// As JWS headers name it (RFC 7515).
    #[serde(rename = "x5t#S256")]
    x5t_s256: String,
}

/// A key to announce.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = NewSigningKey)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NewKey {
    /// JOSE or Java name.
    algorithm: String,
    /// How long it is published before it signs, such as `24h`; without it, as the operator's file says.
    announce_for: Option<String>,
}

/// The signing keys, those that are gone too.
#[utoipa::path(get, path = "/keys", operation_id = "listKeys", responses((status = OK, body = List<KeyView>)))]
async fn list(State(desk): State<Arc<Desk>>, person: Person) -> Result<Json<List<KeyView>>, Problem> {
    person.require(Role::Viewer)?;
    Ok(Json(views(&desk)))
}

fn views(desk: &Desk) -> List<KeyView> {
    let published = desk.published();
    let operations = || published.snapshot.apis.iter().flat_map(|api| &api.operations);
    let uses = |algorithm: Algorithm| {
        operations()
            .filter(|it| it.backend_jwts.policies.iter().any(|policy| policy.policy.algorithm == algorithm))
            .count()
    };
    let states = desk.gateway().runtime().keyring.states(seconds(desk));
    let views = states.into_iter().map(|status| KeyView {
        used_by: if status.state == KeyState::Active { uses(status.algorithm) } else { 0 },
        kid: status.kid.into(),
        algorithm: status.algorithm.name(),
        state: status.state.name(),
        origin: match status.origin {
            KeyOrigin::Listed => "keys.files",
            KeyOrigin::Directory => "directory",
        },
        announced_at: status.life.announced_at(),
        active_at: status.life.activates_at(),
        retired_at: status.life.retires_at(),
        gone_at: status.life.gone_at(),
        revoked_at: status.life.revoked_at(),
        certificate: status.certificate.map(|it| CertificateView {
            subject: it.subject.into(),
            not_after: it.not_after,
            x5t_s256: it.x5t_s256.into(),
        }),
    });
    List::whole(views.collect())
}

fn seconds(desk: &Desk) -> u64 {
    desk.now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_secs())
}

/// Announces a new key: it is published now and signs later. Without a key that signs, it signs at once.
#[utoipa::path(
    post,
    path = "/keys",
    operation_id = "announceKey",
    request_body = NewKey,
    responses(
        (status = OK, body = List<KeyView>, description = "The keys as they are now"),
        (status = "4XX", body = Problem, content_type = "application/problem+json")
    )
)]
async fn announce(
    State(desk): State<Arc<Desk>>,
    person: Person,
    Body(new): Body<NewKey>,
) -> Result<Json<List<KeyView>>, Problem> {
    person.require(Role::Operator)?;
    let algorithm: Algorithm = new.algorithm.parse().map_err(|_| {
        let known = Algorithm::ALL.map(Algorithm::name).join(", ");
        Problem::unprocessable(format!("unknown signing algorithm `{}`; known: {known}", new.algorithm))
    })?;
    let announce_for = new.announce_for.as_deref().map(|text| {
        let duration = parse_duration(text).map_err(|error| Problem::unprocessable(format!("`{text}`: {error}")))?;
        if duration.as_secs() < JWKS_MAX_AGE {
            let detail = format!("verifiers may keep a JWKS for {JWKS_MAX_AGE} seconds, so `{text}` is too short");
            return Err(Problem::unprocessable(detail));
        }
        Ok(duration.as_secs())
    });
    let announce_for = announce_for.transpose()?;
    let done = format!("{} key announced", algorithm.name());
    change(desk, person, done, move |keys, default| {
        keys.announce(algorithm, Announcement::For(announce_for.unwrap_or(default)))
    })
    .await
}

/// Lets an announced key sign now; verifiers with an older JWKS refuse its tokens until they fetch again.
#[utoipa::path(
    post,
    path = "/keys/{kid}/activate",
    operation_id = "activateKey",
    params(("kid" = String, Path, description = "The key's id")),
    responses(
        (status = OK, body = List<KeyView>, description = "The keys as they are now"),
        (status = "4XX", body = Problem, content_type = "application/problem+json")
    )
)]
async fn activate(
    State(desk): State<Arc<Desk>>,
    person: Person,
    Place(kid): Place<String>,
) -> Result<Json<List<KeyView>>, Problem> {
    act(desk, person, kid, (KeyAct::Activate, "activated")).await
}

/// Ends a key's signing: its announced successor, or a new key, takes over. It stays published until its tokens are over.
#[utoipa::path(
    post,
    path = "/keys/{kid}/retire",
    operation_id = "retireKey",
    params(("kid" = String, Path, description = "The key's id")),
    responses(
        (status = OK, body = List<KeyView>, description = "The keys as they are now"),
        (status = "4XX", body = Problem, content_type = "application/problem+json")
    )
)]
async fn retire(
    State(desk): State<Arc<Desk>>,
    person: Person,
    Place(kid): Place<String>,
) -> Result<Json<List<KeyView>>, Problem> {
    act(desk, person, kid, (KeyAct::Retire, "retired")).await
}

/// Revokes a key: its tokens are not sent any more, and it is not published any more.
#[utoipa::path(
    post,
    path = "/keys/{kid}/revoke",
    operation_id = "revokeKey",
    params(("kid" = String, Path, description = "The key's id")),
    responses(
        (status = OK, body = List<KeyView>, description = "The keys as they are now"),
        (status = "4XX", body = Problem, content_type = "application/problem+json")
    )
)]
async fn revoke(
    State(desk): State<Arc<Desk>>,
    person: Person,
    Place(kid): Place<String>,
) -> Result<Json<List<KeyView>>, Problem> {
    act(desk, person, kid, (KeyAct::Revoke, "revoked")).await
}

async fn act(
    desk: Arc<Desk>,
    person: Person,
    kid: String,
    (act, done): (KeyAct, &'static str),
) -> Result<Json<List<KeyView>>, Problem> {
    person.require(Role::Operator)?;
    let done = format!("key {kid} {done}");
    change(desk, person, done, move |keys, _| keys.act(&kid, act)).await
}

/// Changes the keys on disk, notes that, and takes them up; `change` is told how long a key is announced by default.
async fn change(
    desk: Arc<Desk>,
    person: Person,
    done: String,
    change: impl FnOnce(&SigningKeys<'_>, u64) -> Result<(), KeyChangeError> + Send + 'static,
) -> Result<Json<List<KeyView>>, Problem> {
    blocking(move || {
        let parts = desk.parts();
        let published = desk.published();
        let folder = parts.files.operator().parent().unwrap_or(FilePath::new(""));
        let place = (folder, parts.files.variables());
        {
            let keys =
                SigningKeys::open(&published.operator, place, seconds(&desk)).map_err(|error| refusal(&error))?;
            change(&keys, published.operator.keys.announce_for.value.as_secs()).map_err(|error| refusal(&error))?;
        }
        note(parts, json!({ "event": "keys_changed", "action": done }), &person.name);
        let entry = Change {
            n: 0,
            at: seconds(&desk),
            author: person.name.to_string(),
            action: done,
            target: "keys".to_owned(),
            file: "keys".to_owned(),
            note: String::new(),
            diff: String::new(),
            after: None,
        };
        desk.remember(entry);
        let outcome = parts.files.reload_if_changed(&parts.gateway);
        (parts.report)(&outcome);
        if let Reload::Refused(diagnostics) = outcome {
            return Err(Problem::conflict(format!(
                "the keys were changed, but the files do not compile and the old ones sign on: {diagnostics}"
            )));
        }
        Ok(Json(views(&desk)))
    })
    .await
}

fn refusal(error: &KeyChangeError) -> Problem {
    match error {
        KeyChangeError::Unknown(_) => Problem::not_found(error.to_string()),
        KeyChangeError::NotNow(_) | KeyChangeError::Elsewhere(_) => Problem::conflict(error.to_string()),
        KeyChangeError::Directory(_) | KeyChangeError::Generate(_) => {
            let cause = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
            Problem::failed(format_args!("{error}: {cause}"))
        }
    }
}
