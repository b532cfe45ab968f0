//! Databases on servers: a pool for each replica, another replica when one fails, and one transaction that only reads.
//!
//! What differs between kinds of server (connecting, binding, types) lies in one module for each.

mod mysql;
mod pool;
mod postgres;
mod replicas;

use std::{
    fmt, io,
    sync::Arc,
    time::{Duration, SystemTime},
};

use claims::Json;
use futures_util::{TryStreamExt, stream::BoxStream};
use tokio::time::timeout;

pub use self::postgres::postgres_options;
pub(super) use self::{mysql::MySql, postgres::Postgres};
use self::{
    pool::{Pool, give_back, was_used},
    replicas::Replicas,
};
use super::{
    ConnectionSettings, Query, Questions, ServerAddress,
    answer::{Answer, Unreadable},
};
use crate::{
    attribute_map::{AttributeMap, RawAttributes},
    error::StoreError,
    user_store::{BoxFuture, Question, seconds},
};

/// One kind of server.
pub(super) trait Server: fmt::Debug + Send + Sync + 'static {
    /// A connection to it.
    type Connection: Send;
    /// A row of an answer.
    type Row: Send + Sync;

    /// Says how to connect. Opens nothing.
    fn new(address: &ServerAddress, access: &ServerAccess, settings: ConnectionSettings) -> Self;

    /// Opens a connection on which nothing can be written.
    fn connect(&self) -> BoxFuture<'_, Result<Self::Connection, sqlx::Error>>;

    /// Begins a transaction in which all queries see one state.
    fn begin(connection: &mut Self::Connection) -> BoxFuture<'_, Result<(), sqlx::Error>>;

    /// Ends it.
    fn end(connection: &mut Self::Connection) -> BoxFuture<'_, Result<(), sqlx::Error>>;

    /// Asks a query about `user`.
    fn ask<'c>(
        connection: &'c mut Self::Connection,
        query: &Query,
        user: &str,
    ) -> BoxStream<'c, Result<Self::Row, sqlx::Error>>;

    /// Returns the names of the columns that a query returns, without asking it.
    fn columns<'c>(
        connection: &'c mut Self::Connection,
        query: &Query,
    ) -> BoxFuture<'c, Result<Vec<Box<str>>, sqlx::Error>>;

    /// Returns the names of a row's columns.
    fn names(row: &Self::Row) -> Vec<&str>;

    /// Returns the values in column `index`: none for NULL, several for an array.
    fn values(row: &Self::Row, index: usize) -> Result<Vec<Json>, Unreadable>;

    /// True for an error that says that this server, or this connection, cannot answer now: another may.
    fn is_lost(error: &dyn sqlx::error::DatabaseError) -> bool;

    /// True for an error about the user's name: the query cannot take it, and can take others.
    fn is_about_the_name(error: &dyn sqlx::error::DatabaseError) -> bool;
}

/// What all replicas of a database have in common.
#[derive(Clone)]
pub struct ServerAccess {
    /// The password, where the address has none of its own.
    pub password: Option<Box<str>>,
    /// Whether the line is encrypted.
    pub tls: DatabaseTls,
}

/// How a connection over the network is protected. A local socket needs nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DatabaseTls {
    /// TLS, with a certificate for the host's name from a known authority; anything else is refused.
    Verify {
        /// PEM certificates that are trusted besides the system's.
        ca: Option<Vec<u8>>,
    },
    /// In the clear, the password too.
    Off,
}

/// A database on one server or on several that hold the same.
pub(super) struct ServerDatabase<S: Server> {
    store: Arc<str>,
    settings: ConnectionSettings,
    replicas: Replicas<Pool<S>>,
}

/// Why one replica gave no answer.
enum Failure {
    /// It cannot now: another may.
    Lost(sqlx::Error),
    /// No other would say anything else.
    Final(StoreError),
}

impl<S: Server> ServerDatabase<S> {
    pub(super) fn new(
        store: Arc<str>,
        addresses: &[ServerAddress],
        access: &ServerAccess,
        settings: ConnectionSettings,
    ) -> Self {
        let pool = |address| {
            let server = S::new(address, access, settings);
            (address.place.to_string().into(), Pool::new(server, settings))
        };
        Self { store, settings, replicas: Replicas::new(addresses.iter().map(pool).collect()) }
    }

    /// Returns the raw attributes of the user in question; `None`: no row.
    ///
    /// # Errors
    ///
    /// [`StoreError`]: two rows, no replica that answers in time, or an answer that the map or the types do not allow for.
    pub(super) async fn find(
        &self,
        questions: &Questions,
        attributes: &AttributeMap,
        question: Question<'_>,
    ) -> Result<Option<RawAttributes>, StoreError> {
        let asking = Asking { questions, attributes, question };
        self.on_a_replica(question.user, question.now, |pool| self.ask(pool, asking)).await
    }

    /// Asks every replica whether the queries fit it and the map.
    pub(super) async fn probe(&self, questions: &Questions, attributes: &AttributeMap) -> Result<(), StoreError> {
        for pool in self.replicas.all() {
            let probing = async {
                let mut connection = pool.get(self.settings.connect_timeout).await.map_err(Failure::Lost)?;
                let fit = timeout(self.settings.timeout, self.fit(&mut connection, questions, attributes));
                let fit = fit.await.unwrap_or_else(|_| Err(Failure::Lost(too_late())));
                give_back::<S>(connection, fit.is_ok());
                fit
            };
            probing.await.map_err(|failure| self.error(failure))?;
        }
        Ok(())
    }

    /// Asks one replica after the other until one answers.
    async fn on_a_replica<'a, T, F: Future<Output = Result<T, Failure>>>(
        &'a self,
        user: &str,
        now: SystemTime,
        ask: impl Fn(&'a Pool<S>) -> F,
    ) -> Result<T, StoreError> {
        let mut last = None;
        for (number, pool) in self.replicas.in_order(user, seconds(now)) {
            match ask(pool).await {
                Err(Failure::Lost(error)) => {
                    self.replicas.failed(number, seconds(now));
                    let server = self.replicas.name(number);
                    tracing::warn!(store = %self.store, server, "database server gave no answer: {error}");
                    last = Some(error);
                }
                outcome => {
                    self.replicas.answered(number);
                    return outcome.map_err(|failure| self.error(failure));
                }
            }
        }
        Err(self.error(Failure::Lost(last.unwrap_or_else(too_late))))
    }

    /// Asks one replica: on a connection from the pool, and once more on a new one when that was dead.
    async fn ask(&self, pool: &Pool<S>, asking: Asking<'_>) -> Result<Option<RawAttributes>, Failure> {
        let mut connection = pool.get(self.settings.connect_timeout).await.map_err(Failure::Lost)?;
        let was_used = was_used::<S>(&connection);
        match self.within(asking.read::<S>(&self.store, &mut connection)).await {
            Ok(found) => {
                give_back::<S>(connection, true);
                return Ok(found);
            }
            Err(Failure::Lost(error)) if was_used && !is_timeout(&error) => {
                give_back::<S>(connection, false);
                pool.forget_idle();
            }
            Err(failure) => {
                give_back::<S>(connection, false);
                return Err(failure);
            }
        }
        let mut connection = pool.get(self.settings.connect_timeout).await.map_err(Failure::Lost)?;
        let found = self.within(asking.read::<S>(&self.store, &mut connection)).await;
        give_back::<S>(connection, found.is_ok());
        found
    }

    /// Bounds all queries of one look-up.
    async fn within<T>(&self, reading: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
        timeout(self.settings.timeout, reading).await.unwrap_or_else(|_| Err(Failure::Lost(too_late())))
    }

    /// Checks that the queries can be asked, and return what the map reads.
    async fn fit(
        &self,
        connection: &mut S::Connection,
        questions: &Questions,
        attributes: &AttributeMap,
    ) -> Result<(), Failure> {
        let mut names: Vec<Box<str>> =
            S::columns(connection, &questions.query).await.map_err(|error| failure::<S>(&self.store, error))?;
        for (attribute, query) in &questions.multi {
            let columns = S::columns(connection, query).await.map_err(|error| failure::<S>(&self.store, error))?;
            if columns.len() != 1 {
                let reason = format!("the query for `{attribute}` returns {} columns", columns.len());
                return Err(malformed(&self.store, reason));
            }
            names.push(attribute.clone());
        }
        let names: Vec<&str> = names.iter().map(|name| &**name).collect();
        questions.check_names(&names, attributes).map_err(|reason| malformed(&self.store, reason))
    }

    fn error(&self, failure: Failure) -> StoreError {
        match failure {
            Failure::Lost(error) => StoreError::unavailable(&self.store, error),
            Failure::Final(error) => error,
        }
    }
}

/// What is asked, about whom, and what is wanted of it.
#[derive(Clone, Copy)]
struct Asking<'a> {
    questions: &'a Questions,
    attributes: &'a AttributeMap,
    question: Question<'a>,
}

impl Asking<'_> {
    /// Asks all queries for one user; several in one transaction.
    async fn read<S: Server>(
        self,
        store: &Arc<str>,
        connection: &mut S::Connection,
    ) -> Result<Option<RawAttributes>, Failure> {
        let lost = |error| failure::<S>(store, error);
        let has_several = !self.questions.multi.is_empty();
        if has_several {
            S::begin(connection).await.map_err(lost)?;
        }
        let Some(mut answer) = self.read_row::<S>(store, connection).await? else {
            if has_several {
                S::end(connection).await.map_err(lost)?;
            }
            return Ok(None);
        };
        for (attribute, query) in &self.questions.multi {
            answer.add(attribute, Ok(Vec::new())).map_err(|reason| malformed(store, reason))?;
            let mut rows = S::ask(connection, query, self.question.user);
            while let Some(row) = rows.try_next().await.map_err(lost)? {
                answer.add(attribute, S::values(&row, 0)).map_err(|reason| malformed(store, reason))?;
            }
        }
        if has_several {
            S::end(connection).await.map_err(lost)?;
        }
        Ok(Some(answer.finish()))
    }

    /// Asks the main query: no row is nobody, two are ambiguous.
    async fn read_row<S: Server>(
        self,
        store: &Arc<str>,
        connection: &mut S::Connection,
    ) -> Result<Option<Answer>, Failure> {
        let lost = |error| failure::<S>(store, error);
        let mut rows = S::ask(connection, &self.questions.query, self.question.user);
        let Some(row) = rows.try_next().await.map_err(lost)? else { return Ok(None) };
        if rows.try_next().await.map_err(lost)?.is_some() {
            return Err(Failure::Final(StoreError::Ambiguous { store: Arc::clone(store) }));
        }
        drop(rows);
        let columns = S::names(&row);
        let mut names = columns.clone();
        names.extend(self.questions.multi.keys().map(|name| &**name));
        self.questions.check_names(&names, self.attributes).map_err(|reason| malformed(store, reason))?;
        let mut answer = Answer::default();
        for (index, name) in columns.iter().enumerate() {
            answer.add(name, S::values(&row, index)).map_err(|reason| malformed(store, reason))?;
        }
        Ok(Some(answer))
    }
}

/// Tells what another replica may answer from what none will.
fn failure<S: Server>(store: &Arc<str>, error: sqlx::Error) -> Failure {
    match &error {
        // Not the store's failure: callers with odd names must not have it left alone.
        sqlx::Error::Database(said) if S::is_about_the_name(&**said) => {
            let code = said.code().unwrap_or_default();
            malformed(store, format!("the query cannot take this user's name (SQLSTATE {code})"))
        }
        sqlx::Error::Database(said) if !S::is_lost(&**said) => Failure::Final(StoreError::unavailable(store, error)),
        _ => Failure::Lost(error),
    }
}

fn malformed(store: &Arc<str>, reason: String) -> Failure {
    Failure::Final(StoreError::malformed(store, reason))
}

fn too_late() -> sqlx::Error {
    sqlx::Error::Io(io::Error::new(io::ErrorKind::TimedOut, "no answer in time"))
}

fn is_timeout(error: &sqlx::Error) -> bool {
    matches!(error, sqlx::Error::Io(error) if error.kind() == io::ErrorKind::TimedOut)
}

/// A bound on a server's own patience, in whole milliseconds.
fn milliseconds(time: Duration) -> u128 {
    time.as_millis().max(1)
}

impl<S: Server> fmt::Debug for ServerDatabase<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerDatabase").field("replicas", &self.replicas).finish_non_exhaustive()
    }
}

/// Never shows a password.
impl fmt::Debug for ServerAccess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerAccess").field("tls", &self.tls).finish_non_exhaustive()
    }
}
