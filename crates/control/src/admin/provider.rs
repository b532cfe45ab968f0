//! The `OpenID` provider: its endpoints, codes for tokens, and what its tokens say about people.
//!
//! `OpenID` Connect Core §3.1 with PKCE (RFC 7636). Errors never hold a token, a code or a secret.

use claims::{AccessTokenRules, CompactJws, Json, Object, TokenError, TokenType, UnverifiedToken, verify};
use gateway::AdminLogin;
use http::StatusCode;
use stores::{HttpRequest, form_encoded};
use url::Url;

use super::{
    person::{Login, Person, Role},
    problem::Problem,
    sessions::random,
};

/// Seconds by which clocks may differ.
const CLOCK_SKEW: u64 = 30;

/// Where a provider's endpoints are.
#[derive(Debug)]
pub(super) struct Endpoints {
    /// Where people log in.
    pub(super) authorization: Url,
    token: Url,
    user_info: Option<Url>,
}

/// Finds a provider's endpoints.
///
/// # Errors
///
/// 502 when its discovery document cannot be had, or is another issuer's.
pub(super) async fn discover(login: &AdminLogin) -> Result<Endpoints, Problem> {
    let document = ask(login, HttpRequest::get(login.discovery.clone()), "the discovery document").await?;
    if document.get("issuer").and_then(Json::as_str) != Some(&login.issuer) {
        return Err(unavailable("its discovery document is another issuer's"));
    }
    let url = |name: &str| document.get(name).and_then(Json::as_str).and_then(|text| Url::parse(text).ok());
    let missing = || unavailable("its discovery document names no endpoints");
    Ok(Endpoints {
        authorization: url("authorization_endpoint").ok_or_else(missing)?,
        token: url("token_endpoint").ok_or_else(missing)?,
        user_info: url("userinfo_endpoint"),
    })
}

/// What a code is redeemed with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Grant<'a> {
    pub(super) code: &'a str,
    pub(super) redirect_uri: &'a str,
    pub(super) verifier: &'a str,
    pub(super) nonce: &'a str,
}

/// Redeems a code and says who has logged in.
///
/// # Errors
///
/// 502 when the provider does not answer, 401 when what it answers does not vouch for anybody.
pub(super) async fn redeem(
    login: &AdminLogin,
    endpoints: &Endpoints,
    grant: Grant<'_>,
    now: std::time::SystemTime,
) -> Result<Object, Problem> {
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", grant.code),
        ("redirect_uri", grant.redirect_uri),
        ("code_verifier", grant.verifier),
    ];
    let request = HttpRequest::post_form(endpoints.token.clone(), fields);
    let request = request.with_basic(&form_encoded(&login.client_id), &form_encoded(login.client_secret()));
    let request = request.map_err(|_| Problem::failed("the client's secret fits no header field"))?;
    let answer = ask(login, request, "the code").await?;
    let token = answer.get("id_token").and_then(Json::as_str).ok_or_else(|| unavailable("it gave no ID token"))?;
    let mut claims = id_token(login, token, grant.nonce, now).await?;
    if claims.get(&login.roles_claim).is_none() {
        add_user_info(login, endpoints, &answer, &mut claims).await?;
    }
    Ok(claims)
}

/// Verifies an ID token (`OpenID` Connect Core §3.1.3.7).
async fn id_token(login: &AdminLogin, token: &str, nonce: &str, now: std::time::SystemTime) -> Result<Object, Problem> {
    let payload = match verified(login, token) {
        Err(TokenError::UnknownKid) if login.keys.refresh_for_unknown_kid(now).await => verified(login, token),
        outcome => outcome,
    };
    let payload = payload.map_err(|error| refused(&format!("its ID token is not valid: {error}")))?;
    let Ok(Json::Object(claims)) = Json::parse(&payload) else { return Err(refused("its ID token is no object")) };
    let text = |name: &str| claims.get(name).and_then(Json::as_str);
    let audiences: Vec<&str> = match claims.get("aud") {
        Some(Json::String(audience)) => vec![audience],
        Some(Json::Array(list)) => list.iter().filter_map(Json::as_str).collect(),
        Some(Json::Null | Json::Bool(_) | Json::Number(_) | Json::Object(_)) | None => Vec::new(),
    };
    let seconds = now.duration_since(std::time::UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_secs());
    let is_other_client = text("azp").is_some_and(|client| *client != *login.client_id)
        || (audiences.len() > 1 && text("azp").is_none())
        || !audiences.contains(&&*login.client_id);
    let expires_at = claims.get("exp").and_then(Json::as_number).and_then(claims::Number::floor);
    if text("iss") != Some(&login.issuer) || is_other_client {
        return Err(refused("its ID token is for somebody else"));
    }
    if text("nonce") != Some(nonce) {
        return Err(refused("its ID token answers another login"));
    }
    if expires_at.is_none_or(|expires_at| expires_at.saturating_add(CLOCK_SKEW) <= seconds) || text("sub").is_none() {
        return Err(refused("its ID token has expired, or names nobody"));
    }
    Ok(claims)
}

fn verified(login: &AdminLogin, token: &str) -> Result<Vec<u8>, TokenError> {
    let keys = login.keys.verification_keys().ok_or(TokenError::UnknownKid)?;
    let jws = CompactJws::parse(token)?;
    verify(&jws, &keys, &AdminLogin::ALGORITHMS).map(|verified| verified.payload)
}

/// Asks for what the ID token does not say; it must be about the same person (`OpenID` Connect Core §5.3.2).
async fn add_user_info(
    login: &AdminLogin,
    endpoints: &Endpoints,
    answer: &Object,
    claims: &mut Object,
) -> Result<(), Problem> {
    let token = answer.get("access_token").and_then(Json::as_str);
    let (Some(url), Some(token)) = (&endpoints.user_info, token) else { return Ok(()) };
    let request = HttpRequest::get(url.clone()).with_bearer(token);
    let request = request.map_err(|_| unavailable("its access token fits no header field"))?;
    let told = ask(login, request, "UserInfo").await?;
    if told.get("sub").is_none() || told.get("sub") != claims.get("sub") {
        return Err(refused("UserInfo is about somebody else"));
    }
    for name in [&login.roles_claim, &login.name_claim] {
        if let Some(value) = told.get(name).filter(|_| claims.get(name).is_none()) {
            claims.insert(name.clone(), value.clone());
        }
    }
    Ok(())
}

async fn ask(login: &AdminLogin, request: HttpRequest, what: &str) -> Result<Object, Problem> {
    let answer = login.client.send(request).await.map_err(|error| {
        tracing::warn!(issuer = %login.issuer, %error, "the OpenID provider does not answer");
        unavailable(&format!("{what}: {error}"))
    })?;
    match (answer.status, Json::parse(&answer.body)) {
        (StatusCode::OK, Ok(Json::Object(members))) => Ok(members),
        (status, parsed) => {
            let code = match &parsed {
                Ok(Json::Object(members)) => members.get("error").and_then(Json::as_str).unwrap_or_default(),
                Ok(_) | Err(_) => "",
            };
            let code: String = code.chars().filter(|letter| letter.is_ascii_alphanumeric() || *letter == '_').collect();
            tracing::warn!(issuer = %login.issuer, %status, code, "the OpenID provider refuses");
            Err(unavailable(&format!("{what}: {status} {code}")))
        }
    }
}

/// Says who an access token is of; only tokens for the admin API are any good here.
///
/// # Errors
///
/// 401.
pub(super) async fn bearer(login: &AdminLogin, token: &str, now: std::time::SystemTime) -> Result<Person, Problem> {
    let invalid = || Problem::unauthenticated("the access token is not valid here");
    let audience = login.bearer_audience.clone().ok_or_else(invalid)?;
    let rules = AccessTokenRules {
        issuer: login.issuer.clone(),
        audiences: vec![audience],
        token_type: TokenType::Any,
        clock_skew: CLOCK_SKEW,
    };
    let seconds = now.duration_since(std::time::UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_secs());
    let check = || {
        let keys = login.keys.verification_keys().ok_or(TokenError::UnknownKid)?;
        UnverifiedToken::parse(token)?.verify(&keys, &AdminLogin::ALGORITHMS, &rules, seconds)
    };
    let verified = match check() {
        // Only for the issuer's own: nobody else makes us ask it.
        Err(TokenError::UnknownKid) if claims_issuer(token) == Some(login.issuer.to_string()) => {
            if login.keys.refresh_for_unknown_kid(now).await { check() } else { Err(TokenError::UnknownKid) }
        }
        outcome => outcome,
    };
    let token = verified.map_err(|error| {
        tracing::debug!(%error, "an access token was refused by the admin API");
        invalid()
    })?;
    // A token that is bound to a key is no bearer token.
    if token.confirmation.is_some() {
        return Err(invalid());
    }
    let name = named(login, &token.claims).or_else(|| token.claims.get("client_id").and_then(Json::as_str));
    let name = name.ok_or_else(invalid)?.to_owned();
    person(login, &token.claims, (&name, Login::Bearer))
}

fn claims_issuer(token: &str) -> Option<String> {
    UnverifiedToken::parse(token).ok()?.claimed_issuer().map(ToOwned::to_owned)
}

/// Returns how history and audit log name somebody.
pub(super) fn named<'c>(login: &AdminLogin, claims: &'c Object) -> Option<&'c str> {
    let text = |name: &str| claims.get(name).and_then(Json::as_str).filter(|text| !text.is_empty());
    text(&login.name_claim).or_else(|| text("sub"))
}

/// Says what somebody may do.
///
/// # Errors
///
/// 403 for whoever may do nothing.
pub(super) fn person(login: &AdminLogin, claims: &Object, (name, how): (&str, Login)) -> Result<Person, Problem> {
    let groups: Vec<&str> = match claims.get(&login.roles_claim) {
        Some(Json::String(text)) => text.split(' ').filter(|group| !group.is_empty()).collect(),
        Some(Json::Array(list)) => list.iter().filter_map(Json::as_str).collect(),
        Some(Json::Null | Json::Bool(_) | Json::Number(_) | Json::Object(_)) | None => Vec::new(),
    };
    let all = [Role::Viewer, Role::Author, Role::Operator, Role::Support];
    let has = |values: &[Box<str>]| values.iter().any(|value| groups.contains(&&**value));
    let roles: Vec<Role> =
        all.into_iter().zip(&login.roles).filter(|(_, values)| has(values)).map(|(role, _)| role).collect();
    if roles.is_empty() {
        return Err(Problem::forbidden(format!(
            "`{name}` has no role here: the operator's `admin.login.roles` says who has"
        )));
    }
    Ok(Person {
        name: name.into(),
        login: how,
        roles,
        groups: groups.into_iter().map(Into::into).collect(),
        csrf_token: random()?.into(),
    })
}

fn unavailable(detail: &str) -> Problem {
    Problem::new(StatusCode::BAD_GATEWAY, "provider_unavailable", format!("the OpenID provider: {detail}"))
}

fn refused(detail: &str) -> Problem {
    Problem::unauthenticated(format!("the OpenID provider: {detail}"))
}
