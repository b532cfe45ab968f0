//! The seam to the gateway: what a worker asks it, and what it is told.
//!
//! Each worker holds what is published in a cell of its own: no counter that workers share is written for a request, but
//! those of what the request itself uses.

use std::{
    cell::RefCell,
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
use gateway::{Compiled, Forward, Gateway, JWKS_MAX_AGE, Published, Rejection, RequestHead};
use http::HeaderValue;

use crate::clock;

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
    /// The operation, once known.
    pub operation: Option<OperationName>,
    /// The keyed hash of the user.
    pub user: Option<Arc<str>>,
    /// For each Backend JWT its part of the audit record: JSON members without braces.
    pub jwts: Vec<Arc<str>>,
    /// The published revision.
    pub revision: u64,
    /// The time that routing took.
    pub route: Duration,
    /// The time that authentication took.
    pub authenticate: Duration,
    /// The time that the Backend JWTs took.
    pub issue: Duration,
}

/// An operation, as logs and metrics name it.
#[derive(Clone, Debug)]
pub enum OperationName {
    /// By the names of its API and of itself.
    Named(Arc<str>, Arc<str>),
    /// By its place in what the worker holds.
    Held(HeldOperation),
}

/// An operation of what a worker holds.
#[derive(Clone, Debug)]
pub struct HeldOperation {
    held: Rc<Held>,
    api: usize,
    operation: usize,
}

impl OperationName {
    /// Returns the API's name.
    pub fn api(&self) -> &str {
        match self {
            Self::Named(api, _) => api,
            Self::Held(at) => at.held.snapshot.apis.get(at.api).map_or("", |api| &api.name),
        }
    }

    /// Returns verb and target.
    pub fn operation(&self) -> &str {
        match self {
            Self::Named(_, operation) => operation,
            Self::Held(at) => {
                let api = at.held.snapshot.apis.get(at.api);
                api.and_then(|api| api.operations.get(at.operation)).map_or("", |operation| &operation.label)
            }
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
type Decide = dyn Fn(RequestHead, SystemTime) -> Deciding + Send + Sync;
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
        decide: impl Fn(RequestHead, SystemTime) -> Deciding + Send + Sync + 'static,
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
    pub(crate) async fn decide(&self, head: RequestHead, now: SystemTime) -> Decision {
        match self {
            Self::Gateway(gateway) => gateway.decide(head, now).await,
            Self::Functions(functions) => (functions.decide)(head, now).await,
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

/// What is published, kept alive once for all requests of a worker.
#[derive(Debug)]
struct Held(Arc<Compiled>);

impl Deref for Held {
    type Target = Compiled;

    fn deref(&self) -> &Compiled {
        &self.0
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

impl WorkerGateway {
    fn new(gateway: Arc<Gateway>) -> Self {
        let mut cache = arc_swap::Cache::new(Publications(Arc::clone(&gateway)));
        let held = Rc::new(Held(Arc::clone(cache.load())));
        Self { gateway, current: RefCell::new(Current { cache, held }) }
    }

    /// Returns what is published now.
    fn held(&self) -> Rc<Held> {
        let mut current = self.current.borrow_mut();
        let Current { cache, held } = &mut *current;
        let published = cache.load();
        if !Arc::ptr_eq(published, &held.0) {
            *held = Rc::new(Held(Arc::clone(published)));
        }
        Rc::clone(held)
    }

    async fn decide(&self, head: RequestHead, now: SystemTime) -> Decision {
        let held = self.held();
        let gateway::Decision { outcome, record } = held.snapshot.decide(self.gateway.runtime(), head, now).await;
        let revision = held.snapshot.revision;
        let at = record.api.zip(record.operation);
        let facts = Facts {
            operation: at.map(|(api, operation)| OperationName::Held(HeldOperation { held, api, operation })),
            user: record.caller.map(|caller| Arc::clone(&caller.user_tag)),
            jwts: record.jwts.iter().map(|jwt| Arc::clone(&jwt.record)).collect(),
            revision,
            route: record.steps.route,
            authenticate: record.steps.authenticate,
            issue: record.steps.issue,
        };
        Decision { outcome, facts }
    }

    fn document(&self, path: &str) -> Option<Document> {
        let held = self.held();
        let document = match held.snapshot.documents.at(path)? {
            Published::Jwks => {
                let now = clock::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                self.gateway.runtime().keyring.jwks(now.as_secs())
            }
            Published::Discovery(document) => document.clone(),
        };
        Some(Document {
            body: document.body,
            content_type: HeaderValue::from_static(document.content_type),
            etag: HeaderValue::from_str(&document.etag).ok()?,
            cache_control: HeaderValue::from_str(&format!("max-age={JWKS_MAX_AGE}")).ok()?,
        })
    }
}
