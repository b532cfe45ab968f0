//! Decides one request: route → authenticate → authorise → look up → map → sign → strip and set.
//!
//! The product, in one function. Enforcement points are thin shells around it; configuration ends in the snapshot that
//! it reads. A step's input is the previous step's output.

use std::{
    borrow::Cow,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use claims::KeyType;
use http::{Uri, uri::PathAndQuery};
use smallvec::SmallVec;

use crate::{
    access::{Access, Subscription},
    applications::CallingApplication,
    authenticate::{Caller, Moment},
    credential,
    elsewhere::Elsewhere,
    forward::{Forward, Outgoing},
    issue::{Call, calling_application},
    issued::IssuedJwt,
    known_caller::KnownCaller,
    path::NormalPath,
    rejection::{Code, Rejection},
    request::{Endpoint, RequestHead},
    runtime::Runtime,
    snapshot::{Operation, Routed, Snapshot},
    spec::Upgrade,
    time::Now,
    treatment::Treated,
    websocket,
};

/// What was decided, and what the audit record says about it.
#[derive(Debug)]
pub struct Decision {
    /// Everything needed to forward the request, or why it must not be forwarded.
    pub outcome: Result<Forward, Rejection>,
    /// For the audit record and metrics.
    pub record: DecisionRecord,
}

/// What happened on the way to a decision. Names and hashes only: no token, no attribute value.
#[derive(Debug, Default)]
pub struct DecisionRecord {
    /// The API's number in the snapshot.
    pub api: Option<usize>,
    /// The operation's number in the API.
    pub operation: Option<usize>,
    /// The caller, once known.
    pub caller: Option<Arc<KnownCaller>>,
    /// The Backend JWTs.
    pub jwts: Jwts,
    /// How long each step took.
    pub steps: Steps,
    /// What the answer to a refused request gets; of a forwarded one, [`Forward::treated`] says it.
    pub treated: Option<Box<Treated>>,
}

/// The Backend JWTs of one request: seldom more than one.
pub type Jwts = SmallVec<[Arc<IssuedJwt>; 2]>;

/// The time that the slow steps took; zero for what was not reached or came from a cache.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Steps {
    /// Verifying the credential, and fetching keys for that.
    pub authenticate: Duration,
    /// Look-up, mapping and signing.
    pub issue: Duration,
}

/// Does a step and says how long it took.
pub(crate) async fn timed<T>(spent: &mut Duration, step: impl Future<Output = T>) -> T {
    let start = Instant::now();
    let done = step.await;
    *spent = start.elapsed();
    done
}

impl Snapshot {
    /// Decides one request: everything needed to forward it, or why it must not be forwarded.
    pub async fn decide(&self, runtime: &Arc<Runtime>, head: Box<RequestHead>, now: SystemTime) -> Decision {
        let mut record = DecisionRecord::default();
        let mut outcome = self.steps(runtime, head, now, &mut record).await;
        if let (Err(rejection), Some(treated)) = (&mut outcome, &record.treated) {
            treated.complete_refusal(rejection);
        }
        Decision { outcome, record }
    }

    async fn steps(
        &self,
        runtime: &Arc<Runtime>,
        head: Box<RequestHead>,
        now: SystemTime,
        record: &mut DecisionRecord,
    ) -> Result<Forward, Rejection> {
        let keys_epoch = runtime.keyring.epoch();
        let path = normal_path(&head.parts.uri)?;
        let routed = self.route(&head, &path).map_err(|rejection| self.preflight(&head, &path).unwrap_or(rejection))?;
        let operation = routed.operation()?;
        record.api = Some(routed.base.api);
        record.operation = Some(routed.operation);
        if let Some(treatment) = &operation.treatment {
            record.treated = Some(self.treat(treatment, &head, &path)?);
        }
        let websocket = match operation.upgrade {
            Upgrade::None => None,
            Upgrade::WebSocket => websocket::asked(&head)?,
        };

        let now = Now::from(now);
        let moment = Moment { runtime, revision: self.revision, now, trusted_proxies: &self.trusted_proxies };
        let caller = operation.access.authenticate(&head, moment, &mut record.steps).await?;
        if let Caller::Known(known, _) = &caller {
            record.caller = Some(Arc::clone(known));
        }

        let application = calling_application(&caller, routed.api, &self.applications);
        let key_type = operation.key_type(&application)?;
        let application = application.with_key_type(key_type);
        operation.access.require_subscription(&application)?;
        if let Some(treatment) = &operation.treatment {
            treatment.admit(record.caller.as_deref(), &head, || operation.forwarded_query(&head.parts.uri))?;
        }
        let (api, operation_number, applications) = (routed.api, routed.operation, &self.applications);
        let call = Call { api, operation: operation_number, applications, runtime, now, keys_epoch };
        record.jwts = operation.backend_jwts.issue(&caller, &application, call, &mut record.steps).await?;

        let endpoint = operation.endpoint(application.key_type, &head, now.time)?;
        let path_and_query = rebase(&routed, operation, endpoint, &head.parts.uri)?;
        let elsewhere = operation.elsewhere(endpoint, application.key_type, &routed, &head.parts.uri);
        let outgoing = Outgoing {
            endpoint: Arc::clone(endpoint),
            path_and_query,
            fields: &self.fields,
            credentials: &operation.credential_headers,
            jwts: operation.backend_jwts.fields(&record.jwts),
            peer: self.trust(&head),
            reserved_mode: self.reserved_mode,
            changes: operation.treatment.as_ref().map(|treatment| &treatment.request_headers),
            websocket,
        };
        let mut forward = Forward::new(head, outgoing)?;
        forward.treated = record.treated.take();
        forward.elsewhere = elsewhere;
        forward.is_aside = application.key_type == KeyType::Sandbox && !operation.production.is_empty();
        Ok(forward)
    }
}

impl<'s> Routed<'s, '_> {
    fn operation(&self) -> Result<&'s Operation, Rejection> {
        self.api
            .operations
            .get(self.operation)
            .ok_or_else(|| Rejection::new(Code::NotFound, "this API has no operation at this path"))
    }
}

impl Access {
    pub(crate) fn require_subscription(&self, application: &CallingApplication) -> Result<(), Rejection> {
        match self {
            Self::Secured(requirement) | Self::Optional(requirement) => match requirement.subscription {
                Subscription::Needed => application.require_subscription(),
                Subscription::NotNeeded => Ok(()),
            },
            Self::Open => Ok(()),
        }
    }
}

impl Operation {
    /// Returns the kind of endpoint for an application; an operation with sandbox endpoints only is a sandbox.
    pub(crate) fn key_type(&self, application: &CallingApplication) -> Result<KeyType, Rejection> {
        match application.key_type {
            KeyType::Production if self.production.is_empty() => Ok(KeyType::Sandbox),
            KeyType::Sandbox if self.sandbox.is_empty() => {
                Err(Rejection::new(Code::NotFound, "this operation has no sandbox endpoint"))
            }
            key_type => Ok(key_type),
        }
    }

    /// Returns what of a query goes on: all but credentials.
    fn forwarded_query<'u>(&self, uri: &'u Uri) -> Option<Cow<'u, str>> {
        match uri.query() {
            Some(query) if !self.credential_parameters.is_empty() => {
                credential::without_parameters(query, &self.credential_parameters).map(Cow::Owned)
            }
            query => query.map(Cow::Borrowed),
        }
    }

    /// Says where else a call may go; mostly nowhere.
    fn elsewhere(
        &self,
        endpoint: &Endpoint,
        key_type: KeyType,
        routed: &Routed<'_, '_>,
        uri: &Uri,
    ) -> Option<Box<Elsewhere>> {
        let has_mirrors = self.treatment.as_ref().is_some_and(|treatment| !treatment.mirrors.is_empty());
        if endpoint.resilience.is_none() && !has_mirrors {
            return None;
        }
        let query = self.forwarded_query(uri).map(|query| format!("?{query}")).unwrap_or_default();
        Some(Box::new(Elsewhere {
            endpoints: self.endpoints(key_type).clone(),
            rest: format!("{}{}{query}", routed.base.replacement, routed.rest).into(),
            treatment: self.treatment.clone(),
            credentials: self.credential_headers.clone(),
        }))
    }

    fn endpoint(&self, key_type: KeyType, head: &RequestHead, now: SystemTime) -> Result<&Arc<Endpoint>, Rejection> {
        let ticket =
            || head.request_id.as_bytes().iter().fold(0_u64, |sum, byte| sum.wrapping_mul(31) + u64::from(*byte));
        self.endpoints(key_type)
            .choose(ticket, now)
            .ok_or_else(|| Rejection::new(Code::ApiUnavailable, "this operation has no endpoint"))
    }
}

fn normal_path(uri: &Uri) -> Result<NormalPath<'_>, Rejection> {
    NormalPath::parse(uri.path()).map_err(|error| Rejection::new(Code::BadRequest, error.to_string()))
}

/// Puts the normal path, less the API's base, below the endpoint's path; the query stays as it is.
fn rebase(
    routed: &Routed<'_, '_>,
    operation: &Operation,
    endpoint: &Endpoint,
    uri: &Uri,
) -> Result<PathAndQuery, Rejection> {
    let cut = operation.forwarded_query(uri);
    let path = [&*endpoint.path, &*routed.base.replacement, routed.rest];
    let path_length: usize = path.iter().map(|part| part.len()).sum();
    let query_length = cut.as_ref().map_or(0, |query| query.len() + 1);
    // To the byte: a text with room to spare would be allocated twice.
    let mut text = String::with_capacity(path_length.max(1) + query_length);
    for part in path {
        text.push_str(part);
    }
    if text.is_empty() {
        text.push('/');
    }
    if let Some(query) = cut {
        text.push('?');
        text.push_str(&query);
    }
    PathAndQuery::from_maybe_shared(bytes::Bytes::from(text))
        .map_err(|_| Rejection::new(Code::BadRequest, "the path cannot be forwarded"))
}
