//! What is told one by one, what together, and what not at all.

mod groups;

use ledger::LedgerName;
use ledger::Seq;
use operations::alert::{Alert, State};
use serde_json::{Value, json};

use super::*;
use crate::fixtures::{self, alert_of, entry_of, notice, records_of, told};
use crate::message::MessageKind;
use crate::record::TriageActionKind;

fn revision(number: u64, revision: u32, state: State) -> Alert {
    Alert { revision, state, ..alert_of(number, Severity::High) }
}

fn ids<'a>(notifications: &'a [Notification<'a>]) -> Vec<&'a str> {
    notifications.iter().map(|notification| &notification.id[notification.id.len() - 3..]).collect()
}

#[test]
fn revisions_of_one_alert_are_one_story() {
    let records = records_of(&[
        revision(1, 1, State::Open),
        revision(2, 1, State::Open),
        revision(1, 2, State::Updated),
        revision(1, 3, State::Resolved),
    ]);
    let outbox = fixtures::outbox();
    let folded = fold(&records, &outbox, Style::Incidents);
    assert_eq!(ids(&folded.notifications), ["001", "002"]);
    let notification = &folded.notifications[0];
    assert_eq!((notification.opened.unwrap().revision, notification.revision()), (2, 3));
    let (opening, ending) = (notification.opening("", vec![]), notification.ending("", vec![]));
    assert_eq!((opening.records, ending.records), (vec![0, 2], vec![3]));
    assert!(opening.key.ends_with("/r2") && ending.key.ends_with("/r3/over") && ending.alerts[0].over);
    assert_eq!(notification.message("", vec![]).records, [0, 2, 3]);
    assert!(folded.digest.is_none() && folded.silent.is_empty());
}

#[test]
fn a_storm_is_a_digest_with_the_worst_first_and_urgent_ones_alone() {
    let mut alerts: Vec<Alert> = (0..500).map(|number| alert_of(number, Severity::Medium)).collect();
    alerts.extend((900..920).map(|number| alert_of(number, Severity::Critical)));
    let (records, outbox) = (records_of(&alerts), fixtures::outbox());
    let folded = fold(&records, &outbox, Style::Incidents);
    assert_eq!(folded.notifications.len(), NOTIFICATIONS_URGENT_MAX);
    let digest = folded.digest.unwrap();
    assert_eq!(digest.summary(), "515 alerts: 15 critical, 500 medium");
    assert!(digest.alerts[..15].iter().all(|alert| alert.severity == Severity::Critical));
    assert_eq!(digest.key, "digest/operations/0/0");
    let message = digest.message("", vec![]);
    assert_eq!((message.records.len(), message.alerts.len(), message.kind), (515, 515, MessageKind::Digest));
    let few = records_of(&alerts[..NOTIFICATIONS_MAX]);
    assert!(fold(&few, &outbox, Style::Messages).digest.is_none());
}

/// An alert of a sender about a workspace.
fn from(number: u64, sender: &str, workspace: &str, severity: Severity) -> Alert {
    let mut alert = Alert { sender: Some(sender.into()), ..alert_of(number, severity) };
    alert.who.workspace = Some(workspace.into());
    alert
}

/// Makes one of many alerts.
type Forge = fn(u64) -> Alert;

#[test]
fn three_thousand_forged_alerts_bury_no_real_one() {
    let outbox = fixtures::outbox();
    // By a token that invents workspaces, or by one workspace that a control plane vouches for; high, or all critical.
    let forged: [(&str, Forge); 3] = [
        ("invented workspaces", |n| from(n, "mallory", &format!("w{n}"), Severity::High)),
        ("all critical", |n| from(n, "mallory", &format!("w{n}"), Severity::Critical)),
        ("one workspace of the token that all have", |n| from(n, "coderd", "w-mallory", Severity::Critical)),
    ];
    for (name, forged) in forged {
        let mut alerts: Vec<Alert> = (0..1_000).map(forged).collect();
        alerts.push(from(2_000, "coderd", "w-real", Severity::High));
        let records = records_of(&alerts);
        let folded = fold(&records, &outbox, Style::Messages);
        assert!(
            folded.notifications.iter().any(|notification| notification.id.ends_with("7d0")),
            "{name}: {:?}",
            ids(&folded.notifications)
        );
        assert!(folded.notifications.len() <= NOTIFICATIONS_URGENT_MAX, "{name}");
        assert!(folded.digest.unwrap().alerts.len() > 990, "{name}");
    }
}

#[test]
fn a_digest_names_one_of_each_sender_and_tenant_before_the_second_of_any() {
    let mut alerts: Vec<Alert> = (0..40).map(|n| from(n, "a", "w1", Severity::Medium)).collect();
    alerts.extend([from(50, "a", "w2", Severity::Medium), from(60, "b", "w3", Severity::Medium)]);
    alerts.push(Alert { rule: "loop.repeat".into(), ..from(70, "a", "w1", Severity::Medium) });
    alerts.push(from(80, "c", "w4", Severity::Low));
    let (records, outbox) = (records_of(&alerts), fixtures::outbox());
    let digest = fold(&records, &outbox, Style::Messages).digest.unwrap();
    let named: Vec<&str> = digest.alerts.iter().take(5).map(|alert| &alert.id[alert.id.len() - 2..]).collect();
    // The first of each sender, then of each tenant, then of each rule; the mildest is the last of all.
    assert_eq!(named, ["00", "3c", "32", "46", "01"]);
    assert_eq!(digest.alerts.last().unwrap().severity, Severity::Low);
}

#[test]
fn what_a_sender_floods_with_is_told_together_and_waits() {
    let flood: Vec<Alert> =
        (0..3).map(|n| Alert { flood: true, ..from(n, "mallory", "w", Severity::Critical) }).collect();
    let mut alerts = flood.clone();
    alerts.push(from(9, "coderd", "w-real", Severity::High));
    let (records, outbox) = (records_of(&alerts), fixtures::outbox());
    let folded = fold(&records, &outbox, Style::Incidents);
    assert_eq!((ids(&folded.notifications), folded.digest.unwrap().alerts.len()), (vec!["009"], 3));
    assert_eq!(linger(&records_of(&flood).into(), DIGEST_WAIT), FLOOD_WAIT);
    assert_eq!(linger(&records.into(), DIGEST_WAIT), Duration::ZERO);
}

#[test]
fn numbers_that_are_brought_up_to_date_change_a_message_and_call_nobody() {
    let quiet = |number| Alert { follows: Some(1), ..revision(number, 2, State::Updated) };
    let records = records_of(&[quiet(1)]);
    for (style, outbox, told) in [
        (Style::Messages, told(&[1], false), 1),
        (Style::Incidents, told(&[1], false), 1),
        (Style::Each, told(&[1], false), 1),
        (Style::Mails, told(&[1], false), 0),
        (Style::Messages, told(&[1], true), 0),
        (Style::Messages, fixtures::outbox(), 0),
    ] {
        let folded = fold(&records, &outbox, style);
        assert_eq!((folded.notifications.len(), folded.digest.is_some()), (told, false), "{style:?}");
    }
    // Many of them are no storm, and told to nobody.
    let numbers: Vec<u64> = (0..50).collect();
    let (outbox, records) = (told(&numbers, false), records_of(&numbers.iter().map(|n| quiet(*n)).collect::<Vec<_>>()));
    let folded = fold(&records, &outbox, Style::Messages);
    assert!(folded.notifications.is_empty() && folded.digest.is_none());
    // With news in the same batch it is the news that is told.
    let records = records_of(&[revision(1, 1, State::Open), quiet(1)]);
    assert_eq!(fold(&records, &fixtures::outbox(), Style::Mails).notifications[0].opened.unwrap().revision, 2);
}

#[test]
fn old_alerts_are_one_digest_however_few() {
    let old = Alert { backfill: true, ..alert_of(1, Severity::Critical) };
    let (records, outbox) = (records_of(&[old.clone(), alert_of(2, Severity::High)]), fixtures::outbox());
    let folded = fold(&records, &outbox, Style::Messages);
    assert_eq!(ids(&folded.notifications), ["002"]);
    assert_eq!(
        folded.digest.unwrap().summary(),
        "1 alert: 1 critical; all about events that were old when they were recorded"
    );
    assert!(linger(&records_of(&[old]).into(), DIGEST_WAIT) > Duration::ZERO);
    assert_eq!(linger(&records.into(), DIGEST_WAIT), Duration::ZERO, "a live alert never waits");
}

#[test]
fn nobody_hears_of_the_end_of_what_he_was_not_told() {
    let mut records =
        records_of(&[revision(1, 2, State::Resolved), revision(2, 1, State::Open), revision(2, 2, State::Resolved)]);
    records[1].hidden = Some("silence-1".into());
    let outbox = fixtures::outbox();
    let folded = fold(&records, &outbox, Style::Messages);
    assert!(folded.notifications.is_empty() && folded.digest.is_none());
    let (known, forgetful) = (told(&[1], false), Outbox::new("sink", LedgerName::Operations, 0, true));
    assert_eq!(ids(&fold(&records, &known, Style::Messages).notifications), ["001"]);
    assert_eq!(fold(&records, &forgetful, Style::Messages).notifications.len(), 2, "who may have been told is told");
}

#[test]
fn a_digest_ends_with_the_last_of_its_alerts() {
    let outbox = told(&[1, 2], true);
    let records = records_of(&[revision(1, 2, State::Updated), revision(1, 3, State::Resolved)]);
    let folded = fold(&records, &outbox, Style::Incidents);
    assert!(folded.notifications.is_empty() && folded.ended.is_empty());
    assert_eq!((folded.silent.len(), folded.silent[0].over), (1, true));
    let records = records_of(&[revision(1, 3, State::Resolved), revision(2, 3, State::Resolved)]);
    assert_eq!(fold(&records, &outbox, Style::Incidents).ended, ["digest/operations/0/0"]);
    let worse = Alert { revision: 2, state: State::Updated, ..alert_of(2, Severity::Critical) };
    let records = records_of(&[worse]);
    assert_eq!(
        ids(&fold(&records, &outbox, Style::Incidents).notifications),
        ["002"],
        "what becomes urgent is told alone"
    );
    let both = [
        Alert { revision: 2, state: State::Updated, ..alert_of(1, Severity::Critical) },
        revision(2, 2, State::Resolved),
    ];
    let records = records_of(&both);
    assert_eq!(fold(&records, &outbox, Style::Incidents).ended.len(), 1, "what is told alone leaves its digest");
}

#[test]
fn what_becomes_urgent_in_a_storm_moves_to_another_digest() {
    let numbers: Vec<u64> = (0..30).collect();
    let outbox = told(&numbers, true);
    let worse = |count: u64| -> Vec<Value> {
        let worse = |number| Alert { revision: 2, state: State::Updated, ..alert_of(number, Severity::Critical) };
        (0..count).map(|number| entry_of(&worse(number))).collect()
    };
    let escalated = |count: u64| (0..count).map(|number| escalation(&alert_of(number, Severity::High))).collect();
    // A name, what is told, how much of it alone, how many stay open in the new digest, and whether the old one is over.
    let cases: [(&str, Vec<Value>, usize, usize, bool); 4] = [
        ("some become critical", worse(20), NOTIFICATIONS_URGENT_MAX, 15, false),
        ("all become critical", worse(30), NOTIFICATIONS_URGENT_MAX, 25, true),
        ("some are escalated", escalated(29), 0, 29, false),
        ("all are escalated", escalated(30), 0, 30, true),
    ];
    for (name, entries, single, open, over) in cases {
        let records = fixtures::alert_records(&fixtures::block(LedgerName::Operations, Seq::new(100), &entries));
        let folded = fold(&records, &outbox, Style::Incidents);
        let digest = folded.digest.unwrap();
        assert_eq!(
            (folded.notifications.len(), digest.open, folded.ended.len()),
            (single, open, usize::from(over)),
            "{name}"
        );
        assert!(!folded.ended.contains(&digest.key), "{name}");
        let escalated = format!("{open} alerts: {open} high; {open} of them not acknowledged in time");
        assert_eq!(digest.summary() == escalated, name.ends_with("escalated"), "{}", digest.summary());
    }
}

#[test]
fn incidents_are_ended_one_by_one_even_in_a_storm() {
    let numbers: Vec<u64> = (0..30).collect();
    let outbox = told(&numbers, false);
    let ends: Vec<Alert> = numbers.iter().map(|number| revision(*number, 2, State::Resolved)).collect();
    let records = records_of(&ends);
    assert_eq!(fold(&records, &outbox, Style::Incidents).notifications.len(), 30);
    assert_eq!(
        fold(&records, &outbox, Style::Messages).digest.unwrap().summary(),
        "30 alerts: 30 high; 30 of them over"
    );
}

#[test]
fn no_incident_stays_open_for_what_ended_or_is_told_elsewhere() {
    let numbers: Vec<u64> = (0..30).collect();
    let outbox = told(&numbers, false);
    let goes_on: Vec<Alert> = numbers.iter().map(|number| revision(*number, 2, State::Updated)).collect();
    let records = records_of(&goes_on);
    let folded = fold(&records, &outbox, Style::Incidents);
    assert!(
        folded.notifications.is_empty() && folded.digest.is_none(),
        "in a storm it is no news that incidents go on"
    );
    assert_eq!(fold(&records, &outbox, Style::Messages).digest.map(|digest| digest.open), Some(0));
    let brief = (100..130).flat_map(|number| [revision(number, 1, State::Open), revision(number, 2, State::Resolved)]);
    let mut all: Vec<Alert> = brief.collect();
    all.extend(goes_on);
    let records = records_of(&all);
    let folded = fold(&records, &outbox, Style::Incidents);
    assert_eq!(folded.ended, [folded.digest.unwrap().key], "the digest is over as soon as it was told");
}

#[test]
fn steps_reach_those_who_were_told() {
    let step = |kind: &str| json!({"kind": kind, "subject": alert_of(1, Severity::High).id, "actor": "alice"});
    let rows = fixtures::operations(&[step("alert.ack"), step("alert.close")]);
    let records = fixtures::alert_records(&rows);
    let (strangers, known) = (fixtures::outbox(), told(&[1], false));
    assert!(fold(&records, &strangers, Style::Incidents).notifications.is_empty());
    let folded = fold(&records, &known, Style::Incidents);
    let notification = &folded.notifications[0];
    assert_eq!(notification.acknowledged.unwrap().actor, "alice");
    assert!(matches!(notification.over, Some(Over::Closed(action)) if action.kind == TriageActionKind::Close));
    assert_eq!(notification.acknowledgement("", vec![]).records, [0]);
    let rows = fixtures::operations(&[entry_of(&alert_of(1, Severity::High)), step("alert.ack")]);
    let records = fixtures::alert_records(&rows);
    assert_eq!(fold(&records, &strangers, Style::Incidents).notifications.len(), 1, "told in the same batch");
}

fn step(kind: &str, number: u64, revision: u32) -> Value {
    let record = json!({"revision": revision, "token": "t", "severity": "high", "reason": "benign"}).to_string();
    json!({"kind": kind, "subject": alert_of(number, Severity::High).id, "actor": "alice", "record": record})
}

fn escalation(alert: &Alert) -> Value {
    let record = json!({"because": "escalation", "step": "manager", "receivers": [], "alert": alert});
    json!({"kind": "alert.notice", "subject": alert.id, "record": record.to_string()})
}

fn because(because: &str) -> Value {
    notice(&json!({"because": because, "step": "manager", "receivers": []}), 1)
}

#[test]
fn an_alert_that_opens_again_waits_until_its_end_is_on_record() {
    let open = entry_of(&alert_of(1, Severity::High));
    let check = |entries: &[Value], taken: usize| {
        let records = fixtures::alert_records(&fixtures::operations(entries));
        assert_eq!(batch(&records).len(), taken, "{entries:?}");
    };
    let later = entry_of(&revision(1, 2, State::Updated));
    check(&[open.clone(), step("alert.close", 1, 1), later.clone()], 2);
    check(&[open.clone(), step("alert.close", 1, 1), because("reopened")], 2);
    // Nothing opens again what was overtaken by the end.
    check(&[open.clone(), entry_of(&revision(1, 3, State::Resolved)), because("unhidden")], 3);
    let records = fixtures::alert_records(&fixtures::operations(&[open, later, step("alert.close", 1, 1)]));
    assert!(
        fold(&records, &fixtures::outbox(), Style::Messages).notifications[0].over.is_none(),
        "the close was overtaken"
    );
}

#[test]
fn a_notice_is_told_to_those_who_do_not_know_yet() {
    let notifications = |because_of: &str, outbox: &Outbox| {
        let records = fixtures::alert_records(&fixtures::operations(&[because(because_of)]));
        let folded = fold(&records, outbox, Style::Incidents);
        folded.notifications.iter().map(|notification| notification.opening("", vec![]).key).collect::<Vec<_>>()
    };
    let key = format!("{}/r1/n0", alert_of(1, Severity::High).id);
    let (strangers, known) = (fixtures::outbox(), told(&[1], false));
    for because_of in ["unhidden", "reopened"] {
        assert_eq!(
            (notifications(because_of, &strangers), notifications(because_of, &known)),
            (vec![key.clone()], vec![])
        );
    }
    assert_eq!(
        (notifications("escalation", &strangers), notifications("escalation", &known)),
        (vec![key.clone()], vec![key])
    );
    // What a digest told of and nobody acknowledged is told alone.
    assert_eq!(notifications("escalation", &told(&[1], true)).len(), 1);
}
