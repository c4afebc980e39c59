//! The fold itself: which agents there are, whose an event is, and what all of them come to. The same rows give the same fold.

use std::collections::{BTreeMap, HashMap};

use ledger::events::column;
use ledger::{Row, Seq, Timestamp};
use operations::witness::Witnesses;
use serde::{Deserialize, Serialize};

use super::agent::{Agent, Key, Spent, Today};
use super::domains::Domains;
use super::lag::Lag;
use super::names::{NameKind, Names};
use super::observation::Observation;
use super::{clip, learn};
use crate::limits::{FLEET_AGENTS_MAX, FLEET_COLLECTORS_MAX, FLEET_EVICTED_AT_ONCE, FLEET_NAMESAKES_MAX};

/// Every agent that was heard of, within bounds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fleet {
    /// The number of the next agent.
    next: u64,
    pub(super) agents: BTreeMap<u64, Agent>,
    /// Made anew from the agents.
    #[serde(skip)]
    pub(super) names: Names,
    domains: Domains,
    pub(super) lag: Lag,
    /// Money of all agents, and of events that name none.
    pub(super) today: Today,
    /// Where the newest event of each collector stands.
    pub(super) collectors: BTreeMap<String, u64>,
    /// Everything that was recorded before stands in the fold.
    pub(super) recorded_until: Timestamp,
}

impl Fleet {
    /// Takes the next row. Rows that are about no agent change nothing. Returns the agent that it is about.
    pub fn apply(&mut self, row: &Row<'_>) -> Option<u64> {
        self.advance(row.recorded);
        let seq = row.position.seq;
        if let Some(collector) = row.text(column::COLLECTOR).map(clip) {
            self.hear(collector, seq);
        }
        let event = Observation::of(*row)?;
        if !event.is_work() {
            return self.witness(&event);
        }
        if !event.is_read_in() {
            self.lag.add(event.moment, event.recorded());
        }
        let is_new = event.is_request()
            && event.text(column::DOMAIN).is_some_and(|domain| self.domains.is_new(domain, event.moment));
        let Some(id) = self.find(&event).or_else(|| self.make(&event)) else {
            self.today.add(event.moment, unattributed(&event));
            return None;
        };
        let Self { agents, today, names, .. } = self;
        let agent = agents.get_mut(&id)?;
        let spent = agent.observe(&event, is_new);
        today.add(event.moment, spent);
        learn_names(agent, names, id, &event);
        Some(id)
    }

    /// Takes an event that is no work, and may still show that somebody tells of a session. Returns the agent of which that is new.
    fn witness(&mut self, event: &Observation<'_>) -> Option<u64> {
        let told = event.witnesses();
        if told == Witnesses::NONE {
            return None;
        }
        let id = self.find(event)?;
        let known = &mut self.agents.get_mut(&id)?.session.witnesses;
        let is_new = known.with(told) != *known;
        *known = known.with(told);
        is_new.then_some(id)
    }

    /// Lets time pass until this moment.
    pub fn advance(&mut self, now: Timestamp) {
        self.recorded_until = self.recorded_until.max(now);
    }

    /// Number of agents that are kept.
    pub fn len(&self) -> usize {
        self.agents.len()
    }

    /// Whether no agent was heard of.
    pub fn is_empty(&self) -> bool {
        self.agents.is_empty()
    }

    fn hear(&mut self, collector: &str, seq: Seq) {
        if let Some(newest) = self.collectors.get_mut(collector) {
            *newest = seq.get();
        } else if self.collectors.len() < FLEET_COLLECTORS_MAX {
            self.collectors.insert(collector.to_owned(), seq.get());
        }
    }

    /// The agent of an event that was heard of.
    fn find(&self, event: &Observation<'_>) -> Option<u64> {
        let text = |column| event.text(column).map(clip);
        if let Some(id) = text(column::SESSION).and_then(|session| self.names.only(NameKind::Session, session)) {
            return Some(id);
        }
        let (agent, workspace) = (event.agent().map(clip), text(column::WORKSPACE));
        let names = |id: &u64| self.agents.get(id).map(|agent| &agent.names);
        match (agent, workspace) {
            (Some(agent), workspace) => {
                let is_there = |id: &u64| {
                    let there = names(id).and_then(|names| names.workspace.as_deref());
                    workspace.is_none() || there.is_none() || there == workspace
                };
                let by_name = self.names.only(NameKind::Agent, agent).filter(is_there);
                by_name.or_else(|| {
                    let is_it = |id: &&u64| {
                        names(id).is_some_and(|names| names.agent.as_deref().is_none_or(|other| other == agent))
                    };
                    let there = self.names.all(NameKind::Workspace, workspace?);
                    there.iter().take(FLEET_NAMESAKES_MAX).find(is_it).copied()
                })
            }
            (None, Some(workspace)) => self.names.only(NameKind::Workspace, workspace).or_else(|| {
                let there = self.names.all(NameKind::Workspace, workspace);
                let is_it = |id: &&u64| self.agents.get(id).is_some_and(|agent| agent.key == Key::Workspace);
                there.iter().take(FLEET_NAMESAKES_MAX).find(is_it).copied()
            }),
            (None, None) => None,
        }
    }

    /// A new agent for an event; `None` if the event names nobody.
    fn make(&mut self, event: &Observation<'_>) -> Option<u64> {
        let text = |column| event.text(column).map(clip);
        let (agent, workspace) = (event.agent().map(clip), text(column::WORKSPACE));
        let (key, id) = match (agent, workspace, text(column::SESSION)) {
            (Some(agent), Some(workspace), _) => (Key::Agent, format!("agent:{agent}@{workspace}")),
            (Some(agent), None, _) => (Key::Agent, format!("agent:{agent}")),
            (None, Some(workspace), _) => (Key::Workspace, format!("workspace:{workspace}")),
            (None, None, Some(session)) => (Key::Session, format!("session:{session}")),
            (None, None, None) => return None,
        };
        if self.agents.len() >= FLEET_AGENTS_MAX {
            self.evict(FLEET_EVICTED_AT_ONCE);
        }
        let number = self.next;
        self.next += 1;
        self.agents.insert(number, Agent::new(key, id, event));
        Some(number)
    }

    /// Forgets so many agents: of whoever brought the most of them, those that were silent for longest.
    fn evict(&mut self, number: usize) {
        let mut of: HashMap<Option<&str>, usize> = HashMap::new();
        for agent in self.agents.values() {
            *of.entry(agent.sender.as_deref()).or_default() += 1;
        }
        // Everybody keeps as many as there are for everybody, and who has fewer leaves room to the others.
        let mut counts: Vec<usize> = of.values().copied().collect();
        counts.sort_unstable();
        let mut room = self.agents.len().saturating_sub(number);
        let mut share = room;
        for (at, count) in counts.iter().enumerate() {
            share = room / (counts.len() - at);
            if *count > share {
                break;
            }
            room -= count;
        }
        let mut oldest: Vec<(Timestamp, u64)> =
            self.agents.iter().map(|(id, agent)| (agent.last.moment, *id)).collect();
        oldest.sort_unstable();
        let mut going = Vec::with_capacity(number);
        for (_, id) in oldest {
            let Some(left) = self.agents.get(&id).and_then(|agent| of.get_mut(&agent.sender.as_deref())) else {
                continue;
            };
            if *left > share && going.len() < number {
                *left -= 1;
                going.push(id);
            }
        }
        for id in going {
            self.forget(id);
        }
    }

    fn forget(&mut self, id: u64) {
        let Some(agent) = self.agents.remove(&id) else { return };
        for (kind, name) in known_by(&agent) {
            self.names.remove(kind, name, id);
        }
    }

    /// Finds agents by their names again, after a fold was read.
    pub(super) fn index(&mut self) {
        self.names = Names::default();
        for (id, agent) in &self.agents {
            for (kind, name) in known_by(agent) {
                self.names.add(kind, name, *id);
            }
        }
    }
}

/// The names by which an agent is found.
fn known_by(agent: &Agent) -> impl Iterator<Item = (NameKind, &str)> {
    let sessions = agent.sessions.iter().map(|name| (NameKind::Session, name.as_str()));
    let name = agent.names.agent.as_deref().map(|name| (NameKind::Agent, name));
    let workspace = agent.names.workspace.as_deref().map(|name| (NameKind::Workspace, name));
    sessions.chain(name).chain(workspace)
}

/// Notes the names that an event adds to those of its agent.
fn learn_names(agent: &mut Agent, names: &mut Names, id: u64, event: &Observation<'_>) {
    if agent.names.agent.is_none()
        && let Some(name) = event.agent().map(clip)
    {
        agent.names.agent = Some(name.to_owned());
        names.add(NameKind::Agent, name, id);
    }
    let workspace = event.text(column::WORKSPACE).map(clip);
    if workspace.is_some() && agent.names.workspace.as_deref() != workspace {
        if let Some(before) = agent.names.workspace.as_deref() {
            names.remove(NameKind::Workspace, before, id);
        }
        learn(&mut agent.names.workspace, workspace);
        if let Some(name) = workspace {
            names.add(NameKind::Workspace, name, id);
        }
    }
    let Some(session) = event.text(column::SESSION).map(clip) else { return };
    if names.all(NameKind::Session, session).contains(&id) {
        return;
    }
    if !agent.sessions.iter().any(|known| known == session) {
        if agent.sessions.len() == crate::limits::FLEET_SESSIONS_MAX {
            // The current one goes last.
            let at = usize::from(agent.sessions.front() == agent.session.name.as_ref());
            if let Some(before) = agent.sessions.remove(at) {
                names.remove(NameKind::Session, &before, id);
            }
        }
        agent.sessions.push_back(session.to_owned());
    }
    names.add(NameKind::Session, session, id);
}

/// What an event costs that names nobody.
fn unattributed(event: &Observation<'_>) -> Spent {
    let cost = event.number(column::COST_MICROS).or_else(|| event.number(column::COST_SOURCE_MICROS));
    if event.is_conflict() { Spent::default() } else { Spent { micros: cost.unwrap_or(0), is_unpriced: false } }
}
