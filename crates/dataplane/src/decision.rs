//! The seam to the gateway: what a worker asks it, and what it is told.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    rc::Rc,
    sync::Arc,
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use gateway::{Forward, Rejection, RequestHead};
use http::HeaderValue;

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
    /// The API's name, and verb and target of the operation.
    pub operation: Option<(Arc<str>, Arc<str>)>,
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

/// What workers ask the gateway.
#[derive(Clone)]
pub struct Decisions {
    decide: Arc<Decide>,
    document: Arc<FindDocument>,
}

impl Decisions {
    /// Makes decisions of functions.
    pub fn new(
        decide: impl Fn(RequestHead, SystemTime) -> Deciding + Send + Sync + 'static,
        document: impl Fn(&str) -> Option<Document> + Send + Sync + 'static,
    ) -> Self {
        Self { decide: Arc::new(decide), document: Arc::new(document) }
    }

    pub(crate) fn for_worker(&self) -> WorkerDecisions {
        WorkerDecisions { all: Rc::new(self.clone()) }
    }
}

impl fmt::Debug for Decisions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Decisions")
    }
}

/// What one worker asks the gateway.
#[derive(Debug)]
pub(crate) struct WorkerDecisions {
    all: Rc<Decisions>,
}

impl WorkerDecisions {
    pub(crate) async fn decide(&self, head: RequestHead, now: SystemTime) -> Decision {
        (self.all.decide)(head, now).await
    }

    pub(crate) fn document(&self, path: &str) -> Option<Document> {
        (self.all.document)(path)
    }
}
