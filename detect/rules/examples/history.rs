//! Writes a month of a fleet's history into a new data directory, through the real ledger, so that rules can be backtested
//! over it. The same seed gives the same events; only the keys of the ledger differ.
//!
//! `cargo run --release -p detect-rules --example history -- --data DIR [--days 30] [--agents 50] [--seed 1]`

// It is run by hand and stops at the first surprise.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "history/fleet.rs"]
mod fleet;
#[path = "history/incidents.rs"]
mod incidents;
#[path = "../src/numbers.rs"]
mod numbers;
#[path = "history/unsynced.rs"]
mod unsynced;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use fleet::Fleet;
use ledger::{Entry, Group, Options, Store, TimeSource, Timestamp};
use unsynced::Unsynced;

/// 2026-10-05T00:00:00Z, a Monday.
const START: i64 = 1_791_158_400;
/// Seconds between two commits: short enough that no gap looks like an outage.
pub const TICK: i64 = 25;

/// The time of the history.
#[derive(Debug)]
struct HistoryClock(AtomicI64);

impl TimeSource for HistoryClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_micros(self.0.load(Ordering::SeqCst))
    }
}

struct Arguments {
    data: PathBuf,
    days: i64,
    agents: usize,
    seed: u64,
}

fn arguments() -> Result<Arguments, String> {
    let mut arguments = Arguments { data: PathBuf::new(), days: 30, agents: 50, seed: 1 };
    let mut words = std::env::args().skip(1);
    while let Some(name) = words.next() {
        let value = words.next().ok_or_else(|| format!("{name} needs a value"))?;
        let number = || value.parse::<u32>().map_err(|error| format!("{name}: {error}"));
        match name.as_str() {
            "--data" => arguments.data = PathBuf::from(&value),
            "--days" => arguments.days = i64::from(number()?),
            "--agents" => arguments.agents = number()? as usize,
            "--seed" => arguments.seed = u64::from(number()?),
            _ => return Err(format!("{name} is unknown; there are --data, --days, --agents and --seed")),
        }
    }
    if arguments.data.as_os_str().is_empty() { Err("--data DIR is missing".to_owned()) } else { Ok(arguments) }
}

fn main() {
    let Arguments { data, days, agents, seed } = match arguments() {
        Ok(arguments) => arguments,
        Err(message) => {
            eprintln!("history: {message}");
            std::process::exit(2);
        }
    };
    Store::init(&data, "history.example/agents").expect("a new directory");
    let clock = Arc::new(HistoryClock(AtomicI64::new(START * 1_000_000)));
    let options = Options {
        clock: Arc::clone(&clock) as Arc<dyn TimeSource>,
        disk: Arc::new(Unsynced),
        // Real time hardly passes; batches are closed by what is appended.
        heartbeat: Duration::from_hours(1),
        reserve_bytes: 0,
        ..Options::default()
    };
    let store = Store::open(&data, options).expect("a store");
    let appender = store.events().appender();
    let mut fleet = Fleet::new(agents, seed);
    let mut events = 0;
    for second in (START..START + days * 86_400).step_by(TICK as usize) {
        let mut group = Group::new(&ledger::events::TABLE);
        let mut take = |entry: &mut Entry| {
            group.push(entry).expect("a small event");
            events += 1;
        };
        fleet.tick(second, &mut take);
        incidents::tick(&mut fleet, second - START, &mut take);
        clock.0.store(second * 1_000_000, Ordering::SeqCst);
        appender.try_append(group).expect("space").wait().expect("recorded");
    }
    store.stop();
    println!("{events} events of {agents} agents in {days} days, seed {seed}: {}", data.display());
}
