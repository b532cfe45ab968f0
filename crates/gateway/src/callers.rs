//! The cache of known callers: verified principals and their Backend JWTs, found by the credential's full bytes.
//!
//! A keyed hash finds the bucket only; equality is on the whole credential, never on a part of it. Only verified
//! credentials get in, so that made-up ones cannot push known ones out. Says nothing about scopes, audience or expiry:
//! those are checked for each operation, in `authenticate.rs`.

use std::{
    hash::{Hash, Hasher},
    sync::{Arc, atomic::Ordering},
};

use claims::{Common, Object, Principal, PrincipalKind, TokenError};
use foldhash::fast::RandomState;
use quick_cache::{Equivalent, Weighter, sync::Cache};

use crate::{
    known_caller::{CredentialKind, KnownCaller, UserTag, Vouchers, Vouching},
    revocations::Revoked,
};

/// A credential, borrowed for a look-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct CredentialRef<'a> {
    kind: CredentialKind,
    bytes: &'a [u8],
}

/// A credential that was refused, whole.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct CredentialKey {
    kind: CredentialKind,
    bytes: Box<[u8]>,
}

impl Equivalent<CredentialKey> for CredentialRef<'_> {
    fn equivalent(&self, key: &CredentialKey) -> bool {
        *self == CredentialRef { kind: key.kind, bytes: &key.bytes }
    }
}

/// A credential among those that were verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Verified<'a>(CredentialRef<'a>);

/// How much of the end of a signed token is hashed: 48 bytes of its signature, in base64.
const TELLING: usize = 64;

impl Hash for Verified<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let CredentialRef { kind, bytes } = self.0;
        // Nobody but the issuer can make two tokens whose signatures end alike: no need to read all of them.
        let telling = match kind {
            CredentialKind::Jwt => bytes.last_chunk::<TELLING>().map_or(bytes, |end| end),
            CredentialKind::Opaque
            | CredentialKind::ApiKey
            | CredentialKind::Password
            | CredentialKind::Certificate => bytes,
        };
        (kind, telling).hash(state);
    }
}

/// A caller as the key of its own entry.
#[derive(Clone, Debug)]
struct Held(Arc<KnownCaller>);

impl Held {
    fn credential(&self) -> Verified<'_> {
        Verified(CredentialRef { kind: self.0.vouching.kind, bytes: self.0.credential() })
    }
}

impl Hash for Held {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.credential().hash(state);
    }
}

impl PartialEq for Held {
    fn eq(&self, other: &Self) -> bool {
        self.credential() == other.credential()
    }
}

impl Eq for Held {}

impl Equivalent<Held> for Verified<'_> {
    fn equivalent(&self, held: &Held) -> bool {
        *self == held.credential()
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

impl Weighter<Held, Weighed> for Bytes {
    fn weight(&self, _: &Held, weighed: &Weighed) -> u64 {
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
    known: Cache<Held, Weighed, Bytes, RandomState>,
    refused: Cache<CredentialKey, Refused, Bytes, RandomState>,
    vouching: Common<Vouching>,
}

impl std::fmt::Debug for Callers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Callers")
            .field("known", &self.known.len())
            .field("refused", &self.refused.len())
            .finish_non_exhaustive()
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
            vouching: Common::default(),
        }
    }

    /// Returns the caller of a credential, if it is known.
    pub fn get(&self, kind: CredentialKind, credential: &[u8]) -> Option<Arc<KnownCaller>> {
        self.known.get(&Verified(CredentialRef { kind, bytes: credential })).map(|weighed| weighed.caller)
    }

    /// Weighs a caller anew after its Backend JWTs changed. That is no use of it: strangers must not look like regulars.
    pub(crate) fn reweigh(&self, caller: Arc<KnownCaller>) {
        let weight = caller.weight() as u64;
        let _ = self.known.replace(Held(Arc::clone(&caller)), Weighed { caller, weight }, true);
    }

    /// Remembers the caller of a verified credential; `claims` as the credential has them, before any renaming.
    pub(crate) fn remember(
        &self,
        credential: &[u8],
        (principal, claims): (Principal, &Object),
        vouchers: Vouchers,
        user_tag: UserTag,
    ) -> Arc<KnownCaller> {
        let Vouchers { vouching, check_at, confirmation, told_application } = vouchers;
        let shared = self.vouching.share(|known| known.is_like(&vouching), || Arc::new(vouching.clone()));
        shared.keys_generation.store(vouching.keys_generation.into_inner(), Ordering::Relaxed);
        let own = (check_at, confirmation, told_application);
        let caller = Arc::new(KnownCaller::new(credential, (principal, claims), shared, own, user_tag));
        let weight = caller.weight() as u64;
        self.known.insert(Held(Arc::clone(&caller)), Weighed { caller: Arc::clone(&caller), weight });
        caller
    }

    /// Forgets a credential.
    pub fn remove(&self, kind: CredentialKind, credential: &[u8]) {
        self.known.remove(&Verified(CredentialRef { kind, bytes: credential }));
    }

    /// Forgets the callers that this is about.
    pub(crate) fn remove_revoked(&self, revoked: &Revoked) {
        self.known.retain(|_, weighed| !revoked.matches(&weighed.caller));
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
        self.refused.insert(CredentialKey { kind, bytes: credential.as_bytes().into() }, refused);
    }

    /// Returns some users that have called: their token's issuer and their name for look-ups, each once.
    pub fn users(&self, most: usize) -> Vec<(Box<str>, Box<str>)> {
        let mut users: Vec<(Box<str>, Box<str>)> = Vec::new();
        for (_, weighed) in self.known.iter() {
            let principal = &weighed.caller.principal;
            let PrincipalKind::EndUser { lookup } = &principal.kind else { continue };
            let user = (Box::from(&*principal.grant.issuer), Box::from(&**lookup));
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
    use claims::{Algorithm, KeyFingerprint, RsaSize, SigningKey};

    use super::*;
    use crate::{fingerprint::Fingerprint, known_caller::tests::principal};

    const MAX_BYTES: u64 = 4 * 1024 * 1024;
    const STRANGERS: u64 = 1_000_000;
    const REGULARS: u64 = 100;

    fn ask(callers: &Callers, credential: &str, key: KeyFingerprint) -> bool {
        let is_known = callers.get(CredentialKind::Jwt, credential.as_bytes()).is_some();
        if !is_known {
            let mut vouchers = Vouchers::of(CredentialKind::Jwt, Fingerprint::default());
            vouchers.vouching.key = Some(key);
            let kind = PrincipalKind::EndUser { lookup: credential.into() };
            let told = (principal(credential, kind), &Object::default());
            callers.remember(credential.as_bytes(), told, vouchers, UserTag::new(b"tag"));
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
