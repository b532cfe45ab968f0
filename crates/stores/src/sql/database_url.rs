//! Which database a store asks: the operator's `url`.

use std::path::{Path, PathBuf};

use sqlx::sqlite::SqliteConnectOptions;

/// A database, by the scheme of its URL.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum DatabaseUrl {
    /// An `SQLite` file.
    Sqlite(PathBuf),
}

/// Why a database URL is not acceptable: the operator must act.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DatabaseUrlError {
    /// A database that the gateway cannot ask.
    #[error("unsupported database `{0}`; supported: `sqlite:FILE`")]
    Unsupported(Box<str>),
    /// No file, or a database in memory, which would always be empty.
    #[error("no database file")]
    NoFile,
    /// Options after `?`; how the file is opened is not for the URL to say.
    #[error("options in the database URL; the file is always opened for reading only")]
    Options,
}

impl DatabaseUrl {
    /// Reads `sqlite:FILE` or `sqlite://FILE`; percent escapes are resolved, a relative file is looked for in `folder`.
    ///
    /// # Errors
    ///
    /// [`DatabaseUrlError`]: another scheme, no file, or options.
    pub fn parse(url: &str, folder: &Path) -> Result<Self, DatabaseUrlError> {
        let (scheme, rest) = url.split_once(':').unwrap_or((url, ""));
        if scheme != "sqlite" {
            return Err(DatabaseUrlError::Unsupported(scheme.into()));
        }
        if rest.contains('?') {
            return Err(DatabaseUrlError::Options);
        }
        let file = url.parse::<SqliteConnectOptions>().map_err(|_| DatabaseUrlError::NoFile)?;
        let file = file.get_filename();
        if rest.trim_start_matches('/').is_empty() || rest.ends_with(":memory:") || file.as_os_str().is_empty() {
            return Err(DatabaseUrlError::NoFile);
        }
        // SQLite takes a name that begins with `file:` for a URI with options of its own; a path never does.
        let path = folder.join(file);
        Ok(Self::Sqlite(if path.is_absolute() { path } else { Path::new(".").join(path) }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(url: &str, expected: Result<&str, DatabaseUrlError>) {
        let expected = expected.map(|path| DatabaseUrl::Sqlite(path.into()));
        assert_eq!(DatabaseUrl::parse(url, Path::new("/etc/countersign")), expected, "{url}");
    }

    #[test]
    fn a_relative_file_lies_beside_the_configuration() {
        check("sqlite:staff.db", Ok("/etc/countersign/staff.db"));
        check("sqlite://data/staff.db", Ok("/etc/countersign/data/staff.db"));
        check("sqlite:///var/staff.db", Ok("/var/staff.db"));
        check("sqlite:/var/my%20staff.db", Ok("/var/my staff.db"));
        check("sqlite:file:staff.db", Ok("/etc/countersign/file:staff.db"));
    }

    #[test]
    fn what_is_no_file_is_refused() {
        for url in ["sqlite:", "sqlite://", "sqlite::memory:", "sqlite://:memory:"] {
            check(url, Err(DatabaseUrlError::NoFile));
        }
        check("sqlite:staff.db?mode=rwc", Err(DatabaseUrlError::Options));
        check("postgres://db/staff", Err(DatabaseUrlError::Unsupported("postgres".into())));
        check("staff.db", Err(DatabaseUrlError::Unsupported("staff.db".into())));
    }

    #[test]
    fn a_name_that_looks_like_a_uri_stays_a_file() {
        let expected = DatabaseUrl::Sqlite("./file:staff.db".into());
        assert_eq!(DatabaseUrl::parse("sqlite:file:staff.db", Path::new("")), Ok(expected));
    }
}
