//! What happens often is told seldom: the same thing once in a while, with how often it happened since. What is told, and where,
//! is its user's.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Counts what happens. Clones count together. Keys are words of our own: nothing is forgotten.
#[derive(Debug, Clone)]
pub struct Seldom<K> {
    every: Duration,
    told: Arc<Mutex<HashMap<K, Told>>>,
}

/// When it was told of last, and how many came since.
#[derive(Debug)]
struct Told {
    at: Instant,
    since: u64,
}

impl<K: Eq + Hash + Clone> Seldom<K> {
    /// The same is told once in so long.
    pub fn new(every: Duration) -> Self {
        Self { every, told: Arc::default() }
    }

    /// Everything that happened, in no order.
    pub fn keys(&self) -> Vec<K> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).keys().cloned().collect()
    }

    /// It happened. If it is to be told: how often since it was told last, this time included.
    pub fn count(&self, key: K, now: Instant) -> Option<u64> {
        match self.told.lock().unwrap_or_else(PoisonError::into_inner).entry(key) {
            Entry::Vacant(entry) => {
                entry.insert(Told { at: now, since: 0 });
                Some(1)
            }
            Entry::Occupied(mut entry) => {
                let told = entry.get_mut();
                told.since += 1;
                if now.duration_since(told.at) < self.every {
                    return None;
                }
                told.at = now;
                Some(std::mem::take(&mut told.since))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_is_told_once_in_a_while_with_those_between() {
        let (seldom, start) = (Seldom::new(Duration::from_mins(1)), Instant::now());
        for (key, seconds, told) in [
            ("a", 0, Some(1)),
            ("a", 1, None),
            ("a", 59, None),
            ("b", 59, Some(1)),
            ("a", 60, Some(3)),
            ("a", 61, None),
            ("a", 3_600, Some(2)),
        ] {
            assert_eq!(seldom.count(key, start + Duration::from_secs(seconds)), told, "{key} {seconds}");
        }
    }
}
