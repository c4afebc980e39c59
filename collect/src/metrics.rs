//! The numbers of delivery and of the spool.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Of {
    collector: String,
}

/// Of all collectors. Clones count together.
#[derive(Debug, Clone, Default)]
pub struct Metrics {
    delivered: Family<Of, Counter>,
    set_aside: Family<Of, Counter>,
    failures: Family<Of, Counter>,
    waiting: Family<Of, Gauge>,
    refused: Family<Of, Gauge>,
    pub(crate) spool_bytes: Gauge,
    pub(crate) spool_bytes_max: Gauge,
    pub(crate) server_trusted: Gauge,
}

/// Of one collector.
#[derive(Debug, Clone)]
pub(crate) struct LaneMetrics {
    pub delivered: Counter,
    pub set_aside: Counter,
    pub failures: Counter,
    pub waiting: Gauge,
    pub refused: Gauge,
}

impl Metrics {
    pub(crate) fn lane(&self, collector: &str) -> LaneMetrics {
        let of = Of { collector: collector.to_owned() };
        LaneMetrics {
            delivered: self.delivered.get_or_create_owned(&of),
            set_aside: self.set_aside.get_or_create_owned(&of),
            failures: self.failures.get_or_create_owned(&of),
            waiting: self.waiting.get_or_create_owned(&of),
            refused: self.refused.get_or_create_owned(&of),
        }
    }

    /// Shows them under `tachograph_collect_…`.
    pub fn register(&self, registry: &mut Registry) {
        let registry = registry.sub_registry_with_prefix("tachograph_collect");
        registry.register("delivered_records", "Records that the server has recorded", self.delivered.clone());
        registry.register("set_aside_records", "Records that the server refused for good", self.set_aside.clone());
        registry.register("failed_requests", "Requests that brought nothing", self.failures.clone());
        registry.register("waiting_records", "Records in the spool that are not delivered", self.waiting.clone());
        registry.register("refused", "Whether delivery needs a person", self.refused.clone());
        registry.register_with_unit("spool", "Bytes of the spool", Unit::Bytes, self.spool_bytes.clone());
        registry.register_with_unit("spool_limit", "The bound of the spool", Unit::Bytes, self.spool_bytes_max.clone());
        registry.register(
            "server_trusted",
            "Whether the server's log is the one that is known",
            self.server_trusted.clone(),
        );
    }
}
