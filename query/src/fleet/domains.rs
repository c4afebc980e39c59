//! Which domains the fleet asked for: one that nobody asked for before is new.

use std::collections::BTreeMap;

use ledger::Timestamp;
use serde::{Deserialize, Serialize};

use super::clip;
use crate::limits::{FLEET_DOMAINS_LEARNT, FLEET_DOMAINS_MAX};

/// The domains that anybody asked for, with the second in which somebody did last.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Domains {
    seen: BTreeMap<String, i64>,
    /// When the first one was asked for.
    since: Option<Timestamp>,
}

impl Domains {
    /// Whether nobody asked for it before, which is known once the fold has learnt for a day.
    pub(super) fn is_new(&mut self, domain: &str, moment: Timestamp) -> bool {
        let since = *self.since.get_or_insert(moment);
        if let Some(seen) = self.seen.get_mut(clip(domain)) {
            *seen = (*seen).max(moment.unix_seconds());
            return false;
        }
        if self.seen.len() >= FLEET_DOMAINS_MAX {
            self.forget();
        }
        self.seen.insert(clip(domain).to_owned(), moment.unix_seconds());
        moment.since(since) >= FLEET_DOMAINS_LEARNT
    }

    /// Forgets the eighth that nobody asked for longest.
    fn forget(&mut self) {
        let mut seconds: Vec<i64> = self.seen.values().copied().collect();
        let at = seconds.len() / 8;
        let (_, bound, _) = seconds.select_nth_unstable(at);
        let bound = *bound;
        let mut left = at.max(1);
        self.seen.retain(|_, second| {
            let goes = left > 0 && *second <= bound;
            left -= usize::from(goes);
            !goes
        });
    }
}
