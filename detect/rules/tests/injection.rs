//! How much of hijacked sessions `injection.followed` finds, and what it tells of benign ones that look alike, over many seeds. The
//! columns are worked out by the same analysis as in intake, under hashes of the test's own.

// Tests stop at the first surprise; a typed error would only hide where it happened.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "injection/sessions.rs"]
mod sessions;

use std::collections::BTreeMap;

use detect_core::sample;
use detect_rules::rule_set::RuleSet;
use effects::text::{self, Name};
use ledger::Timestamp;
use operations::alert::Severity;
use serde_json::{Value, json};
use sessions::{Label, Session, Step, benign, hijacked};

const SEEDS: u64 = 1_500;

fn hashed(begins: &str, names: &[Name]) -> Vec<String> {
    let hash = |name: &Name| {
        let bytes = name.kind.word().bytes().chain([0]).chain(name.text.bytes());
        bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
            >> 16
    };
    names.iter().map(|name| format!("{begins}{}:{:012x}", name.kind.word(), hash(name))).collect()
}

fn kind(tool: &str) -> &'static str {
    match tool {
        "Bash" => "command",
        "Read" | "read_file" => "file.read",
        "Edit" | "Write" => "file.write",
        _ => "tool.result",
    }
}

/// The events of a session, as intake would write them.
fn events(session: &Session) -> Vec<Value> {
    let mut call = 0;
    let event = |(at, step): (usize, &Step)| {
        let mut event = match step {
            Step::Prompt(prompt) => {
                let asks: Vec<&str> = text::requests(prompt).into_iter().map(text::Request::word).collect();
                json!({"kind": "prompt", "text_signs": asks, "named": hashed("", &text::names(prompt))})
            }
            Step::Call(tool, input) | Step::Result(tool, input, _) => {
                let input_text = input.to_string();
                let mut named = hashed("", &text::names(&input_text));
                let mut signs = Vec::new();
                let is_result = matches!(step, Step::Result(..));
                if let Step::Result(tool, _, result) = step
                    && kind(tool) != "file.write"
                {
                    let heard = text::heard(result);
                    signs.extend(heard.signs.iter().map(text::Sign::word));
                    signs.extend(heard.requests.iter().map(|request| request.word()));
                    named.extend(hashed("told:", &heard.names));
                }
                call += usize::from(!is_result);
                let effects: Vec<&str> =
                    effects::call::effects(tool, &input_text).iter().map(|effect| effect.kind.word()).collect();
                let mut event = json!({"kind": if is_result { kind(tool) } else { "tool.call" }, "tool": tool, "tool_call": format!("c{call}"),
                    "text_signs": signs, "named": named, "effects": effects});
                if *tool == "Bash" {
                    event["command"] = input["command"].clone();
                }
                event
            }
        };
        (event["session"], event["second"]) = (json!("s"), json!(at * 7));
        event
    };
    session.steps.iter().enumerate().map(event).collect()
}

/// The worst that the rule tells of a session.
fn worst(session: &Session) -> Option<Severity> {
    let rows = sample::rows(&events(session)).unwrap();
    let mut engine = RuleSet::default().engine(sample::key(), Timestamp::EPOCH);
    let alerts = sample::run(&mut engine, &rows, 300).take();
    alerts.iter().filter(|alert| alert.rule == "injection.followed").map(|alert| alert.severity).max()
}

#[test]
fn hijacked_sessions_are_found_and_benign_ones_are_not() {
    let mut told: BTreeMap<(Label, &str), (u32, u32, u32)> = BTreeMap::new();
    let all = (0..SEEDS).flat_map(|seed| [hijacked(seed, true), hijacked(seed, false), benign(seed)]);
    for session in all {
        let severity = worst(&session);
        let (sessions, medium, high) = told.entry((session.label, session.what)).or_default();
        *sessions += 1;
        *medium += u32::from(severity >= Some(Severity::Medium));
        *high += u32::from(severity >= Some(Severity::High));
        if (session.label == Label::Followed) != (severity >= Some(Severity::Medium))
            && std::env::var_os("SHOW").is_some()
        {
            println!("{:?} {severity:?} {:#?}", session.label, session.steps);
        }
    }
    let mut sums: BTreeMap<Label, (u32, u32)> = BTreeMap::new();
    for ((label, what), (sessions, medium, high)) in &told {
        println!("{label:?} {what}: {sessions} sessions, {medium} told, {high} at high or worse");
        let sum = sums.entry(*label).or_default();
        *sum = (sum.0 + sessions, sum.1 + medium);
    }
    let share = |label: Label| f64::from(sums[&label].1) / f64::from(sums[&label].0);
    println!(
        "followed {:.3}, ignored {:.4}, benign {:.4}",
        share(Label::Followed),
        share(Label::Ignored),
        share(Label::Benign)
    );
    assert!(share(Label::Followed) >= 0.9);
    assert!(share(Label::Ignored) <= 0.01);
    assert!(share(Label::Benign) <= 0.01);
}
