//! A map with a bound on bytes that one-off keys cannot flush.
//!
//! New keys are on probation in a tenth of the bytes; those asked for again move to the main part (the idea of S3-FIFO).
//! Not thread-safe: the cache has one under each of its locks. Knows nothing of time.

use std::{collections::VecDeque, hash::BuildHasher};

use claims::allocated;
use foldhash::quality::RandomState;
use hashbrown::HashTable;

/// One part in how many is for keys on probation.
const PROBATION_PART: usize = 10;

/// The map. The table holds places only: a slot of a hash table is empty half of the time.
///
/// INVARIANT: `bytes` is the sum of the weights held and never above `budget` between calls; each place held is in the
/// table once and in the queue of its segment once, and nothing else is there.
#[derive(Debug)]
pub(crate) struct BoundedMap<V> {
    table: HashTable<usize>,
    hasher: RandomState,
    places: Vec<Option<Held<V>>>,
    vacant: Vec<usize>,
    probation: VecDeque<usize>,
    main: VecDeque<usize>,
    probation_bytes: usize,
    bytes: usize,
    budget: usize,
}

#[derive(Debug)]
struct Held<V> {
    key: Box<str>,
    value: V,
    weight: usize,
    segment: Segment,
    /// Asked for since it was put, or last spared.
    is_used: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Segment {
    Probation,
    Main,
}

impl<V> BoundedMap<V> {
    /// The bytes that one entry takes besides its key's text and its value's heap: a place, a slot in the table and one in a
    /// queue, both half empty.
    const OVERHEAD: usize = size_of::<Option<Held<V>>>() + 4 * size_of::<usize>();

    pub(crate) fn new(budget: usize) -> Self {
        Self {
            table: HashTable::new(),
            hasher: RandomState::default(),
            places: Vec::new(),
            vacant: Vec::new(),
            probation: VecDeque::new(),
            main: VecDeque::new(),
            probation_bytes: 0,
            bytes: 0,
            budget,
        }
    }

    /// Returns the value of `key`, which counts as a use.
    pub(crate) fn get(&mut self, key: &str) -> Option<&mut V> {
        let place = self.place(key)?;
        let held = self.held_mut(place)?;
        held.is_used = true;
        Some(&mut held.value)
    }

    /// Returns the value of `key` without a use.
    pub(crate) fn peek(&self, key: &str) -> Option<&V> {
        self.places.get(self.place(key)?)?.as_ref().map(|held| &held.value)
    }

    /// Takes the value of `key` out.
    pub(crate) fn remove(&mut self, key: &str) -> Option<V> {
        let place = self.place(key)?;
        let held = self.forget(place)?;
        self.queue(held.segment).retain(|known| *known != place);
        Some(held.value)
    }

    /// Puts a value that holds `heap` bytes, and drops others to stay within the bound.
    ///
    /// A value too large for the whole map is not kept.
    pub(crate) fn put(&mut self, key: &str, value: V, heap: usize) {
        let weight = Self::OVERHEAD + allocated(key.len()) + heap;
        if weight > self.budget {
            self.remove(key);
            return;
        }
        let known = self.place(key);
        if let Some(held) = known.and_then(|place| self.held_mut(place)) {
            let before = std::mem::replace(&mut held.weight, weight);
            held.value = value;
            let segment = held.segment;
            self.account(segment, before, weight);
        } else {
            let held = Held { key: key.into(), value, weight, segment: Segment::Probation, is_used: false };
            let place = self.keep(held);
            self.probation.push_back(place);
            self.account(Segment::Probation, 0, weight);
        }
        self.shrink();
    }

    /// Returns how many keys are held.
    pub(crate) fn len(&self) -> usize {
        self.table.len()
    }

    /// Returns how many bytes are held.
    pub(crate) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Drops keys until the bound holds. Each step drops one or takes away its mark of use, so that it ends.
    fn shrink(&mut self) {
        while self.bytes > self.budget {
            let on_probation = self.probation_bytes > self.budget / PROBATION_PART || self.main.is_empty();
            let segment = if on_probation { Segment::Probation } else { Segment::Main };
            let Some(place) = self.queue(segment).pop_front() else { return };
            match self.held_mut(place) {
                Some(held) if held.is_used => {
                    held.is_used = false;
                    held.segment = Segment::Main;
                    let weight = held.weight;
                    self.account(segment, weight, 0);
                    self.account(Segment::Main, 0, weight);
                    self.main.push_back(place);
                }
                Some(_) | None => drop(self.forget(place)),
            }
        }
    }

    /// Finds the place of `key`.
    fn place(&self, key: &str) -> Option<usize> {
        let is_it =
            |place: &usize| self.places.get(*place).and_then(Option::as_ref).is_some_and(|held| *held.key == *key);
        self.table.find(self.hasher.hash_one(key), is_it).copied()
    }

    fn held_mut(&mut self, place: usize) -> Option<&mut Held<V>> {
        self.places.get_mut(place)?.as_mut()
    }

    /// Gives an entry whose key is not held a place.
    fn keep(&mut self, held: Held<V>) -> usize {
        let hash = self.hasher.hash_one(&*held.key);
        let place = self.vacant.pop().unwrap_or(self.places.len());
        match self.places.get_mut(place) {
            Some(vacant) => *vacant = Some(held),
            None => self.places.push(Some(held)),
        }
        let Self { table, places, hasher, .. } = self;
        let hash_of =
            |place: &usize| places.get(*place).and_then(Option::as_ref).map_or(0, |held| hasher.hash_one(&*held.key));
        table.insert_unique(hash, place, hash_of);
        place
    }

    /// Takes what is at a place out of the table, not out of its queue.
    fn forget(&mut self, place: usize) -> Option<Held<V>> {
        let held = self.places.get_mut(place)?.take()?;
        if let Ok(slot) = self.table.find_entry(self.hasher.hash_one(&*held.key), |known| *known == place) {
            slot.remove();
        }
        self.vacant.push(place);
        self.account(held.segment, held.weight, 0);
        Some(held)
    }

    /// Replaces a weight in the sums.
    const fn account(&mut self, segment: Segment, before: usize, after: usize) {
        self.bytes = self.bytes.saturating_sub(before).saturating_add(after);
        if matches!(segment, Segment::Probation) {
            self.probation_bytes = self.probation_bytes.saturating_sub(before).saturating_add(after);
        }
    }

    const fn queue(&mut self, segment: Segment) -> &mut VecDeque<usize> {
        match segment {
            Segment::Probation => &mut self.probation,
            Segment::Main => &mut self.main,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    /// Checks the invariant from the outside in.
    fn check<V>(map: &BoundedMap<V>) {
        let held = || map.places.iter().flatten();
        let sum = |segment| held().filter(|held| held.segment == segment).map(|held| held.weight).sum();
        let (probation, main): (usize, usize) = (sum(Segment::Probation), sum(Segment::Main));
        assert_eq!((map.probation_bytes, map.bytes), (probation, probation + main));
        assert!(map.bytes <= map.budget);
        assert_eq!((map.probation.len() + map.main.len(), held().count()), (map.len(), map.len()));
        assert_eq!(map.places.len(), map.len() + map.vacant.len());
        assert!(held().all(|held| map.peek(&held.key).is_some()));
        for (queue, segment) in [(&map.probation, Segment::Probation), (&map.main, Segment::Main)] {
            assert!(queue.iter().all(|place| map.places[*place].as_ref().is_some_and(|held| held.segment == segment)));
        }
    }

    #[derive(Clone, Debug)]
    enum Action {
        Put(u8, usize),
        Get(u8),
        Remove(u8),
    }

    fn any_action() -> impl Strategy<Value = Action> {
        prop_oneof![
            (any::<u8>(), 0_usize..3000).prop_map(|(key, heap)| Action::Put(key, heap)),
            any::<u8>().prop_map(Action::Get),
            any::<u8>().prop_map(Action::Remove),
        ]
    }

    proptest! {
        #[test]
        fn the_bound_holds_and_values_are_the_last_put(
            budget in 0_usize..20_000,
            actions in prop::collection::vec(any_action(), 0..300),
        ) {
            let mut map = BoundedMap::new(budget);
            let mut last: HashMap<u8, usize> = HashMap::new();
            for action in actions {
                match action {
                    Action::Put(key, heap) => {
                        map.put(&key.to_string(), heap, heap);
                        last.insert(key, heap);
                    }
                    Action::Get(key) => prop_assert!(map.get(&key.to_string()).is_none_or(|heap| last[&key] == *heap)),
                    Action::Remove(key) => prop_assert!(map.remove(&key.to_string()).is_none_or(|heap| last[&key] == heap)),
                }
                check(&map);
            }
        }
    }

    #[test]
    fn keys_in_use_survive_a_flood_of_one_off_keys() {
        let mut map = BoundedMap::new(1 << 20);
        let regulars: Vec<String> = (0..500).map(|number| format!("regular-{number}")).collect();
        for key in &regulars {
            map.put(key, (), 200);
        }
        for number in 0..100_000 {
            map.put(&format!("one-off-{number}"), (), 200);
            assert!(map.get(&regulars[number % 500]).is_some() || number > 500);
        }
        assert!(regulars.iter().filter(|key| map.peek(key).is_some()).count() > 475);
        check(&map);
    }

    #[test]
    fn what_is_larger_than_the_bound_is_not_kept() {
        let mut map = BoundedMap::new(1000);
        map.put("a", 1, 0);
        map.put("a", 2, 5000);
        assert_eq!((map.peek("a"), map.bytes(), map.len()), (None, 0, 0));
        check(&map);
    }
}
