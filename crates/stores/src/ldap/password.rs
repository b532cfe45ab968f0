//! Whether a password is a user's: a bind with it, as the directory knows the user, on a connection of its own.
//!
//! The name to bind with is the one that the store's own filter finds, never one that a caller wrote. A connection that
//! was bound so is never asked anything, and the gateway's own connections are never bound anew.

use std::sync::Arc;

use super::{LdapStore, fault::Failure};
use crate::{
    error::StoreError,
    password::{Password, PasswordStore, PasswordVerdict},
    user_store::{BoxFuture, Question},
};

impl LdapStore {
    async fn try_password(&self, question: Question<'_>, password: &Password) -> Result<PasswordVerdict, StoreError> {
        let (dn, otherwise) = match self.ask(&self.names, question).await? {
            // With no name, a bind is anonymous, and succeeds (RFC 4513 §5.1.1).
            Some(person) if person.dn.is_empty() => {
                return Err(StoreError::malformed(&self.name, "an entry without a name"));
            }
            Some(person) => (Some(person.dn), PasswordVerdict::Wrong),
            None => (None, PasswordVerdict::UnknownUser),
        };
        // Where there is nobody, a bind as nobody takes the time that one as somebody would have taken.
        let name = dn.clone().unwrap_or_else(|| self.names.nobodys_name());
        let bound = self.connector().bind_as(&name, password.expose()).await;
        let result = bound.map_err(|fault| fault.of(&self.name))?;
        match Outcome::of(result.rc) {
            Outcome::Bound if dn.is_some() => Ok(PasswordVerdict::Right),
            Outcome::Bound | Outcome::Refused => Ok(otherwise),
            Outcome::InTrouble => {
                let server: Arc<str> = "the directory".into();
                Err(StoreError::unavailable(&self.name, Failure::Bind { server, result }))
            }
            Outcome::NotSo => {
                tracing::warn!(store = %self.name, code = result.rc, "the directory takes no passwords in this way");
                Err(StoreError::malformed(&self.name, "it takes no passwords in this way (does it want TLS?)"))
            }
        }
    }
}

impl PasswordStore for LdapStore {
    fn check_password<'a>(
        &'a self,
        question: Question<'a>,
        password: &'a Password,
    ) -> BoxFuture<'a, Result<PasswordVerdict, StoreError>> {
        Box::pin(self.try_password(question, password))
    }
}

/// What a result code of a bind means (RFC 4511 §4.1.9, §4.2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Bound,
    /// The name and the password do not go together, or the account may not log in.
    Refused,
    /// The server has not looked.
    InTrouble,
    /// The server wants something else than a name and a password, or wants them otherwise.
    NotSo,
}

impl Outcome {
    const fn of(code: u32) -> Self {
        match code {
            0 => Self::Bound,
            // constraintViolation (a locked account), noSuchObject, invalidDNSyntax, inappropriateAuthentication (an entry
            // without a password), invalidCredentials, insufficientAccessRights, unwillingToPerform (a disabled account).
            19 | 32 | 34 | 48 | 49 | 50 | 53 => Self::Refused,
            // operationsError, timeLimitExceeded, adminLimitExceeded, busy, unavailable.
            1 | 3 | 11 | 51 | 52 => Self::InTrouble,
            _ => Self::NotSo,
        }
    }
}
