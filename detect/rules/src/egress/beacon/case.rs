//! One beacon: how bad it is and how it is put.

use detect_core::egress::known::Watched;
use detect_core::limits::EPISODES_PER_SCOPE_MAX;
use detect_core::text::{duration, sentences};
use effects::host::Class;
use operations::alert::{Alert, Measurement, Severity, Unit};
use serde::{Deserialize, Serialize};

use super::rhythm::Beat;

/// What is known about regular callbacks.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Callbacks {
    /// The word for whose they are: `workspace`, `session`, ….
    pub scope_kind: String,
    /// The kind of destination.
    pub class: Class,
    /// Whether one of them wrote.
    pub write: bool,
    /// Whether the first was refused.
    pub refused: bool,
    /// Stands for all further destinations of the agent.
    pub many: bool,
    /// The latest rhythm.
    pub beat: Beat,
    /// How many other agents asked for the domain.
    pub others: u32,
    /// Against what that was judged.
    pub watched: Watched,
}

impl Callbacks {
    /// Notes how it goes on.
    pub fn note(&mut self, beat: Beat, write: bool) {
        self.beat = beat;
        self.write |= write;
    }

    fn observed(&self, alert: &Alert) -> String {
        let Beat { intervals, fit, median, range, seconds } = self.beat;
        let interval = |seconds: u32| duration(i64::from(seconds) * 1_000_000);
        let passage = if self.refused { "refused" } else { "let through" };
        format!(
            "This {} calls {} about every {}, and has been regular for {}: {fit} of the latest {intervals} intervals lie \
             within a third of that (from {} to {}); the first request was {passage}.",
            self.scope_kind,
            destination(alert),
            interval(median),
            duration(seconds.saturating_mul(1_000_000)),
            interval(range.0),
            interval(range.1),
        )
    }

    fn baseline(&self) -> String {
        let fleet = self.watched.sentence(&self.scope_kind, self.others);
        format!("{fleet} Intervals by chance fit in about 35 of 100 cases.")
    }

    fn verdict(&self) -> String {
        if self.many {
            return format!("Those beyond {EPISODES_PER_SCOPE_MAX} such domains share this alert.");
        }
        "An implant that asks for orders looks like that; so does an agent that polls a service which only it uses. If it \
         does, trust the domain."
            .to_owned()
    }
}

fn destination(alert: &Alert) -> &str {
    alert.what.domain.as_deref().or(alert.what.host.as_deref()).unwrap_or("many rare domains")
}

impl detect_core::episode::Case for Callbacks {
    fn severity(&self, _: &Alert) -> Severity {
        let risky = self.class.is_risky() || self.class == Class::Address;
        if risky || (self.write && !self.refused) { Severity::High } else { Severity::Medium }
    }

    fn title(&self, alert: &Alert) -> String {
        format!("Regular callbacks to {}", destination(alert))
    }

    fn reason(&self, alert: &Alert) -> String {
        sentences(&[self.observed(alert), self.class.sentence(), self.baseline(), self.verdict()])
    }

    fn measured(&self, _: &Alert) -> Option<Measurement> {
        let Beat { intervals, fit, seconds, .. } = self.beat;
        Some(Measurement::new("intervals that fit", Unit::Count, fit).within(seconds).known_from(intervals))
    }
}
