//! `sql`: the operator's queries, parsed, and the database that they are sent to.

use std::{collections::BTreeMap, sync::Arc};

use stores::{ConnectionSettings, DatabaseUrl, Query, Questions, SqlSettings, SqlStore};

use super::{Reading, attribute_map, require_attributes};
use crate::{diagnostic::DiagnosticCode, span::Spanned, spec};

pub(super) fn sql_store(
    name: &Arc<str>,
    (written, sql): (&spec::UserStore, &spec::SqlStore),
    reading: &mut Reading<'_>,
) -> Option<SqlStore> {
    let url = DatabaseUrl::parse(&sql.url.value, reading.reader.folder);
    let url = url.map_err(|error| reading.error(DiagnosticCode::InvalidValue, &sql.url.span, error.to_string()));
    let query = parse_query(&sql.query, reading);
    let mut multi = BTreeMap::new();
    for (attribute, text) in &sql.multi {
        if let Some(query) = parse_query(text, reading) {
            multi.insert(Box::from(attribute.value.as_str()), query);
        }
    }
    require_attributes(written, "column: canonical_name", reading);
    let attributes = attribute_map(written, reading)?;
    let settings = SqlSettings {
        database: url.ok()?,
        questions: Questions { query: query?, multi },
        attributes,
        connection: ConnectionSettings {
            pool: u32::try_from(sql.pool.value).unwrap_or(u32::MAX),
            timeout: sql.timeout.value,
            ..ConnectionSettings::default()
        },
    };
    Some(SqlStore::new(Arc::clone(name), settings))
}

fn parse_query(text: &Spanned<String>, reading: &mut Reading<'_>) -> Option<Query> {
    Query::parse(&text.value)
        .map_err(|error| reading.error(DiagnosticCode::InvalidValue, &text.span, error.to_string()))
        .ok()
}
