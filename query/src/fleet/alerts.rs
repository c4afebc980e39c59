//! The open alerts of each agent: the fold's second input, taken from the one projection over alerts.

use std::collections::BTreeMap;

use ledger::{Seq, Timestamp};
use operations::alert::{Alert, Severity, Who};
use operations::triage::{Status, Triage, Triaged};

use super::clip;
use super::fold::Fleet;
use super::names::NameKind;

/// The open alerts by agent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct OpenAlerts {
    pub(super) by_agent: BTreeMap<u64, AgentAlerts>,
    /// Alerts that are open or acknowledged, of agents and others, by severity.
    pub(super) open: BTreeMap<Severity, usize>,
}

/// The open alerts of one agent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct AgentAlerts {
    /// How many are open or acknowledged.
    pub(super) open: u32,
    pub(super) worst: Option<Worst>,
    /// The worst severity of which nobody looks after it.
    pub(super) unattended: Option<Severity>,
    /// Since when a rule on loops, on silence or on budgets says so.
    pub(super) repeating: Option<Timestamp>,
    pub(super) stuck: Option<Timestamp>,
    pub(super) over_budget: Option<Timestamp>,
    pub(super) lost: Option<Timestamp>,
    /// The newest entry of `operations` that changed any of this.
    pub(super) changed: Seq,
}

/// The alert to look at first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Worst {
    pub(super) severity: Severity,
    pub(super) opened: Timestamp,
    pub(super) id: String,
    pub(super) rule: String,
    pub(super) title: String,
}

impl OpenAlerts {
    /// The alerts that are open or acknowledged, by the agents of `fleet`.
    pub(super) fn of(triage: &Triage, fleet: &Fleet) -> Self {
        let mut found = Self::default();
        for triaged in triage.unfinished() {
            *found.open.entry(triaged.alert.severity).or_default() += 1;
            if triaged.alert.rule == "collector.silent" {
                found.lose(triaged, fleet);
            } else if let Some(id) = agent_of(&triaged.alert.who, fleet) {
                found.by_agent.entry(id).or_default().add(triaged);
            }
        }
        found
    }

    /// Every agent whose newest event came through the collector that is silent: its newest event is the alert's evidence.
    fn lose(&mut self, triaged: &Triaged, fleet: &Fleet) {
        let evidence = &triaged.alert.evidence;
        let is_it = |seq: &u64| evidence.iter().any(|position| position.seq.get() == *seq);
        let silent: Vec<&str> =
            fleet.collectors.iter().filter(|(_, seq)| is_it(seq)).map(|(name, _)| name.as_str()).collect();
        if silent.is_empty() {
            return;
        }
        for (id, agent) in &fleet.agents {
            if agent.names.collector.as_deref().is_some_and(|name| silent.contains(&name)) {
                let alerts = self.by_agent.entry(*id).or_default();
                alerts.lost = Some(earlier(alerts.lost, triaged.opened));
                alerts.changed = alerts.changed.max(triaged.seq);
            }
        }
    }

    /// What is changed from `before` to this, as of `now`: an agent whose alerts are all over is kept without any.
    pub(super) fn since(mut self, before: &Self, now: Seq) -> Self {
        for (id, old) in &before.by_agent {
            let new = self.by_agent.entry(*id).or_default();
            let is_same = AgentAlerts { changed: old.changed, ..new.clone() } == *old;
            new.changed = if is_same { old.changed } else { now };
        }
        for (id, new) in &mut self.by_agent {
            if !before.by_agent.contains_key(id) {
                new.changed = now;
            }
        }
        self
    }
}

impl AgentAlerts {
    fn add(&mut self, triaged: &Triaged) {
        let Triaged { alert, opened, .. } = triaged;
        self.open += 1;
        self.changed = self.changed.max(triaged.seq);
        let is_worse =
            self.worst.as_ref().is_none_or(|worst| (alert.severity, *opened) > (worst.severity, worst.opened));
        if is_worse {
            let [id, rule, title] = [&alert.id, &alert.rule, &alert.title].map(|text| clip(text).to_owned());
            self.worst = Some(Worst { severity: alert.severity, opened: *opened, id, rule, title });
        }
        if triaged.status() == Status::Open {
            self.unattended = self.unattended.max(Some(alert.severity));
        }
        let state = match alert.rule.as_str() {
            rule if rule.starts_with("loop.") => &mut self.repeating,
            "agent.stuck" => &mut self.stuck,
            rule if rule.starts_with("spend.budget") && is_spent(alert) => &mut self.over_budget,
            _ => return,
        };
        *state = Some(earlier(*state, *opened));
    }
}

fn earlier(known: Option<Timestamp>, other: Timestamp) -> Timestamp {
    known.map_or(other, |known| known.min(other))
}

/// Whether a budget is used up: the rule also tells that it will be.
fn is_spent(alert: &Alert) -> bool {
    alert.measured.as_ref().is_some_and(|measured| measured.limit.is_some_and(|limit| measured.observed >= limit))
}

/// The agent that an alert names.
fn agent_of(who: &Who, fleet: &Fleet) -> Option<u64> {
    let only = |kind, name: &Option<String>| name.as_deref().and_then(|name| fleet.names.only(kind, clip(name)));
    only(NameKind::Session, &who.session)
        .or_else(|| only(NameKind::Workspace, &who.workspace))
        .or_else(|| only(NameKind::Agent, &who.agent))
}
