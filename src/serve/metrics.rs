//! Metrics of the program itself, its listeners and its ledgers; every other package names its own in the same registry.

use ledger::{Ledger, LedgerStatus, Store};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

use super::tls::Tls;

/// A registry with what is known of the program, its listeners and its ledgers.
pub fn registry(store: &Store, tls: &Tls) -> Registry {
    let mut registry = Registry::default();
    let version = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
    registry.register("tachograph_build", "Version of the program", version);
    tls.register(&mut registry);
    registry.register_collector(Box::new(Ledgers([store.events().clone(), store.operations().clone()])));
    registry
}

/// Reads the state of the ledgers when metrics are asked for.
#[derive(Debug)]
struct Ledgers([Ledger; 2]);

/// Name, meaning and value of each number.
type Number = (&'static str, &'static str, fn(&LedgerStatus) -> i64);

const NUMBERS: [Number; 7] = [
    ("tachograph_ledger_next_seq", "Position after the last durable entry", |status| status.durable.next_seq as i64),
    ("tachograph_ledger_batches", "Closed batches", |status| status.durable.batches as i64),
    ("tachograph_ledger_queued_bytes", "Bytes that wait for the writer", |status| status.queued_bytes as i64),
    ("tachograph_ledger_unsealed_files", "Full WAL files that wait for the sealer", |status| {
        status.unsealed_files as i64
    }),
    ("tachograph_ledger_segments", "Sealed segments", |status| status.segments as i64),
    ("tachograph_ledger_no_space", "1 while the disk is too full to take events", |status| i64::from(status.no_space)),
    ("tachograph_ledger_poisoned", "1 after a failed write", |status| i64::from(status.poisoned.is_some())),
];

impl Collector for Ledgers {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), std::fmt::Error> {
        for (name, help, value) in NUMBERS {
            let gauge = ConstGauge::new(0_i64);
            let mut family = encoder.encode_descriptor(name, help, None, gauge.metric_type())?;
            for ledger in &self.0 {
                let labels = [("ledger", ledger.name().as_str())];
                ConstGauge::new(value(&ledger.status())).encode(family.encode_family(&labels)?)?;
            }
        }
        Ok(())
    }
}
