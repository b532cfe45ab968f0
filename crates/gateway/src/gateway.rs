//! The gateway of one process: applies configurations, publishes snapshots, remembers how that went.
//!
//! The only place that publishes. A configuration that does not compile changes nothing but the status.

use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use arc_swap::ArcSwap;
use claims::SigningKey;
use stores::{Hold, StoreStatus};

use crate::{
    callers::Callers,
    compile::{BrokenApis, Compiled, Pools, Sources, Surroundings, compile},
    diagnostic::Diagnostics,
    issuer::Issuer,
    issuer_keys::chain,
    keyring::{DirectoryError, Keyring, RotationSchedule, make_first_keys, rotate_due, user_hash_key},
    restart,
    revocations::Revoked,
    runtime::Runtime,
    spec,
    time::seconds,
};

/// The gateway of one process.
#[derive(Debug)]
pub struct Gateway {
    runtime: Arc<Runtime>,
    pools: Pools,
    published: ArcSwap<Compiled>,
    status: ArcSwap<Status>,
    /// The operator's file at the start, for what only a restart takes up.
    started: spec::Operator,
    applying: Mutex<()>,
}

/// How the last attempts to apply a configuration went.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// When the running configuration was published, in seconds since the epoch.
    pub applied_at: u64,
    /// The errors of a later attempt that was refused; empty when the newest files are running.
    pub refused: Vec<String>,
    /// When that was.
    pub refused_at: Option<u64>,
    /// How many attempts were refused since the start.
    pub refusals: u64,
    /// API files that answer 503.
    pub broken_apis: Vec<String>,
    /// Settings that have changed since the start, and wait for a restart.
    pub needs_restart: Vec<&'static str>,
}

/// Why an edit was not applied.
#[derive(Debug)]
pub enum EditError<E> {
    /// It does not compile.
    Refused(Diagnostics),
    /// It could not be saved.
    Unsaved(E),
}

/// What the process gives to its gateway.
#[derive(Clone, Debug)]
pub struct ProcessSettings {
    /// Where work off the request path runs.
    pub background: tokio::runtime::Handle,
    /// Reads the clock.
    pub clock: fn() -> SystemTime,
    /// What to do with broken API files at start.
    pub broken_apis: BrokenApis,
}

impl Gateway {
    /// Starts with a first configuration. Makes the first signing keys where there are none.
    ///
    /// # Errors
    ///
    /// All diagnostics, when the operator's file is broken (or an API file, with [`BrokenApis::Refuse`]).
    pub fn start(sources: &Sources, process: ProcessSettings) -> Result<(Arc<Self>, Diagnostics), Diagnostics> {
        let now = (process.clock)();
        let pools = Pools::default();
        let mut diagnostics = Diagnostics::new();
        let surroundings = Surroundings { background: &process.background, pools: &pools, previous: None, now };
        let Some(mut compiled) = compile(sources, surroundings, process.broken_apis, &mut diagnostics) else {
            return Err(diagnostics);
        };
        if compiled.keys.lack_first_ones() {
            prepare_keys(&compiled.operator.keys.directory.value, now);
            diagnostics = Diagnostics::new();
            compiled = match compile(sources, surroundings, process.broken_apis, &mut diagnostics) {
                Some(compiled) => compiled,
                None => return Err(diagnostics),
            };
        }
        let keyring = Arc::new(Keyring::default());
        keyring.install(std::mem::take(&mut compiled.keys), seconds(now));
        let callers = Callers::new(compiled.operator.cache.max_bytes.value.0);
        let user_hash_key = prepare_user_hash_key(&compiled.operator.keys.directory.value);
        let runtime = Runtime::new(process.background, process.clock, callers, keyring, &user_hash_key);
        let status = Status {
            applied_at: seconds(now),
            broken_apis: compiled.broken.iter().map(|path| path.display().to_string()).collect(),
            ..Status::default()
        };
        let gateway = Self {
            runtime: Arc::new(runtime),
            pools,
            started: compiled.operator.clone(),
            published: ArcSwap::from_pointee(compiled),
            status: ArcSwap::from_pointee(status),
            applying: Mutex::default(),
        };
        gateway.keep_fresh(None);
        Ok((Arc::new(gateway), diagnostics))
    }

    /// Applies a new configuration: all of it, or nothing.
    ///
    /// # Errors
    ///
    /// All diagnostics; what was published stays, and the status says why.
    pub fn apply(&self, sources: &Sources) -> Result<Diagnostics, Diagnostics> {
        let _applying = self.applying.lock().unwrap_or_else(PoisonError::into_inner);
        let previous = self.published.load_full();
        match self.compile(sources, &previous, BrokenApis::Refuse) {
            Ok((compiled, diagnostics)) => Ok(self.publish(compiled, &previous, diagnostics)),
            Err(diagnostics) => {
                self.refuse(&diagnostics);
                Err(diagnostics)
            }
        }
    }

    /// Applies an edit: compiles, lets `save` keep what was edited, and publishes; nothing when one of them fails.
    ///
    /// Other files that were broken before may stay so: their APIs go on answering 503.
    ///
    /// # Errors
    ///
    /// [`EditError`]; what was published stays.
    pub fn apply_edit<E>(
        &self,
        sources: &Sources,
        edited: &Path,
        save: impl FnOnce() -> Result<(), E>,
    ) -> Result<Diagnostics, EditError<E>> {
        let _applying = self.applying.lock().unwrap_or_else(PoisonError::into_inner);
        let previous = self.published.load_full();
        let (compiled, diagnostics) = self.draft_after((sources, edited), &previous).map_err(EditError::Refused)?;
        save().map_err(EditError::Unsaved)?;
        Ok(self.publish(compiled, &previous, diagnostics))
    }

    /// Compiles an edit without publishing it, with what is running carried over.
    ///
    /// # Errors
    ///
    /// All diagnostics. Other files that were broken before may stay so.
    pub fn draft(&self, sources: &Sources, edited: &Path) -> Result<(Compiled, Diagnostics), Diagnostics> {
        self.draft_after((sources, edited), &self.published.load_full())
    }

    fn draft_after(
        &self,
        (sources, edited): (&Sources, &Path),
        previous: &Arc<Compiled>,
    ) -> Result<(Compiled, Diagnostics), Diagnostics> {
        let (compiled, mut diagnostics) = self.compile(sources, previous, BrokenApis::Answer503)?;
        let may_stay = |path: &Path| path != edited && previous.broken.iter().any(|broken| broken == path);
        if compiled.broken.iter().any(|path| !may_stay(path)) {
            diagnostics.retain(|diagnostic| !may_stay(&diagnostic.span.file));
            return Err(diagnostics);
        }
        Ok((compiled, diagnostics))
    }

    fn compile(
        &self,
        sources: &Sources,
        previous: &Arc<Compiled>,
        broken_apis: BrokenApis,
    ) -> Result<(Compiled, Diagnostics), Diagnostics> {
        let mut diagnostics = Diagnostics::new();
        let now = (self.runtime.clock)();
        let background = &self.runtime.background;
        let surroundings = Surroundings { background, pools: &self.pools, previous: Some(previous), now };
        match compile(sources, surroundings, broken_apis, &mut diagnostics) {
            Some(compiled) => Ok((compiled, diagnostics)),
            None => Err(diagnostics),
        }
    }

    /// Publishes; the only place.
    fn publish(&self, mut compiled: Compiled, previous: &Arc<Compiled>, mut diagnostics: Diagnostics) -> Diagnostics {
        let now = seconds((self.runtime.clock)());
        let needs_restart = restart::warn(&self.started, &compiled.operator, &mut diagnostics);
        let broken_apis = compiled.broken.iter().map(|path| path.display().to_string()).collect();
        self.runtime.keyring.install(std::mem::take(&mut compiled.keys), now);
        self.published.store(Arc::new(compiled));
        let refusals = self.status.load().refusals;
        self.status.store(Arc::new(Status {
            applied_at: now,
            refusals,
            needs_restart,
            broken_apis,
            ..Status::default()
        }));
        self.keep_fresh(Some(previous));
        diagnostics
    }

    /// Makes the successors of the signing keys whose time has come, where `rotateEvery` asks for it; they are read by the
    /// next [`Self::apply`]. Takes as long as making a key does.
    ///
    /// # Errors
    ///
    /// [`DirectoryError`] when the keys directory cannot be read or written.
    pub fn rotate_keys(&self) -> Result<Vec<Arc<SigningKey>>, DirectoryError> {
        let published = self.published.load_full();
        let keys = &published.operator.keys;
        let Some(every) = &keys.rotate_every else { return Ok(Vec::new()) };
        let schedule =
            RotationSchedule { every: every.value.as_secs(), announce_for: keys.announce_for.value.as_secs() };
        rotate_due(&keys.directory.value, schedule, seconds((self.runtime.clock)()))
    }

    /// Returns what is published.
    pub fn published(&self) -> arc_swap::Guard<Arc<Compiled>> {
        self.published.load()
    }

    /// Returns the holder of what is published, for a cache of each worker.
    pub fn publications(&self) -> &ArcSwap<Compiled> {
        &self.published
    }

    /// Returns the process's shared state.
    pub fn runtime(&self) -> &Arc<Runtime> {
        &self.runtime
    }

    /// Returns how the last attempts to apply a configuration went.
    pub fn status(&self) -> Arc<Status> {
        self.status.load_full()
    }

    /// Forgets attributes: of one user in one store, of a store, or of all. The open streams of that one user end: what
    /// their backends were told of it does not hold any more.
    ///
    /// Returns false when there is no such store.
    pub fn invalidate(&self, store: Option<&str>, user: Option<&str>) -> bool {
        let published = self.published.load();
        let mut is_any = false;
        for (name, handle) in &published.stores {
            if store.is_some_and(|wanted| *wanted != **name) {
                continue;
            }
            is_any = true;
            match user {
                Some(user) => {
                    handle.store.invalidate_user(user);
                    handle.own_name(user).into_iter().for_each(|name| handle.store.invalidate_user(name));
                }
                None => handle.store.invalidate_all(),
            }
        }
        if let Some(user) = user {
            self.runtime.revocations.revoke(revoked(&published, store, user));
        }
        is_any || store.is_none()
    }

    /// Lets a store's last answers serve up to that age, for as long from now on; `None`: there is no such store.
    pub fn hold(&self, store: &str, stale_for: Duration) -> Option<Hold> {
        let now = (self.runtime.clock)();
        self.published.load().stores.get(store).map(|handle| handle.store.hold(stale_for, now))
    }

    /// Ends a hold; false: there is no such store.
    pub fn release(&self, store: &str) -> bool {
        self.published.load().stores.get(store).map(|handle| handle.store.release()).is_some()
    }

    /// Returns how each user store is doing, by name.
    pub fn store_status(&self) -> Vec<(Arc<str>, StoreStatus)> {
        let now = (self.runtime.clock)();
        let published = self.published.load();
        published.stores.values().map(|handle| (Arc::clone(&handle.name), handle.store.status(now))).collect()
    }

    /// Notes that newer files cannot run; what is published stays.
    pub fn refuse(&self, diagnostics: &Diagnostics) {
        let now = seconds((self.runtime.clock)());
        let before = self.status.load();
        let errors = diagnostics.iter().filter(|diagnostic| diagnostic.severity == crate::diagnostic::Severity::Error);
        self.status.store(Arc::new(Status {
            refused: errors.map(ToString::to_string).collect(),
            refused_at: Some(now),
            refusals: before.refusals + 1,
            ..Status::clone(&before)
        }));
    }

    /// Starts the refreshing of issuers' keys, and the following of stores' changes, that are new in what is published.
    fn keep_fresh(&self, previous: Option<&Compiled>) {
        let published = self.published.load();
        let before = previous.map(|before| before.issuers.as_slice()).unwrap_or_default();
        let known =
            |keys: &Arc<_>| before.iter().filter_map(|issuer| issuer.keys.as_ref()).any(|had| Arc::ptr_eq(had, keys));
        for keys in published.issuers.iter().filter_map(|issuer| issuer.keys.as_ref()).filter(|keys| !known(keys)) {
            keys.keep_fresh(&self.runtime);
        }
        let kept = previous.and_then(|previous| previous.login.as_ref());
        if let Some(login) = published.login.as_ref().filter(|login| kept.is_none_or(|kept| !Arc::ptr_eq(kept, login)))
        {
            login.keys.keep_fresh(&self.runtime);
        }
        published.stores.values().for_each(|store| store.follow_changes(&self.runtime));
    }
}

/// Returns whom a store knows by this name: users of the issuers that look them up there.
fn revoked(published: &Compiled, store: Option<&str>, user: &str) -> Revoked {
    let issuers = store.map(|store| {
        let asks = |issuer: &&Arc<Issuer>| issuer.user_stores.iter().any(|handle| *handle.name == *store);
        published.issuers.iter().filter(asks).map(|issuer| Arc::clone(&issuer.name)).collect()
    });
    Revoked::User { user: user.into(), issuers }
}

/// Returns the key of the audit record's user hashes; where none can be kept, one of this process alone.
fn prepare_user_hash_key(directory: &Path) -> Vec<u8> {
    user_hash_key(directory).unwrap_or_else(|error| {
        tracing::warn!(error = %chain(&error), "the audit log's user hashes will differ after a restart");
        uuid::Uuid::new_v4().into_bytes().to_vec()
    })
}

/// Makes the first signing keys; a failure shows as a missing key when the configuration is compiled.
fn prepare_keys(directory: &Path, now: SystemTime) {
    match make_first_keys(directory, seconds(now)) {
        Ok(made) => {
            for path in made {
                tracing::info!(path = %path.display(), "made a signing key");
            }
        }
        Err(error) => tracing::error!(error = %chain(&error), "cannot make the first signing keys"),
    }
}
