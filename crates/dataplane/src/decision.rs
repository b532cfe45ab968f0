//! The seam to the gateway: what a worker asks it, and what it is told.
//!
//! Each worker holds what is published in a cell of its own: no counter that workers share is written for a request, but
//! those of what the request itself uses.

use std::{
    cell::{OnceCell, RefCell},
    fmt,
    future::Future,
    ops::Deref,
    pin::Pin,
    rc::Rc,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use arc_swap::ArcSwap;
use bytes::Bytes;
use gateway::{
    Compiled, DecisionRecord, Forward, Gateway, JWKS_MAX_AGE, Published, Rejection, RequestHead, Revoked, Runtime,
    Snapshot, Steps,
};
use http::{HeaderName, HeaderValue};
use tokio::sync::broadcast::Receiver;

use crate::{
    audit::OperationText,
    clock,
    metrics::{OperationCounts, WorkerMetrics},
    streams::Standing,
};

/// How long streams are kept on which nothing passes, where no configuration says it.
const STREAM_IDLE: Duration = Duration::from_mins(5);

/// What became of one request.
#[derive(Debug)]
pub struct Decision {
    /// What to do.
    pub outcome: Result<Forward, Rejection>,
    /// What is known of it, for the audit record and the metrics.
    pub facts: Facts,
}

/// What is known of a decided request: names and sizes, never a token or a value.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// The names of the API and of its operation, once known.
    pub operation: Option<(Arc<str>, Arc<str>)>,
    /// The keyed hash of the user, in hexadecimal.
    pub user: Option<Arc<str>>,
    /// For each Backend JWT its part of the audit record: JSON members without braces.
    pub jwts: Vec<Arc<str>>,
    /// The published revision.
    pub revision: u64,
    /// The time that each step took.
    pub steps: Steps,
    /// When a stream has to end that this request opens; `None`: it need not.
    pub stream_until: Option<SystemTime>,
}

/// What is known of a request, from whoever decided it.
#[derive(Debug, Default)]
pub(crate) enum Told {
    /// It was not decided.
    #[default]
    Nothing,
    Facts(Box<Facts>),
    Gateway(Rc<Held>, DecisionRecord),
}

/// How one operation is counted and written down.
#[derive(Debug)]
pub(crate) struct Operation {
    pub(crate) counts: Arc<OperationCounts>,
    pub(crate) text: OperationText,
}

impl Operation {
    fn new(api: &str, operation: &str, revision: u64, metrics: &WorkerMetrics) -> Self {
        Self { counts: metrics.operation(api, operation), text: OperationText::new(api, operation, revision) }
    }
}

impl Told {
    /// Calls `act` with the operation, once known.
    pub(crate) fn with_operation(&self, metrics: &WorkerMetrics, act: impl FnOnce(Option<&Operation>)) {
        match self {
            Self::Nothing => act(None),
            Self::Facts(facts) => {
                let operation = facts.operation.as_ref();
                act(operation.map(|(api, operation)| Operation::new(api, operation, facts.revision, metrics)).as_ref());
            }
            Self::Gateway(held, record) => {
                act(record
                    .api
                    .zip(record.operation)
                    .and_then(|(api, operation)| held.operation(api, operation, metrics)));
            }
        }
    }

    /// Returns the names of the API and of the operation, once known.
    pub(crate) fn names(&self) -> Option<(String, String)> {
        match self {
            Self::Nothing => None,
            Self::Facts(facts) => {
                facts.operation.as_ref().map(|(api, operation)| (api.to_string(), operation.to_string()))
            }
            Self::Gateway(held, record) => {
                let api = held.snapshot().apis.get(record.api?)?;
                let operation = api.operations.get(record.operation?)?;
                Some((api.name.to_string(), operation.label.to_string()))
            }
        }
    }

    /// Returns the keyed hash of the user, in hexadecimal.
    pub(crate) fn user(&self) -> Option<&str> {
        match self {
            Self::Nothing => None,
            Self::Facts(facts) => facts.user.as_deref(),
            Self::Gateway(_, record) => record.caller.as_ref().map(|caller| caller.user_tag.as_str()),
        }
    }

    /// Appends each Backend JWT's part of the audit record, with what goes before it.
    pub(crate) fn write_jwts(&self, line: &mut Vec<u8>, first: &[u8], next: &[u8]) {
        let mut opening = first;
        match self {
            Self::Nothing => {}
            Self::Facts(facts) => {
                for jwt in &facts.jwts {
                    line.extend_from_slice(opening);
                    line.extend_from_slice(jwt.as_bytes());
                    opening = next;
                }
            }
            Self::Gateway(_, record) => {
                for jwt in &record.jwts {
                    line.extend_from_slice(opening);
                    jwt.write_record(line);
                    opening = next;
                }
            }
        }
    }

    pub(crate) fn has_jwt(&self) -> bool {
        match self {
            Self::Nothing => false,
            Self::Facts(facts) => !facts.jwts.is_empty(),
            Self::Gateway(_, record) => !record.jwts.is_empty(),
        }
    }

    pub(crate) fn revision(&self) -> u64 {
        match self {
            Self::Nothing => 0,
            Self::Facts(facts) => facts.revision,
            Self::Gateway(held, _) => held.compiled.snapshot.revision,
        }
    }

    /// Returns what a stream that this request opens stands on.
    pub(crate) fn standing(&self) -> Standing {
        match self {
            Self::Nothing => Standing::default(),
            Self::Facts(facts) => Standing { caller: None, until: facts.stream_until },
            Self::Gateway(held, record) => {
                let caller = record.caller.clone();
                let expiry = caller.as_ref().and_then(|caller| caller.principal.expires_at);
                let grace = held.snapshot().streams.grace;
                // An expiry that no clock can show is none.
                let until =
                    expiry.and_then(|expiry| UNIX_EPOCH.checked_add(Duration::from_secs(expiry).saturating_add(grace)));
                Standing { caller, until }
            }
        }
    }

    /// Returns how long a stream is kept on which nothing passes.
    pub(crate) fn stream_idle(&self) -> Duration {
        match self {
            Self::Nothing | Self::Facts(_) => STREAM_IDLE,
            Self::Gateway(held, _) => held.snapshot().streams.idle_timeout,
        }
    }

    /// Returns how many streams may be open on all workers together.
    pub(crate) fn most_streams(&self) -> u64 {
        match self {
            Self::Nothing | Self::Facts(_) => u64::MAX,
            Self::Gateway(held, _) => held.snapshot().streams.most,
        }
    }

    /// Returns the field with the nonce for the caller's next DPoP proof, where one is needed.
    pub(crate) fn proof_nonce(&self, decisions: &WorkerDecisions) -> Option<(HeaderName, HeaderValue)> {
        let Self::Gateway(held, record) = self else { return None };
        let nonces = held.snapshot().proof_nonces;
        nonces?;
        let WorkerDecisions::Gateway(gateway) = decisions else { return None };
        gateway.runtime().proof_nonce(nonces, record.caller.as_deref(), clock::now())
    }

    pub(crate) fn steps(&self) -> Steps {
        match self {
            Self::Nothing => Steps::default(),
            Self::Facts(facts) => facts.steps,
            Self::Gateway(_, record) => record.steps,
        }
    }
}

/// A key or discovery document.
#[derive(Clone, Debug)]
pub struct Document {
    /// The body.
    pub body: Bytes,
    /// `Content-Type`.
    pub content_type: HeaderValue,
    /// `ETag`.
    pub etag: HeaderValue,
    /// `Cache-Control`.
    pub cache_control: HeaderValue,
}

/// A decision under way.
pub type Deciding = Pin<Box<dyn Future<Output = Decision>>>;
type Decide = dyn Fn(Box<RequestHead>, SystemTime) -> Deciding + Send + Sync;
type FindDocument = dyn Fn(&str) -> Option<Document> + Send + Sync;

/// What workers ask.
#[derive(Clone)]
pub struct Decisions(Source);

#[derive(Clone)]
enum Source {
    Gateway(Arc<Gateway>),
    Functions(Functions),
}

#[derive(Clone)]
pub(crate) struct Functions {
    decide: Arc<Decide>,
    document: Arc<FindDocument>,
}

impl Decisions {
    /// Asks a gateway.
    pub fn of(gateway: Arc<Gateway>) -> Self {
        Self(Source::Gateway(gateway))
    }

    /// Asks functions: for what enforces something else than a gateway's configuration.
    pub fn new(
        decide: impl Fn(Box<RequestHead>, SystemTime) -> Deciding + Send + Sync + 'static,
        document: impl Fn(&str) -> Option<Document> + Send + Sync + 'static,
    ) -> Self {
        Self(Source::Functions(Functions { decide: Arc::new(decide), document: Arc::new(document) }))
    }

    pub(crate) fn for_worker(&self) -> WorkerDecisions {
        match &self.0 {
            Source::Gateway(gateway) => WorkerDecisions::Gateway(WorkerGateway::new(Arc::clone(gateway))),
            Source::Functions(functions) => WorkerDecisions::Functions(functions.clone()),
        }
    }
}

impl fmt::Debug for Decisions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Decisions")
    }
}

/// What one worker asks.
pub(crate) enum WorkerDecisions {
    Gateway(WorkerGateway),
    Functions(Functions),
}

impl fmt::Debug for WorkerDecisions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("WorkerDecisions")
    }
}

impl WorkerDecisions {
    /// Returns a receiver of revocations from now on, where there can be any.
    pub(crate) fn revocations(&self) -> Option<Receiver<Arc<Revoked>>> {
        match self {
            Self::Gateway(gateway) => Some(gateway.runtime().revocations.subscribe()),
            Self::Functions(_) => None,
        }
    }

    /// Returns what is told of a request that is answered without a decision: under which configuration.
    pub(crate) fn undecided(&self) -> Told {
        match self {
            Self::Gateway(gateway) => Told::Gateway(gateway.held(), DecisionRecord::default()),
            Self::Functions(_) => Told::Nothing,
        }
    }

    pub(crate) fn document(&self, path: &str) -> Option<Document> {
        match self {
            Self::Gateway(gateway) => gateway.document(path),
            Self::Functions(functions) => (functions.document)(path),
        }
    }
}

/// A gateway, as one worker sees it.
pub(crate) struct WorkerGateway {
    gateway: Arc<Gateway>,
    current: RefCell<Current>,
}

/// What is published, kept alive once for all requests of a worker, with the operations it has met.
#[derive(Debug)]
pub(crate) struct Held {
    compiled: Arc<Compiled>,
    apis: Box<[OnceCell<Operations>]>,
}

/// The operations of an API; each is made when it is met first.
type Operations = Box<[OnceCell<Operation>]>;

impl Held {
    pub(crate) fn snapshot(&self) -> &Snapshot {
        &self.compiled.snapshot
    }

    fn new(compiled: Arc<Compiled>) -> Self {
        let apis = compiled.snapshot.apis.iter().map(|_| OnceCell::new()).collect();
        Self { compiled, apis }
    }

    /// Returns an operation, making it when it is met first.
    fn operation(&self, api: usize, operation: usize, metrics: &WorkerMetrics) -> Option<&Operation> {
        let compiled = self.compiled.snapshot.apis.get(api)?;
        let met = self.apis.get(api)?.get_or_init(|| compiled.operations.iter().map(|_| OnceCell::new()).collect());
        let label = &compiled.operations.get(operation)?.label;
        Some(
            met.get(operation)?
                .get_or_init(|| Operation::new(&compiled.name, label, self.compiled.snapshot.revision, metrics)),
        )
    }
}

/// What is published, as a worker looks at it: the cache sees a change by one load.
struct Current {
    cache: arc_swap::Cache<Publications, Arc<Compiled>>,
    held: Rc<Held>,
}

/// Where a gateway publishes.
struct Publications(Arc<Gateway>);

impl Deref for Publications {
    type Target = ArcSwap<Compiled>;

    fn deref(&self) -> &Self::Target {
        self.0.publications()
    }
}

impl Functions {
    pub(crate) fn decide(&self, head: Box<RequestHead>, now: SystemTime) -> Deciding {
        (self.decide)(head, now)
    }
}

impl WorkerGateway {
    fn new(gateway: Arc<Gateway>) -> Self {
        let mut cache = arc_swap::Cache::new(Publications(Arc::clone(&gateway)));
        let held = Rc::new(Held::new(Arc::clone(cache.load())));
        Self { gateway, current: RefCell::new(Current { cache, held }) }
    }

    pub(crate) fn runtime(&self) -> &Arc<Runtime> {
        self.gateway.runtime()
    }

    /// Returns what is published now.
    pub(crate) fn held(&self) -> Rc<Held> {
        let mut current = self.current.borrow_mut();
        let Current { cache, held } = &mut *current;
        let published = cache.load();
        if !Arc::ptr_eq(published, &held.compiled) {
            *held = Rc::new(Held::new(Arc::clone(published)));
        }
        Rc::clone(held)
    }

    fn document(&self, path: &str) -> Option<Document> {
        let held = self.held();
        let document = match held.compiled.snapshot.documents.at(path)? {
            Published::Jwks => {
                let now = clock::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                self.gateway.runtime().keyring.jwks(now.as_secs())
            }
            Published::Document(document) => document.clone(),
        };
        Some(Document {
            body: document.body,
            content_type: HeaderValue::from_static(document.content_type),
            etag: HeaderValue::from_str(&document.etag).ok()?,
            cache_control: HeaderValue::from_str(&format!("max-age={JWKS_MAX_AGE}")).ok()?,
        })
    }
}
