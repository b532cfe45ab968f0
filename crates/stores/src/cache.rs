//! The attribute cache in front of one user store.
//!
//! One query for any number of callers, answers refreshed ahead of their end, a breaker, and invalidation that no query
//! under way can undo. Time is a parameter; queries run on the runtime given, never on the caller's. Does not know
//! what the attributes are for; everything made from an answer dies with its [`Generation`].

mod answer;
mod counters;
mod entry;
mod flight;
mod generation;
mod hold;
mod kept;
mod latency;
mod passwords;
mod settings;

use std::{
    borrow::Cow,
    fmt,
    hash::BuildHasher,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant, SystemTime},
};

use aws_lc_rs::digest::{SHA256, digest};
use claims::Attributes;
use foldhash::quality::RandomState;
use tokio::{
    runtime::Handle,
    sync::{Semaphore, watch},
};
use tracing::debug;

pub use self::{
    answer::{Answer, Freshness, StalePolicy},
    counters::CacheCounters,
    generation::Generation,
    hold::Hold,
    latency::Latency,
    settings::CacheSettings,
};
use self::{
    counters::Counts,
    entry::{Asked, Entry},
    flight::{Flight, Flights, Outcome, Seat},
    generation::Invalidations,
    kept::Shapes,
    latency::Times,
};
use crate::{
    bounded_map::BoundedMap,
    breaker::{Breaker, BreakerOpen},
    error::StoreError,
    user_store::{Question, UserStore, seconds},
};

/// How many shards a cache has at most.
const MOST_SHARDS: usize = 16;

/// How many bytes a shard has at least, so that large answers fit in small caches too.
const SMALLEST_SHARD: usize = 2 << 20;

/// A user store behind its cache.
pub struct CachedStore {
    name: Arc<str>,
    store: Arc<dyn UserStore>,
    settings: CacheSettings,
    runtime: Handle,
    shards: Box<[Mutex<Shard>]>,
    hasher: RandomState,
    shapes: Shapes,
    invalidations: Arc<Invalidations>,
    breaker: Breaker,
    counts: Counts,
    times: Times,
    held: Mutex<Option<Hold>>,
    last_failure: Mutex<Option<LastFailure>>,
    passwords_at_once: Semaphore,
}

/// The last time that a store gave no answer, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastFailure {
    /// When, in seconds since the epoch.
    pub at: u64,
    /// The store's own words where it has some. May hold the name of the user that was asked about.
    pub reason: Arc<str>,
}

/// How a store is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreStatus {
    /// What the cache did and holds, and what the breaker does.
    pub counters: CacheCounters,
    /// The last failure; the store may have answered since.
    pub last_failure: Option<LastFailure>,
    /// The operator's hold, while it lasts.
    pub hold: Option<Hold>,
    /// How long it takes to answer; `None`: it was not asked yet.
    pub latency: Option<Latency>,
}

/// What is known of some users, and asked about them now. Both under one lock: a call finds the one or the other.
struct Shard {
    entries: BoundedMap<Entry>,
    flights: Flights,
}

/// What a call finds.
enum Found {
    /// What there is to say.
    Known(Outcome),
    /// A query to wait for.
    Asked(Seat),
}

/// A query about to be made. INVARIANT: its flight leaves the shard when it ends, however it ends.
struct Departure {
    cache: Arc<CachedStore>,
    /// Begins with the user.
    key: Arc<str>,
    user_length: usize,
    /// Of a store that asks as the user.
    token: Option<Box<str>>,
    flight: Arc<Flight>,
    outcome: watch::Sender<Option<Outcome>>,
    has_landed: bool,
}

/// The query ended without an outcome: the runtime is shutting down, or the store is broken.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the look-up was abandoned")]
struct Abandoned;

impl CachedStore {
    /// Puts a cache in front of the store called `name`; queries run on `runtime`.
    pub fn new(name: Arc<str>, store: Arc<dyn UserStore>, settings: CacheSettings, runtime: Handle) -> Self {
        let count = (settings.max_bytes / SMALLEST_SHARD).clamp(1, MOST_SHARDS);
        let shard = || Shard { entries: BoundedMap::new(settings.max_bytes / count), flights: Flights::default() };
        Self {
            name,
            store,
            settings,
            runtime,
            shards: (0..count).map(|_| Mutex::new(shard())).collect(),
            hasher: RandomState::default(),
            shapes: Shapes::default(),
            invalidations: Invalidations::new(),
            breaker: Breaker::new(settings.breaker),
            counts: Counts::default(),
            times: Times::default(),
            held: Mutex::default(),
            last_failure: Mutex::default(),
            passwords_at_once: Semaphore::new(passwords::AT_ONCE),
        }
    }

    /// Returns the store's name.
    pub const fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// Returns the store itself.
    pub const fn store(&self) -> &Arc<dyn UserStore> {
        &self.store
    }

    /// Returns the attributes of the user in question, from the cache or from the store. Leaves no trace.
    ///
    /// Without waiting when an answer is there that is fresh enough for the question, or the breaker is open. Else one query
    /// for all callers at that time; it goes on when they do not. A call after an invalidation never gets an answer from
    /// before it.
    ///
    /// # Errors
    ///
    /// As for [`UserStore::lookup`]. An ambiguous user has no stale answer.
    pub async fn attributes(
        self: &Arc<Self>,
        question: Question<'_>,
        policy: StalePolicy,
    ) -> Result<Answer, StoreError> {
        let key = self.key(question);
        let outcome = match self.find(&key, question) {
            Found::Known(outcome) => outcome,
            Found::Asked(seat) => seat.outcome().await.unwrap_or_else(|| Err(self.abandoned())),
        };
        let settings = self.settings.of(question);
        let outcome = outcome.map(|answer| answer.fresh_within(&settings));
        outcome.or_else(|error| self.stale(&key, policy, question, error))
    }

    /// Returns the state of the counters for `user`, of anything that is made after this call.
    pub fn generation(&self, user: &str) -> Generation {
        self.invalidations.generation(user)
    }

    /// Ends what is known of one user, and what is being asked.
    pub fn invalidate_user(&self, user: &str) {
        self.invalidations.invalidate_user(user);
    }

    /// Ends what is known of everybody, and what is being asked.
    pub fn invalidate_all(&self) {
        self.invalidations.invalidate_all();
    }

    /// Returns what the cache did and holds. Locks each shard for a moment.
    pub fn counters(&self) -> CacheCounters {
        let (entries, bytes) = self.shards.iter().fold((0, 0), |(entries, bytes), shard| {
            let shard = lock(shard);
            (entries + shard.entries.len() as u64, bytes + shard.entries.bytes() as u64)
        });
        CacheCounters {
            hits: self.counts.hits.read(),
            misses: self.counts.misses.read(),
            coalesced: self.counts.coalesced.read(),
            refreshes: self.counts.refreshes.read(),
            failures: self.counts.failures.read(),
            refused: self.counts.refused.read(),
            stale_served: self.counts.stale_served.read(),
            entries,
            bytes,
            breaker: self.breaker.state(),
        }
    }

    /// Returns what the answer is kept under: the user, and the token where it matters. Never the token itself.
    fn key<'a>(&self, question: Question<'a>) -> Cow<'a, str> {
        match question.token {
            _ if !self.store.asks_as_user() => Cow::Borrowed(question.user),
            Some(token) => Cow::Owned(format!("{}\0{}", question.user, Token(token))),
            None => Cow::Owned(format!("{}\0", question.user)),
        }
    }

    /// Lets answers of up to that age stand in for the store for as long from now on, where policies use stale answers.
    pub fn hold(&self, stale_for: Duration, now: SystemTime) -> Hold {
        let hold = Hold::new(stale_for, now);
        *locked(&self.held) = Some(hold);
        hold
    }

    /// Ends a hold: the configured age counts again.
    pub fn release(&self) {
        *locked(&self.held) = None;
    }

    /// Returns how the store is doing.
    pub fn status(&self, now: SystemTime) -> StoreStatus {
        StoreStatus {
            counters: self.counters(),
            last_failure: locked(&self.last_failure).clone(),
            hold: locked(&self.held).filter(|hold| hold.is_on(now)),
            latency: self.times.latency(),
        }
    }

    /// Returns how old an answer may be that stands in for the store.
    fn stale_for(&self, now: SystemTime) -> Duration {
        let hold = locked(&self.held).filter(|hold| hold.is_on(now));
        self.settings.stale_for.max(hold.map_or(Duration::ZERO, |hold| hold.stale_for))
    }

    /// Finds what there is to say, or what to wait for; begins a query where one is needed.
    fn find(self: &Arc<Self>, key: &str, question: Question<'_>) -> Found {
        let (now, settings) = (question.now, self.settings.of(question));
        let mut shard = self.shard(key);
        let said = shard
            .entries
            .get(key)
            .and_then(|entry| entry.say(&settings, now).map(|outcome| (outcome, entry.wants_refresh(&settings, now))));
        let seat = shard.flights.joinable(key, settings.ttl, now).map(|flight| flight.seat());
        let (found, departure) = match (said, seat) {
            (Some((outcome, wants_refresh)), seat) => {
                self.counts.hits.up();
                let refresh = (wants_refresh && seat.is_none()).then(|| self.refresh(&mut shard, key, question));
                (Found::Known(outcome), refresh.flatten())
            }
            (None, Some(seat)) => {
                self.counts.coalesced.up();
                (Found::Asked(seat), None)
            }
            (None, None) => match self.ask(&mut shard, key, question) {
                Ok(departure) => (Found::Asked(departure.flight.seat()), Some(departure)),
                Err(error) => (Found::Known(Err(error)), None),
            },
        };
        drop(shard);
        // Not under the lock: a runtime that is shutting down drops the departure at once, and that takes the lock.
        if let Some(departure) = departure {
            self.runtime.spawn(departure.fly());
        }
        found
    }

    /// Prepares a query in the background, if the breaker lets it through.
    fn refresh(self: &Arc<Self>, shard: &mut Shard, key: &str, question: Question<'_>) -> Option<Departure> {
        self.breaker.admit(question.now).ok()?;
        self.counts.refreshes.up();
        Some(self.depart(shard, key, question))
    }

    /// Prepares a query for a caller, or says when to try again.
    fn ask(self: &Arc<Self>, shard: &mut Shard, key: &str, question: Question<'_>) -> Result<Departure, StoreError> {
        if let Err(retry_after) = self.breaker.admit(question.now) {
            self.counts.refused.up();
            let source = Some(Arc::new(BreakerOpen) as _);
            return Err(StoreError::Unavailable { store: Arc::clone(&self.name), retry_after, source });
        }
        self.counts.misses.up();
        debug!(store = %self.name, "attributes not cached");
        Ok(self.depart(shard, key, question))
    }

    /// Adds a flight. INVARIANT: its generation is read before the query begins.
    fn depart(self: &Arc<Self>, shard: &mut Shard, key: &str, question: Question<'_>) -> Departure {
        let asked = Asked { at: question.now, generation: self.generation(question.user) };
        let (flight, outcome) = Flight::new(asked);
        let key: Arc<str> = key.into();
        shard.flights.add(Arc::clone(&key), Arc::clone(&flight));
        let token = question.token.filter(|_| self.store.asks_as_user()).map(Box::from);
        let user_length = question.user.len();
        Departure { cache: Arc::clone(self), key, user_length, token, flight, outcome, has_landed: false }
    }

    /// Takes note of a query's result.
    fn land(&self, key: &Arc<str>, flight: &Arc<Flight>, result: Result<Option<Attributes>, StoreError>) -> Outcome {
        let asked = &flight.asked;
        let result = self.note(asked, result);
        let mut shard = self.shard(key);
        // A flight whose place another has taken, or that an invalidation has passed, leaves no trace.
        let counts = shard.flights.remove(key, flight) && asked.generation.is_current();
        let (entry, outcome) = match result {
            Ok(attributes) => {
                let (entry, answer) = Entry::answered(attributes, asked, (&self.settings, &self.shapes));
                (Some(entry), Ok(answer))
            }
            Err(error) => {
                let previous = shard.entries.peek(key);
                (Entry::failed(previous, &error, asked, self.settings.breaker.retry), Err(error))
            }
        };
        if let Some(entry) = entry.filter(|_| counts) {
            let heap = entry.heap();
            shard.entries.put(key, entry, heap);
        }
        outcome
    }

    /// Tells the breaker and the counts how a query ended; a failure then says when to try again.
    fn note(
        &self,
        asked: &Asked,
        result: Result<Option<Attributes>, StoreError>,
    ) -> Result<Option<Attributes>, StoreError> {
        if let Err(error) = &result {
            *locked(&self.last_failure) = Some(LastFailure::of(error, asked.at));
        }
        match result {
            Ok(attributes) => {
                self.breaker.succeeded();
                Ok(attributes)
            }
            Err(error) => Err(self.note_failure(error, asked.at)),
        }
    }

    /// Tells the breaker and the counts of a question asked at `at` that failed.
    fn note_failure(&self, error: StoreError, at: SystemTime) -> StoreError {
        self.counts.failures.up();
        match error {
            StoreError::Unavailable { store, retry_after, source } => {
                let retry_after = self.breaker.failed(at).unwrap_or(retry_after);
                StoreError::Unavailable { store, retry_after, source }
            }
            error @ (StoreError::Ambiguous { .. }
            | StoreError::Malformed { .. }
            | StoreError::NoToken { .. }
            | StoreError::TokenRefused { .. }
            | StoreError::TooOld { .. }) => {
                self.breaker.succeeded();
                error
            }
        }
    }

    /// Returns the answer that may stand in for an error.
    fn stale(
        &self,
        key: &str,
        policy: StalePolicy,
        question: Question<'_>,
        error: StoreError,
    ) -> Result<Answer, StoreError> {
        match policy {
            StalePolicy::Refuse => Err(error),
            StalePolicy::UseStale => {
                let (now, settings) = (question.now, self.settings.of(question));
                let stale_for = self.stale_for(now);
                let shard = self.shard(key);
                let Some(entry) = shard.entries.peek(key).filter(|entry| entry.has_answer()) else { return Err(error) };
                let answer = entry.say_stale(&settings, stale_for, now).ok_or_else(|| error.too_old())?;
                self.counts.stale_served.up();
                Ok(answer)
            }
        }
    }

    fn abandoned(&self) -> StoreError {
        StoreError::unavailable(&self.name, Abandoned)
    }

    /// Returns the shard that an answer is in.
    #[expect(clippy::indexing_slicing, reason = "a remainder lies within, and there is always a shard")]
    fn shard(&self, key: &str) -> MutexGuard<'_, Shard> {
        let index = self.hasher.hash_one(key) % self.shards.len() as u64;
        lock(&self.shards[usize::try_from(index).unwrap_or_default()])
    }
}

impl Drop for CachedStore {
    /// Ends every generation: a later cache in front of the same store knows nothing of what is made from this one's
    /// answers, and could not invalidate it.
    fn drop(&mut self) {
        self.invalidate_all();
    }
}

impl fmt::Debug for CachedStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CachedStore")
            .field("store", &self.store)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

impl Departure {
    /// Makes the query and hands out what it brings.
    async fn fly(mut self) {
        let user = self.key.get(..self.user_length).unwrap_or_default();
        let question = Question { token: self.token.as_deref(), ..Question::new(user, self.flight.asked.at) };
        let started = Instant::now();
        let result = self.cache.store.lookup(question).await;
        self.cache.times.add(started.elapsed());
        let outcome = self.cache.land(&self.key, &self.flight, result);
        self.has_landed = true;
        self.outcome.send_replace(Some(outcome));
    }
}

impl Drop for Departure {
    /// Clears up after a query that was given up, or a store that panicked: its callers learn of it, the next asks anew.
    fn drop(&mut self) {
        if !self.has_landed {
            self.cache.counts.failures.up();
            self.cache.breaker.failed(self.flight.asked.at);
            self.cache.shard(&self.key).flights.remove(&self.key, &self.flight);
        }
    }
}

/// A token as it may be remembered: hashed.
struct Token<'a>(&'a str);

impl fmt::Display for Token<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        digest(&SHA256, self.0.as_bytes()).as_ref().iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl LastFailure {
    fn of(error: &StoreError, at: SystemTime) -> Self {
        Self { at: seconds(at), reason: error.with_causes().into() }
    }
}

/// Locks what a moment's work changes; a panic there leaves it whole.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Locks a shard. A panic under the lock leaves at worst an entry that is asked for again.
fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}
