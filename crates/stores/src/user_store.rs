//! The seam between the gateway and every place where attributes live.

use std::{
    collections::BTreeSet,
    fmt,
    future::Future,
    pin::Pin,
    time::{SystemTime, UNIX_EPOCH},
};

use claims::Attributes;

use crate::error::StoreError;

/// A boxed future, so that the trait can be an object.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Where attributes live.
pub trait UserStore: Send + Sync + fmt::Debug {
    /// Returns the canonical names that this store is configured to give: it is their only source.
    fn gives(&self) -> &BTreeSet<Box<str>>;

    /// Returns the attributes of the user known as `user`: exactly the names of [`UserStore::gives`].
    ///
    /// `Ok(None)`: no such user. An attribute that the user lacks is there without values. One round trip (or one for
    /// each configured query), bounded by the store's timeout. `now` is what the attributes are dated with.
    ///
    /// # Errors
    ///
    /// [`StoreError::Ambiguous`] when more than one entry matches: fail closed. [`StoreError::Unavailable`] when the
    /// store does not answer, [`StoreError::Malformed`] when its answer cannot be read.
    fn lookup<'a>(&'a self, user: &'a str, now: SystemTime) -> BoxFuture<'a, Result<Option<Attributes>, StoreError>>;

    /// Asks the store whether it answers at all, and as configured.
    ///
    /// # Errors
    ///
    /// As for [`UserStore::lookup`].
    fn probe(&self) -> BoxFuture<'_, Result<(), StoreError>>;
}

/// Returns the whole seconds since the epoch.
pub(crate) fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_secs())
}
