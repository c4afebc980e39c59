//! What imported rules find in events, compared with what the Sigma rules say. The rules here were written for these tests.

mod correlations;
mod properties;
mod sources;

use detect_rules::rule_test;
use detect_rules::user::{Depth, Loaded, Rule, Test};
use serde_json::Value;

use crate::{Imported, Input, Options, Outcome, import};

/// What becomes of the rules of one file.
pub fn imported(text: &str, partial: bool) -> Vec<Imported> {
    import(&[Input { text }], &Options { partial, by: Vec::new() })
}

/// The rules of ours that these Sigma rules become; all of them must be expressed.
pub fn whole(text: &str) -> Vec<Rule> {
    let mut rules = Vec::new();
    for imported in imported(text, false) {
        match imported.outcome {
            Outcome::Whole(written) => rules.extend(written.iter().map(|written| loaded(&written.text))),
            Outcome::PartOf(_) | Outcome::Filter => {}
            other => panic!("{}: {other:?}", imported.title),
        }
    }
    rules
}

/// The only rule in a file of ours.
pub fn loaded(text: &str) -> Rule {
    let mut loaded = Loaded::default();
    loaded.add_file("rule".as_ref(), text, Depth::Form);
    loaded.check_together();
    assert_eq!(loaded.errors, [], "{text}");
    loaded.rules.remove(0).rule
}

/// Whether a rule gives an alert for these events.
pub fn fires(rule: &Rule, events: &[Value]) -> bool {
    let events = events.iter().enumerate().map(|(at, event)| {
        let mut event: toml::Table = serde_json::from_value(event.clone()).unwrap();
        event.entry("second").or_insert(toml::Value::Integer(at as i64));
        for who in ["session", "workspace"] {
            event.entry(who).or_insert(toml::Value::String("w".to_owned()));
        }
        event
    });
    let test = Test { name: String::new(), events: events.collect(), until: 0, alerts: Vec::new() };
    let differences = rule_test::run(rule, &test).differences;
    assert!(!differences.iter().any(|line| line.starts_with('!')), "{differences:?}");
    !differences.is_empty()
}

/// A rule around a detection.
pub fn rule_of(category: &str, detection: &str) -> String {
    format!("title: A title\nlogsource: {{category: {category}}}\nlevel: high\ndetection:\n{detection}")
}

/// Why nothing was imported.
pub fn reasons(text: &str) -> Vec<String> {
    let mut all = Vec::new();
    for imported in imported(text, false) {
        match imported.outcome {
            Outcome::Skipped(reasons) => all.extend(reasons),
            other => panic!("{other:?}"),
        }
    }
    all
}
