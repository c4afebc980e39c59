//! The fold over rows as they are recorded, and over its own snapshots.

use std::sync::Arc;
use std::time::Duration;

use ledger::events::column as c;
use ledger::{Entry, LedgerName, Rows, Seq, Timestamp};
use operations::triage::{Policy, TriageService};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::service::FleetService;
use super::snapshot::{SnapshotFile, decode, encode};
use super::*;
use crate::fixtures::{Ledgers, operation};
use crate::limits::FLEET_AGENTS_MAX;

const NOON: i64 = 1_795_262_400;

fn at(second: i64) -> Timestamp {
    Timestamp::from_unix_seconds(NOON + second)
}

/// An event in the words of columns, `second` seconds after noon.
fn entry(second: i64, columns: &Value) -> Entry {
    let mut entry = Entry::new();
    entry.set_time(c::OBSERVED, at(second));
    entry.set_text(c::SOURCE, "acme");
    for (name, value) in columns.as_object().unwrap() {
        let column = ledger::events::TABLE.by_name(name).unwrap_or_else(|| panic!("{name}"));
        entry.set_json(column, value).unwrap();
    }
    entry
}

fn rows(events: &[(i64, Value)]) -> Rows {
    rows_from(0, events)
}

fn rows_from(seq: u64, events: &[(i64, Value)]) -> Rows {
    let mut rows = Rows::new(LedgerName::Events, 0, Seq::new(seq));
    for (second, columns) in events {
        rows.push_entry(0, at(*second), &entry(*second, columns));
    }
    rows
}

/// A service over empty ledgers that was told these events.
fn told(events: &[(i64, Value)]) -> (Ledgers, FleetService) {
    let ledgers = Ledgers::new(1_000);
    let service = service(&ledgers);
    service.follow(Fleet::default(), Seq::FIRST);
    service.apply(&rows(events));
    (ledgers, service)
}

fn service(ledgers: &Ledgers) -> FleetService {
    let (events, operations) = (ledgers.store.events().reader(), ledgers.store.operations().reader());
    let triage = Arc::new(TriageService::new(operations.clone(), None, Policy::default()));
    FleetService::new(events, operations, triage)
}

/// What is told of each agent at a moment: the members that are expected of each, by id.
#[track_caller]
fn check(events: &[(i64, Value)], second: i64, expected: &Value) {
    let (_ledgers, service) = told(events);
    let everybody = service.everybody(at(second)).unwrap();
    let ids: Vec<&str> = everybody.iter().map(|row| row.id.as_str()).collect();
    for (id, members) in expected.as_object().unwrap() {
        let row = everybody.iter().find(|row| row.id == *id).unwrap_or_else(|| panic!("{id} is none of {ids:?}"));
        let row = serde_json::to_value(row).unwrap();
        for (name, value) in members.as_object().unwrap() {
            assert_eq!(row[name], *value, "{id} {name}");
        }
    }
    assert_eq!(ids.len(), expected.as_object().unwrap().len(), "{ids:?}");
}

#[test]
fn an_agent_is_found_by_every_name_that_a_source_has_for_it() {
    // The firewall knows the workspace and the agent in it, the hooks the session, the gateway either.
    let one = [
        (
            0,
            json!({"kind": "egress.http", "family": "boundary", "workspace": "w-1", "agent": "main", "session": "b-1", "outcome": "allow"}),
        ),
        (
            1,
            json!({"kind": "session.start", "workspace": "w-1", "session": "s-1", "agent_kind": "claude_code", "team": "red"}),
        ),
        (2, json!({"kind": "tool.call", "session": "s-1", "agent": "sub-1", "agent_kind": "acme", "tool": "Read"})),
        (3, json!({"kind": "model.call", "session": "s-1", "family": "gateway", "model": "model-a", "user": "ada"})),
        (4, json!({"kind": "egress.http", "workspace": "w-2", "agent": "main", "session": "b-2", "outcome": "allow"})),
        (5, json!({"kind": "audit", "workspace": "w-3", "user": "carol"})),
        (6, json!({"kind": "model.call"})),
    ];
    let expected = json!({
        "agent:main@w-1": {"session": "s-1", "team": "red", "model": "model-a", "tool": "Read", "agent": "main", "state": "working"},
        "agent:main@w-2": {"workspace": "w-2"},
    });
    check(&one, 10, &expected);
    // Two agents of other names share a workspace; what names the workspace alone is neither's.
    let shared = [
        (0, json!({"kind": "prompt", "workspace": "w", "agent": "ag-1", "session": "s-1"})),
        (1, json!({"kind": "prompt", "workspace": "w", "agent": "ag-2", "session": "s-2"})),
        (2, json!({"kind": "egress.http", "workspace": "w"})),
        (3, json!({"kind": "tool.call", "session": "s-2", "tool": "Bash"})),
        (4, json!({"kind": "tool.call", "agent": "ag-1", "tool": "Edit"})),
        (5, json!({"kind": "tool.call", "session": "s-9", "tool": "Edit"})),
    ];
    let expected = json!({
        "agent:ag-1@w": {"tool": "Edit", "key": "agent"}, "agent:ag-2@w": {"tool": "Bash"},
        "workspace:w": {"tool": null, "key": "workspace"}, "session:s-9": {"key": "session"},
    });
    check(&shared, 10, &expected);
}

#[test]
fn states_follow_from_what_was_told_and_from_time() {
    let ag = |kind: &str| json!({"kind": kind, "agent": "ag", "session": "s"});
    let with = |kind: &str, more: &Value| {
        let mut event = ag(kind);
        event.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        event
    };
    let state = |state: &str, since: i64| json!({"agent:ag": {"state": state, "since": (NOON + since) * 1_000_000}});
    let asks = with("approval", &json!({"tool": "Bash", "tool_call": "c-1"}));
    check(&[(0, ag("session.start")), (9, ag("prompt"))], 20, &state("working", 0));
    check(&[(0, ag("prompt"))], 400, &state("quiet", 0));
    check(&[(0, ag("prompt")), (900, ag("model.call"))], 901, &state("working", 900));
    check(&[(0, ag("prompt")), (5, asks.clone())], 4_000, &state("waiting", 5));
    check(&[(5, asks.clone()), (9, with("command", &json!({"tool_call": "c-1"})))], 10, &state("working", 5));
    check(&[(5, asks.clone()), (9, with("command", &json!({"tool_call": "c-2"})))], 10, &state("waiting", 5));
    check(
        &[(5, asks.clone()), (9, with("approval", &json!({"tool_call": "c-1", "outcome": "deny"})))],
        10,
        &state("working", 5),
    );
    check(&[(5, asks.clone()), (9, ag("prompt"))], 10, &state("working", 5));
    check(&[(0, ag("prompt")), (9, ag("session.end"))], 4_000, &state("done", 9));
    check(&[(0, ag("prompt")), (9, with("session.end", &json!({"outcome": "error"})))], 10, &state("failed", 9));
    // The gateway tells of the last call when the session is over; a session that is taken up again works.
    check(&[(9, ag("session.end")), (10, ag("model.tokens")), (11, ag("egress.http"))], 12, &state("done", 9));
    check(&[(9, ag("session.end")), (20, ag("prompt"))], 22, &state("working", 9));
    // Another session of the firewall's does not end the agent's.
    let other = json!({"kind": "session.end", "agent": "ag", "session": "b", "family": "boundary"});
    check(&[(0, ag("prompt")), (9, other)], 10, &state("working", 0));
}

#[test]
fn money_tests_and_repeats_are_added_up() {
    let cost = |second: i64, more: Value| {
        let mut event = json!({"kind": "model.tokens", "agent": "ag", "session": "s", "tokens_out": 5});
        event.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        (second, event)
    };
    let run = |second: i64, call: &str, action: u64| {
        (
            second,
            json!({"kind": "command", "agent": "ag", "session": "s", "tool": "Bash", "tool_call": call, "action_fp": action,
            "command": "cargo test -p refunds", "exit_code": 1, "outcome": "error",
            "content": "{\"output\":\"test result: FAILED. 11 passed; 1 failed\"}"}),
        )
    };
    let events = [
        (
            0,
            json!({"kind": "prompt", "agent": "ag", "session": "s", "content": "{\"prompt\":\"\\n  Fix refund rounding\\nplease\"}"}),
        ),
        cost(1, json!({"family": "gateway", "trust": "gateway", "cost_micros": 700})),
        cost(2, json!({"trust": "agent", "cost_micros": 900})),
        cost(2, json!({"source": "litellm", "family": "gateway", "trust": "gateway", "cost_micros": 600})),
        cost(3, json!({"family": "gateway", "trust": "gateway"})),
        cost(4, json!({"family": "gateway", "trust": "gateway", "cost_micros": 50, "marks": ["conflict"]})),
        cost(-90_000, json!({"family": "gateway", "trust": "gateway", "cost_micros": 40})),
        run(5, "c-1", 9),
        run(6, "c-1", 9),
        run(7, "c-2", 9),
        run(8, "c-3", 9),
        (
            9,
            json!({"kind": "egress.http", "agent": "ag", "method": "POST", "host": "attacker-logger.com", "outcome": "deny"}),
        ),
        (
            9,
            json!({"kind": "egress.http", "agent": "ag", "method": "GET", "host": "packages.acme.example", "outcome": "allow"}),
        ),
    ];
    let row = json!({
        "task": "Fix refund rounding", "command": "cargo test -p refunds", "exit_code": 1,
        "micros_session": 740, "micros_today": 700, "witnesses": ["gateway"], "unpriced_calls": 1, "tokens_out": 15,
        "check_passed": false, "tests_passed": 11, "tests_total": 12, "repeats": 3,
        "denied": 1, "allowed": 1, "denied_session": 1, "last_summary": "GET packages.acme.example", "attention": 300,
        "activity": format!("{}a", ".".repeat(59)), "events_per_minute": 12,
    });
    check(&events, 12, &json!({ "agent:ag": row }));
    // Half a minute later half of the minute before counts.
    check(
        &events,
        90,
        &json!({ "agent:ag": {"events_per_minute": 6, "denied": 1, "activity": format!("{}a.", ".".repeat(58))} }),
    );
    check(&events, 700, &json!({ "agent:ag": {"events_per_minute": 0, "denied": 0, "denied_session": 1} }));
    // A new session begins with nothing.
    let anew = [cost(0, json!({"cost_micros": 1})), (5, json!({"kind": "prompt", "agent": "ag", "session": "s-2"}))];
    check(&anew, 6, &json!({"agent:ag": {"micros_session": 0, "micros_today": 1, "session": "s-2", "task": null}}));
}

#[test]
fn a_page_follows_on_the_one_before_and_counts_everybody() {
    let mut events: Vec<(i64, Value)> = (0..7)
        .map(|n| (n, json!({"kind": "prompt", "agent": format!("ag-{n}"), "team": if n < 3 { "red" } else { "blue" }})))
        .collect();
    events.push((8, json!({"kind": "approval", "agent": "ag-5", "tool": "Bash"})));
    events.push((8, json!({"kind": "session.end", "agent": "ag-0"})));
    let (_ledgers, service) = told(&events);
    service
        .read(at(10), |view| {
            let (mut ids, mut after) = (Vec::new(), None);
            loop {
                let page = view.page(&Filter::default(), after.as_deref(), 2).unwrap();
                assert_eq!((page.total, page.counters.agents), (7, 7));
                assert_eq!((page.counters.states["waiting"], page.counters.states["done"]), (1, 1));
                ids.extend(page.agents.into_iter().filter_map(|row| row.agent));
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
            assert_eq!(ids, ["ag-5", "ag-1", "ag-2", "ag-3", "ag-4", "ag-6", "ag-0"]);
            let red =
                Filter { teams: vec!["red".to_owned()], states: vec![AgentState::Done], prefix: Some("AG".to_owned()) };
            let page = view.page(&red, None, 9).unwrap();
            assert_eq!((page.total, page.counters.agents, page.counters.states["working"]), (1, 3, 2));
            assert!(view.page(&red, Some("nonsense"), 9).is_none());
        })
        .unwrap();
    assert!(service.everybody(at(10 + 90_000)).unwrap().is_empty(), "nobody was heard of for a day");
}

/// An alert as a detector records it.
fn alert(rule: &str, who: &Value, state: &str, revision: i64, evidence: &str) -> Entry {
    let record = json!({
        "id": format!("alert-{rule}"), "revision": revision, "rule": rule, "rule_version": 1, "state": state, "severity": "high",
        "title": "t", "reason": "r", "who": who, "what": {}, "first_seen": 0, "last_seen": 0, "recorded_first": 0,
        "recorded_last": 0, "count": 1, "evidence": [evidence], "tags": [], "backfill": false,
        "measured": {"what": "spend", "unit": "micro_usd", "observed": 5, "limit": 5}
    });
    operation("alert", &format!("alert-{rule}"), revision, &record)
}

#[tokio::test]
async fn states_that_need_an_alert_come_and_go_with_it() {
    let events: Vec<(i64, Value)> = (0..5)
        .map(|n| (n, json!({"kind": "prompt", "agent": format!("ag-{n}"), "session": format!("s-{n}"), "collector": format!("c-{n}")})))
        .collect();
    let (ledgers, service) = told(&events);
    let states = |second: i64| {
        let everybody = service.everybody(at(second)).unwrap();
        let mut states: Vec<(String, &str)> =
            everybody.iter().map(|row| (row.id.clone(), row.state.as_str())).collect();
        states.sort_unstable();
        states.into_iter().map(|(_, state)| state).collect::<Vec<_>>()
    };
    assert_eq!(states(10), ["working"; 5]);
    let opened = [
        alert("loop.repeat", &json!({"session": "s-0"}), "open", 1, "events/0/0"),
        alert("agent.stuck", &json!({"agent": "ag-1"}), "open", 1, "events/0/1"),
        alert("spend.budget", &json!({"session": "s-2"}), "open", 1, "events/0/2"),
        alert("collector.silent", &json!({}), "open", 1, "events/0/3"),
    ];
    ledgers.append(LedgerName::Operations, opened, 9).await;
    assert_eq!(states(11), ["repeating", "stuck", "over_budget", "lost", "working"]);
    service.apply(&rows_from(5, &[(11, json!({"kind": "approval", "agent": "ag-1"}))]));
    assert_eq!(states(11), ["repeating", "waiting", "over_budget", "lost", "working"], "who asks a person waits");
    service.apply(&rows_from(6, &[(11, json!({"kind": "approval", "agent": "ag-1", "outcome": "allow"}))]));
    let from = service.read(at(12), |view| view.place).unwrap();
    ledgers
        .append(
            LedgerName::Operations,
            [alert("loop.repeat", &json!({"session": "s-0"}), "resolved", 2, "events/0/0")],
            9,
        )
        .await;
    assert_eq!(states(13), ["working", "stuck", "over_budget", "lost", "working"]);
    // Whoever comes back is told of what changed meanwhile, and of nothing else.
    let changed = |from| {
        let rows = service.read(at(14), |view| view.changed(from, None, None, 9)).unwrap();
        rows.into_iter().filter_map(|(_, row)| row.agent).collect::<Vec<_>>()
    };
    assert_eq!(changed(from), ["ag-0"]);
    assert_eq!(changed(FleetPlace::default()).len(), 5, "what was before is not known");
    let fresh =
        service.read(at(14), |view| (view.place, view.changed(view.place, Some(at(14)), None, 9).len())).unwrap();
    assert_eq!(fresh.1, 0);
    assert_eq!(
        service.read(at(500), |view| view.changed(fresh.0, Some(at(14)), None, 9).len()).unwrap(),
        5,
        "they are quiet"
    );
}

#[tokio::test]
async fn a_follower_goes_on_from_its_snapshot_and_says_what_a_reader_says() {
    let ledgers = Ledgers::new(1_000);
    let now = Timestamp::from_unix_micros(ledger::TimeSource::now(&ledger::SystemClock).unix_micros());
    let event = |n: usize| {
        let mut entry = entry(
            0,
            &json!({"kind": "tool.call", "agent": format!("ag-{}", n % 7), "tool": "Bash", "action_fp": n % 3}),
        );
        entry.set_time(c::OBSERVED, now.saturating_sub(Duration::from_secs(60 - n as u64)));
        entry
    };
    let directory = tempfile::tempdir().unwrap();
    let mut expected = Vec::new();
    for round in 0..3 {
        ledgers.append(LedgerName::Events, (round * 20..(round + 1) * 20).map(event), 4).await;
        let followed = Arc::new(service(&ledgers));
        let follower =
            FleetFollower::new(ledgers.store.events().reader(), Arc::clone(&followed), directory.path().to_owned());
        let (monitor, stop) = (follower.monitor(), tokio_util::sync::CancellationToken::new());
        let running = tokio::spawn(follower.run(stop.clone()));
        while monitor.status().lag > 0 || followed.with_fold(|_, next| next.get()) < (round as u64 + 1) * 20 {
            tokio::task::yield_now().await;
        }
        stop.cancel();
        running.await.unwrap().unwrap();
        let everybody = |service: &FleetService| service.everybody(now).unwrap();
        expected = everybody(&service(&ledgers));
        assert_eq!(everybody(&followed), expected);
        if round == 1 {
            std::fs::write(directory.path().join("fleet.snapshot"), "damaged").unwrap();
        }
    }
    assert_eq!(expected.len(), 7);
    let (fleet, next) = SnapshotFile::open(directory.path()).unwrap().read().unwrap();
    assert_eq!((fleet.len(), next), (7, Seq::new(60)));
}

#[test]
fn whoever_brings_the_most_agents_loses_their_own() {
    let mut fleet = Fleet::default();
    let mut rows = Rows::new(LedgerName::Events, 0, Seq::FIRST);
    for n in 0..100 {
        rows.push_entry(0, at(n), &entry(n, &json!({"kind": "prompt", "agent": format!("ag-{n}"), "token": "quiet"})));
    }
    for n in 0..3 * FLEET_AGENTS_MAX as i64 {
        rows.push_entry(
            0,
            at(200 + n),
            &entry(200 + n, &json!({"kind": "prompt", "agent": format!("x-{n}"), "token": "loud"})),
        );
    }
    for row in rows.iter() {
        fleet.apply(&row);
        assert!(fleet.len() <= FLEET_AGENTS_MAX);
    }
    let quiet = fleet.agents.values().filter(|agent| agent.sender.as_deref() == Some("quiet")).count();
    assert_eq!(quiet, 100);
    let newest = format!("agent:x-{}", 3 * FLEET_AGENTS_MAX - 1);
    assert!(fleet.agents.values().any(|agent| agent.id == newest));
    let mut again = fleet.clone();
    again.index();
    assert_eq!(again, fleet, "names that are forgotten are gone");
}

/// An event of few agents, of any kind, some of them late.
fn any_event() -> impl Strategy<Value = Value> {
    let kinds = prop::sample::select(vec![
        "prompt",
        "tool.call",
        "command",
        "approval",
        "model.call",
        "model.tokens",
        "egress.http",
        "session.start",
        "session.end",
        "check.result",
        "file.write",
        "audit",
    ]);
    let name = |prefix: &'static str| prop::option::of((0..4).prop_map(move |n| format!("{prefix}-{n}")));
    let outcome = prop::option::of(prop::sample::select(vec!["allow", "deny", "success", "error"]));
    (kinds, name("ag"), name("w"), name("s"), outcome, 0..3_u64, prop::option::of(0..900_i64), 0..4_i64).prop_map(
        |(kind, agent, workspace, session, outcome, action, cost, number)| {
            json!({
                "kind": kind, "agent": agent, "workspace": workspace, "session": session, "outcome": outcome, "action_fp": action,
                "cost_micros": cost, "tokens_out": number, "tool_call": format!("c-{number}"), "domain": format!("d{number}.example"),
                "exit_code": number, "command": "cargo test", "content": "{\"prompt\":\"1 passed\"}", "collector": "c",
                "family": (if number == 0 { "boundary" } else { "gateway" }), "trust": (if number == 1 { "agent" } else { "gateway" }),
            })
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]
    #[test]
    fn a_snapshot_and_the_rest_is_the_whole(
        events in prop::collection::vec((any_event(), 0..400_i64, -300..20_i64), 1..120),
        cut in any::<prop::sample::Index>(),
    ) {
        let (mut recorded, mut rows) = (0, Rows::new(LedgerName::Events, 0, Seq::FIRST));
        for (event, pause, late) in &events {
            recorded += pause;
            let mut columns = event.clone();
            columns.as_object_mut().unwrap().retain(|_, value| !value.is_null());
            rows.push_entry(0, at(recorded), &entry(recorded + late, &columns));
        }
        let (mut whole, mut parts) = (Fleet::default(), Fleet::default());
        let cut = cut.index(rows.len() + 1);
        for (number, row) in rows.iter().enumerate() {
            if number == cut {
                let bytes = encode(&parts, row.position.seq).unwrap();
                let (read, next) = decode(&bytes).unwrap();
                prop_assert_eq!((&read, next), (&parts, row.position.seq));
                parts = read;
                let mut damaged = bytes;
                let last = damaged.len() - 2;
                damaged[last] ^= 1;
                prop_assert!(decode(&damaged).is_none());
            }
            whole.apply(&row);
            parts.apply(&row);
        }
        prop_assert_eq!(whole, parts);
    }
}

/// Bytes of memory that the process has.
fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4_096
}

/// 2,000 agents and a million rows: `cargo test -p query -p tachograph --lib --release fleet::tests::costs -- --ignored --nocapture`.
#[test]
#[ignore = "measures, and asserts nothing"]
fn costs() {
    let mut fleet = Fleet::default();
    let mut spent = Duration::ZERO;
    let kinds = ["tool.call", "command", "model.call", "model.tokens", "egress.http", "file.write"];
    let mut recorded = 0;
    for block in 0..1_000_u64 {
        let mut rows = Rows::new(LedgerName::Events, 0, Seq::new(block * 1_000));
        for n in 0..1_000_u64 {
            let number = block * 1_000 + n;
            let agent = (number * 7_919) % 2_000;
            recorded = (number / 500) as i64;
            let event = json!({
                "kind": kinds[(number % 6) as usize], "agent": format!("ag-{agent}"), "workspace": format!("w-{agent}"), "session": format!("s-{agent}"),
                "team": "payments", "user": "ada", "org": "acme", "agent_kind": "claude_code", "model": "model-a", "collector": "coderd", "token": "t",
                "tool": "Bash", "tool_call": format!("c-{number}"), "action_fp": number % 50, "command": "cargo test -p refunds --all", "outcome": "success",
                "domain": format!("d{}.example", number % 300), "host": "packages.acme.example", "method": "GET", "cost_micros": 900, "tokens_out": 100,
            });
            rows.push_entry(0, at(recorded), &entry(recorded, &event));
        }
        let started = std::time::Instant::now();
        for row in rows.iter() {
            fleet.apply(&row);
        }
        spent += started.elapsed();
    }
    let bytes = encode(&fleet, Seq::FIRST).unwrap().len();
    println!(
        "{} ns a row, {} agents, {} bytes of snapshot an agent",
        spent.as_nanos() / 1_000_000,
        fleet.len(),
        bytes / fleet.len()
    );
    let before = resident();
    let copy = fleet.clone();
    println!("{} bytes of memory an agent", (resident() - before) / copy.len());
    let ledgers = Ledgers::new(1_000);
    let service = service(&ledgers);
    service.follow(fleet, Seq::FIRST);
    let started = std::time::Instant::now();
    let page = service.read(at(recorded), |view| view.page(&Filter::default(), None, 200)).unwrap().unwrap();
    println!("a page of {} of {}: {} us", page.agents.len(), page.total, started.elapsed().as_micros());
}

#[test]
fn what_is_read_in_later_is_no_lag() {
    let mut rows = Rows::new(LedgerName::Events, 0, Seq::FIRST);
    let event = |marks: Value| entry(0, &json!({"kind": "prompt", "agent": "ag", "marks": marks}));
    rows.push_entry(0, at(0), &event(json!([])));
    rows.push_entry(0, at(50), &event(json!(["backfill"])));
    let mut fleet = Fleet::default();
    for row in rows.iter() {
        fleet.apply(&row);
    }
    assert!(fleet.lag.p99_micros(at(55)).is_some_and(|micros| micros < 1_000));
}
