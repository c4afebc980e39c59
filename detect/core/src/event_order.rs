//! How far each agent's time has come: a watermark, so that an old event which comes after what happened later is not put into windows
//! that have gone on without it.

use crate::detector_state;
use crate::event::EventRow;
use crate::limits::{DISORDER_SECONDS, ORDERED_AGENTS_MAX};
use crate::recent::Recent;
use crate::second::Second;

/// The newest time of each agent's events.
pub struct EventOrder {
    newest: Recent<Second>,
}

detector_state!(EventOrder { newest });

impl Default for EventOrder {
    /// No event came.
    fn default() -> Self {
        Self { newest: Recent::new(ORDERED_AGENTS_MAX) }
    }
}

impl EventOrder {
    /// Notes an event, and says whether it is an old one that came after what happened later. What is live is in the order in which
    /// it was recorded, whatever its source says of its time.
    pub fn is_disordered(&mut self, event: &EventRow<'_>) -> bool {
        let second = event.second();
        let newest = self.newest.get(event.agent()).map(Second::get);
        if newest.is_some_and(|newest| event.backfill() && second < newest - DISORDER_SECONDS) {
            return true;
        }
        // To the second it need not be known.
        if newest.is_none_or(|newest| second >= newest + NOTED_SECONDS) {
            self.newest.insert(event.agent(), Second::new(second));
        }
        false
    }
}

/// So much further must time have come for it to be noted.
const NOTED_SECONDS: i64 = 60;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::fixtures::{self, START};

    #[test]
    fn old_events_are_in_order_within_minutes_or_not_at_all() {
        let mut order = EventOrder::default();
        let mut check = |session: &str, time: i64, expected: bool| {
            let time = (START + time) * 1_000_000;
            let event = json!({"second": 1_000_000, "time": time, "session": session, "marks": ["backfill"]});
            let rows = fixtures::rows(&[event]);
            let row = rows.get(0).unwrap();
            assert_eq!(order.is_disordered(&EventRow::new(&row, true, fixtures::key())), expected, "{session} {time}");
        };
        check("a", 5_000, false);
        check("a", 4_500, false);
        check("a", 9_000, false);
        check("a", 5_000, true);
        check("b", 0, false);
        check("a", 9_100, false);
    }
}
