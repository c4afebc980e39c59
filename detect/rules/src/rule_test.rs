//! Runs the tests that stand beside user rules, and the examples of built-in ones, which are tests as well.

use detect_core::sample::{self, SampleError};
use detect_core::spec::{Example, Spec};
use ledger::Timestamp;
use operations::alert::Alert;
use serde_json::Value;

use crate::rule_set::RuleSet;
use crate::user::{Expectation, Rule, RuleTestReport, Test, compare};

/// Runs a rule alone over the events of its test.
pub fn run(rule: &Rule, test: &Test) -> RuleTestReport {
    let alerts = found(&RuleSet::only_user(vec![rule.clone()]), &rule.form().name, &test.json(), test.until);
    RuleTestReport { name: test.name.clone(), differences: compare(&test.alerts, alerts) }
}

/// Runs the examples of a built-in rule, with the default parameters of all.
pub fn examples(spec: &Spec) -> Vec<RuleTestReport> {
    let run = |example: &Example| {
        let expected: Vec<Expectation> = example.alerts.iter().map(Expectation::from).collect();
        RuleTestReport { name: example.name.to_owned(), differences: compare(&expected, alerts(spec, example)) }
    };
    spec.examples.iter().map(run).collect()
}

/// What a built-in rule finds in one of its examples, with the default parameters of all.
pub fn alerts(spec: &Spec, example: &Example) -> Result<Vec<Alert>, SampleError> {
    let events = example.events.iter().map(|text| serde_json::from_str(text).unwrap_or_default());
    found(&RuleSet::default(), spec.name, &events.collect::<Vec<Value>>(), example.until)
}

fn found(rules: &RuleSet, rule: &str, events: &[Value], until: i64) -> Result<Vec<Alert>, SampleError> {
    let rows = sample::rows(events)?;
    let mut engine = rules.engine(sample::key(), Timestamp::EPOCH);
    let mut alerts = sample::run(&mut engine, &rows, until).take();
    // When numbers are brought up to date is no part of what a rule means.
    alerts.retain(|alert| alert.rule == rule && alert.follows.is_none());
    Ok(alerts)
}
