//! One session of each agent, as it was told: its kinds, and what it took, counted once.

use std::collections::BTreeMap;

use super::*;

/// Columns that sums are made of.
const COUNTERS: [&str; 5] = ["tokens_in", "tokens_out", "tokens_cache_read", "tokens_cache_write", "tokens_reasoning"];

fn session(examples: &[&str]) -> Vec<Columns> {
    examples.iter().flat_map(|example| events(&Otel, example)).collect()
}

fn number(event: &Columns, name: &str) -> i64 {
    event.get(name).map_or(0, |number| number.parse().unwrap())
}

/// Checks how many events of each kind there are, whose they are, and the sums of all counters.
fn check_session(examples: &[&str], source: &str, kinds: &[(&str, usize)], counters: [i64; 5]) -> Vec<Columns> {
    let events = session(examples);
    let mut found: BTreeMap<&str, usize> = BTreeMap::new();
    for event in &events {
        *found.entry(&event["kind"]).or_default() += 1;
        assert_eq!(event["source"], source);
        let is_counted =
            COUNTERS.iter().chain(&["cost_source_micros", "cost_micros"]).any(|name| event.contains_key(*name));
        assert_eq!(is_counted, event["kind"] == "model.tokens", "money is counted from one kind: {event:#?}");
    }
    assert_eq!(found, kinds.iter().copied().collect());
    assert_eq!(COUNTERS.map(|name| events.iter().map(|event| number(event, name)).sum::<i64>()), counters);
    let sessions: Vec<&String> =
        events.iter().filter(|event| event["kind"] != "metric").map(|event| &event["session"]).collect();
    assert!(sessions.windows(2).all(|pair| pair[0] == pair[1]), "{sessions:?}");
    let ids: Vec<&String> = events.iter().map(|event| &event["source_id"]).collect();
    assert!(ids.iter().enumerate().all(|(at, id)| !ids[..at].contains(id)), "{ids:#?}");
    events
}

/// The sum of a metric by its target.
fn metric(events: &[Columns], name: &str, target: &str) -> i64 {
    let points = events.iter().filter(|event| event["kind"] == "metric" && event["action"] == name);
    points
        .filter(|event| event.get("target").is_some_and(|said| said == target))
        .map(|event| number(event, "amount"))
        .sum()
}

#[test]
fn claude_code() {
    let kinds = [
        ("inventory", 6),
        ("prompt", 1),
        ("agent.event", 4),
        ("model.tokens", 2),
        ("approval", 1),
        ("command", 1),
        ("model.summary", 2),
        ("metric", 6),
    ];
    let events = check_session(examples::claude_code::SESSION, "claude_code", &kinds, [2_400, 67, 4_000, 600, 0]);
    assert_eq!(events.iter().map(|event| number(event, "cost_source_micros")).sum::<i64>(), 11_655);
    // What the agent's own metric says.
    let sums =
        ["input", "output", "cacheRead", "cacheCreation"].map(|kind| metric(&events, "claude_code.token.usage", kind));
    assert_eq!(sums, [2_400, 67, 4_000, 600]);
}

#[test]
fn codex() {
    let kinds = [
        ("session.start", 1),
        // That there are no servers, and two settings.
        ("inventory", 3),
        ("prompt", 1),
        ("model.call", 2),
        ("model.tokens", 2),
        ("approval", 1),
        ("command", 1),
        ("model.summary", 1),
        ("metric", 5),
    ];
    let events = check_session(examples::codex::SESSION, "codex", &kinds, [2_400, 80, 4_000, 0, 32]);
    // The metric counts what was cached in the input.
    let sums =
        ["input", "output", "reasoning_output", "total"].map(|kind| metric(&events, "codex.turn.token_usage", kind));
    assert_eq!(sums, [6_400, 80, 32, 6_480]);
}

#[test]
fn gemini() {
    let kinds = [
        ("session.start", 1),
        // That there are no servers and no extensions, and two settings.
        ("inventory", 4),
        ("prompt", 1),
        ("model.call", 2),
        ("model.tokens", 2),
        ("command", 1),
        ("model.summary", 4),
        ("agent.event", 1),
        ("metric", 5),
    ];
    let events = check_session(examples::gemini::SESSION, "gemini", &kinds, [1_200, 50, 800, 0, 10]);
    // The metric counts what was cached in the input, and thoughts beside the output.
    let sums = ["input", "output", "cache", "thought"].map(|kind| metric(&events, "gemini_cli.token.usage", kind));
    assert_eq!(sums, [2_000, 40, 800, 10]);
}

#[test]
fn copilot() {
    let kinds = [("model.tokens", 2), ("command", 1), ("model.summary", 1), ("metric", 2)];
    // The span of the agent sums up an input of 1,800, of which 400 were cached, and an output of 60.
    check_session(examples::copilot::SESSION, "copilot", &kinds, [1_400, 60, 400, 0, 0]);
}

#[test]
fn opencode() {
    let kinds = [("model.tokens", 1), ("model.summary", 1), ("command", 1)];
    check_session(examples::opencode::SESSION, "opencode", &kinds, [700, 30, 200, 0, 0]);
}
