//! The `ldap` store: people in a directory (LDAP version 3, RFC 4510; Active Directory).
//!
//! Searches, never writes, and follows no referral. The user's name only ever stands where a value stands in the
//! operator's filter. What the server thinks equal is not enough: see [`crate::UserMatch`].

mod bind;
mod connection;
mod entry;
mod fault;
mod filter;
mod groups;
mod password;
mod people;
mod schema;
mod search;
mod server;
mod values;

use std::{fmt, sync::Arc, time::Duration};

use claims::Attributes;
use deadpool::{
    Runtime,
    managed::{Object, Pool, PoolError, TimeoutType},
};
use tokio::time::timeout;

pub use self::{
    bind::LdapBind,
    connection::LdapConnection,
    filter::{FilterError, FilterProblem, GroupFilter, UserFilter},
    groups::{GROUPS, GroupSearch},
    server::{LdapUrl, LdapUrlError},
};
use self::{
    connection::{Connector, Verdict},
    fault::{Failure, Fault, unshaken},
    people::{People, Person},
};
use crate::{
    attribute_map::AttributeMap,
    error::StoreError,
    password::PasswordStore,
    user_store::{BoxFuture, Question, UserStore, seconds},
};

/// How long a probe may take with each server: it reads the schema, which is large.
const PROBE_LIMIT: Duration = Duration::from_secs(10);

/// How a directory is asked.
#[derive(Clone, Debug)]
pub struct LdapSettings {
    /// How it is connected to.
    pub connection: LdapConnection,
    /// Where people are; every base is searched, with all that is below it.
    pub bases: Vec<Box<str>>,
    /// Which entry is the user's.
    pub filter: UserFilter,
    /// How his groups are found; `None`: not by a search of their own.
    pub groups: Option<GroupSearch>,
    /// Which attributes leave the store.
    pub attributes: AttributeMap,
}

/// The `ldap` user store.
///
/// A name that is empty or holds a NUL is nobody's: servers cut or drop such text in different places.
pub struct LdapStore {
    name: Arc<str>,
    people: People,
    /// The same people, asked for no more than who they are.
    names: People,
    attributes: AttributeMap,
    pool: Pool<Connector>,
}

impl LdapStore {
    /// Makes the store called `name`. Connects to nothing yet: the first question does.
    pub fn new(name: Arc<str>, settings: LdapSettings) -> Self {
        let LdapSettings { connection, bases, filter, groups, attributes } = settings;
        let names = People::new(bases.clone(), filter.clone(), None, AttributeMap::identity([]));
        let people = People::new(bases, filter, groups, attributes.clone());
        Self { name, people, names, attributes, pool: pool(connection) }
    }

    /// Asks for one user's attributes.
    async fn find(&self, question: Question<'_>) -> Result<Option<Attributes>, StoreError> {
        let person = self.ask(&self.people, question).await?;
        Ok(person.map(|person| self.attributes.apply(&person.raw, &self.name, seconds(question.now))))
    }

    /// Asks about one user, a second time where another connection or server may do better.
    async fn ask(&self, people: &People, question: Question<'_>) -> Result<Option<Person>, StoreError> {
        if question.user.is_empty() || question.user.contains('\0') {
            return Ok(None);
        }
        let found = match self.attempt(people, question).await {
            Err((_, Verdict::TryAgain)) => self.attempt(people, question).await,
            outcome => outcome,
        };
        found.map_err(|(fault, _)| fault.of(&self.name))
    }

    /// Asks on one connection.
    async fn attempt(&self, people: &People, question: Question<'_>) -> Result<Option<Person>, (Fault, Verdict)> {
        let mut connection = self.connection().await.map_err(|fault| (fault, Verdict::Final))?;
        let limit = self.connector().settings().timeout;
        let server = Arc::clone(&connection.server.name);
        let mut session = connection.begin(Some(question), limit);
        let outcome = within(limit, &server, people.read(&mut session, question.user)).await;
        let verdict = self.connector().note(&mut connection, outcome.as_ref().map(|_| ()));
        if connection.is_in_use() {
            // Closed now, and not when its turn in the pool comes.
            drop(Object::take(connection));
        }
        outcome.map_err(|fault| (fault, verdict))
    }

    /// Returns a connection that nobody else uses.
    async fn connection(&self) -> Result<Object<Connector>, Fault> {
        self.pool.get().await.map_err(|error| match error {
            PoolError::Backend(fault) => fault,
            PoolError::Timeout(TimeoutType::Wait | TimeoutType::Create | TimeoutType::Recycle)
            | PoolError::Closed
            | PoolError::NoRuntimeSpecified
            | PoolError::PostCreateHook(_) => Failure::Busy { pool: self.connector().settings().pool }.into(),
        })
    }

    fn connector(&self) -> &Connector {
        self.pool.manager()
    }

    /// Connects to every server, and looks whether the bases are there and the attributes known.
    async fn try_out(&self) -> Result<(), StoreError> {
        for connecting in self.connector().each() {
            let mut connection = connecting.await.map_err(|fault| fault.of(&self.name))?;
            let server = Arc::clone(&connection.server.name);
            let mut session = connection.begin(None, PROBE_LIMIT);
            let trying = within(PROBE_LIMIT, &server, self.people.try_out(&mut session));
            trying.await.map_err(|fault| fault.of(&self.name))?;
        }
        Ok(())
    }
}

impl UserStore for LdapStore {
    fn attribute_map(&self) -> &AttributeMap {
        &self.attributes
    }

    fn lookup<'a>(&'a self, question: Question<'a>) -> BoxFuture<'a, Result<Option<Attributes>, StoreError>> {
        Box::pin(self.find(question))
    }

    fn passwords(&self) -> Option<&dyn PasswordStore> {
        Some(self)
    }

    fn probe(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(self.try_out())
    }
}

impl fmt::Debug for LdapStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LdapStore")
            .field("name", &self.name)
            .field("connector", self.connector())
            .finish_non_exhaustive()
    }
}

/// Makes the pool; it is empty.
#[expect(clippy::expect_used, reason = "all that can be missing is a runtime, and one is named")]
fn pool(connection: LdapConnection) -> Pool<Connector> {
    let (size, wait) = (connection.pool.max(1), connection.connect_timeout);
    let pool = Pool::builder(Connector::new(connection)).max_size(size).wait_timeout(Some(wait));
    pool.runtime(Runtime::Tokio1).build().expect("a pool")
}

/// Waits for an answer, as long as it may take.
async fn within<T>(
    limit: Duration,
    server: &Arc<str>,
    asking: impl Future<Output = Result<T, Fault>>,
) -> Result<T, Fault> {
    let too_late = |_| Failure::TooLate { server: Arc::clone(server), limit };
    timeout(limit, unshaken(server, asking)).await.map_err(too_late)?
}
