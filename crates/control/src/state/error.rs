//! Why the database of the desired state cannot be asked.

/// Why the database cannot be asked. Whoever runs the database, or wrote `state`, must act.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// Nobody has made the tables.
    #[error("it has no tables of the gateway's")]
    NoTables,
    /// It said nothing for too long.
    #[error("no answer in time")]
    TooLate,
    /// It cannot be reached, or refuses.
    #[error("{0}")]
    Server(#[source] sqlx::Error),
}

impl StateError {
    /// Returns what to do about it.
    pub(super) const fn hint(&self) -> &'static str {
        match self {
            Self::NoTables => "`countersign state push` makes the tables and fills them",
            Self::TooLate | Self::Server(_) => {
                "`state` names server, user and password; the user needs all rights on the tables of the schema `countersign`"
            }
        }
    }
}

impl From<sqlx::Error> for StateError {
    fn from(error: sqlx::Error) -> Self {
        /// As `PostgreSQL`'s documentation, appendix A, names them: no such table, no such schema.
        const MISSING: [&str; 2] = ["42P01", "3F000"];
        let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
        if code.is_some_and(|code| MISSING.contains(&&*code)) { Self::NoTables } else { Self::Server(error) }
    }
}
