//! One merge past its review: how bad it is and how it is put.

use detect_core::episode::Case;
use detect_core::text::{counted, sentences};
use operations::alert::{Alert, Measurement, Severity, Unit};
use serde::{Deserialize, Serialize};

/// What is known about a merge.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Merged {
    /// Repository and number.
    pub target: String,
    /// Whether somebody approved it.
    pub approved: bool,
    /// Whether that is usual or demanded there.
    pub required: bool,
    /// Whether the forge says that its rules were passed by.
    pub forced: bool,
    /// Whether the latest review asks for changes.
    pub refused: bool,
    /// Checks that failed last.
    pub failed: u32,
    /// Whether an agent merged it,
    pub by_agent: bool,
    /// or a program that is none.
    pub by_automation: bool,
}

impl Merged {
    /// Whether there is anything to tell. Where nobody ever approves anything, only what an agent merges is expected to be approved.
    pub fn is_told(&self) -> bool {
        self.forced || self.refused || self.failed > 0 || (!self.approved && (self.required || self.by_agent))
    }

    /// Steps above the mildest: past a rule that holds there, and by an agent.
    fn steps(&self) -> usize {
        let past = self.forced || self.refused || (!self.approved && self.required);
        usize::from(past) + usize::from(self.by_agent && (past || self.failed > 0))
    }
}

impl Case for Merged {
    fn severity(&self, _: &Alert) -> Severity {
        match self.steps() {
            0 => Severity::Low,
            1 => Severity::Medium,
            _ => Severity::High,
        }
    }

    fn title(&self, _: &Alert) -> String {
        let what = match (self.forced, self.refused, self.approved) {
            (true, _, _) => "past the rules of its branch",
            (_, true, _) => "against its review",
            (_, _, false) if self.required || self.by_agent => "without an approval",
            _ => "with failed checks",
        };
        format!("{} was merged {what}", self.target)
    }

    fn reason(&self, _: &Alert) -> String {
        let by = match (self.by_agent, self.by_automation) {
            (true, _) => " by an agent",
            (_, true) => " by an automation",
            (false, false) => "",
        };
        let review = match (self.refused, self.approved, self.required) {
            (true, _, _) => "its latest review asks for changes",
            (_, true, _) => "it was approved",
            (_, false, true) => "nobody approved it, although changes are approved there",
            (_, false, false) => "nobody approved it; it is not known whether anybody must",
        };
        let forced = if self.forced { "The forge says that the rules of its branch were passed by." } else { "" };
        let failed = match self.failed {
            0 => String::new(),
            count => format!("{} failed last.", counted(count.into(), "check")),
        };
        sentences(&[
            format!("{} was merged{by}; {review}.", self.target),
            forced.to_owned(),
            failed,
            "Read what was merged, and take it back if nobody stands for it; let the branch demand an approval and its checks.".to_owned(),
        ])
    }

    fn measured(&self, _: &Alert) -> Option<Measurement> {
        Some(Measurement::new("checks that failed", Unit::Count, self.failed))
    }

    fn kind(&self) -> &'static str {
        match (self.forced, self.refused, self.approved) {
            (true, _, _) => "forced",
            (_, true, _) => "refused",
            (_, _, false) => "unapproved",
            (_, _, true) => "failed",
        }
    }
}
