//! `SQLite`: a file opened for reading only, asked in one read transaction, so that all queries see one state.
//!
//! Follows the file's name: a file put in its place is opened anew. Statements are prepared for each question, because
//! the driver remembers the columns of a prepared one past a change of the schema.

mod row;
mod shape;

use std::{
    fmt, io,
    os::unix::fs::MetadataExt,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use futures_util::TryStreamExt;
use sqlx::{
    ConnectOptions, Connection, Sqlite, SqliteConnection, SqlitePool,
    pool::PoolConnection,
    sqlite::{SqliteConnectOptions, SqlitePoolOptions},
};
use tokio::time::timeout;

use self::shape::Shape;
use super::{ConnectionSettings, Questions, answer::Answer};
use crate::{
    attribute_map::{AttributeMap, RawAttributes},
    error::StoreError,
    user_store::Question,
};

/// How many virtual-machine steps `SQLite` makes between two looks at the clock.
const STEPS_PER_CHECK: i32 = 1000;

/// An `SQLite` file.
pub(super) struct SqliteDatabase {
    store: Arc<str>,
    file: PathBuf,
    settings: ConnectionSettings,
    opened: Mutex<Option<Opened>>,
}

/// The file under the name at some time.
#[derive(Clone)]
struct Opened {
    /// Device and inode: another file under the same name has others as long as this one is open.
    identity: (u64, u64),
    pool: SqlitePool,
    shape: Arc<Mutex<Option<Arc<Shape>>>>,
}

impl SqliteDatabase {
    pub(super) fn new(store: Arc<str>, file: PathBuf, settings: ConnectionSettings) -> Self {
        Self { store, file, settings, opened: Mutex::new(None) }
    }

    /// Returns the raw attributes of the user in question; `None`: no row.
    ///
    /// # Errors
    ///
    /// [`StoreError`]: two rows, no answer in time, or an answer that the map or the types do not allow for.
    pub(super) async fn find(
        &self,
        questions: &Questions,
        attributes: &AttributeMap,
        question: Question<'_>,
    ) -> Result<Option<RawAttributes>, StoreError> {
        let (opened, mut connection) = self.connect().await?;
        let finding = async {
            let mut transaction = self.begin(&mut connection).await?;
            let shape = self.shape(&opened, &mut transaction, questions, attributes).await?;
            let raw = self.read(&mut transaction, questions, &shape, question).await?;
            transaction.rollback().await.map_err(|error| self.unavailable(error))?;
            Ok(raw)
        };
        timeout(self.settings.timeout, finding).await.map_err(|_| self.too_late())?
    }

    /// Opens the file, and checks that the queries fit its schema and the map.
    pub(super) async fn probe(&self, questions: &Questions, attributes: &AttributeMap) -> Result<(), StoreError> {
        let (opened, mut connection) = self.connect().await?;
        let probing = async {
            let mut transaction = self.begin(&mut connection).await?;
            self.shape(&opened, &mut transaction, questions, attributes).await?;
            transaction.rollback().await.map_err(|error| self.unavailable(error))
        };
        timeout(self.settings.timeout, probing).await.map_err(|_| self.too_late())?
    }

    /// Returns a connection to the file that has the name now.
    async fn connect(&self) -> Result<(Opened, PoolConnection<Sqlite>), StoreError> {
        let metadata = timeout(self.settings.connect_timeout, tokio::fs::metadata(&self.file));
        let metadata = metadata.await.map_err(|_| self.too_late())?.map_err(|error| self.unavailable(error))?;
        let opened = self.open((metadata.dev(), metadata.ino()));
        let connection = opened.pool.acquire().await.map_err(|error| self.unavailable(error))?;
        Ok((opened, connection))
    }

    /// Returns the pool for the file with this identity; opens none yet.
    fn open(&self, identity: (u64, u64)) -> Opened {
        let mut slot = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(opened) = slot.as_ref().filter(|opened| opened.identity == identity) {
            return opened.clone();
        }
        let opened = Opened { identity, pool: self.pool(), shape: Arc::default() };
        slot.insert(opened).clone()
    }

    /// Makes a pool. Nothing here can write to the file or create it.
    fn pool(&self) -> SqlitePool {
        let options = SqliteConnectOptions::new()
            .filename(&self.file)
            .read_only(true)
            .create_if_missing(false)
            .immutable(false)
            .pragma("query_only", "ON")
            .pragma("trusted_schema", "OFF")
            .busy_timeout(self.settings.timeout)
            .statement_cache_capacity(0)
            .disable_statement_logging();
        // Neither lifetime nor idle time: both need a task, and a pool is made where there may be no runtime yet.
        SqlitePoolOptions::new()
            .max_connections(self.settings.pool.max(1))
            .acquire_timeout(self.settings.connect_timeout)
            .max_lifetime(None)
            .idle_timeout(None)
            .connect_lazy_with(options)
    }

    /// Begins a read transaction that `SQLite` gives up by itself when the time is over.
    async fn begin<'c>(
        &self,
        connection: &'c mut SqliteConnection,
    ) -> Result<sqlx::Transaction<'c, Sqlite>, StoreError> {
        let deadline = Instant::now() + self.settings.timeout;
        connection
            .lock_handle()
            .await
            .map_err(|error| self.unavailable(error))?
            .set_progress_handler(STEPS_PER_CHECK, move || Instant::now() < deadline);
        connection.begin().await.map_err(|error| self.unavailable(error))
    }

    /// Returns what the queries return, learned anew when the schema has changed.
    async fn shape(
        &self,
        opened: &Opened,
        connection: &mut SqliteConnection,
        questions: &Questions,
        attributes: &AttributeMap,
    ) -> Result<Arc<Shape>, StoreError> {
        let version = shape::version(connection).await.map_err(|error| self.unavailable(error))?;
        let known = opened.shape.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(known) = known.filter(|known| known.version == version) {
            return Ok(known);
        }
        let shape = Shape::learn(connection, questions, version).await.map_err(|error| self.unavailable(error))?;
        shape.check(questions, attributes).map_err(|reason| StoreError::malformed(&self.store, reason))?;
        let shape = Arc::new(shape);
        *opened.shape.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&shape));
        Ok(shape)
    }

    /// Asks all queries for one user.
    async fn read(
        &self,
        connection: &mut SqliteConnection,
        questions: &Questions,
        shape: &Shape,
        question: Question<'_>,
    ) -> Result<Option<RawAttributes>, StoreError> {
        let mut answer = Answer::default();
        let mut rows = sqlx::query(questions.query.statement()).bind(question.user).fetch(&mut *connection);
        let Some(row) = rows.try_next().await.map_err(|error| self.unavailable(error))? else { return Ok(None) };
        if rows.try_next().await.map_err(|error| self.unavailable(error))?.is_some() {
            return Err(StoreError::Ambiguous { store: Arc::clone(&self.store) });
        }
        drop(rows);
        for (index, column) in shape.columns.iter().enumerate() {
            answer.add(&column.name, row::values(&row, index, column.declared)).map_err(|fault| self.bad(&fault))?;
        }
        for (attribute, query) in &questions.multi {
            let declared = shape.declared(attribute);
            answer.add(attribute, Ok(Vec::new())).map_err(|fault| self.bad(&fault))?;
            let mut rows = sqlx::query(query.statement()).bind(question.user).fetch(&mut *connection);
            while let Some(row) = rows.try_next().await.map_err(|error| self.unavailable(error))? {
                answer.add(attribute, row::values(&row, 0, declared)).map_err(|fault| self.bad(&fault))?;
            }
        }
        Ok(Some(answer.finish()))
    }

    fn unavailable(&self, error: impl std::error::Error + Send + Sync + 'static) -> StoreError {
        StoreError::unavailable(&self.store, error)
    }

    fn bad(&self, reason: &str) -> StoreError {
        StoreError::malformed(&self.store, reason)
    }

    fn too_late(&self) -> StoreError {
        self.unavailable(io::Error::new(io::ErrorKind::TimedOut, "no answer in time"))
    }
}

impl fmt::Debug for SqliteDatabase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteDatabase").field("file", &self.file).finish_non_exhaustive()
    }
}
