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
    assert_eq!(severity(None, "cloud_agent", &["acme/web"]), Some(Severity::High));
    assert_eq!(severity(None, "automation", &["acme/web"]), Some(Severity::Medium));
    assert_eq!(severity(None, "automation", &[]), None);
    assert_eq!(severity(Some("bypassed"), "person", &[]), Some(Severity::Medium));
    assert_eq!(severity(Some("bypassed"), "sub_agent", &[]), Some(Severity::High));
}

/// How many alerts there are where this review comes before a merge that the same repository usually approves.
fn told(review: Value) -> usize {
    let usual = json!({"second": 0, "kind": "review", "action": "review.approved", "target": "acme/web#1", "source": "github", "actor": "person"});
    let merged = json!({"second": 9, "kind": "review", "action": "pull_request.merged", "target": "acme/web#2", "source": "coder.chat", "actor": "person"});
    let mut engine = RuleSet::default().engine(fixtures::key(), Timestamp::EPOCH);
    detect_core::sample::run(&mut engine, &fixtures::rows(&[usual, review, merged]), 0).alerts().len()
}

#[test]
fn approvals_are_those_of_people_whoever_tells_of_them() {
    let approved = |actor: &str, trust: &str| json!({"second": 5, "kind": "review", "action": "review.approved", "target": "acme/web#2", "source": "github", "actor": actor, "trust": trust});
    assert_eq!(told(approved("person", "control_plane")), 0, "the forge tells, and Coder of the merge");
    assert_eq!(told(approved("cloud_agent", "control_plane")), 1, "a bot approves nothing");
    assert_eq!(told(approved("person", "agent")), 1, "an agent says so itself");
}
