//! `MySQL` and `MariaDB`.

mod values;

use std::fmt;

use claims::Json;
use futures_util::{StreamExt, TryFutureExt, stream::BoxStream};
use sqlx::{
    Column, ConnectOptions, Connection, Executor, Row, Statement,
    error::DatabaseError,
    mysql::{MySqlConnectOptions, MySqlConnection, MySqlDatabaseError, MySqlRow, MySqlSslMode},
};

use super::{ConnectionSettings, DatabaseTls, Server, ServerAccess, ServerAddress, milliseconds};
use crate::{
    sql::{Query, ServerPlace, answer::Unreadable},
    tls::trusted_pem,
    user_store::BoxFuture,
};

/// A `MySQL` or `MariaDB` server.
pub(in crate::sql) struct MySql {
    options: MySqlConnectOptions,
    /// How long a query may take, in milliseconds.
    patience: u128,
}

impl Server for MySql {
    type Connection = MySqlConnection;
    type Row = MySqlRow;

    fn new(address: &ServerAddress, access: &ServerAccess, settings: ConnectionSettings) -> Self {
        let password = address.password.as_deref().or(access.password.as_deref());
        let options = MySqlConnectOptions::new()
            .username(&address.user)
            .database(&address.database)
            .charset("utf8mb4")
            // The operator's SQL means what it means to the server's other clients.
            .pipes_as_concat(false)
            .no_engine_substitution(false)
            .disable_statement_logging();
        let options = match password {
            Some(password) => options.password(password),
            None => options,
        };
        let options = match &address.place {
            ServerPlace::Network { host, port } => {
                let options = options.host(host).port(*port);
                match &access.tls {
                    DatabaseTls::Verify { ca } => {
                        options.ssl_mode(MySqlSslMode::VerifyIdentity).ssl_ca_from_pem(trusted_pem(ca.as_deref()))
                    }
                    DatabaseTls::Off => options.ssl_mode(MySqlSslMode::Disabled),
                }
            }
            ServerPlace::Socket { path, .. } => options.socket(path).ssl_mode(MySqlSslMode::Disabled),
        };
        Self { options, patience: milliseconds(settings.timeout) }
    }

    /// The server itself refuses to write, and to work on after the time limit, which the two products call differently.
    fn connect(&self) -> BoxFuture<'_, Result<MySqlConnection, sqlx::Error>> {
        Box::pin(async {
            let mut connection = self.options.connect().await?;
            connection.execute("SET SESSION TRANSACTION READ ONLY").await?;
            let (whole, rest) = (self.patience / 1000, self.patience % 1000);
            let mariadb = format!("SET SESSION max_statement_time = {whole}.{rest:03}");
            let mysql = format!("SET SESSION max_execution_time = {}", self.patience);
            if connection.execute(sqlx::AssertSqlSafe(mariadb)).await.is_err() {
                connection.execute(sqlx::AssertSqlSafe(mysql)).await?;
            }
            Ok(connection)
        })
    }

    fn begin(connection: &mut MySqlConnection) -> BoxFuture<'_, Result<(), sqlx::Error>> {
        Box::pin(connection.execute("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY").map_ok(drop))
    }

    fn end(connection: &mut MySqlConnection) -> BoxFuture<'_, Result<(), sqlx::Error>> {
        Box::pin(connection.execute("ROLLBACK").map_ok(drop))
    }

    fn ask<'c>(
        connection: &'c mut MySqlConnection,
        query: &Query,
        user: &str,
    ) -> BoxStream<'c, Result<MySqlRow, sqlx::Error>> {
        let mut asked = sqlx::query(query.statement());
        for _ in 0..query.users() {
            asked = asked.bind(user.to_owned());
        }
        asked.fetch(connection).boxed()
    }

    fn columns<'c>(
        connection: &'c mut MySqlConnection,
        query: &Query,
    ) -> BoxFuture<'c, Result<Vec<Box<str>>, sqlx::Error>> {
        let statement = query.statement();
        Box::pin(async move {
            connection.clear_cached_statements().await?;
            let prepared = Executor::prepare(connection, statement).await?;
            Ok(prepared.columns().iter().map(|column| column.name().into()).collect())
        })
    }

    fn names(row: &MySqlRow) -> Vec<&str> {
        row.columns().iter().map(Column::name).collect()
    }

    fn values(row: &MySqlRow, index: usize) -> Result<Vec<Json>, Unreadable> {
        values::read(row, index)
    }

    /// Too many connections, shutting down, killed, timed out, or prepared before a change of the schema.
    fn is_lost(error: &dyn DatabaseError) -> bool {
        let number = error.try_downcast_ref::<MySqlDatabaseError>().map(MySqlDatabaseError::number);
        matches!(number, Some(1040 | 1053 | 1077 | 1152 | 1203 | 1226 | 1615 | 1927 | 1969 | 3024))
    }

    /// It warns about such a name, and compares it all the same.
    fn is_about_the_name(_: &dyn DatabaseError) -> bool {
        false
    }
}

/// Never shows a password.
impl fmt::Debug for MySql {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MySql").field("host", &self.options.get_host()).finish_non_exhaustive()
    }
}
