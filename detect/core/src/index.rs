//! Finds the places of keyed things in a list. Keys are keyed hashes already, so they are used as they are; nobody outside can choose
//! two that meet. Nothing here goes through the index in its own order, so that the same calls leave the same state.

use hashbrown::HashTable;

/// Something that has a key.
pub trait Keyed {
    /// Its keyed hash.
    fn key(&self) -> u64;
}

/// Places in a list by key. The list is given with each call; the index keeps no keys of its own.
#[derive(Debug, Default)]
pub struct Index {
    places: HashTable<u32>,
}

impl Index {
    /// The place of a key.
    pub fn get<T: Keyed>(&self, key: u64, list: &[T]) -> Option<u32> {
        self.places.find(spread(key), |place| key_at(*place, list) == Some(key)).copied()
    }

    /// Adds what stands at a place; its key is not there yet.
    pub fn insert<T: Keyed>(&mut self, place: u32, list: &[T]) {
        let hash = |place: &u32| spread(key_at(*place, list).unwrap_or_default());
        self.places.insert_unique(hash(&place), place, hash);
    }

    /// Takes out what stands at a place.
    pub fn remove<T: Keyed>(&mut self, place: u32, list: &[T]) {
        let Some(key) = key_at(place, list) else { return };
        if let Ok(found) = self.places.find_entry(spread(key), |known| *known == place) {
            found.remove();
        }
    }
}

fn key_at<T: Keyed>(place: u32, list: &[T]) -> Option<u64> {
    list.get(place as usize).map(Keyed::key)
}

/// The table looks at the lower bits first, and joined hashes are mixed best in the upper half.
fn spread(key: u64) -> u64 {
    key.rotate_left(32)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    impl Keyed for u64 {
        fn key(&self) -> u64 {
            *self
        }
    }

    proptest! {
        #[test]
        fn it_finds_what_was_put_in_and_not_taken_out(steps in proptest::collection::vec((any::<bool>(), 0u64..40), 0..200)) {
            let (mut index, mut list, mut known) = (Index::default(), Vec::<u64>::new(), BTreeMap::new());
            for (add, number) in steps {
                // Few homes, so that keys meet.
                let key = number << 40 | (number % 5) << 32;
                match known.get(&key).copied() {
                    None if add => {
                        list.push(key);
                        let place = list.len() as u32 - 1;
                        index.insert(place, &list);
                        known.insert(key, place);
                    }
                    Some(place) if !add => {
                        index.remove(place, &list);
                        known.remove(&key);
                    }
                    _ => {}
                }
                for number in 0..40 {
                    let key = number << 40 | (number % 5) << 32;
                    prop_assert_eq!(index.get(key, &list), known.get(&key).copied());
                }
                prop_assert_eq!(index.places.len(), known.len());
            }
        }
    }
}
