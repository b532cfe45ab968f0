//! The kinds of database that can be asked, as far as the text of a query tells them apart.

/// A kind of database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// `SQLite`
    Sqlite,
    /// `PostgreSQL`
    Postgres,
    /// `MySQL` and `MariaDB`
    MySql,
}

impl Dialect {
    /// Returns what stands for the user's name in a prepared statement.
    pub(super) const fn placeholder(self) -> &'static str {
        match self {
            Self::Sqlite => "?1",
            Self::Postgres => "$1",
            Self::MySql => "?",
        }
    }
}
