//! `rate`: many events in a window.

use serde::{Deserialize, Serialize};

use super::window::Window;
use super::{Hit, Machine, Operator, Room, Seen, Trail, Wrong, check_range, room, state};
use crate::detector::{Findings, RestoreError};
use crate::engine::Key;
use crate::limits::RULE_STATES_MAX;
use crate::pack::packed;
use crate::table::Table;

/// `[rule.rate]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    /// So many events: 2 to 1,000,000,
    events: u32,
    /// in so many seconds: 1 to 604,800. Up to a minute it is exact, above it may be shorter by a sixtieth.
    within_seconds: u32,
}

/// Buckets of the window.
const BUCKETS: u32 = 60;

impl Operator for Rate {
    fn check(&self) -> Result<(), Wrong> {
        check_range("events", self.events.into(), 2..=1_000_000)?;
        check_range("within_seconds", self.within_seconds.into(), 1..=604_800)
    }

    fn column(&self) -> Option<&str> {
        None
    }

    fn bytes(&self) -> u64 {
        room::bytes(RULE_STATES_MAX, Window::bytes(BUCKETS) + Trail::bytes())
    }

    fn build(&self, _: Key, room: Room) -> Option<Box<dyn Machine>> {
        Some(Box::new(Rating { parameters: self.clone(), windows: Table::new(room.of(RULE_STATES_MAX)) }))
    }
}

struct Rating {
    parameters: Rate,
    windows: Table<Recently>,
}

#[derive(Debug, Default)]
struct Recently {
    window: Window,
    trail: Trail,
}

packed!(Recently { window, trail });

impl Machine for Rating {
    fn observe(&mut self, seen: Seen<'_, '_>, findings: &mut Findings) -> Option<Hit> {
        let Rate { events, within_seconds } = self.parameters;
        let recently = state(&mut self.windows, seen, findings);
        let count = recently.window.add(seen.second, 1, within_seconds, BUCKETS);
        recently.trail.note(seen);
        recently.trail.forget_before(seen.event.second() - i64::from(within_seconds) + 1);
        (count >= i64::from(events)).then(|| Hit {
            observed: count,
            value: 0,
            before: recently.trail.before(count as u64),
        })
    }

    fn snapshot(&self, out: &mut Vec<u8>) {
        self.windows.snapshot(out);
    }

    fn restore(&mut self, input: &mut &[u8]) -> Result<(), RestoreError> {
        self.windows.restore(input)
    }
}
