//! What export measures about itself, by sink and ledger.

use ledger::LedgerName;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::{Family, MetricConstructor};
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

/// Metrics of export. Clones share them.
#[derive(Debug, Clone)]
pub struct Metrics {
    lag_seconds: Family<Labels, Gauge>,
    sent: Family<Labels, Counter>,
    retries: Family<Labels, Counter>,
    rejected: Family<Labels, Counter>,
    ends_refused: Family<Labels, Counter>,
    latency: Family<Labels, Histogram, Buckets>,
}

/// A sink in a ledger. Names come from the configuration, so their number is bounded.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    sink: String,
    ledger: &'static str,
}

/// Makes histograms from milliseconds to an hour.
#[derive(Debug, Clone, Default)]
struct Buckets;

impl MetricConstructor<Histogram> for Buckets {
    fn new_metric(&self) -> Histogram {
        Histogram::new([0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0, 600.0, 3600.0])
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            lag_seconds: Family::default(),
            sent: Family::default(),
            retries: Family::default(),
            rejected: Family::default(),
            ends_refused: Family::default(),
            latency: Family::new_with_constructor(Buckets),
        }
    }
}

impl Metrics {
    /// Names them in a registry.
    pub fn register(&self, registry: &mut Registry) {
        registry.register(
            "tachograph_export_lag_seconds",
            "Age of the oldest record that was read for the sink and is not done",
            self.lag_seconds.clone(),
        );
        registry.register("tachograph_export_records", "Records that the sink acknowledged", self.sent.clone());
        registry.register("tachograph_export_retries", "Requests that were repeated", self.retries.clone());
        registry.register(
            "tachograph_export_rejected",
            "Records that the sink refused for ever",
            self.rejected.clone(),
        );
        registry.register(
            "tachograph_export_ends_refused",
            "Messages that end a digest or a thread and that the sink refused: somebody has to close these incidents there",
            self.ends_refused.clone(),
        );
        registry.register(
            "tachograph_export_latency_seconds",
            "Time from the recording of the oldest record of a batch until the sink acknowledged it",
            self.latency.clone(),
        );
    }

    /// Shows no more of a sink in a ledger.
    pub(crate) fn forget(&self, sink: &str, ledger: LedgerName) {
        let labels = Labels { sink: sink.to_owned(), ledger: ledger.as_str() };
        self.lag_seconds.remove(&labels);
        for counters in [&self.sent, &self.retries, &self.rejected, &self.ends_refused] {
            counters.remove(&labels);
        }
        self.latency.remove(&labels);
    }

    /// The metrics of one sink in one ledger.
    pub(crate) fn of(&self, sink: &str, ledger: LedgerName) -> SinkMetrics {
        let labels = Labels { sink: sink.to_owned(), ledger: ledger.as_str() };
        SinkMetrics {
            lag_seconds: self.lag_seconds.get_or_create_owned(&labels),
            sent: self.sent.get_or_create_owned(&labels),
            retries: self.retries.get_or_create_owned(&labels),
            rejected: self.rejected.get_or_create_owned(&labels),
            ends_refused: self.ends_refused.get_or_create_owned(&labels),
            latency: self.latency.get_or_create_owned(&labels),
        }
    }
}

/// The metrics of one sink in one ledger.
#[derive(Debug, Clone)]
pub struct SinkMetrics {
    pub lag_seconds: Gauge,
    pub sent: Counter,
    pub retries: Counter,
    pub rejected: Counter,
    pub ends_refused: Counter,
    pub latency: Histogram,
}
