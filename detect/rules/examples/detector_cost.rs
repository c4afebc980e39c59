//! What each detector costs per event, alone and together: CPU time of this thread, the mean of several runs. Run it with
//! `cargo run --release -p detect-rules --example detector_cost`, with `-- all` only together.

#[path = "../benches/core/feed.rs"]
mod feed;
#[path = "../benches/core/fleet.rs"]
mod fleet;
#[path = "../src/numbers.rs"]
mod numbers;

use std::time::Duration;

use detect_core::key::Key;
use detect_rules::registry::{DETECTORS, Rules};
use detect_rules::rule_set::RuleSet;
use ledger::Rows;
use ledger::Timestamp;

const EVENTS: usize = 131_072;
const RUNS: usize = 7;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let rows = fleet::blocks(2 * EVENTS);
    if std::env::args().nth(1).as_deref() == Some("all") {
        report(cost(&rows, &Rules::default()));
        return Ok(());
    }
    let none = cost(&rows, &only(None)?);
    let all = cost(&rows, &Rules::default());
    println!("{none:6.0} ns  reading an event, no detector");
    for spec in DETECTORS {
        println!("{:6.0} ns  {}", cost(&rows, &only(Some(spec.name))?) - none, spec.name);
    }
    report(all);
    Ok(())
}

fn report(all: f64) {
    println!("{all:6.0} ns  all of them, which is {:.2} million events each second and core", 1_000.0 / all);
}

/// The rules with one detector, or none.
fn only(name: Option<&str>) -> Result<Rules, serde_json::Error> {
    let rules = DETECTORS.iter().map(|spec| (spec.name, serde_json::json!({"enabled": Some(spec.name) == name})));
    serde_json::from_value(rules.collect())
}

/// Nanoseconds of CPU time for each event.
fn cost(rows: &[Rows], rules: &Rules) -> f64 {
    let rules = RuleSet::from(rules.clone());
    let run = || feed::feed(&mut rules.engine(Key::new(&[7; 32]), Timestamp::EPOCH), rows);
    let taken: Duration = (0..RUNS).map(|_| run()).sum();
    taken.as_nanos() as f64 / (RUNS * EVENTS) as f64
}
