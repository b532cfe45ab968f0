//! Connections to a directory: opened, encrypted, bound; kept while they answer; to the first server that takes them.
//!
//! The library never connects again by itself. Here a connection that is closed, or about which there is doubt, is not
//! used again, and the next question opens a new one.

use std::{
    error::Error,
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use deadpool::managed::{Manager, Metrics, RecycleError, RecycleResult};
use ldap3::{Ldap, LdapConnAsync, LdapConnSettings, LdapError, LdapResult};
use rustls::ClientConfig;
use tokio::time::timeout;
use tracing::{debug, warn};

use super::{
    bind::{Binds, LdapBind},
    fault::{Failure, Fault, unshaken},
    search::Session,
    server::LdapUrl,
};
use crate::user_store::Question;

/// How long a server that failed comes after the others.
const AVOIDED_FOR: Duration = Duration::from_secs(30);

/// How long a connection may lie unused: firewalls forget it without a word, Active Directory ends it after 15 minutes.
const LONGEST_IDLE: Duration = Duration::from_mins(1);

/// How old a connection may be, so that load comes back to a server that was away, and a new password to the test.
const LONGEST_LIFE: Duration = Duration::from_mins(10);

/// How a directory is connected to.
#[derive(Clone, Debug)]
pub struct LdapConnection {
    /// The servers, in order of preference; all hold the same.
    pub servers: Vec<LdapUrl>,
    /// Whether a connection to `ldap://` goes on in TLS before anything else is said (RFC 4511 §4.14).
    pub start_tls: bool,
    /// What is trusted.
    pub tls: Arc<ClientConfig>,
    /// `None`: anonymous.
    pub bind: Option<LdapBind>,
    /// How many connections there are at most.
    pub pool: usize,
    /// How long it may take to get one, with each server.
    pub connect_timeout: Duration,
    /// How long all searches for one user may take together.
    pub timeout: Duration,
}

/// Opens connections, and knows which servers failed of late.
pub(super) struct Connector {
    settings: LdapConnection,
    servers: Vec<Arc<Server>>,
    binds: Binds,
    /// Connections that have been silent since before this are in doubt.
    doubt: Mutex<Option<Instant>>,
}

/// One of the servers.
pub(super) struct Server {
    pub(super) name: Arc<str>,
    url: LdapUrl,
    failed: Mutex<Option<Instant>>,
}

/// A connection, bound.
pub(super) struct Connection {
    ldap: Ldap,
    pub(super) server: Arc<Server>,
    heard: Instant,
    is_in_use: bool,
}

impl Connector {
    pub(super) fn new(settings: LdapConnection) -> Self {
        let servers = settings.servers.iter().map(|url| Arc::new(Server::new(url.clone()))).collect();
        Self { settings, servers, binds: Binds::default(), doubt: Mutex::default() }
    }

    pub(super) const fn settings(&self) -> &LdapConnection {
        &self.settings
    }

    /// Opens one connection to each server, or says why not.
    pub(super) fn each(&self) -> impl Iterator<Item = impl Future<Output = Result<Connection, Fault>>> {
        self.servers.iter().map(|server| self.connect_to(server))
    }

    /// Takes note of how a question ended, and says whether another attempt may do better.
    pub(super) fn note(&self, connection: &mut Connection, outcome: Result<(), &Fault>) -> Verdict {
        let failure = match outcome {
            Err(Fault::Failure(failure)) if failure.is_of_the_server() => failure,
            Ok(()) | Err(_) => {
                connection.heard = Instant::now();
                connection.is_in_use = !outcome.err().is_none_or(Fault::leaves_connection_usable);
                return Verdict::Final;
            }
        };
        connection.server.fail();
        *self.doubt.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        match **failure {
            // The time is over, unless another server may be quicker.
            Failure::TooLate { .. } if self.servers.len() < 2 => Verdict::Final,
            _ => Verdict::TryAgain,
        }
    }

    /// Opens and binds a connection to one server.
    async fn connect_to(&self, server: &Arc<Server>) -> Result<Connection, Fault> {
        let limit = self.settings.connect_timeout;
        // Boxed: TLS needs much room, and only while a connection is opened.
        let opening = timeout(limit, Box::pin(unshaken(&server.name, self.open(server)))).await;
        let too_late = |_| Failure::ConnectTooLate { server: Arc::clone(&server.name), limit };
        let ldap = opening.map_err(too_late)??;
        debug!(server = %server.name, "connected to a directory");
        Ok(Connection { ldap, server: Arc::clone(server), heard: Instant::now(), is_in_use: false })
    }

    /// Opens a connection and binds it as the gateway.
    async fn open(&self, server: &Server) -> Result<Ldap, Fault> {
        let mut ldap = self.dial(server).await?;
        if let Some(bind) = &self.settings.bind {
            self.binds.bind(&mut ldap, &server.name, bind).await?;
        }
        Ok(ldap)
    }

    /// Opens a connection to the first server that takes it, and binds it as somebody else. It is of no other use.
    pub(super) async fn bind_as(&self, dn: &str, password: &str) -> Result<LdapResult, Fault> {
        let mut last = Fault::from(Failure::NoServer);
        for server in self.order() {
            let limit = self.settings.connect_timeout + self.settings.timeout;
            let binding = async {
                let mut ldap = self.dial(server).await?;
                let lost = |source| Failure::Lost { server: Arc::clone(&server.name), source };
                let result = ldap.simple_bind(dn, password).await.map_err(lost)?;
                // What becomes of the farewell matters to nobody.
                let _ = ldap.unbind().await;
                Ok(result)
            };
            let bound = timeout(limit, Box::pin(unshaken(&server.name, binding))).await;
            let too_late = |_| Failure::ConnectTooLate { server: Arc::clone(&server.name), limit };
            match bound.map_err(too_late).map_err(Fault::from).flatten() {
                Err(Fault::Failure(failure)) if failure.is_of_the_server() => {
                    server.fail();
                    last = Fault::Failure(failure);
                }
                outcome => return outcome,
            }
        }
        Err(last)
    }

    /// Opens a connection, in TLS where that is wanted, as nobody yet.
    async fn dial(&self, server: &Server) -> Result<Ldap, Fault> {
        let failed = |source: LdapError| Failure::Connect { server: Arc::clone(&server.name), source };
        let settings = LdapConnSettings::new().set_config(Arc::clone(&self.settings.tls));
        let settings = settings.set_starttls(self.settings.start_tls && !server.url.is_ldaps());
        let (connection, ldap) =
            LdapConnAsync::from_url_with_settings(settings, server.url.url()).await.map_err(failed)?;
        tokio::spawn(connection.drive());
        Ok(ldap)
    }

    /// Returns the servers in the order in which they are tried: those that failed of late come last.
    fn order(&self) -> Vec<&Arc<Server>> {
        let mut order: Vec<&Arc<Server>> = self.servers.iter().collect();
        order.sort_by_key(|server| server.is_avoided());
        order
    }

    /// True when something has been wrong since the connection was last heard of.
    fn is_in_doubt(&self, connection: &Connection) -> bool {
        let doubt = *self.doubt.lock().unwrap_or_else(PoisonError::into_inner);
        doubt.is_some_and(|doubt| connection.heard <= doubt)
    }
}

/// Whether it is worth asking again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Final,
    TryAgain,
}

impl Server {
    fn new(url: LdapUrl) -> Self {
        Self { name: url.to_string().into(), url, failed: Mutex::default() }
    }

    /// Takes note of a failure.
    fn fail(&self) {
        *self.failed.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    fn is_avoided(&self) -> bool {
        let failed = *self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        failed.is_some_and(|failed| failed.elapsed() < AVOIDED_FOR)
    }
}

impl Connection {
    /// True when it is in the middle of a question, or was when something went wrong.
    pub(super) const fn is_in_use(&self) -> bool {
        self.is_in_use
    }

    /// Marks it as in the middle of a question: given back so, it is not used again.
    pub(super) fn begin<'c>(&'c mut self, question: Option<Question<'c>>, time_limit: Duration) -> Session<'c> {
        self.is_in_use = true;
        Session { ldap: &mut self.ldap, server: &self.server.name, question, time_limit }
    }
}

impl Manager for Connector {
    type Type = Connection;
    type Error = Fault;

    /// Connects to the first server that takes it.
    async fn create(&self) -> Result<Connection, Fault> {
        self.binds.check()?;
        let mut last = Fault::from(Failure::NoServer);
        for server in self.order() {
            match self.connect_to(server).await {
                Ok(connection) => return Ok(connection),
                Err(Fault::Failure(failure)) if failure.is_of_the_server() => {
                    server.fail();
                    if self.servers.len() > 1 {
                        warn!(error = &*failure as &dyn Error, "a directory server is passed over");
                    }
                    last = Fault::Failure(failure);
                }
                Err(fault) => return Err(fault),
            }
        }
        Err(last)
    }

    async fn recycle(&self, connection: &mut Connection, metrics: &Metrics) -> RecycleResult<Fault> {
        let is_worn = metrics.age() > LONGEST_LIFE || connection.heard.elapsed() > LONGEST_IDLE;
        if connection.is_in_use || is_worn || connection.ldap.is_closed() || self.is_in_doubt(connection) {
            return Err(RecycleError::message("not to be used again"));
        }
        Ok(())
    }
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connector").field("settings", &self.settings).finish_non_exhaustive()
    }
}
