//! A bounded memory of keys that forgets what came first: the same keys in the same order leave the same memory.

use crate::detector_state::DetectorState;
use crate::index::{Index, Keyed};
use crate::pack::{Pack, RestoreError};

/// Values by keyed hash, at most `limit` of them; the key that was first inserted is forgotten first.
#[derive(Debug)]
pub struct Recent<V> {
    /// A ring once it is full.
    entries: Vec<Remembered<V>>,
    index: Index,
    /// The place of the oldest entry.
    oldest: u32,
    limit: usize,
    forgot: bool,
}

#[derive(Debug)]
struct Remembered<V> {
    /// The halves of its key, the upper first: as one number it would leave room empty behind many values.
    halves: [u32; 2],
    value: V,
}

impl<V> Remembered<V> {
    fn new(key: u64, value: V) -> Self {
        Self { halves: [(key >> 32) as u32, key as u32], value }
    }
}

impl<V: Copy + Pack> Recent<V> {
    /// An empty memory.
    pub fn new(limit: usize) -> Self {
        let limit = limit.clamp(1, u32::MAX as usize - 1);
        // What is not used yet takes addresses and no memory.
        let entries = Vec::with_capacity(limit);
        Self { entries, index: Index::default(), oldest: 0, limit, forgot: false }
    }

    /// Remembers a value, replacing that of the same key.
    pub fn insert(&mut self, key: u64, value: V) {
        if let Some(at) = self.index.get(key, &self.entries) {
            self.entries[at as usize].value = value;
            return;
        }
        let at = if self.entries.len() < self.limit {
            self.entries.push(Remembered::new(key, value));
            self.entries.len() as u32 - 1
        } else {
            let at = self.oldest;
            self.index.remove(at, &self.entries);
            self.entries[at as usize] = Remembered::new(key, value);
            self.oldest = (at + 1) % self.limit as u32;
            self.forgot = true;
            at
        };
        self.index.insert(at, &self.entries);
    }

    /// The value of a key.
    pub fn get(&self, key: u64) -> Option<V> {
        let at = self.index.get(key, &self.entries)?;
        self.entries.get(at as usize).map(|entry| entry.value)
    }

    /// Whether anything was ever forgotten: until then a missing key was never inserted.
    pub fn forgot(&self) -> bool {
        self.forgot
    }
}

impl<V: Copy + Pack> DetectorState for Recent<V> {
    fn snapshot(&self, out: &mut Vec<u8>) -> Result<(), RestoreError> {
        self.forgot.pack(out);
        (self.entries.len() as u32).pack(out);
        let (newer, older) = self.entries.split_at(self.oldest as usize);
        for entry in older.iter().chain(newer) {
            entry.key().pack(out);
            entry.value.pack(out);
        }
        Ok(())
    }

    fn restore(&mut self, input: &mut &[u8]) -> Result<(), RestoreError> {
        *self = Self::new(self.limit);
        let forgot = bool::unpack(input)?;
        for _ in 0..u32::unpack(input)? {
            let (key, value) = (u64::unpack(input)?, V::unpack(input)?);
            self.insert(key, value);
        }
        self.forgot |= forgot;
        Ok(())
    }
}

impl<V> Keyed for Remembered<V> {
    fn key(&self) -> u64 {
        let [upper, lower] = self.halves;
        u64::from(upper) << 32 | u64::from(lower)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn stored_and_loaded_it_behaves_the_same(
            before in proptest::collection::vec((0u64..20, 0u8..9), 0..40),
            after in proptest::collection::vec((0u64..20, 0u8..9), 0..40),
        ) {
            let mut recent = Recent::new(8);
            for (key, value) in before {
                recent.insert(key, value);
            }
            let mut bytes = Vec::new();
            recent.snapshot(&mut bytes).unwrap();
            let mut loaded = Recent::new(8);
            loaded.restore(&mut bytes.as_slice()).unwrap();
            for (key, value) in after {
                recent.insert(key, value);
                loaded.insert(key, value);
                prop_assert!(recent.entries.len() <= 8);
            }
            prop_assert_eq!(recent.forgot(), loaded.forgot());
            for key in 0..20 {
                prop_assert_eq!(recent.get(key), loaded.get(key));
            }
        }
    }
}
