//! Objects under torture: real stores, connections that are cut, and a forwarder that is killed at random moments, right after it recorded what it was
//! about to do. What the stores hold is compared with what was recorded and with the receipts: every record once, every receipt with its object, no object without one.
//!
//! The stores are folders, moto and VersityGW (S3) and Azurite (Azure Blob), which `make validators` fetches.
//!
//! Short by default; `TACHOGRAPH_TORTURE=1` makes it long. Every run prints its seed, and `TACHOGRAPH_SEED` repeats one.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test stops at the first surprise")]

#[path = "objects/check.rs"]
mod check;
#[path = "delivery/dice.rs"]
mod dice;
#[path = "objects/faults.rs"]
mod faults;
#[path = "objects/forwarder.rs"]
mod forwarder;
#[path = "objects/stores.rs"]
mod stores;

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use dice::Dice;
use faults::Faults;

use stores::Stores;

const FOLDER: &str = "TACHOGRAPH_HARNESS_FOLDER";
const SEED: &str = "TACHOGRAPH_SEED";
const EVENTS: &str = "TACHOGRAPH_HARNESS_EVENTS";

fn variable(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

fn start(folder: &Path, seed: u64, events: u64) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["forwarder_process", "--exact", "--ignored", "--nocapture", "--quiet"])
        .env(FOLDER, folder)
        .env(SEED, seed.to_string())
        .env(EVENTS, events.to_string())
        .env("NO_PROXY", "*")
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap()
}

#[test]
#[ignore = "a process of the harness"]
fn forwarder_process() {
    if let Ok(folder) = std::env::var(FOLDER) {
        forwarder::run(folder.as_ref(), variable(SEED).unwrap(), variable(EVENTS).unwrap());
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
        let mut child = start(folder.path(), seed, events);
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
    let last = start(folder.path(), seed, events).wait_with_output().unwrap();
    assert!(last.status.success(), "seed {seed}: {}", String::from_utf8_lossy(&last.stdout));
    stores.copy_to(&folder.path().join("copies"));
    for counts in check::check(folder.path(), &sinks, events, seed) {
        println!("seed {seed}: {killed} kills, {} faults: {counts}", faults.count());
    }
}
