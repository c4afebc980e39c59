//! The word for how an agent stands, and since when. It follows from what was recorded, the open alerts and the moment alone.

use ledger::Timestamp;
use serde::{Deserialize, Serialize};

use super::agent::Agent;
use super::alerts::AgentAlerts;
use crate::limits::FLEET_QUIET;

/// How an agent stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AgentState {
    /// It was heard of lately.
    Working,
    /// It asked a person, who did not answer yet.
    Waiting,
    /// It was not heard of for some minutes.
    Quiet,
    /// It does the same again and again: a rule on loops says so.
    Repeating,
    /// It began something and did not come back: a rule says so.
    Stuck,
    /// Its budget is spent: a rule says so.
    OverBudget,
    /// Its session ended.
    Done,
    /// Its session ended in an error.
    Failed,
    /// Its collector is silent, so nobody knows.
    Lost,
}

impl AgentState {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Working,
        Self::Waiting,
        Self::Quiet,
        Self::Repeating,
        Self::Stuck,
        Self::OverBudget,
        Self::Done,
        Self::Failed,
        Self::Lost,
    ];

    /// The word in answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Working => "working",
            Self::Waiting => "waiting",
            Self::Quiet => "quiet",
            Self::Repeating => "repeating",
            Self::Stuck => "stuck",
            Self::OverBudget => "over_budget",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Lost => "lost",
        }
    }

    /// The state with this word.
    pub fn by_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }
}

/// How an agent stands at a moment, and since when. An end that was told is an end; where the collector is silent the rest is not
/// known. Who asked a person waits, although the rule on silence finds it stuck and that on loops has not closed what was before;
/// then comes what a rule found.
pub(super) fn state(agent: &Agent, alerts: &AgentAlerts, now: Timestamp) -> (AgentState, Timestamp) {
    if let Some(ended) = agent.session.ended {
        return (if ended.is_failed { AgentState::Failed } else { AgentState::Done }, ended.moment);
    }
    if alerts.lost.is_some() {
        return (AgentState::Lost, agent.last.moment);
    }
    if let Some(open) = agent.approvals.oldest() {
        return (AgentState::Waiting, open.since);
    }
    let found = [
        (alerts.over_budget, AgentState::OverBudget),
        (alerts.stuck, AgentState::Stuck),
        (alerts.repeating, AgentState::Repeating),
    ];
    if let Some((since, state)) = found.into_iter().find_map(|(since, state)| Some((since?, state))) {
        return (state, since);
    }
    if now.since(agent.last.moment) >= FLEET_QUIET {
        return (AgentState::Quiet, agent.last.moment);
    }
    (AgentState::Working, agent.active_since)
}
