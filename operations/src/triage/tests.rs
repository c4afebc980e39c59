//! The life of alerts over rows as they stand in the ledger: what each entry does, orders, restarts, bounds, hostile records.

mod notices;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::check::Asking;
use super::*;
use crate::access::{Principal, Role};
use crate::alert::{Alert, Severity, State, What, Who};
use crate::fold::Fold;
use crate::kind::alert_step::CloseReason;
use crate::kind::window::WindowKind;
use crate::limits;
use ledger::LedgerName;
use ledger::operations::column;
use ledger::{Rows, Seq, Timestamp};

const MINUTE: i64 = 60_000_000;
const DAY: i64 = 24 * 60 * MINUTE;

pub(super) fn moment(micros: i64) -> Timestamp {
    Timestamp::from_unix_micros(micros)
}

/// One high alert of a rule that matchers in these tests name.
pub(crate) fn alert(id: &str, revision: u32) -> Alert {
    Alert {
        id: id.into(),
        revision,
        rule: "egress.denied_post".into(),
        rule_version: 1,
        state: if revision == 1 { State::Open } else { State::Updated },
        severity: Severity::High,
        title: "t".into(),
        reason: "r".into(),
        who: Who::default(),
        what: What::default(),
        first_seen: Timestamp::EPOCH,
        last_seen: Timestamp::EPOCH,
        recorded_first: Timestamp::EPOCH,
        recorded_last: Timestamp::EPOCH,
        count: 1,
        evidence: Vec::new(),
        tags: Vec::new(),
        backfill: false,
        measured: None,
        follows: None,
        sender: None,
        flood: false,
        lowered_from: None,
        shape: None,
    }
}

/// An inhibition with one matcher on each side.
pub(super) fn rule(name: &str, source: &str, target: &str) -> Inhibition {
    let matchers = |text: &str| vec![text.parse().unwrap()];
    Inhibition { name: name.into(), source: matchers(source), target: matchers(target), equal: Vec::new() }
}

fn person(name: &str, role: Role) -> Principal {
    Principal { token: format!("tok_{name}"), name: name.into(), roles: vec![role], ..Principal::local() }
}

/// A ledger in memory, one row per minute.
struct Story {
    rows: Rows,
    triage: Triage,
}

impl Story {
    fn new(policy: Policy) -> Self {
        Self { rows: Rows::new(LedgerName::Operations, 0, Seq::FIRST), triage: Triage::new(policy) }
    }

    /// The time of the newest row.
    fn now(&self) -> i64 {
        self.rows.len() as i64 * MINUTE
    }

    fn record(&mut self, entry: &ledger::Entry) -> &mut Self {
        let recorded = self.now() + MINUTE;
        self.rows.push_entry(0, moment(recorded), &entry.clone());
        let row = self.rows.get(self.rows.len() - 1).unwrap();
        self.triage.apply(&row);
        self
    }

    fn alert(&mut self, alert: &Alert) -> &mut Self {
        self.record(&raw("alert", &alert.id, "detect", &serde_json::to_value(alert).unwrap()))
    }

    fn ask(&mut self, who: &Principal, request: &Value) -> Result<String, Refused> {
        let request = serde_json::from_value(request.clone()).unwrap();
        let asking = Asking { triage: &self.triage, principal: who, now: moment(self.now()) };
        let number = self.rows.len();
        let checked = asking.check(&request, || Ok(number.to_string()))?;
        self.record(&checked.entry);
        Ok(checked.subject)
    }

    /// Asks as an analyst.
    fn ada(&mut self, request: &Value) -> Result<String, Refused> {
        self.ask(&person("ada", Role::Analyst), request)
    }

    fn get(&self, id: &str) -> &Triaged {
        self.triage.get(id).unwrap()
    }

    fn notify(&self, id: &str, now: i64) -> Notify {
        self.triage.notify(&self.get(id).alert, moment(now))
    }
}

fn raw(kind: &str, subject: &str, actor: &str, record: &Value) -> ledger::Entry {
    let mut entry = ledger::Entry::new();
    entry.set_text(column::KIND, kind);
    entry.set_text(column::SUBJECT, subject);
    entry.set_text(column::ACTOR, actor);
    entry.set_text(column::RECORD, &record.to_string());
    entry
}

#[test]
fn an_alert_lives_from_its_opening_to_its_close_and_opens_again_when_it_goes_on() {
    let mut story = Story::new(Policy::default());
    story.alert(&alert("alert-1", 1)).alert(&alert("alert-1", 2));
    assert_eq!((story.get("alert-1").status(), story.get("alert-1").version()), (Status::Open, 2));
    story.ada(&json!({"action": "ack", "alert": "alert-1", "note": "looking"})).unwrap();
    story.ada(&json!({"action": "assign", "alert": "1", "assignee": "bob"})).unwrap();
    let triaged = story.get("alert-1");
    assert_eq!((triaged.status(), triaged.assignee.as_deref(), triaged.notes), (Status::Acknowledged, Some("bob"), 1));
    assert_eq!(triaged.acknowledged().unwrap().by, By { actor: "ada".into(), recorded: moment(3 * MINUTE) });
    story.ada(&json!({"action": "resolve", "alert": "alert-1", "reason": "benign", "if_version": 4})).unwrap();
    let closed = story.get("alert-1").closed.clone().unwrap();
    assert_eq!((closed.by.actor.as_str(), closed.reason, closed.revision), ("ada", CloseReason::Benign, 2));
    // The end of the episode changes nothing about it, its going on does.
    let mut resolved = alert("alert-1", 3);
    resolved.state = State::Resolved;
    story.alert(&resolved);
    assert_eq!(story.get("alert-1").status(), Status::Closed);
    story.alert(&alert("alert-1", 4));
    let triaged = story.get("alert-1");
    assert_eq!((triaged.status(), triaged.reopened), (Status::Open, Some(moment(7 * MINUTE))));
    assert_eq!(triaged.assignee.as_deref(), Some("bob"), "whoever looked after it does so again");
    assert_eq!((triaged.version(), triaged.steps.len()), (7, 3));
}

#[test]
fn a_close_that_missed_a_revision_does_not_stand() {
    let mut story = Story::new(Policy::default());
    story.alert(&alert("a", 1)).alert(&alert("a", 2));
    let record = json!({"revision": 1, "token": "t", "reason": "benign"});
    story.record(&raw("alert.close", "a", "ada", &record));
    assert_eq!(story.get("a").status(), Status::Open);
    assert!(story.get("a").reopened.is_some());
}

#[test]
fn an_acknowledgement_does_not_cover_what_became_worse() {
    let mut story = Story::new(Policy::default());
    story.alert(&alert("a", 1));
    story.ada(&json!({"action": "ack", "alert": "a"})).unwrap();
    let mut worse = alert("a", 2);
    worse.severity = Severity::Critical;
    story.alert(&worse);
    let triaged = story.get("a");
    assert_eq!((triaged.status(), triaged.unattended_since), (Status::Open, moment(3 * MINUTE)));
    story.ada(&json!({"action": "ack", "alert": "a"})).unwrap();
    assert_eq!(story.get("a").status(), Status::Acknowledged);
}

#[test]
fn what_cannot_be_done_is_refused_with_its_own_word() {
    let mut story = Story::new(Policy::default());
    story.alert(&alert("alert-aa1", 1)).alert(&alert("alert-aa2", 1)).alert(&alert("alert-b", 1));
    story.ada(&json!({"action": "resolve", "alert": "b", "reason": "false_positive"})).unwrap();
    let day = i64::from(limits::SILENCE_DAYS_MAX) * DAY;
    let silence = |more: Value| {
        let mut request =
            json!({"action": "silence", "kind": "silence", "matchers": ["rule=x"], "reason": "r", "ends": DAY});
        request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        request
    };
    let window = |more: Value| {
        let mut request = silence(json!({"kind": "maintenance"}));
        request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        request
    };
    let long = "x".repeat(limits::REASON_BYTES_MAX + 1);
    let many = vec!["rule=x"; limits::MATCHERS_MAX + 1];
    let cases = [
        (json!({"action": "ack", "alert": "c"}), "unknown_alert"),
        (json!({"action": "ack", "alert": ""}), "unknown_alert"),
        (json!({"action": "ack", "alert": "aa"}), "ambiguous_alert"),
        (json!({"action": "ack", "alert": "aa1", "if_version": 2}), "version"),
        (json!({"action": "ack", "alert": "b"}), "already_closed"),
        (json!({"action": "resolve", "alert": "b", "reason": "benign"}), "already_closed"),
        (json!({"action": "assign", "alert": "b"}), "already_closed"),
        (json!({"action": "assign", "alert": "aa1", "assignee": "a\u{7}"}), "text"),
        (json!({"action": "reopen", "alert": "aa1"}), "not_closed"),
        (json!({"action": "resolve", "alert": "aa1", "reason": "duplicate"}), "duplicate"),
        (json!({"action": "resolve", "alert": "aa1", "reason": "duplicate", "duplicate_of": "aa1"}), "duplicate"),
        (json!({"action": "resolve", "alert": "aa1", "reason": "benign", "duplicate_of": "b"}), "duplicate"),
        (json!({"action": "note", "alert": "aa1", "note": " \n"}), "empty"),
        (json!({"action": "note", "alert": "aa1", "note": "\u{1b}[31m"}), "text"),
        (silence(json!({"ends": null})), "no_end"),
        (silence(json!({"ends": 1})), "ends_too_early"),
        (silence(json!({"ends": day + DAY})), "too_long"),
        (silence(json!({"reason": ""})), "empty"),
        (silence(json!({"reason": long})), "text"),
        (silence(json!({"matchers": []})), "hides_everything"),
        (silence(json!({"matchers": ["rule~*", "team!=red"]})), "hides_everything"),
        (silence(json!({"matchers": many})), "too_many_matchers"),
        (silence(json!({"starts": DAY / 2})), "repetition"),
        (silence(json!({"every_seconds": 86_400})), "repetition"),
        (window(json!({"every_seconds": 86_400})), "repetition"),
        (window(json!({"every_seconds": 3_600, "until": 2 * DAY})), "repetition"),
        (window(json!({"every_seconds": 2 * 86_400, "until": 400 * DAY})), "too_long"),
        (json!({"action": "expire", "silence": "silence-1"}), "unknown_silence"),
    ];
    let before = story.triage.clone();
    for (request, code) in cases {
        assert_eq!(story.ada(&request).map_err(|error| error.code().0), Err(code), "{request}");
    }
    let aud = person("aud", Role::Auditor);
    assert_eq!(story.ask(&aud, &json!({"action": "ack", "alert": "aa1"})).unwrap_err().code().0, "role");
    assert_eq!(story.triage, before, "what is refused changes nothing");
    story.ada(&json!({"action": "ack", "alert": "aa1", "if_version": 1})).unwrap();
    assert_eq!(story.ada(&json!({"action": "ack", "alert": "aa1"})).unwrap_err().code().0, "already_acknowledged");
    story.ada(&json!({"action": "reopen", "alert": "b"})).unwrap();
    story.ada(&json!({"action": "resolve", "alert": "b", "reason": "duplicate", "duplicate_of": "aa1"})).unwrap();
    assert_eq!(story.get("alert-b").closed.clone().unwrap().duplicate_of.as_deref(), Some("alert-aa1"));
}

#[test]
fn silences_hide_until_they_end_or_are_ended() {
    let mut story = Story::new(Policy::default());
    story.alert(&alert("a", 1));
    let mut other = alert("b", 1);
    other.rule = "loop.repeat".into();
    story.alert(&other);
    let egress = crate::filter::Filter::parse("rule:egress.*").unwrap();
    let covers = |alert: &Alert| egress.matches(alert, Timestamp::EPOCH);
    assert_eq!(story.triage.would_have_hidden(covers, Timestamp::EPOCH), 1);
    assert_eq!(story.triage.would_have_hidden(covers, moment(2 * MINUTE)), 0);
    let request = |ends: i64| json!({"action": "silence", "kind": "silence", "matchers": ["rule~egress.*"], "reason": "r", "ends": ends});
    let short = story.ada(&request(10 * MINUTE)).unwrap();
    let long = story.ada(&request(20 * MINUTE)).unwrap();
    let by = |id: &str| HiddenBy::Window { kind: WindowKind::Silence, id: id.into() };
    let hidden = |id: &str, until: i64| Notify::Hidden { by: by(id), until: Some(moment(until * MINUTE)) };
    assert_eq!(story.notify("a", story.now()), hidden(&long, 20));
    assert_eq!(story.notify("b", story.now()), Notify::Notify);
    assert_eq!(story.triage.hidings(&alert("a", 1), moment(story.now())).len(), 2);
    assert_eq!(story.notify("a", 20 * MINUTE), Notify::Notify);
    story.ada(&json!({"action": "expire", "silence": long})).unwrap();
    assert_eq!(story.notify("a", story.now()), hidden(&short, 10));
    assert_eq!(story.ada(&json!({"action": "expire", "silence": long})).unwrap_err().code().0, "silence_over");
    assert_eq!(story.triage.standing_silences(moment(story.now())).count(), 1);
    assert_eq!(story.triage.silences().count(), 2);
    assert_eq!(story.triage.silence(&long).unwrap().would_have_hidden, 1);
}

#[test]
fn what_was_closed_as_benign_is_told_to_nobody_when_it_comes_again() {
    let mut story = Story::new(Policy::default());
    let of = |id: &str, shape: &str, team: &str, severity: Severity| {
        let mut alert = alert(id, 1);
        (alert.shape, alert.who.team, alert.severity) = (Some(shape.into()), Some(team.into()), severity);
        alert
    };
    story.alert(&of("a", "s", "red", Severity::Medium));
    story.ada(&json!({"action": "resolve", "alert": "a", "reason": "benign"})).unwrap();
    let cases = [
        ("b", "s", "red", Severity::Medium, true),
        ("c", "s", "red", Severity::High, false),
        ("d", "s", "blue", Severity::Low, false),
        ("e", "t", "red", Severity::Low, false),
    ];
    let by = || Notify::Hidden { by: HiddenBy::Benign { alert: "a".into() }, until: None };
    for (id, shape, team, severity, is_hidden) in cases {
        story.alert(&of(id, shape, team, severity));
        assert_eq!(story.notify(id, story.now()), if is_hidden { by() } else { Notify::Notify }, "{id}");
    }
    // It goes on, which opens it again for whoever looks; nobody is told.
    story.alert(&Alert { revision: 2, state: State::Updated, ..of("a", "s", "red", Severity::Medium) });
    assert_eq!((story.get("a").status(), story.notify("a", story.now())), (Status::Open, by()));
    // Another one of that shape turns out to be bad.
    story.ada(&json!({"action": "resolve", "alert": "b", "reason": "true_positive"})).unwrap();
    assert_eq!(story.notify("a", story.now()), Notify::Notify);
    story.ada(&json!({"action": "resolve", "alert": "c", "reason": "benign"})).unwrap();
    assert!(matches!(story.notify("a", story.now()), Notify::Hidden { .. }));
    story.ada(&json!({"action": "reopen", "alert": "c"})).unwrap();
    assert_eq!(story.notify("a", story.now()), Notify::Notify);
}

#[test]
fn inhibitions_hide_while_their_source_lasts_and_never_each_other() {
    let mut inhibition = rule("high hides the rest", "rule=egress.denied_post", "severity~*");
    inhibition.equal = vec![Column::Team];
    let policy = Policy { inhibitions: vec![inhibition], ..Policy::default() };
    let mut story = Story::new(policy.clone());
    let of = |id: &str, rule: &str, team: Option<&str>| {
        let mut alert = alert(id, 1);
        (alert.rule, alert.who.team) = (rule.into(), team.map(str::to_owned));
        alert
    };
    for alert in [
        of("a", "egress.denied_post", Some("red")),
        of("b", "egress.denied_post", Some("red")),
        of("c", "loop.repeat", Some("red")),
        of("d", "loop.repeat", Some("blue")),
        of("e", "loop.repeat", None),
        of("f", "egress.denied_post", None),
    ] {
        story.alert(&alert);
    }
    let now = story.now();
    let by = HiddenBy::Inhibition { rule: "high hides the rest".into(), source: "a".into() };
    assert_eq!(story.notify("c", now), Notify::Hidden { by, until: None });
    for id in ["a", "b", "d", "e", "f"] {
        assert_eq!(story.notify(id, now), Notify::Notify, "{id}");
    }
    story.ada(&json!({"action": "resolve", "alert": "a", "reason": "benign"})).unwrap();
    assert!(
        matches!(story.notify("c", now), Notify::Hidden { by: HiddenBy::Inhibition { source, .. }, .. } if source == "b")
    );
    let mut resolved = of("b", "egress.denied_post", Some("red"));
    (resolved.revision, resolved.state) = (2, State::Resolved);
    story.alert(&resolved);
    assert_eq!(story.notify("c", now), Notify::Notify);
    story.triage.set_policy(Policy::default());
    story.triage.set_policy(policy);
    story.ada(&json!({"action": "reopen", "alert": "a"})).unwrap();
    assert_ne!(story.notify("c", now), Notify::Notify);
}

/// One entry of a random history: about one of few alerts, often nonsense.
fn entry() -> impl Strategy<Value = (String, ledger::Entry)> {
    let subject = prop::sample::select(vec!["a", "b", "c"]);
    let known = prop::sample::select(vec![
        "alert.ack",
        "alert.assign",
        "alert.note",
        "alert.close",
        "alert.reopen",
        "alert.notice",
        "silence",
        "silence.expire",
        "maintenance",
        "maintenance.expire",
    ]);
    let record = (any::<u32>(), 0..4_usize, any::<i64>(), any::<i64>(), any::<Option<u64>>()).prop_map(|(revision, which, starts, ends, every)| {
        json!({"revision": revision % 5, "token": "t", "severity": "high", "assignee": "bob", "reason": CloseReason::ALL[which],
            "matchers": ["rule~e*"], "starts": starts, "ends": ends, "every_seconds": every, "until": ends, "would_have_hidden": 1,
            "because": (["escalation", "unhidden", "reopened", "x"][which]), "step": "s", "receivers": ["r"], "alert": alert("a", 1)})
    });
    let hostile = "\\PC{0,40}".prop_map(Value::from);
    let steps = (subject.clone(), known, prop_oneof![4 => record, 1 => hostile]);
    let alerts = (subject, 1..5_u32, 0..3_usize, 0..5_usize).prop_map(|(id, revision, state, severity)| {
        let mut alert = alert(id, revision);
        alert.state = [State::Open, State::Updated, State::Resolved][state];
        alert.severity = Severity::ALL[severity];
        (id.to_owned(), raw("alert", id, "detect", &serde_json::to_value(alert).unwrap()))
    });
    prop_oneof![
        alerts,
        steps.prop_map(|(subject, kind, record)| (subject.to_owned(), raw(kind, subject, "ada", &record))),
    ]
}

fn policy() -> Policy {
    Policy { inhibitions: vec![rule("r", "severity=critical", "rule~e*")], ..Policy::default() }
}

fn fold(rows: &Rows, triage: &mut Triage) {
    rows.iter().for_each(|row| triage.apply(&row));
}

proptest! {
    #[test]
    fn a_restarted_fold_comes_to_the_same_state(entries in prop::collection::vec(entry(), 0..40), cut in 0..40_usize, now: i64) {
        let mut story = Story::new(policy());
        for (_, entry) in &entries {
            story.record(entry);
        }
        let mut resumed = Triage::new(policy());
        story.rows.iter().take(cut).for_each(|row| resumed.apply(&row));
        // What was derived on the way, in whatever order, is what is derived at the end.
        resumed.set_policy(Policy::default());
        resumed.set_policy(policy());
        story.rows.iter().skip(cut).for_each(|row| resumed.apply(&row));
        prop_assert_eq!(&resumed, &story.triage);
        resumed.set_policy(policy());
        prop_assert_eq!(&resumed, &story.triage);
        for triaged in story.triage.iter() {
            let _ = (story.triage.notify(&triaged.alert, moment(now)), story.triage.escalation(triaged, moment(now)));
        }
    }

    #[test]
    fn entries_about_different_subjects_commute(entries in prop::collection::vec(entry(), 0..30), keys in prop::collection::vec(any::<u32>(), 30)) {
        let rows = |order: &[usize]| {
            let mut story = Story::new(policy());
            for (_, entry) in &entries {
                story.record(entry);
            }
            // The rows keep their positions and times, and are only shown in another order.
            let mut triage = Triage::new(policy());
            for at in order {
                triage.apply(&story.rows.get(*at).unwrap());
            }
            triage
        };
        let straight: Vec<usize> = (0..entries.len()).collect();
        // Subjects are merged in a random order; each keeps its own.
        let mut queues: Vec<Vec<usize>> = ["a", "b", "c"].iter().map(|subject| {
            straight.iter().rev().copied().filter(|at| entries[*at].0 == *subject).collect()
        }).collect();
        let mut mixed = Vec::new();
        for key in keys.iter().cycle().take(3 * entries.len()) {
            let at = *key as usize % queues.len();
            mixed.extend(queues[at].pop());
        }
        for queue in &mut queues {
            mixed.extend(queue.drain(..).rev());
        }
        prop_assert_eq!(rows(&mixed), rows(&straight));
    }

    #[test]
    fn memory_stays_bounded(entries in prop::collection::vec(entry(), 0..60), alerts_max in 1..3_usize, bytes_max in 0..6_000_usize) {
        let mut story = Story::new(policy());
        for (_, entry) in &entries {
            story.record(entry);
        }
        let mut triage = Triage::bounded(policy(), alerts_max, bytes_max);
        fold(&story.rows, &mut triage);
        let held: usize = triage.iter().map(Triaged::size).sum();
        prop_assert!(triage.iter().count() <= alerts_max);
        prop_assert!(held <= bytes_max || triage.iter().count() == 1);
        prop_assert!(triage.iter().all(|triaged| triaged.steps.len() <= limits::TRIAGE_STEPS_KEPT));
    }

    #[test]
    fn any_record_is_read_or_left_out(kind in "alert(\\.ack|\\.assign|\\.close)?|silence|maintenance", record in "\\PC{0,80}") {
        let mut story = Story::new(Policy::default());
        story.alert(&alert("a", 1));
        let mut entry = raw(&kind, "a", "x", &Value::Null);
        entry.set_text(column::RECORD, &record);
        story.record(&entry);
    }

    #[test]
    fn any_line_is_a_request_or_an_error(line in "\\PC{0,80}") {
        let _ = serde_json::from_str::<Request>(&line);
    }
}

#[test]
fn the_oldest_alerts_that_are_done_are_forgotten_first() {
    let mut story = Story::new(Policy::default());
    story.triage = Triage::bounded(Policy::default(), 3, usize::MAX);
    for id in ["a", "b", "c"] {
        story.alert(&alert(id, 1));
    }
    story.ada(&json!({"action": "resolve", "alert": "b", "reason": "benign"})).unwrap();
    let kept = |story: &Story| story.triage.iter().map(|triaged| triaged.alert.id.clone()).collect::<Vec<_>>();
    story.alert(&alert("d", 1));
    assert_eq!(kept(&story), ["a", "c", "d"]);
    story.alert(&alert("a", 2)).alert(&alert("e", 1));
    assert_eq!(kept(&story), ["a", "d", "e"], "of those that are not done, the one that has been quiet for longest");
}

#[test]
fn silences_are_forgotten_in_the_order_in_which_they_end() {
    let mut story = Story::new(Policy::default());
    let record = |ends: usize| json!({"matchers": ["rule=x"], "reason": "r", "starts": 0, "ends": ends, "would_have_hidden": 0, "token": "t"});
    for number in 0..limits::SILENCES_KEPT + 10 {
        story.record(&raw("silence", &format!("s-{number}"), "ada", &record(1_000_000 - number)));
    }
    assert_eq!(story.triage.silences().count(), limits::SILENCES_KEPT);
    assert!(story.triage.silence("s-0").is_some() && story.triage.silence("s-4100").is_none());
    story.record(&raw("silence", "s-0", "eve", &record(5)));
    assert_eq!(story.triage.silence("s-0").unwrap().by.actor, "ada", "the first entry of an id stands");
}
