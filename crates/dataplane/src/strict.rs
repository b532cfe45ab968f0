//! What hyper lets through and we do not: checks on every request head before the decision sees it.
//!
//! Knows framing, `Host` and targets; nothing of routes or credentials. hyper has already refused bad tokens, control
//! bytes, folded lines, invalid or differing `Content-Length` and `Transfer-Encoding` in HTTP/1.0. Standards: RFC 9110,
//! RFC 9112 §3, §6, §11 and RFC 9113 §8.

use std::cell::{Cell, RefCell};

use gateway::{Code, Rejection};
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Uri, Version,
    header::{CONTENT_LENGTH, HOST, TRANSFER_ENCODING},
    request::Parts,
    uri::Authority,
};
use http_body::Body;

/// More than this between the target and the first field's value is no fragment but unrelated memory.
const LONGEST_FRAGMENT: usize = 128 * 1024;

/// What one connection has shown so far.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    has_number_sign: Cell<bool>,
    good_host: RefCell<Vec<u8>>,
}

impl Seen {
    /// Looks at bytes as the client sent them: without a `#` among them no target can have had a fragment.
    pub(crate) fn received(&self, bytes: &[u8]) {
        if !self.has_number_sign.get() && memchr::memchr(b'#', bytes).is_some() {
            self.has_number_sign.set(true);
        }
    }

    fn has_number_sign(&self) -> bool {
        self.has_number_sign.get()
    }

    /// Checks a `Host` value, unless the connection's last one was the same.
    fn check_host(&self, host: &[u8]) -> Result<(), Rejection> {
        let mut good_host = self.good_host.borrow_mut();
        if good_host.is_empty() || *good_host != host {
            check_host(host)?;
            good_host.clear();
            good_host.extend_from_slice(host);
        }
        Ok(())
    }
}

/// Checks the head of one request.
///
/// # Errors
///
/// [`Code::BadRequest`] with what is wrong; [`Code::NotImplemented`] for `CONNECT` and `TRACE` in HTTP/1.
pub(crate) fn check(parts: &Parts, body: &impl Body, seen: &Seen) -> Result<(), Rejection> {
    if parts.version == Version::HTTP_2 {
        check_http2(parts, seen)?;
    } else {
        check_http1(parts, body, seen)?;
    }
    check_target(&parts.uri)
}

/// Checks a head that another proxy has parsed.
///
/// # Errors
///
/// As [`check`].
pub(crate) fn check_told(parts: &Parts) -> Result<(), Rejection> {
    if parts.method == Method::CONNECT || parts.method == Method::TRACE {
        return Err(Rejection::new(Code::NotImplemented, "this method is not served"));
    }
    let host = only(&parts.headers, &HOST).map_err(|_| bad("the request has several `Host` fields"))?;
    check_host(host.ok_or_else(|| bad("the request has no `Host`"))?.as_bytes())?;
    check_target(&parts.uri)
}

fn check_http1(parts: &Parts, body: &impl Body, seen: &Seen) -> Result<(), Rejection> {
    if parts.method == Method::CONNECT || parts.method == Method::TRACE {
        return Err(Rejection::new(Code::NotImplemented, "this method is not served"));
    }
    let host = only(&parts.headers, &HOST).map_err(|_| bad("the request has several `Host` fields"))?;
    let host = host.ok_or_else(|| bad("the request has no `Host`"))?;
    seen.check_host(host.as_bytes())?;
    if parts.uri.authority().is_some_and(|authority| !names_same(authority, host)) {
        return Err(bad("the target and `Host` name different authorities"));
    }
    if body.size_hint().exact().is_none() {
        check_transfer_encoding(&parts.headers)?;
    }
    if seen.has_number_sign() && has_fragment(parts) {
        return Err(bad("the target has a fragment"));
    }
    Ok(())
}

/// A body of unknown length is a chunked one: exactly one line that says exactly that.
fn check_transfer_encoding(headers: &HeaderMap) -> Result<(), Rejection> {
    let mut codings = headers.get_all(TRANSFER_ENCODING).iter();
    let is_chunked = codings.next().is_some_and(|coding| coding.as_bytes().eq_ignore_ascii_case(b"chunked"));
    if is_chunked && codings.next().is_none() {
        return Ok(());
    }
    Err(bad("the only `Transfer-Encoding` served is `chunked`"))
}

fn check_http2(parts: &Parts, seen: &Seen) -> Result<(), Rejection> {
    let host = only(&parts.headers, &HOST).map_err(|_| bad("the request has several `host` fields"))?;
    match (parts.uri.authority(), host) {
        (Some(authority), Some(host)) if !names_same(authority, host) => {
            return Err(bad("`:authority` and `host` name different authorities"));
        }
        (Some(authority), _) => seen.check_host(authority.as_str().as_bytes())?,
        (None, Some(host)) => seen.check_host(host.as_bytes())?,
        (None, None) => return Err(bad("the request has no `:authority`")),
    }
    check_content_length(&parts.headers)?;
    if parts.headers.values().any(is_padded) {
        return Err(bad("a field value starts or ends with white space"));
    }
    Ok(())
}

fn check_content_length(headers: &HeaderMap) -> Result<(), Rejection> {
    match only(headers, &CONTENT_LENGTH) {
        Ok(None) => Ok(()),
        Ok(Some(length)) if !length.is_empty() && length.as_bytes().iter().all(u8::is_ascii_digit) => Ok(()),
        Ok(Some(_)) | Err(Several) => Err(bad("`content-length` is not one number")),
    }
}

/// More than one field of a name.
struct Several;

/// Returns the only field of a name. Counts first: mostly no field comes twice.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a HeaderValue>, Several> {
    let value = headers.get(name);
    if headers.len() > headers.keys_len() && headers.get_all(name).iter().nth(1).is_some() {
        return Err(Several);
    }
    Ok(value)
}

/// HTTP/1 parsers trim; in HTTP/2 the white space is part of the value (RFC 9113 §8.2.1).
fn is_padded(value: &HeaderValue) -> bool {
    let is_blank = |byte: Option<&u8>| matches!(byte, Some(b' ' | b'\t'));
    is_blank(value.as_bytes().first()) || is_blank(value.as_bytes().last())
}

fn check_target(uri: &Uri) -> Result<(), Rejection> {
    if !uri.path().starts_with('/') {
        return Err(bad("the target is not a path"));
    }
    if uri.scheme_str().is_some_and(|scheme| scheme != "http" && scheme != "https") {
        return Err(bad("the target's scheme is neither `http` nor `https`"));
    }
    Ok(())
}

/// Checks a `Host` value: a name or address and at most one port; no user, path, list or white space.
fn check_host(host: &[u8]) -> Result<(), Rejection> {
    let end_of_name = match host.first() {
        Some(b'[') => host.iter().position(|byte| *byte == b']').map(|end| end + 1),
        _ => Some(host.iter().position(|byte| *byte == b':').unwrap_or(host.len())),
    };
    let (name, port) = end_of_name.and_then(|end| host.split_at_checked(end)).ok_or_else(bad_host)?;
    let is_address = name.starts_with(b"[");
    let has_good_name = !name.is_empty()
        && name.iter().all(|byte| match byte {
            b'[' | b']' | b':' => is_address,
            b'-' | b'.' | b'_' | b'~' => true,
            other => other.is_ascii_alphanumeric(),
        });
    let has_good_port = match port {
        [] | [b':'] => true,
        [b':', digits @ ..] => is_port(digits),
        _ => false,
    };
    if has_good_name && has_good_port { Ok(()) } else { Err(bad_host()) }
}

fn is_port(digits: &[u8]) -> bool {
    digits.len() <= 5
        && digits.iter().all(u8::is_ascii_digit)
        && u16::try_from(digits.iter().fold(0_u32, |port, digit| port * 10 + u32::from(digit - b'0'))).is_ok()
}

fn names_same(authority: &Authority, host: &HeaderValue) -> bool {
    authority.as_str().as_bytes().eq_ignore_ascii_case(host.as_bytes())
}

/// True when the target was followed by a fragment, which hyper cuts off without a word.
///
/// The target and the field values are slices of one buffer, so what lies between the target and the first value is
/// known to the byte: ` HTTP/1.1`, a line end, the name, a colon and a space. Only their distance is looked at.
fn has_fragment(parts: &Parts) -> bool {
    let Some(target) = parts.uri.path_and_query().map(http::uri::PathAndQuery::as_str) else { return false };
    let Some((name, value)) = parts.headers.iter().next() else { return false };
    let end_of_target = target.as_ptr().addr() + target.len();
    let Some(distance) = value.as_bytes().as_ptr().addr().checked_sub(end_of_target) else { return false };
    let usual = " HTTP/1.1\r\n".len() + name.as_str().len() + ": ".len();
    (usual + 1..LONGEST_FRAGMENT).contains(&distance)
}

fn bad(detail: &'static str) -> Rejection {
    Rejection::new(Code::BadRequest, detail)
}

fn bad_host() -> Rejection {
    bad("`Host` is not a name or address with at most one port")
}

#[cfg(test)]
mod tests {
    use http::Request;
    use http_body_util::Empty;

    use super::*;

    fn host(value: &str, expected: bool) {
        assert_eq!(check_host(value.as_bytes()).is_ok(), expected, "{value}");
    }

    #[test]
    fn hosts_are_a_name_or_an_address_with_at_most_one_port() {
        for good in ["api.example.com", "a", "127.0.0.1:8080", "[::1]:80", "a:", "xn--e1afmkfd.example.", "a_b:65535"] {
            host(good, true);
        }
        for bad in
            ["", "a b", "u@a", "a/x", "a, b", "a:1:2", "a:65536", "a:x", ":80", "[::1", "[::1]x", "a%41", "a\u{e9}"]
        {
            host(bad, false);
        }
    }

    fn http2(uri: &str, fields: &[(&str, &str)], expected: bool) {
        let mut request = Request::builder().uri(uri).version(Version::HTTP_2);
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        let (parts, body) = request.body(Empty::<&[u8]>::new()).unwrap().into_parts();
        assert_eq!(check(&parts, &body, &Seen::default()).is_ok(), expected, "{uri} {fields:?}");
    }

    #[test]
    fn http2_heads_agree_with_themselves() {
        http2("http://api/x", &[], true);
        http2("http://api/x", &[("host", "API")], true);
        http2("http://api/x", &[("host", "evil")], false);
        http2("http://u@api/x", &[], false);
        http2("ftp://api/x", &[], false);
        http2("/x", &[], false);
        http2("http://api/x", &[("x-a", " x")], false);
        http2("http://api/x", &[("x-a", "x\t")], false);
        http2("http://api/x", &[("content-length", "5"), ("content-length", "5")], false);
        http2("http://api/x", &[("content-length", "+5")], false);
        http2("http://api/x", &[("content-length", "5")], true);
    }

    fn http1(method: &str, uri: &str, hosts: &[&str], expected: Option<Code>) {
        let mut request = Request::builder().method(method).uri(uri);
        for host in hosts {
            request = request.header(HOST, *host);
        }
        let (parts, body) = request.body(Empty::<&[u8]>::new()).unwrap().into_parts();
        let found = check(&parts, &body, &Seen::default()).err().map(|rejection| rejection.code);
        assert_eq!(found, expected, "{method} {uri} {hosts:?}");
    }

    #[test]
    fn http1_heads_name_one_host_and_a_path() {
        http1("GET", "/x", &["api"], None);
        http1("GET", "http://api/x", &["Api"], None);
        for (uri, hosts) in [
            ("/x", [].as_slice()),
            ("/x", &["api", "api"]),
            ("/x", &[""]),
            ("*", &["api"]),
            ("api:80", &["api:80"]),
            ("http://evil/x", &["api"]),
            ("ftp://api/x", &["api"]),
        ] {
            http1("GET", uri, hosts, Some(Code::BadRequest));
        }
        http1("CONNECT", "api:443", &["api"], Some(Code::NotImplemented));
        http1("TRACE", "/x", &["api"], Some(Code::NotImplemented));
    }
}
