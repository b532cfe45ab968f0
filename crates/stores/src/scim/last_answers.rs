//! The last answer about each user, with its `ETag`: a server that says "not modified" need not send it again
//! (RFC 7644 §3.14, RFC 9110 §13.1.2). Every use is confirmed by the server; nothing here is ever an answer by itself.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use claims::{Json, Object};
use http::HeaderValue;

use crate::bounded_map::BoundedMap;

/// How many bytes are kept for one store.
const MOST_BYTES: usize = 4 << 20;

/// The answers, by the user's `id`.
pub(super) struct LastAnswers(Mutex<BoundedMap<LastAnswer>>);

/// One answer.
#[derive(Clone)]
pub(super) struct LastAnswer {
    pub(super) etag: HeaderValue,
    pub(super) user: Arc<Object>,
}

impl LastAnswers {
    pub(super) fn new() -> Self {
        Self(Mutex::new(BoundedMap::new(MOST_BYTES)))
    }

    pub(super) fn find(&self, id: &str) -> Option<LastAnswer> {
        self.lock().get(id).cloned()
    }

    pub(super) fn keep(&self, id: &str, etag: HeaderValue, user: Arc<Object>) {
        let weight = etag.len() + Json::Object((*user).clone()).weight();
        self.lock().put(id, LastAnswer { etag, user }, weight);
    }

    pub(super) fn forget(&self, id: &str) {
        self.lock().remove(id);
    }

    fn lock(&self) -> MutexGuard<'_, BoundedMap<LastAnswer>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
