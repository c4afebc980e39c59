//! One episode of a loop: how bad it is and how it is put.

use detect_core::episode::{Case, span, span_seconds};
use detect_core::text::{duration, times};
use operations::Money;
use operations::alert::{Alert, Measurement, Severity, Unit};
use serde::{Deserialize, Serialize};

/// What is known about a loop.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Loop {
    /// How often it came round.
    pub laps: u32,
    /// Steps of one round.
    pub span: u8,
    /// What was spent since it began.
    pub spent: Money,
    /// Rounds for a notice, a warning and a critical alert.
    pub stages: [u32; 3],
    /// Spending that makes it critical.
    #[serde(rename = "critical_micros")]
    pub critical: Money,
    /// Whether results were compared.
    pub has_result: bool,
    /// Whether a step of it waits before it looks.
    pub waits: bool,
    /// Whether it came so often that it is critical, while the agent did hardly anything besides.
    pub sure: bool,
    /// How it ended.
    pub end: Option<End>,
}

/// How a loop ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// A result changed, or something was done that was not done before.
    Result,
    /// The agent did other things.
    Elsewhere,
}

impl Case for Loop {
    fn severity(&self, _: &Alert) -> Severity {
        if (self.sure && !self.waits) || self.spent >= self.critical {
            Severity::Critical
        } else if self.waits && self.laps < self.stages[2].saturating_mul(3) {
            Severity::Low
        } else if self.laps >= self.stages[1] {
            Severity::Medium
        } else {
            Severity::Low
        }
    }

    fn title(&self, alert: &Alert) -> String {
        let tool = alert.what.tool.as_deref().unwrap_or("a tool");
        match self.span {
            1 => format!("An agent repeats the same call of {tool}"),
            span => format!("An agent repeats the same {span} steps, {tool} among them"),
        }
    }

    fn reason(&self, alert: &Alert) -> String {
        let what = match self.span {
            1 => "The same call".to_owned(),
            span => format!("A circle of {span} steps"),
        };
        let result = if self.has_result { " with the same result" } else { "" };
        let cost =
            if self.spent.is_zero() { String::new() } else { format!(" and cost {} since it began", self.spent) };
        let span = duration(span(alert));
        let observed = format!("{what} came {}{result} in {span}{cost}.", times(u64::from(self.laps)));
        let baseline = if self.waits {
            "It pauses before it asks again, so it may wait for something that shows no sign of life; look at what it waits for."
        } else if self.has_result {
            "Of agents that go round three times, one in five finds out by itself; of those that go round eight times, one in \
             twenty."
        } else {
            "No source tells the results of these calls, so it may be polling that makes progress."
        };
        let end = match self.end {
            None => "",
            Some(End::Result) => " Then a result changed or something new was done, so the agent came further.",
            Some(End::Elsewhere) => " Then the agent went on to other steps.",
        };
        format!("{observed} {baseline}{end}")
    }

    fn measured(&self, alert: &Alert) -> Option<Measurement> {
        Some(Measurement::new("rounds", Unit::Count, self.laps).within(span_seconds(alert)).against(self.stages[0]))
    }
}
