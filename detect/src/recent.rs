//! A bounded memory of keys that forgets what came first: the same keys in the same order leave the same memory.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasherDefault, Hasher};

use crate::detector::RestoreError;
use crate::pack::Pack;

/// Values by keyed hash, at most `limit` of them; the key that was first inserted is forgotten first.
#[derive(Debug)]
pub struct Recent<V> {
    values: HashMap<u64, V, BuildHasherDefault<Passthrough>>,
    order: VecDeque<u64>,
    limit: usize,
    forgot: bool,
}

impl<V: Copy + Pack> Recent<V> {
    /// An empty memory.
    pub fn new(limit: usize) -> Self {
        Self { values: HashMap::default(), order: VecDeque::new(), limit, forgot: false }
    }

    /// Remembers a value, replacing that of the same key.
    pub fn insert(&mut self, key: u64, value: V) {
        if let Some(known) = self.values.get_mut(&key) {
            *known = value;
            return;
        }
        self.values.insert(key, value);
        self.order.push_back(key);
        if self.order.len() > self.limit
            && let Some(oldest) = self.order.pop_front()
        {
            self.values.remove(&oldest);
            self.forgot = true;
        }
    }

    /// The value of a key.
    pub fn get(&self, key: u64) -> Option<V> {
        self.values.get(&key).copied()
    }

    /// Whether anything was ever forgotten: until then a missing key was never inserted.
    pub fn forgot(&self) -> bool {
        self.forgot
    }

    /// Appends the memory, oldest entry first.
    pub fn snapshot(&self, out: &mut Vec<u8>) {
        self.forgot.pack(out);
        (self.order.len() as u32).pack(out);
        for (key, value) in self.order.iter().filter_map(|key| Some((key, self.values.get(key)?))) {
            key.pack(out);
            value.pack(out);
        }
    }

    /// Takes a memory that `snapshot` wrote; above the limit the oldest entries are forgotten.
    pub fn restore(&mut self, input: &mut &[u8]) -> Result<(), RestoreError> {
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

/// Keys are keyed hashes already, so they are used as they are.
#[derive(Debug, Default)]
pub struct Passthrough(u64);

impl Hasher for Passthrough {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, value: u64) {
        self.0 = value;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

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
            recent.snapshot(&mut bytes);
            let mut loaded = Recent::new(8);
            loaded.restore(&mut bytes.as_slice()).unwrap();
            for (key, value) in after {
                recent.insert(key, value);
                loaded.insert(key, value);
                prop_assert!(recent.values.len() <= 8 && recent.order.len() == recent.values.len());
            }
            prop_assert_eq!(recent.forgot(), loaded.forgot());
            for key in 0..20 {
                prop_assert_eq!(recent.get(key), loaded.get(key));
            }
        }
    }
}
