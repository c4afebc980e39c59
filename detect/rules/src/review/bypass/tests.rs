//! What examples do not show: merges by rules of the branch, by parameters and by whoever merges.

use ledger::Timestamp;
use operations::alert::Severity;
use serde_json::{Value, json};

use crate::fixtures;
use crate::registry::Rules;
use crate::rule_set::RuleSet;

/// How bad the merge of a pull request is of which nothing else is known; `None` if it is not told.
fn severity(rule: Option<&str>, actor: &str, repositories: &[&str]) -> Option<Severity> {
    let mut event =
        json!({"second": 0, "kind": "review", "action": "pull_request.merged", "target": "acme/web#1", "actor": actor});
    if let Some(rule) = rule {
        event["rule"] = json!(rule);
    }
    let mut rules = Rules::off();
    rules.review_bypass.enabled = true;
    rules.review_bypass.repositories = repositories.iter().map(ToString::to_string).collect();
    let mut engine = RuleSet::from(rules).engine(fixtures::key(), Timestamp::EPOCH);
    let findings = detect_core::sample::run(&mut engine, &fixtures::rows(&[event]), 0);
    findings.alerts().first().map(|alert| alert.severity)
}

#[test]
fn how_bad_a_merge_is_follows_from_who_merged_and_what_holds_there() {
    assert_eq!(severity(None, "person", &[]), None);
    assert_eq!(severity(Some("not_approved"), "person", &[]), None, "nobody must approve there");
    assert_eq!(severity(None, "cloud_agent", &[]), Some(Severity::Low));
    assert_eq!(severity(Some("approved"), "cloud_agent", &[]), None);
    assert_eq!(severity(None, "person", &["acme/web"]), Some(Severity::Medium));
    assert_eq!(severity(None, "person", &["acme/we"]), None);
    assert_eq!(severity(None, "automation", &["acme/web"]), Some(Severity::High));
    assert_eq!(severity(Some("bypassed"), "person", &[]), Some(Severity::Medium));
    assert_eq!(severity(Some("bypassed"), "sub_agent", &[]), Some(Severity::High));
}

#[test]
fn another_forge_has_other_repositories() {
    let approved = |source: &str| json!({"second": 0, "kind": "review", "action": "review.approved", "target": "acme/web#1", "source": source});
    let merged: Value = json!({"second": 9, "kind": "review", "action": "pull_request.merged", "target": "acme/web#2", "source": "github", "actor": "person"});
    let told = |source: &str| {
        let mut engine = RuleSet::default().engine(fixtures::key(), Timestamp::EPOCH);
        let findings = detect_core::sample::run(&mut engine, &fixtures::rows(&[approved(source), merged.clone()]), 0);
        findings.alerts().len()
    };
    assert_eq!([told("github"), told("gitlab")], [1, 0]);
}
