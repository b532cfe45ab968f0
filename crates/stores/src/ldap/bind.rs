//! As whom the gateway asks, and patience with a server that does not believe it.
//!
//! Directories lock an account after a few wrong passwords. So there is one bind at a time, and after a refusal none for
//! a while: a password that has changed costs the gateway its answers, but not the account.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use ldap3::{Ldap, LdapResult};
use tokio::sync::Mutex as AsyncMutex;

use super::fault::{Failure, Fault};

/// How long there is no other bind after the first refusal; after each further one it is twice as long.
const FIRST_WAIT: Duration = Duration::from_secs(5);

/// How long it gets at most.
const LONGEST_WAIT: Duration = Duration::from_mins(5);

/// As whom the gateway asks.
#[derive(Clone)]
pub struct LdapBind {
    /// The name: a distinguished name, or what else the server takes.
    pub dn: Box<str>,
    /// The password, never empty: a bind without one is anonymous (RFC 4513 §5.1.2).
    pub password: Box<str>,
}

/// What became of binds.
#[derive(Debug, Default)]
pub(super) struct Binds {
    /// Who binds, binds alone: many at once would all be refused before the first learns of it.
    turn: AsyncMutex<()>,
    refused: Mutex<Option<Refused>>,
}

/// A refusal of the name or the password.
#[derive(Clone, Debug)]
struct Refused {
    server: Arc<str>,
    result: LdapResult,
    at: Instant,
    wait: Duration,
}

impl Binds {
    /// Binds a connection to `server`.
    ///
    /// # Errors
    ///
    /// [`Failure::Bind`] when the server refuses, [`Failure::BindHeld`] when it did so a short while ago.
    pub(super) async fn bind(&self, ldap: &mut Ldap, server: &Arc<str>, bind: &LdapBind) -> Result<(), Fault> {
        let _turn = self.turn.lock().await;
        self.check()?;
        let connect = |source| Failure::Connect { server: Arc::clone(server), source };
        let result = ldap.simple_bind(&bind.dn, &bind.password).await.map_err(connect)?;
        let failure = match result.rc {
            0 => {
                *self.refused() = None;
                return Ok(());
            }
            _ => Failure::Bind { server: Arc::clone(server), result: result.clone() },
        };
        // A server that is busy has not looked at the password.
        if !failure.is_of_the_server() {
            let mut refused = self.refused();
            let wait = refused.as_ref().map_or(FIRST_WAIT, |before| (before.wait * 2).min(LONGEST_WAIT));
            *refused = Some(Refused { server: Arc::clone(server), result, at: Instant::now(), wait });
        }
        Err(failure.into())
    }

    /// Says whether a bind may be tried now.
    ///
    /// # Errors
    ///
    /// [`Failure::BindHeld`] when the last one was refused and it is too early for another.
    pub(super) fn check(&self) -> Result<(), Fault> {
        match self.refused().clone() {
            Some(Refused { server, result, at, wait }) if at.elapsed() < wait => {
                Err(Failure::BindHeld { server, result, wait }.into())
            }
            Some(_) | None => Ok(()),
        }
    }

    fn refused(&self) -> std::sync::MutexGuard<'_, Option<Refused>> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Never shows the password.
impl fmt::Debug for LdapBind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LdapBind").field("dn", &self.dn).finish_non_exhaustive()
    }
}
