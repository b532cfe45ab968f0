//! A user store whose answers a test sets, and a cache in front of it.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, SystemTime},
};

use claims::{Attribute, Attributes, Json, Number, Source};
use stores::{AttributeMap, BoxFuture, CacheSettings, CachedStore, Question, StoreError, UserStore};
use tokio::{runtime::Handle, sync::Semaphore};

use crate::testing::text;

/// A store whose answers the test sets: a number for everybody but `nobody`, or an error. Counts how often it is asked.
#[derive(Debug)]
pub(crate) struct Directory {
    map: AttributeMap,
    answer: Mutex<Result<u64, StoreError>>,
    asked: AtomicUsize,
    /// One permit for each question that may be answered.
    pub(crate) gate: Semaphore,
}

impl Directory {
    pub(crate) fn says(&self, answer: Result<u64, StoreError>) {
        *self.answer.lock().unwrap() = answer;
    }

    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    async fn find(&self, user: &str, now: SystemTime) -> Result<Option<Attributes>, StoreError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let answer = self.answer.lock().unwrap().clone();
        self.gate.acquire().await.unwrap().forget();
        if user == "poison" {
            std::panic::resume_unwind(Box::new("this store breaks"));
        }
        let as_of = now.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
        let attribute = |number| Attribute {
            values: vec![text(user), Json::Number(Number::from(number))],
            source: Source::Store("staff".into()),
            as_of,
        };
        answer
            .map(|number| (user != "nobody").then(|| [(Box::from("number"), attribute(number))].into_iter().collect()))
    }
}

impl UserStore for Directory {
    fn attribute_map(&self) -> &AttributeMap {
        &self.map
    }

    fn lookup<'a>(&'a self, question: Question<'a>) -> BoxFuture<'a, Result<Option<Attributes>, StoreError>> {
        Box::pin(self.find(question.user, question.now))
    }

    fn probe(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(std::future::ready(Ok(())))
    }
}

pub(crate) const SECOND: Duration = Duration::from_secs(1);

/// A directory that says 1, behind a cache with 100 s to live, 20 s ahead, 30 s for refusals, 200 s stale.
pub(crate) fn fixture() -> (Arc<Directory>, Arc<CachedStore>) {
    fixture_with(CacheSettings {
        ttl: 100 * SECOND,
        refresh_ahead: 20 * SECOND,
        negative_ttl: 30 * SECOND,
        stale_for: 200 * SECOND,
        ..CacheSettings::default()
    })
}

pub(crate) fn fixture_with(settings: CacheSettings) -> (Arc<Directory>, Arc<CachedStore>) {
    let directory = Arc::new(Directory {
        map: AttributeMap::identity(["number".into()]),
        answer: Mutex::new(Ok(1)),
        asked: AtomicUsize::new(0),
        gate: Semaphore::new(Semaphore::MAX_PERMITS / 2),
    });
    let store = Arc::clone(&directory) as Arc<dyn UserStore>;
    let cache = Arc::new(CachedStore::new("staff".into(), store, settings, Handle::current()));
    (directory, cache)
}

pub(crate) fn down() -> StoreError {
    StoreError::Unavailable { store: "staff".into(), retry_after: SECOND, source: None }
}

pub(crate) fn ambiguous() -> StoreError {
    StoreError::Ambiguous { store: "staff".into() }
}
