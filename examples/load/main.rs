//! The end-to-end load generator: a process of its own that drives a real server over loopback HTTP and reads what the
//! server costs from outside (`/proc`). `make bench` runs it with the `dist` profile.
//!
//! Three phases. *Saturation*: every connection sends its next request when the last one was acknowledged; this gives
//! events per second and CPU time per event. *Half load*: requests have a schedule at half of that rate, and a latency is
//! counted from the moment at which the request was due, so that a stall of the server is not hidden by a client that
//! waits for it (coordinated omission). *Notices*: requests on a schedule at a given rate, and now and then an event that
//! somebody has to be told of, while one of two receivers is dead. With `--events` there is another one instead: so many records, until
//! all full files are sealed; `examples/rivals.py` compares that with other programs.

#![allow(clippy::unwrap_used, clippy::expect_used)] // A benchmark that cannot run has nothing better to do than to stop.

mod connection;
mod cost;
mod notice;
mod payload;
#[path = "../../tests/harness/receiver.rs"]
mod receiver;
mod report;
#[path = "../../tests/harness/server.rs"]
mod server;

use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use clap::Parser;
use hdrhistogram::Histogram;

use connection::Connection;
use cost::{Cost, Memory, Metrics, SyncProbe};
use notice::Receivers;
use payload::{Dialect, Payload};
use report::{Phase, Report, Sealed};
use server::Server;

/// How long a sender waits before it sends again what a full queue did not take.
const RETRY_PAUSE: Duration = Duration::from_millis(5);

/// Drives a server and reports what recording costs.
#[derive(Debug, Clone, Parser)]
struct Arguments {
    /// The server's binary.
    #[arg(long, value_name = "FILE")]
    server: PathBuf,
    /// Where the data directory is made; its disk is what is measured.
    #[arg(long, value_name = "DIR", default_value = "bench-out")]
    directory: PathBuf,
    /// What the records look like.
    #[arg(long, value_enum, default_value_t = Dialect::Coder)]
    dialect: Dialect,
    /// Connections, each with a producer of its own.
    #[arg(long, default_value_t = 8)]
    connections: usize,
    /// Records in one request at saturation.
    #[arg(long, default_value_t = 1_000)]
    batch: usize,
    /// Records in one request at half load.
    #[arg(long, default_value_t = 50)]
    small_batch: usize,
    /// Events per second while notices are measured, and with `--minutes`.
    #[arg(long, default_value_t = 50_000)]
    rate: u32,
    /// Agents whose events are sent.
    #[arg(long, default_value_t = 10_000)]
    agents: usize,
    /// Seconds of each phase.
    #[arg(long, default_value_t = 15)]
    seconds: u64,
    /// Instead of the three phases: so many records as fast as they are acknowledged, and then until every full file is sealed.
    #[arg(long, value_name = "RECORDS")]
    events: Option<u64>,
    /// Instead of the three phases: so many minutes at `--rate`, and what memory the server has meanwhile.
    #[arg(long, conflicts_with = "events")]
    minutes: Option<u64>,
    /// Write the records that would be sent to a file, one per line, and nothing else: for programs to be compared with.
    #[arg(long, value_name = "FILE", requires = "events")]
    write: Option<PathBuf>,
    /// Print one JSON object instead of a table.
    #[arg(long)]
    json: bool,
}

/// How one phase sends.
#[derive(Debug, Clone, Copy)]
struct Plan {
    batch: usize,
    /// Time between two requests of one connection; `None` for as fast as they are acknowledged.
    interval: Option<Duration>,
    until: Until,
}

/// When a phase is over.
#[derive(Debug, Clone, Copy)]
enum Until {
    Elapsed(Duration),
    /// Records of each connection.
    Sent(u64),
}

impl Until {
    fn is_reached(self, started: Instant, sent: u64) -> bool {
        match self {
            Self::Elapsed(duration) => started.elapsed() >= duration,
            Self::Sent(records) => sent >= records,
        }
    }
}

impl Plan {
    /// The same for so many events per second over all connections.
    fn at(self, per_second: f64, arguments: &Arguments) -> Self {
        let interval = Duration::from_secs_f64((arguments.small_batch * arguments.connections) as f64 / per_second);
        Self { batch: arguments.small_batch, interval: Some(interval), ..self }
    }
}

fn main() {
    let arguments = Arguments::parse();
    if let (Some(file), Some(events)) = (&arguments.write, arguments.events) {
        return write(&arguments, file, events);
    }
    let data = arguments.directory.join("data");
    // The directory of the run before, if any.
    let _ = std::fs::remove_dir_all(&data);
    std::fs::create_dir_all(&arguments.directory).unwrap();
    let token = prepare(&arguments, &data);
    let config = arguments.directory.join("load.toml");
    let listen = "console = \"127.0.0.1:0\"\ningest = \"127.0.0.1:0\"";
    let collector = format!("name = \"load\"\ndialect = \"{}\"\ntransport = \"http\"", arguments.dialect.name());
    let receivers = Receivers::start();
    let sinks = receivers.configuration(&arguments.directory);
    let text =
        format!("[store]\ndata = {:?}\n\n[listen]\n{listen}\n\n[[collector]]\n{collector}\n\n{sinks}", data.display());
    std::fs::write(&config, text).unwrap();
    let server = Server::start(&arguments.server, &config).unwrap();
    // One more than drive the load: it sends what somebody is told of.
    let mut payloads = payload::split(arguments.dialect, arguments.agents, arguments.connections + 1);
    let refused = payloads.remove(0);
    let connections: Vec<(Connection, Payload)> =
        payloads.into_iter().map(|payload| (Connection::open(&server.ingest, &token), payload)).collect();
    match (arguments.events, arguments.minutes) {
        (Some(events), _) => print_sealed(&arguments, server, &data, connections, events),
        (None, Some(minutes)) => print_memory(&arguments, server, &data, connections, minutes),
        (None, None) => print_phases(&arguments, server, &data, connections, (receivers, refused, token)),
    }
}

/// Writes the records that connections would send, each with its own share, one connection after the other.
fn write(arguments: &Arguments, file: &std::path::Path, events: u64) {
    let mut out = std::io::BufWriter::new(std::fs::File::create(file).unwrap());
    let share = events.div_ceil(arguments.connections as u64);
    let mut left = events;
    for mut payload in payload::split(arguments.dialect, arguments.agents, arguments.connections + 1).split_off(1) {
        let end = left.saturating_sub(share);
        while left > end {
            let records = (left - end).min(arguments.batch as u64);
            std::io::Write::write_all(&mut out, payload.next(records as usize)).unwrap();
            left -= records;
        }
    }
    std::io::Write::flush(&mut out).unwrap();
}

/// So many records, and then until nothing is left to seal and detection has seen everything.
fn print_sealed(
    arguments: &Arguments,
    server: Server,
    data: &std::path::Path,
    mut connections: Vec<(Connection, Payload)>,
    events: u64,
) {
    let until = Until::Sent(events.div_ceil(arguments.connections as u64));
    let before = Cost::of(server.id());
    let phase = run(&server, data, &mut connections, Plan { batch: arguments.batch, interval: None, until });
    let end_seq = loop {
        let metrics = Metrics::of(&server.console);
        let unsealed = metrics.value("tachograph_ledger_unsealed_files{ledger=\"events\"}");
        let lag = metrics.value("tachograph_consumer_lag_entries{consumer=\"detection\",ledger=\"events\"}");
        if unsealed == 0 && lag == 0 {
            break metrics.value("tachograph_ledger_sealed_seq{ledger=\"events\"}");
        }
        std::thread::sleep(Duration::from_millis(50));
    };
    let cost = Cost::of(server.id()).since(&before);
    let (resident_bytes_max, faults) = (Memory::of(server.id()).resident_max, cost::page_faults(server.id()));
    let segment_bytes = cost::disk_bytes(&data.join("events/0/segment"));
    server.stop().unwrap();
    let phase = Phase { cost, ..phase };
    let dialect = arguments.dialect.name();
    Sealed { dialect, phase, end_seq, segment_bytes, resident_bytes_max, faults }.print(arguments.json);
}

/// The server's memory and costs in each of a dozen parts of so many minutes.
fn print_memory(
    arguments: &Arguments,
    server: Server,
    data: &std::path::Path,
    mut connections: Vec<(Connection, Payload)>,
    minutes: u64,
) {
    const PARTS: u64 = 12;
    let duration = Duration::from_secs(minutes * 60 / PARTS);
    let plan = Plan { batch: arguments.small_batch, interval: None, until: Until::Elapsed(duration) };
    let plan = plan.at(f64::from(arguments.rate), arguments);
    println!("   minute       events   µs/event   resident MiB   anonymous MiB   most MiB   p99 ms   disk bytes/event");
    let mut events = 0;
    for part in 1..=PARTS {
        let phase = run(&server, data, &mut connections, plan);
        events += phase.events;
        let Memory { resident, anonymous, resident_max } = Memory::of(server.id());
        let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
        println!(
            "{:9.1} {events:12} {:10.2} {:14.1} {:15.1} {:10.1} {:8.1} {:18.1}",
            (part * minutes) as f64 / PARTS as f64,
            phase.cost.total as f64 / 1e3 / phase.events as f64,
            mib(resident),
            mib(anonymous),
            mib(resident_max),
            phase.latency.value_at_quantile(0.99) as f64 / 1e3,
            cost::disk_bytes(data) as f64 / events as f64,
        );
    }
    server.stop().unwrap();
}

/// Saturation, half load and notices.
fn print_phases(
    arguments: &Arguments,
    server: Server,
    data: &std::path::Path,
    mut connections: Vec<(Connection, Payload)>,
    (receivers, mut refused, token): (Receivers, Payload, String),
) {
    let duration = Duration::from_secs(arguments.seconds);
    let saturated = Plan { batch: arguments.batch, interval: None, until: Until::Elapsed(duration) };
    let saturation = run(&server, data, &mut connections, saturated);
    let per_second = saturation.events as f64 / saturation.seconds / 2.0;
    let half = saturated.at(per_second, arguments);
    let half_load = run(&server, data, &mut connections, half);
    let resident_bytes_max = Memory::of(server.id()).resident_max;
    let events = saturation.events + half_load.events;
    // The cost per event and the size on the disk are those of the two phases before.
    let disk_bytes = cost::disk_bytes(data);
    let steady = saturated.at(f64::from(arguments.rate), arguments);
    let (notice_load, notices) = std::thread::scope(|scope| {
        let due = scope.spawn(|| {
            let mut reporter = Connection::open(&server.ingest, &token);
            report_refusals(&mut reporter, &mut refused, duration)
        });
        let load = run(&server, data, &mut connections, steady);
        (load, receivers.measure(&due.join().unwrap()))
    });
    server.stop().unwrap();
    let dialect = arguments.dialect.name();
    let report =
        Report { dialect, saturation, half_load, events, resident_bytes_max, disk_bytes, notice_load, notices };
    report.print(arguments.json);
}

fn prepare(arguments: &Arguments, data: &std::path::Path) -> String {
    let run = |command: &mut Command| {
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    run(Command::new(&arguments.server).arg("init").arg(data).args(["--log-name", "load.example/agents"]));
    let grants = ["token", "create", "--name", "load", "--role", "ingest", "--trust", "control_plane", "--data"];
    run(Command::new(&arguments.server).args(grants).arg(data))
}

/// Runs one phase over all connections.
fn run(server: &Server, data: &std::path::Path, connections: &mut [(Connection, Payload)], plan: Plan) -> Phase {
    let stop = Arc::new(AtomicBool::new(false));
    let probe = SyncProbe::start(data.with_file_name("probe"), Arc::clone(&stop));
    let before = Cost::of(server.id());
    let started = Instant::now();
    let (sender, results) = mpsc::channel();
    std::thread::scope(|scope| {
        for (connection, payload) in connections.iter_mut() {
            let sender = sender.clone();
            scope.spawn(move || sender.send(drive(connection, payload, plan, started)).unwrap());
        }
    });
    drop(sender);
    let seconds = started.elapsed().as_secs_f64();
    let cost = Cost::of(server.id()).since(&before);
    stop.store(true, Ordering::Relaxed);
    let mut latency = histogram();
    let mut totals = (0, 0, 0);
    for (events, bytes, requests, one) in results {
        totals = (totals.0 + events, totals.1 + bytes, totals.2 + requests);
        latency.add(one).unwrap();
    }
    Phase { events: totals.0, bytes: totals.1, requests: totals.2, seconds, latency, cost, sync: probe.finish() }
}

/// Sends events that somebody is told of until the phase is over; when each was due, in microseconds since 1970 UTC.
fn report_refusals(connection: &mut Connection, payload: &mut Payload, duration: Duration) -> Vec<i64> {
    let (started, mut due) = (Instant::now(), Vec::new());
    while started.elapsed() < duration {
        let next = started + notice::INTERVAL * due.len() as u32;
        std::thread::sleep(next.saturating_duration_since(Instant::now()));
        let late = next.elapsed().as_micros() as i64;
        due.push(chrono::Utc::now().timestamp_micros() - late);
        let (producer, offset) = (payload.producer(), payload.offset());
        record(connection, payload.refused(&notice::host(due.len() as u64 - 1)), &producer, offset);
    }
    due
}

/// Sends requests until the phase is over.
fn drive(
    connection: &mut Connection,
    payload: &mut Payload,
    plan: Plan,
    started: Instant,
) -> (u64, u64, u64, Histogram<u64>) {
    let (mut events, mut bytes, mut requests) = (0, 0, 0_u32);
    let mut latency = histogram();
    while !plan.until.is_reached(started, events) {
        let due = match plan.interval {
            None => Instant::now(),
            Some(interval) => {
                let due = started + interval * requests;
                std::thread::sleep(due.saturating_duration_since(Instant::now()));
                due
            }
        };
        let (producer, offset) = (payload.producer(), payload.offset());
        let body = payload.next(plan.batch);
        bytes += body.len() as u64;
        record(connection, body, &producer, offset);
        latency.record(due.elapsed().as_micros() as u64).unwrap();
        events += plan.batch as u64;
        requests += 1;
    }
    (events, bytes, u64::from(requests), latency)
}

/// Sends records until they are acknowledged. What the server took before its queue was full it knows by the offset.
fn record(connection: &mut Connection, body: &[u8], producer: &str, offset: u64) {
    let headers = format!(
        "Content-Type: application/x-ndjson\r\nTachograph-Producer: {producer}\r\nTachograph-Offset: {offset}\r\n"
    );
    while !connection.post("/v1/events/load", &headers, body) {
        std::thread::sleep(RETRY_PAUSE);
    }
}

/// Microseconds up to a minute, to three digits.
fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 60_000_000, 3).unwrap()
}
