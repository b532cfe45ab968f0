//! Builders that the tests share: times, values, `SQLite` files.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use claims::{Attributes, Json};
use sqlx::{AssertSqlSafe, Connection, SqliteConnection, sqlite::SqliteConnectOptions};
use stores::{
    AttributeMap, ConnectionSettings, Dialect, MappedAttribute, Query, Questions, SqlSettings, SqlSource, SqlStore,
    StoreError, UserStore,
};
use tempfile::TempDir;

/// What an attribute's values look like, by its name.
pub(crate) type Values = BTreeMap<String, Vec<Json>>;

/// A point in virtual time.
pub(crate) fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_800_000_000 + seconds)
}

/// Returns a string value.
pub(crate) fn text(text: &str) -> Json {
    Json::string(text)
}

/// Returns the values of attributes, without where they came from.
pub(crate) fn values(attributes: &Attributes) -> Values {
    attributes.iter().map(|(name, attribute)| (name.to_owned(), attribute.values.clone())).collect()
}

/// Says which kind of error it is.
pub(crate) fn kind(error: &StoreError) -> &'static str {
    match error {
        StoreError::Unavailable { .. } => "unavailable",
        StoreError::TooOld { .. } => "too old",
        StoreError::Ambiguous { .. } => "ambiguous",
        StoreError::Malformed { .. } => "malformed",
        StoreError::NoToken { .. } => "no token",
        StoreError::TokenRefused { .. } => "token refused",
    }
}

/// An `SQLite` file in a folder of its own.
pub(crate) struct Database {
    folder: TempDir,
}

impl Database {
    /// Makes a file with what `sql` says.
    pub(crate) async fn new(sql: &str) -> Self {
        let database = Self { folder: TempDir::new().unwrap() };
        database.execute(sql).await;
        database
    }

    /// Returns a folder without a file.
    pub(crate) fn missing() -> Self {
        Self { folder: TempDir::new().unwrap() }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("people.db")
    }

    /// Opens the file for writing.
    pub(crate) async fn open(&self) -> SqliteConnection {
        open(&self.path()).await
    }

    /// Changes the file.
    pub(crate) async fn execute(&self, sql: &str) {
        let mut connection = self.open().await;
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    }

    /// Puts another file in its place.
    pub(crate) async fn replace(&self, sql: &str) {
        let other = Self::new(sql).await;
        std::fs::rename(other.path(), self.path()).unwrap();
    }

    /// Makes a store that asks `query`, with each of `names` leaving under its own name.
    pub(crate) fn store(&self, query: &str, names: &[&str]) -> Arc<dyn UserStore> {
        self.store_with_multi(query, &[], names)
    }

    /// Makes a store with `multi` queries too.
    pub(crate) fn store_with_multi(&self, query: &str, multi: &[(&str, &str)], names: &[&str]) -> Arc<dyn UserStore> {
        let multi = multi
            .iter()
            .map(|(name, query)| (Box::from(*name), Query::parse(query, Dialect::Sqlite).unwrap()))
            .collect();
        let entries = names.iter().map(|name| MappedAttribute::new(*name, *name)).collect();
        let settings = SqlSettings {
            source: SqlSource::Sqlite(self.path()),
            questions: Questions {
                query: Query::parse(query, Dialect::Sqlite).unwrap(),
                multi,
                user_column: None,
                password_column: None,
            },
            attributes: AttributeMap::new(entries).unwrap(),
            connection: ConnectionSettings::default(),
            listen: None,
        };
        Arc::new(SqlStore::new("staff".into(), settings))
    }
}

async fn open(path: &Path) -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(path).create_if_missing(true);
    SqliteConnection::connect_with(&options).await.unwrap()
}
