//! A decision, as a proxy carries it out that is not ours: Envoy, which asks (`ext_authz`) and forwards the call itself.
//!
//! The head that goes on is made as for our own proxy; here it is compared with the one that came. What Envoy frames, routes
//! and describes by itself is its own, and stays as it is.

use http::{
    HeaderMap, HeaderName, HeaderValue, Uri,
    header::{COOKIE, FORWARDED, UPGRADE},
    uri::PathAndQuery,
};

use crate::{
    fields::FieldClass,
    forward::Forward,
    path::NormalPath,
    rejection::{Code, Rejection},
    request::RequestHead,
    treatment::HeaderChange,
};

/// Fields that Envoy writes or takes away itself, by their exact names: in another spelling they are anybody's.
const ENVOYS: [&str; 15] = [
    "connection",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "via",
    "x-forwarded-client-cert",
    "x-forwarded-for",
    "x-forwarded-proto",
    "x-request-id",
];
/// The same, by how they begin: Envoy's own fields, and a WebSocket's handshake, which Envoy passes on.
const ENVOYS_PREFIXES: [&str; 2] = ["x-envoy-", "sec-websocket-"];

/// A client's head, as it was before the decision.
#[derive(Clone, Debug)]
pub struct ClientHead {
    headers: HeaderMap,
    uri: Uri,
}

/// What becomes of a call's head on its way to the backend, and of the answer's on its way back.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HeadChanges {
    /// Fields that go no further, whatever stands in them.
    pub remove: Vec<HeaderName>,
    /// Fields that have this value alone; none is in `remove`.
    pub set: Vec<(HeaderName, HeaderValue)>,
    /// Path and query as they were decided on, where the client's are others: not in normal form, or with a credential.
    pub target: Option<PathAndQuery>,
    /// What is done to the answer.
    pub answer: Vec<HeaderChange>,
}

impl ClientHead {
    /// Keeps what a head says.
    pub fn of(head: &RequestHead) -> Self {
        Self { headers: head.parts.headers.clone(), uri: head.parts.uri.clone() }
    }
}

impl HeadChanges {
    /// Returns by what `forward` differs from what the client sent.
    ///
    /// Reserved fields are removed even where the client is not known to have sent them: whoever asks may show but a part
    /// of the head.
    ///
    /// # Errors
    ///
    /// [`Code::NotFound`] for a sandbox call where there is a production endpoint: Envoy cannot tell them apart.
    /// [`Code::BadRequest`] for another protocol than the operation's, which Envoy would switch to, and for a target that
    /// cannot be written without its credential.
    pub fn between(client: &ClientHead, forward: &Forward) -> Result<Self, Rejection> {
        if forward.is_aside {
            return Err(Rejection::new(Code::NotFound, "sandbox calls are not served on this way"));
        }
        if client.headers.contains_key(UPGRADE) && forward.websocket.is_none() {
            return Err(Rejection::new(Code::BadRequest, "this operation switches to no other protocol"));
        }
        let after = &forward.head.parts.headers;
        let shown = client.headers.keys().filter(|name| !is_envoys(name));
        let gone = shown.chain(forward.fields.reserved()).filter(|name| !after.contains_key(*name));
        let mut remove: Vec<HeaderName> = gone.cloned().collect();
        remove.sort_unstable_by(|one, other| one.as_str().cmp(other.as_str()));
        remove.dedup();
        let is_known = |name: &HeaderName| client.headers.contains_key(name);
        let set = after.keys().filter(|name| !is_envoys(name) && (is_known(name) || !is_only_rewritten(name)));
        // Ours in any case: what was shown may not be all that the client sent.
        let is_ours = |name: &HeaderName| forward.fields.class(name) == Some(FieldClass::Reserved);
        let is_changed = |name: &HeaderName| !client.headers.get_all(name).iter().eq(after.get_all(name));
        let set = set.filter(|name| is_ours(name) || is_changed(name));
        Ok(Self {
            remove,
            set: set.filter_map(|name| Some((name.clone(), joined(after, name)?))).collect(),
            target: target(&client.uri, &forward.head.parts.uri)?,
            answer: forward.treated.as_ref().map(|treated| treated.answer_changes()).unwrap_or_default(),
        })
    }
}

fn is_envoys(name: &HeaderName) -> bool {
    ENVOYS.contains(&name.as_str()) || ENVOYS_PREFIXES.iter().any(|prefix| name.as_str().starts_with(prefix))
}

/// True for fields that our own proxy adds to every call and Envoy does not: nobody's but a client's is replaced.
fn is_only_rewritten(name: &HeaderName) -> bool {
    *name == FORWARDED || name.as_str() == "x-forwarded-host" || name.as_str() == "x-forwarded-port"
}

/// Returns all values of a name as one (RFC 9110 §5.3; cookies: RFC 9113 §8.2.3).
fn joined(headers: &HeaderMap, name: &HeaderName) -> Option<HeaderValue> {
    let mut values = headers.get_all(name).iter();
    let first = values.next()?;
    let rest: Vec<&[u8]> = values.map(HeaderValue::as_bytes).collect();
    if rest.is_empty() {
        return Some(first.clone());
    }
    let separator: &[u8] = if *name == COOKIE { b"; " } else { b", " };
    let all = [&[first.as_bytes()], rest.as_slice()].concat().join(separator);
    HeaderValue::from_bytes(&all).ok()
}

/// Returns the path that was matched with what goes on of the query, where that is not what the client wrote.
fn target(before: &Uri, after: &Uri) -> Result<Option<PathAndQuery>, Rejection> {
    let path = NormalPath::parse(before.path()).map_err(|_| unusable())?;
    if path.as_str() == before.path() && before.query() == after.query() {
        return Ok(None);
    }
    let query = after.query().map(|query| format!("?{query}")).unwrap_or_default();
    format!("{}{query}", path.as_str()).try_into().map(Some).map_err(|_| unusable())
}

fn unusable() -> Rejection {
    Rejection::new(Code::BadRequest, "the path cannot be forwarded")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use http::{HeaderMap, HeaderName, HeaderValue, Request};

    use super::*;
    use crate::{
        fields::FieldRules,
        request::{Connection, Endpoint, PoolId, Upstream},
    };

    fn headers(fields: &[(&'static str, &'static str)]) -> HeaderMap {
        fields.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect()
    }

    fn head(target: &str, fields: &[(&'static str, &'static str)]) -> Box<RequestHead> {
        let mut parts = Request::get(target).body(()).unwrap().into_parts().0;
        for (name, value) in fields {
            parts.headers.append(*name, HeaderValue::from_static(value));
        }
        Box::new(RequestHead {
            parts,
            connection: Arc::new(Connection::new("192.0.2.7:4000".parse().unwrap(), false)),
            request_id: HeaderValue::from_static("r1"),
        })
    }

    /// A head that goes on to `/api` with these fields, where the operator has reserved `X_Internal`.
    fn forward(target: &str, fields: &[(&'static str, &'static str)]) -> Forward {
        let endpoint = Endpoint {
            pool: PoolId(0),
            upstream: Upstream::Http1,
            host: "backend".into(),
            port: 80,
            path: "/api".into(),
            authority: HeaderValue::from_static("backend"),
            trusted_ca: None,
            connect_timeout: std::time::Duration::ZERO,
            response_timeout: std::time::Duration::ZERO,
            resilience: None,
        };
        Forward {
            endpoint: Arc::new(endpoint),
            head: head(target, fields),
            fields: Arc::new(FieldRules::new(["X_Internal"])),
            websocket: None,
            treated: None,
            elsewhere: None,
            is_aside: false,
        }
    }

    fn changes(client: &RequestHead, forward: &Forward) -> HeadChanges {
        HeadChanges::between(&ClientHead::of(client), forward).unwrap()
    }

    fn names(changes: &HeadChanges) -> Vec<&str> {
        changes.remove.iter().map(HeaderName::as_str).collect()
    }

    #[test]
    fn what_goes_no_further_is_removed_and_reserved_names_always() {
        let client = head("/x", &[("authorization", "Bearer x"), ("x.jwt.assertion", "FORGED"), ("accept", "*/*")]);
        let changes = changes(&client, &forward("/api/x", &[("accept", "*/*"), ("x-jwt-assertion", "OURS")]));
        assert_eq!(names(&changes), ["authorization", "txn-token", "x.jwt.assertion", "x_internal"]);
        assert_eq!(headers(&[("x-jwt-assertion", "OURS")]), changes.set.into_iter().collect());
        assert_eq!((changes.target, changes.answer), (None, Vec::new()));
    }

    #[test]
    fn a_backend_jwt_is_set_even_where_the_client_shows_the_same() {
        let jwt = [("x-jwt-assertion", "OURS"), ("accept", "*/*")];
        let changes = changes(&head("/x", &jwt), &forward("/x", &jwt));
        assert_eq!(headers(&jwt[..1]), changes.set.into_iter().collect());
    }

    #[test]
    fn what_envoy_writes_itself_stays() {
        let fields =
            [("connection", "close"), ("x-forwarded-for", "1"), ("x-envoy-internal", "true"), ("te", "trailers")];
        let ours =
            [("host", "backend"), ("via", "1.1 countersign"), ("x-forwarded-for", "2"), ("x-forwarded-host", "a")];
        let changes = changes(&head("/x", &fields), &forward("/x", &ours));
        assert_eq!(names(&changes), ["txn-token", "x-jwt-assertion", "x_internal"]);
        assert_eq!(changes.set, []);
    }

    #[test]
    fn a_clients_word_for_its_host_is_replaced() {
        let client = head("/x", &[("x-forwarded-host", "evil"), ("x_forwarded_for", "6.6.6.6")]);
        let changes = changes(&client, &forward("/x", &[("x-forwarded-host", "a")]));
        assert!(names(&changes).contains(&"x_forwarded_for"));
        assert_eq!(headers(&[("x-forwarded-host", "a")]), changes.set.into_iter().collect());
    }

    #[test]
    fn several_fields_become_one() {
        let ours = [("x-list", "1"), ("x-list", "2"), ("cookie", "a=1"), ("cookie", "b=2")];
        let changes = changes(&head("/x", &[("x-list", "1")]), &forward("/x", &ours));
        assert_eq!(headers(&[("x-list", "1, 2"), ("cookie", "a=1; b=2")]), changes.set.into_iter().collect());
    }

    #[test]
    fn the_target_is_the_one_that_was_decided_on() {
        let target = |before, after| changes(&head(before, &[]), &forward(after, &[])).target.map(|it| it.to_string());
        assert_eq!(target("/x?q=1", "/api/x?q=1"), None);
        assert_eq!(target("/x?key=secret&q=1", "/api/x?q=1").as_deref(), Some("/x?q=1"));
        assert_eq!(target("/x?key=secret", "/api/x").as_deref(), Some("/x"));
        assert_eq!(target("/%78%3a", "/api/x%3A").as_deref(), Some("/x%3A"));
    }

    #[test]
    fn what_envoy_would_do_otherwise_is_refused() {
        let code = |client: &RequestHead, forward: &Forward| {
            HeadChanges::between(&ClientHead::of(client), forward).unwrap_err().code
        };
        let aside = Forward { is_aside: true, ..forward("/x", &[]) };
        assert_eq!(code(&head("/x", &[]), &aside), Code::NotFound);
        assert_eq!(code(&head("/x", &[("upgrade", "websocket")]), &forward("/x", &[])), Code::BadRequest);
    }
}
