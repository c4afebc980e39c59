//! Who reads which source: one reader at a time for each key of the ledger's inputs. Two readers of one source would each go on
//! where the ledger says that it was read to, and record twice what the other one has on its way.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The sources that are read now.
#[derive(Debug, Clone, Default)]
pub(super) struct Claims(Arc<Mutex<HashSet<String>>>);

/// The right to read one source, until it is dropped. Drop it after everything that was read is durable or given up.
#[derive(Debug)]
pub struct Claim {
    claims: Claims,
    key: String,
}

impl Claims {
    // A set of keys is whole at every moment, so the lock is taken over after a panic.
    fn held(&self) -> MutexGuard<'_, HashSet<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Claims all of these sources, or none if one of them is read by somebody else.
    pub fn take(&self, keys: &[String]) -> Option<Vec<Claim>> {
        let mut held = self.held();
        if keys.iter().any(|key| held.contains(key)) {
            return None;
        }
        held.extend(keys.iter().cloned());
        Some(keys.iter().map(|key| Claim { claims: self.clone(), key: key.clone() }).collect())
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.claims.held().remove(&self.key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_has_one_reader_and_all_are_claimed_or_none() {
        let claims = Claims::default();
        let keys = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let first = claims.take(&keys(&["a", "b"])).unwrap();
        assert!(claims.take(&keys(&["c", "b"])).is_none());
        let other = claims.take(&keys(&["c"])).unwrap();
        drop(first);
        assert!(claims.take(&keys(&["a", "b"])).is_some() && claims.take(&keys(&["c"])).is_none());
        drop(other);
        assert!(claims.take(&keys(&["c"])).is_some());
    }
}
