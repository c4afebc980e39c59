//! Floods, bounds and outages. The ordinary course stands in the examples.

use detect_core::detector;
use detect_core::limits::{EPISODES_MAX, EPISODES_PER_SCOPE_MAX, RESOLVED_PER_ADVANCE_MAX};
use ledger::Seq;
use operations::alert::{EVIDENCE_MAX, Severity, State};
use serde_json::{Value, json};

use super::*;
use crate::fixtures::{self, START};

fn denied(second: i64, workspace: &str, domain: &str) -> Value {
    json!({"second": second, "kind": "egress.http", "outcome": "deny", "method": "POST", "domain": domain, "workspace": workspace})
}

fn observe(detector: &mut dyn Detector, events: &[Value], backfill: bool) -> Findings {
    fixtures::observe(&mut *detector, &fixtures::rows(events), backfill)
}

#[test]
fn a_flood_gives_few_updates_and_bounded_evidence() {
    let mut detector = DeniedPost::new(&Parameters::default(), fixtures::key());
    let events: Vec<Value> = (0..5_000).map(|_| denied(0, "w", "attacker-logger.com")).collect();
    let findings = observe(&mut detector, &events, false);
    let counts: Vec<u64> = findings.alerts().iter().map(|alert| alert.count).collect();
    assert_eq!(counts, [1, 4, 16, 64, 256, 1024, 4096]);
    let last = findings.alerts().last().unwrap();
    assert!(last.evidence.len() <= EVIDENCE_MAX && last.evidence.is_sorted());
    assert_eq!(last.evidence.last().unwrap().seq, Seq::new(4_095));
    assert!(findings.alerts().iter().all(|alert| alert.id == last.id));
}

#[test]
fn many_domains_of_one_agent_share_an_episode_and_leave_others_alone() {
    let mut detector = DeniedPost::new(&Parameters::default(), fixtures::key());
    let mut events = vec![denied(0, "quiet", "acme.example")];
    events.extend((0..10_000).map(|number| denied(1, "loud", &format!("d{number}.example"))));
    let findings = observe(&mut detector, &events, false);
    let opened: Vec<_> = findings.alerts().iter().filter(|alert| alert.state == State::Open).collect();
    assert_eq!(opened.len(), 1 + EPISODES_PER_SCOPE_MAX as usize + 1);
    assert!(opened.last().unwrap().reason.contains("a scan or a broken agent"), "{}", opened.last().unwrap().reason);
    let mut findings = Findings::new();
    detector::advance(&mut detector, START + 600, false, &mut findings);
    let due = findings.alerts().iter().filter(|alert| alert.follows.is_none());
    assert_eq!(due.count(), 1, "only the quiet one is due");
}

#[test]
fn state_stays_bounded_over_many_agents_and_resolution_is_spread() {
    let mut detector = DeniedPost::new(&Parameters::default(), fixtures::key());
    let events: Vec<Value> =
        (0..EPISODES_MAX + 10).map(|number| denied(0, &format!("w{number}"), "acme.example")).collect();
    let findings = observe(&mut detector, &events, false);
    let early = findings.alerts().iter().filter(|alert| alert.state == State::Resolved).count();
    assert_eq!(early, 10);
    let mut resolved = 0;
    for second in START..START + 600 + (EPISODES_MAX / RESOLVED_PER_ADVANCE_MAX) as i64 {
        let mut findings = Findings::new();
        detector::advance(&mut detector, second, false, &mut findings);
        assert!(findings.alerts().len() <= RESOLVED_PER_ADVANCE_MAX);
        resolved += findings.alerts().len();
    }
    assert_eq!(resolved, EPISODES_MAX);
}

#[test]
fn silence_during_an_outage_resolves_nothing() {
    let mut detector = DeniedPost::new(&Parameters::default(), fixtures::key());
    observe(&mut detector, &[denied(0, "w", "acme.example")], false);
    let mut findings = Findings::new();
    detector::advance(&mut detector, START + 5_000, true, &mut findings);
    detector::advance(&mut detector, START + 5_599, false, &mut findings);
    assert!(findings.alerts().is_empty());
    detector::advance(&mut detector, START + 5_600, false, &mut findings);
    assert_eq!(findings.alerts().len(), 1);
}

#[test]
fn a_live_event_takes_an_episode_out_of_the_backfill_at_once() {
    let mut detector = DeniedPost::new(&Parameters::default(), fixtures::key());
    let old = observe(&mut detector, &[denied(0, "w", "acme.example")], true);
    assert!(old.alerts()[0].backfill);
    let live = observe(&mut detector, &[denied(1, "w", "acme.example")], false);
    assert!(!live.alerts()[0].backfill && live.alerts()[0].revision == 2);
}

#[test]
fn a_redacted_secret_in_the_request_makes_the_second_one_critical() {
    let mut detector = DeniedPost::new(&Parameters::default(), fixtures::key());
    let mut event = denied(0, "w", "attacker-logger.com");
    event["redactions"] = json!(["aws_key:path:3"]);
    let findings = observe(&mut detector, &[event, denied(1, "w", "attacker-logger.com")], false);
    let severities: Vec<Severity> = findings.alerts().iter().map(|alert| alert.severity).collect();
    assert_eq!(severities, [Severity::High, Severity::Critical]);
    assert!(findings.alerts()[1].reason.contains("redacted here (events/0/0)"), "{}", findings.alerts()[1].reason);
}

/// A refused upload from a workspace that the control plane names, or that an agent claims with one token.
fn refused(workspace: usize, trust: &str, method: &str, url: (&str, &str, &str)) -> Value {
    let (host, domain, path) = url;
    json!({"second": workspace, "kind": "egress.http", "outcome": "deny", "method": method, "host": host, "domain": domain,
        "path": path, "workspace": format!("w{workspace}"), "token": "t", "trust": trust})
}

/// How many alerts of each severity twelve workspaces give.
fn check_fleet(what: &str, event: impl Fn(usize) -> Value, expected: [usize; 2]) {
    let mut detector = DeniedPost::new(&Parameters::default(), fixtures::key());
    let events: Vec<Value> = (0..12).flat_map(|workspace| [event(workspace), event(workspace)]).collect();
    let findings = observe(&mut detector, &events, false);
    let opened = |severity| {
        let is_new = |alert: &&operations::alert::Alert| alert.state == State::Open && alert.severity == severity;
        findings.alerts().iter().filter(is_new).count()
    };
    assert_eq!([opened(Severity::High), opened(Severity::Medium)], expected, "{what}");
}

#[test]
fn what_is_refused_everywhere_is_one_alert_of_the_fleet() {
    let everywhere = |url| move |workspace| refused(workspace, "workspace", "POST", url);
    check_fleet("a vendor of telemetry", everywhere(("api.segment.io", "segment.io", "/v1/batch")), [3, 1]);
    check_fleet("an agent's vendor", everywhere(("statsig.anthropic.com", "anthropic.com", "/v1/rgstr")), [3, 1]);
    check_fleet(
        "another method",
        |n| refused(n, "workspace", "PUT", ("o1.ingest.sentry.io", "sentry.io", "/api/1")),
        [3, 1],
    );
    let reports = ("copilot-telemetry.github.com", "github.com", "/telemetry");
    check_fleet("an agent's own telemetry", everywhere(("ab.chatgpt.com", "chatgpt.com", "/otlp/v1/metrics")), [3, 1]);
    check_fleet(
        "a region of a cloud's telemetry",
        everywhere(("westeurope-5.in.applicationinsights.azure.com", "azure.com", "/v2/track")),
        [3, 1],
    );
    let audit = ("registry.npmjs.org", "npmjs.org", "/-/npm/v1/security/audits/quick");
    check_fleet("a package manager's questions", everywhere(audit), [3, 1]);
    check_fleet("a package that is published", everywhere(("registry.npmjs.org", "npmjs.org", "/loot")), [12, 0]);
    check_fleet("reports to a host of a shared domain", everywhere(reports), [3, 1]);

    check_fleet("a stranger", everywhere(("attacker-logger.com", "attacker-logger.com", "/c")), [12, 0]);
    check_fleet(
        "a stranger's repository",
        everywhere(("api.github.com", "github.com", "/repos/stranger/loot/contents")),
        [12, 0],
    );
    check_fleet("a chat's hook", everywhere(("hooks.slack.com", "slack.com", "/services/T0/B0/x")), [12, 0]);
    // One token that claims twelve workspaces is one sender.
    let claimed = |n| refused(n, "agent", "POST", ("api.segment.io", "segment.io", "/v1/batch"));
    check_fleet("one token's claims", claimed, [12, 0]);
    let other = |n| {
        refused(n, "workspace", "POST", ("api.segment.io", "segment.io", ["/v1/batch", "/v1/x"][usize::from(n == 9)]))
    };
    check_fleet("one that sends something else", other, [4, 1]);
    let secret = |n| {
        let mut event = refused(n, "workspace", "POST", ("api.segment.io", "segment.io", "/v1/batch"));
        if n == 9 {
            event["redactions"] = json!(["aws_key:path:3"]);
        }
        event
    };
    check_fleet("one with a secret in it", secret, [4, 1]);
}
