//! How much memory the detectors keep for one active agent, measured on the process: what sizes of types would not show, such
//! as spare room in lists and tables, counts here. It stands alone in its binary, so that nothing else allocates meanwhile.

// Tests stop at the first surprise; a typed error would only hide where it happened.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use detect::{Engine, Findings, Key, RuleSet, Rules};
use ledger::events::column;
use ledger::{LedgerName, Rows};

/// The bound of the design.
const BYTES_PER_AGENT_MAX: u64 = 4_096;
const AGENTS: u64 = 16_384;
/// Enough for every list of an agent to be full.
const STEPS: u64 = 80;
/// 2025-11-21T00:00:00Z.
const START: i64 = 1_763_683_200_000_000;

/// One event of every agent: each does something new, so that nothing is found and only states grow.
fn round(step: u64) -> Rows {
    let mut rows = Rows::new(LedgerName::Events, 0, step * AGENTS);
    for agent in 0..AGENTS {
        let number = step * AGENTS + agent;
        let (session, user) = (format!("5e551017-0000-4000-8000-{agent:012}"), format!("user-{}", agent % 500));
        let kind = ["tool.call", "command", "approval", "egress.http", "model.call", "file.read", "file.delete"]
            [step as usize % 7];
        let outcome = match kind {
            "approval" => "deny",
            "command" => "error",
            _ => "allow",
        };
        let texts = [
            (column::SOURCE.id(), "claude_code"),
            (column::KIND.id(), kind),
            (column::STREAM.id(), &session),
            (column::USER.id(), &user),
            (column::SESSION.id(), &session),
            (column::OUTCOME.id(), outcome),
            (column::HOST.id(), "packages.acme.example"),
            (column::MODEL.id(), "sonnet"),
            (column::TOOL.id(), ["Bash", "Read", "Edit", "Grep", "Glob"][step as usize % 5]),
        ];
        let mut facts = Vec::new();
        for (id, text) in &texts[..2] {
            write_column(&mut facts, *id, text.as_bytes());
        }
        write_column(&mut facts, column::STREAM.id(), session.as_bytes());
        // Every third number is left out: a hole that is waited for.
        write_column(&mut facts, column::STREAM_SEQ.id(), &(step + step / 2).to_be_bytes());
        for (id, text) in &texts[3..] {
            write_column(&mut facts, *id, text.as_bytes());
        }
        write_column(&mut facts, column::ACTION_FP.id(), &number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
        write_column(
            &mut facts,
            column::RESULT_FP.id(),
            &(number / 2).wrapping_mul(0xbf58_476d_1ce4_e5b9).to_be_bytes(),
        );
        rows.push(number, step, START + step as i64 * 1_000_000, 0, &facts, None);
    }
    rows
}

/// One column of a part, as FORMAT.md lays it out: id, length, value.
fn write_column(part: &mut Vec<u8>, id: u16, value: &[u8]) {
    part.extend_from_slice(&id.to_be_bytes());
    part.extend_from_slice(&(value.len() as u32).to_be_bytes());
    part.extend_from_slice(value);
}

/// Memory of this process that is in use, in bytes.
fn resident() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: u64 = statm.split_whitespace().nth(1).unwrap().parse().unwrap();
    pages * 4_096
}

#[cfg(target_os = "linux")]
#[test]
fn an_active_agent_takes_at_most_4_kib() {
    let mut findings = Findings::new();
    // What the program and a round of events take themselves is in memory before, so that only states are measured.
    let mut idle = Engine::new(&Rules::off().into(), Key::new(&[7; 32]), 0);
    for step in 0..4 {
        round(step).iter().for_each(|row| idle.observe(&row, &mut findings));
    }
    let mut engine = Engine::new(&RuleSet::default(), Key::new(&[7; 32]), 0);
    let before = resident();
    for step in 0..STEPS {
        for row in round(step).iter() {
            engine.observe(&row, &mut findings);
        }
        findings.clear();
    }
    let per_agent = resident().saturating_sub(before) / AGENTS;
    let stored = engine.snapshot().unwrap().len() as u64 / AGENTS;
    println!("{per_agent} bytes for each of {AGENTS} agents over all detectors, {stored} bytes in a snapshot");
    assert!(per_agent <= BYTES_PER_AGENT_MAX, "{per_agent} bytes");
    assert!(stored > 1_000, "the agents have states: {stored} bytes");
}
