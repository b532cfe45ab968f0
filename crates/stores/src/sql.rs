//! The `sql` store: people in the tables of a database that the operator already has, found by the operator's query.
//!
//! Asks, never writes. The user's name is always a bound value. What differs between databases (opening, types, rows)
//! lies in one module for each; `SQLite` is the one so far.

mod database_url;
mod query;
mod sqlite;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
    time::Duration,
};

use claims::Attributes;

pub use database_url::{DatabaseUrl, DatabaseUrlError};
pub use query::{Query, QueryError};

use self::sqlite::SqliteDatabase;
use crate::{
    attribute_map::AttributeMap,
    error::StoreError,
    user_store::{BoxFuture, Question, UserStore, seconds},
};

/// How a database is asked.
#[derive(Clone, Debug)]
pub struct SqlSettings {
    /// Where it is.
    pub database: DatabaseUrl,
    /// What is asked.
    pub questions: Questions,
    /// Which columns and `multi` attributes leave the store. Required: what a query returns may change unseen.
    pub attributes: AttributeMap,
    /// How it is connected to.
    pub connection: ConnectionSettings,
}

/// The operator's queries.
#[derive(Clone, Debug)]
pub struct Questions {
    /// Gives the user's row: no row is no user, two are ambiguous. Columns are raw attributes by their names.
    pub query: Query,
    /// Attributes with several values: each row of a query's single column is one.
    pub multi: BTreeMap<Box<str>, Query>,
}

/// Bounds on connections and on the time they take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionSettings {
    /// How many connections there are at most.
    pub pool: u32,
    /// How long it may take to get one.
    pub connect_timeout: Duration,
    /// How long all queries for one user may take together.
    pub timeout: Duration,
}

/// The `sql` user store.
///
/// Names are compared as the operator's SQL compares them. `SQLite`'s text columns compare byte by byte; a column of
/// another affinity converts, so that `01` finds the number 1: compare `CAST(id AS TEXT) = :user` there. A name that is
/// empty or holds a NUL is nobody's: databases cut such text in different places.
pub struct SqlStore {
    name: Arc<str>,
    questions: Questions,
    attributes: AttributeMap,
    database: SqliteDatabase,
}

impl Default for ConnectionSettings {
    fn default() -> Self {
        Self { pool: 4, connect_timeout: Duration::from_secs(1), timeout: Duration::from_millis(500) }
    }
}

impl SqlStore {
    /// Makes the store called `name`. Opens nothing yet: the first question does.
    pub fn new(name: Arc<str>, settings: SqlSettings) -> Self {
        let SqlSettings { database: DatabaseUrl::Sqlite(file), questions, attributes, connection } = settings;
        let database = SqliteDatabase::new(Arc::clone(&name), file, connection);
        Self { name, questions, attributes, database }
    }

    /// Asks for one user.
    async fn find(&self, question: Question<'_>) -> Result<Option<Attributes>, StoreError> {
        if question.user.is_empty() || question.user.contains('\0') {
            return Ok(None);
        }
        let raw = self.database.find(&self.questions, &self.attributes, question).await?;
        Ok(raw.map(|raw| self.attributes.apply(&raw, &self.name, seconds(question.now))))
    }
}

impl UserStore for SqlStore {
    fn gives(&self) -> &BTreeSet<Box<str>> {
        self.attributes.gives()
    }

    fn lookup<'a>(&'a self, question: Question<'a>) -> BoxFuture<'a, Result<Option<Attributes>, StoreError>> {
        Box::pin(self.find(question))
    }

    fn probe(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(self.database.probe(&self.questions, &self.attributes))
    }
}

impl fmt::Debug for SqlStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqlStore").field("name", &self.name).field("database", &self.database).finish_non_exhaustive()
    }
}
