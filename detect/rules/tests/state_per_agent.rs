//! How much memory the detectors keep for one active agent, measured on the process: what sizes of types would not show, such
//! as spare room in lists and tables, counts here. It stands alone in its binary, so that nothing else allocates meanwhile.

// Tests stop at the first surprise; a typed error would only hide where it happened.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::ops::Range;

use detect_core::engine::Engine;
use detect_core::findings::Findings;
use detect_core::key::Key;
use detect_rules::registry::Rules;
use detect_rules::rule_set::RuleSet;
use ledger::events::column;
use ledger::{Entry, LedgerName, Rows, Seq, Timestamp};

/// What an agent takes that does everything, the tables that all share included.
const BYTES_PER_AGENT_MAX: u64 = 4_096;
const AGENTS: u64 = 16_384;
/// Steps of three hours, so that spend has a history of weeks; enough for every list of an agent to be full.
const STEPS: u64 = 96;
const STEP_MICROS: i64 = 3 * 3_600 * 1_000_000;
/// 2025-11-21T00:00:00Z.
const START: i64 = 1_763_683_200_000_000;

/// Agents whose events are in memory at once: few, because what is measured is the memory of the process.
const AGENTS_AT_ONCE: u64 = 512;

/// One event of every agent.
fn observe(step: u64, engine: &mut Engine, findings: &mut Findings) {
    for first in (0..AGENTS).step_by(AGENTS_AT_ONCE as usize) {
        round(step, first..first + AGENTS_AT_ONCE).iter().for_each(|row| engine.observe(&row, findings));
    }
}

/// One event of each of these agents. Each agent does everything that leaves a state: steps that fail, calls that are denied, writes
/// to places of its own, names that carry data, requests that are refused, model calls with their costs, deleted files, holes in its stream.
/// None of it is an alert, so that only states grow.
fn round(step: u64, agents: Range<u64>) -> Rows {
    let mut rows = Rows::new(LedgerName::Events, 0, Seq::new(step * AGENTS + agents.start));
    for agent in agents {
        let number = step * AGENTS + agent;
        let mut event = Entry::new();
        for (column, text) in [
            (column::TOKEN, "tok_7f3a9c".to_owned()),
            (column::ORG, "acme".to_owned()),
            (column::TEAM, format!("team-{}", agent % 40)),
            (column::USER, format!("user-{}@acme.example", agent % 1_600)),
            (column::AGENT_KIND, "claude_code".to_owned()),
            (column::SESSION, format!("5e551017-0000-4000-8000-{agent:012}")),
            (column::WORKSPACE, format!("0a5c2b1e-0000-4000-8000-{agent:012}")),
        ] {
            event.set_text(column, &text);
        }
        act(&mut event, step, agent);
        event.set_fingerprint(column::ACTION_FP, number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        event.set_fingerprint(column::RESULT_FP, (number / 2).wrapping_mul(0xbf58_476d_1ce4_e5b9));
        // No two steps are the same time apart.
        let recorded = START + step as i64 * STEP_MICROS + (step * step % 97) as i64 * 60_000_000;
        rows.push_entry(step, Timestamp::from_unix_micros(recorded), &event);
    }
    rows
}

/// What an agent does in a step.
fn act(event: &mut Entry, step: u64, agent: u64) {
    let turn = step / 8;
    let (kind, outcome) = match step % 8 {
        0 => (["tool.call", "prompt"][turn as usize % 2], "success"),
        1 => ("command", "error"),
        2 => ("approval", "deny"),
        3 => ("egress.http", "allow"),
        7 if turn.is_multiple_of(4) => ("dns.query", "allow"),
        4 | 7 => ("egress.http", "deny"),
        5 => (["model.tokens", "model.call"][turn as usize % 2], "error"),
        _ => (["file.read", "file.delete"][turn as usize % 2], "error"),
    };
    event.set_text(column::KIND, kind);
    event.set_text(column::OUTCOME, outcome);
    event.set_text(column::COLLECTOR, "coderd");
    match kind {
        "egress.http" => {
            // One of the places is a repository on a service where anybody has one.
            let domain = if turn % 6 == 5 { "github.com".to_owned() } else { format!("d{}-{agent}.example", turn % 6) };
            event.set_text(column::PATH, &format!("/o{agent}/x.git/git-receive-pack"));
            event.set_text(column::SOURCE, "coder.boundary");
            event.set_text(column::STREAM, &format!("b0bb1e00-0000-4000-8000-{agent:012}"));
            // Every other number is left out: a hole that is waited for.
            event.set_integer(column::STREAM_SEQ, step as i64 * 2);
            event.set_text(column::METHOD, if outcome == "allow" { "POST" } else { "GET" });
            event.set_text(column::HOST, &domain);
            event.set_text(column::DOMAIN, &domain);
        }
        "dns.query" => {
            event.set_text(column::HOST, &format!("k7x{turn}q9z4m{agent}w2v8b5n1.d0-{agent}.example"));
            event.set_text(column::DOMAIN, &format!("d0-{agent}.example"));
        }
        "model.tokens" | "model.call" => {
            event.set_text(column::FAMILY, "gateway");
            event.set_text(column::MODEL, "sonnet");
            event.set_integer(column::COST_MICROS, 40_000 + step as i64 % 7 * 1_000);
            event.set_integer(column::STATUS, 529);
        }
        _ => {
            let tool = ["Bash", "Read", "Edit", "Grep"][turn as usize % 4];
            event.set_text(column::TOOL, tool);
            event.set_text(column::COMMAND, "cargo test -p ledger");
            event.set_text(column::FILE, if turn.is_multiple_of(4) { "/w/.env.example" } else { "/w/src/main.rs" });
            if outcome == "error" {
                event.set_integer(column::EXIT_CODE, 1);
            }
            // What it names is new each time, and so is what files tell it.
            let name = |begins: &str, at: u64| format!("{begins}host:{:012x}", (step * 31 + at) << 20 | agent);
            let told = if kind == "file.read" { 12 } else { 0 };
            let names: Vec<String> =
                (0..4).map(|at| name("", at)).chain((8..8 + told).map(|at| name("told:", at))).collect();
            event.set_list(column::NAMED, names.iter().map(String::as_str));
            event.set_list(column::TEXT_SIGNS, ["instructions", "override"].into_iter().take(told as usize));
        }
    }
}

/// Memory of this process that is in use, in bytes, without pages of files: code that runs for the first time is no state.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let anonymous = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
    let kilobytes: u64 = anonymous.trim().trim_end_matches(" kB").parse().unwrap();
    kilobytes * 1_024
}

#[cfg(target_os = "linux")]
#[test]
fn an_agent_that_does_everything_takes_few_kilobytes() {
    // Pages of two megabytes would be counted whole although little of each is used. A kernel that has none refuses.
    let _ = rustix::thread::disable_transparent_huge_pages(true);
    let mut findings = Findings::new();
    // What the program and a round of events take themselves is in memory before, so that only states are measured.
    let mut idle = RuleSet::from(Rules::off()).engine(Key::new(&[7; 32]), Timestamp::EPOCH);
    for step in 0..16 {
        observe(step, &mut idle, &mut findings);
    }
    findings.clear();
    // What is new is only learned, since alerts have a bound of their own.
    let rules: Rules =
        serde_json::from_value(serde_json::json!({"egress.new_domain": {"learning_hours": 2160}})).unwrap();
    let mut engine = RuleSet::from(rules).engine(Key::new(&[7; 32]), Timestamp::EPOCH);
    let before = resident();
    for step in 0..STEPS {
        observe(step, &mut engine, &mut findings);
        let rules: Vec<String> = findings.take().into_iter().map(|alert| alert.rule).collect();
        assert!(rules.iter().all(|rule| rule == "loop.fleet"), "step {step}: {rules:?}");
    }
    let per_agent = resident().saturating_sub(before) / AGENTS;
    let stored = engine.snapshot().unwrap().len() as u64 / AGENTS;
    println!("{per_agent} bytes for each of {AGENTS} agents over all detectors, {stored} bytes in a snapshot");
    assert!(per_agent <= BYTES_PER_AGENT_MAX, "{per_agent} bytes");
    assert!(stored > 1_000, "the agents have states: {stored} bytes");
}
