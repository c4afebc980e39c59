//! What the runner measures about itself.

use std::collections::BTreeMap;

use ledger::Timestamp;
use operations::alert::Alert;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

/// Metrics of detection. Clones share them.
#[derive(Debug, Clone)]
pub struct Metrics {
    pub(crate) events: Counter,
    pub(crate) commits: Counter,
    pub(crate) snapshots: Counter,
    alerts: Family<AlertLabels, Counter>,
    failed: Family<RuleLabels, Counter>,
    disordered: Counter,
    latency: Histogram,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct AlertLabels {
    rule: String,
    severity: &'static str,
    state: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RuleLabels {
    rule: String,
}

impl Default for Metrics {
    fn default() -> Self {
        let seconds = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 60.0];
        Self {
            events: Counter::default(),
            commits: Counter::default(),
            snapshots: Counter::default(),
            alerts: Family::default(),
            failed: Family::default(),
            disordered: Counter::default(),
            latency: Histogram::new(seconds),
        }
    }
}

impl Metrics {
    /// Names them in a registry.
    pub fn register(&self, registry: &mut Registry) {
        registry.register("tachograph_detect_events", "Events that detectors have seen", self.events.clone());
        registry.register("tachograph_detect_commits", "Commits of alerts and cursor", self.commits.clone());
        registry.register("tachograph_detect_snapshots", "Snapshots that were written", self.snapshots.clone());
        registry.register(
            "tachograph_detect_alerts",
            "Revisions of alerts by rule, severity and state",
            self.alerts.clone(),
        );
        registry.register(
            "tachograph_detect_condition_failures",
            "Events for which the condition of a user rule could not be computed, which counts as no match",
            self.failed.clone(),
        );
        registry.register(
            "tachograph_detect_disordered_events",
            "Old events that came after what happened later to the same agent, which rules with windows do not judge",
            self.disordered.clone(),
        );
        registry.register(
            "tachograph_detect_latency_seconds",
            "Time from the recording of the newest event of an alert until the alert was durable",
            self.latency.clone(),
        );
    }

    /// Notes how often conditions of user rules could not be computed.
    pub(crate) fn note_failed(&self, failed: BTreeMap<String, u64>) {
        for (rule, count) in failed {
            self.failed.get_or_create(&RuleLabels { rule }).inc_by(count);
        }
    }

    /// Notes old events that came after what happened later.
    pub(crate) fn note_disordered(&self, count: u64) {
        self.disordered.inc_by(count);
    }

    /// Notes revisions that became durable at `recorded`.
    pub(crate) fn note_alerts(&self, alerts: &[Alert], recorded: Timestamp) {
        for alert in alerts {
            let labels = AlertLabels {
                rule: alert.rule.clone(),
                severity: alert.severity.as_str(),
                state: alert.state.as_str(),
            };
            self.alerts.get_or_create(&labels).inc();
            // A resolution speaks long after the event, on purpose.
            if alert.state != operations::alert::State::Resolved && !alert.backfill {
                self.latency.observe(recorded.since(alert.recorded_last).as_secs_f64());
            }
        }
    }
}
