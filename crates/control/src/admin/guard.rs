//! Who gets in: no web page but our own, nobody without a login where one is asked for.
//!
//! Browsers name the page's origin on every request that could change something; a page that has pointed its own name at
//! this machine is given away by `Host` (DNS rebinding). What unsafe methods must prove besides is in [`proves_intent`].

use std::{sync::Arc, time::UNIX_EPOCH};

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use gateway::AdminLogin;
use http::{
    HeaderMap, HeaderName, HeaderValue, Method,
    header::{AUTHORIZATION, CACHE_CONTROL, HOST, ORIGIN, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS},
};

use url::Url;

use super::{
    desk::Desk,
    person::{Login, Person},
    problem::Problem,
    provider,
    sessions::{CookieFor, cookie, cookie_name},
};

/// What a page of another site cannot send without our leave.
pub(super) const CSRF: HeaderName = HeaderName::from_static("x-countersign-csrf");

/// Checks a request, and says who asks.
pub(super) async fn check(State(desk): State<Arc<Desk>>, mut request: Request, next: Next) -> Response {
    let answer = match admit(&desk, &mut request).await {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    };
    hardened(answer)
}

async fn admit(desk: &Desk, request: &mut Request) -> Result<(), Problem> {
    let login = desk.published().login.clone();
    let public_url = login.as_ref().and_then(|login| login.public_url.as_ref());
    if is_from_elsewhere(request.headers(), desk.is_loopback, public_url) {
        return Err(Problem::forbidden("pages of other sites, and other names for this address, are not served here"));
    }
    let person = match &login {
        Some(login) => recognised(desk, login, request.headers()).await?,
        None if desk.is_loopback => Some(Person::on_this_machine()),
        None if ["/healthz", "/readyz", "/metrics"].contains(&request.uri().path()) => None,
        None => {
            return Err(Problem::forbidden(
                "without `admin.login` anything but `/healthz`, `/readyz` and `/metrics` is served on a loopback admin address only",
            ));
        }
    };
    if let Some(person) = person {
        proves_intent(request.method(), request.uri().path(), request.headers(), &person)?;
        request.extensions_mut().insert(person);
    }
    Ok(())
}

/// Says who asks, by an access token or by a session; nobody is an answer too.
async fn recognised(desk: &Desk, login: &AdminLogin, headers: &HeaderMap) -> Result<Option<Person>, Problem> {
    if let Some(authorization) = headers.get(AUTHORIZATION) {
        let token = authorization.to_str().ok().and_then(|text| text.split_once(' '));
        let token = token.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")).map(|(_, token)| token);
        let token =
            token.ok_or_else(|| Problem::unauthenticated("send `Authorization: Bearer` and an access token"))?;
        return provider::bearer(login, token, desk.now()).await.map(Some);
    }
    let seconds = desk.now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_secs());
    let id = cookie(headers, cookie_name(CookieFor::Session, login.public_url.as_ref()));
    Ok(id.and_then(|id| desk.sessions.find(id, login.fingerprint, seconds)))
}

/// Insists on the header that no form and no foreign page can send, where a browser may have been led.
fn proves_intent(method: &Method, path: &str, headers: &HeaderMap, person: &Person) -> Result<(), Problem> {
    let is_safe = matches!(*method, Method::GET | Method::HEAD);
    if is_safe || !path.starts_with("/api/") {
        return Ok(());
    }
    let sent = headers.get(CSRF).map(HeaderValue::as_bytes);
    let is_proved = match person.login {
        Login::None => sent.is_some(),
        Login::Oidc => sent == Some(person.csrf_token.as_bytes()),
        Login::Bearer => true,
    };
    if is_proved {
        return Ok(());
    }
    Err(Problem::forbidden("send the header `X-Countersign-Csrf` with the `csrfToken` of `GET /api/v1/me`"))
}

fn is_from_elsewhere(headers: &HeaderMap, is_loopback: bool, public_url: Option<&Url>) -> bool {
    let host = headers.get(HOST).map(HeaderValue::as_bytes);
    let public_origin = public_url.map(|url| url.origin().ascii_serialization());
    let public_host = public_origin.as_deref().and_then(|origin| origin.split_once("://")).map(|(_, host)| host);
    let is_own_page = |origin: &HeaderValue| {
        let origin = origin.as_bytes();
        let named = origin.strip_prefix(b"http://").or_else(|| origin.strip_prefix(b"https://"));
        (named.is_some() && named == host) || public_origin.as_deref().is_some_and(|own| own.as_bytes() == origin)
    };
    let is_foreign_page = headers.get(ORIGIN).is_some_and(|origin| !is_own_page(origin));
    let is_ours = |host: &[u8]| names_loopback(host) || public_host.is_some_and(|own| own.as_bytes() == host);
    is_foreign_page || (is_loopback && !host.is_some_and(is_ours))
}

fn names_loopback(host: &[u8]) -> bool {
    let name = match host.iter().rposition(|byte| *byte == b':') {
        Some(colon) if !host.ends_with(b"]") => host.get(..colon).unwrap_or_default(),
        Some(_) | None => host,
    };
    matches!(name, b"localhost" | b"[::1]") || (name.starts_with(b"127.") && is_ip(name))
}

/// `127.0.0.1`, and not `127.evil.example`.
fn is_ip(name: &[u8]) -> bool {
    std::str::from_utf8(name).is_ok_and(|name| name.parse::<std::net::Ipv4Addr>().is_ok())
}

/// Adds what keeps an answer from being framed, guessed at, or kept.
fn hardened(mut answer: Response) -> Response {
    let headers = answer.headers_mut();
    for (name, value) in
        [(X_CONTENT_TYPE_OPTIONS, "nosniff"), (X_FRAME_OPTIONS, "DENY"), (REFERRER_POLICY, "no-referrer")]
    {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(fields: &[(&'static str, &'static str)], (is_loopback, expected): (bool, bool)) {
        let headers =
            fields.iter().map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value))).collect();
        assert_eq!(is_from_elsewhere(&headers, is_loopback, None), expected, "{fields:?}");
    }

    #[test]
    fn foreign_pages_and_rebound_names_are_recognised() {
        check(&[("host", "127.0.0.1:9090")], (true, false));
        check(&[("host", "[::1]")], (true, false));
        check(&[("host", "[::1]:9090")], (true, false));
        check(&[("host", "localhost:9090")], (true, false));
        check(&[("host", "evil.example:9090")], (true, true));
        check(&[("host", "127.evil.example:9090")], (true, true));
        check(&[], (true, true));
        check(&[("host", "countersign.ns.svc:9090")], (false, false));
        check(&[("host", "127.0.0.1:9090"), ("origin", "http://127.0.0.1:9090")], (true, false));
        check(&[("host", "127.0.0.1:9090"), ("origin", "http://127.0.0.1")], (true, true));
        check(&[("host", "127.0.0.1:9090"), ("origin", "http://evil.example")], (true, true));
        check(&[("host", "127.0.0.1:9090"), ("origin", "null")], (true, true));
    }

    #[test]
    fn behind_a_proxy_the_public_name_is_ours() {
        let public = Url::parse("https://admin.example.com/").unwrap();
        let check = |host: &'static str, origin: &'static str, expected| {
            let mut headers = HeaderMap::new();
            headers.insert(HOST, HeaderValue::from_static(host));
            headers.insert(ORIGIN, HeaderValue::from_static(origin));
            assert_eq!(is_from_elsewhere(&headers, true, Some(&public)), expected, "{host} {origin}");
        };
        check("admin.example.com", "https://admin.example.com", false);
        check("127.0.0.1:9090", "https://admin.example.com", false);
        check("admin.example.com", "https://evil.example", true);
        check("evil.example", "https://evil.example", true);
    }
}
