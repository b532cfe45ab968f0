//! One connection to the database of the desired state, and what is said on it.

use std::{collections::BTreeMap, sync::Arc};

use sqlx::{
    ConnectOptions as _, Executor as _, Row as _,
    postgres::{PgConnectOptions, PgConnection, PgRow},
};

use super::{CHANNEL, Known, STATE_SCHEMA, StateDatabase, StateError, names::is_document};
use crate::history::Change;

/// A connection. What was begun and not committed ends with it.
pub(super) struct Session(PgConnection);

/// The lock of the whole state, and the state under it. Dropped without [`Self::commit`], nothing has happened.
pub(crate) struct Editing<'a> {
    database: &'a StateDatabase,
    session: Session,
    known: Arc<Known>,
}

/// A document as it shall be, and the change that makes it so.
#[derive(Clone, Debug)]
pub(crate) struct DocumentEdit {
    /// The document's name; `None`: the change is about no document, such as a key.
    pub(crate) name: Option<String>,
    /// What is written into the history; its number is given here, its text is the document's.
    pub(crate) change: Change,
}

impl Session {
    pub(super) async fn open(options: &PgConnectOptions) -> Result<Self, StateError> {
        Ok(Self(options.connect().await?))
    }

    /// Begins a transaction that sees one state and changes nothing.
    pub(super) async fn begin_reading(&mut self) -> Result<(), StateError> {
        self.0.execute("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY").await?;
        Ok(())
    }

    /// Begins a transaction that nobody else changes anything beside.
    pub(super) async fn begin_editing(&mut self) -> Result<(), StateError> {
        self.0.execute("BEGIN ISOLATION LEVEL READ COMMITTED, READ WRITE").await?;
        self.0.execute("SELECT number FROM countersign.revision FOR UPDATE").await?;
        Ok(())
    }

    pub(super) async fn make_tables(&mut self) -> Result<(), StateError> {
        self.0.execute(sqlx::raw_sql(STATE_SCHEMA)).await?;
        Ok(())
    }

    /// Reads the state; of what is known `before`, only what has changed.
    pub(super) async fn read(&mut self, before: Option<&Known>) -> Result<Known, StateError> {
        let revision = sqlx::query("SELECT number FROM countersign.revision").fetch_optional(&mut self.0).await?;
        let revision: i64 = revision.ok_or(StateError::NoTables)?.try_get(0)?;
        // A database that was restored from a backup knows less than we do.
        let before = before.filter(|before| before.revision <= revision);
        let since = before.map_or(-1, |before| before.revision);
        let documents = "SELECT name, CASE WHEN revision > $1 THEN content END FROM countersign.documents";
        let documents = sqlx::query(documents).bind(since).fetch_all(&mut self.0).await?;
        let mut known = Known { revision, documents: BTreeMap::new(), history: Vec::new() };
        for row in &documents {
            let (name, text): (&str, Option<&str>) = (row.try_get(0)?, row.try_get(1)?);
            let unchanged = || before.and_then(|before| before.documents.get(name)).cloned();
            if let Some(text) = text.map(Arc::from).or_else(unchanged).filter(|_| is_document(name)) {
                known.documents.insert(name.into(), text);
            }
        }
        known.history.extend(before.into_iter().flat_map(|before| before.history.iter().cloned()));
        let history = "SELECT revision, extract(epoch FROM changed_at)::bigint, author, action, target, name, note, diff, content \
                       FROM countersign.history WHERE revision > $1 ORDER BY revision";
        let history = sqlx::query(history).bind(since).fetch_all(&mut self.0).await?;
        for row in &history {
            known.history.push(Arc::new(change(row)?));
        }
        Ok(known)
    }

    async fn write(&mut self, edit: &DocumentEdit) -> Result<(), StateError> {
        let change = &edit.change;
        let (revision, at) = (signed(change.n), signed(change.at));
        match (&edit.name, &change.after) {
            (None, _) => {}
            (Some(name), None) => {
                sqlx::query("DELETE FROM countersign.documents WHERE name = $1")
                    .bind(name)
                    .execute(&mut self.0)
                    .await?;
            }
            (Some(name), Some(text)) => {
                let statement = "INSERT INTO countersign.documents (name, content, revision, author, changed_at) \
                                 VALUES ($1, $2, $3, $4, to_timestamp($5)) \
                                 ON CONFLICT (name) DO UPDATE SET content = $2, revision = $3, author = $4, changed_at = to_timestamp($5)";
                let query = sqlx::query(statement).bind(name).bind(text).bind(revision).bind(&change.author);
                query.bind(at).execute(&mut self.0).await?;
            }
        }
        let statement = "INSERT INTO countersign.history \
                         (revision, changed_at, author, action, target, name, note, diff, content) \
                         VALUES ($1, to_timestamp($2), $3, $4, $5, $6, $7, $8, $9)";
        let query = sqlx::query(statement).bind(revision).bind(at).bind(&change.author).bind(&change.action);
        let query = query.bind(&change.target).bind(&change.file).bind(&change.note).bind(&change.diff);
        query.bind(&change.after).execute(&mut self.0).await?;
        Ok(())
    }

    async fn commit(&mut self, revision: i64) -> Result<(), StateError> {
        sqlx::query("UPDATE countersign.revision SET number = $1").bind(revision).execute(&mut self.0).await?;
        let announce = sqlx::query("SELECT pg_notify($1, $2)").bind(CHANNEL).bind(revision.to_string());
        announce.execute(&mut self.0).await?;
        self.0.execute("COMMIT").await?;
        Ok(())
    }
}

impl<'a> Editing<'a> {
    pub(super) fn new(database: &'a StateDatabase, session: Session, known: Arc<Known>) -> Self {
        Self { database, session, known }
    }

    /// Returns the state that is edited.
    pub(crate) fn known(&self) -> &Known {
        &self.known
    }

    /// Makes all edits, or none, and tells all gateways; gives the changes their numbers. Returns the new revision.
    ///
    /// # Errors
    ///
    /// [`StateError`]. Where the connection broke in the last moment the edits may have been made: they are read then as
    /// somebody else's.
    pub(crate) fn commit(mut self, edits: Vec<DocumentEdit>) -> Result<i64, StateError> {
        let mut known = Known::clone(&self.known);
        let mut numbered = edits;
        for edit in &mut numbered {
            known.revision += 1;
            edit.change.n = u64::try_from(known.revision).unwrap_or_default();
            if let Some(name) = &edit.name {
                match &edit.change.after {
                    Some(text) => known.documents.insert(name.as_str().into(), text.as_str().into()),
                    None => known.documents.remove(name.as_str()),
                };
            }
            known.history.push(Arc::new(edit.change.clone()));
        }
        let database = self.database;
        let committed = database.run(async {
            for edit in &numbered {
                self.session.write(edit).await?;
            }
            self.session.commit(known.revision).await
        });
        database.doubting(committed)?;
        Ok(database.remember(known).revision)
    }
}

fn change(row: &PgRow) -> Result<Change, StateError> {
    let (n, at): (i64, i64) = (row.try_get(0)?, row.try_get(1)?);
    Ok(Change {
        n: u64::try_from(n).unwrap_or_default(),
        at: u64::try_from(at).unwrap_or_default(),
        author: row.try_get(2)?,
        action: row.try_get(3)?,
        target: row.try_get(4)?,
        file: row.try_get(5)?,
        note: row.try_get(6)?,
        diff: row.try_get(7)?,
        after: row.try_get(8)?,
    })
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
