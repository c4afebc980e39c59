//! Posts as Prometheus, amtool and attackers write them, and the life of what was posted.

use std::collections::BTreeSet;
use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

const START: i64 = 1_796_032_800;

fn second(after: u64) -> Timestamp {
    Timestamp::from_unix_seconds(START).saturating_add(Duration::from_secs(after))
}

fn posts(alerts: &Value) -> Post {
    read(alerts.to_string().as_bytes()).unwrap()
}

#[test]
fn a_post_of_prometheus_is_read() {
    // As Prometheus 2 and 3 write it.
    let post = posts(&json!([{
        "labels": {"alertname": "Disk full!", "severity": "critical", "team": "db", "instance": "db-1:9100", "empty": ""},
        "annotations": {"summary": "Disk of db-1 is full", "description": "98 % used.\nLook at it."},
        "startsAt": "2026-11-30T10:00:00.123Z", "endsAt": "2026-11-30T10:04:00Z", "generatorURL": "http://prometheus:9090/graph?g0.expr=x",
    }]));
    assert_eq!(post.refused, Vec::<String>::new());
    let alert = post.alerts[0].open("alert-1".into(), Some("7f"), second(9));
    assert_eq!(
        (alert.rule.as_str(), alert.severity, alert.title.as_str()),
        ("outside.Disk_full_", Severity::Critical, "Disk of db-1 is full")
    );
    assert_eq!((alert.who.team.as_deref(), alert.what.host.as_deref()), (Some("db"), Some("db-1:9100")));
    let reason = "98 % used. Look at it. Labels: alertname=Disk full!, instance=db-1:9100, severity=critical, team=db. \
                  Source: http://prometheus:9090/graph?g0.expr=x";
    assert_eq!(alert.reason, reason);
    assert_eq!(post.alerts[0].starts, Some(Timestamp::from_unix_micros(1_796_032_800_123_000)));
    // amtool writes the year 1 for a time that was not given.
    let post = posts(
        &json!([{"labels": {"alertname": "x"}, "startsAt": "0001-01-01T00:00:00Z", "endsAt": "0001-01-01T00:00:00.000Z"}]),
    );
    assert_eq!((post.alerts[0].starts, post.alerts[0].ends), (None, None));
}

#[test]
fn severities_are_known_by_the_words_in_use() {
    let check = |name: &str, word: &str, severity: Severity| {
        let post = posts(&json!([{"labels": {"alertname": "x", name: word}}]));
        assert_eq!(post.alerts[0].severity(), severity, "{name} {word}");
    };
    for (word, severity) in [
        ("critical", Severity::Critical),
        ("Page", Severity::Critical),
        ("ERROR", Severity::High),
        ("warning", Severity::Medium),
        ("minor", Severity::Low),
        ("none", Severity::Info),
        ("whatever", Severity::Medium),
    ] {
        check("severity", word, severity);
    }
    check("priority", "P2", Severity::High);
    check("job", "x", Severity::Medium);
}

#[test]
fn what_is_wrong_is_named_and_the_rest_is_taken() {
    let check = |alert: Value, says: &str| {
        let post = posts(&json!([alert, {"labels": {"alertname": "good"}}]));
        assert_eq!(post.alerts.len(), 1, "{:?}", post.refused);
        assert!(post.refused[0].starts_with("alert 0: ") && post.refused[0].contains(says), "{:?}", post.refused);
    };
    check(json!({}), "no labels");
    check(json!({"labels": {"a": ""}}), "no labels");
    check(json!({"labels": {"a": "x".repeat(1_025)}}), "at most 1024");
    check(json!({"labels": {"a": "x"}, "annotations": {"b": "x".repeat(20_000)}}), "at most 16384");
    check(json!({"labels": {"a": "x"}, "startsAt": "yesterday"}), "startsAt");
    check(
        json!({"labels": {"a": "x"}, "startsAt": "2026-11-30T10:00:00Z", "endsAt": "2026-11-29T10:00:00Z"}),
        "before",
    );
    let many: BTreeMap<String, String> = (0..65).map(|number| (format!("l{number}"), "x".to_owned())).collect();
    check(json!({"labels": many}), "more than 64 labels");
    assert!(matches!(read(b"{}"), Err(Malformed::Json(_))));
    assert!(matches!(read(b"[{\"labels\": {\"a\": 1}}]"), Err(Malformed::Json(_))));
    let many = vec![json!({"labels": {"a": "x"}}); 1_025];
    assert_eq!(read(Value::from(many).to_string().as_bytes()), Err(Malformed::TooMany));
}

#[test]
fn labels_are_told_apart_whatever_they_hold() {
    let identity = |labels: Value| posts(&json!([{"labels": labels}])).alerts[0].identity();
    assert_eq!(identity(json!({"a": "1", "b": "2"})), identity(json!({"b": "2", "a": "1", "c": ""})));
    let others =
        [json!({"a": "1", "b": "3"}), json!({"a": "1b", "2": "2"}), json!({"a": "1"}), json!({"a": "2", "b": "1"})];
    let mut seen = BTreeSet::from([identity(json!({"a": "1", "b": "2"}))]);
    assert!(others.into_iter().all(|labels| seen.insert(identity(labels))));
}

#[test]
fn too_many_open_alerts_are_not_taken_and_room_comes_back() {
    let mut inbox = Inbox::default();
    let posted = |number: usize| posts(&json!([{"labels": {"alertname": format!("a{number}")}}])).alerts.remove(0);
    for number in 0..limits::OUTSIDE_OPEN_MAX {
        assert!(matches!(inbox.receive(&posted(number), None, |_| None, second(0)), Received::Revision(_)));
    }
    let one_more = posted(limits::OUTSIDE_OPEN_MAX);
    assert_eq!(inbox.receive(&one_more, None, |_| None, second(1)), Received::Full);
    assert_eq!(inbox.receive(&posted(0), None, |_| None, second(1)), Received::Nothing);
    assert_eq!(inbox.overdue(second(300)).len(), limits::NOTICES_MAX);
    assert!(matches!(inbox.receive(&one_more, None, |_| None, second(300)), Received::Revision(_)));
}

/// Something that happens.
#[derive(Debug, Clone)]
enum Step {
    /// The alert with this number is posted, with these times in seconds from now, and this text.
    Post { number: u8, ends: Option<i64>, starts: Option<u8>, text: u8 },
    /// So many seconds pass.
    Wait(u16),
    /// The process starts again.
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    let ends = prop_oneof![Just(None), (-600i64..900).prop_map(Some)];
    let post = (0u8..3, ends, proptest::option::of(0u8..3), 0u8..3);
    prop_oneof![
        5 => post.prop_map(|(number, ends, starts, text)| Step::Post { number, ends, starts, text }),
        3 => (0u16..700).prop_map(Step::Wait),
        1 => Just(Step::Restart),
    ]
}

/// What is on record: every revision of every alert.
#[derive(Default)]
struct Record(BTreeMap<String, Vec<Alert>>);

impl Record {
    fn newest(&self, id: &str) -> Option<Alert> {
        self.0.get(id)?.last().cloned()
    }

    fn push(&mut self, alert: Alert) {
        let revisions = self.0.entry(alert.id.clone()).or_default();
        assert_eq!(alert.revision as usize, revisions.len() + 1);
        assert_eq!(alert.state == State::Open, revisions.is_empty());
        assert!(revisions.last().is_none_or(|before| before.state != State::Resolved), "nothing follows an end");
        assert!(
            revisions.last().is_none_or(|before| before.shape == alert.shape && before.first_seen >= alert.first_seen)
        );
        assert!(alert.first_seen <= alert.last_seen && alert.recorded_first <= alert.recorded_last);
        revisions.push(alert);
    }

    fn open(&self) -> Vec<String> {
        let newest = self.0.values().filter_map(|revisions| revisions.last());
        newest.filter(|alert| alert.state != State::Resolved).filter_map(|alert| alert.shape.clone()).collect()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn what_was_posted_is_open_until_it_ends_or_stays_away(steps in proptest::collection::vec(step(), 1..40)) {
        let (mut inbox, mut record, mut now) = (Inbox::default(), Record::default(), 0u64);
        // What Alertmanager would call firing: when each label set is over.
        let mut firing: BTreeMap<String, Timestamp> = BTreeMap::new();
        for step in steps {
            match step {
                Step::Wait(seconds) => now += u64::from(seconds),
                Step::Restart => {
                    let alerts: Vec<Alert> = record.0.values().filter_map(|revisions| revisions.last().cloned()).collect();
                    inbox = Inbox::over(alerts.iter(), second(now));
                    for until in firing.values_mut() {
                        *until = second(now + 300);
                    }
                }
                Step::Post { number, ends, starts, text } => {
                    let at = |seconds: i64| second(now.saturating_add_signed(seconds));
                    let (ends, starts) = (ends.map(at), starts.map(|minutes| second(60 * u64::from(minutes))));
                    let labels = BTreeMap::from([("alertname".to_owned(), format!("a{number}"))]);
                    let annotations = BTreeMap::from([("summary".to_owned(), format!("t{text}"))]);
                    let posted = Posted { labels, annotations, starts, ends, generator: None };
                    let identity = posted.identity();
                    if ends.is_some_and(|ends| ends <= second(now)) {
                        firing.remove(&identity);
                    } else {
                        firing.insert(identity, ends.unwrap_or(second(now + 300)));
                    }
                    if let Received::Revision(alert) = inbox.receive(&posted, None, |id| record.newest(id), second(now)) {
                        record.push(*alert);
                    }
                }
            }
            inbox.overdue(second(now)).into_iter().for_each(|alert| record.push(alert));
            firing.retain(|_, until| *until > second(now));
            let mut open = record.open();
            open.sort_unstable();
            // At most one episode of each label set is open, and it is that of what fires.
            prop_assert_eq!(open, firing.keys().cloned().collect::<Vec<_>>());
            prop_assert_eq!(inbox.len(), firing.len());
            prop_assert_eq!(inbox.next(), firing.values().min().copied());
        }
    }

    #[test]
    fn whatever_is_posted_is_bounded_and_reads_back(name in "\\PC{0,40}", text in "\\PC{0,300}", times in 1usize..60, url in "\\PC{0,60}") {
        let long = text.repeat(times);
        let body = json!([{"labels": {"alertname": name, "severity": text, "team": text}, "annotations": {"summary": long, "description": long},
            "generatorURL": url}]);
        let Ok(post) = read(body.to_string().as_bytes()) else { panic!("it is a list") };
        for posted in &post.alerts {
            let mut inbox = Inbox::default();
            let Received::Revision(alert) = inbox.receive(posted, Some("7f"), |_| None, second(0)) else { panic!("it is new") };
            let record = serde_json::to_string(&alert).unwrap();
            prop_assert!(record.len() < limits::TRIAGE_RECORD_BYTES_MAX, "{}", record.len());
            prop_assert_eq!(&serde_json::from_str::<Alert>(&record).unwrap(), &*alert);
            prop_assert!(!record.chars().any(char::is_control) && !alert.rule.contains(' '));
        }
    }

    #[test]
    fn no_body_panics(body in "\\PC{0,80}|[\\[\\]{}\":,a-z0-9]{0,80}") {
        let _ = read(body.as_bytes());
    }
}
