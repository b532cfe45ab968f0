//! Whether a password is a user's: what a store that can say so offers, and the password on its way there.
//!
//! A password is handed to the store of its user and to nobody else. It is never shown, never logged, and overwritten
//! when it is dropped. How often somebody may guess is not decided here.

mod checks;
mod hash;

use std::fmt;

use zeroize::Zeroizing;

pub(crate) use self::checks::{HashChecks, Known};
pub use self::hash::{PasswordHash, PasswordHashError};
use crate::{
    error::StoreError,
    user_store::{BoxFuture, Question},
};

/// A password, as somebody sent it. Never empty: directories take an empty one for an anonymous bind and answer that all
/// is well (RFC 4513 §5.1.2).
#[derive(Clone)]
pub struct Password(Zeroizing<Box<str>>);

impl Password {
    /// Takes a password; `None` for an empty one, which nobody has.
    pub fn new(text: impl Into<Box<str>>) -> Option<Self> {
        let text = Zeroizing::new(text.into());
        (!text.is_empty()).then_some(Self(text))
    }

    /// Returns the text, for whoever checks it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

/// Never shows the text.
impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

/// What a store says of a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordVerdict {
    /// It is the user's.
    Right,
    /// It is not, or the user has none, or may not log in.
    Wrong,
    /// The store has no such user.
    UnknownUser,
}

/// A user store that can say whether a password is a user's.
pub trait PasswordStore: Send + Sync {
    /// Checks a password. Takes the same time for a user who is not there as for a wrong password, as far as it is in
    /// the store's power.
    ///
    /// # Errors
    ///
    /// As for [`crate::UserStore::lookup`].
    fn check_password<'a>(
        &'a self,
        question: Question<'a>,
        password: &'a Password,
    ) -> BoxFuture<'a, Result<PasswordVerdict, StoreError>>;
}
