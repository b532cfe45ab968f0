//! The cache of known callers: verified principals and their Backend JWTs, found by the credential's full bytes.
//!
//! A keyed hash finds the bucket only; equality is on the whole credential, never on a part of it. Only verified
//! credentials get in, so that made-up ones cannot push known ones out. Says nothing about scopes, audience or expiry:
//! those are checked for each operation, in `authenticate.rs`.

use std::{
    hash::{Hash, Hasher},
    sync::{Arc, atomic::AtomicU64},
};

use arc_swap::ArcSwap;
use claims::{Confirmation, KeyFingerprint, KeyType, Principal, PrincipalKind, TokenError, allocated};
use foldhash::fast::RandomState;
use quick_cache::{Equivalent, Weighter, sync::Cache};

use crate::{
    authenticate::Identity, fingerprint::Fingerprint, issued::IssuedJwt, issuer::Issuer, revocations::Revoked,
};

/// What kind of credential it is: part of the key, so that two kinds with equal bytes stay apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CredentialKind {
    /// A signed access token.
    Jwt,
    /// An access token that only its issuer can read.
    Opaque,
    /// SHA-256 of an API key: the key itself is not kept.
    ApiKey,
    /// A user by issuer and name, whose password was right just now.
    Password,
    /// SHA-256 of a client certificate, and the fingerprint of the authority that trusts it.
    Certificate,
}

/// A credential, whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CredentialKey {
    kind: CredentialKind,
    bytes: Arc<[u8]>,
}

impl CredentialKey {
    /// Makes the key of a credential.
    pub(crate) fn new(kind: CredentialKind, credential: &[u8]) -> Self {
        Self { kind, bytes: credential.into() }
    }

    /// Returns the access token, where it is one.
    fn token(&self) -> Option<&str> {
        match self.kind {
            CredentialKind::Jwt | CredentialKind::Opaque => std::str::from_utf8(&self.bytes).ok(),
            CredentialKind::ApiKey | CredentialKind::Certificate | CredentialKind::Password => None,
        }
    }
}

/// A credential, borrowed for a look-up.
#[derive(Debug)]
struct CredentialRef<'a> {
    kind: CredentialKind,
    bytes: &'a [u8],
}

impl Hash for CredentialKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        CredentialRef { kind: self.kind, bytes: &self.bytes }.hash(state);
    }
}

impl Hash for CredentialRef<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u8(self.kind as u8);
        self.bytes.hash(state);
    }
}

impl Equivalent<CredentialKey> for CredentialRef<'_> {
    fn equivalent(&self, key: &CredentialKey) -> bool {
        self.kind == key.kind && *self.bytes == *key.bytes
    }
}

/// A verified principal, what vouches for it, and its Backend JWTs.
#[derive(Debug)]
pub struct KnownCaller {
    /// The credential, shared with the cache's key.
    credential: CredentialKey,
    /// Who it is.
    pub principal: Principal,
    /// The configuration that vouches for it: the issuer's, or the API key's.
    pub vouched_by: Fingerprint,
    /// The issuer's key that verified it; `None`: no signature did.
    pub key: Option<KeyFingerprint>,
    /// The generation of the issuer's keys in which that key was last seen.
    pub keys_generation: AtomicU64,
    /// When it must be checked again, in seconds since the epoch; never for what is signed.
    pub check_at: AtomicU64,
    /// The token's `aud`, for APIs that insist on their own.
    pub audience: Box<[Box<str>]>,
    /// What must be proved at every use; `None`: it is a bearer token, as most are.
    pub confirmation: Option<Box<Confirmation>>,
    /// The application that the credential itself belongs to; `None`: its client's.
    pub application: Option<OwnApplication>,
    /// A keyed hash of the user, for the audit record.
    pub user_tag: Arc<str>,
    /// The Backend JWTs, by policy.
    pub jwts: ArcSwap<Vec<Arc<IssuedJwt>>>,
    /// Held while one is made: concurrent misses of one caller coalesce.
    pub minting: tokio::sync::Mutex<()>,
}

/// What stands before what is shared: its counts.
pub(crate) const COUNTS: usize = 2 * size_of::<usize>();

/// What the cache itself takes for an entry, its table half empty.
const SLOT: usize = 128;

/// More Backend JWTs than this one caller does not keep: the oldest goes.
const MOST_JWTS: usize = 64;

impl KnownCaller {
    /// Makes an entry without Backend JWTs.
    pub(crate) fn new(credential: CredentialKey, principal: Principal, vouchers: Vouchers) -> Self {
        let Vouchers { vouched_by, key, keys_generation, check_at, audience, confirmation, application, user_tag } =
            vouchers;
        Self {
            credential,
            principal,
            vouched_by,
            key,
            keys_generation: AtomicU64::new(keys_generation),
            check_at: AtomicU64::new(check_at),
            audience,
            confirmation: confirmation.map(Box::new),
            application,
            user_tag,
            jwts: ArcSwap::default(),
            minting: tokio::sync::Mutex::new(()),
        }
    }

    /// Returns what the steps after authentication need of it.
    pub(crate) fn identity<'a>(&'a self, issuer: Option<&'a Issuer>) -> Identity<'a> {
        let application = self.application.as_ref();
        Identity { principal: &self.principal, issuer, application, token: self.credential.token() }
    }

    /// Returns what kind of credential it came with.
    pub fn kind(&self) -> CredentialKind {
        self.credential.kind
    }

    /// Keeps a Backend JWT in place of the one of its slot; `is_live` says which others to keep.
    pub fn keep(&self, jwt: &Arc<IssuedJwt>, is_live: impl Fn(&IssuedJwt) -> bool) {
        self.jwts.rcu(|current| {
            let others = current.iter().filter(|other| other.slot != jwt.slot && is_live(other)).cloned();
            let mut jwts: Vec<_> = std::iter::once(Arc::clone(jwt)).chain(others).collect();
            jwts.truncate(MOST_JWTS);
            jwts
        });
    }

    /// Estimates the bytes held.
    fn weight(&self) -> usize {
        let principal = &self.principal;
        let lookup = match &principal.kind {
            PrincipalKind::EndUser { lookup } => lookup.len(),
            PrincipalKind::Application => 0,
        };
        let client = principal.client_id.as_ref().map_or(0, |client| client.len());
        let texts = [principal.subject.len(), lookup, client].map(allocated).iter().sum::<usize>();
        let lists =
            [&*principal.scopes, &principal.organizations, &self.audience].map(texts_weight).iter().sum::<usize>();
        let shared = [size_of::<Self>(), self.credential.bytes.len(), self.user_tag.len()];
        let shared = shared.map(|bytes| allocated(COUNTS + bytes)).iter().sum::<usize>();
        let jwts = self.jwts.load();
        let list = allocated(COUNTS + size_of::<Vec<Arc<IssuedJwt>>>()) + allocated(jwts.len() * size_of::<usize>());
        let jwts = jwts.iter().map(|jwt| jwt.weight()).sum::<usize>();
        SLOT + shared + texts + lists + principal.token_claims.weight() + list + jwts
    }
}

/// Estimates the bytes of a list of texts.
fn texts_weight(texts: &[Box<str>]) -> usize {
    allocated(size_of_val(texts)) + texts.iter().map(|text| allocated(text.len())).sum::<usize>()
}

/// The application that a credential of the operator's own belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnApplication {
    /// Its name.
    pub name: Arc<str>,
    /// Which endpoints the credential is for.
    pub key_type: KeyType,
}

/// What vouches for a principal.
#[derive(Debug)]
pub(crate) struct Vouchers {
    /// The configuration of the issuer or the API key.
    pub vouched_by: Fingerprint,
    /// The verification key.
    pub key: Option<KeyFingerprint>,
    /// The generation of the issuer's keys.
    pub keys_generation: u64,
    /// When it must be checked again.
    pub check_at: u64,
    /// The token's `aud`.
    pub audience: Box<[Box<str>]>,
    /// What must be proved at every use.
    pub confirmation: Option<Confirmation>,
    /// The application that the credential belongs to.
    pub application: Option<OwnApplication>,
    /// A keyed hash of the user.
    pub user_tag: Arc<str>,
}

impl Vouchers {
    /// What vouches without a signature, until it is taken away.
    pub(crate) fn of(vouched_by: Fingerprint, user_tag: Arc<str>) -> Self {
        Self {
            vouched_by,
            key: None,
            keys_generation: 0,
            check_at: u64::MAX,
            audience: Box::default(),
            confirmation: None,
            application: None,
            user_tag,
        }
    }
}

/// Weighs entries by the bytes that they hold.
#[derive(Clone, Copy, Debug)]
struct Bytes;

/// A caller with the weight that it had when it was put in: the cache must see the same one when it takes it out.
#[derive(Clone, Debug)]
struct Weighed {
    caller: Arc<KnownCaller>,
    weight: u64,
}

impl Weighter<CredentialKey, Weighed> for Bytes {
    fn weight(&self, _: &CredentialKey, weighed: &Weighed) -> u64 {
        weighed.weight
    }
}

impl Weighter<CredentialKey, Refused> for Bytes {
    fn weight(&self, key: &CredentialKey, _: &Refused) -> u64 {
        (key.bytes.len() + size_of::<Refused>() + size_of::<CredentialKey>()) as u64
    }
}

/// A credential that was refused, for a moment.
#[derive(Clone, Copy, Debug)]
struct Refused {
    error: TokenError,
    until: u64,
    revision: u64,
}

/// Seconds for which a refusal is remembered.
const REFUSAL_LIFE: u64 = 5;
/// The refusals' share of the bytes: one part in this many.
const REFUSAL_SHARE: u64 = 100;

/// All known callers, within a bound of bytes.
pub struct Callers {
    known: Cache<CredentialKey, Weighed, Bytes, RandomState>,
    refused: Cache<CredentialKey, Refused, Bytes, RandomState>,
}

impl std::fmt::Debug for Callers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Callers").field("known", &self.known.len()).field("refused", &self.refused.len()).finish()
    }
}

impl Callers {
    /// Makes an empty cache of at most `max_bytes`.
    pub fn new(max_bytes: u64) -> Self {
        let items = usize::try_from(max_bytes / 4096).unwrap_or(usize::MAX).max(64);
        let refused_bytes = (max_bytes / REFUSAL_SHARE).max(64 * 1024);
        Self {
            known: Cache::with(
                items,
                max_bytes,
                Bytes,
                RandomState::default(),
                quick_cache::sync::DefaultLifecycle::default(),
            ),
            refused: Cache::with(
                1024,
                refused_bytes,
                Bytes,
                RandomState::default(),
                quick_cache::sync::DefaultLifecycle::default(),
            ),
        }
    }

    /// Returns the caller of a credential, if it is known.
    pub fn get(&self, kind: CredentialKind, credential: &[u8]) -> Option<Arc<KnownCaller>> {
        self.known.get(&CredentialRef { kind, bytes: credential }).map(|weighed| weighed.caller)
    }

    /// Weighs a caller anew after its Backend JWTs changed. That is no use of it: strangers must not look like regulars.
    pub(crate) fn reweigh(&self, caller: Arc<KnownCaller>) {
        let weight = caller.weight() as u64;
        let _ = self.known.replace(caller.credential.clone(), Weighed { caller, weight }, true);
    }

    /// Remembers a caller.
    pub fn insert(&self, caller: Arc<KnownCaller>) {
        let weight = caller.weight() as u64;
        self.known.insert(caller.credential.clone(), Weighed { caller, weight });
    }

    /// Forgets a credential.
    pub fn remove(&self, kind: CredentialKind, credential: &[u8]) {
        self.known.remove(&CredentialRef { kind, bytes: credential });
    }

    /// Forgets the callers that this is about.
    pub(crate) fn remove_revoked(&self, revoked: &Revoked) {
        self.known.retain(|_, weighed| !revoked.matches(&weighed.caller.principal));
    }

    /// Forgets everybody.
    pub fn clear(&self) {
        self.known.clear();
        self.refused.clear();
    }

    /// Returns why this credential was refused a moment ago under the same configuration.
    pub fn refusal(&self, kind: CredentialKind, credential: &str, revision: u64, now: u64) -> Option<TokenError> {
        let refused = self.refused.get(&CredentialRef { kind, bytes: credential.as_bytes() })?;
        (refused.revision == revision && now < refused.until).then_some(refused.error)
    }

    /// Remembers a refusal for a moment.
    pub fn refuse(&self, kind: CredentialKind, credential: &str, revision: u64, refusal: (TokenError, u64)) {
        let (error, now) = refusal;
        let refused = Refused { error, until: now + REFUSAL_LIFE, revision };
        self.refused.insert(CredentialKey::new(kind, credential.as_bytes()), refused);
    }

    /// Returns some users that have called: their token's issuer and their name for look-ups, each once.
    pub fn users(&self, most: usize) -> Vec<(Box<str>, Box<str>)> {
        let mut users: Vec<(Box<str>, Box<str>)> = Vec::new();
        for (_, weighed) in self.known.iter() {
            let principal = &weighed.caller.principal;
            let PrincipalKind::EndUser { lookup } = &principal.kind else { continue };
            let user = (Box::from(&*principal.issuer), Box::from(&**lookup));
            if users.len() >= most {
                break;
            }
            if !users.contains(&user) {
                users.push(user);
            }
        }
        users
    }

    /// Returns how many callers are known, and the bytes that they hold.
    pub fn size(&self) -> (usize, u64) {
        (self.known.len(), self.known.weight())
    }
}

#[cfg(test)]
mod tests {
    use claims::{Algorithm, Object, PrincipalKind, RsaSize, SigningKey};

    use super::*;

    const MAX_BYTES: u64 = 4 * 1024 * 1024;
    const STRANGERS: u64 = 1_000_000;
    const REGULARS: u64 = 100;

    fn caller(credential: &str, key: KeyFingerprint) -> Arc<KnownCaller> {
        let principal = Principal {
            issuer: "corp".into(),
            iss: "https://idp.example.com".into(),
            subject: credential.into(),
            kind: PrincipalKind::EndUser { lookup: credential.into() },
            client_id: None,
            scopes: Box::default(),
            organizations: Box::default(),
            token_claims: Object::default().into(),
            expires_at: None,
        };
        let vouchers =
            Vouchers { key: Some(key), keys_generation: 1, ..Vouchers::of(Fingerprint::default(), "tag".into()) };
        Arc::new(KnownCaller::new(CredentialKey::new(CredentialKind::Jwt, credential.as_bytes()), principal, vouchers))
    }

    fn ask(callers: &Callers, credential: &str, key: KeyFingerprint) -> bool {
        let is_known = callers.get(CredentialKind::Jwt, credential.as_bytes()).is_some();
        if !is_known {
            callers.insert(caller(credential, key));
        }
        is_known
    }

    /// CK-11 of docs/security.md.
    #[test]
    fn a_million_strangers_do_not_push_out_the_regulars() {
        let key = SigningKey::generate(Algorithm::EdDsa, RsaSize::default()).unwrap().fingerprint();
        let callers = Callers::new(MAX_BYTES);
        let (mut asked, mut hits) = (0, 0);
        for stranger in 0..STRANGERS {
            ask(&callers, &format!("stranger-{stranger}"), key);
            if stranger % 10 == 0 {
                let regular = format!("regular-{}", stranger / 10 % REGULARS);
                asked += 1;
                hits += u64::from(ask(&callers, &regular, key));
            }
        }
        assert!(callers.size().1 <= MAX_BYTES, "{:?}", callers.size());
        assert!(hits * 10 >= asked * 9, "{hits} of {asked}");
    }
}
