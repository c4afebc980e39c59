//! Streams under torture: everything that a SIEM gets, through receivers that refuse, throttle, take and fail, take a part, take and forget,
//! through a network that closes, stalls and cuts in both directions, from a forwarder that is killed at any moment and comes back with another
//! configuration, and whose wall clock somebody sets wrong, before it starts and while it runs. What each receiver keeps is compared with what was recorded.
//!
//! Destinations that are promised effectively once end with nothing lost and nothing doubled; the others with nothing lost, and each repeat byte
//! for byte the same. A receiver that says yes and forgets loses what it forgot; then `receipts compare` names exactly that.
//!
//! Short by default; `TACHOGRAPH_TORTURE=1` makes it long. Every run prints its seed and the table; `TACHOGRAPH_SEED` repeats one.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test stops at the first surprise")]

#[path = "support/clock.rs"]
mod clock;
#[path = "support/dice.rs"]
mod dice;
#[path = "support/process.rs"]
mod process;
#[path = "support/requests.rs"]
mod requests;

#[path = "receivers/fake.rs"]
mod fake;

#[path = "streams/check.rs"]
mod check;
#[path = "streams/forwarder.rs"]
mod forwarder;
#[path = "streams/proxy.rs"]
mod proxy;
#[path = "streams/receiver.rs"]
mod receiver;
#[path = "streams/sinks.rs"]
mod sinks;

use clock::WallClock;
use dice::Dice;
use process::{command, start, variable};
use requests::{listen, wait_for_request};

#[test]
#[ignore = "a process of the harness"]
fn receiver_process() {
    if let Some(role) = process::role() {
        receiver::run(&role.folder, role.seed);
    }
}

#[test]
#[ignore = "a process of the harness"]
fn forwarder_process() {
    if let Some(role) = process::role() {
        forwarder::run(&role.folder, role.seed, role.records);
    }
}

#[test]
fn every_record_arrives_whatever_fails() {
    let long = variable("TACHOGRAPH_TORTURE") == Some(1);
    let seed = variable(process::SEED).unwrap_or_else(|| getrandom::u64().unwrap() >> 32);
    println!("seed {seed}: repeat with {}={seed}", process::SEED);
    let (records, kills) = if long { (100_000, 100) } else { (3_000, 8) };
    let records = variable("TACHOGRAPH_RECORDS").unwrap_or(records);
    let folder = tempfile::tempdir().unwrap();
    ledger::Store::init(&folder.path().join("data"), "acme.example/agents").unwrap();
    let mut receiver = start("receiver_process", folder.path(), seed, records);
    let lines = listen(receiver.stdout.take().unwrap());
    lines.iter().find(|line| line == "listening").unwrap();
    let (mut dice, clock) = (Dice::new(seed), WallClock::new(folder.path()));
    for life in 0..kills {
        sinks::configure(folder.path(), Some(&mut dice));
        clock.jump(&mut dice);
        let mut forwarder = command("forwarder_process", folder.path(), seed ^ life, records);
        let mut child = clock.rule(&mut forwarder).spawn().unwrap();
        let mut live = |requests: u64| (0..requests).all(|_| wait_for_request(&lines, &mut child));
        let (before, after) = (5 + dice.below(20), dice.below(20));
        let alive = live(before) && {
            clock.jump(&mut dice);
            live(after)
        };
        child.kill().unwrap();
        child.wait().unwrap();
        if !alive {
            break;
        }
    }
    sinks::configure(folder.path(), None);
    clock.correct();
    let mut last = command("forwarder_process", folder.path(), seed, records);
    let mut last = clock.rule(&mut last).spawn().unwrap();
    while wait_for_request(&lines, &mut last) {}
    let last = last.wait_with_output().unwrap();
    assert!(last.status.success(), "seed {seed}: {}", String::from_utf8_lossy(&last.stdout));
    receiver::say_what_was_kept(folder.path());
    receiver.kill().unwrap();
    receiver.wait().unwrap();
    check::check(folder.path(), seed);
}
