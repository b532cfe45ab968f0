//! Logging in at the OpenID provider, and out.

use std::{sync::Arc, time::UNIX_EPOCH};

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use gateway::AdminLogin;
use http::{
    HeaderMap, HeaderValue, StatusCode,
    header::{ACCEPT, LOCATION, SET_COOKIE},
};
use serde::Deserialize;
use serde_json::json;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::admin::{
    acts::note,
    body::Search,
    desk::Desk,
    person::{Login, Person},
    problem::Problem,
    provider::{self, Grant},
    sessions::{CookieFor, challenge, cookie, cookie_name, random, set_cookie},
};

pub(super) fn routes() -> OpenApiRouter<Arc<Desk>> {
    OpenApiRouter::new().routes(routes!(begin)).routes(routes!(finish)).routes(routes!(end))
}

/// Where to go after the login.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
struct Begin {
    /// A path of the console.
    return_to: Option<String>,
}

/// What the provider answers.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct Finish {
    code: Option<String>,
    state: Option<String>,
    error: Option<String>,
    /// The provider's issuer (RFC 9207).
    iss: Option<String>,
}

fn configured(desk: &Desk) -> Result<Arc<AdminLogin>, Problem> {
    desk.published().login.clone().ok_or_else(|| Problem::not_found("no login is configured (`admin.login`)"))
}

/// Sends the browser to the OpenID provider.
#[utoipa::path(
    get,
    path = "/login",
    operation_id = "login",
    params(Begin),
    responses(
        (status = SEE_OTHER, description = "To the provider"),
        (status = "4XX", body = Problem, content_type = "application/problem+json"),
        (status = "5XX", body = Problem, content_type = "application/problem+json")
    )
)]
async fn begin(State(desk): State<Arc<Desk>>, Search(begin): Search<Begin>) -> Result<Response, Problem> {
    let login = configured(&desk)?;
    let endpoints = provider::discover(&login).await?;
    let (nonce, verifier) = (random()?, random()?);
    let return_to = begin.return_to.filter(|path| is_path(path)).unwrap_or_else(|| "/".to_owned());
    let state = desk.sessions.begin((nonce.clone(), verifier.clone(), return_to), seconds(&desk))?;
    let mut url = endpoints.authorization;
    url.query_pairs_mut()
        .append_pair("response_type", "code")
        .append_pair("client_id", &login.client_id)
        .append_pair("redirect_uri", &redirect_uri(&desk, &login))
        .append_pair("scope", &login.scopes)
        .append_pair("state", &state)
        .append_pair("nonce", &nonce)
        .append_pair("code_challenge", &challenge(&verifier))
        .append_pair("code_challenge_method", "S256");
    let bound = set_cookie(CookieFor::Login, Some(&state), login.public_url.as_ref());
    see_other(url.as_str(), [bound])
}

/// Takes the provider's answer and opens a session. A browser that is refused is sent to the console, which says so.
#[utoipa::path(
    get,
    path = "/login/callback",
    operation_id = "loginCallback",
    params(Finish),
    responses(
        (status = SEE_OTHER, description = "To the console; with `refused`, a problem's code, when it has no session for a browser"),
        (status = "4XX", body = Problem, content_type = "application/problem+json"),
        (status = "5XX", body = Problem, content_type = "application/problem+json")
    )
)]
async fn finish(
    State(desk): State<Arc<Desk>>,
    headers: HeaderMap,
    Search(answer): Search<Finish>,
) -> Result<Response, Problem> {
    match open_session(&desk, &headers, answer).await {
        Err(problem) if is_for_a_person(&headers) => see_other(&format!("/?refused={}", problem.code()), []),
        answered => answered,
    }
}

/// True when the answer is shown as a page.
fn is_for_a_person(headers: &HeaderMap) -> bool {
    headers.get(ACCEPT).and_then(|accept| accept.to_str().ok()).is_some_and(|accept| accept.contains("text/html"))
}

async fn open_session(desk: &Desk, headers: &HeaderMap, answer: Finish) -> Result<Response, Problem> {
    let login = configured(desk)?;
    let state = answer.state.as_deref().unwrap_or_default();
    let public_url = login.public_url.as_ref();
    // Whoever answers must be the browser that asked: otherwise somebody else's login could be slipped in.
    let is_ours = cookie(headers, cookie_name(CookieFor::Login, public_url)) == Some(state);
    let begun = desk.sessions.take(state, seconds(desk)).filter(|_| is_ours);
    let begun = begun.ok_or_else(|| Problem::bad_request("this login was not begun here, or is over: begin again"))?;
    if answer.iss.as_deref().is_some_and(|iss| *iss != *login.issuer) {
        return Err(Problem::bad_request("the answer is another provider's"));
    }
    let code = match (&answer.code, &answer.error) {
        (Some(code), None) => code,
        (_, Some(_)) => return Err(Problem::unauthenticated("the OpenID provider did not log you in")),
        (None, None) => return Err(Problem::bad_request("the answer has no code")),
    };
    let endpoints = provider::discover(&login).await?;
    let redirect_uri = redirect_uri(desk, &login);
    let grant = Grant { code, redirect_uri: &redirect_uri, verifier: &begun.verifier, nonce: &begun.nonce };
    let claims = provider::redeem(&login, &endpoints, grant, desk.now()).await?;
    let name = provider::named(&login, &claims).unwrap_or_default().to_owned();
    let person = provider::person(&login, &claims, (&name, Login::Oidc));
    let event = if person.is_ok() { "operator_logged_in" } else { "operator_refused" };
    note(desk.parts(), json!({ "event": event }), &name);
    let id = desk.sessions.open(person?, login.fingerprint, seconds(desk))?;
    let opened = set_cookie(CookieFor::Session, Some(&id), public_url);
    see_other(&begun.return_to, [opened, set_cookie(CookieFor::Login, None, public_url)])
}

/// Ends the session.
#[utoipa::path(
    post,
    path = "/logout",
    operation_id = "logout",
    responses((status = NO_CONTENT, description = "Nobody is logged in"))
)]
async fn end(State(desk): State<Arc<Desk>>, _: Person, headers: HeaderMap) -> Response {
    let Some(login) = desk.published().login.clone() else { return StatusCode::NO_CONTENT.into_response() };
    let public_url = login.public_url.as_ref();
    if let Some(id) = cookie(&headers, cookie_name(CookieFor::Session, public_url)) {
        desk.sessions.close(id);
    }
    (StatusCode::NO_CONTENT, [(SET_COOKIE, set_cookie(CookieFor::Session, None, public_url))]).into_response()
}

fn see_other<const N: usize>(location: &str, cookies: [HeaderValue; N]) -> Result<Response, Problem> {
    let location = HeaderValue::from_str(location).map_err(|_| Problem::failed("an address fits no header field"))?;
    let mut response = (StatusCode::SEE_OTHER, [(LOCATION, location)]).into_response();
    for cookie in cookies {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    Ok(response)
}

fn redirect_uri(desk: &Desk, login: &AdminLogin) -> String {
    let base = match &login.public_url {
        Some(url) => url.as_str().trim_end_matches('/').to_owned(),
        None => format!("http://{}", desk.address),
    };
    format!("{base}/api/v1/login/callback")
}

/// True for a path here: `//host` and backslashes lead elsewhere.
fn is_path(path: &str) -> bool {
    path.starts_with('/') && !path.starts_with("//") && !path.contains(['\\', '\r', '\n', '\t'])
}

fn seconds(desk: &Desk) -> u64 {
    desk.now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_leads_back_here_alone() {
        assert!(is_path("/apis/orders?x=1"));
        for path in ["//evil.test", "https://evil.test", "/\\evil.test", "", "apis", "/\t/evil.test"] {
            assert!(!is_path(path), "{path}");
        }
    }
}
