//! The figures of a run.

use hdrhistogram::Histogram;
use serde_json::{Value, json};

use crate::cost::Cost;

/// What one phase gave.
pub struct Phase {
    /// Records that were acknowledged.
    pub events: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Requests.
    pub requests: u64,
    /// Time on the wall.
    pub seconds: f64,
    /// Microseconds from when a request was due to its acknowledgement.
    pub latency: Histogram<u64>,
    /// CPU time of the server.
    pub cost: Cost,
    /// Microseconds of an fdatasync on the same disk.
    pub sync: Histogram<u64>,
}

impl Phase {
    fn micros_per_event(&self, nanos: u64) -> f64 {
        nanos as f64 / 1_000.0 / self.events.max(1) as f64
    }

    fn json(&self) -> Value {
        let quantile = |times: &Histogram<u64>, at| times.value_at_quantile(at);
        let threads =
            self.cost.threads.iter().map(|(name, nanos)| (name.clone(), json!(self.micros_per_event(*nanos))));
        json!({
            "events": self.events,
            "requests": self.requests,
            "events_per_second": self.events as f64 / self.seconds,
            "bytes_per_event": self.bytes / self.events.max(1),
            "cpu_us_per_event": self.micros_per_event(self.cost.total),
            "cpu_us_per_event_by_thread": threads.collect::<serde_json::Map<_, _>>(),
            "ack_us": { "p50": quantile(&self.latency, 0.5), "p99": quantile(&self.latency, 0.99), "p999": quantile(&self.latency, 0.999) },
            "fdatasync_us": { "p50": quantile(&self.sync, 0.5), "p99": quantile(&self.sync, 0.99) },
        })
    }
}

/// What the whole run gave.
pub struct Report {
    /// The shape of the records.
    pub dialect: &'static str,
    /// As fast as it goes.
    pub saturation: Phase,
    /// Half of that, on a schedule.
    pub half_load: Phase,
    /// Records in both.
    pub events: u64,
    /// The most memory that the server had.
    pub resident_bytes_max: u64,
    /// What the data directory takes.
    pub disk_bytes: u64,
}

impl Report {
    /// Prints the figures.
    pub fn print(&self, as_json: bool) {
        let disk = self.disk_bytes as f64 / self.events.max(1) as f64;
        let resident_mib = self.resident_bytes_max >> 20;
        if as_json {
            let report = json!({
                "dialect": self.dialect,
                "saturation": self.saturation.json(),
                "half_load": self.half_load.json(),
                "resident_mib_max": resident_mib,
                "disk_bytes_per_event": disk,
            });
            println!("{report:#}");
            return;
        }
        println!("{} records, {} bytes each", self.dialect, self.saturation.bytes / self.saturation.events.max(1));
        for (name, phase) in [("saturation", &self.saturation), ("half load", &self.half_load)] {
            let quantiles = [0.5, 0.99, 0.999].map(|at| phase.latency.value_at_quantile(at) as f64 / 1_000.0);
            let sync = [0.5, 0.99].map(|at| phase.sync.value_at_quantile(at) as f64 / 1_000.0);
            println!("\n{name}: {} events in {} requests", phase.events, phase.requests);
            println!("  events/s             {:>10.0}", phase.events as f64 / phase.seconds);
            println!("  server CPU per event {:>10.2} µs", phase.micros_per_event(phase.cost.total));
            for (thread, nanos) in &phase.cost.threads {
                let micros = phase.micros_per_event(*nanos);
                if micros >= 0.01 {
                    println!("    {thread:<18} {micros:>10.2} µs");
                }
            }
            println!(
                "  acknowledgement ms   p50 {:.2}  p99 {:.2}  p99.9 {:.2}",
                quantiles[0], quantiles[1], quantiles[2]
            );
            println!("  fdatasync ms         p50 {:.2}  p99 {:.2}", sync[0], sync[1]);
        }
        println!("\nresident memory, most  {resident_mib} MiB");
        println!("on disk                {disk:.1} bytes per event");
    }
}
