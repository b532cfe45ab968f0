//! Which database a store asks: the operator's `url`.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use sqlx::sqlite::SqliteConnectOptions;
use url::Url;

use super::Dialect;

/// A database, by the scheme of its URL.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum DatabaseUrl {
    /// An `SQLite` file.
    Sqlite(PathBuf),
    /// A database on a `PostgreSQL` server.
    Postgres(ServerAddress),
    /// A database on a `MySQL` or `MariaDB` server.
    MySql(ServerAddress),
}

/// A database on a server, and who asks it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct ServerAddress {
    /// Where the server listens.
    pub place: ServerPlace,
    /// The user that the gateway is there.
    pub user: Box<str>,
    /// The password, where the URL has one.
    pub password: Option<Box<str>>,
    /// The database's name.
    pub database: Box<str>,
}

/// Where a database server listens.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ServerPlace {
    /// On a host and port.
    Network {
        /// A name or an address.
        host: Box<str>,
        /// The port.
        port: u16,
    },
    /// On a local socket: for `PostgreSQL` the folder that it lies in, with the port in its name.
    Socket {
        /// The socket, or its folder.
        path: PathBuf,
        /// The port that names a `PostgreSQL` socket.
        port: u16,
    },
}

/// Why a database URL is not acceptable: the operator must act. Never shows the URL: it may hold a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DatabaseUrlError {
    /// A database that the gateway cannot ask.
    #[error("unsupported database `{0}`; supported: `sqlite:FILE`, `postgres://…`, `mysql://…`")]
    Unsupported(Box<str>),
    /// No file, or a database in memory, which would always be empty.
    #[error("no database file")]
    NoFile,
    /// Options after `?` of a file; how it is opened is not for the URL to say.
    #[error("options in the database URL; the file is always opened for reading only")]
    Options,
    /// Not a URL.
    #[error("not a URL such as `{0}://USER@HOST/DATABASE`")]
    Malformed(&'static str),
    /// Nobody to be, or nowhere to go.
    #[error("the URL names no {0}")]
    Missing(&'static str),
    /// An option that says what a field of ours says, or that we do not know.
    #[error("the option `{0}` in the URL: {1}")]
    Option(Box<str>, &'static str),
}

/// What one kind of server is called, and where it listens when nothing is said.
struct Server {
    scheme: &'static str,
    port: u16,
    /// The option that names a local socket.
    socket: &'static str,
}

const POSTGRES: Server = Server { scheme: "postgres", port: 5432, socket: "host" };
const MYSQL: Server = Server { scheme: "mysql", port: 3306, socket: "socket" };

impl DatabaseUrl {
    /// Reads a database's URL.
    ///
    /// `sqlite:FILE` or `sqlite://FILE`: percent escapes are resolved, a relative file is looked for in `folder`.
    /// `postgres://USER@HOST:PORT/DATABASE`, or for a local socket `postgres:///DATABASE?host=/FOLDER&user=USER`. `mysql://` or
    /// `mariadb://` alike, for a local socket with `?socket=/FILE`.
    ///
    /// # Errors
    ///
    /// [`DatabaseUrlError`]: another scheme, a part that is missing, or options that are fields of ours.
    pub fn parse(url: &str, folder: &Path) -> Result<Self, DatabaseUrlError> {
        match url.split_once(':').unwrap_or((url, "")) {
            ("sqlite", rest) => file(url, rest, folder),
            ("postgres" | "postgresql", _) => ServerAddress::parse(url, &POSTGRES).map(Self::Postgres),
            ("mysql" | "mariadb", _) => ServerAddress::parse(url, &MYSQL).map(Self::MySql),
            (scheme, _) => Err(DatabaseUrlError::Unsupported(scheme.into())),
        }
    }

    /// Returns the kind of database.
    pub const fn dialect(&self) -> Dialect {
        match self {
            Self::Sqlite(_) => Dialect::Sqlite,
            Self::Postgres(_) => Dialect::Postgres,
            Self::MySql(_) => Dialect::MySql,
        }
    }

    /// Returns the server's address, where there is a server.
    pub const fn server(&self) -> Option<&ServerAddress> {
        match self {
            Self::Sqlite(_) => None,
            Self::Postgres(address) | Self::MySql(address) => Some(address),
        }
    }
}

fn file(url: &str, rest: &str, folder: &Path) -> Result<DatabaseUrl, DatabaseUrlError> {
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
    Ok(DatabaseUrl::Sqlite(if path.is_absolute() { path } else { Path::new(".").join(path) }))
}

impl ServerAddress {
    fn parse(url: &str, server: &Server) -> Result<Self, DatabaseUrlError> {
        let url = Url::parse(url).map_err(|_| DatabaseUrlError::Malformed(server.scheme))?;
        let mut port = url.port().unwrap_or(server.port);
        let mut user = decoded(url.username());
        let host = url.host_str().map(|host| host.trim_matches(['[', ']'])).filter(|host| !host.is_empty());
        let mut socket = None;
        for (option, value) in url.query_pairs() {
            let refused = |why| DatabaseUrlError::Option(option.as_ref().into(), why);
            match option.as_ref() {
                name if name == server.socket && !value.starts_with('/') => {
                    return Err(refused("it names a local socket by its path"));
                }
                name if name == server.socket => socket = Some(PathBuf::from(value.as_ref())),
                "user" | "port" if host.is_some() => return Err(refused("say it before the path, `USER@HOST:PORT`")),
                "user" => user = Some(value.as_ref().into()),
                "port" => port = value.parse().map_err(|_| refused("it is no port"))?,
                name => return Err(refused(instead(name))),
            }
        }
        let place = match (host, socket) {
            (Some(host), None) => ServerPlace::Network { host: host.into(), port },
            (None, Some(path)) => ServerPlace::Socket { path, port },
            (None, None) => return Err(DatabaseUrlError::Missing("host")),
            (Some(_), Some(_)) => {
                return Err(DatabaseUrlError::Option(server.socket.into(), "the URL names a host too"));
            }
        };
        let there =
            |text: Option<Box<str>>, name| text.filter(|text| !text.is_empty()).ok_or(DatabaseUrlError::Missing(name));
        Ok(Self {
            place,
            user: there(user, "user")?,
            password: url.password().and_then(decoded),
            database: there(decoded(url.path().trim_start_matches('/')), "database")?,
        })
    }
}

/// Says which field of ours an option of other clients is.
fn instead(option: &str) -> &'static str {
    match option {
        "sslmode" | "ssl-mode" | "ssl" => "say `tls: verify` or `tls: off` in the store",
        "sslrootcert" | "ssl-ca" => "say `ca: FILE` in the store",
        "connect_timeout" => "say `connectTimeout` in the store",
        "password" => "say `password` in the store",
        _ => "it is not known; only a local socket is named there",
    }
}

/// Resolves percent escapes; `None`: not UTF-8.
fn decoded(text: &str) -> Option<Box<str>> {
    let decoded = percent_encoding::percent_decode_str(text).decode_utf8().ok()?;
    Some(decoded.into())
}

/// Never shows a password.
impl fmt::Debug for ServerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerAddress")
            .field("place", &self.place)
            .field("user", &self.user)
            .field("database", &self.database)
            .finish_non_exhaustive()
    }
}

/// As the log names a server.
impl fmt::Display for ServerPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Network { host, port } => write!(f, "{host}:{port}"),
            Self::Socket { path, .. } => write!(f, "{}", path.display()),
        }
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
        check("oracle://db/staff", Err(DatabaseUrlError::Unsupported("oracle".into())));
        check("staff.db", Err(DatabaseUrlError::Unsupported("staff.db".into())));
    }

    #[test]
    fn a_name_that_looks_like_a_uri_stays_a_file() {
        let expected = DatabaseUrl::Sqlite("./file:staff.db".into());
        assert_eq!(DatabaseUrl::parse("sqlite:file:staff.db", Path::new("")), Ok(expected));
    }

    fn address(place: ServerPlace, user: &str, password: Option<&str>, database: &str) -> ServerAddress {
        ServerAddress { place, user: user.into(), password: password.map(Box::from), database: database.into() }
    }

    fn network(host: &str, port: u16) -> ServerPlace {
        ServerPlace::Network { host: host.into(), port }
    }

    #[test]
    fn a_server_is_named_by_host_or_socket() {
        let parse = |url| DatabaseUrl::parse(url, Path::new("")).unwrap();
        let postgres = address(network("db1.example.com", 5432), "gate way", None, "staff");
        assert_eq!(parse("postgres://gate%20way@db1.example.com/staff"), DatabaseUrl::Postgres(postgres));
        let mysql = address(network("::1", 3307), "gw", Some("p@ss"), "staff");
        assert_eq!(parse("mariadb://gw:p%40ss@[::1]:3307/staff"), DatabaseUrl::MySql(mysql));
        let socket = ServerPlace::Socket { path: "/run/postgresql".into(), port: 5432 };
        let postgres = DatabaseUrl::Postgres(address(socket, "gw", None, "staff"));
        assert_eq!(parse("postgres:///staff?host=/run/postgresql&user=gw"), postgres);
        let socket = ServerPlace::Socket { path: "/run/mysqld/mysqld.sock".into(), port: 3306 };
        let mysql = DatabaseUrl::MySql(address(socket, "gw", None, "staff"));
        assert_eq!(parse("mysql:///staff?socket=/run/mysqld/mysqld.sock&user=gw"), mysql);
    }

    #[test]
    fn what_a_server_url_must_not_say_is_named_with_what_to_say_instead() {
        check("postgres://db/staff", Err(DatabaseUrlError::Missing("user")));
        check("postgres://gw@db", Err(DatabaseUrlError::Missing("database")));
        check("postgres:///staff?user=gw", Err(DatabaseUrlError::Missing("host")));
        for (option, field) in [("sslmode=require", "tls"), ("sslrootcert=x", "ca"), ("connect_timeout=1", "connect")] {
            let error = DatabaseUrl::parse(&format!("postgres://gw@db/staff?{option}"), Path::new("")).unwrap_err();
            assert!(error.to_string().contains(field), "{error}");
        }
        let error = DatabaseUrl::parse("mysql://gw:hunter2@db:port/staff", Path::new("")).unwrap_err();
        assert_eq!(error, DatabaseUrlError::Malformed("mysql"));
    }
}
