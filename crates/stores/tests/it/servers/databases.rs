//! `PostgreSQL` and `MariaDB`, each with a data folder, certificate and port of its own.

use std::{
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
    time::Duration,
};

use futures_util::{TryStreamExt, future::ready};
use sqlx::{
    AssertSqlSafe, ConnectOptions, Connection, Executor,
    mysql::{MySqlConnectOptions, MySqlSslMode},
    postgres::PgConnectOptions,
};
use stores::{
    AttributeMap, ChangeChannel, ConnectionSettings, DatabaseTls, DatabaseUrl, Dialect, MappedAttribute, Query,
    Questions, ServerAccess, ServerAddress, SqlSettings, SqlSource, SqlStore, UserStore,
};
use tempfile::TempDir;
use tokio::sync::OnceCell;

use super::{
    process::{Process, free_port, program, run, wait_until_ready},
    web::Ca,
};

/// The password of the user `gateway`.
pub(crate) const PASSWORD: &str = "p@ss/word";

/// A database server, with a database `staff` and a user `gateway` who may read it.
pub(crate) struct DatabaseServer {
    pub(crate) dialect: Dialect,
    pub(crate) port: u16,
    pub(crate) ca: Ca,
    folder: TempDir,
    process: Option<Process>,
    /// It lives as long as the test process.
    is_shared: bool,
}

/// A question for a store over a server.
pub(crate) struct Asked<'a> {
    pub(crate) query: &'a str,
    pub(crate) multi: &'a [(&'a str, &'a str)],
    pub(crate) names: &'a [&'a str],
    pub(crate) user_column: Option<&'a str>,
    pub(crate) password_column: Option<&'a str>,
    pub(crate) listen: Option<&'a str>,
}

impl DatabaseServer {
    /// Returns the one that tests share which only use tables of their own.
    pub(crate) async fn shared(dialect: Dialect) -> &'static Self {
        static POSTGRES: OnceCell<DatabaseServer> = OnceCell::const_new();
        static MARIADB: OnceCell<DatabaseServer> = OnceCell::const_new();
        let cell = if dialect == Dialect::Postgres { &POSTGRES } else { &MARIADB };
        cell.get_or_init(|| Self::start_with(dialect, Ca::new(), true)).await
    }

    /// Starts a server with an empty database.
    pub(crate) async fn start(dialect: Dialect) -> Self {
        Self::start_with(dialect, Ca::new(), false).await
    }

    /// Starts a server whose certificate is from this authority.
    pub(crate) async fn start_with(dialect: Dialect, ca: Ca, is_shared: bool) -> Self {
        let folder = TempDir::new().unwrap();
        std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o755)).unwrap();
        let mut server = Self { dialect, port: free_port(), ca, folder, process: None, is_shared };
        server.prepare();
        server.start_again().await;
        let (create, database) = match dialect {
            Dialect::Postgres => {
                (format!("CREATE ROLE gateway LOGIN PASSWORD '{PASSWORD}'; CREATE DATABASE staff"), "postgres")
            }
            _ => (
                format!(
                    "CREATE USER gateway@'%' IDENTIFIED BY '{PASSWORD}'; CREATE DATABASE staff CHARACTER SET utf8mb4;
                     GRANT ALL ON staff.* TO gateway@'%'"
                ),
                "mysql",
            ),
        };
        for statement in create.split(';') {
            server.execute_in(database, statement).await;
        }
        if dialect == Dialect::Postgres {
            server
                .execute(
                    "GRANT ALL ON SCHEMA public TO gateway; ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO gateway",
                )
                .await;
        }
        server
    }

    /// Kills the server.
    pub(crate) fn kill(&mut self) {
        self.process = None;
    }

    /// Starts it again where it was.
    pub(crate) async fn start_again(&mut self) {
        let log = self.path("log");
        let (program, arguments) = self.command();
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        self.process = Some(Process::start(&program, &arguments, &log, self.is_shared.then(|| self.folder.path())));
        let database = if self.dialect == Dialect::Postgres { "postgres" } else { "mysql" };
        wait_until_ready(&log, async || self.try_execute(database, "SELECT 1").await).await;
    }

    /// Does something as the server's owner.
    pub(crate) async fn execute(&self, sql: &str) {
        self.execute_in("staff", sql).await;
    }

    async fn execute_in(&self, database: &str, sql: &str) {
        self.try_execute(database, sql).await.unwrap();
    }

    async fn try_execute(&self, database: &str, sql: &str) -> Result<(), sqlx::Error> {
        let sql = AssertSqlSafe(sql.to_owned());
        if self.dialect == Dialect::Postgres {
            let options = PgConnectOptions::new_without_pgpass().socket(self.folder.path()).port(self.port);
            let mut connection = options.username("postgres").database(database).connect().await?;
            connection.execute_many(sqlx::raw_sql(sql)).try_for_each(|_| ready(Ok(()))).await?;
            connection.close().await
        } else {
            let options = MySqlConnectOptions::new().socket(self.path("socket")).ssl_mode(MySqlSslMode::Disabled);
            let mut connection = options.username("root").database(database).connect().await?;
            connection.execute_many(sqlx::raw_sql(sql)).try_for_each(|_| ready(Ok(()))).await?;
            connection.close().await
        }
    }

    /// Returns the URL of the database over the network, without a password.
    pub(crate) fn url(&self) -> String {
        let scheme = if self.dialect == Dialect::Postgres { "postgres" } else { "mysql" };
        format!("{scheme}://gateway@127.0.0.1:{}/staff", self.port)
    }

    /// Returns the URL over the local socket.
    pub(crate) fn socket_url(&self) -> String {
        match self.dialect {
            Dialect::Postgres => {
                format!("postgres:///staff?user=gateway&port={}&host={}", self.port, self.folder.path().display())
            }
            _ => format!("mysql:///staff?user=gateway&socket={}", self.path("socket").display()),
        }
    }

    /// Makes a store that asks this server over TLS.
    pub(crate) fn store(&self, asked: &Asked<'_>) -> Arc<dyn UserStore> {
        self.store_at(&[&self.url()], asked, PASSWORD, Some(self.ca.pem()))
    }

    /// Makes a store that asks these addresses.
    pub(crate) fn store_at(
        &self,
        urls: &[&str],
        asked: &Asked<'_>,
        password: &str,
        ca: Option<Vec<u8>>,
    ) -> Arc<dyn UserStore> {
        let parse = |query| Query::parse(query, self.dialect).unwrap();
        let address = |url: &&str| DatabaseUrl::parse(url, Path::new("")).unwrap().server().unwrap().clone();
        let addresses: Vec<ServerAddress> = urls.iter().map(address).collect();
        let access = ServerAccess { password: Some(password.into()), tls: DatabaseTls::Verify { ca } };
        let entries = asked.names.iter().map(|name| MappedAttribute::new(*name, *name)).collect();
        let settings = SqlSettings {
            source: match self.dialect {
                Dialect::Postgres => SqlSource::Postgres(addresses, access),
                _ => SqlSource::MySql(addresses, access),
            },
            questions: Questions {
                query: parse(asked.query),
                multi: asked.multi.iter().map(|(name, query)| (Box::from(*name), parse(query))).collect(),
                user_column: asked.user_column.map(Box::from),
                password_column: asked.password_column.map(Box::from),
            },
            attributes: AttributeMap::new(entries).unwrap(),
            // Long enough for a machine that does other things too.
            connection: ConnectionSettings {
                connect_timeout: Duration::from_secs(5),
                timeout: Duration::from_secs(5),
                ..ConnectionSettings::default()
            },
            listen: asked.listen.map(|channel| ChangeChannel {
                channel: channel.into(),
                address: address(&self.url().as_str()),
                access: ServerAccess {
                    password: Some(PASSWORD.into()),
                    tls: DatabaseTls::Verify { ca: Some(self.ca.pem()) },
                },
            }),
        };
        Arc::new(SqlStore::new("staff".into(), settings))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }

    /// Makes the data folder, and the certificate.
    fn prepare(&self) {
        let (certificate, key) = self.ca.certificate();
        std::fs::write(self.path("cert.pem"), certificate).unwrap();
        std::fs::write(self.path("key.pem"), key).unwrap();
        std::fs::set_permissions(self.path("key.pem"), PermissionsExt::from_mode(0o600)).unwrap();
        let data = self.text("data");
        match self.dialect {
            Dialect::Postgres => {
                self.give_to("postgres");
                let mut arguments = as_user("postgres");
                arguments.push(postgres("initdb").display().to_string());
                arguments.extend(["-D", &data, "-U", "postgres", "-E", "UTF8"].map(str::to_owned));
                arguments.extend(["--locale=C.UTF-8", "--no-sync", "--auth-local=trust"].map(str::to_owned));
                arguments.push("--auth-host=scram-sha-256".to_owned());
                run(Command::new("env").args(arguments).current_dir(self.folder.path()));
            }
            _ => run(Command::new(program("mariadb-install-db", &[])).args([
                "--no-defaults",
                "--auth-root-authentication-method=normal",
                "--skip-test-db",
                &format!("--user={}", user()),
                &format!("--datadir={data}"),
                &format!("--tmpdir={}", self.folder.path().display()),
            ])),
        }
    }

    /// Returns the server's program and arguments.
    fn command(&self) -> (PathBuf, Vec<String>) {
        let (certificate, key, folder) = (self.text("cert.pem"), self.text("key.pem"), self.folder.path().display());
        if self.dialect == Dialect::Postgres {
            let mut arguments = as_user("postgres");
            arguments.push(postgres("postgres").display().to_string());
            arguments.extend(["-D".to_owned(), self.text("data"), "-p".to_owned(), self.port.to_string()]);
            for setting in [
                "listen_addresses=127.0.0.1".to_owned(),
                format!("unix_socket_directories={folder}"),
                "fsync=off".to_owned(),
                "ssl=on".to_owned(),
                format!("ssl_cert_file={certificate}"),
                format!("ssl_key_file={key}"),
            ] {
                arguments.extend(["-c".to_owned(), setting]);
            }
            (PathBuf::from("env"), arguments)
        } else {
            let arguments = [
                "--no-defaults".to_owned(),
                format!("--user={}", user()),
                format!("--datadir={}", self.text("data")),
                format!("--socket={}", self.text("socket")),
                format!("--pid-file={}", self.text("pid")),
                format!("--port={}", self.port),
                "--bind-address=127.0.0.1".to_owned(),
                format!("--ssl-cert={certificate}"),
                format!("--ssl-key={key}"),
            ];
            (program("mariadbd", &[]), arguments.to_vec())
        }
    }

    /// Gives the folder to a user of the system, if we may.
    fn give_to(&self, owner: &str) {
        if user() == "root" {
            run(Command::new("chown").arg("-R").arg(owner).arg(self.folder.path()));
        }
    }
}

/// Returns the words that make `env` run a program as another user, who must not be root.
fn as_user(owner: &str) -> Vec<String> {
    if user() == "root" {
        ["setpriv", "--reuid", owner, "--regid", owner, "--clear-groups"].map(str::to_owned).to_vec()
    } else {
        Vec::new()
    }
}

/// Returns who we are.
fn user() -> String {
    let output = Command::new("id").arg("-un").output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// Returns one of `PostgreSQL`'s programs: Debian keeps each version in a folder of its own.
fn postgres(name: &str) -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let folders: Vec<String> = versions.map(|version| version.path().join("bin").display().to_string()).collect();
    program(name, &folders.iter().map(String::as_str).collect::<Vec<_>>())
}
