//! Comparing passwords with the hashes of one store: off the runtime's threads, a few at a time, and with the same effort
//! where there is nobody to compare with.

use std::{
    num::NonZero,
    sync::{Arc, LazyLock, Mutex, PoisonError},
    thread::available_parallelism,
};

use tokio::sync::Semaphore;

use super::{Password, PasswordHash, PasswordVerdict};
use crate::error::StoreError;

/// How many hashes are computed at a time, in the whole process: each takes a processor, and many megabytes.
static ROOM: LazyLock<Semaphore> =
    LazyLock::new(|| Semaphore::new(available_parallelism().map_or(1, NonZero::get).div_ceil(2)));

/// Whom a password is compared with.
#[derive(Clone, Debug)]
pub(crate) enum Known {
    /// A user with this hash.
    Hash(PasswordHash),
    /// A user without one: nobody can log in as him.
    NoPassword,
    /// No user.
    Nobody,
}

/// The comparisons of one store.
#[derive(Debug)]
pub(crate) struct HashChecks {
    /// The hash seen last: comparing with it takes as long as with the user's, had there been one.
    last: Mutex<PasswordHash>,
}

impl HashChecks {
    pub(crate) fn new() -> Self {
        Self { last: Mutex::new(PasswordHash::nobodys()) }
    }

    /// Takes a hash for the one that was seen last.
    pub(crate) fn remember(&self, hash: &PasswordHash) {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone_from(hash);
    }

    /// Compares, always with something.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] when the process is ending.
    pub(crate) async fn check(
        &self,
        known: Known,
        password: &Password,
        store: &Arc<str>,
    ) -> Result<PasswordVerdict, StoreError> {
        let (hash, otherwise) = match known {
            Known::Hash(hash) => (Some(hash), PasswordVerdict::Wrong),
            Known::NoPassword => (None, PasswordVerdict::Wrong),
            Known::Nobody => (None, PasswordVerdict::UnknownUser),
        };
        let is_somebodys = hash.is_some();
        let hash = self.or_last(hash);
        let password = password.clone();
        let room = ROOM.acquire().await.map_err(|error| StoreError::unavailable(store, error))?;
        let comparing = tokio::task::spawn_blocking(move || hash.is_of(&password));
        let is_same = comparing.await.map_err(|error| StoreError::unavailable(store, error))?;
        drop(room);
        Ok(if is_same && is_somebodys { PasswordVerdict::Right } else { otherwise })
    }

    fn or_last(&self, hash: Option<PasswordHash>) -> PasswordHash {
        match hash {
            Some(hash) => {
                self.remember(&hash);
                hash
            }
            None => self.last.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }
}
