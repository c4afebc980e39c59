//! Metrics of the program itself, its listeners and its ledgers; every other package names its own in the same registry.

use std::fmt;
use std::sync::Arc;

use ledger::{Ledger, LedgerStatus, Store};
use operations::standing::State;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

use super::health::Health;
use crate::endpoints::{Endpoint, Moment};

/// A registry with what is known of the program, its listeners, its ledgers, and its collectors and sinks.
pub fn registry(store: &Store, health: &Arc<Health>) -> Registry {
    let mut registry = Registry::default();
    let version = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
    registry.register("tachograph_build", "Version of the program", version);
    health.tls().register(&mut registry);
    registry.register_collector(Box::new(Ledgers([store.events().clone(), store.operations().clone()])));
    registry.register_collector(Box::new(Consumers(Arc::clone(health))));
    registry.register_collector(Box::new(Endpoints(Arc::clone(health))));
    registry
}

/// Reads the state of the ledgers when metrics are asked for.
#[derive(Debug)]
struct Ledgers([Ledger; 2]);

/// Name, meaning and value of each number.
type Number = (&'static str, &'static str, fn(&LedgerStatus) -> i64);

const NUMBERS: [Number; 8] = [
    ("tachograph_ledger_next_seq", "Position after the last durable entry", |status| {
        status.durable.next_seq.get() as i64
    }),
    ("tachograph_ledger_batches", "Closed batches", |status| status.durable.batches as i64),
    ("tachograph_ledger_queued_bytes", "Bytes that wait for the writer", |status| status.queued_bytes as i64),
    ("tachograph_ledger_unsealed_files", "Full WAL files that wait for the sealer", |status| {
        status.unsealed_files as i64
    }),
    ("tachograph_ledger_segments", "Sealed segments", |status| status.segments as i64),
    ("tachograph_ledger_sealed_seq", "Position after the last sealed entry", |status| status.sealed_seq.get() as i64),
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

/// Looks at the consumers of the ledgers when metrics are asked for.
struct Consumers(Arc<Health>);

impl fmt::Debug for Consumers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Consumers")
    }
}

const LAG: &str = "tachograph_consumer_lag_entries";
const LAG_HELP: &str = "Durable entries of the ledger that the consumer is not done with";
const WAITS: &str = "tachograph_consumer_waits_for_space";
const WAITS_HELP: &str = "1 while what the consumer has to record is refused for want of space";

impl Collector for Consumers {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), fmt::Error> {
        let consumers = self.0.consumers();
        let mut family = encoder.encode_descriptor(LAG, LAG_HELP, None, MetricType::Gauge)?;
        for status in &consumers {
            // One that only records is behind nothing.
            let Some(ledger) = status.ledger else { continue };
            let labels = [("consumer", &*status.name), ("ledger", ledger.as_str())];
            let lag = i64::try_from(status.lag).unwrap_or(i64::MAX);
            ConstGauge::new(lag).encode(family.encode_family(&labels)?)?;
        }
        let mut family = encoder.encode_descriptor(WAITS, WAITS_HELP, None, MetricType::Gauge)?;
        for status in consumers {
            let waits = i64::from(status.condition.waits_for().is_some());
            ConstGauge::new(waits).encode(family.encode_family(&[("consumer", &*status.name)])?)?;
        }
        Ok(())
    }
}

/// Looks at collectors and sinks when metrics are asked for.
struct Endpoints(Arc<Health>);

impl fmt::Debug for Endpoints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Endpoints")
    }
}

const STATE: &str = "tachograph_endpoint_state";
const STATE_HELP: &str = "1 for the state in which a collector or a sink is, 0 for the others";

/// Name and meaning of each moment.
type Stamp = (&'static str, &'static str, fn(&Endpoint) -> Option<Moment>);

const STAMPS: [Stamp; 2] = [
    (
        "tachograph_endpoint_state_since_timestamp_seconds",
        "When the collector or the sink came into its state, in seconds since 1970 UTC",
        |endpoint| endpoint.since,
    ),
    (
        "tachograph_endpoint_last_event_timestamp_seconds",
        "When the last record arrived, or was acknowledged, in seconds since 1970 UTC; 0 if none was since the start",
        |endpoint| endpoint.last_event,
    ),
];

impl Collector for Endpoints {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), fmt::Error> {
        let endpoints = self.0.endpoints();
        let labels = |endpoint: &Endpoint| {
            [
                ("role", endpoint.role.as_str().to_owned()),
                ("name", endpoint.name.clone()),
                ("ledger", endpoint.ledger.clone()),
            ]
        };
        let mut family = encoder.encode_descriptor(STATE, STATE_HELP, None, MetricType::Gauge)?;
        for endpoint in &endpoints {
            // Each state has its series from the start, so that a rule on it is not blind until the first time.
            for state in State::ALL {
                let [role, name, ledger] = labels(endpoint);
                let labels = [role, name, ledger, ("state", state.as_str().to_owned())];
                let value = i64::from(endpoint.state == state);
                ConstGauge::new(value).encode(family.encode_family(&labels)?)?;
            }
        }
        for (name, help, moment) in STAMPS {
            let mut family = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            for endpoint in &endpoints {
                let seconds = moment(endpoint).map_or(0, |Moment(moment)| moment.unix_seconds());
                ConstGauge::new(seconds).encode(family.encode_family(&labels(endpoint))?)?;
            }
        }
        Ok(())
    }
}
