//! Floods, bounds and outages. The ordinary course stands in the examples.

use ledger::alert::{EVIDENCE_MAX, Severity, State};
use serde_json::{Value, json};

use super::*;
use crate::fixtures::{self, START};
use crate::limits::{EPISODES_MAX, EPISODES_PER_SCOPE_MAX, RESOLVED_PER_ADVANCE_MAX};

fn denied(second: i64, workspace: &str, domain: &str) -> Value {
    json!({"second": second, "kind": "egress.http", "outcome": "deny", "method": "POST", "domain": domain, "workspace": workspace})
}

fn observe(detector: &mut dyn Detector, events: &[Value], backfill: bool) -> Findings {
    fixtures::observe(&mut *detector, &fixtures::rows(events), backfill)
}

#[test]
fn a_flood_gives_few_updates_and_bounded_evidence() {
    let mut detector = build(&Parameters::default(), fixtures::key());
    let events: Vec<Value> = (0..5_000).map(|_| denied(0, "w", "attacker-logger.com")).collect();
    let findings = observe(detector.as_mut(), &events, false);
    let counts: Vec<u64> = findings.alerts().iter().map(|alert| alert.count).collect();
    assert_eq!(counts, [1, 4, 16, 64, 256, 1024, 4096]);
    let last = findings.alerts().last().unwrap();
    assert!(last.evidence.len() <= EVIDENCE_MAX && last.evidence.is_sorted());
    assert_eq!(last.evidence.last().unwrap().seq, 4_095);
    assert!(findings.alerts().iter().all(|alert| alert.id == last.id));
}

#[test]
fn many_domains_of_one_agent_share_an_episode_and_leave_others_alone() {
    let mut detector = build(&Parameters::default(), fixtures::key());
    let mut events = vec![denied(0, "quiet", "acme.example")];
    events.extend((0..10_000).map(|number| denied(1, "loud", &format!("d{number}.example"))));
    let findings = observe(detector.as_mut(), &events, false);
    let opened: Vec<_> = findings.alerts().iter().filter(|alert| alert.state == State::Open).collect();
    assert_eq!(opened.len(), 1 + EPISODES_PER_SCOPE_MAX as usize + 1);
    assert!(opened.last().unwrap().reason.contains("a scan or a broken agent"), "{}", opened.last().unwrap().reason);
    let mut findings = Findings::new();
    detector.advance(START + 600, false, &mut findings);
    assert_eq!(findings.alerts().len(), 1, "only the quiet one is due");
}

#[test]
fn state_stays_bounded_over_many_agents_and_resolution_is_spread() {
    let mut detector = build(&Parameters::default(), fixtures::key());
    let events: Vec<Value> =
        (0..EPISODES_MAX + 10).map(|number| denied(0, &format!("w{number}"), "acme.example")).collect();
    let findings = observe(detector.as_mut(), &events, false);
    let early = findings.alerts().iter().filter(|alert| alert.state == State::Resolved).count();
    assert_eq!(early, 10);
    let mut resolved = 0;
    for second in START..START + 600 + (EPISODES_MAX / RESOLVED_PER_ADVANCE_MAX) as i64 {
        let mut findings = Findings::new();
        detector.advance(second, false, &mut findings);
        assert!(findings.alerts().len() <= RESOLVED_PER_ADVANCE_MAX);
        resolved += findings.alerts().len();
    }
    assert_eq!(resolved, EPISODES_MAX);
}

#[test]
fn silence_during_an_outage_resolves_nothing() {
    let mut detector = build(&Parameters::default(), fixtures::key());
    observe(detector.as_mut(), &[denied(0, "w", "acme.example")], false);
    let mut findings = Findings::new();
    detector.advance(START + 5_000, true, &mut findings);
    detector.advance(START + 5_599, false, &mut findings);
    assert!(findings.alerts().is_empty());
    detector.advance(START + 5_600, false, &mut findings);
    assert_eq!(findings.alerts().len(), 1);
}

#[test]
fn a_live_event_takes_an_episode_out_of_the_backfill_at_once() {
    let mut detector = build(&Parameters::default(), fixtures::key());
    let old = observe(detector.as_mut(), &[denied(0, "w", "acme.example")], true);
    assert!(old.alerts()[0].backfill);
    let live = observe(detector.as_mut(), &[denied(1, "w", "acme.example")], false);
    assert!(!live.alerts()[0].backfill && live.alerts()[0].revision == 2);
}

#[test]
fn a_redacted_secret_in_the_request_makes_the_second_one_critical() {
    let mut detector = build(&Parameters::default(), fixtures::key());
    let mut event = denied(0, "w", "attacker-logger.com");
    event["redactions"] = json!(["aws_key:path:3"]);
    let findings = observe(detector.as_mut(), &[event, denied(1, "w", "attacker-logger.com")], false);
    let severities: Vec<Severity> = findings.alerts().iter().map(|alert| alert.severity).collect();
    assert_eq!(severities, [Severity::High, Severity::Critical]);
    assert!(findings.alerts()[1].reason.contains("redacted here (events/0/0)"), "{}", findings.alerts()[1].reason);
}
