//! What can go wrong when a user store is asked.

use std::{error::Error, sync::Arc, time::Duration};

/// When a caller may try again, where nothing better is known.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Why a user store gave no answer. Cloneable, because one query answers many waiting callers.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// The store cannot be reached, refused, or did not answer in time: who operates the store must act.
    #[error("user store `{store}` is unavailable")]
    Unavailable {
        /// The store.
        store: Arc<str>,
        /// When a caller may try again.
        retry_after: Duration,
        /// The cause, for the operator's log.
        #[source]
        source: Option<Arc<dyn Error + Send + Sync>>,
    },
    /// As `Unavailable`, and the last answer is older than `staleFor`.
    #[error("user store `{store}` is unavailable, and its last answer is too old")]
    TooOld {
        /// The store.
        store: Arc<str>,
        /// When a caller may try again.
        retry_after: Duration,
        /// The cause, for the operator's log.
        #[source]
        source: Option<Arc<dyn Error + Send + Sync>>,
    },
    /// More than one entry matches the user: never the first.
    #[error("user store `{store}` has more than one match")]
    Ambiguous {
        /// The store.
        store: Arc<str>,
    },
    /// The store answered something that its configuration does not allow for.
    #[error("user store `{store}` gave an answer that cannot be read: {reason}")]
    Malformed {
        /// The store.
        store: Arc<str>,
        /// What is wrong, without values.
        reason: Arc<str>,
    },
    /// The store asks with the access token that the user came with, and he came without: whoever lets such calls in must
    /// act.
    #[error("user store `{store}` asks with the caller's access token, and there is none")]
    NoToken {
        /// The store.
        store: Arc<str>,
    },
    /// The issuer does not accept the user's access token any more: the client must act.
    #[error("user store `{store}` refuses the caller's access token")]
    TokenRefused {
        /// The store.
        store: Arc<str>,
    },
}

impl StoreError {
    /// Returns the message and its causes, each of which is a colon further on. May hold the user's name, as databases
    /// repeat what they could not read: for the operator who asks, not for a log.
    pub fn with_causes(&self) -> String {
        let mut text = self.to_string();
        let mut cause = self.source();
        while let Some(error) = cause {
            let words = error.to_string();
            if !text.ends_with(&words) {
                text.push_str(": ");
                text.push_str(&words);
            }
            cause = error.source();
        }
        text
    }

    /// Makes an [`StoreError::Unavailable`] with its cause.
    pub(crate) fn unavailable(store: &Arc<str>, source: impl Error + Send + Sync + 'static) -> Self {
        Self::Unavailable { store: Arc::clone(store), retry_after: RETRY_AFTER, source: Some(Arc::new(source)) }
    }

    /// Adds that there is an answer, which is too old.
    pub(crate) fn too_old(self) -> Self {
        match self {
            Self::Unavailable { store, retry_after, source } => Self::TooOld { store, retry_after, source },
            other => other,
        }
    }

    /// Sets when a caller may try again, of an [`StoreError::Unavailable`].
    pub(crate) fn retry_after(mut self, wish: Duration) -> Self {
        if let Self::Unavailable { retry_after, .. } = &mut self {
            *retry_after = wish;
        }
        self
    }

    /// Makes a [`StoreError::Malformed`].
    pub(crate) fn malformed(store: &Arc<str>, reason: impl Into<Arc<str>>) -> Self {
        Self::Malformed { store: Arc::clone(store), reason: reason.into() }
    }
}
