//! The seam between the gateway and every place where attributes live.

use std::{
    collections::BTreeSet,
    fmt,
    future::Future,
    pin::Pin,
    sync::{Mutex, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use claims::Attributes;
use futures_util::stream::BoxStream;

use crate::{attribute_map::AttributeMap, error::StoreError, password::PasswordStore};

/// A boxed future, so that the trait can be an object.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A question about one user.
#[derive(Clone, Copy)]
pub struct Question<'a> {
    /// What the issuer's look-up claim says of him.
    pub user: &'a str,
    /// The access token that he came with.
    pub token: Option<&'a str>,
    /// What the attributes are dated with.
    pub now: SystemTime,
    /// How old an answer may be that is called fresh; `None`: as old as the cache's `ttl` says. A store always asks.
    pub fresh_for: Option<Duration>,
    /// Where the store notes how it asks.
    pub trace: Option<&'a Trace>,
}

impl<'a> Question<'a> {
    /// Makes a question about `user`, without a token, without a trace, and with the cache's own time to live.
    pub const fn new(user: &'a str, now: SystemTime) -> Self {
        Self { user, token: None, now, fresh_for: None, trace: None }
    }

    /// Notes something for whoever follows this look-up; costs nothing when nobody does.
    pub(crate) fn note(&self, note: impl FnOnce(&mut Traced)) {
        if let Some(trace) = self.trace {
            note(&mut trace.0.lock().unwrap_or_else(PoisonError::into_inner));
        }
    }
}

/// Never shows the token.
impl fmt::Debug for Question<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Question").field("user", &self.user).field("now", &self.now).finish_non_exhaustive()
    }
}

/// How a look-up went, for the operator who tries a store out.
#[derive(Debug, Default)]
pub struct Trace(Mutex<Traced>);

/// What a store did for one question. Holds the user's name, no secret and no other value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Traced {
    /// Each query, filter or address as it was sent, the user's name filled in, in order.
    pub asked: Vec<Box<str>>,
    /// How many entries matched; `None`: it did not come to that.
    pub matches: Option<usize>,
    /// The store's own names of what came back, mapped or not.
    pub returned: BTreeSet<Box<str>>,
}

impl Trace {
    /// Returns what was noted so far.
    pub fn traced(&self) -> Traced {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// When an entry that the server found is the user in question.
///
/// Directories and services compare names by rules of their own: without regard to case, to spaces, some even to accents.
/// A token's `ALICE`, `alice ` or `Jose` is not thereby `alice` or `José`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum UserMatch {
    /// When its own spelling of the name is the user's, byte for byte; otherwise it does not count.
    #[default]
    Exact,
    /// Whenever the server says so.
    Store,
}

/// What has changed in a store, as far as it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Something about one user, by the name that he is looked up with.
    User(Box<str>),
    /// It may be anything.
    All,
}

/// Where attributes live.
pub trait UserStore: Send + Sync + fmt::Debug {
    /// Returns what leaves the store, and under which names.
    fn attribute_map(&self) -> &AttributeMap;

    /// Returns the canonical names that this store is configured to give: it is their only source.
    fn gives(&self) -> &BTreeSet<Box<str>> {
        self.attribute_map().gives()
    }

    /// True for a store that asks in the user's own name: [`Question::token`] is a part of the question, so that an
    /// answer given for one token never serves another.
    fn asks_as_user(&self) -> bool {
        false
    }

    /// Returns the attributes of the user in question: exactly the names of [`UserStore::gives`].
    ///
    /// `Ok(None)`: no such user. An attribute that the user lacks is there without values. One round trip (or one for
    /// each configured query), bounded by the store's timeout.
    ///
    /// # Errors
    ///
    /// [`StoreError::Ambiguous`] when more than one entry matches: fail closed. [`StoreError::Unavailable`] when the
    /// store does not answer, [`StoreError::Malformed`] when its answer cannot be read. Where the store asks as the user,
    /// [`StoreError::NoToken`] and [`StoreError::TokenRefused`].
    fn lookup<'a>(&'a self, question: Question<'a>) -> BoxFuture<'a, Result<Option<Attributes>, StoreError>>;

    /// Returns the store as one that can say whether a password is a user's; `None`: it cannot.
    fn passwords(&self) -> Option<&dyn PasswordStore> {
        None
    }

    /// Returns the changes that the store announces by itself, for as long as they are read; `None`: it announces none.
    fn changes(&self) -> Option<BoxStream<'static, Change>> {
        None
    }

    /// Asks the store whether it answers at all, and as configured.
    ///
    /// # Errors
    ///
    /// As for [`UserStore::lookup`].
    fn probe(&self) -> BoxFuture<'_, Result<(), StoreError>>;
}

/// Returns the whole seconds since the epoch.
pub(crate) fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_secs())
}
