//! A flood of sessions that one tenant invents evicts nobody else's slow loop, and is an alert itself. The quick one runs with
//! all tests; `make torture` runs that of ten million and prints its counts.

// Tests stop at the first surprise; a typed error would only hide where it happened.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeSet;

use detect_core::findings::Findings;
use detect_core::key::Key;
use detect_rules::rule_set::RuleSet;
use ledger::events::column;
use ledger::{Entry, LedgerName, Rows, Seq, Timestamp};

/// 2025-11-21T00:00:00Z.
const START: i64 = 1_763_683_200_000_000;
/// Sessions of others, each of which goes in circles of three steps while the flood comes.
const LOOPS: u64 = 500;
/// Events of the flood in one second of recorded time.
const FLOOD_PER_SECOND: u64 = 20_000;

/// How the sender of a flood hides.
#[derive(Debug, Clone, Copy)]
enum Guise {
    /// It is one user of the token that everybody has.
    OneUser,
    /// It has a token of its own and invents a user for each event.
    ManyUsers,
}

/// What a flood left behind.
struct Counts {
    loops_found: usize,
    floods: BTreeSet<String>,
}

/// Feeds a flood of `sessions`. The steps of the loops are spread evenly over it: each goes round five times.
fn run(sessions: u64, guise: Guise) -> Counts {
    let mut engine = RuleSet::default().engine(Key::new(&[7; 32]), Timestamp::EPOCH);
    let (mut findings, mut found, mut floods) = (Findings::new(), BTreeSet::new(), BTreeSet::new());
    let steps = LOOPS * 15;
    let (mut seq, mut step, mut second) = (0, 0, START / 1_000_000);
    while seq < sessions + steps {
        let mut rows = Rows::new(LedgerName::Events, 0, Seq::new(seq));
        for _ in 0..FLOOD_PER_SECOND.min(sessions + steps - seq) {
            let loops = step < steps && seq >= step * (sessions + steps) / steps;
            let event = if loops {
                step += 1;
                event(&format!("loop-{}", step % LOOPS), &format!("user-{}", step % LOOPS % 50), step / LOOPS % 3, 1)
            } else {
                let mut event = event(&format!("flood-{seq}"), "mallory", seq, seq);
                if matches!(guise, Guise::ManyUsers) {
                    event.set_text(column::TOKEN, "mallory");
                    event.set_text(column::TRUST, "agent");
                    event.set_text(column::USER, &format!("user-{seq}"));
                }
                event
            };
            rows.push_entry(seq / 16_384, Timestamp::from_unix_seconds(second), &event);
            seq += 1;
        }
        for row in rows.iter() {
            engine.observe(&row, &mut findings);
        }
        second += 1;
        engine.advance(second, false, &mut findings);
        for alert in findings.take() {
            if alert.rule == "loop.repeat" {
                found.insert(alert.who.session);
            } else if alert.rule == "state.flood" {
                floods.insert(alert.title);
            }
        }
    }
    Counts { loops_found: found.len(), floods }
}

/// One step of a session.
fn event(session: &str, user: &str, action: u64, result: u64) -> Entry {
    let mut event = Entry::new();
    let texts = [
        (column::SOURCE, "claude_code"),
        (column::KIND, "command"),
        (column::STREAM, session),
        (column::USER, user),
        (column::SESSION, session),
        (column::TOOL, "Bash"),
    ];
    for (column, text) in texts {
        event.set_text(column, text);
    }
    event.set_integer(column::STREAM_SEQ, 1);
    let spread = |number: u64| (number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    event.set_fingerprint(column::ACTION_FP, spread(action));
    event.set_fingerprint(column::RESULT_FP, spread(result));
    event
}

fn check(sessions: u64, guise: Guise, told: &str) {
    let counts = run(sessions, guise);
    println!(
        "{sessions} sessions, {guise:?}: {} of {LOOPS} slow loops of others found; {:?}",
        counts.loops_found, counts.floods
    );
    assert_eq!(counts.loops_found as u64, LOOPS);
    assert_eq!(counts.floods, BTreeSet::from([format!("A flood of names from {told}")]));
}

#[test]
fn a_flood_of_two_hundred_thousand_sessions_hides_no_loop() {
    check(200_000, Guise::OneUser, "user mallory");
    check(200_000, Guise::ManyUsers, "token mallory");
}

#[test]
#[ignore = "takes minutes without optimisation; `make torture` runs it"]
fn a_flood_of_ten_million_sessions_hides_no_loop() {
    check(10_000_000, Guise::OneUser, "user mallory");
    #[cfg(target_os = "linux")]
    {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let peak = status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or_default();
        println!("the most memory that the process took: {}", peak.trim_start_matches("VmHWM:").trim());
    }
}
