//! What each detector costs per event, alone and together: CPU time of this thread, the mean of several runs. Run it with
//! `cargo run --release -p detect --example detector_cost`, with `-- all` only together.

#[path = "../benches/core/fleet.rs"]
mod fleet;

use detect::{DETECTORS, Engine, Key, Rules};
use ledger::Rows;

const EVENTS: usize = 131_072;
const RUNS: usize = 7;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let rows = fleet::block(EVENTS);
    if std::env::args().nth(1).as_deref() == Some("all") {
        report(cost(&rows, &Rules::default())?);
        return Ok(());
    }
    let none = cost(&rows, &only(None)?)?;
    let all = cost(&rows, &Rules::default())?;
    println!("{none:6.0} ns  reading an event, no detector");
    for spec in DETECTORS {
        println!("{:6.0} ns  {}", cost(&rows, &only(Some(spec.name))?)? - none, spec.name);
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
fn cost(rows: &Rows, rules: &Rules) -> Result<f64, Box<dyn std::error::Error>> {
    let mut nanos = 0;
    let rules = rules.clone().into();
    for _ in 0..RUNS {
        let mut engine = Engine::new(&rules, Key::new(&[7; 32]), 0);
        let before = cpu_nanos()?;
        fleet::feed(&mut engine, rows);
        nanos += cpu_nanos()? - before;
    }
    // The scheduler counts in steps of milliseconds, so that only a sum over all runs is fine enough.
    Ok(nanos as f64 / (RUNS * EVENTS) as f64)
}

/// CPU time of this thread so far, by the scheduler.
fn cpu_nanos() -> Result<u64, Box<dyn std::error::Error>> {
    let statistics = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    Ok(statistics.split_whitespace().next().ok_or("an odd schedstat")?.parse()?)
}
