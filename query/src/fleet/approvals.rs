//! Which questions an agent asked a person, and since when nobody answers them.

use ledger::Timestamp;
use ledger::events::column;
use serde::{Deserialize, Serialize};

use super::observation::Observation;
use super::{clip, learn};
use crate::limits::FLEET_APPROVALS_MAX;

/// The questions of one agent that are open, oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Approvals(Vec<Approval>);

/// One question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Approval {
    /// When it was asked.
    pub(super) since: Timestamp,
    /// The tool that it is about.
    pub(super) tool: Option<String>,
    call: Option<String>,
    action: Option<u64>,
}

impl Approvals {
    /// Takes an event of the agent: a question, an answer, or something that it would not do while it waits.
    pub(super) fn observe(&mut self, event: &Observation<'_>) {
        let (call, action) = (event.text(column::TOOL_CALL).map(clip), event.action());
        let is_it = |open: &Approval| match (open.call.as_deref(), open.action) {
            (Some(open), _) if call.is_some() => call == Some(open),
            (_, Some(open)) if action.is_some() => action == Some(open),
            _ => true,
        };
        if event.kind == "approval" && event.text(column::OUTCOME).is_none() {
            let is_named = |open: &Approval| open.call.is_some() || open.action.is_some();
            if !self.0.iter().any(|open| is_named(open) && is_it(open)) {
                self.ask(event, call, action);
            }
            return;
        }
        match event.kind {
            // A new prompt or the end shows that nobody waits any more, whatever the question was.
            "prompt" | "session.start" | "session.end" => self.0.clear(),
            "approval" | "command" | "tool.result" => self.0.retain(|open| !is_it(open)),
            kind if kind.starts_with("file.") => self.0.retain(|open| !is_it(open)),
            "model.call" => self.0.retain(|open| open.since >= event.moment),
            _ => {}
        }
    }

    fn ask(&mut self, event: &Observation<'_>, call: Option<&str>, action: Option<u64>) {
        if self.0.len() == FLEET_APPROVALS_MAX {
            self.0.remove(0);
        }
        let mut tool = None;
        learn(&mut tool, event.text(column::TOOL));
        self.0.push(Approval { since: event.moment, tool, call: call.map(str::to_owned), action });
    }

    /// The question that waits for longest.
    pub(super) fn oldest(&self) -> Option<&Approval> {
        self.0.iter().min_by_key(|open| open.since)
    }

    /// How many are open.
    pub(super) fn open(&self) -> usize {
        self.0.len()
    }
}
