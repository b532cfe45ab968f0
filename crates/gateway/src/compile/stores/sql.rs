//! `sql`: the operator's queries, parsed, and the database that they are sent to.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use stores::{
    ChangeChannel, ConnectionSettings, DatabaseTls, DatabaseUrl, Dialect, Query, Questions, ServerAccess, SqlSettings,
    SqlSource, SqlStore, tls_client,
};

use super::{Reading, attribute_map, require_attributes};
use crate::{
    diagnostic::{DiagnosticCode, Diagnostics},
    span::Spanned,
    spec,
};

pub(super) fn sql_store(
    name: &Arc<str>,
    (written, sql): (&spec::UserStore, &spec::SqlStore),
    reading: &mut Reading<'_>,
) -> Option<SqlStore> {
    let source = source(sql, reading);
    let dialect = sql.url.first().and_then(|url| url.dialect()).unwrap_or(Dialect::Sqlite);
    let query = parse_query(&sql.query, dialect, reading);
    let mut multi = BTreeMap::new();
    for (attribute, text) in &sql.multi {
        if let Some(query) = parse_query(text, dialect, reading) {
            multi.insert(Box::from(attribute.value.as_str()), query);
        }
    }
    require_attributes(written, "column: canonical_name", reading);
    let attributes = attribute_map(written, reading)?;
    let user_column = sql.user_column.as_ref().map(|column| Box::from(column.value.as_str()));
    check_password_column(written, sql, reading);
    let password_column = sql.password_column.as_ref().map(|column| Box::from(column.value.as_str()));
    let source = source?;
    let listen = match &sql.listen {
        Some(written) => Some(listen(written, &source, reading)?),
        None => None,
    };
    let settings = SqlSettings {
        source,
        questions: Questions { query: query?, multi, user_column, password_column },
        attributes,
        connection: ConnectionSettings {
            pool: u32::try_from(sql.pool.value).unwrap_or(u32::MAX),
            connect_timeout: sql.connect_timeout.value,
            timeout: sql.timeout.value,
        },
        listen,
    };
    Some(SqlStore::new(Arc::clone(name), settings))
}

/// Checks that hashes of passwords leave in no claim.
fn check_password_column(written: &spec::UserStore, sql: &spec::SqlStore, reading: &mut Reading<'_>) {
    let Some(column) = &sql.password_column else { return };
    let entries = written.attributes.as_ref();
    if let Some((raw, _)) = entries.and_then(|entries| entries.value.iter().find(|(raw, _)| raw.value == column.value))
    {
        let message = format!("`{}` is the `passwordColumn`: hashes of passwords do not leave", raw.value);
        reading.error(DiagnosticCode::ConflictingFields, &raw.span, message);
    }
}

/// Reads all URLs and what they are to be reached with; `None` after a diagnostic.
fn source(sql: &spec::SqlStore, reading: &mut Reading<'_>) -> Option<SqlSource> {
    let (mut file, mut postgres, mut mysql) = (None, Vec::new(), Vec::new());
    let mut is_readable = true;
    for url in &sql.url {
        reading.depends_on(url.0.as_bytes());
        match DatabaseUrl::parse(&url.0, reading.reader.folder) {
            Ok(DatabaseUrl::Sqlite(path)) => file = Some(path),
            Ok(DatabaseUrl::Postgres(address)) => postgres.push(address),
            Ok(DatabaseUrl::MySql(address)) => mysql.push(address),
            Err(error) => {
                // A scheme that is not known was reported when the file was read.
                if url.dialect().is_some() {
                    reading.error(DiagnosticCode::InvalidValue, &url.span, error.to_string());
                }
                is_readable = false;
            }
        }
    }
    let access = access(sql, reading);
    if !is_readable {
        return None;
    }
    match (file, postgres.is_empty(), mysql.is_empty()) {
        (Some(file), true, true) => Some(SqlSource::Sqlite(file)),
        (None, false, true) => Some(SqlSource::Postgres(postgres, access?)),
        (None, true, false) => Some(SqlSource::MySql(mysql, access?)),
        // None, or several kinds: reported when the file was read.
        (Some(_) | None, _, _) => None,
    }
}

/// Finds the server that announces changes; `None` after a diagnostic.
fn listen(written: &spec::ChangeChannel, source: &SqlSource, reading: &mut Reading<'_>) -> Option<ChangeChannel> {
    let SqlSource::Postgres(addresses, access) = source else {
        let message = "`listen` works with PostgreSQL only";
        reading.error(DiagnosticCode::ConflictingFields, &written.channel.span, message);
        return None;
    };
    let address = match &written.url {
        None => addresses.first()?.clone(),
        Some(url) => {
            reading.depends_on(url.0.as_bytes());
            match DatabaseUrl::parse(&url.0, reading.reader.folder) {
                Ok(DatabaseUrl::Postgres(address)) => address,
                Ok(DatabaseUrl::Sqlite(_) | DatabaseUrl::MySql(_)) => {
                    reading.error(DiagnosticCode::InvalidValue, &url.span, "`url` is not a PostgreSQL server's");
                    return None;
                }
                Err(error) => {
                    reading.error(DiagnosticCode::InvalidValue, &url.span, error.to_string());
                    return None;
                }
            }
        }
    };
    Some(ChangeChannel { channel: written.channel.value.as_str().into(), address, access: access.clone() })
}

/// Reads password and authorities; `None` after a diagnostic.
fn access(sql: &spec::SqlStore, reading: &mut Reading<'_>) -> Option<ServerAccess> {
    let password = sql.password.as_ref().map(|password| reading.secret_text(password).ok_or(()));
    let ca = sql.ca.as_ref().map(|path| reading.file(path).map(|pem| (pem, path)).ok_or(()));
    // Both are read before one of them ends this: all mistakes are told at once.
    let (password, ca) = (password.transpose().ok()?, ca.transpose().ok()?);
    database_access(password, ca, sql.tls.value, reading.diagnostics)
}

/// Puts together how a database server is reached; `None` after a diagnostic.
pub(in crate::compile) fn database_access(
    password: Option<String>,
    ca: Option<(Vec<u8>, &Spanned<PathBuf>)>,
    tls: spec::LineProtection,
    diagnostics: &mut Diagnostics,
) -> Option<ServerAccess> {
    if let Some((pem, path)) = &ca
        && let Err(error) = tls_client(Some(pem))
    {
        let message = format!("`{}`: {error}", path.value.display());
        diagnostics.error(DiagnosticCode::UnreadableFile, &path.span, message);
        return None;
    }
    let tls = match tls {
        spec::LineProtection::Off => DatabaseTls::Off,
        spec::LineProtection::Verify => DatabaseTls::Verify { ca: ca.map(|(pem, _)| pem) },
    };
    Some(ServerAccess { password: password.map(Into::into), tls })
}

fn parse_query(text: &Spanned<String>, dialect: Dialect, reading: &mut Reading<'_>) -> Option<Query> {
    Query::parse(&text.value, dialect)
        .map_err(|error| reading.error(DiagnosticCode::InvalidValue, &text.span, error.to_string()))
        .ok()
}
