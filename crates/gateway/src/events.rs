//! What others tell the gateway about users: signed webhooks, and security event tokens of Shared Signals.
//!
//! Everything said here only forgets or refuses: a forged event could not let anybody in. Signatures are checked all the
//! same, because forgetting everybody at once would stop the gateway.

mod set;
mod webhook;

use std::{sync::Arc, time::SystemTime};

use claims::TokenError;

pub use self::webhook::WebhookFields;
pub(crate) use self::{set::Transmitter, webhook::Webhook};
use crate::{compile::Compiled, issuer::Issuer, revocations::Revoked, runtime::Runtime, time::seconds};

/// Who may tell, by name.
#[derive(Debug, Default)]
pub struct EventSources {
    pub(crate) webhooks: Vec<Webhook>,
    pub(crate) transmitters: Vec<Transmitter>,
}

/// Why an event is not taken. Nothing was done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EventError {
    /// Nobody of that name may tell.
    #[error("there is no such sender")]
    UnknownSender,
    /// Not signed as it must be, or long ago.
    #[error("the signature is missing, wrong or too old")]
    Unsigned,
    /// The message is not what it should be.
    #[error("the message cannot be read: {0}")]
    Malformed(&'static str),
    /// The token is not acceptable.
    #[error("the security event token is refused: {0}")]
    Token(#[from] TokenError),
    /// It is about a user store that this sender may not speak about.
    #[error("this sender may not speak about that user store")]
    ForeignStore,
    /// The transmitter's keys are not to be had.
    #[error("the transmitter's keys cannot be had")]
    NoKeys,
}

/// Takes a webhook's message: forgets the attributes that it is about.
///
/// # Errors
///
/// [`EventError`]; nothing is forgotten then.
pub fn receive_webhook(
    compiled: &Compiled,
    name: &str,
    fields: WebhookFields<'_>,
    (body, now): (&[u8], SystemTime),
) -> Result<(), EventError> {
    let webhook = compiled.events.webhooks.iter().find(|webhook| *webhook.name == *name);
    let (stores, user) = webhook.ok_or(EventError::UnknownSender)?.read(fields, body, seconds(now))?;
    for store in stores {
        match &user {
            Some(user) => {
                store.store.invalidate_user(user);
                store.own_name(user).into_iter().for_each(|name| store.store.invalidate_user(name));
            }
            None => store.store.invalidate_all(),
        }
    }
    tracing::info!(webhook = name, "users have changed");
    Ok(())
}

/// Takes a security event token (RFC 8935 §2): forgets attributes, and ends sessions where it says so.
///
/// # Errors
///
/// [`EventError`]; nothing is done then.
pub async fn receive_set(
    compiled: &Compiled,
    runtime: &Runtime,
    name: &str,
    (token, now): (&str, SystemTime),
) -> Result<(), EventError> {
    let transmitter = compiled.events.transmitters.iter().find(|transmitter| *transmitter.name == *name);
    let transmitter = transmitter.ok_or(EventError::UnknownSender)?;
    for event in transmitter.read(token, now).await? {
        tracing::info!(transmitter = name, kind = event.kind, "a security event");
        forget(&transmitter.issuer, event.user.as_deref());
        for revoked in event.ended {
            runtime.revocations.end(revoked.clone(), event.at);
            runtime.callers.remove_revoked(&revoked);
            runtime.revocations.revoke(revoked);
        }
    }
    Ok(())
}

/// Forgets one user's attributes in all of the issuer's stores, or everybody's where it is not known who is meant.
fn forget(issuer: &Issuer, user: Option<&str>) {
    for store in &issuer.user_stores {
        match user {
            Some(user) => {
                store.store.invalidate_user(user);
                store.own_name(user).into_iter().for_each(|name| store.store.invalidate_user(name));
            }
            None => store.store.invalidate_all(),
        }
    }
}

/// One event of a token.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct SecurityEvent {
    /// What happened, for the log.
    pub(crate) kind: &'static str,
    /// Who has changed, as the user stores know them; `None`: it is not known.
    pub(crate) user: Option<Box<str>>,
    /// What has ended.
    pub(crate) ended: Vec<Revoked>,
    /// When, in seconds since the epoch.
    pub(crate) at: u64,
}

/// An issuer that tells.
pub(crate) type TellingIssuer = Arc<Issuer>;
