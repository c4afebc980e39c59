//! The numbers that intake shows: per collector, and of the memories that all collectors share.
//!
//! Labels are names from the configuration and words of our own, never text of a record.

use std::sync::Arc;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

use crate::refusals::Refusals;

/// The collector that a number is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Of {
    /// Its name in the configuration.
    pub collector: Arc<str>,
}

/// A collector and the reason for which it skipped a record.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Skipped {
    collector: Arc<str>,
    reason: &'static str,
}

/// A collector and the status of its answers.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    collector: Arc<str>,
    status: u16,
}

/// A collector and a partition that it reads. The topic is one of its configuration.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct InPartition {
    collector: Arc<str>,
    topic: Arc<str>,
    partition: i32,
}

/// All numbers of intake.
#[derive(Debug, Clone)]
pub struct Metrics {
    records: Family<Of, Counter>,
    events: Family<Of, Counter>,
    bytes: Family<Of, Counter>,
    skipped: Family<Skipped, Counter>,
    unparsed: Family<Of, Counter>,
    duplicates: Family<Of, Counter>,
    conflicts: Family<Of, Counter>,
    redactions: Family<Of, Counter>,
    future: Family<Of, Counter>,
    unknown_keys: Family<Of, Counter>,
    requests: Family<Answered, Counter>,
    refusals: Refusals,
    lag: Family<Of, Gauge>,
    partition_lag: Family<InPartition, Gauge>,
    newest: Family<Of, Gauge>,
    files: Family<Of, Gauge>,
    truncations: Family<Of, Counter>,
    missing: Family<Of, Counter>,
    append: Histogram,
    pub(crate) dedup_keys: Gauge,
    pub(crate) dedup_streams: Gauge,
    pub(crate) dedup_size: Gauge,
}

/// Upper bounds of the time from a full group to its receipt: 0.5 ms to 8 s.
fn append_buckets() -> impl Iterator<Item = f64> {
    exponential_buckets(0.0005, 2.0, 15)
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            records: Family::default(),
            events: Family::default(),
            bytes: Family::default(),
            skipped: Family::default(),
            unparsed: Family::default(),
            duplicates: Family::default(),
            conflicts: Family::default(),
            redactions: Family::default(),
            future: Family::default(),
            unknown_keys: Family::default(),
            requests: Family::default(),
            refusals: Refusals::default(),
            lag: Family::default(),
            partition_lag: Family::default(),
            newest: Family::default(),
            files: Family::default(),
            truncations: Family::default(),
            missing: Family::default(),
            append: Histogram::new(append_buckets()),
            dedup_keys: Gauge::default(),
            dedup_streams: Gauge::default(),
            dedup_size: Gauge::default(),
        }
    }
}

impl Metrics {
    /// Registers every metric under `tachograph_ingest_…`; counters get the suffix `_total`.
    pub fn register(&self, registry: &mut Registry) {
        let registry = registry.sub_registry_with_prefix("tachograph_ingest");
        registry.register("records", "Records that arrived", self.records.clone());
        registry.register("events", "Events that were recorded", self.events.clone());
        registry.register_with_unit("record", "Bytes of the records that arrived", Unit::Bytes, self.bytes.clone());
        registry.register("skipped", "Records that are no events, by reason", self.skipped.clone());
        registry.register("unparsed", "Records that were kept without being understood", self.unparsed.clone());
        registry.register("duplicates", "Records that were in the ledger already", self.duplicates.clone());
        registry.register("conflicts", "Events that came with the key of another event", self.conflicts.clone());
        registry.register("redactions", "Secrets that were redacted", self.redactions.clone());
        registry.register("future", "Events whose time lies in the future", self.future.clone());
        registry.register(
            "unknown_keys",
            "Keys of records that their dialect does not know",
            self.unknown_keys.clone(),
        );
        registry.register("requests", "Requests that were answered, by status", self.requests.clone());
        registry.register(
            "refused",
            "Requests that were refused, by collector (empty if there is none of the name), reason and status",
            self.refusals.counts.clone(),
        );
        registry.register_with_unit("lag", "Bytes in files that were not yet read", Unit::Bytes, self.lag.clone());
        registry.register(
            "partition_lag",
            "Offsets between what was read of a partition and its end, of each partition that is read",
            self.partition_lag.clone(),
        );
        registry.register_with_unit(
            "newest_row_timestamp",
            "When the newest row happened that an interface was asked for",
            Unit::Seconds,
            self.newest.clone(),
        );
        registry.register("files", "Files that are read", self.files.clone());
        registry.register("truncations", "Files that became shorter while they were read", self.truncations.clone());
        registry.register("missing_files", "Files that vanished before their end was read", self.missing.clone());
        registry.register_with_unit(
            "append",
            "Time from a full group to its receipt",
            Unit::Seconds,
            self.append.clone(),
        );
        registry.register("dedup_keys", "Keys of records that are remembered", self.dedup_keys.clone());
        registry.register("dedup_streams", "Streams that are remembered", self.dedup_streams.clone());
        registry.register_with_unit("dedup", "Memory of duplicates", Unit::Bytes, self.dedup_size.clone());
    }

    /// Who counts requests that are refused.
    pub fn refusals(&self) -> &Refusals {
        &self.refusals
    }

    /// The numbers of one collector.
    pub fn collector(&self, name: &str) -> CollectorMetrics {
        let of = Of { collector: Arc::from(name) };
        let get = |family: &Family<Of, Counter>| family.get_or_create(&of).clone();
        CollectorMetrics {
            records: get(&self.records),
            events: get(&self.events),
            bytes: get(&self.bytes),
            unparsed: get(&self.unparsed),
            duplicates: get(&self.duplicates),
            conflicts: get(&self.conflicts),
            redactions: get(&self.redactions),
            future: get(&self.future),
            unknown_keys: get(&self.unknown_keys),
            lag: self.lag.get_or_create(&of).clone(),
            files: self.files.get_or_create(&of).clone(),
            truncations: get(&self.truncations),
            missing: get(&self.missing),
            append: self.append.clone(),
            partition_lag: self.partition_lag.clone(),
            newest: self.newest.clone(),
            skipped: self.skipped.clone(),
            requests: self.requests.clone(),
            collector: of.collector,
        }
    }
}

/// The numbers of one collector.
#[derive(Debug, Clone)]
pub struct CollectorMetrics {
    collector: Arc<str>,
    pub(crate) records: Counter,
    pub(crate) events: Counter,
    pub(crate) bytes: Counter,
    pub(crate) unparsed: Counter,
    pub(crate) duplicates: Counter,
    pub(crate) conflicts: Counter,
    pub(crate) redactions: Counter,
    pub(crate) future: Counter,
    pub(crate) unknown_keys: Counter,
    pub(crate) lag: Gauge,
    pub(crate) files: Gauge,
    pub(crate) truncations: Counter,
    pub(crate) missing: Counter,
    pub(crate) append: Histogram,
    partition_lag: Family<InPartition, Gauge>,
    newest: Family<Of, Gauge>,
    skipped: Family<Skipped, Counter>,
    requests: Family<Answered, Counter>,
}

impl CollectorMetrics {
    /// The counter of records that were skipped for a reason.
    pub(crate) fn skipped(&self, reason: &'static str) -> Counter {
        self.skipped.get_or_create(&Skipped { collector: Arc::clone(&self.collector), reason }).clone()
    }

    /// How far behind the end of a partition reading is.
    pub(crate) fn partition_lag(&self, topic: &Arc<str>, partition: i32) -> PartitionLag {
        let of = InPartition { collector: Arc::clone(&self.collector), topic: Arc::clone(topic), partition };
        PartitionLag { gauge: self.partition_lag.get_or_create(&of).clone(), of, family: self.partition_lag.clone() }
    }

    /// When the newest row happened that an interface was asked for, in seconds since 1970 UTC. Other collectors do not have it.
    pub(crate) fn newest(&self) -> Gauge {
        self.newest.get_or_create(&Of { collector: Arc::clone(&self.collector) }).clone()
    }

    /// Counts an answer.
    pub(crate) fn answered(&self, status: u16) {
        self.requests.get_or_create(&Answered { collector: Arc::clone(&self.collector), status }).inc();
    }
}

/// The lag of one partition. It is shown as long as this lives, which is as long as the partition is read.
#[derive(Debug)]
pub(crate) struct PartitionLag {
    gauge: Gauge,
    of: InPartition,
    family: Family<InPartition, Gauge>,
}

impl PartitionLag {
    /// Sets it, in offsets.
    pub fn set(&self, offsets: u64) {
        self.gauge.set(offsets as i64);
    }
}

impl Drop for PartitionLag {
    fn drop(&mut self) {
        self.family.remove(&self.of);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_metric_has_the_prefix_and_a_collector_counts_under_its_name() {
        let (metrics, mut registry) = (Metrics::default(), Registry::default());
        metrics.register(&mut registry);
        let collector = metrics.collector("coderd");
        collector.records.inc_by(3);
        collector.skipped("debug").inc();
        collector.answered(200);
        let lag = collector.partition_lag(&Arc::from("agents"), 2);
        lag.set(7);
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        let of_partition = "tachograph_ingest_partition_lag{collector=\"coderd\",topic=\"agents\",partition=\"2\"}";
        assert!(text.contains(&format!("{of_partition} 7")), "{text}");
        drop(lag);
        let mut later = String::new();
        prometheus_client::encoding::text::encode(&mut later, &registry).unwrap();
        assert!(!later.contains(of_partition), "a partition that is read no more is not shown");
        assert!(text.contains("tachograph_ingest_records_total{collector=\"coderd\"} 3"), "{text}");
        assert!(text.contains("tachograph_ingest_skipped_total{collector=\"coderd\",reason=\"debug\"} 1"), "{text}");
        assert!(text.contains("tachograph_ingest_requests_total{collector=\"coderd\",status=\"200\"} 1"), "{text}");
        assert!(text.contains("tachograph_ingest_record_bytes_total{collector=\"coderd\"} 0"), "{text}");
        assert!(text.lines().all(|line| line.starts_with("# ") || line.starts_with("tachograph_ingest_")), "{text}");
    }
}
