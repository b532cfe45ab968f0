//! The console: files that were built into this program, and one page for every address that is not a file's.
//!
//! No inline script and nothing from other sites (Content-Security-Policy); files whose names hold their content's hash may
//! be kept for ever. What the build has packed is sent packed.

use std::borrow::Cow;

use axum::{
    extract::Request,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use gateway::Fingerprint;
use http::{
    HeaderValue, Method, StatusCode,
    header::{
        ACCEPT, ACCEPT_ENCODING, ALLOW, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG,
        IF_NONE_MATCH, VARY,
    },
};
use rust_embed::{EmbeddedFile, RustEmbed};

use super::problem::Problem;

/// What `tests/prepare console` has built; empty without it.
#[derive(RustEmbed)]
#[folder = "../../console/dist"]
#[allow_missing = true]
struct Files;

const PAGE: &str = "index.html";
const NOT_BUILT: &str = "<!doctype html><html lang=\"en\"><title>Countersign</title>\
    <p>The console is not built into this program: run <code>tests/prepare console</code>, then build again. \
    The REST API is at <a href=\"/api/v1/openapi.json\">/api/v1</a>.</html>\n";

/// Scripts, styles and data from here alone.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; \
    connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// Answers with a file of the console, or its page.
pub(super) async fn serve(request: Request) -> Response {
    let path = request.uri().path().trim_start_matches('/');
    if path.starts_with("api/") {
        return Problem::not_found("there is nothing at this path").into_response();
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let allowed = [(ALLOW, HeaderValue::from_static("GET, HEAD"))];
        let detail = "this path is not served with this method";
        return (allowed, Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail)).into_response();
    }
    match Files::get(path).filter(|_| path != PAGE) {
        Some(file) => answer(path, &file, &request),
        None if wants_page(&request) => page(&request),
        None => Problem::not_found("there is nothing at this path").into_response(),
    }
}

fn wants_page(request: &Request) -> bool {
    let accept = request.headers().get(ACCEPT).map(HeaderValue::as_bytes).unwrap_or_default();
    accept.windows(9).any(|kind| kind == b"text/html")
}

fn page(request: &Request) -> Response {
    match Files::get(PAGE) {
        Some(file) => answer(PAGE, &file, request),
        None => sealed(([(CONTENT_TYPE, "text/html; charset=utf-8")], NOT_BUILT).into_response()),
    }
}

fn answer(path: &str, file: &EmbeddedFile, request: &Request) -> Response {
    let packed = Files::get(&format!("{path}.gz")).filter(|_| takes_gzip(request));
    let sent = packed.as_ref().unwrap_or(file);
    let etag = format!("\"{}\"", Fingerprint::of([sent.metadata.sha256_hash().as_slice()]));
    let is_known = request.headers().get(IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == etag.as_bytes());
    // Vite puts a hash of the content into the names of what it builds.
    let kept = if path.starts_with("assets/") { "public, max-age=31536000, immutable" } else { "no-cache" };
    let fields = [
        (CONTENT_TYPE, HeaderValue::from_static(kind(path))),
        (CACHE_CONTROL, HeaderValue::from_static(kept)),
        (ETAG, HeaderValue::from_str(&etag).unwrap_or(HeaderValue::from_static("\"\""))),
    ];
    let encoding = packed.is_some().then(|| {
        [(CONTENT_ENCODING, HeaderValue::from_static("gzip")), (VARY, HeaderValue::from_static("accept-encoding"))]
    });
    let mut response = match (is_known, &sent.data) {
        (true, _) => (StatusCode::NOT_MODIFIED, fields).into_response(),
        (false, Cow::Borrowed(data)) => (fields, Bytes::from_static(data)).into_response(),
        (false, Cow::Owned(data)) => (fields, Bytes::from(data.clone())).into_response(),
    };
    response.headers_mut().extend(encoding.into_iter().flatten());
    sealed(response)
}

/// RFC 9110 §12.5.3.
fn takes_gzip(request: &Request) -> bool {
    let accepted = request.headers().get_all(ACCEPT_ENCODING).iter().filter_map(|field| field.to_str().ok());
    accepted.flat_map(|field| field.split(',')).any(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, "q=1"));
        let weight = weight.trim().strip_prefix("q=").and_then(|weight| weight.parse::<f32>().ok());
        name.trim().eq_ignore_ascii_case("gzip") && weight.is_some_and(|weight| weight > 0.0)
    })
}

fn sealed(mut response: Response) -> Response {
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    response
}

fn kind(path: &str) -> &'static str {
    match path.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "json" | "map" | "webmanifest" => "application/json",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packed_files_go_to_those_who_take_them() {
        let check = |accepted: &'static str, expected: bool| {
            let request = Request::builder().header(ACCEPT_ENCODING, accepted).body(axum::body::Body::empty());
            assert_eq!(takes_gzip(&request.unwrap()), expected, "{accepted}");
        };
        check("gzip, deflate, br", true);
        check("br;q=1.0, GZIP; q=0.5", true);
        check("gzip;q=0", false);
        check("identity", false);
    }

    #[test]
    fn the_policy_allows_no_inline_script_and_no_other_site() {
        let scripts = POLICY.split("; ").find(|part| part.starts_with("script-src")).unwrap();
        assert_eq!(scripts, "script-src 'self'");
        assert!(["http", "*", "unsafe"].iter().all(|leave| !POLICY.contains(leave)));
    }
}
