//! The recorded time: the system's clock, kept from going back.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::timestamp::Timestamp;

/// Where the writer looks at the time. Only who writes a history of another time has another one than the system's.
pub trait TimeSource: Send + Sync + std::fmt::Debug {
    /// The time now.
    fn now(&self) -> Timestamp;
}

/// The system's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl TimeSource for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::EPOCH.saturating_add(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
    }
}

/// Gives `recorded` times in microseconds since 1970 UTC that never decrease, over restarts too.
#[derive(Debug)]
pub(crate) struct Clock {
    source: Arc<dyn TimeSource>,
    last: i64,
}

impl Clock {
    /// Goes on from the newest recorded time of the ledger.
    pub(crate) fn new(source: Arc<dyn TimeSource>, last: i64) -> Self {
        Self { source, last }
    }

    /// The time that was given last.
    pub(crate) fn last(&self) -> i64 {
        self.last
    }

    /// The time now, or the last one if the clock went back.
    pub(crate) fn now(&mut self) -> i64 {
        self.last = self.last.max(self.source.now().unix_micros());
        self.last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_went_back_stands_still() {
        let future = 9_000_000_000_000_000;
        assert_eq!(Clock::new(Arc::new(SystemClock), future).now(), future);
        assert!(Clock::new(Arc::new(SystemClock), 0).now() > 1_700_000_000_000_000);
    }
}
