//! Passwords, checked by the store behind the cache: nothing is remembered here, but the breaker is the look-ups' own, and
//! only some are checked at a time.

use std::{sync::Arc, time::SystemTime};

use tokio::time::timeout;

use super::{Abandoned, CachedStore, LastFailure, locked};
use crate::{
    breaker::BreakerOpen,
    error::StoreError,
    password::{Password, PasswordVerdict},
    user_store::Question,
};

/// How many passwords one store checks at a time: each is a connection to a directory, or a hash's memory.
pub(super) const AT_ONCE: usize = 16;

/// How long one waits for its turn.
const LONGEST_WAIT: std::time::Duration = std::time::Duration::from_secs(2);

/// Too many want to log in at once.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("too many passwords are being checked")]
struct Busy;

impl CachedStore {
    /// True when the store can say whether a password is a user's.
    pub fn checks_passwords(&self) -> bool {
        self.store.passwords().is_some()
    }

    /// Asks the store whether the password is the user's. Goes on when nobody waits any more.
    ///
    /// # Errors
    ///
    /// As for [`crate::UserStore::lookup`]; [`StoreError::Unavailable`] at once while the breaker is open.
    pub async fn check_password(
        self: &Arc<Self>,
        user: &str,
        password: &Password,
        now: SystemTime,
    ) -> Result<PasswordVerdict, StoreError> {
        let (cache, user, password) = (Arc::clone(self), Box::<str>::from(user), password.clone());
        let checking = self.runtime.spawn(async move { cache.checked(&user, &password, now).await });
        checking.await.unwrap_or_else(|_| Err(StoreError::unavailable(&self.name, Abandoned)))
    }

    async fn checked(&self, user: &str, password: &Password, now: SystemTime) -> Result<PasswordVerdict, StoreError> {
        let Some(passwords) = self.store.passwords() else { return Ok(PasswordVerdict::UnknownUser) };
        // Before the breaker: a crowd says nothing about the store.
        let turn = timeout(LONGEST_WAIT, self.passwords_at_once.acquire()).await;
        let Ok(Ok(_turn)) = turn else { return Err(StoreError::unavailable(&self.name, Busy)) };
        if let Err(retry_after) = self.breaker.admit(now) {
            self.counts.refused.up();
            let source = Some(Arc::new(BreakerOpen) as _);
            return Err(StoreError::Unavailable { store: Arc::clone(&self.name), retry_after, source });
        }
        let verdict = passwords.check_password(Question::new(user, now), password).await;
        match verdict {
            Ok(verdict) => {
                self.breaker.succeeded();
                Ok(verdict)
            }
            Err(error) => {
                *locked(&self.last_failure) = Some(LastFailure::of(&error, now));
                Err(self.note_failure(error, now))
            }
        }
    }
}
