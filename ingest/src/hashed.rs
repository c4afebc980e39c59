//! Maps under keys that are outputs of a keyed hash already, so that hashing them again would be wasted.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// A map under hashed keys.
pub(crate) type HashedMap<V> = HashMap<u64, V, BuildHasherDefault<Hashed>>;

/// Gives a 64-bit key back as its own hash.
#[derive(Debug, Default)]
pub(crate) struct Hashed(u64);

impl Hasher for Hashed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        // Only 64-bit keys come here in this crate; others are mixed so that they are at least told apart.
        for &byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(byte);
        }
    }

    fn write_u64(&mut self, key: u64) {
        self.0 = key;
    }
}
