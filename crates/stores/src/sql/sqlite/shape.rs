//! What the operator's queries return, learned from the database before the first answer.
//!
//! Tells mistakes in the configuration (a column that is not there) from missing values, and keeps the declared types,
//! which `SQLite` gives for a column of a table but not for a value.

use std::collections::BTreeMap;

use sqlx::{Column as _, Executor, SqliteConnection, Statement, sqlite::SqliteColumn};

use super::row::Declared;
use crate::{attribute_map::AttributeMap, sql::Questions};

/// One column of the main query.
#[derive(Clone, Debug)]
pub(super) struct Column {
    /// Its name: a raw attribute.
    pub(super) name: Box<str>,
    /// Its declared type.
    pub(super) declared: Declared,
}

/// The columns of all queries.
#[derive(Clone, Debug)]
pub(super) struct Shape {
    /// The schema's version that they are of.
    pub(super) version: i64,
    /// Of the main query, in order.
    pub(super) columns: Vec<Column>,
    /// Of each `multi` query.
    multi: BTreeMap<Box<str>, Vec<Column>>,
}

impl Shape {
    /// Asks the database what the queries return.
    ///
    /// # Errors
    ///
    /// The database's, such as a query that it cannot read.
    pub(super) async fn learn(
        connection: &mut SqliteConnection,
        questions: &Questions,
        version: i64,
    ) -> Result<Self, sqlx::Error> {
        let columns = columns(connection, questions.query.statement()).await?;
        let mut multi = BTreeMap::new();
        for (attribute, query) in &questions.multi {
            multi.insert(attribute.clone(), self::columns(connection, query.statement()).await?);
        }
        Ok(Self { version, columns, multi })
    }

    /// Says in what the queries do not fit together, or not the map.
    pub(super) fn check(&self, questions: &Questions, attributes: &AttributeMap) -> Result<(), String> {
        let columns = self.columns.iter().map(|column| &*column.name);
        let names: Vec<&str> = columns.chain(self.multi.keys().map(|name| &**name)).collect();
        questions.check_names(&names, attributes)?;
        match self.multi.iter().find(|(_, columns)| columns.len() != 1) {
            Some((name, columns)) => Err(format!("the query for `{name}` returns {} columns", columns.len())),
            None => Ok(()),
        }
    }

    /// Returns the declared type of a `multi` query's column.
    pub(super) fn declared(&self, attribute: &str) -> Declared {
        self.multi.get(attribute).and_then(|columns| columns.first()).map(|column| column.declared).unwrap_or_default()
    }
}

/// Returns the number that `SQLite` counts up at each change of the schema.
///
/// Reading `sqlite_schema` makes the connection notice a change by others. Without that, the next statement would be
/// prepared for the schema that this connection remembers, and its columns would be the former ones.
///
/// # Errors
///
/// The database's.
pub(super) async fn version(connection: &mut SqliteConnection) -> Result<i64, sqlx::Error> {
    const VERSION: &str = "SELECT schema_version, (SELECT 1 FROM sqlite_schema LIMIT 1) FROM pragma_schema_version";
    sqlx::query_scalar(VERSION).fetch_one(connection).await
}

/// Returns the columns of one query.
async fn columns(connection: &mut SqliteConnection, statement: sqlx::SqlStr) -> Result<Vec<Column>, sqlx::Error> {
    let statement = Executor::prepare(&mut *connection, statement).await?;
    let mut columns = Vec::with_capacity(statement.columns().len());
    for column in statement.columns() {
        columns.push(Column { name: column.name().into(), declared: declared(connection, column).await? });
    }
    Ok(columns)
}

/// Returns the type with which the column's table declares it.
async fn declared(connection: &mut SqliteConnection, column: &SqliteColumn) -> Result<Declared, sqlx::Error> {
    let origin = column.origin();
    let Some(origin) = origin.table_column() else { return Ok(Declared::Other) };
    let declared: Option<String> = sqlx::query_scalar("SELECT type FROM pragma_table_xinfo(?1) WHERE name = ?2")
        .bind(&*origin.table)
        .bind(&*origin.name)
        .fetch_optional(connection)
        .await?;
    Ok(declared.as_deref().map(Declared::parse).unwrap_or_default())
}
