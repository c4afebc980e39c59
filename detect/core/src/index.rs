//! Finds the places of keyed things in a list. Keys are keyed hashes already, so they are used as they are; nobody outside can choose
//! two that meet. Nothing here goes through the index in its own order, so that the same calls leave the same state.

/// Something that has a key.
pub trait Keyed {
    /// Its keyed hash.
    fn key(&self) -> u64;
}

/// Places in a list by key. The list is given with each call; the index keeps no keys of its own.
///
/// Each place stands in the first free cell from the one on that its key says, and one byte of the key beside it tells nearly all
/// others apart without a look at the list. Cells are added by a quarter, so that few are free: every table of agents has an index.
#[derive(Debug, Default)]
pub struct Index {
    cells: Vec<Cell>,
    len: usize,
}

/// One byte of a key in the upper byte, and below it a place plus one, or nothing.
type Cell = u32;

const FREE: Cell = 0;
const PLACE_BITS: u32 = 24;
const CELLS_MIN: usize = 8;

/// Places from here on do not fit into a cell: no list is so long.
pub const PLACES_MAX: usize = (1 << PLACE_BITS) - 1;

impl Index {
    /// The place of a key.
    pub fn get<T: Keyed>(&self, key: u64, list: &[T]) -> Option<u32> {
        let tag = tag(key);
        let mut at = self.home(key);
        loop {
            let cell = self.cell(at);
            if cell == FREE {
                return None;
            }
            if cell >> PLACE_BITS == tag && key_at(place(cell), list) == Some(key) {
                return Some(place(cell));
            }
            at = self.after(at);
        }
    }

    /// Adds what stands at a place; its key is not there yet.
    pub fn insert<T: Keyed>(&mut self, place: u32, list: &[T]) {
        // A search ends at a free cell, which is near as long as a fifth of them are.
        if (self.len + 1) * 5 > self.cells.len() * 4 {
            let more = (self.cells.len() + self.cells.len() / 4).max(CELLS_MIN);
            let cells = std::mem::replace(&mut self.cells, vec![FREE; more]);
            cells.into_iter().filter(|cell| *cell != FREE).for_each(|cell| self.put(cell, list));
        }
        let tag = tag(key_at(place, list).unwrap_or_default());
        self.put(tag << PLACE_BITS | (place + 1), list);
        self.len += 1;
    }

    /// Takes out what stands at a place.
    pub fn remove<T: Keyed>(&mut self, place: u32, list: &[T]) {
        let Some(key) = key_at(place, list) else { return };
        let sought = tag(key) << PLACE_BITS | (place + 1);
        let mut at = self.home(key);
        while self.cell(at) != sought {
            if self.cell(at) == FREE {
                return;
            }
            at = self.after(at);
        }
        self.len -= 1;
        self.close(at, list);
    }

    /// Frees a cell. What stands behind it and would not be found any more moves up.
    fn close<T: Keyed>(&mut self, mut free: usize, list: &[T]) {
        let count = self.cells.len();
        let distance = |from: usize, to: usize| if to >= from { to - from } else { to + count - from };
        let mut at = self.after(free);
        while self.cell(at) != FREE {
            let cell = self.cell(at);
            let home = self.home(key_at(place(cell), list).unwrap_or_default());
            if distance(home, at) >= distance(free, at) {
                self.set(free, cell);
                free = at;
            }
            at = self.after(at);
        }
        self.set(free, FREE);
    }

    fn put<T: Keyed>(&mut self, cell: Cell, list: &[T]) {
        let mut at = self.home(key_at(place(cell), list).unwrap_or_default());
        while self.cell(at) != FREE {
            at = self.after(at);
        }
        self.set(at, cell);
    }

    /// The cell in which a key stands if nobody was there before it. Joined hashes are mixed best in the upper half.
    fn home(&self, key: u64) -> usize {
        (((key >> 32) * self.cells.len() as u64) >> 32) as usize
    }

    fn after(&self, at: usize) -> usize {
        if at + 1 < self.cells.len() { at + 1 } else { 0 }
    }

    fn cell(&self, at: usize) -> Cell {
        self.cells.get(at).copied().unwrap_or(FREE)
    }

    fn set(&mut self, at: usize, cell: Cell) {
        if let Some(place) = self.cells.get_mut(at) {
            *place = cell;
        }
    }
}

fn key_at<T: Keyed>(place: u32, list: &[T]) -> Option<u64> {
    list.get(place as usize).map(Keyed::key)
}

/// The place that stands in a cell which is not free.
fn place(cell: Cell) -> u32 {
    (cell & PLACES_MAX as u32).wrapping_sub(1)
}

/// A byte of a key that says nothing about its home.
fn tag(key: u64) -> u32 {
    key as u32 >> PLACE_BITS
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

    /// Few homes, the first and the last among them, so that keys meet and cells follow each other around the end.
    fn key(number: u64) -> u64 {
        let homes = [0, u32::MAX, u32::MAX / 2, u32::MAX, 1];
        u64::from(homes[number as usize % homes.len()]) << 32 | number << 24 | number
    }

    proptest! {
        #[test]
        fn it_finds_what_was_put_in_and_not_taken_out(steps in proptest::collection::vec((any::<bool>(), 0u64..40), 0..200)) {
            let (mut index, mut list, mut known) = (Index::default(), Vec::<u64>::new(), BTreeMap::new());
            for (add, number) in steps {
                let key = key(number);
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
                    let key = key(number);
                    prop_assert_eq!(index.get(key, &list), known.get(&key).copied());
                }
                prop_assert_eq!(index.len, known.len());
                prop_assert_eq!(index.cells.iter().filter(|cell| **cell != FREE).count(), known.len());
            }
        }
    }
}
