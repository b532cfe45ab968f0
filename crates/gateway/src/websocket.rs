//! The opening handshake of a WebSocket (RFC 6455 §4): whether a request asks for one, and what a backend must answer to it.
//!
//! Over HTTP/2 there is no key (RFC 8441 §5): the gateway makes its own, towards a backend that speaks HTTP/1.1. Knows heads
//! only; frames are the enforcement point's.

use aws_lc_rs::{digest, rand};
use base64::{Engine, prelude::BASE64_STANDARD};
use http::{
    HeaderMap, HeaderName, HeaderValue, Version,
    header::{
        CONNECTION, CONTENT_LENGTH, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, TRANSFER_ENCODING,
        UPGRADE,
    },
};

use crate::{
    rejection::{Code, Rejection},
    request::RequestHead,
};

const WEBSOCKET: HeaderValue = HeaderValue::from_static("websocket");
const UPGRADES: HeaderValue = HeaderValue::from_static("Upgrade");
const VERSION: HeaderValue = HeaderValue::from_static("13");
/// What the key is hashed with (RFC 6455 §1.3).
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/// The bytes of a key.
const KEY_LENGTH: usize = 16;

/// A handshake that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebSocketHandshake {
    key: HeaderValue,
    accept: HeaderValue,
}

impl WebSocketHandshake {
    /// Makes the handshake of a key.
    pub fn of_key(key: HeaderValue) -> Option<Self> {
        let mut hashed = digest::Context::new(&digest::SHA1_FOR_LEGACY_USE_ONLY);
        hashed.update(key.as_bytes());
        hashed.update(GUID);
        let accept = HeaderValue::try_from(BASE64_STANDARD.encode(hashed.finish())).ok()?;
        Some(Self { key, accept })
    }

    /// Asks a backend for it. These fields are set last: nothing that a client nominates takes them away.
    pub fn ask(&self, headers: &mut HeaderMap) {
        headers.insert(UPGRADE, WEBSOCKET);
        headers.insert(CONNECTION, UPGRADES);
        headers.insert(SEC_WEBSOCKET_KEY, self.key.clone());
        headers.insert(SEC_WEBSOCKET_VERSION, VERSION);
    }

    /// True when the head of a `101` answer grants it (RFC 6455 §4.1).
    pub fn is_granted_by(&self, headers: &HeaderMap) -> bool {
        only(headers, &UPGRADE).is_some_and(is_websocket)
            && lists_upgrade(headers)
            && only(headers, &SEC_WEBSOCKET_ACCEPT) == Some(&self.accept)
    }

    /// Grants it to a client that speaks HTTP/1.1, whose key it has.
    pub fn grant(&self, headers: &mut HeaderMap) {
        headers.insert(UPGRADE, WEBSOCKET);
        headers.insert(CONNECTION, UPGRADES);
        headers.insert(SEC_WEBSOCKET_ACCEPT, self.accept.clone());
    }
}

/// Writes an extended `CONNECT` of HTTP/2 as the `GET` that it would be in HTTP/1.1 (RFC 8441 §5).
pub fn ask_as_http1(headers: &mut HeaderMap) {
    headers.insert(UPGRADE, WEBSOCKET);
    headers.insert(CONNECTION, UPGRADES);
}

/// Returns the handshake that a request asks for; `None` when it does not, or asks for something else too.
///
/// # Errors
///
/// [`Code::BadRequest`] when it asks for one as no client may.
pub(crate) fn asked(head: &RequestHead) -> Result<Option<Box<WebSocketHandshake>>, Rejection> {
    let headers = &head.parts.headers;
    let is_asked = head.parts.version >= Version::HTTP_11
        && only(headers, &UPGRADE).is_some_and(is_websocket)
        && lists_upgrade(headers);
    if !is_asked {
        return Ok(None);
    }
    if headers.contains_key(TRANSFER_ENCODING) || headers.get(CONTENT_LENGTH).is_some_and(|length| *length != "0") {
        return Err(Rejection::new(Code::BadRequest, "a WebSocket handshake has no body"));
    }
    if only(headers, &SEC_WEBSOCKET_VERSION) != Some(&VERSION) {
        let rejection = Rejection::new(Code::BadRequest, "the only version of WebSocket served is 13");
        return Err(rejection.with(SEC_WEBSOCKET_VERSION, VERSION));
    }
    let key = if head.parts.version == Version::HTTP_2 { fresh_key()? } else { clients_key(headers)? };
    let handshake = WebSocketHandshake::of_key(key).ok_or_else(bad_key)?;
    Ok(Some(Box::new(handshake)))
}

fn clients_key(headers: &HeaderMap) -> Result<HeaderValue, Rejection> {
    let key = only(headers, &SEC_WEBSOCKET_KEY).ok_or_else(bad_key)?;
    match BASE64_STANDARD.decode(key.as_bytes()) {
        Ok(bytes) if bytes.len() == KEY_LENGTH => Ok(key.clone()),
        Ok(_) | Err(_) => Err(bad_key()),
    }
}

fn fresh_key() -> Result<HeaderValue, Rejection> {
    let mut key = [0; KEY_LENGTH];
    rand::fill(&mut key).map_err(|_| Rejection::new(Code::SigningFailed, "there are no random numbers"))?;
    HeaderValue::try_from(BASE64_STANDARD.encode(key)).map_err(|_| bad_key())
}

fn bad_key() -> Rejection {
    Rejection::new(Code::BadRequest, "`Sec-WebSocket-Key` is not one key of 16 bytes")
}

fn is_websocket(value: &HeaderValue) -> bool {
    value.as_bytes().eq_ignore_ascii_case(b"websocket")
}

fn lists_upgrade(headers: &HeaderMap) -> bool {
    let mut names = headers.get_all(CONNECTION).iter().flat_map(|list| list.as_bytes().split(|byte| *byte == b','));
    names.any(|name| name.trim_ascii().eq_ignore_ascii_case(b"upgrade"))
}

/// Returns the value of a field that stands there once.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a HeaderValue> {
    let mut values = headers.get_all(name).iter();
    values.next().filter(|_| values.next().is_none())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use http::Request;

    use super::*;
    use crate::request::Connection;

    /// The key and the answer of RFC 6455 §1.3.
    const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
    const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
    const GOOD: [(&str, &str); 4] = [
        ("connection", "keep-alive, Upgrade"),
        ("upgrade", "WebSocket"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", KEY),
    ];

    fn head(version: Version, fields: &[(&str, &str)]) -> RequestHead {
        let mut request = Request::get("/x").version(version);
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        RequestHead {
            parts: request.body(()).unwrap().into_parts().0,
            connection: Arc::new(Connection::new("192.0.2.7:4000".parse().unwrap(), false)),
            request_id: HeaderValue::from_static("r1"),
        }
    }

    /// What comes of the good fields with `name` replaced; no values: left out.
    fn check(version: Version, (name, values): (&str, &[&str]), expected: Result<bool, Code>) {
        let mut fields: Vec<(&str, &str)> = GOOD.into_iter().filter(|(known, _)| *known != name).collect();
        fields.extend(values.iter().map(|value| (name, *value)));
        let found = asked(&head(version, &fields)).map(|asked| asked.is_some()).map_err(|rejection| rejection.code);
        assert_eq!(found, expected, "{version:?} {name}: {values:?}");
    }

    #[test]
    fn a_handshake_is_asked_for_as_the_standard_says() {
        check(Version::HTTP_11, ("x", &[]), Ok(true));
        check(Version::HTTP_2, ("sec-websocket-key", &[]), Ok(true));
        check(Version::HTTP_10, ("x", &[]), Ok(false));
        for other in [&["h2c"] as &[_], &["websocket, h2c"], &["websocket", "websocket"], &["xwebsocket"], &[]] {
            check(Version::HTTP_11, ("upgrade", other), Ok(false));
        }
        for other in [&["keep-alive"] as &[_], &["xupgrade"], &[]] {
            check(Version::HTTP_11, ("connection", other), Ok(false));
        }
    }

    #[test]
    fn a_handshake_that_nobody_may_send_is_refused() {
        let bad = Err(Code::BadRequest);
        for other in [&["12"] as &[_], &["13, 8"], &["13", "13"], &[]] {
            check(Version::HTTP_11, ("sec-websocket-version", other), bad);
        }
        for other in [&["x"] as &[_], &["dGhlIHNhbXBsZSBub25jZQ"], &["c2hvcnQ="], &[KEY, KEY], &[]] {
            check(Version::HTTP_11, ("sec-websocket-key", other), bad);
        }
        check(Version::HTTP_11, ("content-length", &["5"]), bad);
        check(Version::HTTP_11, ("content-length", &["0"]), Ok(true));
        check(Version::HTTP_11, ("transfer-encoding", &["chunked"]), bad);
    }

    #[test]
    fn only_the_right_answer_grants_it() {
        let handshake = WebSocketHandshake::of_key(HeaderValue::from_static(KEY)).unwrap();
        let mut granted = HeaderMap::new();
        handshake.grant(&mut granted);
        assert_eq!(granted[SEC_WEBSOCKET_ACCEPT], ACCEPT);
        assert!(handshake.is_granted_by(&granted));
        for (name, value) in
            [(UPGRADE, "h2c"), (CONNECTION, "close"), (SEC_WEBSOCKET_ACCEPT, "s3pPLMBiTxaQ9kYGzzhZRbK+xOp=")]
        {
            let mut other = granted.clone();
            other.insert(&name, HeaderValue::from_static(value));
            assert!(!handshake.is_granted_by(&other), "{name}: {value}");
            other.remove(&name);
            assert!(!handshake.is_granted_by(&other), "without {name}");
        }
    }

    #[test]
    fn over_http2_every_key_is_new() {
        let fields = GOOD.map(|(name, value)| if name == "sec-websocket-key" { ("x", value) } else { (name, value) });
        let ask = || asked(&head(Version::HTTP_2, &fields)).unwrap().unwrap();
        assert_ne!(ask(), ask());
    }
}
