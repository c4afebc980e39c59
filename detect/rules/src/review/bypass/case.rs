//! One merge past its review: how bad it is and how it is put.

use detect_core::episode::Case;
use detect_core::text::{counted, sentences};
use operations::alert::{Alert, Measurement, Severity, Unit};
use serde::{Deserialize, Serialize};

/// What reviews said last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Nothing, or nothing that is known.
    None,
    /// Somebody approved.
    Approved,
    /// Somebody asks for changes.
    Refused,
}

/// Who merged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum By {
    /// A person, or somebody of whom nothing is known.
    Person,
    /// An agent.
    Agent,
    /// A program that is none.
    Automation,
}

/// What is known about a merge.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Merged {
    /// Repository and number.
    pub target: String,
    /// What reviews said.
    pub verdict: Verdict,
    /// Whether an approval is usual or demanded there.
    pub required: bool,
    /// Whether the forge says that its rules were passed by.
    pub forced: bool,
    /// Checks that failed last.
    pub failed: u32,
    /// Who merged it.
    pub by: By,
}

impl Merged {
    /// Whether there is anything to tell. Where nobody ever approves anything, only what an agent merges is expected to be approved.
    pub fn is_told(&self) -> bool {
        self.is_past() || self.failed > 0 || (self.verdict == Verdict::None && self.by == By::Agent)
    }

    /// Whether it was merged past a rule that holds there.
    fn is_past(&self) -> bool {
        let is_missed = self.verdict == Verdict::None && self.required;
        self.forced || self.verdict == Verdict::Refused || is_missed
    }

    /// Steps above the mildest: past a rule that holds there, and by an agent.
    fn steps(&self) -> usize {
        let past = self.is_past();
        usize::from(past) + usize::from(self.by == By::Agent && (past || self.failed > 0))
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
        let what = match self.verdict {
            _ if self.forced => "past the rules of its branch",
            Verdict::Refused => "against its review",
            Verdict::None if self.required || self.by == By::Agent => "without an approval",
            Verdict::None | Verdict::Approved => "with failed checks",
        };
        format!("{} was merged {what}", self.target)
    }

    fn reason(&self, _: &Alert) -> String {
        let by = match self.by {
            By::Agent => " by an agent",
            By::Automation => " by an automation",
            By::Person => "",
        };
        let review = match self.verdict {
            Verdict::Refused => "its latest review asks for changes",
            Verdict::Approved => "it was approved",
            Verdict::None if self.required => "nobody approved it, although changes are approved there",
            Verdict::None => "nobody approved it; it is not known whether anybody must",
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
        match self.verdict {
            _ if self.forced => "forced",
            Verdict::Refused => "refused",
            Verdict::None => "unapproved",
            Verdict::Approved => "failed",
        }
    }
}
