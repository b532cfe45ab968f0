//! A verified principal as the cache keeps it: with what vouches for it, its claims and its Backend JWTs.
//!
//! There is one for each end user: what they have in common is kept once for all of them, and nothing is kept twice.

use std::{
    fmt,
    hash::BuildHasher,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use arc_swap::ArcSwapOption;
use claims::{
    Confirmation, Json, KeyFingerprint, KeyType, Object, PackedObject, Principal, PrincipalKind, UnverifiedToken,
    allocated, texts_weight,
};
use foldhash::fast::FixedState;

use crate::{
    applications::ToldApplication,
    authenticate::{Identity, Told},
    decide::Jwts,
    fingerprint::Fingerprint,
    issued::IssuedJwt,
    issuer::Issuer,
    turn::Turn,
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

/// A verified principal, what vouches for it, and its Backend JWTs.
#[derive(Debug)]
pub struct KnownCaller {
    /// The credential, whole.
    credential: Box<[u8]>,
    /// Who it is.
    pub principal: Principal,
    marks: Marks,
    /// `None` for a bearer token that was signed, as most are.
    particulars: Option<Box<Particulars>>,
    /// What vouches for it.
    pub vouching: Arc<Vouching>,
    /// The user in audit records.
    pub user_tag: UserTag,
    /// The first Backend JWT, which has the others: one for each policy, the newest first.
    pub jwts: ArcSwapOption<IssuedJwt>,
    /// Whose turn it is to make one: concurrent misses of one caller coalesce.
    pub(crate) minting: Turn,
}

/// What some callers have.
#[derive(Debug)]
struct Particulars {
    /// The credential's claims; `None`: they are in the token.
    claims: Option<PackedObject>,
    /// When it must be checked again, in seconds since the epoch; never for what is signed.
    check_at: AtomicU64,
    /// What must be proved at every use; `None`: it is a bearer token.
    confirmation: Option<Confirmation>,
    /// The application of which the token tells, where its issuer is believed.
    told_application: Option<ToldApplication>,
}

/// What vouches for principals: the same for all whose tokens one key of one issuer signed, for one audience.
#[derive(Debug)]
pub struct Vouching {
    /// What kind of credential they come with.
    pub kind: CredentialKind,
    /// The configuration that vouches for them: the issuer's, or the API key's.
    pub by: Fingerprint,
    /// The issuer's key that verified them; `None`: no signature did.
    pub key: Option<KeyFingerprint>,
    /// The generation of the issuer's keys in which that key was last seen.
    pub keys_generation: AtomicU64,
    /// The tokens' `aud`, for APIs that insist on their own.
    pub audience: Box<[Box<str>]>,
    /// The application that the credential itself belongs to; `None`: its client's.
    pub application: Option<OwnApplication>,
}

/// The application that a credential of the operator's own belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnApplication {
    /// Its name.
    pub name: Arc<str>,
    /// Which endpoints the credential is for.
    pub key_type: KeyType,
}

/// What vouches for a new caller.
#[derive(Debug)]
pub(crate) struct Vouchers {
    /// For it and others.
    pub vouching: Vouching,
    /// When it must be checked again, in seconds since the epoch.
    pub check_at: u64,
    /// What must be proved at every use.
    pub confirmation: Option<Confirmation>,
    /// The application of which the token tells, where its issuer is believed.
    pub told_application: Option<ToldApplication>,
}

impl Vouchers {
    /// What vouches without a signature, until it is taken away.
    pub(crate) fn of(kind: CredentialKind, by: Fingerprint) -> Self {
        let (key, keys_generation, audience, application) = (None, AtomicU64::default(), Box::default(), None);
        let vouching = Vouching { kind, by, key, keys_generation, audience, application };
        Self { vouching, check_at: u64::MAX, confirmation: None, told_application: None }
    }
}

impl Vouching {
    /// True when the other one differs in nothing but the generation of the keys.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        let Self { kind, by, key, keys_generation: _, audience, application } = self;
        (kind, by, key) == (&other.kind, &other.by, &other.key)
            && *audience == other.audience
            && *application == other.application
    }

    fn weight(&self) -> usize {
        allocated(COUNTS + size_of::<Self>()) + texts_weight(&self.audience)
    }
}

impl Clone for Vouching {
    fn clone(&self) -> Self {
        Self {
            kind: self.kind,
            by: self.by,
            key: self.key,
            keys_generation: self.keys_generation.load(Ordering::Relaxed).into(),
            audience: self.audience.clone(),
            application: self.application.clone(),
        }
    }
}

/// The name of a user in audit records: 96 bits of a keyed hash, in hexadecimal.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct UserTag([u8; Self::LENGTH]);

impl UserTag {
    const LENGTH: usize = 24;

    /// Makes it of a hash.
    pub(crate) fn new(hash: &[u8]) -> Self {
        let digit = |place: usize| {
            let byte = hash.get(place / 2).copied().unwrap_or_default();
            let nibble = if place.is_multiple_of(2) { byte >> 4 } else { byte & 15 };
            char::from_digit(nibble.into(), 16).map_or(b'0', |digit| digit as u8)
        };
        Self(std::array::from_fn(digit))
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        // Digits are text.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for UserTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for UserTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The claims by which a session is ended: one bit for each, so that most callers whom an event is not about need not be
/// looked at closely.
#[derive(Clone, Copy, Debug)]
struct Marks(u64);

impl Marks {
    const CLAIMS: [&str; 3] = ["sub", "sid", "jti"];

    fn of(claims: &Object) -> Self {
        let text = |claim: &str| claims.get(claim).and_then(Json::as_str);
        let marks = Self::CLAIMS.into_iter().filter_map(|claim| Some(Self::one(claim, text(claim)?)));
        Self(marks.fold(0, |marks, mark| marks | mark))
    }

    fn one(claim: &str, text: &str) -> u64 {
        1 << (FixedState::default().hash_one((claim, text)) % u64::from(u64::BITS))
    }
}

/// What stands before what is shared: its counts.
pub(crate) const COUNTS: usize = 2 * size_of::<usize>();

/// What the cache itself takes for an entry: key, value and links, and a place in a table that is half empty.
const SLOT: usize = 72;

/// Seconds that two readings of the clock may lie apart, as each worker and each request has its own.
const CLOCK_SLACK: u64 = 5;

/// More Backend JWTs than this one caller does not keep: the oldest goes.
const MOST_JWTS: usize = 64;

impl KnownCaller {
    /// Makes an entry without Backend JWTs; `claims` as the credential has them, before any renaming.
    pub(crate) fn new(
        credential: &[u8],
        (principal, claims): (Principal, &Object),
        vouching: Arc<Vouching>,
        (check_at, confirmation, told_application): (u64, Option<Confirmation>, Option<ToldApplication>),
        user_tag: UserTag,
    ) -> Self {
        let claims_kept = match vouching.kind {
            CredentialKind::Jwt => None,
            CredentialKind::Opaque
            | CredentialKind::ApiKey
            | CredentialKind::Password
            | CredentialKind::Certificate => Some(PackedObject::from(claims)),
        };
        let is_particular =
            claims_kept.is_some() || check_at != u64::MAX || confirmation.is_some() || told_application.is_some();
        let particulars =
            || Box::new(Particulars { claims: claims_kept, check_at: check_at.into(), confirmation, told_application });
        Self {
            credential: credential.into(),
            principal,
            marks: Marks::of(claims),
            particulars: is_particular.then(particulars),
            vouching,
            user_tag,
            jwts: ArcSwapOption::empty(),
            minting: Turn::default(),
        }
    }

    /// Returns what the steps after authentication need of it.
    pub(crate) fn identity<'a>(&'a self, issuer: Option<&'a Issuer>) -> Identity<'a> {
        let claims = self.packed_claims().map_or_else(|| Told::InToken(self.token()), Told::Packed);
        let (application, token) = (self.vouching.application.as_ref(), self.token());
        Identity { principal: &self.principal, issuer, application, token, claims }
    }

    /// Returns the credential.
    pub(crate) fn credential(&self) -> &[u8] {
        &self.credential
    }

    /// Returns the access token, where it is one.
    fn token(&self) -> Option<&str> {
        match self.vouching.kind {
            CredentialKind::Jwt | CredentialKind::Opaque => std::str::from_utf8(&self.credential).ok(),
            CredentialKind::ApiKey | CredentialKind::Certificate | CredentialKind::Password => None,
        }
    }

    /// Returns the credential's claims, before any renaming. Takes some microseconds.
    pub(crate) fn claims(&self) -> Object {
        self.packed_claims().map_or_else(|| claims_in(self.token()), PackedObject::open)
    }

    fn packed_claims(&self) -> Option<&PackedObject> {
        self.particulars.as_ref()?.claims.as_ref()
    }

    /// Returns what must be proved at every use; `None`: it is a bearer token.
    pub(crate) fn confirmation(&self) -> Option<&Confirmation> {
        self.particulars.as_ref()?.confirmation.as_ref()
    }

    /// Returns the application of which the token tells; `None`: its issuer is not believed.
    pub(crate) fn told_application(&self) -> Option<&ToldApplication> {
        self.particulars.as_ref()?.told_application.as_ref()
    }

    /// True when these are the credential's claims.
    pub(crate) fn has_claims(&self, claims: &Object) -> bool {
        match self.packed_claims() {
            Some(kept) => *kept == PackedObject::from(claims),
            None => self.claims() == *claims,
        }
    }

    /// True when the credential's `sub`, `sid` or `jti` is this text. Quick for most of those that say otherwise.
    pub(crate) fn says(&self, claim: &str, text: &str) -> bool {
        self.marks.0 & Marks::one(claim, text) != 0 && self.claims().get(claim).and_then(Json::as_str) == Some(text)
    }

    /// True while it need not be checked again. A check that is further away than `longest`, in seconds, was set by a clock
    /// that has been put back since.
    pub(crate) fn is_checked(&self, now: u64, longest: u64) -> bool {
        self.particulars.as_ref().is_none_or(|particulars| {
            let check_at = particulars.check_at.load(Ordering::Relaxed);
            now < check_at && check_at - now <= longest + CLOCK_SLACK
        })
    }

    /// Sets when it must be checked again, in seconds since the epoch.
    pub(crate) fn check_again_at(&self, check_at: u64) {
        if let Some(particulars) = &self.particulars {
            particulars.check_at.store(check_at, Ordering::Relaxed);
        }
    }

    /// Keeps a Backend JWT in place of the one of its slot, and returns it; `is_live` says which others to keep.
    pub(crate) fn keep(&self, jwt: &IssuedJwt, is_live: impl Fn(&IssuedJwt) -> bool) -> Arc<IssuedJwt> {
        let mut kept = None;
        self.jwts.rcu(|first| {
            let is_kept = |other: &&Arc<IssuedJwt>| other.origin.slot != jwt.origin.slot && is_live(other);
            let others: Jwts = chain(first.as_ref()).filter(is_kept).take(MOST_JWTS - 1).cloned().collect();
            // From the last one, as each has those that come after it.
            let others = others.iter().rev().fold(None, |others, jwt| Some(Arc::new(jwt.before(others))));
            let jwt = Arc::new(jwt.before(others));
            kept = Some(Arc::clone(&jwt));
            Some(jwt)
        });
        kept.unwrap_or_else(|| Arc::new(jwt.before(None)))
    }

    /// Estimates the bytes held, with its part of what is shared.
    pub(crate) fn weight(&self) -> usize {
        let lookup = match &self.principal.kind {
            PrincipalKind::EndUser { lookup } => lookup.len(),
            PrincipalKind::Application => 0,
        };
        let claims = self.packed_claims().map_or(0, PackedObject::weight);
        let told = self.told_application().map_or(0, ToldApplication::weight);
        let particulars = self.particulars.as_ref().map_or(0, |_| allocated(size_of::<Particulars>()) + claims + told);
        let grant = self.principal.grant.weight() / Arc::strong_count(&self.principal.grant);
        let vouching = self.vouching.weight() / Arc::strong_count(&self.vouching);
        let own = [COUNTS + size_of::<Self>(), self.credential.len(), self.principal.subject.len(), lookup];
        let own = own.map(allocated).iter().sum::<usize>();
        let jwts = chain(self.jwts.load().as_ref()).map(|jwt| jwt.weight()).sum::<usize>();
        SLOT + own + particulars + grant + vouching + jwts
    }
}

/// Returns a caller's Backend JWTs from the first one on.
pub(crate) fn chain(first: Option<&Arc<IssuedJwt>>) -> impl Iterator<Item = &Arc<IssuedJwt>> {
    std::iter::successors(first, |jwt| jwt.others.as_ref())
}

/// Reads the claims of a token that was verified before.
pub(crate) fn claims_in(token: Option<&str>) -> Object {
    let token = token.and_then(|token| UnverifiedToken::parse(token).ok());
    token.map(UnverifiedToken::into_claims).unwrap_or_default()
}

#[cfg(test)]
pub(crate) mod tests {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    use claims::Grant;

    use super::*;
    use crate::callers::Callers;

    const CLAIMS: &str = r#"{"iss":"https://idp.example.com","sub":"s-1","sid":"é","n":[1.50]}"#;

    /// Somebody of the issuer `corp`.
    pub(crate) fn principal(subject: &str, kind: PrincipalKind) -> Principal {
        let grant = Grant {
            issuer: "corp".into(),
            iss: "https://idp.example.com".into(),
            client_id: None,
            scopes: Box::default(),
            organizations: Box::default(),
        };
        Principal { grant: Arc::new(grant), subject: subject.into(), kind, expires_at: None }
    }

    fn caller(kind: CredentialKind) -> Arc<KnownCaller> {
        let principal = principal("s-1", PrincipalKind::Application);
        let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
        let token = format!("{}.{}.{}", part(r#"{"alg":"ES256"}"#), part(CLAIMS), part("signature"));
        let vouchers = Vouchers { check_at: 1000, ..Vouchers::of(kind, Fingerprint::default()) };
        Callers::new(1 << 20).remember(token.as_bytes(), (principal, &told()), vouchers, UserTag::new(&[0x0a, 0xf1]))
    }

    fn told() -> Object {
        let Json::Object(claims) = Json::parse(CLAIMS.as_bytes()).unwrap() else { panic!("an object") };
        claims
    }

    #[test]
    fn claims_are_the_same_in_a_token_and_beside_it() {
        for kind in [CredentialKind::Jwt, CredentialKind::Opaque] {
            let caller = caller(kind);
            assert_eq!((caller.claims(), caller.identity(None).claims()), (told(), told()), "{kind:?}");
            assert!(caller.has_claims(&told()) && !caller.has_claims(&Object::default()), "{kind:?}");
            assert!(caller.says("sub", "s-1") && caller.says("sid", "é"), "{kind:?}");
            assert!(!caller.says("sub", "é") && !caller.says("jti", "s-1"), "{kind:?}");
        }
    }

    #[test]
    fn a_check_is_due_at_its_time_and_when_the_clock_was_put_back() {
        let caller = caller(CredentialKind::Opaque);
        let checked = |now| caller.is_checked(now, 60);
        assert_eq!([900, 934, 935, 999, 1000].map(checked), [false, false, true, true, false]);
    }

    #[test]
    fn a_tag_is_the_hash_in_hexadecimal() {
        assert_eq!(caller(CredentialKind::Jwt).user_tag.as_str(), "0af100000000000000000000");
    }
}
