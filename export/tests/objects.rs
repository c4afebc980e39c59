//! Objects under torture: real stores, connections that are cut, and a forwarder that is killed at random moments, right after it recorded what it was
//! about to do. What the stores hold is compared with what was recorded and with the receipts: every record once, every receipt with its object, no object without one.
//!
//! The stores are folders, moto and VersityGW (S3) and Azurite (Azure Blob), which `make validators` fetches.
//!
//! Short by default; `TACHOGRAPH_TORTURE=1` makes it long. Every run prints its seed, and `TACHOGRAPH_SEED` repeats one.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test stops at the first surprise")]

#[path = "support/asked.rs"]
mod asked;
#[path = "objects/check.rs"]
mod check;
#[path = "support/dice.rs"]
mod dice;
#[path = "objects/faults.rs"]
mod faults;
#[path = "objects/forwarder.rs"]
mod forwarder;
#[path = "support/process.rs"]
mod process;
#[path = "objects/stores.rs"]
mod stores;

use std::io::{BufRead as _, BufReader};
use std::path::Path;

use dice::Dice;
use faults::Faults;
use process::{SEED, start, variable};
use serde_json::Value;
use stores::Stores;

#[test]
#[ignore = "a process of the harness"]
fn forwarder_process() {
    if let Some(role) = process::role() {
        forwarder::run(&role.folder, role.seed, role.records);
    }
}

#[test]
fn every_record_is_in_one_object_and_every_object_has_its_receipt() {
    let long = variable("TACHOGRAPH_TORTURE") == Some(1);
    let seed = variable(SEED).unwrap_or_else(|| getrandom::u64().unwrap() >> 32);
    println!("seed {seed}: repeat with {SEED}={seed}");
    let (events, kills) = if long { (8_000, 200) } else { (900, 16) };
    let folder = tempfile::tempdir().unwrap();
    ledger::Store::init(&folder.path().join("data"), "acme.example/agents").unwrap();
    let stores = Stores::start(folder.path());
    let faults = Faults::default();
    let sinks = stores.sinks(&faults, seed);
    std::fs::write(folder.path().join("sinks"), sinks.to_string()).unwrap();
    let mut dice = Dice::new(seed);
    let mut killed = 0;
    for _ in 0..kills {
        let mut child = start("forwarder_process", folder.path(), seed, events);
        let steps = dice.below(8) as usize;
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let seen = lines.filter(|line| line == "step").take(steps).count();
        child.kill().unwrap();
        child.wait().unwrap();
        if seen < steps {
            break;
        }
        killed += 1;
    }
    let last = start("forwarder_process", folder.path(), seed, events).wait_with_output().unwrap();
    assert!(last.status.success(), "seed {seed}: {}", String::from_utf8_lossy(&last.stdout));
    stores.copy_to(&folder.path().join("copies"));
    for counts in check::check(folder.path(), &sinks, events, seed) {
        println!("seed {seed}: {killed} kills, {} faults: {counts}", faults.count());
    }
    every_store_gives_back_what_it_has(folder.path(), &sinks, seed);
}

/// Each store is asked itself, without the faults before it, by what `receipts compare` asks.
fn every_store_gives_back_what_it_has(folder: &Path, sinks: &Value, seed: u64) {
    let store = ledger::Store::open(&folder.join("data"), ledger::Options::default()).unwrap();
    for sink in sinks.as_array().unwrap() {
        let found = asked::asked(&store, sink).unwrap();
        let name = sink["name"].as_str().unwrap();
        assert!(found.is_whole() && found.expected > 0 && found.foreign.total == 0, "seed {seed}: {name}: {found:?}");
        assert_eq!(found.equal, found.expected, "seed {seed}: {name}");
        println!("seed {seed}: {name} gave back {} records", found.equal);
    }
    store.stop();
}
