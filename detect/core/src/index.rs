//! Finds the places of keyed things in a list: open addressing over places, eight bytes and less for each. Keys are keyed
//! hashes already, so they are used as they are; nobody outside can choose two that meet.

/// Something that has a key.
pub trait Keyed {
    /// Its keyed hash.
    fn key(&self) -> u64;
}

/// Places in a list by key. The list is given with each call; the index keeps no keys of its own.
#[derive(Debug, Default)]
pub struct Index {
    /// A power of two of places plus one, or zero where there is none.
    places: Vec<u32>,
    len: usize,
}

impl Index {
    /// The place of a key.
    pub fn get<T: Keyed>(&self, key: u64, list: &[T]) -> Option<u32> {
        let mut at = self.home(key);
        loop {
            let place = self.places.get(at)?.checked_sub(1)?;
            if list.get(place as usize)?.key() == key {
                return Some(place);
            }
            at = (at + 1) & (self.places.len() - 1);
        }
    }

    /// Adds what stands at a place; its key is not there yet.
    pub fn insert<T: Keyed>(&mut self, place: u32, list: &[T]) {
        // Three quarters full, a search looks at a few places that lie side by side.
        if (self.len + 1) * 4 > self.places.len() * 3 {
            let places = std::mem::take(&mut self.places);
            self.places = vec![0; (places.len() * 2).max(8)];
            for place in places.into_iter().filter_map(|place| place.checked_sub(1)) {
                self.put(place, list);
            }
        }
        self.put(place, list);
        self.len += 1;
    }

    /// Takes out what stands at a place.
    pub fn remove<T: Keyed>(&mut self, place: u32, list: &[T]) {
        let Some(key) = list.get(place as usize).map(Keyed::key) else { return };
        let Some(mut hole) = self.position(key, place) else { return };
        let mask = self.places.len() - 1;
        let mut at = hole;
        // What was put behind the hole because of it moves up, so that no search ends too early.
        loop {
            at = (at + 1) & mask;
            let Some(other) = self.places[at].checked_sub(1) else { break };
            let home = list.get(other as usize).map_or(at, |other| self.home(other.key()));
            if (at.wrapping_sub(home) & mask) >= (at.wrapping_sub(hole) & mask) {
                self.places[hole] = self.places[at];
                hole = at;
            }
        }
        self.places[hole] = 0;
        self.len -= 1;
    }

    fn put<T: Keyed>(&mut self, place: u32, list: &[T]) {
        let Some(key) = list.get(place as usize).map(Keyed::key) else { return };
        let mut at = self.home(key);
        while self.places[at] != 0 {
            at = (at + 1) & (self.places.len() - 1);
        }
        self.places[at] = place + 1;
    }

    fn position(&self, key: u64, place: u32) -> Option<usize> {
        let mut at = self.home(key);
        loop {
            match self.places.get(at).copied()? {
                0 => return None,
                found if found == place + 1 => return Some(at),
                _ => at = (at + 1) & (self.places.len() - 1),
            }
        }
    }

    fn home(&self, key: u64) -> usize {
        // The upper half: joined hashes are mixed best there.
        (key >> 32) as usize & self.places.len().wrapping_sub(1)
    }
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
                prop_assert_eq!(index.len, known.len());
            }
        }
    }
}
