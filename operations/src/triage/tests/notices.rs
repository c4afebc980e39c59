//! What receivers are told of without a new revision: when, how often, and what takes it back.

use serde_json::json;

use super::super::*;
use super::{MINUTE, Story, alert, moment, raw};
use crate::alert::{Alert, Severity, State};
use crate::kind::alert_notice::{self, Because};
use crate::kind::alert_step;

fn step(name: &str, after_minutes: u32, matchers: &[&str]) -> EscalationStep {
    EscalationStep {
        name: name.into(),
        after_minutes,
        severity: None,
        matchers: matchers.iter().map(|text| text.parse().unwrap()).collect(),
        receivers: vec![format!("sink-{name}")],
        raise_to: None,
    }
}

#[test]
fn escalation_waits_for_people_and_not_for_silences() {
    let mild = EscalationStep { severity: Some(Severity::Critical), ..step("critical", 1, &[]) };
    let escalations =
        vec![step("first", 10, &[]), step("second", 30, &["severity=high"]), step("low", 5, &["severity=low"]), mild];
    let mut story = Story::new(Policy { escalations, ..Policy::default() });
    story.alert(&alert("a", 1));
    let check = |story: &Story, minute: i64, due: &[&str], waiting: &[i64]| {
        let escalation = story.triage.escalation(story.get("a"), moment(minute * MINUTE));
        assert_eq!(escalation.due.iter().map(|step| step.name.as_str()).collect::<Vec<_>>(), due, "{minute}");
        let times: Vec<i64> = escalation.waiting.iter().map(|(when, _)| when.unix_micros() / MINUTE).collect();
        assert_eq!(times, waiting, "{minute}");
    };
    check(&story, 1, &[], &[11, 31]);
    check(&story, 11, &["first"], &[31]);
    check(&story, 31, &["first", "second"], &[]);
    let silence = json!({"action": "silence", "kind": "silence", "matchers": ["severity=high"], "reason": "r", "ends": 20 * MINUTE});
    story.ada(&silence).unwrap();
    check(&story, 20, &[], &[30, 50]);
    story.ada(&json!({"action": "ack", "alert": "a"})).unwrap();
    check(&story, 60, &[], &[]);
}

impl Story {
    /// Records what is due at a minute, and returns why.
    fn notice(&mut self, minute: i64) -> (Vec<String>, Option<i64>) {
        let Notices { due, next } = self.triage.notices(moment(minute * MINUTE));
        let said = due.iter().map(|notice| {
            let subject = notice.alert.id.as_str();
            self.record(&raw(alert_notice::NOTICE, subject, "delivery", &serde_json::to_value(notice).unwrap()));
            match &notice.because {
                Because::Escalation { step, .. } => format!("{subject} {step} {}", notice.alert.severity),
                because => format!("{subject} {}", serde_json::to_value(because).unwrap()["because"].as_str().unwrap()),
            }
        });
        (said.collect(), next.map(|next| next.unix_micros() / MINUTE))
    }

    fn hide(&mut self, id: &str, revision: u32) {
        let record = json!({"alert": id, "revision": revision, "by": "silence-1"});
        self.record(&raw(crate::kind::delivery::HIDDEN_KIND, "sink", "export", &record));
    }

    /// Hides a step of escalation of the first revision from a receiver.
    fn hide_step(&mut self, id: &str, step: &str, receiver: &str) {
        let record = json!({"alert": id, "revision": 1, "by": "silence-1", "step": step});
        self.record(&raw(crate::kind::delivery::HIDDEN_KIND, receiver, "export", &record));
    }
}

#[test]
fn each_step_of_escalation_happens_once_for_as_long_as_an_alert_waits() {
    let second = EscalationStep { raise_to: Some(Severity::Critical), ..step("second", 30, &[]) };
    let mut story = Story::new(Policy { escalations: vec![step("first", 10, &[]), second], ..Policy::default() });
    story.alert(&alert("a", 1)).alert(&Alert { backfill: true, ..alert("old", 1) });
    assert_eq!(story.notice(5), (vec![], Some(11)));
    assert_eq!(story.notice(11), (vec!["a first high".to_owned()], Some(31)));
    assert_eq!(story.notice(12), (vec![], Some(31)));
    assert_eq!(story.notice(40), (vec!["a second critical".to_owned()], None));
    assert_eq!((story.notice(90), story.get("a").escalated.len()), ((vec![], None), 2));
    // Whoever acknowledges ends it; what becomes worse afterwards begins anew.
    story.ada(&json!({"action": "ack", "alert": "a"})).unwrap();
    story.alert(&Alert { severity: Severity::Critical, ..alert("a", 2) });
    let since = story.now() / MINUTE;
    assert_eq!(story.notice(since), (vec![], Some(since + 10)));
    assert_eq!(story.notice(since + 10).0, ["a first critical"]);
    story.alert(&Alert { state: State::Resolved, ..alert("a", 3) });
    assert_eq!(story.notice(900), (vec![], None));
}

#[test]
fn who_was_not_told_is_told_when_the_silence_ends() {
    let mut story = Story::new(Policy { escalations: vec![step("first", 2, &[])], ..Policy::default() });
    story.alert(&alert("a", 1));
    let silence =
        json!({"action": "silence", "kind": "silence", "matchers": ["rule~e*"], "reason": "r", "ends": 50 * MINUTE});
    let id = story.ada(&silence).unwrap();
    story.hide("a", 1);
    assert_eq!(story.notice(20), (vec![], Some(50)), "and nothing escalates meanwhile");
    let mut early = Story { rows: story.rows.clone(), triage: story.triage.clone() };
    assert_eq!(story.notice(50), (vec!["a unhidden".to_owned()], Some(52)));
    assert_eq!(story.notice(51), (vec![], Some(52)));
    // A receiver that was slow to hide it makes one more notice; those who were told pass it over.
    story.hide("a", 1);
    assert_eq!(story.notice(51).0, ["a unhidden"]);
    early.ada(&json!({"action": "expire", "silence": id})).unwrap();
    assert_eq!(early.notice(early.now() / MINUTE).0, ["a unhidden"]);
    early.hide("a", 1);
    early.alert(&alert("a", 2));
    early.hide("a", 1);
    assert!(!early.get("a").is_hidden, "the newer revision tells");
}

#[test]
fn an_alert_that_is_open_again_is_told_by_its_revision_or_by_a_notice() {
    let mut story = Story::new(Policy::default());
    story.alert(&alert("a", 1));
    story.ada(&json!({"action": "resolve", "alert": "a", "reason": "benign"})).unwrap();
    assert_eq!(story.notice(9), (vec![], None));
    story.ada(&json!({"action": "reopen", "alert": "a"})).unwrap();
    assert_eq!(story.notice(9).0, ["a reopened"]);
    assert_eq!(story.notice(9).0, [""; 0]);
    // A close that a revision overtook.
    story.alert(&alert("a", 2));
    let record = json!({"revision": 1, "token": "t", "reason": "benign"});
    story.record(&raw(alert_step::CLOSE, "a", "ada", &record));
    assert_eq!(story.notice(9).0, ["a reopened"]);
    story.ada(&json!({"action": "resolve", "alert": "a", "reason": "benign"})).unwrap();
    story.alert(&alert("a", 3));
    assert_eq!(story.notice(9).0, [""; 0], "a later revision tells by itself");
}

#[test]
fn a_step_that_was_hidden_from_a_receiver_is_told_to_it_once_nothing_hides_it() {
    let first = EscalationStep {
        receivers: vec!["chief".to_owned(), "deputy".to_owned()],
        raise_to: Some(Severity::Critical),
        ..step("first", 10, &[])
    };
    let mut story = Story::new(Policy { escalations: vec![first], ..Policy::default() });
    story.alert(&alert("a", 1));
    assert_eq!(story.notice(11).0, ["a first critical"]);
    // The silence is about what the step makes of the alert only.
    let ends = 50 * MINUTE;
    let silence =
        json!({"action": "silence", "kind": "silence", "matchers": ["severity=critical"], "reason": "r", "ends": ends});
    story.ada(&silence).unwrap();
    story.hide_step("a", "first", "chief");
    story.hide_step("a", "another", "chief");
    assert!(!story.get("a").is_hidden, "who has the alert by a route is told nothing");
    assert_eq!(story.notice(20), (vec![], Some(50)));
    let mut acknowledged = Story { rows: story.rows.clone(), triage: story.triage.clone() };
    let due = story.triage.notices(moment(ends)).due;
    let expected = Because::Escalation { step: "first".to_owned(), receivers: vec!["chief".to_owned()] };
    assert_eq!(due.iter().map(|notice| &notice.because).collect::<Vec<_>>(), [&expected]);
    assert_eq!(story.notice(50).0, ["a first critical"]);
    assert_eq!(story.notice(50).0, [""; 0], "once");
    // Who looks after it takes the step back, and what is worse afterwards begins anew.
    acknowledged.ada(&json!({"action": "ack", "alert": "a"})).unwrap();
    assert_eq!(acknowledged.notice(50), (vec![], None));
    acknowledged.alert(&Alert { severity: Severity::Critical, ..alert("a", 2) });
    assert_eq!(acknowledged.notice(51).0, [""; 0]);
}

#[test]
fn a_step_tells_whoever_is_on_call_when_it_happens_and_nobody_by_name_in_a_gap() {
    let person = |name: &str| json!({"name": name, "receivers": [format!("{name}-phone")]});
    let layer = json!({"name": "day", "people": ["ana", "bob"], "start": "1970-01-01", "turn_days": 1, "from": "06:00", "until": "18:00"});
    let schedules =
        json!([{"name": "primary", "time_zone": "UTC", "person": [person("ana"), person("bob")], "layer": [layer]}]);
    let policy = |after_minutes| Policy {
        escalations: vec![EscalationStep {
            receivers: vec!["schedule:primary".to_owned()],
            ..step("first", after_minutes, &[])
        }],
        schedules: serde_json::from_value(schedules.clone()).unwrap(),
        ..Policy::default()
    };
    let check = |after_minutes: u32, minute: i64, told: &[&str]| {
        let mut story = Story::new(policy(after_minutes));
        story.alert(&alert("a", 1));
        let said = story.triage.escalation_steps(story.get("a"), moment(MINUTE));
        assert_eq!(said[0].receivers, told, "as it is told before");
        let Notices { due, .. } = story.triage.notices(moment(minute * MINUTE));
        let Because::Escalation { receivers, .. } = &due[0].because else { panic!("{due:?}") };
        assert_eq!(receivers, told);
        // It is on record by name: another schedule changes nothing of it.
        story.notice(minute);
        assert_eq!(story.triage.escalation_steps(story.get("a"), moment(minute * MINUTE))[0].receivers, told);
    };
    check(9 * 60, 9 * 60 + 1, &["ana-phone"]);
    check(33 * 60, 33 * 60 + 1, &["bob-phone"]);
    check(20 * 60, 20 * 60 + 1, &[]);
}

#[test]
fn receivers_that_are_not_there_are_named() {
    let schedules =
        json!([{"name": "primary", "time_zone": "UTC", "person": [{"name": "ana", "receivers": ["ana-phone"]}]}]);
    let named = |receiver: &str| EscalationStep { receivers: vec![receiver.to_owned()], ..step(receiver, 1, &[]) };
    let policy = Policy {
        escalations: vec![named("soc"), named("schedule:primary"), named("siem"), named("schedule:other")],
        schedules: serde_json::from_value(schedules).unwrap(),
        ..Policy::default()
    };
    policy.check().unwrap();
    let said: Vec<String> = policy.check_receivers(|name| name == "soc").iter().map(ToString::to_string).collect();
    let expected = [
        "alerts.escalate siem: \"siem\" is no sink that takes alerts",
        "alerts.escalate schedule:other: \"schedule:other\" is no sink that takes alerts, and there is no such schedule",
        "alerts.schedule: schedule primary: person ana: \"ana-phone\" is no sink that takes alerts",
    ];
    assert_eq!(said, expected);
}
