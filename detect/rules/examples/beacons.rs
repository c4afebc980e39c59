//! How well `egress.beacon` finds callbacks by period, jitter and what the agent does besides, and how often it takes what programs
//! poll and people read for a beacon. All numbers come from seeds. Run it with
//! `cargo run --release -p detect-rules --example beacons -- [RUNS [beacons|several|rotation|benign]]`.

// It is run by hand and stops at the first surprise.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "beacons/benign.rs"]
mod benign;
#[path = "beacons/draw.rs"]
mod draw;
#[path = "../src/numbers.rs"]
mod numbers;

use std::collections::BTreeSet;

use detect_core::findings::Findings;
use detect_core::key::Key;
use detect_rules::registry::{DETECTORS, Rules};
use detect_rules::rule_set::RuleSet;
use draw::Asked;
use ledger::events::column;
use ledger::{Entry, LedgerName, Rows, Seq, Timestamp};
use numbers::Numbers;
use operations::alert::{Alert, Severity};

/// 2026-10-05T08:00:00Z, a Monday.
const START: i64 = 1_791_187_200;
/// Callbacks of one run: with fewer it is not found.
const CALLBACKS: usize = 40;
/// The agent that is watched, and its beacon's place.
const AGENT: &str = "w0";
const MASTER: &str = "sync-cache.example";

fn main() {
    let runs = std::env::args().nth(1).map_or(100, |runs| runs.parse().expect("a number of runs"));
    let part = std::env::args().nth(2);
    let is_asked = |name: &str| part.as_deref().is_none_or(|part| part == name);
    if is_asked("beacons") {
        beacons(runs);
    }
    if is_asked("several") {
        several(runs.min(40));
    }
    if is_asked("rotation") {
        rotation(runs.min(40));
    }
    if is_asked("benign") {
        benign_pairs(runs * 5);
    }
}

/// Recall by number of callbacks.
fn beacons(runs: u64) {
    println!("callbacks until the alert        domains   within  within  within  median  false");
    println!("jitter              period   read an hour      16      20      30           pairs");
    for (shape, interval) in draw::SHAPES {
        for period in [60.0, 300.0, 3_600.0] {
            for browsing in [0.0, 30.0, 300.0] {
                let runs = if browsing > 100.0 { runs.min(20) } else { runs };
                let (mut after, mut wrong) = (Vec::new(), 0);
                for seed in 0..runs {
                    let mut numbers = Numbers(seed << 24 | period as u64);
                    let mut events = Vec::new();
                    let mut time = 600.0 * draw::fraction(&mut numbers);
                    for _ in 0..CALLBACKS {
                        events.push(Asked::new(time, AGENT, MASTER, "/"));
                        time += interval(&mut numbers, period);
                    }
                    if browsing > 0.0 {
                        draw::browse(&mut numbers, AGENT, time, browsing, &mut events);
                    }
                    let found = found(events);
                    let callbacks = found.iter().filter(|found| found.domain == MASTER).map(|found| found.requests);
                    after.push(callbacks.min().unwrap_or(usize::MAX));
                    wrong += found.iter().filter(|found| found.domain != MASTER).count();
                }
                after.sort_unstable();
                let within = |count| after.iter().filter(|after| **after <= count).count() as f64 / runs as f64;
                let median = after.get(after.len() / 2).filter(|after| **after <= CALLBACKS);
                println!(
                    "{shape:18} {period:5} s  {browsing:13}  {:6.2}  {:6.2}  {:6.2}  {:>6}  {wrong:5}",
                    within(16),
                    within(20),
                    within(30),
                    median.map_or("never".to_owned(), ToString::to_string),
                );
            }
        }
    }
}

/// Several agents of a fleet that call one place.
fn several(runs: u64) {
    println!("\nagents of 50 with one rhythm   found   as high and as one");
    for agents in [2, 3, 5, 10] {
        let (mut any, mut high) = (0, 0);
        for seed in 0..runs {
            let mut numbers = Numbers(seed << 20 | agents);
            let mut events = Vec::new();
            for agent in 0..agents {
                let mut time = 3_600.0 * draw::fraction(&mut numbers);
                for _ in 0..CALLBACKS {
                    events.push(Asked::new(time, &format!("w{agent}"), MASTER, "/"));
                    time += draw::either_way(&mut numbers, 120.0, 0.3);
                }
            }
            let found = found(events);
            any += u64::from(!found.is_empty());
            high += u64::from(found.iter().any(|found| found.severity >= Severity::High));
        }
        println!("{agents:30} {:7.2} {:20.2}", any as f64 / runs as f64, high as f64 / runs as f64);
    }
}

/// One rare domain after another.
fn rotation(runs: u64) {
    println!("\nrotation over domains   period   within 30   within 80");
    for domains in [10, 1_000] {
        for period in [60.0, 600.0, 3_600.0] {
            let mut after = Vec::new();
            for seed in 0..runs {
                let mut numbers = Numbers(seed << 20 | domains);
                let (mut events, mut time) = (Vec::new(), 0.0);
                for _ in 0..80 {
                    let domain = format!("c{}.example", numbers.below(domains));
                    events.push(Asked::new(time, AGENT, &domain, "/"));
                    time += draw::either_way(&mut numbers, period, 0.3);
                }
                after.extend(found(events).first().map(|found| found.all));
            }
            let within = |count| after.iter().filter(|after| **after <= count).count() as f64 / runs as f64;
            println!("{domains:21} {period:6} s {:11.2} {:11.2}", within(30), within(80));
        }
    }
}

/// Pairs of agent and domain that nobody has to look at.
fn benign_pairs(runs: u64) {
    println!("\nwhat is no beacon                                  pairs  any alert  above low");
    let (mut pairs, mut any_in_all, mut above_in_all) = (0, 0, 0);
    for (name, make) in benign::KINDS {
        let (mut any, mut above) = (0, 0);
        for seed in 0..runs {
            let mut numbers = Numbers(seed << 24 | 0xbe);
            let found = found(make(&mut numbers));
            any += u64::from(!found.is_empty());
            above += u64::from(found.iter().any(|found| found.severity > Severity::Low));
        }
        println!("{name:48} {runs:7} {:9.2} % {:8.2} %", percent(any, runs), percent(above, runs));
        (pairs, any_in_all, above_in_all) = (pairs + runs, any_in_all + any, above_in_all + above);
    }
    println!("{:48} {pairs:7} {:9.2} % {:8.2} %", "all", percent(any_in_all, pairs), percent(above_in_all, pairs));
}

fn percent(part: u64, all: u64) -> f64 {
    100.0 * part as f64 / all as f64
}

/// An alert that was opened.
struct Found {
    domain: String,
    severity: Severity,
    /// How many requests for its domain, and how many in all, had been made.
    requests: usize,
    all: usize,
}

/// What is found in these requests amid a fleet that asks for other things.
fn found(mut events: Vec<Asked>) -> Vec<Found> {
    for agent in 0..50 {
        events.push(Asked::new(0.0, &format!("w{agent}"), "packages.acme.example", "/"));
    }
    events.sort_by(|one, other| one.time.total_cmp(&other.time));
    let mut engine = RuleSet::from(only_beacons()).engine(Key::new(&[7; 32]), Timestamp::EPOCH);
    let mut findings = Findings::new();
    let (mut found, mut known) = (Vec::new(), BTreeSet::new());
    for (at, asked) in events.iter().enumerate() {
        let mut rows = Rows::new(LedgerName::Events, 0, Seq::new(at as u64));
        rows.push_entry(at as u64, Timestamp::from_unix_seconds(START + asked.time as i64), &entry(asked));
        let row = rows.get(0).expect("one row");
        engine.observe(&row, &mut findings);
        for alert in findings.take().into_iter().filter(|alert| known.insert(alert.id.clone())) {
            found.push(opened(alert, &events, at));
        }
    }
    found
}

fn only_beacons() -> Rules {
    let others = DETECTORS.iter().map(|spec| spec.name).filter(|name| *name != "egress.beacon");
    let off = others.map(|name| (name.to_owned(), serde_json::json!({"enabled": false})));
    serde_json::from_value(off.collect()).expect("rules")
}

fn opened(alert: Alert, events: &[Asked], at: usize) -> Found {
    let domain = alert.what.domain.unwrap_or_default();
    let before = events.iter().take(at + 1);
    let requests = before.filter(|asked| asked.domain == domain).count();
    Found { severity: alert.severity, requests, all: at + 1 - 50, domain }
}

fn entry(asked: &Asked) -> Entry {
    let mut entry = Entry::new();
    for (column, text) in [
        (column::KIND, if asked.domain.is_empty() { "command" } else { "egress.http" }),
        (column::WORKSPACE, asked.agent.as_str()),
        (column::USER, "ada@acme.example"),
        (column::OUTCOME, "allow"),
    ] {
        entry.set_text(column, text);
    }
    if asked.domain.is_empty() {
        entry.set_text(column::COMMAND, "cargo test");
        return entry;
    }
    entry.set_text(column::METHOD, asked.method);
    entry.set_text(column::DOMAIN, &asked.domain);
    entry.set_text(column::HOST, &format!("{}{}", asked.below, asked.domain));
    entry.set_text(column::PATH, &asked.path);
    entry
}
