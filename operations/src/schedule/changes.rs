//! When somebody else is on call.

use std::time::Duration;

use chrono::Days;
use serde::Serialize;

use super::{OnCall, Schedule};
use crate::limits::{SCHEDULE_AHEAD_DAYS_MAX, SCHEDULE_CHANGES_MAX};
use ledger::Timestamp;

/// Who is on call from a moment on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change<'a> {
    /// The moment.
    pub at: Timestamp,
    /// Who is on call then; nobody in a gap.
    pub on_call: Vec<OnCall<'a>>,
}

impl Schedule {
    /// The next moments after `after` at which somebody else, or nobody, is on call; the soonest first, at most `count`, and none that is more
    /// than a year and a month away.
    pub fn next_changes(&self, after: Timestamp, count: usize) -> Vec<Change<'_>> {
        let count = count.min(SCHEDULE_CHANGES_MAX);
        let mut changes: Vec<Change<'_>> = Vec::new();
        let mut before = self.who(after);
        for at in self.boundaries(after) {
            if changes.len() == count {
                break;
            }
            let on_call = self.who(at);
            if on_call != before {
                before.clone_from(&on_call);
                changes.push(Change { at, on_call });
            }
        }
        changes
    }

    /// The moments at which something of it begins or ends, in order.
    fn boundaries(&self, after: Timestamp) -> Vec<Timestamp> {
        let zone = self.time_zone;
        let moments = self.overrides.iter().flat_map(|exception| [exception.from, exception.until]);
        let mut boundaries: Vec<Timestamp> = moments.filter_map(|moment| zone.moment(moment)).collect();
        // A time that began yesterday may end today.
        let first = zone.day(after).and_then(|day| day.pred_opt());
        let days = (0..=u64::from(SCHEDULE_AHEAD_DAYS_MAX)).filter_map(|days| first?.checked_add_days(Days::new(days)));
        for day in days {
            for layer in &self.layers {
                boundaries.extend(zone.at(day, layer.handover));
                boundaries.extend(layer.window(zone, day).into_iter().flat_map(<[_; 2]>::from));
            }
        }
        let end = after.saturating_add(Duration::from_hours(24 * u64::from(SCHEDULE_AHEAD_DAYS_MAX)));
        boundaries.retain(|at| after < *at && *at <= end);
        boundaries.sort_unstable();
        boundaries.dedup();
        boundaries
    }
}
