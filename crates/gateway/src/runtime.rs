//! What outlives every snapshot: caches, keys, counters, and the runtime for work off the request path.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::SystemTime,
};

use aws_lc_rs::hmac;
use claims::{Object, Principal};
use http::{HeaderName, HeaderValue};

use crate::{
    access::DPOP_NONCE,
    callers::Callers,
    clock_watch::ClockStep,
    keyring::Keyring,
    known_caller::{KnownCaller, UserTag, Vouchers},
    passwords::TriedPasswords,
    proof_nonces::{NonceKey, ProofNonces},
    proofs::SeenProofs,
    revocations::Revocations,
    time::seconds,
};

/// The process's shared state, the same for every snapshot.
#[derive(Debug)]
pub struct Runtime {
    /// Where look-ups, renewals and slow signatures run.
    pub background: tokio::runtime::Handle,
    /// Reads the clock, for work that no request started.
    pub clock: fn() -> SystemTime,
    /// Known callers.
    pub callers: Callers,
    /// Signing keys.
    pub keyring: Arc<Keyring>,
    /// Who tells the open streams that their callers' say is over.
    pub revocations: Revocations,
    /// What happened, for metrics.
    pub counters: Counters,
    /// DPoP proofs that were seen.
    pub(crate) proofs: SeenProofs,
    /// Makes nonces for such proofs.
    pub(crate) nonce_key: NonceKey,
    /// Passwords that were tried.
    pub(crate) passwords: TriedPasswords,
    user_tags: hmac::Key,
}

/// Counts of what is rare: nothing here is written for a request that the caches answer.
#[derive(Debug, Default)]
pub struct Counters {
    /// Inbound tokens whose signature was checked.
    pub verifications: Counter,
    /// Backend JWTs that were signed.
    pub minted: Counter,
    /// Those of them that were made ahead of time.
    pub renewed: Counter,
    /// Claims left out because a stronger source has them.
    pub overridden_claims: Counter,
    /// Claims left out because their values do not fit their type.
    pub unfit_claims: Counter,
    /// Backend JWTs over the header's bound.
    pub too_large: Counter,
    /// Signatures that failed.
    pub signing_failures: Counter,
    /// How often the system's clock was set, or stood still.
    pub clock_steps: Counter,
}

/// A number that only grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds `count`.
    pub fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    /// Returns the sum.
    pub fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Runtime {
    /// Makes the state of a process; `user_hash_key` keys the hashes by which the audit record names users, and what else
    /// replicas that share it have to agree upon.
    pub fn new(
        background: tokio::runtime::Handle,
        clock: fn() -> SystemTime,
        callers: Callers,
        keyring: Arc<Keyring>,
        user_hash_key: &[u8],
    ) -> Self {
        let user_tags = hmac::Key::new(hmac::HMAC_SHA256, user_hash_key);
        let (revocations, counters) = (Revocations::default(), Counters::default());
        let nonce_key = NonceKey::derive(user_hash_key);
        let (proofs, passwords) = (SeenProofs::default(), TriedPasswords::new());
        Self { background, clock, callers, keyring, revocations, counters, proofs, nonce_key, passwords, user_tags }
    }

    /// Forgets what was found out or signed by a clock that was wrong, then or now: the next calls verify and sign anew.
    pub fn clock_was_set(&self, step: ClockStep) {
        self.counters.clock_steps.add(1);
        self.keyring.disown();
        self.callers.clear();
        let (direction, distance) = match step {
            ClockStep::Forward(distance) => ("forward", distance),
            ClockStep::Back(distance) => ("back", distance),
        };
        tracing::warn!(
            direction,
            seconds = distance.as_secs(),
            "the system's clock was set: known callers and their Backend JWTs are forgotten. Look at its synchronisation: \
             backends refuse tokens of a wrong time"
        );
    }

    /// Returns the field that gives a caller the nonce for the next DPoP proof, where such callers need one.
    pub fn proof_nonce(
        &self,
        nonces: Option<ProofNonces>,
        caller: Option<&KnownCaller>,
        now: SystemTime,
    ) -> Option<(HeaderName, HeaderValue)> {
        let nonces = nonces?;
        caller?.confirmation()?.dpop_key?;
        Some((DPOP_NONCE, self.nonce_key.current(nonces, seconds(now))))
    }

    /// Returns the name of a user in audit records: a keyed hash, the same for one user wherever the key is the same.
    pub fn user_tag(&self, issuer: &str, user: &str) -> UserTag {
        let mut context = hmac::Context::with_key(&self.user_tags);
        context.update(&(issuer.len() as u64).to_be_bytes());
        context.update(issuer.as_bytes());
        context.update(user.as_bytes());
        UserTag::new(context.sign().as_ref())
    }

    /// Remembers the caller of a verified credential; `claims` as the credential has them, before any renaming.
    pub(crate) fn remember(
        &self,
        credential: &[u8],
        (principal, claims): (Principal, &Object),
        vouchers: Vouchers,
    ) -> Arc<KnownCaller> {
        let user_tag = self.user_tag(&principal.grant.issuer, &principal.subject);
        self.callers.remember(credential, (principal, claims), vouchers, user_tag)
    }
}
