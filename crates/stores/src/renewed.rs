//! A value that is fetched when it is needed, kept for a while, and fetched once for all who need it at the same time.

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use tokio::sync::Mutex;

/// The value, or why there is none.
pub(crate) struct Renewed<T, E> {
    latest: Mutex<Option<Result<Kept<T>, Arc<E>>>>,
    /// Counts the fetches that ended, so that those who waited for one take what it brought.
    attempts: AtomicU64,
}

/// A value, and until when it serves.
#[derive(Clone)]
pub(crate) struct Kept<T> {
    pub(crate) value: T,
    pub(crate) until: Instant,
}

impl<T: Clone, E> Renewed<T, E> {
    pub(crate) fn new() -> Self {
        Self { latest: Mutex::new(None), attempts: AtomicU64::new(0) }
    }

    /// Returns the value; `fetch` is only begun when there is none that serves.
    ///
    /// # Errors
    ///
    /// What `fetch` failed with; all who waited for one fetch get its error, and none tries again by itself.
    pub(crate) async fn value(&self, fetch: impl Future<Output = Result<Kept<T>, E>>) -> Result<T, Arc<E>> {
        let before = self.attempts.load(Ordering::Acquire);
        let mut latest = self.latest.lock().await;
        let was_tried = self.attempts.load(Ordering::Acquire) != before;
        match &*latest {
            Some(Ok(kept)) if was_tried || Instant::now() < kept.until => return Ok(kept.value.clone()),
            Some(Err(error)) if was_tried => return Err(Arc::clone(error)),
            Some(Ok(_) | Err(_)) | None => {}
        }
        let fetched = fetch.await.map_err(Arc::new);
        let value = fetched.as_ref().map(|kept| kept.value.clone()).map_err(Arc::clone);
        *latest = Some(fetched);
        self.attempts.fetch_add(1, Ordering::Release);
        value
    }

    /// Forgets the value if it is the one that the caller has in mind: there may be a newer one already.
    pub(crate) async fn forget(&self, is_meant: impl FnOnce(&T) -> bool) {
        let mut latest = self.latest.lock().await;
        if matches!(&*latest, Some(Ok(kept)) if is_meant(&kept.value)) {
            *latest = None;
        }
    }
}
