//! Which agents a list has, in which order, and what all of them come to.

use std::collections::BTreeMap;

use ledger::Timestamp;

use super::agent::Agent;
use super::attention::{NEEDS_A_PERSON, attention};
use super::row::AgentRow;
use super::service::FleetView;
use super::state::{AgentState, state};
use crate::limits::FLEET_SHOWN;

/// Which agents are asked for. Different fields must all hold; of several values one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Teams.
    pub teams: Vec<String>,
    /// States.
    pub states: Vec<AgentState>,
    /// How the shown name of the agent begins, in letters of either case.
    pub prefix: Option<String>,
}

/// Agents in order of attention.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FleetPage {
    /// The agents.
    pub agents: Vec<AgentRow>,
    /// How many there are on all pages.
    pub total: usize,
    /// What the next page is asked for with, if there is one.
    pub next: Option<String>,
    /// What all agents of the filter come to, whatever their state.
    pub counters: Counters,
}

/// What agents come to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counters {
    /// All of them.
    pub agents: usize,
    /// Their teams.
    pub teams: usize,
    /// How many stand how; every state is there.
    pub states: BTreeMap<&'static str, usize>,
    /// How many need a person now.
    pub need_a_person: usize,
    /// Since when the one waits that waits for longest.
    pub waiting_since: Option<Timestamp>,
    /// Requests denied in ten minutes.
    pub denied: u64,
    /// Events in a minute.
    pub events_per_minute: u64,
    /// Money in a minute, in micro-USD.
    pub micros_per_minute: u64,
    /// Money of the day, UTC, in micro-USD.
    pub micros_today: u64,
    /// Calls of the day whose model has no price.
    pub unpriced_today: u64,
    /// Money of the day that belongs to no agent of the list, where no filter is asked for.
    pub unattributed_today: Option<u64>,
    /// The lag of intake that 99 of 100 events of the last minutes stayed below, in microseconds; not of a filter.
    pub ingest_lag_p99_micros: Option<u64>,
    /// Rows that are recorded and not looked at yet.
    pub behind: u64,
}

/// An agent's place in the order; the smallest comes first.
type Place = (std::cmp::Reverse<u32>, Timestamp, String);

impl Filter {
    fn fits(&self, agent: &Agent) -> bool {
        let names = &agent.names;
        let team = names.team.as_deref().unwrap_or_default();
        let name = || {
            let names = [&names.agent, &names.workspace_name, &names.workspace, &agent.session.name];
            names.into_iter().find_map(|name| name.as_deref()).unwrap_or(&agent.id)
        };
        let begins = |prefix: &String| name().to_lowercase().starts_with(&prefix.to_lowercase());
        (self.teams.is_empty() || self.teams.iter().any(|wanted| wanted == team))
            && self.prefix.as_ref().is_none_or(begins)
    }

    fn is_everybody(&self) -> bool {
        self.teams.is_empty() && self.prefix.is_none()
    }
}

impl FleetView<'_> {
    /// The agents that were heard of lately, or of which an alert is open, and that fit a filter; with their states.
    fn chosen<'a>(&'a self, filter: &'a Filter) -> impl Iterator<Item = (u64, &'a Agent, AgentState, Timestamp)> {
        let agents = self.fleet.agents.iter().filter(|(_, agent)| filter.fits(agent));
        agents.filter_map(move |(id, agent)| {
            let alerts = self.alerts_of(*id);
            if self.now.since(agent.last.moment) > FLEET_SHOWN && alerts.open == 0 {
                return None;
            }
            let (state, since) = state(agent, alerts, self.now);
            Some((*id, agent, state, since))
        })
    }

    /// One page of the agents, at most `limit`, behind the one that ended with the cursor `after`. `None` if that is no cursor.
    pub fn page(&self, filter: &Filter, after: Option<&str>, limit: usize) -> Option<FleetPage> {
        let after = after.map(|text| read_cursor(text).ok_or(())).transpose().ok()?;
        let wanted =
            self.chosen(filter).filter(|(_, _, state, _)| filter.states.is_empty() || filter.states.contains(state));
        let mut places: Vec<(Place, u64)> =
            wanted.map(|(id, agent, state, since)| (self.place(id, agent, state, since), id)).collect();
        let total = places.len();
        if let Some(after) = &after {
            places.retain(|(place, _)| place > after);
        }
        places.sort_unstable();
        let more = places.len() > limit;
        places.truncate(limit);
        let next = places.last().filter(|_| more).map(|(place, _)| cursor(place));
        let agents = places.iter().filter_map(|(_, id)| self.row(*id)).collect();
        Some(FleetPage { agents, total, next, counters: self.counters(filter) })
    }

    /// What the agents of a filter come to, whatever their states.
    pub fn counters(&self, filter: &Filter) -> Counters {
        let mut counters = Counters {
            states: AgentState::ALL.into_iter().map(|state| (state.as_str(), 0)).collect(),
            behind: self.behind,
            ..Counters::default()
        };
        let mut teams = std::collections::BTreeSet::new();
        for (id, agent, state, since) in self.chosen(filter) {
            let (denied, _) = agent.activity.requests(self.now);
            counters.agents += 1;
            teams.extend(agent.names.team.as_deref());
            *counters.states.entry(state.as_str()).or_default() += 1;
            counters.need_a_person += usize::from(attention(state, self.alerts_of(id), denied) >= NEEDS_A_PERSON);
            if state == AgentState::Waiting {
                counters.waiting_since = Some(counters.waiting_since.map_or(since, |known| known.min(since)));
            }
            counters.denied += u64::from(denied);
            counters.events_per_minute += u64::from(agent.activity.events_per_minute(self.now));
            counters.micros_per_minute =
                counters.micros_per_minute.saturating_add(agent.activity.micros_per_minute(self.now));
            let (micros, unpriced) = agent.today.at(self.now);
            counters.micros_today = counters.micros_today.saturating_add(micros);
            counters.unpriced_today += u64::from(unpriced);
        }
        counters.teams = teams.len();
        if filter.is_everybody() {
            let (micros, unpriced) = self.fleet.today.at(self.now);
            counters.unattributed_today = Some(micros.saturating_sub(counters.micros_today));
            counters.micros_today = micros;
            counters.unpriced_today = unpriced.into();
            counters.ingest_lag_p99_micros = self.fleet.lag.p99_micros(self.now);
        }
        counters
    }

    /// Where an agent stands in the order: by attention; those that need a person by how long they do; then by name.
    fn place(&self, id: u64, agent: &Agent, state: AgentState, since: Timestamp) -> Place {
        let (denied, _) = agent.activity.requests(self.now);
        let score = attention(state, self.alerts_of(id), denied);
        let since = if score >= NEEDS_A_PERSON { since } else { Timestamp::EPOCH };
        (std::cmp::Reverse(score), since, agent.id.clone())
    }
}

fn cursor((score, since, id): &Place) -> String {
    format!("{}.{}.{id}", score.0, since.unix_micros())
}

fn read_cursor(text: &str) -> Option<Place> {
    let (score, rest) = text.split_once('.')?;
    let (since, id) = rest.split_once('.')?;
    Some((std::cmp::Reverse(score.parse().ok()?), Timestamp::from_unix_micros(since.parse().ok()?), id.to_owned()))
}
