//! An issuer's public keys: fetched, refreshed in the background, and kept when a fetch fails (backend-jwt.md §6).
//!
//! Bounded in every direction: 256 KiB, 100 keys, 5 s, no redirect, one extra fetch in 30 s for an unknown `kid`.

use std::{
    path::PathBuf,
    sync::{
        Arc, Weak,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime},
};

use arc_swap::ArcSwap;
use claims::{JwksError, SecretKeys, VerificationKeys};
use stores::{HttpClient, HttpClientError, HttpError, HttpRequest, HttpSettings};
use url::Url;

use crate::{fingerprint::Fingerprint, known_caller::KnownCaller, runtime::Runtime, time::seconds};

/// Where an issuer's keys are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeySource {
    /// A JWKS file.
    File(PathBuf),
    /// A JWKS address.
    Url(Url),
    /// `jwks_uri` of the discovery document at this address (`OpenID` Connect Discovery §4).
    Discovery(Url),
}

/// Why keys could not be had.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// The file cannot be read.
    #[error("cannot read the JWKS file")]
    File(#[source] std::io::Error),
    /// The server gave no answer, a redirect, or one that is longer than 256 KiB.
    #[error("cannot fetch the issuer's keys")]
    Fetch(#[from] HttpError),
    /// The server answered with an error.
    #[error("the issuer's server answered {0}")]
    Status(u16),
    /// The answer is no JWKS with a usable key.
    #[error("the issuer's answer is no JWKS")]
    Malformed(#[source] JwksError),
    /// The JWKS has no key that can verify.
    #[error("the issuer's JWKS has no usable key")]
    Empty,
    /// The discovery document is another issuer's or has no `jwks_uri`.
    #[error("the issuer's discovery document is not usable")]
    Discovery,
}

/// The keys of one issuer, as far as they are known now.
#[derive(Debug)]
pub struct IssuerKeys {
    name: Arc<str>,
    iss: Arc<str>,
    source: KeySource,
    client: HttpClient,
    extra_ca: Option<Fingerprint>,
    current: ArcSwap<Current>,
    /// The generation of [`Self::current`], where a known caller can be checked against it without loading it.
    generation: AtomicU64,
    fetched_for_unknown: AtomicU64,
    fetching: tokio::sync::Mutex<()>,
}

/// One good answer.
#[derive(Debug, Default)]
pub(crate) struct Current {
    /// The keys; `None`: never had any, or they are too old.
    pub keys: Option<Arc<VerificationKeys>>,
    /// Another one after each change.
    pub generation: u64,
    /// When they were fetched, in seconds since the epoch.
    pub fetched_at: u64,
    content: Fingerprint,
}

const REFRESH_EVERY: Duration = Duration::from_mins(10);
const RETRY_EVERY: Duration = Duration::from_secs(5);
const FILE_CHECKED_EVERY: Duration = Duration::from_secs(2);
/// Seconds for which the last good answer is used when newer ones fail.
const KEPT_FOR: u64 = 24 * 3600;
/// Seconds between fetches that an unknown `kid` may start.
const UNKNOWN_KID_PAUSE: u64 = 30;

impl IssuerKeys {
    /// Makes the holder, without keys.
    pub fn new(
        (name, iss): (Arc<str>, Arc<str>),
        source: KeySource,
        client: HttpClient,
        extra_ca: Option<Fingerprint>,
    ) -> Self {
        Self {
            extra_ca,
            name,
            iss,
            source,
            client,
            current: ArcSwap::default(),
            generation: AtomicU64::default(),
            fetched_for_unknown: AtomicU64::new(0),
            fetching: tokio::sync::Mutex::new(()),
        }
    }

    /// Returns the keys as they are now.
    pub(crate) fn current(&self) -> arc_swap::Guard<Arc<Current>> {
        self.current.load()
    }

    /// Returns the keys as they are now; `None`: there were never any, or they are too old.
    pub fn verification_keys(&self) -> Option<Arc<VerificationKeys>> {
        self.current.load().keys.clone()
    }

    /// True when this holder is for that issuer, source and CA: then it is carried over.
    pub fn serves(&self, iss: &str, source: &KeySource, extra_ca: Option<Fingerprint>) -> bool {
        *self.iss == *iss && self.source == *source && self.extra_ca == extra_ca
    }

    /// Returns the fingerprint of what [`IssuerKeys::serves`] compares.
    pub(crate) fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of_value(&(&self.iss, &self.source, self.extra_ca))
    }

    /// Returns where they come from.
    pub fn source(&self) -> &KeySource {
        &self.source
    }

    /// True when the key that verified this caller is still one of the issuer's.
    pub fn still_vouch_for(&self, caller: &KnownCaller) -> bool {
        if caller.vouching.keys_generation.load(Ordering::Relaxed) == self.generation.load(Ordering::Acquire) {
            return true;
        }
        let current = self.current.load();
        let is_known = current.keys.as_ref().zip(caller.vouching.key).is_some_and(|(keys, key)| keys.trusts(&key));
        if is_known {
            caller.vouching.keys_generation.store(current.generation, Ordering::Relaxed);
        }
        is_known
    }

    /// Reads a JWKS file at once, so that it is there before the first request.
    ///
    /// # Errors
    ///
    /// [`KeysError`] when the file is missing or no JWKS; the keys stay as they were.
    pub fn load_file(&self, now: SystemTime) -> Result<(), KeysError> {
        let KeySource::File(path) = &self.source else { return Ok(()) };
        let bytes = std::fs::read(path).map_err(KeysError::File)?;
        self.accept(&bytes, now)
    }

    /// Fetches the keys now.
    ///
    /// # Errors
    ///
    /// [`KeysError`]; the last good keys stay, for 24 h at most.
    pub async fn refresh(&self, now: SystemTime) -> Result<(), KeysError> {
        let outcome = match &self.source {
            KeySource::File(_) => self.load_file(now),
            KeySource::Url(url) => self.fetch(url.clone()).await.and_then(|bytes| self.accept(&bytes, now)),
            KeySource::Discovery(url) => self.discover(url.clone(), now).await,
        };
        if let Err(error) = &outcome {
            tracing::warn!(issuer = %self.name, error = %chain(error), "the issuer's keys were not refreshed");
            self.forget_old(now);
        }
        outcome
    }

    /// Fetches the keys because a token names a `kid` that is not there; at most once in 30 s.
    ///
    /// Returns true when there may be new keys.
    pub async fn refresh_for_unknown_kid(&self, now: SystemTime) -> bool {
        let generation = self.current.load().generation;
        let _fetching = self.fetching.lock().await;
        if self.current.load().generation != generation {
            return true;
        }
        let last = self.fetched_for_unknown.load(Ordering::Relaxed);
        if seconds(now) < last + UNKNOWN_KID_PAUSE {
            return false;
        }
        self.fetched_for_unknown.store(seconds(now), Ordering::Relaxed);
        self.refresh(now).await.is_ok()
    }

    /// Keeps the keys fresh for as long as somebody holds them.
    pub fn keep_fresh(self: &Arc<Self>, runtime: &Runtime) {
        let keys = Arc::downgrade(self);
        let clock = runtime.clock;
        runtime.background.spawn(async move {
            while let Some(pause) = refresh_once(&keys, clock()).await {
                tokio::time::sleep(pause).await;
            }
        });
    }

    async fn discover(&self, url: Url, now: SystemTime) -> Result<(), KeysError> {
        let document = self.fetch(url).await?;
        let document: serde_json::Value = serde_json::from_slice(&document).map_err(|_| KeysError::Discovery)?;
        if document.get("issuer").and_then(serde_json::Value::as_str) != Some(&self.iss) {
            return Err(KeysError::Discovery);
        }
        let address = document.get("jwks_uri").and_then(serde_json::Value::as_str).ok_or(KeysError::Discovery)?;
        let address = Url::parse(address).map_err(|_| KeysError::Discovery)?;
        let bytes = self.fetch(address).await?;
        self.accept(&bytes, now)
    }

    async fn fetch(&self, url: Url) -> Result<Vec<u8>, KeysError> {
        let answer = self.client.send(HttpRequest::get(url)).await?;
        if !answer.status.is_success() {
            return Err(KeysError::Status(answer.status.as_u16()));
        }
        Ok(answer.body)
    }

    fn accept(&self, jwks: &[u8], now: SystemTime) -> Result<(), KeysError> {
        let content = Fingerprint::of([jwks]);
        let fetched_at = seconds(now);
        let current = self.current.load();
        if current.content == content
            && let Some(keys) = &current.keys
        {
            let keys = Some(Arc::clone(keys));
            self.put(Current { keys, generation: current.generation, fetched_at, content });
            return Ok(());
        }
        let keys = VerificationKeys::from_jwks(jwks, SecretKeys::Refuse).map_err(KeysError::Malformed)?;
        if keys.is_empty() {
            return Err(KeysError::Empty);
        }
        let (keys, generation) = (Some(Arc::new(keys)), next_generation());
        self.put(Current { keys, generation, fetched_at, content });
        Ok(())
    }

    fn forget_old(&self, now: SystemTime) {
        let current = self.current.load();
        if current.keys.is_some() && seconds(now) > current.fetched_at + KEPT_FOR {
            tracing::error!(issuer = %self.name, "the issuer's keys are too old to be used");
            self.put(Current { keys: None, generation: next_generation(), ..Current::default() });
        }
    }

    fn put(&self, current: Current) {
        let generation = current.generation;
        self.current.store(Arc::new(current));
        self.generation.store(generation, Ordering::Release);
    }
}

/// Returns a number that no keys of the process have had: an issuer that is configured anew does not start over, so that a
/// caller whom its earlier keys vouched for is looked at again.
fn next_generation() -> u64 {
    static LAST: AtomicU64 = AtomicU64::new(0);
    LAST.fetch_add(1, Ordering::Relaxed) + 1
}

/// Refreshes once; returns how long to wait for the next time, `None` when nobody holds the keys any more.
async fn refresh_once(keys: &Weak<IssuerKeys>, now: SystemTime) -> Option<Duration> {
    let keys = keys.upgrade()?;
    let outcome = keys.refresh(now).await;
    Some(match (&keys.source, outcome) {
        (KeySource::File(_), _) => FILE_CHECKED_EVERY,
        (KeySource::Url(_) | KeySource::Discovery(_), Ok(())) => REFRESH_EVERY,
        (KeySource::Url(_) | KeySource::Discovery(_), Err(_)) => RETRY_EVERY,
    })
}

/// Makes the HTTP client for one issuer.
///
/// # Errors
///
/// When the CA certificates cannot be used.
pub(crate) fn client(extra_ca: Option<&[u8]>) -> Result<HttpClient, HttpClientError> {
    HttpClient::new(&HttpSettings {
        connect_timeout: Duration::from_secs(2),
        timeout: Duration::from_secs(5),
        most_bytes: VerificationKeys::MAX_BYTES,
        most_at_once: 2,
        ca: extra_ca.map(<[u8]>::to_vec),
    })
}

/// Writes an error with its causes.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

#[cfg(test)]
mod tests {
    use claims::{Algorithm, Object, PrincipalKind, RsaSize, SigningKey};

    use super::*;
    use crate::{
        callers::Callers,
        known_caller::{CredentialKind, UserTag, Vouchers, tests::principal},
    };

    /// RFC 8037 appendix A.2, and RFC 8032 §7.1, test 2.
    const KEYS: [&str; 2] =
        ["11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", "PUAXw-hDiVqStwqnTRt-vJyYLM8uxJaMwM1V8Sr0Zgw"];

    fn with_key(x: &str) -> IssuerKeys {
        let source = KeySource::File("jwks.json".into());
        let keys =
            IssuerKeys::new(("corp".into(), "https://idp.example.com".into()), source, client(None).unwrap(), None);
        let jwks = format!(r#"{{"keys":[{{"kty":"OKP","crv":"Ed25519","kid":"{x}","x":"{x}"}}]}}"#);
        keys.accept(jwks.as_bytes(), SystemTime::UNIX_EPOCH).unwrap();
        keys
    }

    #[test]
    fn a_caller_of_keys_from_before_the_issuer_was_configured_anew_is_looked_at_again() {
        let [before, anew] = KEYS.map(with_key);
        let kind = PrincipalKind::EndUser { lookup: "alice".into() };
        let mut vouchers = Vouchers::of(CredentialKind::Jwt, Fingerprint::default());
        let key = SigningKey::generate(Algorithm::EdDsa, RsaSize::default()).unwrap();
        vouchers.vouching.key = Some(key.fingerprint());
        vouchers.vouching.keys_generation = before.current().generation.into();
        let told = (principal("alice", kind), &Object::default());
        let caller = Callers::new(1 << 20).remember(b"token", told, vouchers, UserTag::new(b"tag"));
        assert!(before.still_vouch_for(&caller));
        assert!(!anew.still_vouch_for(&caller));
    }
}
