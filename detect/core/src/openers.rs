//! How many alerts each sender opened, so that a flood of them is told together only.

use crate::limits::{OPENED_PER_SENDER_MAX, OPENED_SECONDS, SENDERS_MAX};
use crate::recent::Recent;
use crate::{detector_state, packed};

/// How many alerts each sender opened.
pub struct Openers {
    by_sender: Recent<Opened>,
}

detector_state!(Openers { by_sender });

#[derive(Debug, Clone, Copy, Default)]
struct Opened {
    /// When the count began, or when the latest was opened above the bound.
    since: i64,
    count: u32,
}

packed!(Opened { since, count });

impl Default for Openers {
    /// Nobody opened any.
    fn default() -> Self {
        Self { by_sender: Recent::new(SENDERS_MAX) }
    }
}

impl Openers {
    /// Whether what this sender opens now is told together only.
    pub fn is_flood(&self, sender: u64, second: i64) -> bool {
        self.current(sender, second).is_some_and(|opened| opened.count >= OPENED_PER_SENDER_MAX)
    }

    /// Notes that it opened so many.
    pub fn note(&mut self, sender: u64, second: i64, count: u32) {
        let mut opened = self.current(sender, second).unwrap_or(Opened { since: second, count: 0 });
        opened.count = opened.count.saturating_add(count);
        if opened.count > OPENED_PER_SENDER_MAX {
            opened.since = second;
        }
        self.by_sender.insert(sender, opened);
    }

    fn current(&self, sender: u64, second: i64) -> Option<Opened> {
        self.by_sender.get(sender).filter(|opened| second - opened.since < OPENED_SECONDS)
    }
}
