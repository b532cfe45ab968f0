//! Desired state in `PostgreSQL`: the API definitions and applications that several gateways share.
//!
//! What was read last is kept, and serves whoever asks: while the database is down, gateways go on with it. Whoever changes
//! something holds the lock of the whole state, and has read it under that lock. `follow.rs` hears of others' changes.

mod error;
mod follow;
mod names;
mod session;
mod transfer;

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use gateway::{Diagnostic, DiagnosticCode, Diagnostics, Source, Span, StateAddress};
use sqlx::postgres::PgConnectOptions;
use stores::{PostgresListener, postgres_options};
use tokio::{runtime::Handle, sync::Notify};

use self::session::Session;
pub use self::{
    error::StateError,
    follow::StateWatch,
    transfer::{DocumentChange, PushedState, StateCopy, StateTransferError},
};
pub(crate) use self::{
    names::{APPLICATIONS, api_folder, name_of, path_of},
    session::{DocumentEdit, Editing},
};
use crate::history::Change;

/// Where changes are announced: `NOTIFY countersign_state, 'revision'`.
const CHANNEL: &str = "countersign_state";

/// The tables, for whoever makes them.
pub const STATE_SCHEMA: &str = include_str!("state/schema.sql");

/// The database that holds the desired state.
pub(crate) struct StateDatabase {
    /// As messages name it.
    place: Box<str>,
    /// Where the operator's file names it.
    span: Span,
    options: PgConnectOptions,
    timeout: Duration,
    background: Handle,
    known: Mutex<Option<Arc<Known>>>,
    is_reachable: Mutex<bool>,
    /// A change has failed: whether the database answers, and what it holds, is to be found out.
    doubt: Notify,
}

/// What the database holds, as it was read last.
#[derive(Clone, Debug, Default)]
pub(crate) struct Known {
    /// How many changes there have been.
    pub(crate) revision: i64,
    /// The documents' texts, by name.
    pub(crate) documents: BTreeMap<Box<str>, Arc<str>>,
    /// All changes, the oldest first.
    pub(crate) history: Vec<Arc<Change>>,
}

/// How the database is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StateStatus {
    /// False: what was read last runs on, and nothing can be changed.
    pub is_reachable: bool,
    /// The revision that was read last.
    pub revision: i64,
}

/// How much is read again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reread {
    /// What has changed since the last time.
    Changed,
    /// Everything: nobody knows what was missed.
    Everything,
}

impl StateDatabase {
    /// Says where it is. Connects when it is first asked; `span` is where the operator's file names it.
    pub(crate) fn new(address: &StateAddress, span: Span, background: Handle) -> Self {
        let milliseconds = address.timeout.as_millis().max(1);
        let options = postgres_options(&address.address, &address.access).options([
            ("statement_timeout", milliseconds.to_string()),
            // A gateway that hangs while it changes something must not stop the others.
            ("idle_in_transaction_session_timeout", "30s".to_owned()),
        ]);
        Self {
            place: format!("{}/{}", address.address.place, address.address.database).into(),
            span,
            options,
            timeout: address.timeout,
            background,
            known: Mutex::default(),
            is_reachable: Mutex::new(false),
            doubt: Notify::new(),
        }
    }

    /// Returns what was read last; reads it if nothing was read yet.
    ///
    /// # Errors
    ///
    /// [`StateError`]
    pub(crate) fn known(&self) -> Result<Arc<Known>, StateError> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).clone();
        known.map_or_else(|| self.refresh(Reread::Everything), Ok)
    }

    /// Reads again.
    ///
    /// # Errors
    ///
    /// [`StateError`]: what was read last stays.
    pub(crate) fn refresh(&self, how: Reread) -> Result<Arc<Known>, StateError> {
        let before = self.base(how);
        let known = self.run(async {
            let mut session = self.session().await?;
            session.begin_reading().await?;
            session.read(before.as_deref()).await
        })?;
        Ok(self.remember(known))
    }

    /// Takes the lock of the state, and reads what is new.
    ///
    /// # Errors
    ///
    /// [`StateError`]
    pub(crate) fn begin(&self) -> Result<Editing<'_>, StateError> {
        let before = self.base(Reread::Changed);
        let begun = self.run(async {
            let mut session = self.session().await?;
            session.begin_editing().await?;
            let known = session.read(before.as_deref()).await?;
            Ok((session, known))
        });
        let (session, known) = self.doubting(begun)?;
        Ok(Editing::new(self, session, self.remember(known)))
    }

    /// Makes the tables that are not there.
    ///
    /// # Errors
    ///
    /// [`StateError`]
    pub(crate) fn make_tables(&self) -> Result<(), StateError> {
        self.run(async { self.session().await?.make_tables().await })
    }

    /// Returns who hears of changes.
    pub(crate) fn listener(&self) -> PostgresListener {
        PostgresListener::new(self.options.clone(), CHANNEL)
    }

    /// Waits until a change has failed.
    pub(crate) async fn is_doubtful(&self) {
        self.doubt.notified().await;
    }

    /// Returns how it is doing.
    pub(crate) fn status(&self) -> StateStatus {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let is_reachable = *self.is_reachable.lock().unwrap_or_else(PoisonError::into_inner);
        StateStatus { is_reachable, revision: known.as_ref().map_or(0, |known| known.revision) }
    }

    /// Notes that it does not answer.
    pub(crate) fn is_lost(&self) {
        *self.is_reachable.lock().unwrap_or_else(PoisonError::into_inner) = false;
    }

    /// Returns the API definitions and the applications that were read last, as files of a folder that is none.
    ///
    /// # Errors
    ///
    /// [`StateError`] when nothing was read yet, and nothing can be.
    pub(crate) fn sources(&self) -> Result<(Vec<Source>, Option<Source>), StateError> {
        let known = self.known()?;
        let (mut apis, mut applications) = (Vec::new(), None);
        for (name, text) in &known.documents {
            let source = Source { path: path_of(name), text: text.to_string() };
            if **name == *APPLICATIONS {
                applications = Some(source);
            } else {
                apis.push(source);
            }
        }
        Ok((apis, applications))
    }

    /// Says in the operator's file's words that nothing can be read.
    pub(crate) fn unreadable(&self, error: &StateError) -> Diagnostics {
        let message = format!("cannot read the API definitions in the database `{}`: {error}", self.place);
        let mut diagnostics = Diagnostics::new();
        diagnostics.push(
            Diagnostic::error(DiagnosticCode::UnreadableFile, &self.span, message).with_hint(error.hint().to_owned()),
        );
        diagnostics
    }

    /// Runs on the background threads, and waits; not to be called from one of them.
    fn run<T>(&self, work: impl Future<Output = Result<T, StateError>>) -> Result<T, StateError> {
        // Each statement has its own time; together they have a bound too, for servers that say nothing at all.
        let bounded = async { tokio::time::timeout(self.timeout * 3, work).await };
        let outcome = self.background.block_on(bounded).unwrap_or(Err(StateError::TooLate));
        *self.is_reachable.lock().unwrap_or_else(PoisonError::into_inner) = outcome.is_ok();
        outcome
    }

    /// Has whoever follows look again, after a change that failed: it may have been made all the same.
    fn doubting<T>(&self, outcome: Result<T, StateError>) -> Result<T, StateError> {
        outcome.inspect_err(|_| self.doubt.notify_one())
    }

    async fn session(&self) -> Result<Session, StateError> {
        let opening = Session::open(&self.options);
        tokio::time::timeout(self.timeout, opening).await.unwrap_or(Err(StateError::TooLate))
    }

    fn base(&self, how: Reread) -> Option<Arc<Known>> {
        match how {
            Reread::Changed => self.known.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            Reread::Everything => None,
        }
    }

    fn remember(&self, known: Known) -> Arc<Known> {
        let known = Arc::new(known);
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&known));
        known
    }
}

/// Never shows a password.
impl fmt::Debug for StateDatabase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StateDatabase").field("place", &self.place).finish_non_exhaustive()
    }
}
