//! What the ledger alone costs: entries as a coder line makes them are pushed, appended, synced and sealed, and the CPU time of every
//! thread is counted until nothing is left to seal; then the independent verifier reads it all. `make bench` runs it; it is no test of speed.
//!
//! `append [EVENTS] [GROUP]`: a million events in groups of 500, if nothing else is said.

// A measurement that cannot go on should stop.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Instant;

use ledger::events::column;
use ledger::{AppendError, Entry, Group, LedgerName, Options, Rejected, Store, Table, Timestamp};

/// Microseconds of a tick of the kernel's clock for CPU times.
const TICK_MICROS: u64 = 10_000;

const RECORD: &str = r#"{"ts":"2026-09-14T09:30:26.800000657Z","level":"INFO","msg":"boundary_request","caller":"coderd/agentapi/boundary_logs.go:150","func":"ReportBoundaryLogs","logger_names":["coderd","agentrpc"],"trace":"478b2b45577307c4fd1bcfc64fad6ffb","span":"9ece4bc70c311edb","fields":{"owner":"amara","workspace_name":"fix-refunds-c88d","agent_name":"main","decision":"deny","session_id":"8f0d2c4e-6b1a-4d39-9c77-2e5a9b7f1d60","sequence_number":2,"workspace_id":"f2bd4e9f-7e27-49fc-961e-be4d1c2aa987","template_id":"c6d67e98-83ea-49f0-8812-e4abae2b68bc","template_version_id":"0ba39c92-1f1b-4c32-aa3e-9925d7713eb1","http_method":"POST","http_url":"https://pastebin.example/api/api_post.php","event_time":"2026-09-14T09:30:21.733000657Z","request_id":"9f30d667-1fc9-47ba-b9e5-8eac46e0abef"}}"#;

/// A number that looks like chance and is the same each time.
fn mixed(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
    mixed = (mixed ^ mixed >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ mixed >> 31
}

/// One of `count` ids.
fn id(space: u64, number: u64, count: u64) -> String {
    let (high, low) = (mixed((space << 32) | (number % count)), mixed((space << 40) | (number % count)));
    format!(
        "{:08x}-{:04x}-4{:03x}-a{:03x}-{:012x}",
        high >> 32,
        high >> 16 & 0xffff,
        high & 0xfff,
        low >> 52,
        low & 0xffff_ffff_ffff
    )
}

/// Fills an entry as a boundary event of coderd fills it: 10,000 agents, each with a session.
fn fill(entry: &mut Entry, number: u64) {
    entry.clear();
    let agent = mixed(number) % 10_000;
    let (session, workspace) = (id(1, agent, 10_000), id(2, agent, 10_000));
    let time = 1_789_378_221_733_000 + (number * 20).cast_signed();
    let host = ["pastebin.example", "packages.acme.example", "api.acme.example"][(number % 3) as usize];
    let path = format!("/api/{:x}/{}", mixed(number) % 5_000, number % 100);
    entry.set_time(column::TIME, Timestamp::from_unix_micros(time));
    entry.set_time(column::OBSERVED, Timestamp::from_unix_micros(time + 5_000_000));
    entry.set_text(column::COLLECTOR, "coderd");
    entry.set_text(column::TOKEN, "local");
    entry.set_text(column::SOURCE, "coder.boundary");
    entry.set_text(column::FAMILY, "boundary");
    entry.set_text(column::KIND, "egress.http");
    entry.set_text(column::TRUST, "workspace");
    entry.set_text(column::STREAM, &session);
    entry.set_integer(column::STREAM_SEQ, (number / 10_000).cast_signed());
    entry.set_text(column::SOURCE_ID, &format!("{session}:{}", number / 10_000));
    entry.set_text(column::USER, &format!("person-{}", agent % 500));
    entry.set_text(column::AGENT, "main");
    entry.set_text(column::SESSION, &session);
    entry.set_text(column::WORKSPACE, &workspace);
    entry.set_text(column::WORKSPACE_NAME, &format!("fix-{agent:04x}"));
    entry.set_text(column::TEMPLATE, "c6d67e98-83ea-49f0-8812-e4abae2b68bc");
    entry.set_text(column::ATTRIBUTION, "direct");
    entry.set_text(column::ACTION, "POST");
    entry.set_text(column::TARGET, &format!("https://{host}{path}"));
    entry.set_text(column::OUTCOME, "deny");
    entry.set_text(column::METHOD, "POST");
    entry.set_text(column::SCHEME, "https");
    entry.set_text(column::HOST, host);
    entry.set_text(column::DOMAIN, host);
    entry.set_text(column::PATH, &path);
    let record = RECORD
        .replace("8f0d2c4e-6b1a-4d39-9c77-2e5a9b7f1d60", &session)
        .replace("f2bd4e9f-7e27-49fc-961e-be4d1c2aa987", &workspace)
        .replace("9f30d667-1fc9-47ba-b9e5-8eac46e0abef", &id(3, number, u64::MAX))
        .replace("478b2b45577307c4fd1bcfc64fad6ffb", &format!("{:016x}{:016x}", mixed(number ^ 7), mixed(number ^ 9)))
        .replace("pastebin.example/api/api_post.php", &format!("{host}{path}"));
    entry.set_text(column::RECORD, &record);
}

/// Some entries.
fn made(count: u64) -> Vec<Entry> {
    let entry = |number| {
        let mut entry = Entry::new();
        fill(&mut entry, number);
        entry
    };
    (0..count).map(entry).collect()
}

/// Name of a process or thread, and the microseconds of CPU that it has used.
fn cpu_of(path: &Path) -> Option<(String, u64)> {
    let stat = fs::read_to_string(path.join("stat")).ok()?;
    let (before, after) = stat.rsplit_once(") ")?;
    let name = before.split_once('(').map_or("", |(_, name)| name).to_owned();
    let ticks: u64 = after.split(' ').skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum();
    Some((name, ticks * TICK_MICROS))
}

/// Microseconds of CPU that each thread of this process has used, by name.
fn cpu_by_thread() -> BTreeMap<String, u64> {
    let mut by_name = BTreeMap::new();
    let tasks = fs::read_dir("/proc/self/task").unwrap().flatten();
    for (name, micros) in tasks.filter_map(|task| cpu_of(&task.path())) {
        *by_name.entry(name).or_default() += micros;
    }
    by_name
}

/// Verifies a data directory and says how many bytes of parts and of records it reads in a second of one core.
fn verify(directory: &Path) {
    let cpu = || cpu_of(Path::new("/proc/self")).unwrap().1;
    let before = cpu();
    let report = ledger_verify::verify(directory, None, &mut |_| {}).unwrap();
    // A byte in a microsecond is a megabyte in a second.
    let micros = (cpu() - before).max(1) as f64;
    println!(
        "  {:?}: {:.2} µs an event, {:.0} MB/s of parts and {:.0} MB/s of records per core",
        report.verdict(),
        micros / report.events as f64,
        report.part_bytes as f64 / micros,
        (report.events * RECORD.len() as u64) as f64 / micros
    );
}

fn main() {
    let mut arguments = std::env::args().skip(1).filter_map(|text| text.parse::<u64>().ok());
    let (events, of_group) = (arguments.next().unwrap_or(1_000_000), arguments.next().unwrap_or(500));
    let table = Table::of(LedgerName::Events);
    // Entries are made first, so that only the ledger is measured.
    let made = made(20_000.min(events));
    let distinct = made.len() as u64;
    let directory = tempfile::tempdir().unwrap();
    Store::init(directory.path(), "acme.example/agents").unwrap();
    let store = Store::open(directory.path(), Options { reserve_bytes: 0, ..Options::default() }).unwrap();
    let (appender, before, started) = (store.events().appender(), cpu_by_thread(), Instant::now());
    let mut pending = std::collections::VecDeque::new();
    for first in (0..events).step_by(of_group as usize) {
        let mut group = Group::new(table);
        for number in first..(first + of_group).min(events) {
            group.push(&made[(number % distinct) as usize]).unwrap();
        }
        loop {
            match appender.try_append(group) {
                Ok(receipt) => break pending.push_back(receipt),
                Err(Rejected { group: back, error: AppendError::Full { .. } }) => group = back,
                Err(rejected) => panic!("{}", rejected.error),
            }
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        while pending.len() > 8 {
            pending.pop_front().unwrap().wait().unwrap();
        }
    }
    for receipt in pending {
        receipt.wait().unwrap();
    }
    let (elapsed, acknowledged) = (started.elapsed(), cpu_by_thread());
    while store.events().status().unsealed_files > 0 {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let sealed = cpu_by_thread();
    let per_event = |now: &BTreeMap<String, u64>, name: &str| {
        let used = now.get(name).copied().unwrap_or(0) - before.get(name).copied().unwrap_or(0);
        used as f64 / events as f64
    };
    println!(
        "{events} events in groups of {of_group}: {:.0} events/s until acknowledged",
        events as f64 / elapsed.as_secs_f64()
    );
    for name in sealed.keys() {
        println!(
            "  {name:16} {:6.2} µs an event when acknowledged, {:6.2} when sealed",
            per_event(&acknowledged, name),
            per_event(&sealed, name)
        );
    }
    let total: f64 = sealed.keys().map(|name| per_event(&sealed, name)).sum();
    println!("  all              {total:6.2} µs an event");
    let status = fs::read_to_string("/proc/self/status").unwrap();
    for line in status.lines().filter(|line| line.starts_with("VmHWM") || line.starts_with("RssAnon")) {
        println!("  {line}");
    }
    let segments: u64 = fs::read_dir(directory.path().join("events/0/segment"))
        .unwrap()
        .flatten()
        .map(|file| file.metadata().unwrap().len())
        .sum();
    let rows = store.events().reader().snapshot().unwrap().segments.last().map_or(0, |segment| segment.end_seq);
    println!("  {:.1} bytes an event in {rows} sealed events", segments as f64 / rows.max(1) as f64);
    store.stop();
    verify(directory.path());
}
