//! A history with alerts that people closed, and what is said of the rule that gave them.

use detect_rules::user::{Form, Rule};
use ledger::events::column;
use ledger::{Entry, Group, LedgerName, Options, Store, TimeSource};
use operations::alert::{ALERT, Alert, State};
use operations::kind::Envelope;
use operations::kind::alert_step::{ACKNOWLEDGED, Acknowledge, CLOSED, Close, REOPENED, Seen};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use super::*;
use crate::backtest::RuleSetRun;

const RULE: &str = "acme.refused";

/// Seconds since 1970 that tests set.
#[derive(Debug)]
struct Told(AtomicI64);

impl TimeSource for Told {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_seconds(self.0.load(Ordering::Relaxed))
    }
}

/// So many refused requests within a minute open an alert.
fn rules(events: u32) -> RuleSet {
    let form = serde_json::json!({
        "name": RULE, "severity": "medium", "title": "Refused", "reason": "Refused {observed}.", "by": ["workspace"],
        "condition": "outcome == 'deny'", "rate": {"events": events, "within_seconds": 60},
    });
    RuleSet::only_user(vec![Rule::try_from(serde_json::from_value::<Form>(form).unwrap()).unwrap()])
}

/// A store on a clock that stands still until it is set.
struct History {
    directory: tempfile::TempDir,
    store: Store,
    clock: Arc<Told>,
}

impl History {
    /// Each workspace has so many refused requests.
    fn new(refused: &[(&str, usize)]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        Store::init(&directory.path().join("data"), "report.example/agents").unwrap();
        let clock = Arc::new(Told(AtomicI64::new(1_763_683_200)));
        let options = Options { reserve_bytes: 0, clock: clock.clone(), ..Options::default() };
        let store = Store::open(&directory.path().join("data"), options).unwrap();
        let history = Self { directory, store, clock };
        let mut group = Group::new(&ledger::events::TABLE);
        for (workspace, count) in refused {
            for _ in 0..*count {
                let mut entry = Entry::new();
                for (column, text) in
                    [(column::KIND, "egress.http"), (column::OUTCOME, "deny"), (column::WORKSPACE, workspace)]
                {
                    entry.set_text(column, text);
                }
                group.push(&entry).unwrap();
            }
        }
        history.store.events().appender().try_append(group).unwrap().wait().unwrap();
        history
    }

    fn readers(&self) -> [Reader; 2] {
        let data = self.directory.path().join("data");
        [LedgerName::Events, LedgerName::Operations].map(|name| Reader::open(&data, name).unwrap())
    }

    /// The alerts that these rules open, by workspace, recorded as the runner does.
    fn record(&self, rules: &RuleSet) -> Vec<Alert> {
        let [events, _] = self.readers();
        let mut run = RuleSetRun::new(rules, detect_core::sample::key());
        let mut opened = Vec::new();
        let end = events.durable().unwrap().next_seq;
        read_events(&events, Seq::FIRST..end, &mut |_| (), |row| {
            run.observe(row, |findings| {
                opened.extend(findings.take().into_iter().filter(|alert| alert.state == State::Open));
            });
        })
        .unwrap();
        for alert in &opened {
            let envelope = Envelope { subject: &alert.id, revision: Some(1), actor: "detect", ..Envelope::default() };
            self.append(&ALERT.entry(&envelope, alert).unwrap());
        }
        opened
    }

    fn append(&self, entry: &Entry) {
        let mut group = Group::new(&ledger::operations::TABLE);
        group.push(entry).unwrap();
        self.store.operations().appender().try_append(group).unwrap().wait().unwrap();
    }

    fn close(&self, alert: &Alert, reason: CloseReason) {
        let close = Close { seen: seen(), reason, duplicate_of: None, alert: None };
        self.append(&CLOSED.entry(&by_person(alert), &close).unwrap());
    }

    fn pass(&self, seconds: i64) {
        self.clock.0.fetch_add(seconds, Ordering::Relaxed);
    }

    fn standings(&self, report: &ReportOptions) -> Standings {
        let [events, operations] = self.readers();
        report.run(&events, &operations, detect_core::sample::key(), &mut |_, _| ()).unwrap()
    }
}

fn seen() -> Seen {
    Seen { revision: 1, token: "t".into() }
}

fn by_person(alert: &Alert) -> Envelope<'_> {
    Envelope { subject: &alert.id, actor: "ada", ..Envelope::default() }
}

fn report(rules: RuleSet) -> ReportOptions {
    ReportOptions { rules, rule: None, since: None, until: None, proposes: true }
}

#[test]
fn what_people_decided_is_counted_and_stricter_values_are_tried() {
    let history = History::new(&[("w0", 2), ("w1", 3), ("w2", 9), ("w3", 9), ("w4", 1)]);
    let alerts = history.record(&rules(2));
    assert_eq!(alerts.len(), 4);
    history.pass(60);
    history.close(&alerts[0], CloseReason::Benign);
    let acknowledge = Acknowledge { seen: seen(), severity: Severity::Medium, alert: None };
    history.append(&ACKNOWLEDGED.entry(&by_person(&alerts[1]), &acknowledge).unwrap());
    history.pass(600);
    history.close(&alerts[1], CloseReason::FalsePositive);
    history.close(&alerts[2], CloseReason::TruePositive);
    history.close(&alerts[3], CloseReason::Benign);
    history.append(&REOPENED.entry(&by_person(&alerts[3]), &seen()).unwrap());
    let standings = history.standings(&report(rules(2)));
    assert_eq!((standings.events, standings.agent_days, standings.is_whole), (24, 5, true));
    let [standing] = standings.rules.as_slice() else { panic!("{standings:?}") };
    assert_eq!((standing.rule.as_str(), standing.version, standing.alerts), (RULE, 1, 4));
    assert_eq!(standing.by_severity, BTreeMap::from([("medium", 4)]));
    assert_eq!(standing.closed, BTreeMap::from([("true_positive", 1), ("benign", 1), ("false_positive", 1)]));
    assert_eq!((standing.false_share, standing.per_agent_day), (Some(2.0 / 3.0), 0.8));
    assert_eq!((standing.attended, standing.lowered), (4, 0));
    assert_eq!((standing.attended_seconds_median, standing.attended_seconds_p90), (Some(60), Some(660)));
    let Proposals { trials, tried, false_found, true_found, missing } = &standing.proposals;
    assert_eq!((*false_found, *true_found, *missing), (2, 1, None));
    assert!(*tried >= 4, "{tried}");
    // 4 leaves out both, 3 only the one with two requests; 8 would leave out both, too, but changes more.
    let shown: Vec<(&str, String, u64, usize, usize)> = trials
        .iter()
        .map(|it| (it.parameter.as_str(), it.to.to_string(), it.alerts_after, it.false_gone, it.true_lost))
        .collect();
    let expected = [("4", 2, 2), ("8", 2, 2), ("3", 3, 1)];
    let expected = expected.map(|(to, after, gone)| ("rate.events", to.to_owned(), after, gone, 0));
    assert_eq!(shown, expected);
    history.store.stop();
}

#[test]
fn what_is_missing_is_said_instead_of_guessed() {
    let history = History::new(&[("w0", 2), ("w1", 9)]);
    let alerts = history.record(&rules(2));
    let missing = |report: &ReportOptions| {
        let standings = history.standings(report);
        let proposals = standings.rules.first().map(|standing| standing.proposals.clone()).unwrap_or_default();
        (proposals.missing.unwrap_or_default(), proposals.trials.len())
    };
    let now = report(rules(2));
    let check = |report: &ReportOptions, words: &str, trials: usize| {
        let (missing, found) = missing(report);
        assert!(missing.contains(words) && missing.is_empty() == words.is_empty(), "{missing}");
        assert_eq!(found, trials, "{missing}");
    };
    check(&now, "none of its alerts was closed", 0);
    history.close(&alerts[1], CloseReason::TruePositive);
    check(&now, "closed as benign or false positive", 0);
    history.close(&alerts[0], CloseReason::Benign);
    check(&now, "", 3);
    check(&report(rules(1_000)), "not found again", 0);
    check(&report(RuleSet::default()), "does not run", 0);
    check(&ReportOptions { proposes: false, ..now.clone() }, "", 0);
    let of = |rule: &str| ReportOptions { rule: Some(rule.to_owned()), ..now.clone() };
    assert!(history.standings(&of("acme.other")).rules.is_empty());
    let later = ReportOptions { since: Some(Timestamp::MAX), ..now.clone() };
    assert!(history.standings(&later).rules.is_empty());
    history.store.stop();
}

#[test]
fn parts_of_a_list_are_taken_from_its_members() {
    let check = |ascending: &[u64], expected: [Option<u64>; 2]| {
        assert_eq!([50, 90].map(|hundredths| part(ascending, hundredths)), expected, "{ascending:?}");
    };
    check(&[], [None, None]);
    check(&[7], [Some(7), Some(7)]);
    check(&[1, 2, 3, 4], [Some(2), Some(4)]);
    check(&[1, 2, 3, 4, 5, 6, 7, 8, 9, 10], [Some(5), Some(9)]);
}
