//! Rules under an alert budget: what a month of a noisy team is told, whatever is restarted meanwhile.

use detect_core::findings::Findings;
use detect_core::key::Key;
use ledger::Rows;
use operations::alert::{Alert, Severity, State};
use serde_json::{Value, json};

use super::*;
use crate::fixtures;
use crate::user::Form;

/// Each event of a kind opens an alert of its own.
fn rule(name: &str, kind: &str) -> Rule {
    let form = json!({
        "name": name, "severity": "medium", "title": "t", "reason": "Seen.", "by": ["session"], "condition": format!("kind == '{kind}'"),
    });
    Rule::try_from(serde_json::from_value::<Form>(form).unwrap()).unwrap()
}

fn rules(budget: AlertBudget) -> RuleSet {
    let user = vec![rule("acme.often", "prompt"), rule("acme.seldom", "approval")];
    RuleSet { alert_budget: budget, ..RuleSet::only_user(user) }
}

/// Thirty days of ten agents with four alerts each day, and one of another rule on the last.
fn month() -> Rows {
    let mut events: Vec<Value> = Vec::new();
    for day in 0..30 {
        let second = day * 86_400;
        let by = |kind: &str, number: i64, second: i64| {
            json!({
                "second": second, "kind": kind, "team": "payments", "workspace": format!("w{number}"), "session": format!("{day}-{number}"),
            })
        };
        events.extend((0..10).map(|number| by("command", number, second)));
        events.extend((0..4).map(|number| by("prompt", number, second + 1)));
        if day == 29 {
            events.push(by("approval", 0, second + 2));
        }
    }
    fixtures::rows(&events)
}

fn opened(rules: &RuleSet, restart_every: usize) -> Vec<Alert> {
    let key: Key = fixtures::key();
    let mut engine = rules.engine(key, Timestamp::MIN);
    let mut findings = Findings::new();
    for (number, row) in month().iter().enumerate() {
        if number % restart_every == restart_every - 1 {
            engine = Engine::restore(&engine.snapshot().unwrap(), rules.build(key), key).unwrap();
        }
        engine.observe(&row, &mut findings);
    }
    findings.take().into_iter().filter(|alert| alert.state == State::Open).collect()
}

#[test]
fn a_noisy_team_is_told_its_budget_and_what_is_rare() {
    let alerts = opened(&rules(AlertBudget::default()), usize::MAX);
    let is_told = |alert: &&Alert| alert.severity == Severity::Medium;
    let of = |rule: &'static str| alerts.iter().filter(move |alert| alert.rule == rule);
    assert_eq!((alerts.len(), of("acme.seldom").filter(is_told).count()), (121, 1));
    // A week is learnt from with four alerts each day; then a tenth of an alert for each of ten agents is one a day, less what was told before.
    let told = of("acme.often").filter(is_told).count();
    assert!((28..=40).contains(&told), "{told}");
    let last = of("acme.often").next_back().unwrap();
    assert_eq!((last.severity, last.lowered_from), (Severity::Low, Some(Severity::Medium)));
    assert!(last.reason.starts_with("Seen. It is told at low, where its rule says medium"), "{}", last.reason);
    assert!(opened(&rules(AlertBudget::off()), usize::MAX).iter().all(|alert| alert.severity == Severity::Medium));
    let own: AlertBudget = serde_json::from_value(json!({"teams": {"payments": 4}})).unwrap();
    assert!(opened(&rules(own), usize::MAX).iter().all(|alert| alert.severity == Severity::Medium));
}

#[test]
fn restarts_change_nothing_of_what_is_told() {
    let rules = rules(AlertBudget::default());
    let whole = opened(&rules, usize::MAX);
    for restart_every in [7, 100] {
        assert_eq!(opened(&rules, restart_every), whole);
    }
}

#[test]
fn rules_about_the_ledger_are_always_told() {
    let parts = RuleSet::default().build(fixtures::key());
    let always: Vec<&str> =
        parts.detectors.iter().filter(|named| named.is_always_told).map(NamedDetector::rule).collect();
    let expected = [
        "spend.budget",
        "collector.silent",
        "ledger.gap",
        "ledger.conflict",
        "ledger.bad_value",
        "clock.skew",
        "state.alerts",
        "state.flood",
    ];
    assert_eq!(always, expected);
}
