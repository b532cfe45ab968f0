//! `PostgreSQL`.

mod values;
mod wire;

use std::fmt;

use claims::Json;
use futures_util::{StreamExt, TryFutureExt, stream::BoxStream};
use sqlx::{
    Column, ConnectOptions, Connection, Executor, Row, Statement,
    error::DatabaseError,
    postgres::{PgConnectOptions, PgConnection, PgRow, PgSslMode},
};

use super::{ConnectionSettings, DatabaseTls, Server, ServerAccess, ServerAddress, milliseconds};
use crate::{
    sql::{Query, ServerPlace, answer::Unreadable},
    tls::trusted_pem,
    user_store::BoxFuture,
};

/// How the gateway is called in the server's list of connections.
const APPLICATION: &str = "countersign";

/// A `PostgreSQL` server.
pub(in crate::sql) struct Postgres(PgConnectOptions);

/// Says how to connect to a `PostgreSQL` server: who we are there, and how the line is protected. Opens nothing.
pub fn postgres_options(address: &ServerAddress, access: &ServerAccess) -> PgConnectOptions {
    let password = address.password.as_deref().or(access.password.as_deref());
    let options = PgConnectOptions::new_without_pgpass()
        .username(&address.user)
        .database(&address.database)
        .application_name(APPLICATION)
        .disable_statement_logging();
    let options = match password {
        Some(password) => options.password(password),
        None => options,
    };
    match &address.place {
        ServerPlace::Network { host, port } => {
            let options = options.host(host).port(*port);
            match &access.tls {
                DatabaseTls::Verify { ca } => {
                    options.ssl_mode(PgSslMode::VerifyFull).ssl_root_cert_from_pem(trusted_pem(ca.as_deref()))
                }
                DatabaseTls::Off => options.ssl_mode(PgSslMode::Disable),
            }
        }
        ServerPlace::Socket { path, port } => options.socket(path).port(*port).ssl_mode(PgSslMode::Disable),
    }
}

impl Postgres {
    /// Says how to connect. The server itself refuses to write, and to work on after the time limit.
    pub(in crate::sql) fn options(
        address: &ServerAddress,
        access: &ServerAccess,
        settings: ConnectionSettings,
    ) -> PgConnectOptions {
        postgres_options(address, access).options([
            ("default_transaction_read_only", "on".to_owned()),
            ("default_transaction_isolation", "repeatable read".to_owned()),
            ("statement_timeout", milliseconds(settings.timeout).to_string()),
        ])
    }
}

impl Server for Postgres {
    type Connection = PgConnection;
    type Row = PgRow;

    fn new(address: &ServerAddress, access: &ServerAccess, settings: ConnectionSettings) -> Self {
        Self(Self::options(address, access, settings))
    }

    fn connect(&self) -> BoxFuture<'_, Result<PgConnection, sqlx::Error>> {
        Box::pin(self.0.connect())
    }

    fn begin(connection: &mut PgConnection) -> BoxFuture<'_, Result<(), sqlx::Error>> {
        Box::pin(connection.execute("BEGIN").map_ok(drop))
    }

    fn end(connection: &mut PgConnection) -> BoxFuture<'_, Result<(), sqlx::Error>> {
        Box::pin(connection.execute("ROLLBACK").map_ok(drop))
    }

    fn ask<'c>(
        connection: &'c mut PgConnection,
        query: &Query,
        user: &str,
    ) -> BoxStream<'c, Result<PgRow, sqlx::Error>> {
        sqlx::query(query.statement()).bind(user.to_owned()).fetch(connection).boxed()
    }

    fn columns<'c>(
        connection: &'c mut PgConnection,
        query: &Query,
    ) -> BoxFuture<'c, Result<Vec<Box<str>>, sqlx::Error>> {
        let statement = query.statement();
        Box::pin(async move {
            connection.clear_cached_statements().await?;
            let prepared = Executor::prepare(connection, statement).await?;
            Ok(prepared.columns().iter().map(|column| column.name().into()).collect())
        })
    }

    fn names(row: &PgRow) -> Vec<&str> {
        row.columns().iter().map(Column::name).collect()
    }

    fn values(row: &PgRow, index: usize) -> Result<Vec<Json>, Unreadable> {
        values::read(row, index)
    }

    /// By the class of the error (`PostgreSQL` documentation, appendix A): the connection, resources, or somebody who
    /// stops the server; and the one that a statement prepared before a change of the schema brings.
    fn is_lost(error: &dyn DatabaseError) -> bool {
        const PLAN_CHANGED: &str = "0A000";
        error.code().is_some_and(|code| code == PLAN_CHANGED || matches!(code.get(..2), Some("08" | "53" | "57")))
    }

    /// Class 22, such as a text that is no number.
    fn is_about_the_name(error: &dyn DatabaseError) -> bool {
        error.code().is_some_and(|code| code.starts_with("22"))
    }
}

/// Never shows a password.
impl fmt::Debug for Postgres {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Postgres").field("host", &self.0.get_host()).finish_non_exhaustive()
    }
}
