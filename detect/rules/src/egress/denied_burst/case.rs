//! One burst of refused requests: which of the three it is and how it is put.

use detect_core::text::{counted, duration, sentences};
use operations::alert::{Alert, Measurement, Severity, Unit};
use serde::{Deserialize, Serialize};

use super::window::{Shape, Verdict};

/// What is known about the bursts of one agent.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Burst {
    scope_kind: String,
    /// The burst that is most like an attack.
    worst: Shape,
    /// How many requests make a burst.
    requests: u32,
    /// Refusals before the burst, and over how many seconds.
    earlier: (u32, i64),
}

impl Burst {
    /// The first burst of an agent.
    pub fn new(scope_kind: &str, shape: Shape, requests: u32, earlier: (u32, i64)) -> Self {
        Self { scope_kind: scope_kind.to_owned(), worst: shape, requests, earlier }
    }

    /// Notes what the latest requests look like; the most alarming look stays.
    pub fn note(&mut self, shape: Shape) {
        if shape.verdict() > self.worst.verdict() {
            self.worst = shape;
        }
    }

    fn observed(&self, alert: &Alert) -> String {
        let Shape { requests, targets, different, span } = self.worst;
        let more = match alert.count.saturating_sub(u64::from(requests)) {
            0 => String::new(),
            more => format!("; {more} more belong to it"),
        };
        format!(
            "{requests} requests of this {} were refused in {}: {} and {}{more}.",
            self.scope_kind,
            duration(span),
            counted(u64::from(targets), "destination"),
            counted(u64::from(different), "different request"),
        )
    }

    fn baseline(&self) -> String {
        let (refusals, seconds) = self.earlier;
        let refusals = u64::from(refusals);
        match refusals {
            0 => format!("Before that it was never refused anything; {} in that time are a burst.", self.requests),
            _ => format!(
                "Before that it had {} in {}; {} in that time are a burst.",
                counted(refusals, "refusal"),
                duration(seconds * 1_000_000),
                self.requests
            ),
        }
    }

    fn verdict(&self) -> &'static str {
        match self.worst.verdict() {
            Verdict::Scan => {
                "Nearly every request went to another destination: that is a scan. A confused agent repeats itself."
            }
            Verdict::Probing => {
                "Few destinations, and nearly every request is another one: somebody tries what is let through there. A \
                 confused agent repeats itself, a scan changes its destination."
            }
            Verdict::Confused => {
                "The same requests come again and again: a confused agent that takes the refusal for a broken network, \
                 rather than a scan. Allow the destination, or tell the agent that it is refused."
            }
        }
    }
}

impl detect_core::episode::Case for Burst {
    fn severity(&self, _: &Alert) -> Severity {
        match self.worst.verdict() {
            Verdict::Scan => Severity::High,
            Verdict::Probing => Severity::Medium,
            Verdict::Confused => Severity::Low,
        }
    }

    fn title(&self, _: &Alert) -> String {
        match self.worst.verdict() {
            Verdict::Scan => format!("Scan of {} destinations was refused", self.worst.targets),
            Verdict::Probing => "Probing of one destination was refused".to_owned(),
            Verdict::Confused => "A confused agent repeats refused requests".to_owned(),
        }
    }

    fn reason(&self, alert: &Alert) -> String {
        sentences(&[self.observed(alert), self.baseline(), self.verdict().to_owned()])
    }

    fn measured(&self, _: &Alert) -> Option<Measurement> {
        Some(
            Measurement::new("refused requests", Unit::Count, self.worst.requests)
                .within(self.worst.span / 1_000_000)
                .against(self.requests),
        )
    }
}
