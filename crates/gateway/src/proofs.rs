//! The DPoP proofs that were seen, so that none is taken twice (RFC 9449 §11.1).
//!
//! Remembers each for longer than it is good, within a bound: when that is reached, proofs are refused rather than
//! forgotten. This process's memory alone: another replica takes a proof once more, within its minute.

use std::{
    collections::HashSet,
    hash::BuildHasher,
    sync::{Mutex, MutexGuard, PoisonError},
};

use aws_lc_rs::digest::{Context, SHA256};
use claims::DpopProof;
use foldhash::quality::RandomState;

const SHARDS: usize = 16;
/// Proofs of one generation in one shard: a million in all, of some 40 bytes each.
const MOST: usize = 65_536;
/// Seconds of one generation: for so long a proof can be taken at most.
const GENERATION: u64 = DpopProof::LIFE + DpopProof::AHEAD + 1;

/// What became of a proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    /// It is new, and remembered from now on.
    First,
    /// It was here before.
    Again,
    /// There are too many to remember one more.
    Full,
}

/// The proofs that were seen.
#[derive(Debug, Default)]
pub(crate) struct SeenProofs {
    shards: [Mutex<Shard>; SHARDS],
    hasher: RandomState,
}

type Id = [u8; 16];

#[derive(Debug, Default)]
struct Shard {
    since: u64,
    current: HashSet<Id, RandomState>,
    previous: HashSet<Id, RandomState>,
}

impl SeenProofs {
    /// Remembers a proof, and says whether it is new.
    pub(crate) fn see(&self, proof: &DpopProof, now: u64) -> Seen {
        let id = id(proof);
        let place = usize::try_from(self.hasher.hash_one(id) % SHARDS as u64).unwrap_or_default();
        self.shards.get(place).map_or(Seen::Full, |shard| lock(shard).see(id, now))
    }
}

impl Shard {
    fn see(&mut self, id: Id, now: u64) -> Seen {
        let age = now.saturating_sub(self.since);
        if age >= GENERATION {
            let old = std::mem::take(&mut self.current);
            self.previous = if age < 2 * GENERATION { old } else { HashSet::default() };
            self.since = now;
        }
        if self.current.contains(&id) || self.previous.contains(&id) {
            return Seen::Again;
        }
        if self.current.len() >= MOST {
            return Seen::Full;
        }
        self.current.insert(id);
        Seen::First
    }
}

/// 128 bits of SHA-256 over key and `jti`.
fn id(proof: &DpopProof) -> Id {
    let mut context = Context::new(&SHA256);
    context.update(&proof.key);
    context.update(proof.id.as_bytes());
    let mut id = Id::default();
    for (byte, digested) in id.iter_mut().zip(context.finish().as_ref()) {
        *byte = *digested;
    }
    id
}

fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proof(id: &str) -> DpopProof {
        DpopProof { url: "https://a/".into(), id: id.into(), key: [7; 32], nonce: None }
    }

    #[test]
    fn a_proof_is_new_once_for_longer_than_it_is_good() {
        let proofs = SeenProofs::default();
        for start in [1000, 1500] {
            assert_eq!(proofs.see(&proof("a"), start), Seen::First);
            for later in [0, 1, GENERATION - 1, GENERATION, GENERATION + 1] {
                assert_eq!(proofs.see(&proof("a"), start + later), Seen::Again, "{later}");
            }
        }
        assert_eq!(proofs.see(&DpopProof { key: [8; 32], ..proof("a") }, 1500), Seen::First);
    }

    #[test]
    fn a_full_memory_refuses_and_forgets_nothing() {
        let mut shard = Shard { since: 1000, ..Shard::default() };
        let number = |count: usize| -> Id { (count as u128).to_be_bytes() };
        for count in 0..MOST {
            assert_eq!(shard.see(number(count), 1000), Seen::First);
        }
        assert_eq!(shard.see(number(MOST), 1000), Seen::Full);
        assert_eq!(shard.see(number(0), 1000), Seen::Again);
        assert_eq!(shard.see(number(MOST), 1000 + GENERATION), Seen::First);
    }
}
