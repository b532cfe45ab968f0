//! Invalidation against queries under way: random schedules checked against a model, and real threads.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime},
};

use claims::{Attribute, Attributes, Json, Number, Source};
use proptest::prelude::*;
use stores::{
    Answer, AttributeMap, BoxFuture, BreakerSettings, CacheSettings, CachedStore, Freshness, Question, StalePolicy,
    StoreError, UserStore,
};
use tokio::{runtime::Handle, sync::oneshot, task::JoinHandle, task::yield_now};

use crate::testing::{at, text};

const USERS: [&str; 3] = ["alice", "bob", "carol"];

const SETTINGS: CacheSettings = CacheSettings {
    ttl: Duration::from_secs(10),
    refresh_ahead: Duration::from_secs(3),
    negative_ttl: Duration::from_secs(4),
    stale_for: Duration::from_secs(25),
    max_bytes: 3000,
    breaker: BreakerSettings { after: 3, retry: Duration::from_secs(5) },
};

/// What callers demand, in seconds.
const LIVES: std::ops::Range<u64> = 2..14;

/// One step of a schedule.
#[derive(Clone, Debug)]
enum Step {
    /// The user's record in the directory changes.
    Write(usize),
    Invalidate(usize),
    InvalidateAll,
    /// Somebody wants an answer that is at most so many seconds old.
    Call(usize, StalePolicy, u64),
    /// A query under way reads the directory.
    Read(prop::sample::Index),
    /// A query under way ends.
    End(prop::sample::Index, Ending),
    Wait(u64),
}

#[derive(Clone, Copy, Debug)]
enum Ending {
    Answer,
    Unavailable,
    Ambiguous,
    Abandoned,
}

fn any_step() -> impl Strategy<Value = Step> {
    let user = 0..USERS.len();
    let policy = prop_oneof![Just(StalePolicy::Refuse), Just(StalePolicy::UseStale)];
    let ending = prop_oneof![
        6 => Just(Ending::Answer),
        3 => Just(Ending::Unavailable),
        1 => Just(Ending::Ambiguous),
        1 => Just(Ending::Abandoned),
    ];
    prop_oneof![
        3 => user.clone().prop_map(Step::Write),
        2 => user.clone().prop_map(Step::Invalidate),
        1 => Just(Step::InvalidateAll),
        6 => (user, policy, LIVES).prop_map(|(user, policy, life)| Step::Call(user, policy, life)),
        4 => any::<prop::sample::Index>().prop_map(Step::Read),
        5 => (any::<prop::sample::Index>(), ending).prop_map(|(query, ending)| Step::End(query, ending)),
        2 => (0_u64..8).prop_map(Step::Wait),
    ]
}

/// A directory whose queries go on when the test says so. A record is its version; every fourth version is no record.
#[derive(Debug, Default)]
struct Directory {
    map: AttributeMap,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    versions: BTreeMap<String, u64>,
    /// How often somebody was invalidated.
    epoch: usize,
    queries: Vec<Query>,
}

/// A query under way, as the test holds it.
#[derive(Debug)]
struct Query {
    user: String,
    asked_at: SystemTime,
    epoch: usize,
    read: Option<oneshot::Sender<()>>,
    end: oneshot::Sender<Ending>,
}

impl Directory {
    async fn find(&self, user: &str, now: SystemTime) -> Result<Option<Attributes>, StoreError> {
        let (read, may_read) = oneshot::channel();
        let (end, may_end) = oneshot::channel();
        {
            let mut state = self.state.lock().unwrap();
            let epoch = state.epoch;
            state.queries.push(Query { user: user.to_owned(), asked_at: now, epoch, read: Some(read), end });
        }
        may_read.await.unwrap();
        let version = self.state.lock().unwrap().versions.get(user).copied().unwrap_or_default();
        let store = Arc::from("staff");
        match may_end.await.unwrap() {
            Ending::Answer => Ok((version % 4 != 3).then(|| record(user, version, now))),
            Ending::Unavailable => Err(StoreError::Unavailable { store, retry_after: Duration::ZERO, source: None }),
            Ending::Ambiguous => Err(StoreError::Ambiguous { store }),
            Ending::Abandoned => std::panic::resume_unwind(Box::new("this store breaks")),
        }
    }
}

impl UserStore for Directory {
    fn attribute_map(&self) -> &AttributeMap {
        &self.map
    }

    fn lookup<'a>(&'a self, question: Question<'a>) -> BoxFuture<'a, Result<Option<Attributes>, StoreError>> {
        Box::pin(self.find(question.user, question.now))
    }

    fn probe(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(std::future::ready(Ok(())))
    }
}

fn end(query: Query, ending: Ending) {
    let _ = query.read.map(|read| read.send(()));
    query.end.send(ending).unwrap();
}

fn record(user: &str, version: u64, now: SystemTime) -> Attributes {
    let as_of = now.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    let values = vec![text(user), Json::Number(Number::from(version))];
    [(Box::from("record"), Attribute { values, source: Source::Store("staff".into()), as_of })].into_iter().collect()
}

/// One call under way, with what the model knew when it began.
struct Call {
    user: &'static str,
    policy: StalePolicy,
    now: SystemTime,
    life: u64,
    /// The version in the directory at the last invalidation: nothing older may come back.
    floor: u64,
    outcome: JoinHandle<Result<Answer, StoreError>>,
}

/// The schedule so far, and what must be true of it.
struct Model {
    directory: Arc<Directory>,
    cache: Arc<CachedStore>,
    seconds: u64,
    floors: BTreeMap<&'static str, u64>,
    calls: Vec<Call>,
}

impl Model {
    fn new() -> Self {
        let directory = Arc::new(Directory::default());
        let store = Arc::clone(&directory) as Arc<dyn UserStore>;
        let cache = Arc::new(CachedStore::new("staff".into(), store, SETTINGS, Handle::current()));
        Self { directory, cache, seconds: 0, floors: BTreeMap::new(), calls: Vec::new() }
    }

    async fn take(&mut self, step: &Step) {
        match step {
            Step::Write(user) => {
                *self.directory.state.lock().unwrap().versions.entry(USERS[*user].to_owned()).or_default() += 1;
            }
            Step::Invalidate(user) => {
                self.cache.invalidate_user(USERS[*user]);
                self.invalidated(USERS[*user]);
            }
            Step::InvalidateAll => {
                self.cache.invalidate_all();
                for user in USERS {
                    self.invalidated(user);
                }
            }
            Step::Call(user, policy, life) => self.call(USERS[*user], *policy, *life),
            Step::Read(which) => self.read(*which),
            Step::End(which, ending) => self.end(*which, *ending),
            Step::Wait(seconds) => self.seconds += seconds,
        }
        for _ in 0..6 {
            yield_now().await;
        }
        self.check().await;
        self.check_single_flight();
    }

    fn invalidated(&mut self, user: &'static str) {
        self.floors.insert(user, self.version(user));
        // Two users may share a counter: each invalidation may set everybody's queries apart.
        self.directory.state.lock().unwrap().epoch += 1;
    }

    fn version(&self, user: &str) -> u64 {
        self.directory.state.lock().unwrap().versions.get(user).copied().unwrap_or_default()
    }

    fn floor(&self, user: &str) -> u64 {
        self.floors.get(user).copied().unwrap_or_default()
    }

    fn call(&mut self, user: &'static str, policy: StalePolicy, life: u64) {
        let (cache, now) = (Arc::clone(&self.cache), at(self.seconds));
        let question = Question { fresh_for: Some(Duration::from_secs(life)), ..Question::new(user, now) };
        let outcome = tokio::spawn(async move { cache.attributes(question, policy).await });
        self.calls.push(Call { user, policy, now, life, floor: self.floor(user), outcome });
    }

    fn read(&self, which: prop::sample::Index) {
        let mut state = self.directory.state.lock().unwrap();
        if !state.queries.is_empty() {
            let query = which.index(state.queries.len());
            let _ = state.queries[query].read.take().map(|read| read.send(()));
        }
    }

    fn end(&self, which: prop::sample::Index, ending: Ending) {
        let mut state = self.directory.state.lock().unwrap();
        if !state.queries.is_empty() {
            let query = which.index(state.queries.len());
            end(state.queries.remove(query), ending);
        }
    }

    /// Ends all queries under way.
    async fn finish(mut self) {
        while let Some(query) = { self.directory.state.lock().unwrap().queries.pop() } {
            end(query, Ending::Answer);
            self.take(&Step::Wait(0)).await;
        }
        assert!(self.calls.is_empty());
    }

    /// Checks what has ended, and what is under way.
    async fn check(&mut self) {
        for index in (0..self.calls.len()).rev() {
            if self.calls[index].outcome.is_finished() {
                let mut call = self.calls.swap_remove(index);
                let outcome = (&mut call.outcome).await.unwrap();
                if let Ok(answer) = outcome {
                    self.check_answer(&answer, &call);
                }
            }
        }
        assert!(self.cache.counters().bytes <= SETTINGS.max_bytes as u64);
        assert!(self.calls.is_empty() || !self.directory.state.lock().unwrap().queries.is_empty(), "a call hangs");
    }

    fn check_answer(&self, answer: &Answer, call: &Call) {
        let &Call { user, policy, now, life, floor, .. } = call;
        let age = now.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs().saturating_sub(answer.as_of);
        match answer.freshness {
            Freshness::Fresh => {
                let negative = SETTINGS.negative_ttl.as_secs();
                let life = if answer.attributes.is_some() { life } else { negative };
                // Whoever has joined a query waits for its answer, though it be that there is no such user.
                assert!(age < life.max(call.life), "{age} s old and called fresh");
                let end = SystemTime::UNIX_EPOCH + Duration::from_secs(answer.as_of + life);
                assert_eq!(answer.fresh_until, end);
            }
            Freshness::Stale => assert!(policy == StalePolicy::UseStale && age < SETTINGS.stale_for.as_secs()),
        }
        let newest = match &answer.attributes {
            None => (floor..=self.version(user)).rev().find(|version| version % 4 == 3),
            Some(attributes) => {
                let attribute = attributes.get("record").unwrap();
                assert_eq!((attribute.values[0].as_str(), attribute.as_of), (Some(user), answer.as_of));
                attribute.values[1].as_u64()
            }
        };
        assert!(newest.is_some_and(|version| version >= floor), "{user} got {newest:?}, invalidated at {floor}");
        if answer.generation.is_current() {
            assert!(
                newest >= Some(self.floor(user)),
                "{user} may keep {newest:?}, invalidated at {}",
                self.floor(user)
            );
        }
    }

    /// Checks that no two queries about one user are under way that could be one.
    fn check_single_flight(&self) {
        let state = self.directory.state.lock().unwrap();
        for (index, query) in state.queries.iter().enumerate() {
            let is_same = |other: &&Query| (&other.user, other.epoch) == (&query.user, query.epoch);
            for other in state.queries[..index].iter().filter(is_same) {
                let apart = query.asked_at.duration_since(other.asked_at);
                let apart = apart.unwrap_or_else(|apart| apart.duration());
                assert!(apart.as_secs() >= LIVES.start, "two queries about {} at once", query.user);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn no_answer_comes_back_from_before_an_invalidation(steps in prop::collection::vec(any_step(), 1..80)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let mut model = Model::new();
            for step in &steps {
                model.take(step).await;
            }
            model.finish().await;
        });
    }
}

/// A directory with one number for everybody.
#[derive(Debug, Default)]
struct Numbered {
    map: AttributeMap,
    number: AtomicU64,
}

impl UserStore for Numbered {
    fn attribute_map(&self) -> &AttributeMap {
        &self.map
    }

    fn lookup<'a>(&'a self, question: Question<'a>) -> BoxFuture<'a, Result<Option<Attributes>, StoreError>> {
        Box::pin(async move {
            let number = self.number.load(Ordering::SeqCst);
            yield_now().await;
            Ok(Some(record(question.user, number, question.now)))
        })
    }

    fn probe(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(std::future::ready(Ok(())))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_invalidation_on_one_thread_holds_on_all_others() {
    const LAST: u64 = 20_000;
    let numbered = Arc::new(Numbered::default());
    let store = Arc::clone(&numbered) as Arc<dyn UserStore>;
    let cache = Arc::new(CachedStore::new("staff".into(), store, SETTINGS, Handle::current()));
    let floor = Arc::new(AtomicU64::new(0));
    let reader = |_| {
        let (cache, floor) = (Arc::clone(&cache), Arc::clone(&floor));
        tokio::spawn(async move {
            while floor.load(Ordering::SeqCst) < LAST {
                let before = floor.load(Ordering::SeqCst);
                let answer = cache.attributes(Question::new("alice", at(0)), StalePolicy::UseStale).await.unwrap();
                let number = answer.attributes.unwrap().get("record").unwrap().values[1].as_u64().unwrap();
                assert!(number >= before, "{number} after an invalidation at {before}");
                let now = floor.load(Ordering::SeqCst);
                assert!(!answer.generation.is_current() || number >= now, "{number} kept after {now}");
            }
        })
    };
    let readers: Vec<_> = (0..3).map(reader).collect();
    let writer = std::thread::spawn(move || {
        for number in 1..=LAST {
            numbered.number.store(number, Ordering::SeqCst);
            if number % 50 == 0 {
                cache.invalidate_all();
            } else {
                cache.invalidate_user("alice");
            }
            floor.store(number, Ordering::SeqCst);
            std::thread::yield_now();
        }
    });
    for reader in readers {
        reader.await.unwrap();
    }
    writer.join().unwrap();
}
