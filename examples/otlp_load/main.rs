//! OTLP into this program and into the OpenTelemetry Collector, which writes a file: the same prepared requests over gRPC and HTTP, one program
//! after the other in each round, on the same cores. What each costs is read from outside (`/proc`). `make bench-otlp` runs it.
//!
//! Every connection sends its next request when the last one was answered, so a latency is from the first byte of a request to its answer. CPU time
//! is given twice: until the last answer, and until everything is done: by the Collector written to its file, by this program sealed and looked at.

#![allow(clippy::unwrap_used, clippy::expect_used)] // A benchmark that cannot run has nothing better to do than to stop.

#[path = "../load/connection.rs"]
mod connection;
#[path = "../load/cost.rs"]
mod cost;
mod records;
mod report;
mod sender;
#[path = "../../tests/harness/server.rs"]
mod server;
mod target;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use clap::Parser;
use hdrhistogram::Histogram;

use cost::{Cost, Memory, SyncProbe};
use records::Body;
use report::{Report, Run};
use sender::{Form, Sender};
use target::{Kind, Target};

/// Sends the same records to both programs and reports what taking them costs.
#[derive(Debug, Clone, Parser)]
struct Arguments {
    /// The server's binary.
    #[arg(long, value_name = "FILE")]
    server: PathBuf,
    /// The Collector's binary; without one, only the server is measured.
    #[arg(long, value_name = "FILE")]
    collector: Option<PathBuf>,
    /// Where data directories and files are made; its disk is what is measured.
    #[arg(long, value_name = "DIR", default_value = "bench-out/otlp")]
    directory: PathBuf,
    /// Log records in one run.
    #[arg(long, default_value_t = 200_000)]
    records: u64,
    /// Records in one request; exporters send up to 512.
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u64).range(1..=2_000))]
    batch: u64,
    /// Connections, each with one request on its way.
    #[arg(long, default_value_t = 8)]
    connections: usize,
    /// How often each program takes everything in each form.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// The forms.
    #[arg(long, value_enum, value_delimiter = ',', default_value = "grpc,protobuf,json")]
    forms: Vec<Form>,
    /// Print one JSON object instead of a table.
    #[arg(long)]
    json: bool,
}

fn main() {
    let arguments = Arguments::parse();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64;
    let bodies = records::bodies(arguments.records, arguments.batch, now);
    let collector = arguments.collector.as_ref().map(|binary| (Kind::Collector, binary));
    let mut report = Report::of(&bodies, arguments.connections);
    for _ in 0..arguments.rounds {
        for form in &arguments.forms {
            for (kind, binary) in collector.into_iter().chain([(Kind::Tachograph, &arguments.server)]) {
                let target = Target::start(kind, binary, &arguments.directory.join("target"));
                let run = run(&arguments, target, *form, &bodies);
                eprintln!("{}", report.add(kind, *form, run));
            }
        }
    }
    report.print(arguments.json);
}

/// Sends everything to one program and waits until it has done everything.
fn run(arguments: &Arguments, mut target: Target, form: Form, bodies: &[Body]) -> Run {
    let stop = Arc::new(AtomicBool::new(false));
    let probe = SyncProbe::start(arguments.directory.join("probe"), Arc::clone(&stop));
    let mut senders: Vec<Sender> = (0..arguments.connections).map(|_| Sender::open(form, target.addresses())).collect();
    let process = target.process();
    let (before, own_before) = (Cost::of(process), Cost::of(std::process::id()));
    let (next, started) = (AtomicUsize::new(0), Instant::now());
    let (latency, refused) = std::thread::scope(|scope| {
        let driven: Vec<_> =
            senders.iter_mut().map(|sender| scope.spawn(|| drive(sender, form, bodies, &next))).collect();
        let (mut latency, mut refused) = (histogram(), 0);
        for one in driven {
            let (times, again) = one.join().unwrap();
            latency.add(times).unwrap();
            refused += again;
        }
        (latency, refused)
    });
    let seconds = started.elapsed().as_secs_f64();
    let answered = Cost::of(process).since(&before);
    let own = Cost::of(std::process::id()).since(&own_before);
    stop.store(true, Ordering::Relaxed);
    let found = target.finish(arguments.records);
    assert_eq!(found, arguments.records, "not every record came, or some came twice");
    let done = Cost::of(process).since(&before);
    let (memory, faults, disk_bytes) = (Memory::of(process), cost::page_faults(process), target.disk_bytes());
    target.stop();
    Run { seconds, answered, done, own, refused, latency, sync: probe.finish(), memory, faults, disk_bytes }
}

/// Sends what nobody has sent yet until nothing is left.
fn drive(sender: &mut Sender, form: Form, bodies: &[Body], next: &AtomicUsize) -> (Histogram<u64>, u64) {
    let (mut latency, mut refused) = (histogram(), 0);
    while let Some(body) = bodies.get(next.fetch_add(1, Ordering::Relaxed)) {
        let started = Instant::now();
        refused += sender.send(form.bytes(body));
        latency.record(started.elapsed().as_micros() as u64).unwrap();
    }
    (latency, refused)
}

/// Microseconds up to a minute, to three digits.
fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 60_000_000, 3).unwrap()
}
