//! What can go wrong between the gateway and a directory, in the server's own words where it has any.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures_util::FutureExt;
use ldap3::{LdapError, LdapResult};

use crate::error::StoreError;

/// Why a directory gave no answer.
#[derive(Debug)]
pub(super) enum Fault {
    /// More than one entry is the user's.
    Ambiguous,
    /// An answer that the configuration does not allow for: what is wrong, without values.
    Malformed(String),
    /// No answer.
    Failure(Box<Failure>),
}

/// Why there is no answer, for the operator. Never with a password: the server's text is about the result alone.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// No connection, or no TLS.
    #[error("no connection to `{server}`")]
    Connect {
        server: Arc<str>,
        #[source]
        source: LdapError,
    },
    /// No connection and bind in time.
    #[error("no connection to `{server}` within {limit:?} (`connectTimeout`)")]
    ConnectTooLate { server: Arc<str>, limit: Duration },
    /// The server does not take the name or the password, or not in this way.
    #[error("`{server}` refuses the bind")]
    Bind {
        server: Arc<str>,
        #[source]
        result: LdapResult,
    },
    /// The server did not take them a short while ago.
    #[error("`{server}` refused the bind, and it is not tried again for {wait:?}, lest the account be locked")]
    BindHeld {
        server: Arc<str>,
        #[source]
        result: LdapResult,
        wait: Duration,
    },
    /// The server answers a search with an error.
    #[error("`{server}` refuses a search in `{base}`")]
    Search {
        server: Arc<str>,
        base: Box<str>,
        #[source]
        result: LdapResult,
    },
    /// The connection broke.
    #[error("the connection to `{server}` broke")]
    Lost {
        server: Arc<str>,
        #[source]
        source: LdapError,
    },
    /// No answer in time.
    #[error("no answer from `{server}` within {limit:?} (`timeout`)")]
    TooLate { server: Arc<str>, limit: Duration },
    /// What came is no LDAP.
    #[error("what `{server}` sends is no LDAP")]
    Garbage { server: Arc<str> },
    /// Nobody to ask.
    #[error("no server is configured")]
    NoServer,
    /// Every connection is in use.
    #[error("all {pool} connections are in use (`pool`)")]
    Busy { pool: usize },
}

impl Fault {
    /// Turns it into what callers learn of.
    pub(super) fn of(self, store: &Arc<str>) -> StoreError {
        match self {
            Self::Ambiguous => StoreError::Ambiguous { store: Arc::clone(store) },
            Self::Malformed(reason) => StoreError::malformed(store, reason),
            Self::Failure(failure) => StoreError::unavailable(store, *failure),
        }
    }

    /// True when the protocol went on as it should: the connection may be used again.
    pub(super) fn leaves_connection_usable(&self) -> bool {
        match self {
            Self::Ambiguous => true,
            // Reading may have stopped in the middle of an answer.
            Self::Malformed(_) => false,
            Self::Failure(failure) => matches!(**failure, Failure::Search { .. }) && !failure.is_of_the_server(),
        }
    }
}

impl Failure {
    /// True when the server, not the question, is at fault: another one may do better.
    pub(super) fn is_of_the_server(&self) -> bool {
        match self {
            Self::Connect { .. }
            | Self::ConnectTooLate { .. }
            | Self::Lost { .. }
            | Self::TooLate { .. }
            | Self::Garbage { .. } => true,
            // `operationsError` is what Active Directory says on a connection whose bind is gone.
            Self::Search { result, .. } => matches!(result.rc, OPERATIONS_ERROR | BUSY | UNAVAILABLE),
            // A wrong password is wrong everywhere, and each attempt brings the account closer to being locked.
            Self::Bind { result, .. } => matches!(result.rc, OPERATIONS_ERROR | BUSY | UNAVAILABLE),
            Self::BindHeld { .. } | Self::NoServer | Self::Busy { .. } => false,
        }
    }
}

/// Survives what the library does not expect: it panics on answers that are valid BER and no LDAP.
pub(super) async fn unshaken<T>(server: &Arc<str>, asking: impl Future<Output = Result<T, Fault>>) -> Result<T, Fault> {
    let outcome = AssertUnwindSafe(asking).catch_unwind().await;
    outcome.unwrap_or_else(|_| Err(Failure::Garbage { server: Arc::clone(server) }.into()))
}

impl From<Failure> for Fault {
    fn from(failure: Failure) -> Self {
        Self::Failure(Box::new(failure))
    }
}

/// `operationsError` (RFC 4511 §4.1.9).
const OPERATIONS_ERROR: u32 = 1;
/// `busy`
const BUSY: u32 = 51;
/// `unavailable`
const UNAVAILABLE: u32 = 52;
/// `sizeLimitExceeded`
pub(super) const SIZE_LIMIT_EXCEEDED: u32 = 4;
