//! Every period is found, noise or not; healthy work is left alone; money and missing results change the stages.

#[path = "injected.rs"]
mod injected;

use detect_core::pack::Pack;
use detect_core::shared::Shared;
use ledger::Seq;
use operations::alert::{Severity, State};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::fixtures;
use injected::{Numbers, Step};

fn events(steps: &[Step]) -> Vec<Value> {
    let event = |(at, (action, result)): (usize, &Step)| {
        json!({"second": at, "kind": "command", "tool": "Bash", "session": "s", "action_fp": *action as i64,
            "result_fp": *result as i64})
    };
    steps.iter().enumerate().map(event).collect()
}

/// The alerts of a trace, each with the number of steps before it.
fn observe(events: &[Value]) -> Vec<(usize, operations::alert::Alert)> {
    let mut detector = Repeat::new(&Parameters::default(), fixtures::key());
    let (mut shared, mut found) = (Shared::new(fixtures::key()), Vec::new());
    for (at, row) in fixtures::rows(events).iter().enumerate() {
        let mut findings = Findings::new();
        detector.observe(&shared.event(&row, false, &mut findings), &mut findings);
        found.extend(findings.take().into_iter().map(|alert| (at, alert)));
    }
    found
}

#[test]
fn a_loop_of_any_period_is_found_as_its_third_round_ends() {
    for period in 1..=16 {
        let trace = injected::looping(&mut Numbers(period as u64), period, 0, 10);
        let found = observe(&events(&trace.steps));
        let (at, first) = &found[0];
        assert_eq!(first.state, State::Open, "period {period}");
        assert!((trace.rounds[1]..=trace.rounds[2]).contains(at), "period {period}: {at} of {:?}", trace.rounds);
        let (_, last) = found.last().unwrap();
        assert_eq!(last.severity, Severity::Critical, "period {period}");
        assert!(last.evidence.len() >= 8.min(period * 2) && last.evidence.is_sorted(), "period {period}");
    }
}

#[test]
fn noise_hides_few_loops_and_healthy_work_gives_few_alerts() {
    let (mut found, mut all, mut wrong) = (0, 0, 0);
    for seed in 0..20 {
        for period in 1..=16 {
            let trace = injected::looping(&mut Numbers(seed * 100 + period as u64), period, 20, 8);
            found += usize::from(!observe(&events(&trace.steps)).is_empty());
            all += 1;
        }
        let alerts = observe(&events(&injected::healthy(&mut Numbers(seed), 300)));
        // By chance the same look comes three times with the same result: that is worth a notice and no more.
        assert!(alerts.iter().all(|(_, alert)| alert.severity == Severity::Low), "seed {seed}: {alerts:?}");
        wrong += usize::from(!alerts.is_empty());
    }
    assert!(found * 100 >= all * 95, "{found} of {all}");
    assert!(wrong <= 4, "{wrong} of 20");
}

#[test]
fn calls_without_results_take_longer_and_are_critical_by_money_only() {
    let call = |at: i64, cost: i64| json!({"second": at, "kind": "tool.call", "tool": "Bash", "session": "s", "action_fp": 7, "cost_micros": cost});
    let cheap: Vec<Value> = (0..40).map(|at| call(at, 0)).collect();
    let severities: Vec<Severity> = observe(&cheap).iter().map(|(_, alert)| alert.severity).collect();
    assert_eq!(severities[..2], [Severity::Low, Severity::Medium]);
    assert!(!severities.contains(&Severity::Critical));
    let dear: Vec<Value> = (0..8).map(|at| call(at, 3_000_000)).collect();
    assert_eq!(observe(&dear)[0].1.severity, Severity::Critical);
    // What a gateway tells of the same calls counts in place of what the agent says of them.
    let by_both = |at: i64| {
        let gateway =
            json!({"second": at, "kind": "model.call", "family": "gateway", "session": "s", "cost_micros": 1_000_000});
        [gateway, call(at, 1_000_000)]
    };
    let twice: Vec<Value> = (0..8).flat_map(by_both).collect();
    let mut worst = observe(&twice).into_iter().map(|(_, alert)| alert.severity);
    assert!(worst.all(|severity| severity < Severity::Critical), "eight dollars, not sixteen");
}

#[test]
fn one_call_told_by_two_sources_is_one_step() {
    let call = |at: i64, id: i64, source: &str| {
        json!({"second": at, "kind": "tool.call", "tool": "Bash", "session": "s", "action_fp": 7, "source": source,
            "tool_call": format!("call-{id}")})
    };
    let twice: Vec<Value> =
        (0..4).flat_map(|id| [call(id, id, "claude_code"), call(id, id, "coder.gateway")]).collect();
    assert!(observe(&twice).is_empty(), "four calls are fewer than a notice takes without results");
}

#[test]
fn a_flood_of_sessions_takes_no_slow_loop_of_another_tenant() {
    let mut detector = Repeat::new(&Parameters::default(), fixtures::key());
    let mut found = Vec::new();
    for round in 0..3 {
        let slow = json!({"second": round, "kind": "command", "tool": "Bash", "session": "slow", "user": "alice",
            "action_fp": 1, "result_fp": 2});
        // More than the table holds, each time: one session per event.
        let flood = json!({"second": round, "repeat": AGENTS_MAX + 1_000, "kind": "command", "tool": "Bash",
            "session": format!("r{round}-{{n}}"), "user": "mallory", "action_fp": 1, "result_fp": 2});
        for row in fixtures::rows(&[slow, flood]).iter() {
            let mut findings = Findings::new();
            detector.observe(&EventRow::new(&row, false, fixtures::key()), &mut findings);
            found.append(&mut findings.take());
        }
    }
    let who: Vec<_> = found.iter().map(|alert| alert.who.user.as_deref()).collect();
    assert_eq!(who, [Some("alice")]);
}

/// A file that is written, with a number for the change.
fn edit(change: i64) -> Value {
    json!({"kind": "file.write", "tool": "Edit", "action_fp": 1_000 + change, "result_fp": 3, "outcome": "success"})
}

/// A command line, with a number for its result.
fn run(line: &str, result: i64, outcome: &str) -> Value {
    let action = fixtures::key().hash(&[line]) as i64;
    json!({"kind": "command", "tool": "Bash", "command": line, "action_fp": action, "result_fp": result, "outcome": outcome})
}

/// What the steps of twelve rounds are worth at worst.
fn check(what: &str, round: impl Fn(i64) -> Vec<Value>, worst: Option<Severity>) {
    let mut events: Vec<Value> = (0..12).flat_map(round).collect();
    for (second, event) in events.iter_mut().enumerate() {
        event["second"] = json!(second * 5);
        event["session"] = json!("s");
    }
    let found = observe(&events).into_iter().map(|(_, alert)| alert.severity).max();
    assert_eq!(found, worst, "{what}");
}

#[test]
fn progress_outweighs_repetition_and_the_same_work_again_is_none() {
    let passes = || run("cargo check", 1, "success");
    let fails = || run("cargo check", 2, "error");
    check("another file each time, and the check passes", |n| vec![edit(n), passes()], None);
    check("another file each time, and the check still fails", |n| vec![edit(n), fails()], None);
    check(
        "a file is moved, its imports mended",
        |n| vec![run(&format!("git mv src/m{n}.rs src/shop/m{n}.rs"), 1, "success"), edit(n), passes()],
        None,
    );
    check(
        "a file is moved with its imports by one command",
        |n| vec![run(&format!("mv m{n}.rs shop/ && sed -i s/m{n}/shop::m{n}/ lib.rs"), 1, "success"), passes()],
        None,
    );
    check(
        "another file is read each time",
        |n| {
            vec![
                json!({"kind": "file.read", "tool": "Read", "action_fp": n, "result_fp": n, "outcome": "success"}),
                passes(),
            ]
        },
        None,
    );
    check("fewer tests fail each time", |n| vec![run("make test", 100 - n, "error")], None);
    check("a build that advances", |n| vec![run("sleep 30; gh run view 7", n, "success")], None);

    check("the same check without a change", |_| vec![fails()], Some(Severity::Critical));
    check("the same change and the same check", |_| vec![edit(1), fails()], Some(Severity::Critical));
    check("done and undone", |_| vec![edit(1), edit(2)], Some(Severity::Critical));
    check("done, checked, undone, checked", |_| vec![edit(1), fails(), edit(2), fails()], Some(Severity::Critical));
    check(
        "an edit that fails is no change",
        |_| {
            let mut failed = edit(1);
            failed["outcome"] = json!("error");
            vec![failed, fails()]
        },
        Some(Severity::Critical),
    );
    check(
        "two looks in turn",
        |_| vec![run("ls", 1, "success"), run("git status", 1, "success")],
        Some(Severity::Critical),
    );
    check(
        "a build that shows no sign of life",
        |_| vec![run("sleep 30; gh run view 7", 1, "success")],
        Some(Severity::Low),
    );
}

#[test]
fn sub_agents_of_a_session_act_each_for_itself() {
    let step = |second: usize, agent: String| json!({"second": second, "kind": "command", "tool": "Bash", "session": "s", "agent": agent, "action_fp": 7, "result_fp": 7});
    let each_once: Vec<Value> = (0..12).map(|number| step(number, format!("sub-{number}"))).collect();
    assert!(observe(&each_once).is_empty(), "twelve that look once");
    // One goes in circles while another one works.
    let both = |second: usize| {
        let mut works = step(second, "sub-2".to_owned());
        works["action_fp"] = json!(100 + second);
        works["kind"] = json!("file.write");
        [step(second, "sub-1".to_owned()), works]
    };
    let mixed: Vec<Value> = (0..12).flat_map(both).collect();
    let found = observe(&mixed);
    assert!(found.iter().all(|(_, alert)| alert.who.agent.as_deref() == Some("sub-1")), "{found:?}");
    assert_eq!(found.last().unwrap().1.severity, Severity::Critical);
}

proptest! {
    #[test]
    fn any_steps_keep_the_state_bounded_and_a_stored_one_goes_on_the_same(
        steps in proptest::collection::vec((0u64..40, 0u64..3, any::<bool>()), 0..400), cut in 0usize..400,
    ) {
        let (mut finder, mut loaded) = (CycleFinder::default(), None::<CycleFinder>);
        for (at, (action, result, moves)) in steps.into_iter().enumerate() {
            if at == cut {
                let mut bytes = Vec::new();
                finder.pack(&mut bytes);
                prop_assert!(bytes.len() < 1_024, "{} bytes", bytes.len());
                loaded = Some(CycleFinder::unpack(&mut bytes.as_slice()).unwrap());
            }
            let hash = action * 10 + result;
            let step = step::Step { action, result, hash, has_result: true, moves, fails: false };
            let position = ledger::Position { ledger: ledger::LedgerName::Events, shard: 0, seq: Seq::new(at as u64) };
            let time = ledger::Timestamp::from_unix_seconds(at as i64);
            let sighting = detect_core::event::Sighting { position, time, recorded: time, backfill: false, sender: 0 };
            let turn = finder.take(step, sighting, Money::ZERO);
            let evidence = finder.evidence(Seq::new(at as u64));
            prop_assert!(evidence.len() <= 31 && evidence.iter().all(|seq| *seq < Seq::new(at as u64)) && evidence.is_sorted());
            if let Some(loaded) = &mut loaded {
                prop_assert_eq!(loaded.take(step, sighting, Money::ZERO), turn);
                prop_assert_eq!(loaded.evidence(Seq::new(at as u64)), evidence);
                prop_assert_eq!(loaded.began().map(|began| began.time), finder.began().map(|began| began.time));
            }
        }
    }
}
