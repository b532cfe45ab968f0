//! Where a call may go besides the endpoint that was chosen: to another one that answers, and as a copy to mirrors.
//!
//! The head was made by [`Forward`](crate::Forward) and stays what it is: only what names the place is changed.

use std::{sync::Arc, time::SystemTime};

use http::{
    HeaderMap, HeaderName, Uri,
    header::{AUTHORIZATION, COOKIE, HOST, TE, TRAILER},
    request::Parts,
    uri::PathAndQuery,
};

use crate::{
    fields::{FieldClass, FieldRules},
    forward::join_cookies,
    request::{Endpoint, Upstream},
    snapshot::Endpoints,
    treatment::Treatment,
};

/// Where else a call may go.
#[derive(Debug)]
pub struct Elsewhere {
    /// All endpoints that it could have gone to.
    pub endpoints: Endpoints,
    /// What stands behind an endpoint's own path, with the query.
    pub(crate) rest: Box<str>,
    /// The operation's policies, with its mirrors.
    pub(crate) treatment: Option<Arc<Treatment>>,
    /// Fields in which this API reads credentials.
    pub(crate) credentials: Box<[HeaderName]>,
}

impl Elsewhere {
    /// Returns an endpoint for a call that `failed` could not take: another one, or the same once more.
    pub fn next<'a>(&'a self, failed: &[Arc<Endpoint>], now: SystemTime) -> Option<&'a Arc<Endpoint>> {
        let is_new = |endpoint: &&Arc<Endpoint>| !failed.iter().any(|other| Arc::ptr_eq(other, endpoint));
        let is_up = |endpoint: &&Arc<Endpoint>| !endpoint.is_resting(now);
        let others = || self.endpoints.iter().filter(is_new);
        let other = others().find(is_up).or_else(|| others().next());
        other.or_else(|| failed.last().and_then(|last| self.endpoints.iter().find(|known| Arc::ptr_eq(known, last))))
    }

    /// Changes a head for one endpoint into that for another.
    pub fn retarget(&self, parts: &mut Parts, endpoint: &Endpoint) {
        if let Some(target) = self.target(endpoint) {
            parts.uri = Uri::from(target);
        }
        name_host(&mut parts.headers, endpoint);
    }

    /// Returns the mirrors.
    pub fn mirrors(&self) -> &[Arc<Endpoint>] {
        self.treatment.as_ref().map_or(&[], |treatment| &treatment.mirrors)
    }

    /// Makes the head of a copy.
    ///
    /// A mirror is another party than the backend: it is told nothing that would let it act as the caller. No Backend JWT
    /// goes there (its audience is the backend), no reserved field and no credential.
    pub fn mirrored(&self, parts: &Parts, fields: &FieldRules, mirror: &Endpoint) -> Option<Parts> {
        let mut copy = http::Request::new(()).into_parts().0;
        copy.method.clone_from(&parts.method);
        copy.uri = Uri::from(self.target(mirror)?);
        copy.headers.clone_from(&parts.headers);
        // A copy's body has no trailers.
        for name in [&AUTHORIZATION, &COOKIE, &TRAILER].into_iter().chain(&self.credentials) {
            copy.headers.remove(name);
        }
        let reserved: Vec<HeaderName> =
            parts.headers.keys().filter(|name| is_reserved(name, fields)).cloned().collect();
        for name in reserved {
            copy.headers.remove(name);
        }
        name_host(&mut copy.headers, mirror);
        Some(copy)
    }

    fn target(&self, endpoint: &Endpoint) -> Option<PathAndQuery> {
        let slash = if endpoint.path.is_empty() && !self.rest.starts_with('/') { "/" } else { "" };
        PathAndQuery::from_maybe_shared(bytes::Bytes::from(format!("{}{slash}{}", endpoint.path, self.rest))).ok()
    }
}

fn is_reserved(name: &HeaderName, fields: &FieldRules) -> bool {
    fields.class(name) == Some(FieldClass::Reserved)
}

/// Names the endpoint's host, and leaves out what its protocol does not have.
fn name_host(headers: &mut HeaderMap, endpoint: &Endpoint) {
    headers.insert(HOST, endpoint.authority.clone());
    if endpoint.upstream == Upstream::Http1 {
        headers.remove(TE);
        join_cookies(headers);
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use http::{HeaderValue, Request};

    use super::*;
    use crate::{
        request::PoolId,
        resilience::{EndpointLimits, EndpointState, Resilience, Retries},
    };

    const NOW: SystemTime = UNIX_EPOCH;

    fn endpoint(host: &'static str, path: &str) -> Arc<Endpoint> {
        let retries = Retries { count: 1, pause: Duration::ZERO, statuses: Box::default() };
        let state = Arc::new(EndpointState::default());
        Arc::new(Endpoint {
            pool: PoolId(0),
            upstream: Upstream::Http1,
            host: host.into(),
            port: 80,
            path: path.into(),
            authority: HeaderValue::from_static(host),
            trusted_ca: None,
            connect_timeout: Duration::ZERO,
            response_timeout: Duration::ZERO,
            resilience: Some(Box::new(Resilience { retries, limits: EndpointLimits::default(), state })),
        })
    }

    fn rest(endpoint: &Endpoint) {
        let state = &endpoint.resilience.as_ref().unwrap().state;
        (0..3).for_each(|_| {
            state.failed(NOW);
        });
    }

    fn elsewhere(endpoints: &[Arc<Endpoint>], rest: &str) -> Elsewhere {
        Elsewhere {
            endpoints: Endpoints::new(endpoints.iter().map(|endpoint| (1, Arc::clone(endpoint)))),
            rest: rest.into(),
            treatment: None,
            credentials: [HeaderName::from_static("x-key")].into(),
        }
    }

    #[test]
    fn what_has_not_failed_goes_first_then_what_rests_then_the_same_again() {
        let all = ["a", "b", "c"].map(|host| endpoint(host, ""));
        let [a, b, c] = &all;
        let elsewhere = elsewhere(&all, "/x");
        let next = |failed: &[&Arc<Endpoint>]| {
            let failed: Vec<_> = failed.iter().map(|endpoint| Arc::clone(endpoint)).collect();
            elsewhere.next(&failed, NOW).map(|endpoint| &*endpoint.host)
        };
        assert_eq!(next(&[a]), Some("b"));
        rest(b);
        assert_eq!((next(&[a]), next(&[a, c]), next(&[a, b, c])), (Some("c"), Some("b"), Some("c")));
    }

    #[test]
    fn shares_of_what_rests_go_to_the_others() {
        let all = ["a", "b", "c"].map(|host| endpoint(host, ""));
        let endpoints = Endpoints::new([5, 1, 2].into_iter().zip(all.iter().map(Arc::clone)));
        let shares = || {
            let chosen = |ticket| &*endpoints.choose(|| ticket, NOW).unwrap().host;
            let count = |host: &str| (0..24).filter(|ticket| chosen(*ticket) == host).count();
            ["a", "b", "c"].map(count)
        };
        assert_eq!(shares(), [15, 3, 6]);
        rest(&all[0]);
        let [none, one, two] = shares();
        assert_eq!((none, one + two), (0, 24));
        assert!(one >= 6 && two >= 12, "{one} {two}");
        rest(&all[1]);
        rest(&all[2]);
        assert_eq!(shares(), [15, 3, 6], "when all rest, all are asked");
    }

    #[test]
    fn only_what_names_the_place_is_changed() {
        let check = |path: &str, rest: &str, expected: &str| {
            let request = Request::get("/one/x").header("host", "a").header("x-jwt-assertion", "J").body(()).unwrap();
            let mut parts = request.into_parts().0;
            elsewhere(&[], rest).retarget(&mut parts, &endpoint("b", path));
            assert_eq!(
                (parts.uri.to_string().as_str(), &parts.headers["host"]),
                (expected, &HeaderValue::from_static("b"))
            );
            assert_eq!(parts.headers["x-jwt-assertion"], "J");
        };
        check("", "/x?y=1", "/x?y=1");
        check("/two", "/x", "/two/x");
        check("/two", "", "/two");
        check("", "", "/");
        check("", "?y=1", "/?y=1");
    }

    #[test]
    fn a_copy_tells_nothing_that_its_caller_could_be_mistaken_by() {
        let names =
            ["x-jwt-assertion", "x-minted", "txn-token", "authorization", "cookie", "trailer", "x-key", "x-free"];
        let request = names.iter().fold(Request::put("/one/x"), |request, name| request.header(*name, "1"));
        let parts = request.body(()).unwrap().into_parts().0;
        let fields = FieldRules::new(["X-Minted"]);
        let copy = elsewhere(&[], "/x").mirrored(&parts, &fields, &endpoint("m", "/shadow")).unwrap();
        let mut kept: Vec<&str> = copy.headers.keys().map(HeaderName::as_str).collect();
        kept.sort_unstable();
        assert_eq!((kept.as_slice(), copy.uri.path()), (["host", "x-free"].as_slice(), "/shadow/x"));
        assert_eq!((copy.method, &copy.headers["host"]), (http::Method::PUT, &HeaderValue::from_static("m")));
    }
}
