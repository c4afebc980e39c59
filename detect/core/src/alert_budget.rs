//! The alert budget: how many alerts above low a team gets for its agents' days, and what is told at low when it has more.
//!
//! One place for all rules, the users' own included: the engine shows it every agent's day and every alert before anybody else sees
//! it. What is lowered is decided by what was measured in the team's last weeks ([`team`]), in event time: the kinds of alerts that
//! are most ordinary there give way first, a rare one never does. Neither do critical ones, nor rules that are always told.

mod setting;
mod team;

use std::collections::BTreeMap;

use ledger::Timestamp;
use operations::alert::{Alert, Severity, State};
use operations::calendar;

use crate::detector_state::DetectorState;
use crate::event::EventRow;
use crate::key::{Key, Space};
use crate::limits::{BUDGET_AGENTS_MAX, BUDGET_JUDGED_MAX, BUDGET_TEAMS_MAX};
use crate::pack::{Pack, RestoreError};
use crate::packed;
use crate::recent::Recent;
use crate::text;
use effects::host;
pub use setting::{AlertBudget, PerAgentDay};
use team::{Kind, Measured, Team};

/// What is measured of each team, and how open alerts were judged by it.
pub struct TeamBudgets {
    setting: AlertBudget,
    key: Key,
    /// The hash of no team's name: the whole fleet.
    fleet: u64,
    /// By agent, as network policies know it, its latest day that was counted.
    agents: Recent<AgentDay>,
    /// By agent and team, the latest day on which a further team named the agent.
    members: Recent<u32>,
    /// By the hash of the team's name.
    teams: BTreeMap<u64, Team>,
    /// By the hash of the alert's id.
    judged: Recent<Judged>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct AgentDay {
    day: u32,
    /// Half of the hash of the team that named it first on that day.
    team: u32,
}
packed!(AgentDay { day, team });

/// What was decided about an open alert.
#[derive(Debug, Clone, Copy)]
struct Judged {
    /// How bad its rule called it then: a worse one is judged again.
    severity: Severity,
    /// What was measured, if it was lowered.
    lowered: Option<Measured>,
}

impl Pack for Judged {
    fn pack(&self, out: &mut Vec<u8>) {
        (self.severity as u8).pack(out);
        self.lowered.pack(out);
    }

    fn unpack(input: &mut &[u8]) -> Result<Self, RestoreError> {
        let severity = Severity::ALL.get(usize::from(u8::unpack(input)?)).copied().ok_or(RestoreError::Malformed)?;
        Ok(Self { severity, lowered: Pack::unpack(input)? })
    }
}

impl TeamBudgets {
    /// Raised when the form of the state changes, or what is in it for the same events.
    pub const VERSION: u32 = 1;

    /// Nothing was measured.
    pub fn new(setting: AlertBudget, key: Key) -> Self {
        Self {
            setting,
            key,
            fleet: key.of(Space::TEAM, ""),
            agents: Recent::new(BUDGET_AGENTS_MAX),
            members: Recent::new(BUDGET_AGENTS_MAX),
            teams: BTreeMap::new(),
            judged: Recent::new(BUDGET_JUDGED_MAX),
        }
    }

    /// Counts the day of an event for its agent: once for the fleet, and once for each team that names it.
    pub fn note(&mut self, event: &EventRow<'_>) {
        let (day, agent) = (day(event.time()), event.network());
        let team = event.team();
        let is_named = team != self.fleet;
        let today = AgentDay { day: u32::try_from(day).unwrap_or_default(), team: team as u32 };
        match self.agents.get(agent) {
            Some(before) if before == today || before.day > today.day => {}
            Some(before) if before.day == today.day => {
                let member = Key::join(agent, team);
                if is_named && self.members.get(member).is_none_or(|counted| counted < today.day) {
                    self.members.insert(member, today.day);
                    self.count(team, day);
                }
            }
            _ => {
                self.agents.insert(agent, today);
                self.count(self.fleet, day);
                if is_named {
                    self.count(team, day);
                }
            }
        }
    }

    /// Judges a revision of an alert of a rule that keeps to the budget, and lowers it if it is ordinary for a team above its own.
    /// `kind` tells apart what the rule finds: see [`crate::episode::Case::kind`].
    pub fn judge(&mut self, alert: &mut Alert, kind: &'static str) {
        // What is told together is no page of its own.
        if !self.setting.enabled || alert.flood {
            return;
        }
        let id = self.key.hash(&["alert", &alert.id]);
        let before = self.judged.get(id);
        let severity = alert.severity;
        let stands = before.filter(|before| before.lowered.is_none() || before.severity >= severity);
        if matches!(severity, Severity::Info | Severity::Low) || (before.is_none() && alert.state == State::Resolved) {
            return;
        }
        if severity == Severity::Critical {
            self.judged.insert(id, Judged { severity, lowered: None });
            return;
        }
        let lowered = stands.map_or_else(|| self.weigh(alert, kind), |stands| stands.lowered);
        if stands.is_none() {
            self.judged.insert(id, Judged { severity, lowered });
        }
        if let Some(measured) = lowered {
            lower(alert, &measured, self.setting.of(alert.who.team.as_deref().unwrap_or_default()));
        }
    }

    /// Counts an alert that is to be told above low, and says what was measured if it is not to.
    fn weigh(&mut self, alert: &Alert, kind: &'static str) -> Option<Measured> {
        let name = alert.who.team.as_deref().unwrap_or_default();
        let (team, allowed) = (self.team(name), self.setting.of(name));
        let what = &alert.what;
        let host = what.host.as_deref().or(what.domain.as_deref());
        let class = host.map(|host| host::of(host, what.path.as_deref().unwrap_or_default()) as u8);
        let class = class.map(|class| class.to_string()).unwrap_or_default();
        let hash = self.key.hash(&["budget", &alert.rule, kind, &class, alert.severity.as_str()]);
        let day = day(alert.last_seen);
        let team = Self::entry(&mut self.teams, team)?;
        team.open(Kind { hash, is_high: alert.severity == Severity::High }, day, allowed)
    }

    fn count(&mut self, team: u64, day: i64) {
        if let Some(team) = Self::entry(&mut self.teams, team) {
            team.note_agent(day);
        }
    }

    /// The team's measurements. Of too many teams, the one with the fewest agent-days is forgotten: who invents names takes the
    /// places of names that were invented.
    fn entry(teams: &mut BTreeMap<u64, Team>, team: u64) -> Option<&mut Team> {
        if teams.len() >= BUDGET_TEAMS_MAX && !teams.contains_key(&team) {
            let smallest =
                teams.iter().min_by_key(|(hash, team)| (team.agent_days(), **hash)).map(|(hash, _)| *hash)?;
            teams.remove(&smallest);
        }
        Some(teams.entry(team).or_default())
    }

    fn team(&self, name: &str) -> u64 {
        if name.is_empty() { self.fleet } else { self.key.of(Space::TEAM, name) }
    }
}

/// Tells an alert at low, and says why.
fn lower(alert: &mut Alert, measured: &Measured, allowed: PerAgentDay) {
    let team = match alert.who.team.as_deref() {
        Some(team) => format!("team {}", text::bounded(team)),
        None => "the fleet".to_owned(),
    };
    let Measured { of_kind, all, agent_days, days } = *measured;
    let rate = PerAgentDay::measured(u64::from(all), u64::from(agent_days));
    let sentence = format!(
        " It is told at low, where its rule says {}, because it is ordinary here: in the last {days} days {team} had {of_kind} alerts \
         of this kind among {all} above low in {agent_days} agent-days, which is {rate} for each against an alert budget of {allowed}.",
        alert.severity
    );
    alert.reason.push_str(&sentence);
    (alert.lowered_from, alert.severity) = (Some(alert.severity), Severity::Low);
}

fn day(moment: Timestamp) -> i64 {
    moment.unix_seconds().div_euclid(calendar::DAY)
}

impl DetectorState for TeamBudgets {
    fn snapshot(&self, out: &mut Vec<u8>) -> Result<(), RestoreError> {
        self.agents.snapshot(out)?;
        self.members.snapshot(out)?;
        self.teams.pack(out);
        self.judged.snapshot(out)
    }

    fn restore(&mut self, input: &mut &[u8]) -> Result<(), RestoreError> {
        self.agents.restore(input)?;
        self.members.restore(input)?;
        self.teams = Pack::unpack(input)?;
        self.judged.restore(input)
    }
}

#[cfg(test)]
mod tests;
