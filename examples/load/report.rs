//! The figures of a run.

use hdrhistogram::Histogram;
use serde_json::{Value, json};

use crate::cost::Cost;
use crate::notice::Notices;

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

    fn print_threads(&self) {
        for (thread, nanos) in &self.cost.threads {
            let micros = self.micros_per_event(*nanos);
            if micros >= 0.01 {
                println!("    {thread:<18} {micros:>10.2} µs");
            }
        }
    }

    fn json(&self) -> Value {
        let threads =
            self.cost.threads.iter().map(|(name, nanos)| (name.clone(), json!(self.micros_per_event(*nanos))));
        json!({
            "events": self.events,
            "requests": self.requests,
            "events_per_second": self.events as f64 / self.seconds,
            "bytes_per_event": self.bytes / self.events.max(1),
            "cpu_us_per_event": self.micros_per_event(self.cost.total),
            "cpu_us_per_event_by_thread": threads.collect::<serde_json::Map<_, _>>(),
            "ack_us": quantiles(&self.latency),
            "fdatasync_us": quantiles(&self.sync),
        })
    }
}

/// Some quantiles of times in microseconds.
fn quantiles(times: &Histogram<u64>) -> Value {
    json!({ "p50": times.value_at_quantile(0.5), "p99": times.value_at_quantile(0.99), "p999": times.value_at_quantile(0.999) })
}

/// The same in milliseconds, for people.
fn shown(times: &Histogram<u64>) -> String {
    let [half, most, nearly_all] = [0.5, 0.99, 0.999].map(|at| times.value_at_quantile(at) as f64 / 1_000.0);
    format!("p50 {half:.2}  p99 {most:.2}  p99.9 {nearly_all:.2}")
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
    /// What the data directory takes after these two, WAL included.
    pub disk_bytes: u64,
    /// A steady load while notices are measured.
    pub notice_load: Phase,
    /// How soon somebody was told.
    pub notices: Notices,
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
                "notice_load": self.notice_load.json(),
                "notices": {
                    "sent": self.notices.sent,
                    "told": self.notices.told,
                    "after_recorded_us": quantiles(&self.notices.after_recorded),
                    "after_due_us": quantiles(&self.notices.after_due),
                },
                "resident_mib_max": resident_mib,
                "disk_bytes_per_event": disk,
            });
            println!("{report:#}");
            return;
        }
        println!("{} records, {} bytes each", self.dialect, self.saturation.bytes / self.saturation.events.max(1));
        for (name, phase) in
            [("saturation", &self.saturation), ("half load", &self.half_load), ("notices", &self.notice_load)]
        {
            println!("\n{name}: {} events in {} requests", phase.events, phase.requests);
            println!("  events/s             {:>10.0}", phase.events as f64 / phase.seconds);
            println!("  server CPU per event {:>10.2} µs", phase.micros_per_event(phase.cost.total));
            phase.print_threads();
            println!("  acknowledgement ms   {}", shown(&phase.latency));
            println!("  fdatasync ms         {}", shown(&phase.sync));
        }
        println!("  told                 {} of {} events, one receiver dead", self.notices.told, self.notices.sent);
        println!("    after recorded ms  {}", shown(&self.notices.after_recorded));
        println!("    after due ms       {}", shown(&self.notices.after_due));
        println!("\nresident memory, most  {resident_mib} MiB");
        println!("on disk                {disk:.1} bytes per event");
    }
}

/// What a number of records cost until they were sealed.
pub struct Sealed {
    /// The shape of the records.
    pub dialect: &'static str,
    /// The records, with the cost until the last full file was sealed.
    pub phase: Phase,
    /// Records that were sealed by then: the others are in the file that is not full.
    pub end_seq: u64,
    /// Bytes of their segments.
    pub segment_bytes: u64,
    /// The most memory that the server had.
    pub resident_bytes_max: u64,
    /// Pages that it had to be given.
    pub faults: u64,
}

impl Sealed {
    /// Nanoseconds, as if the file that is not full had been sealed too: the sealer's time is of what it sealed.
    fn total_nanos(&self) -> u64 {
        let sealer = self.phase.cost.threads.get("events-sealer").copied().unwrap_or(0) as f64;
        let share = self.phase.events as f64 / self.end_seq.max(1) as f64;
        self.phase.cost.total + (sealer * (share - 1.0)) as u64
    }

    /// Prints the figures.
    pub fn print(&self, as_json: bool) {
        let sealed_bytes = self.segment_bytes as f64 / self.end_seq.max(1) as f64;
        let (resident_mib, faults) = (self.resident_bytes_max >> 20, self.faults as f64 / self.phase.events as f64);
        let (micros, share) =
            (self.phase.micros_per_event(self.total_nanos()), self.end_seq as f64 / self.phase.events as f64);
        if as_json {
            let mut fixed = self.phase.json();
            fixed["cpu_us_per_event_sealed"] = json!(micros);
            fixed["sealed_share"] = json!(share);
            fixed["sealed_bytes_per_event"] = json!(sealed_bytes);
            fixed["page_faults_per_event"] = json!(faults);
            fixed["resident_mib_max"] = json!(resident_mib);
            println!("{:#}", json!({ "dialect": self.dialect, "fixed": fixed }));
            return;
        }
        println!(
            "{} {} records of {} bytes, until sealed ({:.0} % are)",
            self.phase.events,
            self.dialect,
            self.phase.bytes / self.phase.events,
            share * 100.0
        );
        println!("  events/s             {:>10.0}", self.phase.events as f64 / self.phase.seconds);
        println!("  server CPU per event {micros:>10.2} µs, if all were sealed");
        self.phase.print_threads();
        println!("  acknowledgement ms   {}", shown(&self.phase.latency));
        println!("  page faults          {faults:>10.3} per event");
        println!("  sealed               {sealed_bytes:>10.1} bytes per event");
        println!("  resident memory      {resident_mib:>10} MiB, most");
    }
}
