//! What counts as one step of an agent: a tool call with its result where a source tells results, else the call alone.
//!
//! Several sources may report the same call: hooks tell its start and its end, a gateway the model's wish. One call is one step.

use detect_core::aspects::Aspects;
use detect_core::event::EventRow;
use detect_core::key::Key;
use detect_core::packed;
use effects::command;
use ledger::events::column;

use crate::loops::failing;
use crate::loops::progress::moves;

/// Which events of an agent are its steps.
#[derive(Debug, Default)]
pub struct Feed {
    /// Whether its results are told: then calls are not counted.
    ends: bool,
    /// Calls since the last result.
    unanswered: u8,
    at: u8,
    /// Quarters of the hashes of the latest calls' ids.
    calls: [u16; CALLS],
}

packed!(Feed { ends, unanswered, at, calls });

/// Calls whose ids are remembered, to know them again in another source.
const CALLS: usize = 4;
/// After so many calls without a result, nobody tells results any more.
const UNANSWERED_MAX: u8 = 32;

/// One step.
#[derive(Debug, Clone, Copy)]
pub struct Step {
    /// Fingerprint of what was done.
    pub action: u64,
    /// Fingerprint of what came of it; zero if no source tells it.
    pub result: u64,
    /// Of both. Calls that fail with the same answer are the same step, however they are varied.
    pub hash: u64,
    /// Whether the result is part of that.
    pub has_result: bool,
    /// Whether it brings the work further if it is new.
    pub moves: bool,
    /// Whether it failed.
    pub fails: bool,
}

/// What stands for the action of a step that failed.
const FAILED: u64 = 0x6661_696c_6564;

/// Whether an event may be a step; cheaper than looking its agent up.
pub fn may_be(event: &EventRow<'_>) -> bool {
    matches!(event.kind(), "tool.call" | "tool.result" | "command" | "file.read" | "file.write")
        && event.fingerprint(column::ACTION_FP).is_some()
}

/// Whether a step waits before it looks: asking again is then its purpose.
pub fn waits(event: &EventRow<'_>) -> bool {
    let asks = || {
        let tool = event.text(column::TOOL).unwrap_or_default().to_ascii_lowercase();
        ["wait", "sleep", "poll", "bashoutput", "taskoutput"].iter().any(|word| tool.contains(word))
    };
    event.line().commands.iter().any(|command| matches!(command.name().as_str(), "sleep" | "wait" | "watch")) || asks()
}

/// Whether a step only asks how something stands that runs elsewhere. Who pauses between two questions is patient, not stuck.
pub fn asks_elsewhere(event: &EventRow<'_>) -> bool {
    event.aspects().meet(Aspects::COMMAND) && command::asks_elsewhere(event.line())
}

impl Feed {
    /// The step that this event is, if it is one.
    pub fn step(&mut self, event: &EventRow<'_>) -> Option<Step> {
        let action = event.fingerprint(column::ACTION_FP).filter(|_| may_be(event))?;
        if event.kind() == "tool.call" {
            self.unanswered = self.unanswered.saturating_add(1);
            if self.ends && self.unanswered < UNANSWERED_MAX {
                return None;
            }
            self.ends = false;
            let step = Step { action, result: 0, hash: action, has_result: false, moves: false, fails: false };
            self.is_new_call(event).then_some(step)
        } else {
            (self.ends, self.unanswered) = (true, 0);
            let told = event.fingerprint(column::RESULT_FP);
            let (result, has_result, fails) = (told.unwrap_or_default(), told.is_some(), failing::fails(event));
            let hash = Key::join(if fails && has_result { FAILED } else { action }, result);
            Some(Step { action, result, hash, has_result, moves: event.moves(moves), fails })
        }
    }

    fn is_new_call(&mut self, event: &EventRow<'_>) -> bool {
        let Some(hash) = event.call().map(|call| call as u16) else { return true };
        if self.calls.contains(&hash) {
            return false;
        }
        let at = usize::from(self.at) % CALLS;
        self.calls[at] = hash;
        self.at = self.at.wrapping_add(1);
        true
    }
}
