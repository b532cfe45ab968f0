//! What is published: the compiled configuration that one request sees from beginning to end.
//!
//! Immutable, and complete: after `compile` nothing is optional that must be there, and nothing is looked up by name.

use std::{collections::HashMap, sync::Arc, time::SystemTime};

use claims::{ApiFacts, KeyType, OperationFacts};
use foldhash::fast::RandomState;
use http::{HeaderName, Method};
use ipnet::IpNet;

use crate::{
    access::Access,
    applications::Applications,
    documents::Documents,
    fields::FieldRules,
    fingerprint::Fingerprint,
    forward::{PeerTrust, ReservedHeaderMode},
    issue::Issuance,
    path::{EncodedSlash, NormalPath},
    proof_nonces::ProofNonces,
    rejection::{Code, Rejection},
    request::{Endpoint, RequestHead},
    revocations::StreamLimits,
    route::{Base, BaseTable, OperationRoutes},
    spec::Upgrade,
    treatment::{Cors, RateLimit, Treatment},
};

/// The compiled configuration.
#[derive(Debug)]
pub struct Snapshot {
    /// Counts the publications of this process, from 1.
    pub revision: u64,
    /// Of everything that was compiled.
    pub fingerprint: Fingerprint,
    /// All APIs.
    pub apis: Vec<Arc<Api>>,
    /// Bases by host name, with those that answer on every host.
    pub hosts: HashMap<Box<str>, BaseTable, RandomState>,
    /// Bases that answer on every host.
    pub any_host: BaseTable,
    /// What may become of a field.
    pub fields: Arc<FieldRules>,
    /// What happens to a reserved name that a client sent.
    pub reserved_mode: ReservedHeaderMode,
    /// Whose `X-Forwarded-*` is believed.
    pub trusted_proxies: Box<[IpNet]>,
    /// The client applications.
    pub applications: Arc<Applications>,
    /// JWKS and discovery.
    pub documents: Documents,
    /// How long streams live.
    pub streams: StreamLimits,
    /// Whether DPoP proofs need a nonce.
    pub proof_nonces: Option<ProofNonces>,
    /// The rate limits, for the next snapshot: they go on counting.
    pub rate_limits: HashMap<Fingerprint, Arc<RateLimit>>,
}

/// One published API.
#[derive(Debug)]
pub struct Api {
    /// `name`
    pub name: Arc<str>,
    /// Its facts with production endpoints.
    pub production: ApiFacts,
    /// Its facts with sandbox endpoints.
    pub sandbox: ApiFacts,
    /// Whether its definition compiled.
    pub state: ApiState,
    /// What `%2F` means.
    pub encoded_slash: EncodedSlash,
    /// Which pages of other origins may call it; `None`: nothing is said of that.
    pub cors: Option<Arc<Cors>>,
    /// The operations.
    pub operations: Vec<Operation>,
    /// Which operation serves a verb and path.
    pub routes: OperationRoutes,
}

/// Whether an API can answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApiState {
    /// Its definition compiled.
    Ready,
    /// Its definition is broken: every call is 503.
    Broken,
}

/// One method and path, with everything folded in.
#[derive(Debug)]
pub struct Operation {
    /// Target and verb.
    pub facts: OperationFacts,
    /// Verb and target, as logs and metrics name it.
    pub label: Arc<str>,
    /// Who may call it.
    pub access: Access,
    /// The Backend JWTs that a call gets.
    pub backend_jwts: Issuance,
    /// Where production calls go; empty: nowhere.
    pub production: Endpoints,
    /// Where sandbox calls go.
    pub sandbox: Endpoints,
    /// Header fields in which credentials stand; they end here.
    pub credential_headers: Box<[HeaderName]>,
    /// Query parameters in which credentials stand.
    pub credential_parameters: Box<[Box<str>]>,
    /// Which protocol a client may switch to.
    pub upgrade: Upgrade,
    /// What its other policies do; `None`: nothing.
    pub treatment: Option<Arc<Treatment>>,
}

/// Endpoints with their shares of the calls.
#[derive(Clone, Debug, Default)]
pub struct Endpoints {
    /// Each endpoint with the sum of the weights up to and with it.
    weighted: Arc<[(u64, Arc<Endpoint>)]>,
}

/// Where a request goes.
#[derive(Debug)]
pub struct Routed<'s, 'p> {
    /// The API.
    pub api: &'s Arc<Api>,
    /// The operation's number in it.
    pub operation: usize,
    /// The base that matched.
    pub base: &'s Base,
    /// The path below the base.
    pub rest: &'p str,
}

impl Snapshot {
    /// Finds the operation for a normal path.
    ///
    /// # Errors
    ///
    /// 404 without an API or operation, 405 with `Allow` when only the verb is wrong, 503 for a broken API.
    pub fn route<'s, 'p>(&'s self, head: &RequestHead, path: &'p NormalPath<'p>) -> Result<Routed<'s, 'p>, Rejection> {
        if head.parts.method == Method::TRACE || head.parts.method == Method::CONNECT {
            return Err(Rejection::new(Code::NotImplemented, "this method is not served"));
        }
        let not_found = || Rejection::new(Code::NotFound, "no API answers at this path");
        let refuses_slash = || Rejection::new(Code::BadRequest, "the path has an encoded slash");
        let Some((base, rest)) = self.bases(head).find(path.as_str()) else {
            return Err(if path.has_encoded_slash() { refuses_slash() } else { not_found() });
        };
        let api = self.apis.get(base.api).ok_or_else(not_found)?;
        if api.state == ApiState::Broken {
            return Err(Rejection::new(Code::ApiUnavailable, "this API's definition is broken"));
        }
        if path.has_encoded_slash() && api.encoded_slash == EncodedSlash::Refuse {
            return Err(refuses_slash());
        }
        let target = base.target(rest);
        let operation = api.routes.find(&head.parts.method, &target).ok_or_else(|| api.refuse(&target))?;
        Ok(Routed { api, operation, base, rest })
    }

    /// Says whether the connection's other end is one of the trusted proxies.
    pub(crate) fn trust(&self, head: &RequestHead) -> PeerTrust {
        if self.trusted_proxies.is_empty() {
            return PeerTrust::Untrusted;
        }
        let peer = head.connection.peer.ip().to_canonical();
        if self.trusted_proxies.iter().any(|network| network.contains(&peer)) {
            PeerTrust::Trusted
        } else {
            PeerTrust::Untrusted
        }
    }

    pub(crate) fn bases(&self, head: &RequestHead) -> &BaseTable {
        if self.hosts.is_empty() {
            return &self.any_host;
        }
        host_name(head).and_then(|host| self.hosts.get(&*host)).unwrap_or(&self.any_host)
    }
}

/// Returns the request's host name: lower case, without port or final dot.
fn host_name(head: &RequestHead) -> Option<String> {
    let authority = match head.parts.uri.authority() {
        Some(authority) => authority.as_str(),
        None => head.parts.headers.get(http::header::HOST)?.to_str().ok()?,
    };
    let name = if authority.starts_with('[') {
        authority.split_inclusive(']').next().unwrap_or(authority)
    } else {
        authority.split(':').next().unwrap_or(authority)
    };
    Some(name.trim_end_matches('.').to_ascii_lowercase())
}

impl Api {
    /// Returns the facts for a kind of endpoint.
    pub fn facts(&self, key_type: KeyType) -> &ApiFacts {
        match key_type {
            KeyType::Production => &self.production,
            KeyType::Sandbox => &self.sandbox,
        }
    }

    fn refuse(&self, rest: &str) -> Rejection {
        let allowed = self.routes.allowed(rest);
        if allowed.is_empty() {
            return Rejection::new(Code::NotFound, "this API has no operation at this path");
        }
        let list = allowed.iter().map(Method::as_str).collect::<Vec<_>>().join(", ");
        let rejection = Rejection::new(Code::MethodNotAllowed, "this operation is not served with this method");
        match list.parse() {
            Ok(value) => rejection.with(http::header::ALLOW, value),
            Err(_) => rejection,
        }
    }
}

impl Operation {
    /// Returns the endpoints of a kind.
    pub fn endpoints(&self, key_type: KeyType) -> &Endpoints {
        match key_type {
            KeyType::Production => &self.production,
            KeyType::Sandbox => &self.sandbox,
        }
    }
}

impl Endpoints {
    /// Makes the set; endpoints of weight 0 get no calls.
    pub fn new(endpoints: impl IntoIterator<Item = (u64, Arc<Endpoint>)>) -> Self {
        let mut sum = 0_u64;
        let weighted = endpoints
            .into_iter()
            .filter(|(weight, _)| *weight > 0)
            .map(|(weight, endpoint)| {
                sum = sum.saturating_add(weight);
                (sum, endpoint)
            })
            .collect();
        Self { weighted }
    }

    /// True when there is none.
    pub fn is_empty(&self) -> bool {
        self.weighted.is_empty()
    }

    /// Returns each endpoint with its weight.
    pub fn weights(&self) -> impl Iterator<Item = (u64, &Arc<Endpoint>)> {
        let mut before = 0;
        self.weighted.iter().map(move |(sum, endpoint)| (sum - std::mem::replace(&mut before, *sum), endpoint))
    }

    /// Chooses by weight; `ticket` makes any number that is spread evenly, when there is a choice.
    ///
    /// An endpoint that is left alone at present is chosen only when all are.
    pub fn choose(&self, ticket: impl FnOnce() -> u64, now: SystemTime) -> Option<&Arc<Endpoint>> {
        match &*self.weighted {
            [] => None,
            [(_, only)] => Some(only),
            [.., (total, _)] => {
                let ticket = ticket();
                let place = ticket % total;
                let chosen = self.weighted.iter().find(|(sum, _)| place < *sum).map(|(_, endpoint)| endpoint)?;
                if chosen.is_resting(now) { self.choose_awake(ticket, now).or(Some(chosen)) } else { Some(chosen) }
            }
        }
    }

    /// Chooses by weight among those that are not left alone.
    fn choose_awake(&self, ticket: u64, now: SystemTime) -> Option<&Arc<Endpoint>> {
        let mut before = 0;
        let shares = self.weighted.iter().map(|(sum, endpoint)| {
            let share = sum - before;
            before = *sum;
            (share, endpoint)
        });
        let awake: Vec<_> = shares.filter(|(_, endpoint)| !endpoint.is_resting(now)).collect();
        let total: u64 = awake.iter().map(|(share, _)| share).sum();
        let mut place = ticket.checked_rem(total)?;
        awake.into_iter().find_map(|(share, endpoint)| {
            let is_here = place < share;
            place = place.saturating_sub(share);
            is_here.then_some(endpoint)
        })
    }

    /// Iterates over all of them.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Endpoint>> {
        self.weighted.iter().map(|(_, endpoint)| endpoint)
    }
}
