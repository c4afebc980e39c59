//! A map that forgets what was not used for longest, in two generations: no list to keep in order per use.

use crate::hashed::HashedMap;

/// At most `max` values under hashed keys.
#[derive(Debug)]
pub(crate) struct Bounded<V> {
    young: HashedMap<V>,
    old: HashedMap<V>,
    max: usize,
    /// How often the young values became the old ones.
    turns: u64,
}

impl<V> Bounded<V> {
    pub fn new(max: usize) -> Self {
        Self { young: HashedMap::default(), old: HashedMap::default(), max, turns: 0 }
    }

    /// The value of a key.
    pub fn get(&mut self, key: u64) -> Option<&mut V> {
        if let Some(value) = self.old.remove(&key) {
            self.make_room();
            self.young.insert(key, value);
        }
        self.young.get_mut(&key)
    }

    /// The value of a key, made if there is none.
    pub fn get_or_insert(&mut self, key: u64, make: impl FnOnce() -> V) -> &mut V {
        if self.is_full() && !self.young.contains_key(&key) {
            let held = self.old.remove(&key);
            self.make_room();
            self.young.extend(held.map(|value| (key, value)));
        }
        self.young.entry(key).or_insert_with(|| self.old.remove(&key).unwrap_or_else(make))
    }

    /// All values, in no order.
    pub fn values(&self) -> impl Iterator<Item = &V> {
        self.young.values().chain(self.old.values())
    }

    /// Changes when values become old: until then, one that was used is a young one.
    pub fn turns(&self) -> u64 {
        self.turns
    }

    /// Half of the values are young; when there are more, the old ones go.
    fn make_room(&mut self) {
        if self.is_full() {
            self.old = std::mem::take(&mut self.young);
            self.turns += 1;
        }
    }

    fn is_full(&self) -> bool {
        (self.young.len() + 1) * 2 > self.max
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_is_bounded_and_keeps_what_was_just_used(keys in prop::collection::vec(0u64..50, 1..300)) {
            let mut map = Bounded::new(16);
            let mut last: Vec<u64> = Vec::new();
            for key in keys {
                map.get_or_insert(key, || key);
                last.retain(|other| *other != key);
                last.push(key);
                prop_assert!(map.young.len() + map.old.len() <= 16);
                for recent in last.iter().rev().take(8) {
                    let held = map.young.get(recent).or_else(|| map.old.get(recent));
                    prop_assert_eq!(held, Some(recent));
                }
            }
        }
    }
}
