//! The `sql` store: people in the tables of a database that the operator already has, found by the operator's query.
//!
//! Asks, never writes. The user's name is always a bound value. What differs between databases (opening, types, rows)
//! lies in one module for each.

mod answer;
mod database_url;
mod dialect;
mod listen;
mod query;
mod server;
mod sqlite;
mod text;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use claims::{Attributes, Json};
use futures_util::stream::BoxStream;

pub use self::{
    database_url::{DatabaseUrl, DatabaseUrlError, ServerAddress, ServerPlace},
    dialect::Dialect,
    listen::{Heard, PostgresListener},
    query::{Query, QueryError},
    server::{DatabaseTls, ServerAccess, postgres_options},
};
use self::{
    server::{MySql, Postgres, ServerDatabase},
    sqlite::SqliteDatabase,
};
use crate::{
    attribute_map::{AttributeMap, RawAttributes},
    error::StoreError,
    password::{HashChecks, Known, Password, PasswordHash, PasswordHashError, PasswordStore, PasswordVerdict},
    user_store::{BoxFuture, Change, Question, UserStore, seconds},
};

/// How a database is asked.
#[derive(Clone, Debug)]
pub struct SqlSettings {
    /// Where it is.
    pub source: SqlSource,
    /// What is asked.
    pub questions: Questions,
    /// Which columns and `multi` attributes leave the store. Required: what a query returns may change unseen.
    pub attributes: AttributeMap,
    /// How it is connected to.
    pub connection: ConnectionSettings,
    /// Where a `PostgreSQL` database announces changes.
    pub listen: Option<ChangeChannel>,
}

/// Where a `PostgreSQL` database announces changes of users: `NOTIFY channel, 'user'`, or without a user for everybody.
#[derive(Clone, Debug)]
pub struct ChangeChannel {
    /// The channel's name.
    pub channel: Box<str>,
    /// The server that can announce: not a replica.
    pub address: ServerAddress,
    /// How it is reached.
    pub access: ServerAccess,
}

/// Where a database is.
#[derive(Clone, Debug)]
pub enum SqlSource {
    /// In a file.
    Sqlite(PathBuf),
    /// On a `PostgreSQL` server, or on several that hold the same.
    Postgres(Vec<ServerAddress>, ServerAccess),
    /// On a `MySQL` or `MariaDB` server, or on several that hold the same.
    MySql(Vec<ServerAddress>, ServerAccess),
}

/// The operator's queries.
#[derive(Clone, Debug)]
pub struct Questions {
    /// Gives the user's row: no row is no user, two are ambiguous. Columns are raw attributes by their names.
    pub query: Query,
    /// Attributes with several values: each row of a query's single column is one.
    pub multi: BTreeMap<Box<str>, Query>,
    /// The column that must hold the user's name, character by character; without it the database's comparison counts.
    pub user_column: Option<Box<str>>,
    /// The column with the hash of the user's password; without it the store checks no passwords. It leaves with nobody.
    pub password_column: Option<Box<str>>,
}

/// Bounds on connections and on the time they take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionSettings {
    /// How many connections there are at most, to each server.
    pub pool: u32,
    /// How long it may take to get one.
    pub connect_timeout: Duration,
    /// How long all queries for one user may take together.
    pub timeout: Duration,
}

/// The `sql` user store.
///
/// Names are compared as the operator's SQL compares them, and with [`Questions::user_column`] once more by us. `SQLite`'s
/// text columns compare byte by byte; a column of another affinity converts, so that `01` finds the number 1: compare
/// `CAST(id AS TEXT) = :user` there. `MySQL` ignores case and trailing spaces unless the column's collation says otherwise.
/// A name that is empty or holds a NUL is nobody's: databases cut such text in different places.
pub struct SqlStore {
    name: Arc<str>,
    questions: Questions,
    attributes: AttributeMap,
    database: Database,
    connection: ConnectionSettings,
    listen: Option<ChangeChannel>,
    checks: HashChecks,
}

/// What is asked.
#[derive(Debug)]
enum Database {
    Sqlite(SqliteDatabase),
    Postgres(ServerDatabase<Postgres>),
    MySql(ServerDatabase<MySql>),
}

impl Default for ConnectionSettings {
    fn default() -> Self {
        Self { pool: 4, connect_timeout: Duration::from_secs(1), timeout: Duration::from_millis(500) }
    }
}

impl SqlStore {
    /// Makes the store called `name`. Opens nothing yet: the first question does.
    pub fn new(name: Arc<str>, settings: SqlSettings) -> Self {
        let SqlSettings { source, questions, attributes, connection, listen } = settings;
        let store = Arc::clone(&name);
        let database = match source {
            SqlSource::Sqlite(file) => Database::Sqlite(SqliteDatabase::new(store, file, connection)),
            SqlSource::Postgres(addresses, access) => {
                Database::Postgres(ServerDatabase::new(store, &addresses, &access, connection))
            }
            SqlSource::MySql(addresses, access) => {
                Database::MySql(ServerDatabase::new(store, &addresses, &access, connection))
            }
        };
        Self { name, questions, attributes, database, connection, listen, checks: HashChecks::new() }
    }

    /// Asks for one user.
    async fn find(&self, question: Question<'_>) -> Result<Option<Attributes>, StoreError> {
        let raw = self.ask(question).await?;
        Ok(raw.map(|raw| self.attributes.apply(&raw, &self.name, seconds(question.now))))
    }

    /// Asks for one user's row and lists.
    async fn ask(&self, question: Question<'_>) -> Result<Option<RawAttributes>, StoreError> {
        if question.user.is_empty() || question.user.contains('\0') {
            return Ok(None);
        }
        question.note(|traced| traced.asked.extend(self.questions.all().map(|query| query.written().into())));
        let (questions, attributes) = (&self.questions, &self.attributes);
        let found = match &self.database {
            Database::Sqlite(database) => database.find(questions, attributes, question).await,
            Database::Postgres(database) => database.find(questions, attributes, question).await,
            Database::MySql(database) => database.find(questions, attributes, question).await,
        };
        let raw = found?.filter(|raw| self.questions.is_about(raw, question.user));
        question.note(|traced| {
            traced.matches = Some(usize::from(raw.is_some()));
            traced.returned.extend(raw.iter().flat_map(RawAttributes::keys).cloned());
        });
        Ok(raw)
    }

    /// Compares a password with the hash in the user's row.
    async fn compare(
        &self,
        column: &str,
        question: Question<'_>,
        password: &Password,
    ) -> Result<PasswordVerdict, StoreError> {
        let known = match self.ask(question).await? {
            None => Known::Nobody,
            Some(raw) => known(raw.get(column).map(Vec::as_slice).unwrap_or_default())
                .map_err(|reason| StoreError::malformed(&self.name, format!("`{column}` {reason}")))?,
        };
        self.checks.check(known, password, &self.name).await
    }
}

/// Reads what is in the column of hashes. `!` and `*` stand before the hash of an account that is locked, and in place of
/// one where there is none: so it is on Unix, and in what was made from there.
fn known(values: &[Json]) -> Result<Known, PasswordHashError> {
    match values {
        [] => Ok(Known::NoPassword),
        [Json::String(text)] if text.is_empty() || text.starts_with(['!', '*']) => Ok(Known::NoPassword),
        [Json::String(text)] => PasswordHash::parse(text).map(Known::Hash),
        _ => Err(PasswordHashError::Form),
    }
}

impl PasswordStore for SqlStore {
    fn check_password<'a>(
        &'a self,
        question: Question<'a>,
        password: &'a Password,
    ) -> BoxFuture<'a, Result<PasswordVerdict, StoreError>> {
        match &self.questions.password_column {
            Some(column) => Box::pin(self.compare(column, question, password)),
            None => Box::pin(std::future::ready(Ok(PasswordVerdict::Wrong))),
        }
    }
}

impl Questions {
    /// Returns all queries, the main one first.
    fn all(&self) -> impl Iterator<Item = &Query> {
        std::iter::once(&self.query).chain(self.multi.values())
    }

    /// Says in what the names of columns and `multi` attributes do not fit together, or not the map.
    fn check_names(&self, names: &[&str], attributes: &AttributeMap) -> Result<(), String> {
        let mut seen = BTreeSet::new();
        if let Some(name) = names.iter().find(|name| !seen.insert(**name)) {
            return Err(format!("the attribute `{name}` is returned twice"));
        }
        let columns = [&self.user_column, &self.password_column].into_iter().filter_map(Option::as_deref);
        match attributes.raw_names().chain(columns).find(|name| !seen.contains(name)) {
            Some(name) => Err(format!("no query returns the column `{name}`")),
            None => Ok(()),
        }
    }

    /// True when the row is that user's, character by character, as far as a column says whose it is.
    fn is_about(&self, raw: &RawAttributes, user: &str) -> bool {
        let Some(column) = &self.user_column else { return true };
        match raw.get(column).map(Vec::as_slice) {
            Some([Json::String(name)]) => **name == *user,
            Some([Json::Number(number)]) => number.text() == user,
            _ => false,
        }
    }
}

impl UserStore for SqlStore {
    fn attribute_map(&self) -> &AttributeMap {
        &self.attributes
    }

    fn lookup<'a>(&'a self, question: Question<'a>) -> BoxFuture<'a, Result<Option<Attributes>, StoreError>> {
        Box::pin(self.find(question))
    }

    fn passwords(&self) -> Option<&dyn PasswordStore> {
        self.questions.password_column.is_some().then_some(self)
    }

    fn changes(&self) -> Option<BoxStream<'static, Change>> {
        let ChangeChannel { channel, address, access } = self.listen.as_ref()?;
        let options = Postgres::options(address, access, self.connection);
        Some(listen::changes(Arc::clone(&self.name), options, channel.clone()))
    }

    fn probe(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        let (questions, attributes) = (&self.questions, &self.attributes);
        match &self.database {
            Database::Sqlite(database) => Box::pin(database.probe(questions, attributes)),
            Database::Postgres(database) => Box::pin(database.probe(questions, attributes)),
            Database::MySql(database) => Box::pin(database.probe(questions, attributes)),
        }
    }
}

impl fmt::Debug for SqlStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqlStore").field("name", &self.name).field("database", &self.database).finish_non_exhaustive()
    }
}
