//! A trusted issuer of inbound tokens: what its tokens must look like, and who its users are.
//!
//! Resolved by `compile`; its keys live in `issuer_keys.rs`, because they change while the configuration does not.

mod principal;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, OnceLock},
    time::Duration,
};

use claims::{AccessTokenRules, Algorithm, BackendJwtPolicy, Common, Grant, Template};
use futures_util::StreamExt;
use stores::{CachedStore, Change, JsonPointer};
use tokio::task::AbortHandle;

pub(crate) use self::principal::strings;
use crate::{
    fingerprint::Fingerprint, introspection::Introspection, issuer_keys::IssuerKeys, passwords::Passwords,
    runtime::Runtime,
};

/// One trusted issuer.
#[derive(Debug)]
pub struct Issuer {
    /// The operator's name for it.
    pub name: Arc<str>,
    /// Of everything here, its stores included.
    pub fingerprint: Fingerprint,
    /// What its tokens must claim: `iss`, `aud`, `typ`, times.
    pub rules: AccessTokenRules,
    /// The algorithms that its tokens may use.
    pub algorithms: Box<[Algorithm]>,
    /// The Backend JWT's `sub`.
    pub subject: Template,
    /// The claim with the client id; the first that is there.
    pub consumer_key_claims: Box<[Box<str>]>,
    /// The claims with the scopes: each a space-separated string, or an array; all of them count.
    pub scopes_claims: Box<[Box<str>]>,
    /// Renamings: remote claim, local claim.
    pub claim_mappings: Box<[(RemoteClaim, Box<str>)]>,
    /// What its users have in common.
    pub grants: Common<Grant>,
    /// What a token says that a client got for itself, besides its own `sub`.
    pub client_credentials: Box<[ClaimSign]>,
    /// The claim whose value finds the user.
    pub lookup_claim: Box<str>,
    /// The stores that its users may be looked up in, in order.
    pub user_stores: Box<[Arc<UserStoreHandle>]>,
    /// Whether the token's own `application` claims are believed.
    pub application_from_token: ApplicationFromToken,
    /// Its keys; `None`: it has none, and is asked about every token.
    pub keys: Option<Arc<IssuerKeys>>,
    /// How it is asked about tokens that only it can read.
    pub introspection: Option<Arc<Introspection>>,
    /// How its users' passwords are checked; `None`: they have none here.
    pub passwords: Option<Arc<Passwords>>,
}

/// Where a claim is in a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RemoteClaim {
    /// A member by its name.
    Named(Box<str>),
    /// Deeper down.
    At(JsonPointer),
}

/// A claim that says something by being there, or by its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimSign {
    /// Its name.
    pub claim: Box<str>,
    /// The value that it must have; `None`: any.
    pub value: Option<Box<str>>,
}

/// Whether a token's own word about its application is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ApplicationFromToken {
    /// Only the operator's `applications` count.
    Ignored,
    /// The token's `application`, `subscribedAPIs` and `keytype` claims are believed.
    Believed,
}

/// How long each attribute of one store lives: its class's time, or that of the whole store.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AttributeLives {
    /// The store's own.
    pub ttl: Duration,
    /// Of the attributes that are in a class.
    pub classes: BTreeMap<Box<str>, Duration>,
}

/// A configured user store, with what the compile step knows of it.
#[derive(Debug)]
pub struct UserStoreHandle {
    /// Its name.
    pub name: Arc<str>,
    /// What stands before the slash of its users' names, where it does.
    pub domain: Option<Box<str>>,
    /// Of its configuration, secrets included.
    pub fingerprint: Fingerprint,
    /// The attributes that it is configured to give: it is their only source.
    pub gives: BTreeSet<Box<str>>,
    /// How long they live.
    pub lives: AttributeLives,
    /// The store behind its cache.
    pub store: Arc<CachedStore>,
    /// Follows the changes that the store announces, once it is published.
    pub follower: OnceLock<AbortHandle>,
}

impl UserStoreHandle {
    /// Returns how old an answer may be that a policy's JWT is made from: by those of its attributes that live shortest.
    ///
    /// An attribute that the user lacks counts too: a role may be added. `None`: as the store's own time to live says.
    pub(crate) fn fresh_for(&self, policy: &BackendJwtPolicy) -> Option<Duration> {
        let AttributeLives { ttl, classes } = &self.lives;
        if classes.is_empty() {
            return None;
        }
        let used = self.gives.iter().filter(|attribute| policy.uses(attribute));
        used.map(|attribute| *classes.get(attribute).unwrap_or(ttl)).min()
    }

    /// Forgets the users whose changes the store announces, until this handle is gone. A second call does nothing.
    pub(crate) fn follow_changes(&self, runtime: &Runtime) {
        let Some(mut changes) = self.store.store().changes() else { return };
        let store = Arc::downgrade(&self.store);
        self.follower.get_or_init(|| {
            let following = runtime.background.spawn(async move {
                while let (Some(change), Some(store)) = (changes.next().await, store.upgrade()) {
                    match change {
                        Change::User(user) => store.invalidate_user(&user),
                        Change::All => store.invalidate_all(),
                    }
                }
            });
            following.abort_handle()
        });
    }

    /// Returns how this store knows the user: without its domain; `None`: the user is of another domain.
    ///
    /// A name whose first part is no domain of any store is whole in every store: that is for the caller to see.
    pub fn own_name<'a>(&self, user: &'a str) -> Option<&'a str> {
        let (domain, name) = user.split_once('/')?;
        self.domain.as_ref().is_some_and(|own| own.eq_ignore_ascii_case(domain)).then_some(name)
    }
}

impl Drop for UserStoreHandle {
    fn drop(&mut self) {
        if let Some(follower) = self.follower.get() {
            follower.abort();
        }
    }
}
