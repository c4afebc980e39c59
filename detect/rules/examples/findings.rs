//! Writes down everything that the detectors find in fixed events, one JSON line for each revision of an alert: compare the
//! files of two versions to see whether a change of code changed a finding.
//!
//! `cargo run -p detect-rules --example findings -- FILE`

// It is run by hand and stops at the first surprise.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "history/fleet.rs"]
mod fleet;
#[path = "history/incidents.rs"]
mod incidents;
#[path = "../src/numbers.rs"]
mod numbers;
#[path = "findings/odd.rs"]
mod odd;
#[path = "../benches/core/shipped.rs"]
mod shipped;
#[path = "../benches/core/fleet.rs"]
mod workday;

use std::fs::File;
use std::io::{BufWriter, Write as _};

use detect_core::engine::Engine;
use detect_core::findings::Findings;
use detect_core::key::Key;
use detect_rules::registry::DETECTORS;
use detect_rules::rule_set::RuleSet;
use ledger::{Entry, LedgerName, Rows, Seq, Timestamp};

/// 2026-10-05T00:00:00Z, a Monday: the start of the month.
const START: i64 = 1_791_158_400;
/// Seconds between two rounds of the month.
pub const TICK: i64 = 25;

fn main() {
    let path = std::env::args().nth(1).expect("the file to write");
    let mut out = BufWriter::new(File::create(path).expect("a file that can be written"));
    let all = RuleSet::with_user(shipped::rules());
    for spec in DETECTORS {
        for example in spec.examples {
            let rows = odd::rows(example.events);
            run(&format!("{}: {}", spec.name, example.name), &RuleSet::default(), &[rows], example.until, &mut out);
        }
    }
    run("a workday of a thousand agents", &all, &workday::blocks(65_536), 3_600, &mut out);
    for seed in 0..8 {
        run(&format!("odd events {seed}"), &odd::eager(), &[odd::events(seed, 4_000)], 3_600, &mut out);
    }
    run("a month of fifty agents", &all, &month(), 3_600, &mut out);
    out.flush().expect("space");
}

/// Feeds blocks with every second in between and `until` seconds after the last, and writes what is found.
fn run(name: &str, rules: &RuleSet, blocks: &[Rows], until: i64, out: &mut impl std::io::Write) {
    let mut engine = rules.engine(Key::new(&[7; 32]), Timestamp::EPOCH);
    let (mut findings, mut events, mut alerts) = (Findings::new(), 0, 0);
    let mut write = |findings: &mut Findings| {
        for alert in findings.take() {
            alerts += 1;
            writeln!(out, "{name}\t{}", serde_json::to_string(&alert).expect("JSON")).expect("space");
        }
    };
    let mut last = 0;
    for row in blocks.iter().flat_map(Rows::iter) {
        last = row.recorded.unix_seconds();
        engine.pass(last, row.batch, &mut findings, &mut write);
        engine.observe(&row, &mut findings);
        write(&mut findings);
        events += 1;
        if events % 50_000 == 0 {
            // States are read back the same.
            engine = Engine::restore(
                &engine.snapshot().expect("a snapshot"),
                rules.build(Key::new(&[7; 32])),
                Key::new(&[7; 32]),
            )
            .expect("the same");
        }
    }
    engine.pass(last + until, u64::MAX / 2, &mut findings, &mut write);
    if events > 1_000 {
        println!("{name}: {events} events, {alerts} revisions of alerts");
    }
}

/// A month of fifty agents with what goes wrong in it.
fn month() -> Vec<Rows> {
    let (mut fleet, mut blocks, mut seq) = (fleet::Fleet::new(50, 1), Vec::new(), 0);
    for (number, second) in (START..START + 30 * 86_400).step_by(TICK as usize).enumerate() {
        let mut rows = Rows::new(LedgerName::Events, 0, Seq::new(seq));
        let mut take = |entry: &mut Entry| {
            rows.push_entry(number as u64 * 3, Timestamp::from_unix_seconds(second), entry);
            seq += 1;
        };
        fleet.tick(second, &mut take);
        incidents::tick(&mut fleet, second - START, &mut take);
        blocks.push(rows);
    }
    blocks
}
