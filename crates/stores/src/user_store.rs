//! The seam between the gateway and every place where attributes live.

use std::{fmt, future::Future, pin::Pin, time::SystemTime};

use claims::Attributes;

use crate::error::StoreError;

/// A boxed future, so that the trait can be an object.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Where attributes live.
pub trait UserStore: Send + Sync + fmt::Debug {
    /// Returns the attributes of the user known as `user`, canonical names only.
    ///
    /// `Ok(None)`: no such user. One round trip (or one for each configured query), bounded by the store's timeout.
    ///
    /// # Errors
    ///
    /// [`StoreError::Ambiguous`] when more than one entry matches: fail closed.
    fn lookup<'a>(&'a self, user: &'a str, now: SystemTime) -> BoxFuture<'a, Result<Option<Attributes>, StoreError>>;

    /// Asks the store whether it answers at all.
    ///
    /// # Errors
    ///
    /// As for [`UserStore::lookup`].
    fn probe(&self) -> BoxFuture<'_, Result<(), StoreError>>;
}
