//! The newest events as they go by, and how many there are: a sample, since nobody reads thousands in a second.

use std::collections::VecDeque;

use ledger::{Row, Seq, Timestamp};
use serde::Serialize;

use super::agent::Agent;
use super::clip;
use super::observation::Observation;
use super::row::place;
use super::summary::summary;
use crate::limits::FLEET_TICKER_ROWS;
use ledger::events::column;

/// Over how many whole seconds the rate is taken.
const SECONDS: i64 = 5;

/// One event that is shown. Every text is attacker-written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Ticked {
    /// Where it stands.
    pub position: String,
    /// When it was seen.
    pub seen: Timestamp,
    /// The agent's id in the fleet.
    pub id: Option<String>,
    /// What people call the agent.
    pub name: Option<String>,
    /// Its team.
    pub team: Option<String>,
    /// What happened.
    pub kind: String,
    /// How it ended.
    pub outcome: Option<String>,
    /// A line about it.
    pub summary: String,
    /// Content: the command line.
    pub command: Option<String>,
    /// Content: the file.
    pub file: Option<String>,
    #[serde(skip)]
    seq: Seq,
}

/// What went by since a position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ticks {
    /// The newest of it, oldest first.
    pub rows: Vec<Ticked>,
    /// Of how many rows these are.
    pub events: u64,
    /// Rows in a second.
    pub per_second: u64,
}

/// The newest events.
#[derive(Debug, Default)]
pub(super) struct Ticker {
    rows: VecDeque<Ticked>,
    /// How many rows were recorded in each of the last seconds.
    seconds: VecDeque<(i64, u64)>,
}

impl Ticker {
    /// Counts a row.
    pub(super) fn count(&mut self, recorded: Timestamp) {
        let second = recorded.unix_seconds();
        match self.seconds.back_mut() {
            Some((newest, count)) if *newest >= second => *count += 1,
            _ => self.seconds.push_back((second, 1)),
        }
        if self.seconds.len() > SECONDS as usize + 1 {
            self.seconds.pop_front();
        }
    }

    /// Keeps a row to be shown.
    pub(super) fn show(&mut self, row: &Row<'_>, agent: Option<&Agent>) {
        let Some(event) = Observation::of(*row) else { return };
        let kept = |column| event.text(column).map(|text| clip(text).to_owned());
        let names = agent.map(|agent| &agent.names);
        let name = names.and_then(|names| {
            names.workspace_name.clone().or_else(|| names.agent.clone()).or_else(|| names.workspace.clone())
        });
        if self.rows.len() == FLEET_TICKER_ROWS {
            self.rows.pop_front();
        }
        self.rows.push_back(Ticked {
            position: place(event.seq().get()),
            seen: event.moment,
            id: agent.map(|agent| agent.id.clone()),
            name: name.or_else(|| agent.and_then(|agent| agent.session.name.clone())),
            team: names.and_then(|names| names.team.clone()),
            kind: clip(event.kind).to_owned(),
            outcome: kept(column::OUTCOME),
            summary: summary(&event),
            command: kept(column::COMMAND),
            file: kept(column::FILE),
            seq: event.seq(),
        });
    }

    /// What went by from `from` on, before `next`: at most so many rows of it.
    pub(super) fn since(&self, from: Seq, next: Seq, rows_max: usize, now: Timestamp) -> Ticks {
        let new = self.rows.iter().filter(|row| row.seq >= from);
        let rows = new.clone().skip(new.count().saturating_sub(rows_max)).cloned().collect();
        let second = now.unix_seconds();
        let lately = self.seconds.iter().filter(|(at, _)| (second - SECONDS..second).contains(at));
        let per_second = lately.map(|(_, count)| *count).sum::<u64>().div_ceil(SECONDS as u64);
        Ticks { rows, events: next.distance_from(from), per_second }
    }
}
