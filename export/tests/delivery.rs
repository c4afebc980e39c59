//! Delivery under torture: receivers and the forwarder are processes of their own. The receivers refuse, ask to wait, commit
//! and fail, commit and cut the answer, commit and stall, accept and forget; the forwarder is killed at random, and
//! its wall clock is set wrong before it starts and while it runs. What a receiver committed is
//! compared with what was recorded: nothing lost, nothing doubled where the receiver takes an id or can be asked, and nothing
//! triggered after it was resolved.
//!
//! Short by default; `TACHOGRAPH_TORTURE=1` makes it long, and `TACHOGRAPH_ALERTS` says how many alerts there are instead. Every
//! run prints its seed, and `TACHOGRAPH_SEED` repeats one. `TACHOGRAPH_KEEP=1` keeps the folder with the ledger, the commits and
//! what was sent, and prints where it is.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test stops at the first surprise")]

#[path = "support/clock.rs"]
mod clock;
#[path = "support/dice.rs"]
mod dice;
#[path = "support/process.rs"]
mod process;
#[path = "support/requests.rs"]
mod requests;

#[path = "delivery/check.rs"]
mod check;
#[path = "delivery/forwarder.rs"]
mod forwarder;
#[path = "delivery/life.rs"]
mod life;
#[path = "delivery/receiver.rs"]
mod receiver;
#[path = "delivery/smtp.rs"]
mod smtp;

use clock::WallClock;
use dice::Dice;
use process::{SEED, command, start, variable};
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
fn nothing_is_lost_doubled_or_reopened() {
    let long = variable("TACHOGRAPH_TORTURE") == Some(1);
    let seed = variable(SEED).unwrap_or_else(|| getrandom::u64().unwrap() >> 32);
    println!("seed {seed}: repeat with {SEED}={seed}");
    let (alerts, kills) = if long { (3_000, 300) } else { (60, 10) };
    let alerts = variable("TACHOGRAPH_ALERTS").unwrap_or(alerts);
    let mut folder = tempfile::tempdir().unwrap();
    if variable("TACHOGRAPH_KEEP") == Some(1) {
        folder.disable_cleanup(true);
        println!("seed {seed}: kept in {}", folder.path().display());
    }
    ledger::Store::init(&folder.path().join("data"), "acme.example/agents").unwrap();
    let mut receiver = start("receiver_process", folder.path(), seed, alerts);
    let lines = listen(receiver.stdout.take().unwrap());
    let address = lines.iter().find_map(|line| Some(line.split_once("listening ")?.1.to_owned())).unwrap();
    std::fs::write(folder.path().join("address"), address).unwrap();
    let (mut dice, clock) = (Dice::new(seed), WallClock::new(folder.path()));
    for _ in 0..kills {
        clock.jump(&mut dice);
        let mut forwarder = command("forwarder_process", folder.path(), seed, alerts);
        let mut child = clock.rule(&mut forwarder).spawn().unwrap();
        let mut live = |requests: u64| (0..requests).all(|_| wait_for_request(&lines, &mut child));
        let half = if long { 30 } else { 13 };
        let (before, after) = (dice.below(half), dice.below(half));
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
    clock.correct();
    let mut last = command("forwarder_process", folder.path(), seed, alerts);
    let mut last = clock.rule(&mut last).spawn().unwrap();
    while wait_for_request(&lines, &mut last) {}
    let last = last.wait_with_output().unwrap();
    assert!(last.status.success(), "seed {seed}: {}", String::from_utf8_lossy(&last.stdout));
    receiver.kill().unwrap();
    receiver.wait().unwrap();
    let counts = check::check(folder.path(), seed, alerts);
    println!("seed {seed}: {counts}");
}
