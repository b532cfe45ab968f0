//! A map with a bound on bytes that one-off keys cannot flush.
//!
//! New keys are on probation in a tenth of the bytes; those asked for again move to the main part (the idea of S3-FIFO).
//! Not thread-safe: the cache has one under each of its locks. Knows nothing of time.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use foldhash::quality::RandomState;

/// One part in how many is for keys on probation.
const PROBATION_PART: usize = 10;

/// The map.
///
/// INVARIANT: `bytes` is the sum of the weights held and never above `budget` between calls; each key held is in the
/// queue of its segment once, and nothing else is there.
#[derive(Debug)]
pub(crate) struct BoundedMap<V> {
    held: HashMap<Arc<str>, Held<V>, RandomState>,
    probation: VecDeque<Arc<str>>,
    main: VecDeque<Arc<str>>,
    probation_bytes: usize,
    bytes: usize,
    budget: usize,
}

#[derive(Debug)]
struct Held<V> {
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
    /// The bytes that one entry takes besides its key's text and its value's heap: slots in the table (half empty at
    /// worst) and in a queue, and the key's header.
    const OVERHEAD: usize = 2 * (size_of::<Held<V>>() + size_of::<Arc<str>>()) + 2 * size_of::<Arc<str>>() + 32;

    pub(crate) fn new(budget: usize) -> Self {
        Self {
            held: HashMap::default(),
            probation: VecDeque::new(),
            main: VecDeque::new(),
            probation_bytes: 0,
            bytes: 0,
            budget,
        }
    }

    /// Returns the value of `key`, which counts as a use.
    pub(crate) fn get(&mut self, key: &str) -> Option<&mut V> {
        let held = self.held.get_mut(key)?;
        held.is_used = true;
        Some(&mut held.value)
    }

    /// Returns the value of `key` without a use.
    pub(crate) fn peek(&self, key: &str) -> Option<&V> {
        self.held.get(key).map(|held| &held.value)
    }

    /// Takes the value of `key` out.
    pub(crate) fn remove(&mut self, key: &str) -> Option<V> {
        let held = self.forget(key)?;
        self.queue(held.segment).retain(|known| &**known != key);
        Some(held.value)
    }

    /// Puts a value that holds `heap` bytes, and drops others to stay within the bound.
    ///
    /// A value too large for the whole map is not kept.
    pub(crate) fn put(&mut self, key: Arc<str>, value: V, heap: usize) {
        let weight = Self::OVERHEAD + key.len() + heap;
        if weight > self.budget {
            self.remove(&key);
            return;
        }
        if let Some(held) = self.held.get_mut(&*key) {
            let before = std::mem::replace(&mut held.weight, weight);
            held.value = value;
            let segment = held.segment;
            self.account(segment, before, weight);
        } else {
            let held = Held { value, weight, segment: Segment::Probation, is_used: false };
            self.held.insert(Arc::clone(&key), held);
            self.probation.push_back(key);
            self.account(Segment::Probation, 0, weight);
        }
        self.shrink();
    }

    /// Returns how many keys are held.
    pub(crate) fn len(&self) -> usize {
        self.held.len()
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
            let Some(key) = self.queue(segment).pop_front() else { return };
            match self.held.get_mut(&*key) {
                Some(held) if held.is_used => {
                    held.is_used = false;
                    held.segment = Segment::Main;
                    let weight = held.weight;
                    self.account(segment, weight, 0);
                    self.account(Segment::Main, 0, weight);
                    self.main.push_back(key);
                }
                Some(_) | None => drop(self.forget(&key)),
            }
        }
    }

    /// Takes `key` out of the table, not out of its queue.
    fn forget(&mut self, key: &str) -> Option<Held<V>> {
        let held = self.held.remove(key)?;
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

    const fn queue(&mut self, segment: Segment) -> &mut VecDeque<Arc<str>> {
        match segment {
            Segment::Probation => &mut self.probation,
            Segment::Main => &mut self.main,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Checks the invariant from the outside in.
    fn check<V>(map: &BoundedMap<V>) {
        let sum = |segment| map.held.values().filter(|held| held.segment == segment).map(|held| held.weight).sum();
        let (probation, main): (usize, usize) = (sum(Segment::Probation), sum(Segment::Main));
        assert_eq!((map.probation_bytes, map.bytes), (probation, probation + main));
        assert!(map.bytes <= map.budget);
        assert_eq!(map.probation.len() + map.main.len(), map.held.len());
        for (queue, segment) in [(&map.probation, Segment::Probation), (&map.main, Segment::Main)] {
            assert!(queue.iter().all(|key| map.held.get(key).is_some_and(|held| held.segment == segment)));
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
                        map.put(key.to_string().into(), heap, heap);
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
            map.put(key.as_str().into(), (), 200);
        }
        for number in 0..100_000 {
            map.put(format!("one-off-{number}").into(), (), 200);
            assert!(map.get(&regulars[number % 500]).is_some() || number > 500);
        }
        assert!(regulars.iter().filter(|key| map.peek(key).is_some()).count() > 475);
        check(&map);
    }

    #[test]
    fn what_is_larger_than_the_bound_is_not_kept() {
        let mut map = BoundedMap::new(1000);
        map.put("a".into(), 1, 0);
        map.put("a".into(), 2, 5000);
        assert_eq!((map.peek("a"), map.bytes(), map.len()), (None, 0, 0));
        check(&map);
    }
}
