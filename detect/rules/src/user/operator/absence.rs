//! `absence`: something that should follow does not. The one operator that speaks when nothing happens, so it has timers.

use detect_core::event::{EventRow, Sighting};
use detect_core::findings::Findings;
use detect_core::key::Key;
use detect_core::pack::{Kept, Pack as _};
use detect_core::table::Table;
use detect_core::timers::Timers;
use detect_core::{detector_state, packed};
use serde::{Deserialize, Serialize};

use super::{Machine, MemoryBudget, Operator, Seen, Wrong, check_range, holds, memory_budget};
use crate::condition::Condition;
use crate::limits::RULE_STATES_MAX;

/// `[rule.absence]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Absence {
    /// What should follow an event that matches. Without it, another event that matches: a sign of life.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expect: Option<String>,
    /// Within so many seconds: 1 to 2,592,000.
    within_seconds: u32,
}

impl Absence {
    /// The condition of what should follow.
    pub fn expected(&self) -> Option<&str> {
        self.expect.as_deref()
    }

    /// What waits.
    pub fn watch(&self, budget: MemoryBudget) -> Watch {
        Watch {
            expect: self.expect.as_deref().and_then(|expect| Condition::new(expect).ok()),
            within: i64::from(self.within_seconds),
            armed: Table::new(budget.of(RULE_STATES_MAX)),
            timers: Timers::default(),
        }
    }
}

impl Operator for Absence {
    fn check(&self) -> Result<(), Wrong> {
        check_range("within_seconds", self.within_seconds.into(), 1..=2_592_000)
    }

    fn column(&self) -> Option<&str> {
        None
    }

    // It is no machine that events alone drive: see [`Absence::watch`].
    fn bytes(&self) -> u64 {
        memory_budget::bytes(RULE_STATES_MAX, WAITING_BYTES)
    }

    fn build(&self, _: Key, _: MemoryBudget) -> Option<Box<dyn Machine>> {
        None
    }
}

/// Bytes of a wait with its timer, its names and the texts of its alert, as long as they usually are at most.
const WAITING_BYTES: u64 = 4_096;

/// Keys that wait for something.
pub struct Watch {
    expect: Option<Condition>,
    within: i64,
    armed: Table<Armed>,
    timers: Timers,
}

detector_state!(Watch { armed, timers } without { expect, within });

#[derive(Debug, Default)]
struct Armed {
    waiting: Option<Kept<Waiting>>,
}

packed!(Armed { waiting });

/// Everything that an alert needs once it is due.
#[derive(Debug)]
pub struct Waiting {
    /// The event after which nothing came.
    pub sighting: Sighting,
    /// Names of the scope and of the rest of the key.
    pub names: (String, String),
    /// The case, who and what, as JSON.
    pub opening: String,
}

packed!(Waiting { sighting, names, opening });

impl Watch {
    /// Whether the event is what others wait for.
    pub fn is_expected(&self, event: &EventRow<'_>, matched: bool, rule: &str, findings: &mut Findings) -> bool {
        self.expect.as_ref().map_or(matched, |expect| holds(expect, event, rule, findings))
    }

    /// Ends the wait of a key.
    pub fn end(&mut self, key: u64) {
        self.timers.clear(key);
        if let Some(armed) = self.armed.get_mut(key) {
            armed.waiting = None;
        }
    }

    /// Starts the wait of a key, unless it waits already.
    pub fn start(&mut self, seen: Seen<'_, '_>, findings: &mut Findings, waiting: impl FnOnce() -> Waiting) {
        let armed = self.armed.entry(seen.key, seen.event, findings);
        if armed.waiting.is_some() {
            return;
        }
        let mut packed = Vec::new();
        waiting().pack(&mut packed);
        armed.waiting.get_or_insert_default().set(&packed);
        if let Some((evicted, _)) = self.armed.take_evicted() {
            self.timers.clear(evicted);
        }
        self.timers.set(seen.key, seen.event.second() + self.within);
    }

    /// Takes the next wait that was too long out.
    pub fn due(&mut self, second: i64) -> Option<Waiting> {
        while let Some(key) = self.timers.due(second) {
            let waiting = self.armed.get_mut(key).and_then(|armed| armed.waiting.take());
            if let Some(waiting) = waiting.and_then(|waiting| waiting.get()) {
                return Some(waiting);
            }
        }
        None
    }

    /// Nothing could be heard: everybody waits once more.
    pub fn restart(&mut self, second: i64) {
        self.timers.restart(second + self.within);
    }

    /// The longest wait in seconds.
    pub fn within(&self) -> i64 {
        self.within
    }
}
