//! Days on which an agent did something, over all agents: against what numbers of alerts are read.

use std::collections::HashSet;

use detect_core::key::Key;
use ledger::Row;
use ledger::events::column;
use operations::calendar;

/// Counts them. Recorded time does not go back, so only one day's agents are remembered.
pub(crate) struct AgentDays {
    key: Key,
    day: i64,
    agents: HashSet<u64>,
    /// How many they are so far.
    pub(crate) count: u64,
}

impl AgentDays {
    /// None so far.
    pub(crate) fn new(key: Key) -> Self {
        Self { key, day: i64::MIN, agents: HashSet::new(), count: 0 }
    }

    /// Counts an event.
    pub(crate) fn note(&mut self, row: &Row<'_>) {
        let day = row.recorded.unix_seconds().div_euclid(calendar::DAY);
        if day != self.day {
            self.day = day;
            self.agents.clear();
        }
        // The agent at work, over all its sessions where it has a name.
        let names = [column::AGENT, column::WORKSPACE, column::USER, column::SESSION];
        let name = names.into_iter().find_map(|column| row.text(column));
        if name.is_some_and(|name| self.agents.insert(self.key.hash(&["agent-day", name]))) {
            self.count += 1;
        }
    }
}
