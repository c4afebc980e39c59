//! `rate`: many events in a window.

use detect_core::findings::Findings;
use detect_core::key::Key;
use detect_core::table::Table;
use detect_core::{detector_state, packed};
use serde::{Deserialize, Serialize};

use super::window::Window;
use super::{Hit, Machine, MemoryBudget, Operator, RecentEvents, Seen, Wrong, check_range, memory_budget, state};
use crate::limits::RULE_STATES_MAX;

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
        memory_budget::bytes(RULE_STATES_MAX, Window::bytes(BUCKETS) + RecentEvents::bytes())
    }

    fn build(&self, _: Key, budget: MemoryBudget) -> Option<Box<dyn Machine>> {
        Some(Box::new(Rating { parameters: self.clone(), windows: Table::new(budget.of(RULE_STATES_MAX)) }))
    }
}

struct Rating {
    parameters: Rate,
    windows: Table<Recently>,
}

detector_state!(Rating { windows } without { parameters });

#[derive(Debug, Default)]
struct Recently {
    window: Window,
    recent_events: RecentEvents,
}

packed!(Recently { window, recent_events });

impl Machine for Rating {
    fn observe(&mut self, seen: Seen<'_, '_>, findings: &mut Findings) -> Option<Hit> {
        let Rate { events, within_seconds } = self.parameters;
        let recently = state(&mut self.windows, seen, findings);
        let count = recently.window.add(seen.second, 1, within_seconds, BUCKETS);
        recently.recent_events.note(seen);
        recently.recent_events.forget_before(seen.event.second() - i64::from(within_seconds) + 1);
        (count >= i64::from(events)).then(|| Hit {
            observed: count,
            value: 0,
            before: recently.recent_events.before(count as u64),
        })
    }
}
