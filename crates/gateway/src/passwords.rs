//! Names and passwords of users (RFC 7617): what is remembered of a store's word on them, and how often somebody may guess.
//!
//! Remembers no password: a hash with a key of this process finds what the store said, for a short while. Says nothing
//! about who calls: that is `authenticate/password.rs`.

mod attempts;

use std::{net::IpAddr, sync::Arc, time::Duration};

use aws_lc_rs::{hmac, rand::SystemRandom};
use quick_cache::sync::Cache;
use stores::{Generation, Password, PasswordVerdict, StoreError};
use tokio::runtime::Handle;
use zeroize::Zeroizing;

use self::attempts::Attempts;
use crate::{fingerprint::Fingerprint, issuer::UserStoreHandle, time::Now, user_lookup::of_domain};

/// How many verdicts are remembered.
const MOST_VERDICTS: usize = 100_000;

/// Seconds for which a store that gave no answer is not asked about the same password again.
const TROUBLE_LIFE: u64 = 1;

/// Whether a password may come over a connection that others can read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ClearText {
    /// No, unless it comes from this machine.
    Refuse,
    /// The operator says so.
    Allow,
}

/// How the passwords of one issuer's users are checked.
#[derive(Debug)]
pub struct Passwords {
    /// Who checks them, in order: the first that knows the user decides.
    pub stores: Box<[Arc<UserStoreHandle>]>,
    /// What a browser shows.
    pub realm: Box<str>,
    /// How long a store's word is relied on.
    pub ttl: Duration,
    /// Wrong passwords in a row after which an address has to wait.
    pub attempts: u32,
    /// How long, at first.
    pub lock_for: Duration,
    /// Whether TLS may be missing.
    pub clear_text: ClearText,
}

/// Who tries which password, and from where.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Try<'a> {
    /// The issuer's fingerprint: another configuration, another verdict.
    pub issuer: Fingerprint,
    /// The name, as sent.
    pub user: &'a str,
    /// The password.
    pub password: &'a Password,
    /// The client's address.
    pub address: IpAddr,
}

/// What became of a try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    /// It is the user's password.
    Right,
    /// It is not, or there is no such user.
    Wrong,
    /// There were too many wrong ones; the store was not asked.
    Locked {
        /// When to try again.
        retry_after: Duration,
    },
    /// Two users have the name.
    Ambiguous,
    /// No store could say.
    Unavailable {
        /// When to try again.
        retry_after: Duration,
    },
}

/// What is remembered of all passwords that were tried.
#[derive(Debug)]
pub(crate) struct TriedPasswords(Arc<Memory>);

struct Memory {
    key: hmac::Key,
    verdicts: Cache<[u8; 32], Verdict>,
    attempts: Attempts,
}

/// A store's word, and what ends it.
#[derive(Clone)]
struct Verdict {
    said: Said,
    until: u64,
    generations: Arc<[Generation]>,
}

impl Verdict {
    fn counts(&self, now: u64) -> bool {
        now < self.until && self.generations.iter().all(Generation::is_current)
    }
}

impl TriedPasswords {
    /// Remembers nothing yet.
    pub(crate) fn new() -> Self {
        let verdicts = Cache::new(MOST_VERDICTS);
        Self(Arc::new(Memory { key: random_key(), verdicts, attempts: Attempts::default() }))
    }

    /// Says whether the password is the user's; any number of callers with the same one at the same time ask once.
    ///
    /// What is begun is brought to its end on `background`, also when nobody waits any more: who hangs up has guessed all
    /// the same, and the right password of somebody impatient is no guess.
    pub(crate) async fn check(
        &self,
        passwords: &Arc<Passwords>,
        tried: Try<'_>,
        (background, now): (&Handle, Now),
    ) -> Said {
        let memory = &self.0;
        let key = memory.hash(&[tried.issuer.as_bytes(), tried.user.as_bytes(), tried.password.expose().as_bytes()]);
        if let Some(verdict) = memory.verdicts.get(&key).filter(|verdict| verdict.counts(now.seconds)) {
            return verdict.said;
        }
        let (memory, passwords) = (Arc::clone(memory), Arc::clone(passwords));
        let (user, password) = (Zeroizing::new(tried.user.to_owned()), tried.password.clone());
        let Try { issuer, address, .. } = tried;
        let asking = background.spawn(async move {
            let tried = Try { issuer, user: &user, password: &password, address };
            memory.ask(key, &passwords, tried, now).await
        });
        asking.await.unwrap_or(Said::Unavailable { retry_after: Duration::from_secs(TROUBLE_LIFE) })
    }
}

impl Memory {
    /// Asks the stores, unless somebody else does, or the address has to wait.
    async fn ask(&self, key: [u8; 32], passwords: &Passwords, tried: Try<'_>, now: Now) -> Said {
        let place = loop {
            match self.verdicts.get_value_or_guard_async(&key).await {
                Ok(verdict) if verdict.counts(now.seconds) => return verdict.said,
                Ok(_) => {
                    self.verdicts.remove_if(&key, |verdict| !verdict.counts(now.seconds));
                }
                Err(place) => break place,
            }
        };
        let (stores, user) = of_domain(passwords.stores.iter().map(|store| &**store).collect(), tried.user);
        let address = address_bytes(tried.address);
        // Spellings that a store may take for the same are guesses about the same.
        let folded = user.trim().to_lowercase();
        let attempt = self.hash(&[tried.issuer.as_bytes(), folded.as_bytes(), &address]);
        // Counted before it is known how it ends, so that many at once are many.
        if let Err(retry_after) = self.attempts.begin(attempt, passwords, now.seconds) {
            return Said::Locked { retry_after };
        }
        let generations = stores.iter().map(|store| store.store.generation(user)).collect();
        let said = ask(&stores, (user, tried.password), now).await;
        let life = match &said {
            Said::Right => {
                self.attempts.succeeded(attempt);
                passwords.ttl.as_secs()
            }
            Said::Wrong | Said::Locked { .. } => passwords.ttl.as_secs(),
            Said::Ambiguous | Said::Unavailable { .. } => {
                self.attempts.take_back(attempt);
                TROUBLE_LIFE
            }
        };
        // Whoever waited for it learns it, also where nothing is to be remembered.
        let until = now.seconds.saturating_add(life.max(1));
        let _ = place.insert(Verdict { said: said.clone(), until, generations });
        said
    }

    /// Hashes fields so that no two lists of them are alike.
    fn hash(&self, fields: &[&[u8]]) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.key);
        for field in fields {
            context.update(&(field.len() as u64).to_be_bytes());
            context.update(field);
        }
        let mut hash = [0; 32];
        for (byte, signed) in hash.iter_mut().zip(context.sign().as_ref()) {
            *byte = *signed;
        }
        hash
    }
}

/// Asks one store after the other until one knows the user.
async fn ask(stores: &[&UserStoreHandle], (user, password): (&str, &Password), now: Now) -> Said {
    for store in stores {
        match store.store.check_password(user, password, now.time).await {
            Ok(PasswordVerdict::Right) => return Said::Right,
            Ok(PasswordVerdict::Wrong) => return Said::Wrong,
            Ok(PasswordVerdict::UnknownUser) => {}
            Err(error) => {
                tracing::warn!("{error}");
                return match error {
                    StoreError::Ambiguous { .. } => Said::Ambiguous,
                    StoreError::Unavailable { retry_after, .. } | StoreError::TooOld { retry_after, .. } => {
                        Said::Unavailable { retry_after }
                    }
                    StoreError::Malformed { .. } | StoreError::NoToken { .. } | StoreError::TokenRefused { .. } => {
                        Said::Unavailable { retry_after: Duration::from_secs(5) }
                    }
                };
            }
        }
    }
    Said::Wrong
}

/// Returns what tells clients apart: of IPv6 the network, as one client has as many addresses there as it likes.
fn address_bytes(address: IpAddr) -> Vec<u8> {
    match address.to_canonical() {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().iter().take(8).copied().collect(),
    }
}

#[expect(clippy::expect_used, reason = "without random numbers nothing here is safe, and no process starts")]
fn random_key() -> hmac::Key {
    hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new()).expect("random numbers")
}

impl std::fmt::Debug for Memory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Memory").field("verdicts", &self.verdicts.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::{
        net::Ipv4Addr,
        sync::{
            OnceLock,
            atomic::{AtomicUsize, Ordering},
        },
        time::{SystemTime, UNIX_EPOCH},
    };

    use claims::Attributes;
    use stores::{
        AttributeMap, BoxFuture, CacheSettings, CachedStore, InlinePasswords, InlineStore, InlineUsers, PasswordHash,
        PasswordStore, Question, UserStore,
    };

    use super::*;

    /// Counts how often it is asked.
    #[derive(Debug)]
    struct Counting(InlineStore, Arc<AtomicUsize>);

    impl UserStore for Counting {
        fn attribute_map(&self) -> &AttributeMap {
            self.0.attribute_map()
        }

        fn lookup<'a>(&'a self, question: Question<'a>) -> BoxFuture<'a, Result<Option<Attributes>, StoreError>> {
            self.0.lookup(question)
        }

        fn passwords(&self) -> Option<&dyn PasswordStore> {
            Some(self)
        }

        fn probe(&self) -> BoxFuture<'_, Result<(), StoreError>> {
            self.0.probe()
        }
    }

    impl PasswordStore for Counting {
        fn check_password<'a>(
            &'a self,
            question: Question<'a>,
            password: &'a Password,
        ) -> BoxFuture<'a, Result<PasswordVerdict, StoreError>> {
            self.1.fetch_add(1, Ordering::SeqCst);
            self.0.check_password(question, password)
        }
    }

    struct World {
        tried: TriedPasswords,
        passwords: Arc<Passwords>,
        asked: Arc<AtomicUsize>,
    }

    /// One store with `alice: wonderland`.
    fn world() -> World {
        const HASH: &str = "$2b$04$tNhulhr2VwiiSpVPXt425eTZqR97ZCZmVSWj2GEbW8kh.5OmKoK42";
        let asked = Arc::new(AtomicUsize::new(0));
        let users: InlineUsers = [("alice".into(), [].into())].into();
        let hashes: InlinePasswords = [("alice".into(), PasswordHash::parse(HASH).unwrap())].into();
        let store = InlineStore::new("staff".into(), users, None).with_passwords(hashes);
        let store = Arc::new(Counting(store, Arc::clone(&asked)));
        let runtime = Handle::current();
        let store = CachedStore::new("staff".into(), store, CacheSettings::default(), runtime);
        let handle = UserStoreHandle {
            name: "staff".into(),
            domain: Some("CORP".into()),
            fingerprint: Fingerprint::default(),
            gives: [].into(),
            lives: crate::issuer::AttributeLives::default(),
            store: Arc::new(store),
            follower: OnceLock::new(),
        };
        let passwords = Passwords {
            stores: [Arc::new(handle)].into(),
            realm: "API".into(),
            ttl: Duration::from_mins(1),
            attempts: 3,
            lock_for: Duration::from_mins(1),
            clear_text: ClearText::Refuse,
        };
        World { tried: TriedPasswords::new(), passwords: Arc::new(passwords), asked }
    }

    impl World {
        async fn check(&self, user: &str, password: &str, now: u64) -> Said {
            let now: SystemTime = UNIX_EPOCH + Duration::from_secs(now);
            let password = Password::new(password).unwrap();
            let address = Ipv4Addr::LOCALHOST.into();
            let tried = Try { issuer: Fingerprint::default(), user, password: &password, address };
            self.tried.check(&self.passwords, tried, (&Handle::current(), now.into())).await
        }

        fn asked(&self) -> usize {
            self.asked.swap(0, Ordering::SeqCst)
        }
    }

    #[tokio::test]
    async fn any_number_of_callers_ask_once() {
        let world = world();
        let asking = (0..100).map(|_| world.check("alice", "wonderland", 1000));
        let said = futures_util::future::join_all(asking).await;
        assert!(said.iter().all(|said| *said == Said::Right), "{said:?}");
        assert_eq!(world.asked(), 1);
        assert_eq!(world.check("alice", "wonderland", 1059).await, Said::Right);
        assert_eq!(world.asked(), 0);
        assert_eq!(world.check("alice", "wonderland", 1060).await, Said::Right);
        assert_eq!(world.asked(), 1);
    }

    #[tokio::test]
    async fn another_password_is_another_question() {
        let world = world();
        for _ in 0..2 {
            assert_eq!(world.check("alice", "wonderland", 1000).await, Said::Right);
            assert_eq!(world.check("CORP/alice", "wonderland", 1000).await, Said::Right);
            assert_eq!(world.check("alice", "wonderlanD", 1000).await, Said::Wrong);
            assert_eq!(world.check("alic", "ewonderland", 1000).await, Said::Wrong);
        }
        assert_eq!(world.asked(), 4);
    }

    #[tokio::test]
    async fn an_invalidation_ends_the_verdict() {
        let world = world();
        assert_eq!(world.check("alice", "wonderland", 1000).await, Said::Right);
        world.passwords.stores[0].store.invalidate_user("alice");
        assert_eq!(world.check("alice", "wonderland", 1000).await, Said::Right);
        assert_eq!(world.asked(), 2);
    }

    #[tokio::test]
    async fn who_hangs_up_has_guessed_and_is_not_asked_about_twice() {
        let world = world();
        for guess in ["one", "two", "wonderland"] {
            let asking = world.check("alice", guess, 1000);
            // Polled once: it has begun.
            assert!(futures_util::FutureExt::now_or_never(asking).is_none());
        }
        while world.asked.load(Ordering::SeqCst) < 3 {
            tokio::task::yield_now().await;
        }
        assert_eq!(world.check("alice", "wonderland", 1000).await, Said::Right);
        assert_eq!(world.check("alice", "one", 1000).await, Said::Wrong);
        assert_eq!(world.asked(), 3);
    }

    #[tokio::test]
    async fn another_spelling_is_a_guess_about_the_same_user() {
        let world = world();
        for (number, user) in ["alice", "ALICE", "corp/Alice "].iter().enumerate() {
            assert_eq!(world.check(user, &format!("guess-{number}"), 1000).await, Said::Wrong);
        }
        assert!(matches!(world.check("aLice", "guess-9", 1000).await, Said::Locked { .. }));
    }

    #[tokio::test]
    async fn many_guesses_at_once_are_many() {
        let world = world();
        let guesses: Vec<String> = (0..50).map(|number| format!("guess-{number}")).collect();
        let said = futures_util::future::join_all(guesses.iter().map(|guess| world.check("alice", guess, 1000))).await;
        assert_eq!(said.iter().filter(|said| **said == Said::Wrong).count(), 3);
        assert_eq!(world.asked(), 3);
        assert!(matches!(world.check("alice", "wonderland", 1000).await, Said::Locked { .. }));
    }
}
