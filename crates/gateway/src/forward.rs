//! The request that goes to the backend: the only source of the outgoing fields (backend-jwt.md §4).
//!
//! Consumes the client's head: what is not carried over here cannot get through. Order matters and is fixed: the client's
//! `Connection` nominations are applied first, our fields are set last.

use std::sync::Arc;

use http::{
    Extensions, HeaderMap, HeaderName, HeaderValue, Uri,
    header::{CONNECTION, COOKIE, FORWARDED, HOST, TE, VIA},
    uri::PathAndQuery,
};

use crate::{
    elsewhere::Elsewhere,
    fields::{FieldClass, FieldRules},
    rejection::{Code, Rejection},
    request::{Connection, Endpoint, RequestHead, Upstream},
    treatment::{HeaderChanges, Treated},
    websocket::WebSocketHandshake,
};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const VIA_COUNTERSIGN: HeaderValue = HeaderValue::from_static("1.1 countersign");
const TRAILERS: HeaderValue = HeaderValue::from_static("trailers");
const HTTP: HeaderValue = HeaderValue::from_static("http");
const HTTPS: HeaderValue = HeaderValue::from_static("https");
/// More names than this in `Connection` are an attack, not a client.
const MOST_NOMINATIONS: usize = 32;

/// Everything needed to forward a request. The only source of the outgoing head.
#[derive(Debug)]
pub struct Forward {
    /// Where to.
    pub endpoint: Arc<Endpoint>,
    /// The head for the backend. Its target is the normal path, rebased on the endpoint, with the query untouched; its
    /// fields are the client's less what must not pass, plus ours: `Host` is among them, framing fields are not.
    pub head: Box<RequestHead>,
    /// Says which trailers may pass to the backend, and which response fields to the client.
    pub fields: Arc<FieldRules>,
    /// The WebSocket that the head asks for.
    pub websocket: Option<Box<WebSocketHandshake>>,
    /// What the operation's policies still do with the answer.
    pub treated: Option<Box<Treated>>,
    /// Where else the call may go.
    pub elsewhere: Option<Box<Elsewhere>>,
    /// A sandbox call of an operation that has production endpoints too: who goes by anything but the endpoint must not
    /// forward it.
    pub is_aside: bool,
}

/// What the decision adds to, and takes from, the client's head.
#[derive(Debug)]
pub(crate) struct Outgoing<'a, J> {
    /// Where to.
    pub endpoint: Arc<Endpoint>,
    /// The path on the endpoint, with its query.
    pub path_and_query: PathAndQuery,
    /// The rules of this snapshot.
    pub fields: &'a Arc<FieldRules>,
    /// Fields in which this API reads credentials; they end here.
    pub credentials: &'a [HeaderName],
    /// The Backend JWTs: names and values.
    pub jwts: J,
    /// Whether the connection's peer is one of the operator's `trustedProxies`.
    pub peer: PeerTrust,
    /// What to do when the client sent a reserved name.
    pub reserved_mode: ReservedHeaderMode,
    /// What the operation's policies do to the client's fields.
    pub changes: Option<&'a HeaderChanges>,
    /// The WebSocket that the client asks for, where it may.
    pub websocket: Option<Box<WebSocketHandshake>>,
}

/// Whose `X-Forwarded-*` a connection carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PeerTrust {
    /// A trusted proxy's.
    Trusted,
    /// Anybody's.
    Untrusted,
}

/// The operator's `reservedHeaderMode`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ReservedHeaderMode {
    /// Remove the client's field.
    #[default]
    Strip,
    /// Answer 400.
    Reject,
}

impl Forward {
    /// Makes the outgoing request from the client's head.
    ///
    /// # Errors
    ///
    /// [`Code::BadRequest`] for too many `Connection` nominations, or a reserved name in `reject` mode.
    pub(crate) fn new<'a>(
        mut head: Box<RequestHead>,
        outgoing: Outgoing<'_, impl Iterator<Item = (&'a HeaderName, &'a HeaderValue)>>,
    ) -> Result<Self, Rejection> {
        let Outgoing { endpoint, path_and_query, fields, credentials, jwts, peer, reserved_mode, changes, websocket } =
            outgoing;
        let headers = &mut head.parts.headers;
        let stripped = strip(headers, fields, peer, reserved_mode)?;
        for name in credentials {
            headers.remove(name);
        }
        if let Some(changes) = changes {
            changes.apply(headers);
        }
        if endpoint.upstream == Upstream::Http1 {
            if stripped.has_cookies {
                join_cookies(headers);
            }
        } else if stripped.takes_trailers {
            headers.insert(TE, TRAILERS);
        }
        // HTTP/2 names the host in the target (RFC 9113 §8.3.1).
        if let Some(authority) = head.parts.uri.authority()
            && !headers.contains_key(HOST)
            && let Ok(host) = HeaderValue::from_str(authority.as_str())
        {
            headers.insert(HOST, host);
        }
        if stripped.has_forwarded {
            rebuild_forwarded(headers, &head.connection, peer);
        }
        describe_connection(headers, &head.connection, &endpoint, peer);
        headers.insert(X_REQUEST_ID, head.request_id.clone());
        for (name, value) in jwts {
            headers.insert(name, value.clone());
        }
        if let Some(websocket) = &websocket {
            websocket.ask(headers);
        }
        head.parts.uri = Uri::from(path_and_query);
        head.parts.extensions = Extensions::new();
        let fields = Arc::clone(fields);
        Ok(Self { endpoint, head, fields, websocket, treated: None, elsewhere: None, is_aside: false })
    }
}

/// What was found among the fields while stripping them.
#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "three findings, and none says anything about another")]
struct Stripped {
    has_cookies: bool,
    has_forwarded: bool,
    takes_trailers: bool,
}

/// Removes what must not pass: nominated, reserved, distrusted and hop-by-hop fields.
///
/// `Host` and the forwarding fields stay for [`describe_connection`], which replaces them.
fn strip(
    headers: &mut HeaderMap,
    fields: &FieldRules,
    peer: PeerTrust,
    reserved_mode: ReservedHeaderMode,
) -> Result<Stripped, Rejection> {
    let mut stripped = Stripped::default();
    let mut removed = Vec::new();
    for name in headers.keys() {
        match fields.class(name) {
            Some(FieldClass::Reserved) if reserved_mode == ReservedHeaderMode::Reject => {
                return Err(Rejection::new(Code::BadRequest, "the request has a field that only the gateway may set"));
            }
            Some(FieldClass::HopByHop) => {
                if *name == CONNECTION {
                    removed.extend(nominations(headers)?);
                }
                stripped.takes_trailers |= *name == TE && headers.get_all(TE).iter().any(lists_trailers);
                removed.push(name.clone());
            }
            Some(FieldClass::Reserved | FieldClass::Distrusted) => removed.push(name.clone()),
            Some(FieldClass::Framing) if *name != HOST => removed.push(name.clone()),
            Some(FieldClass::Forwarding) if !is_rebuilt(name, peer) => removed.push(name.clone()),
            Some(FieldClass::Forwarding) => stripped.has_forwarded |= *name == FORWARDED,
            Some(FieldClass::Framing) => {}
            None => stripped.has_cookies |= *name == COOKIE,
        }
    }
    for name in removed {
        headers.remove(name);
    }
    Ok(stripped)
}

/// True for a forwarding field that [`describe_connection`] overwrites, or that a trusted proxy may have set.
fn is_rebuilt(name: &HeaderName, peer: PeerTrust) -> bool {
    [X_FORWARDED_FOR, X_FORWARDED_PROTO, X_FORWARDED_HOST, X_REQUEST_ID, VIA, FORWARDED].contains(name)
        || (peer == PeerTrust::Trusted && *name == HeaderName::from_static("x-forwarded-port"))
}

/// Returns the fields that the client's `Connection` nominates (RFC 9110 §7.6.1).
fn nominations(headers: &HeaderMap) -> Result<Vec<HeaderName>, Rejection> {
    let mut names = Vec::new();
    for value in headers.get_all(CONNECTION) {
        for token in value.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
            if token.is_empty() || token.eq_ignore_ascii_case(b"close") || token.eq_ignore_ascii_case(b"keep-alive") {
                continue;
            }
            if names.len() == MOST_NOMINATIONS {
                return Err(Rejection::new(Code::BadRequest, "`Connection` names too many fields"));
            }
            let name = HeaderName::from_bytes(token)
                .map_err(|_| Rejection::new(Code::BadRequest, "`Connection` names no field"))?;
            if name != HOST {
                names.push(name);
            }
        }
    }
    Ok(names)
}

fn lists_trailers(value: &HeaderValue) -> bool {
    value.as_bytes().split(|byte| *byte == b',').any(|item| item.trim_ascii().eq_ignore_ascii_case(b"trailers"))
}

/// Joins the cookie crumbs of HTTP/2 for HTTP/1.1 (RFC 9113 §8.2.3).
pub fn join_cookies(headers: &mut HeaderMap) {
    if headers.get_all(COOKIE).iter().nth(1).is_none() {
        return;
    }
    let crumbs: Vec<&[u8]> = headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes).collect();
    if let Ok(joined) = HeaderValue::from_bytes(&crumbs.join(b"; ".as_slice())) {
        headers.insert(COOKIE, joined);
    }
}

/// Replaces the client's `Forwarded` (RFC 7239) by our own, which extends a trusted proxy's. Nobody who sends none gets one:
/// `X-Forwarded-*` says the same.
fn rebuild_forwarded(headers: &mut HeaderMap, connection: &Connection, peer: PeerTrust) {
    let mut forwarded = Vec::new();
    if peer == PeerTrust::Trusted {
        for value in headers.get_all(FORWARDED) {
            forwarded.extend_from_slice(value.as_bytes());
            forwarded.extend_from_slice(b", ");
        }
    }
    let address = connection.peer.ip().to_canonical();
    let proto = if connection.is_secure { "https" } else { "http" };
    let node = if address.is_ipv6() { format!("\"[{address}]\"") } else { address.to_string() };
    forwarded.extend_from_slice(format!("for={node};proto={proto}").as_bytes());
    // A host that `Host` may have and a quoted string may not is left out (RFC 9110 §5.6.4).
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    if let Some(host) = host.filter(|host| !host.contains(['"', '\\'])) {
        forwarded.extend_from_slice(format!(";host=\"{host}\"").as_bytes());
    }
    match HeaderValue::from_bytes(&forwarded) {
        Ok(forwarded) => headers.insert(FORWARDED, forwarded),
        Err(_) => headers.remove(FORWARDED),
    };
}

/// Sets `Host`, `Via` and `X-Forwarded-*` from the connection, extending a trusted proxy's chain.
fn describe_connection(headers: &mut HeaderMap, connection: &Connection, endpoint: &Endpoint, peer: PeerTrust) {
    let host = headers.insert(HOST, endpoint.authority.clone());
    headers.insert(VIA, VIA_COUNTERSIGN);
    let own_scheme = if connection.is_secure { HTTPS } else { HTTP };
    match peer {
        PeerTrust::Untrusted => {
            headers.insert(X_FORWARDED_FOR, connection.peer_field.clone());
            headers.insert(X_FORWARDED_PROTO, own_scheme);
            set_forwarded_host(headers, host);
        }
        PeerTrust::Trusted => {
            let chain = extended_chain(headers, connection);
            headers.insert(X_FORWARDED_FOR, chain);
            let is_known = headers.get(X_FORWARDED_PROTO).is_some_and(|scheme| *scheme == HTTP || *scheme == HTTPS);
            if !is_known {
                headers.insert(X_FORWARDED_PROTO, own_scheme);
            }
            if !headers.contains_key(X_FORWARDED_HOST) {
                set_forwarded_host(headers, host);
            }
        }
    }
}

fn set_forwarded_host(headers: &mut HeaderMap, host: Option<HeaderValue>) {
    match host {
        Some(host) => headers.insert(X_FORWARDED_HOST, host),
        None => headers.remove(X_FORWARDED_HOST),
    };
}

/// Returns the trusted proxy's `X-Forwarded-For` chain with the proxy itself at its end.
fn extended_chain(headers: &HeaderMap, connection: &Connection) -> HeaderValue {
    let mut chain = Vec::new();
    for value in headers.get_all(X_FORWARDED_FOR) {
        chain.extend_from_slice(value.as_bytes());
        chain.extend_from_slice(b", ");
    }
    chain.extend_from_slice(connection.peer_field.as_bytes());
    HeaderValue::from_bytes(&chain).unwrap_or_else(|_| connection.peer_field.clone())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::{HeaderMap, Request};

    use super::*;
    use crate::request::PoolId;

    fn endpoint() -> Arc<Endpoint> {
        Arc::new(Endpoint {
            pool: PoolId(0),
            upstream: Upstream::Http1,
            host: "backend".into(),
            port: 80,
            path: "".into(),
            authority: HeaderValue::from_static("backend"),
            trusted_ca: None,
            connect_timeout: Duration::from_secs(1),
            response_timeout: Duration::from_secs(1),
            resilience: None,
        })
    }

    fn head(target: &str, fields: &[(&'static str, &'static str)]) -> Box<RequestHead> {
        let mut request = Request::get(target);
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        Box::new(RequestHead {
            parts: request.body(()).unwrap().into_parts().0,
            connection: Arc::new(Connection::new("192.0.2.7:4000".parse().unwrap(), false)),
            request_id: HeaderValue::from_static("r1"),
        })
    }

    fn forwarded(
        fields: &[(&'static str, &'static str)],
        peer: PeerTrust,
        reserved_mode: ReservedHeaderMode,
    ) -> Result<HeaderMap, Rejection> {
        forwarded_head(head("/x", fields), peer, reserved_mode)
    }

    fn forwarded_head(
        head: Box<RequestHead>,
        peer: PeerTrust,
        reserved_mode: ReservedHeaderMode,
    ) -> Result<HeaderMap, Rejection> {
        let rules = Arc::new(FieldRules::new([]));
        let (name, value) = (HeaderName::from_static("x-jwt-assertion"), HeaderValue::from_static("OURS"));
        let outgoing = Outgoing {
            endpoint: endpoint(),
            path_and_query: PathAndQuery::from_static("/x"),
            fields: &rules,
            credentials: &[http::header::AUTHORIZATION],
            jwts: [(&name, &value)].into_iter(),
            peer,
            reserved_mode,
            changes: None,
            websocket: None,
        };
        Forward::new(head, outgoing).map(|forward| forward.head.parts.headers)
    }

    fn check(fields: &[(&'static str, &'static str)], expected: &[(&str, &[&str])]) {
        let headers = forwarded(fields, PeerTrust::Untrusted, ReservedHeaderMode::Strip).unwrap();
        for (name, values) in expected {
            let found: Vec<&str> = headers.get_all(*name).iter().map(|value| value.to_str().unwrap()).collect();
            assert_eq!(found, *values, "{name}");
        }
    }

    #[test]
    fn a_forged_assertion_is_replaced_in_every_spelling() {
        check(
            &[("x-jwt-assertion", "FORGED"), ("x_jwt_assertion", "FORGED"), ("x.jwt.assertion", "FORGED")],
            &[("x-jwt-assertion", &["OURS"]), ("x_jwt_assertion", &[]), ("x.jwt.assertion", &[])],
        );
    }

    #[test]
    fn nominations_cannot_remove_our_fields() {
        check(
            &[("connection", "close, X-JWT-Assertion, x-forwarded-for, x-mine"), ("x-mine", "1"), ("host", "api")],
            &[
                ("x-jwt-assertion", &["OURS"]),
                ("x-forwarded-for", &["192.0.2.7"]),
                ("x-mine", &[]),
                ("connection", &[]),
                ("host", &["backend"]),
                ("x-forwarded-host", &["api"]),
            ],
        );
    }

    #[test]
    fn credentials_and_hop_by_hop_fields_end_here() {
        check(
            &[("authorization", "Bearer x"), ("te", "trailers"), ("upgrade", "h2c"), ("x-forwarded-for", "6.6.6.6")],
            &[("authorization", &[]), ("te", &[]), ("upgrade", &[]), ("x-forwarded-for", &["192.0.2.7"])],
        );
    }

    #[test]
    fn cookie_crumbs_are_joined() {
        check(&[("cookie", "a=1"), ("cookie", "b=2")], &[("cookie", &["a=1; b=2"])]);
    }

    #[test]
    fn a_trusted_proxy_keeps_its_chain() {
        let fields = [("x-forwarded-for", "203.0.113.9"), ("x-forwarded-proto", "https"), ("host", "api")];
        let headers = forwarded(&fields, PeerTrust::Trusted, ReservedHeaderMode::Strip).unwrap();
        assert_eq!(headers["x-forwarded-for"], "203.0.113.9, 192.0.2.7");
        assert_eq!(headers["x-forwarded-proto"], "https");
    }

    #[test]
    fn the_host_that_http2_names_in_the_target_is_passed_on() {
        let head = head("https://api.example.com/x", &[("forwarded", "for=6.6.6.6")]);
        let headers = forwarded_head(head, PeerTrust::Untrusted, ReservedHeaderMode::Strip).unwrap();
        assert_eq!(
            (&headers["host"], &headers["x-forwarded-host"]),
            (&"backend".parse().unwrap(), &"api.example.com".parse().unwrap())
        );
        assert_eq!(headers["forwarded"], "for=192.0.2.7;proto=http;host=\"api.example.com\"");
    }

    #[test]
    fn forwarded_is_replaced_by_ours_and_a_trusted_proxys_is_extended() {
        let fields = [("forwarded", "for=6.6.6.6;host=evil"), ("host", "api:80")];
        let ours = "for=192.0.2.7;proto=http;host=\"api:80\"";
        check(&fields, &[("forwarded", &[ours])]);
        let several = [("forwarded", "a"), ("forwarded", "b"), ("connection", "forwarded")];
        check(&several, &[("forwarded", &["for=192.0.2.7;proto=http"])]);
        check(&[("host", "api")], &[("forwarded", &[])]);
        let headers = forwarded(&fields, PeerTrust::Trusted, ReservedHeaderMode::Strip).unwrap();
        assert_eq!(headers["forwarded"], format!("for=6.6.6.6;host=evil, {ours}"));
    }

    #[test]
    fn reject_mode_refuses_reserved_names() {
        let rejection =
            forwarded(&[("x_jwt_assertion", "F")], PeerTrust::Untrusted, ReservedHeaderMode::Reject).unwrap_err();
        assert_eq!(rejection.code, Code::BadRequest);
    }
}
