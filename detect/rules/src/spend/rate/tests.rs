//! Agents with a past: spikes and creep are found, ordinary work stays within the budget of false alarms.

use detect_core::parameters::Parameters as _;
use ledger::Timestamp;
use operations::alert::State;
use serde_json::{Value, json};

use super::*;
use crate::fixtures;
use crate::rule_set::RuleSet;

/// Five-minute sums in dollars as events, an agent's own stream of work.
fn events(agent: &str, dollars: impl Iterator<Item = f64>) -> Vec<Value> {
    let event = |(at, dollars): (usize, f64)| {
        json!({"second": at as i64 * STEP, "kind": "model.tokens", "family": "gateway", "agent": agent, "team": "core",
            "cost_micros": (dollars * 1e6) as i64})
    };
    dollars.enumerate().map(event).collect()
}

fn noise(at: usize) -> f64 {
    let mixed = (at as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    ((mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 40) as f64 / f64::from(1 << 24)
}

/// The alerts of `spend.rate` alone; time passes only where something happens.
fn alerts(events: &[Value]) -> Vec<operations::alert::Alert> {
    let mut engine = RuleSet::default().engine(fixtures::key(), Timestamp::EPOCH);
    let mut findings = Findings::new();
    for row in fixtures::rows(events).iter() {
        engine.advance(row.recorded.unix_seconds(), false, &mut findings);
        engine.observe(&row, &mut findings);
    }
    findings.take().into_iter().filter(|alert| alert.rule == SPEC.name).collect()
}

#[test]
fn a_spike_is_said_while_it_happens_with_value_and_baseline() {
    let work = (0..2_001).map(|at| if at == 2_000 { 60.0 } else { 0.5 + 1.5 * noise(at) });
    let alerts = alerts(&events("a1", work));
    assert_eq!(alerts.len(), 1, "{alerts:#?}");
    let alert = &alerts[0];
    assert_eq!(
        (alert.state, alert.recorded_first),
        (State::Open, Timestamp::from_unix_seconds(fixtures::START + 2_000 * STEP))
    );
    for words in ["a1 spent $60.00", "Usual is $1.2", "(2000 steps with spend)", "allows 1 in 14400"] {
        assert!(alert.reason.contains(words), "{}", alert.reason);
    }
}

#[test]
fn a_slow_creep_is_found_though_no_step_is_unusual() {
    let work = (0..5_000).map(|at| (6.0 + noise(at)) * 1.001f64.powi((at as i32 - 2_000).max(0)));
    let alerts = alerts(&events("a1", work));
    assert!(alerts.iter().any(|alert| alert.reason.contains("creeps up")), "{alerts:#?}");
}

#[test]
fn ordinary_work_stays_within_the_budget_of_false_alarms() {
    // Twenty agents for seven days with bursts: 140 agent-days, on which three alerts would be the budget.
    let opened: usize = (0..20)
        .map(|agent| {
            let work = (0..2_016).map(|at| {
                let noise = noise(at * 31 + agent * 100_003);
                if noise > 0.9 { 4.0 + 20.0 * (noise - 0.9) } else { 1.0 + noise }
            });
            let alerts = alerts(&events("a1", work));
            alerts.iter().filter(|alert| alert.state == State::Open).count()
        })
        .sum();
    assert!(opened <= 3, "{opened}");
}

#[test]
fn state_is_small() {
    assert!(size_of::<Agent>() <= 256 && size_of::<Team>() <= 2_048, "{} {}", size_of::<Agent>(), size_of::<Team>());
}

#[test]
fn parameters_out_of_range_are_refused() {
    let check = |change: fn(&mut Parameters)| {
        let mut parameters = Parameters::default();
        change(&mut parameters);
        parameters.check()
    };
    assert_eq!(check(|_| ()), Ok(()));
    assert!(check(|p| p.false_alarms = 0).unwrap_err().contains("false_alarms"));
    assert!(check(|p| p.creep_percent = 100).is_err() && check(|p| p.quiet_seconds = 1).is_err());
}
