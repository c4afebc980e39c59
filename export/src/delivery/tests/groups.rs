//! What receivers of groups are told from batch to batch, and that no incident is forgotten.

use std::collections::BTreeSet;
use std::sync::Arc;

use ledger::Seq;
use operations::fold::Fold as _;
use operations::kind::delivery::{SENT_KIND, Sent};
use operations::kind::export::RECEIPT_KIND;
use operations::triage::Column;
use proptest::prelude::*;

use super::*;
use crate::message::Message;
use crate::record::Grouping;
use crate::selection::Selection;
use crate::streams::renderer::Renderer;

/// A receiver of groups by rule, and what it was told.
struct Receiver {
    outbox: Outbox,
    next: u64,
    /// The digests whose incident is open.
    digests: BTreeSet<String>,
}

impl Receiver {
    fn new() -> Self {
        Self { outbox: fixtures::outbox(), next: 0, digests: BTreeSet::new() }
    }

    /// Tells it of these entries as PagerDuty is told, takes its receipt, and returns `opens|acknowledges|ends subject (number of alerts)`.
    fn tell(&mut self, entries: &[Value]) -> Vec<String> {
        let rows = fixtures::block(LedgerName::Operations, Seq::new(self.next), entries);
        self.next = rows.next_seq.get();
        let grouping = Grouping { columns: vec![Column::Rule], window: Duration::from_mins(30) };
        let filter = crate::record::Filter { grouping: Arc::new(grouping), ..fixtures::filter() };
        let selection = Selection::new(filter, Renderer::new(crate::FieldPolicy::default(), [3; 32]));
        let records: Vec<Record> = rows.iter().filter_map(|row| selection.record(&row, 0, None)).collect();
        let folded = fold(&records, &self.outbox, Style::Incidents);
        let (mut said, mut sent) = (Vec::new(), Vec::new());
        for notification in &folded.notifications {
            let subject = notification.subject()[notification.subject().len() - 3..].to_owned();
            let mut say = |word: &str, message: Message| {
                said.push(format!("{word} {subject} ({})", message.alerts.len()));
                sent.push(message);
            };
            notification.opened.iter().for_each(|_| say("opens", notification.opening("", vec![])));
            notification
                .acknowledged
                .iter()
                .for_each(|_| say("acknowledges", notification.acknowledgement("", vec![])));
            notification.over.iter().for_each(|_| say("ends", notification.ending("", vec![])));
        }
        let silent = Message { alerts: folded.silent, ..Message::default() };
        said.extend(folded.deserted.iter().map(|subject| format!("ends {} (0)", &subject[subject.len() - 3..])));
        for message in folded.digest.iter().map(|digest| digest.message("", vec![])) {
            said.push(format!("digest ({})", message.alerts.len()));
            self.digests.insert(message.key.clone());
            sent.push(message);
        }
        for key in &folded.ended {
            assert!(self.digests.remove(key), "{key} is over already");
        }
        let mut entries: Vec<Value> = sent.into_iter().chain([silent]).map(|message| note(&message)).collect();
        entries.push(json!({"kind": RECEIPT_KIND, "subject": "sink", "from": "operations/0/0", "record": "{}"}));
        fixtures::operations(&entries).iter().for_each(|row| self.outbox.apply(&row));
        said
    }
}

fn note(message: &Message) -> Value {
    let Message { kind, key, alerts, thread, .. } = message.clone();
    let (handle, digest) = (Some(key.clone()), kind == MessageKind::Digest);
    let sent = Sent { key, handle, digest, alerts, thread, sha256: String::new(), attempts: 1, ack: String::new() };
    let record = serde_json::to_string(&sent).unwrap();
    json!({"kind": SENT_KIND, "subject": "sink", "from": "operations/0/0", "record": record})
}

fn entries(alerts: &[Alert]) -> Vec<Value> {
    alerts.iter().map(entry_of).collect()
}

#[test]
fn a_group_is_one_thread_from_its_first_alert_to_the_end_of_its_last() {
    let mut pager = Receiver::new();
    assert_eq!(pager.tell(&entries(&[alert_of(1, Severity::High)])), ["opens 001 (1)"]);
    // Followers are told in its thread, in one message.
    let three = [alert_of(2, Severity::High), alert_of(3, Severity::Low), alert_of(4, Severity::High)];
    assert_eq!(pager.tell(&entries(&three)), ["opens 001 (3)"]);
    assert_eq!(pager.tell(&entries(&[revision(2, 2, State::Updated)])), [""; 0], "it goes on in its thread");
    assert_eq!(pager.tell(&entries(&[revision(1, 2, State::Updated)])), ["opens 001 (1)"]);
    assert_eq!(pager.tell(&[step("alert.ack", 3, 1)]), ["acknowledges 001 (0)"]);
    // What is worse than the thread opens its own.
    assert_eq!(pager.tell(&entries(&[alert_of(5, Severity::Critical)])), ["opens 005 (1)"]);
    let ends = |numbers: &[u64]| -> Vec<Value> {
        numbers.iter().map(|number| entry_of(&revision(*number, 9, State::Resolved))).collect()
    };
    assert_eq!(pager.tell(&ends(&[1, 2])), [""; 0], "the first is over, and others of its thread are not");
    assert_eq!(pager.outbox.thread(&alert_of(1, Severity::High).id).map(|thread| thread.open), Some(2));
    assert_eq!(pager.tell(&ends(&[3, 4])), ["ends 001 (1)"]);
    assert_eq!(pager.outbox.thread(&alert_of(1, Severity::High).id), None);
    assert_eq!(pager.tell(&ends(&[5])), ["ends 005 (1)"]);
    // All at once: told, and told to be over.
    let brief = [alert_of(6, Severity::High), alert_of(7, Severity::High)];
    let mut all = entries(&brief);
    all.extend(ends(&[6, 7]));
    assert_eq!(pager.tell(&all), ["opens 006 (2)", "ends 006 (1)"]);
    assert_eq!(pager.outbox.thread_of("x").map(|(subject, _)| subject), None);
}

#[test]
fn a_group_that_is_closed_takes_nobody_in() {
    let mut pager = Receiver::new();
    pager.tell(&entries(&[alert_of(1, Severity::High)]));
    // Rows are a millisecond apart; half an hour later the group has a new thread, and the old one ends by itself.
    pager.next = 30 * 60 * 1_000 + 2;
    assert_eq!(pager.tell(&entries(&[alert_of(2, Severity::High)])), ["opens 002 (1)"]);
    assert_eq!(pager.tell(&entries(&[alert_of(3, Severity::High)])), ["opens 002 (1)"]);
    assert_eq!(pager.tell(&entries(&[revision(1, 2, State::Resolved)])), ["ends 001 (1)"]);
}

#[test]
fn groups_and_storms_go_together() {
    let of_rule = |number: u64, rule: u64| Alert { rule: format!("rule.{rule}"), ..alert_of(number, Severity::Medium) };
    // Ten thousand alerts of one group are one message; nothing is lost in it.
    let mut pager = Receiver::new();
    let one: Vec<Alert> = (0..2_000).map(|number| of_rule(number, 1)).collect();
    assert_eq!(pager.tell(&entries(&one)), ["opens 000 (2000)"]);
    // Alerts of many groups are a digest, the critical group alone before it.
    let mut pager = Receiver::new();
    let mut many: Vec<Alert> = (0..500).map(|number| of_rule(number, number % 50)).collect();
    many.extend((0x900..0x90a).map(|number| Alert { severity: Severity::Critical, ..of_rule(number, 99) }));
    assert_eq!(pager.tell(&entries(&many)), ["opens 900 (10)", "digest (500)"]);
    assert_eq!(pager.outbox.thread(&of_rule(0x900, 99).id).map(|thread| thread.open), Some(10));
    let ends: Vec<Alert> = (0x900..0x90a).map(|number| revision(number, 2, State::Resolved)).collect();
    assert_eq!(pager.tell(&entries(&ends)), ["ends 900 (1)"]);
}

#[test]
fn a_storm_swallows_nothing_that_joins_an_incident() {
    let of_rule =
        |number: u64, rule: u64, severity| Alert { rule: format!("rule.{rule}"), ..alert_of(number, severity) };
    let new = of_rule(0x701, 1, Severity::Medium);
    let goes_on = |severity| Alert { revision: 2, state: State::Updated, ..of_rule(0x100, 1, severity) };
    let ends = Alert { state: State::Resolved, ..goes_on(Severity::High) };
    let cases: [(&str, Vec<Value>, &[&str]); 5] = [
        ("an update alone is no news", entries(&[goes_on(Severity::High)]), &["digest (10)"]),
        ("a new alert alone", entries(std::slice::from_ref(&new)), &["digest (11)"]),
        // The update is no news, and the new alert is.
        ("a new alert and an update", entries(&[goes_on(Severity::High), new.clone()]), &["digest (11)"]),
        ("a new alert and an end", entries(&[ends, new.clone()]), &["opens 100 (1)", "digest (10)"]),
        (
            "a new alert and an acknowledgement",
            vec![step("alert.ack", 0x100, 1), entry_of(&new)],
            &["opens 100 (1)", "acknowledges 100 (0)", "digest (10)"],
        ),
    ];
    for (name, of_thread, expected) in cases {
        let is_new = of_thread.contains(&entry_of(&new));
        let mut pager = Receiver::new();
        assert_eq!(pager.tell(&entries(&[of_rule(0x100, 1, Severity::High)])), ["opens 100 (1)"]);
        let others: Vec<Alert> = (0..10).map(|number| of_rule(0x200 + number, 10 + number, Severity::Low)).collect();
        let storm: Vec<Value> = of_thread.into_iter().chain(entries(&others)).collect();
        assert_eq!(pager.tell(&storm), expected, "{name}");
        assert_eq!(pager.outbox.told(&new.id).is_some(), is_new, "{name}");
    }
}

#[test]
fn an_escalation_leaves_the_thread_of_another() {
    let mut pager = Receiver::new();
    assert_eq!(pager.tell(&entries(&[alert_of(2, Severity::High), alert_of(1, Severity::High)])), ["opens 002 (2)"]);
    assert_eq!(pager.tell(&[because("escalation")]), ["opens 001 (1)"]);
    assert_eq!(pager.tell(&entries(&[revision(2, 2, State::Resolved)])), ["ends 002 (1)"]);
    assert_eq!(pager.tell(&entries(&[revision(1, 2, State::Resolved)])), ["ends 001 (1)"]);
}

/// A name, what is told batch by batch, and what is said.
type Case<'a> = (&'a str, Vec<Vec<Value>>, &'a [&'a str]);

#[test]
fn a_thread_that_everybody_left_is_over() {
    let worse = |number: u64| Alert { revision: 2, state: State::Updated, ..alert_of(number, Severity::Critical) };
    let end = |number: u64| entry_of(&revision(number, 9, State::Resolved));
    let cases: [Case<'_>; 5] = [
        (
            "the first ends, then the other is worse",
            vec![vec![end(2)], vec![entry_of(&worse(1))]],
            &["opens 001 (1)", "ends 002 (0)"],
        ),
        ("both at once", vec![vec![end(2), entry_of(&worse(1))]], &["opens 001 (1)", "ends 002 (1)"]),
        (
            "the first ends, then the other is escalated",
            vec![vec![end(2)], vec![because("escalation")]],
            &["opens 001 (1)", "ends 002 (0)"],
        ),
        (
            "the other is worse, then the first ends",
            vec![vec![entry_of(&worse(1))], vec![end(2)]],
            &["opens 001 (1)", "ends 002 (1)"],
        ),
        // Somebody comes as the last one leaves.
        (
            "the thread goes on",
            vec![vec![end(2)], vec![entry_of(&worse(1)), entry_of(&alert_of(3, Severity::Low))], vec![end(3)]],
            &["opens 001 (1)", "opens 002 (1)", "ends 002 (1)"],
        ),
    ];
    for (name, batches, expected) in cases {
        let mut pager = Receiver::new();
        let both = entries(&[alert_of(2, Severity::High), alert_of(1, Severity::High)]);
        assert_eq!(pager.tell(&both), ["opens 002 (2)"], "{name}");
        let said: Vec<String> = batches.iter().flat_map(|batch| pager.tell(batch)).collect();
        assert_eq!(said, expected, "{name}");
        assert_eq!(pager.outbox.thread(&alert_of(2, Severity::High).id), None, "{name}");
        assert_eq!(pager.tell(&[end(1)]), ["ends 001 (1)"], "{name}");
    }
}

/// What happens to alerts between two receipts: a deed, and three numbers that say to which.
type Batch = Vec<(u8, u64, usize, usize)>;

fn batches() -> impl Strategy<Value = Vec<Batch>> {
    let deed = (0u8..12, 0u64..16, 0usize..Severity::ALL.len(), any::<usize>());
    proptest::collection::vec(proptest::collection::vec(deed, 1..50), 1..12)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// However alerts are grouped and however many come at once: after each receipt the receiver knows of all that are open
    /// and of no other, and no incident is opened again or stays open.
    #[test]
    fn a_receiver_of_groups_knows_what_is_open(batches in batches()) {
        let (mut pager, mut active, mut opened) = (Receiver::new(), Vec::<Alert>::new(), 0);
        let (mut incidents, mut ended) = (BTreeMap::new(), Vec::new());
        let mut tell = |entries: &[Value], active: &[Alert], ended: &[String]| {
            for said in pager.tell(entries) {
                let words: Vec<&str> = said.split(' ').collect();
                match words[0] {
                    "opens" => {
                        let is_open = incidents.entry(words[1].to_owned()).or_insert(true);
                        assert!(*is_open, "{said}: it was over");
                    }
                    "ends" => assert_eq!(incidents.insert(words[1].to_owned(), false), Some(true), "{said}"),
                    _ => {}
                }
            }
            let lost: Vec<&str> =
                active.iter().map(|alert| alert.id.as_str()).filter(|id| pager.outbox.told(id).is_none()).collect();
            assert!(lost.is_empty(), "{lost:?} are open, and the receiver was never told");
            assert!(ended.iter().all(|id| pager.outbox.told(id).is_none()), "the receiver takes for open what is over");
            let digests = active.iter().filter_map(|alert| pager.outbox.told(&alert.id)?.digest.clone());
            assert_eq!(digests.collect::<BTreeSet<_>>(), pager.digests, "a digest is open as long as one of its alerts");
            incidents.values().filter(|is_open| **is_open).count()
        };
        for batch in batches {
            let mut entries = Vec::new();
            for (deed, rule, severity, pick) in batch {
                if deed < 6 || active.is_empty() {
                    let alert = alert_of(opened, Severity::ALL[severity]);
                    let backfill = pick.is_multiple_of(16);
                    active.push(Alert { rule: format!("rule.{rule}"), backfill, ..alert });
                    entries.extend(active.last().map(entry_of));
                    opened += 1;
                    continue;
                }
                let at = pick % active.len();
                if deed == 6 {
                    entries.push(json!({"kind": "alert.ack", "subject": active[at].id, "actor": "alice"}));
                    continue;
                }
                if deed == 7 {
                    entries.push(escalation(&active[at]));
                    continue;
                }
                active[at].revision += 1;
                active[at].state = State::Updated;
                if deed < 9 {
                    active[at].severity = active[at].severity.max(Severity::ALL[severity]);
                    entries.push(entry_of(&active[at]));
                } else {
                    let over = active.swap_remove(at);
                    entries.push(entry_of(&Alert { state: State::Resolved, ..over.clone() }));
                    ended.push(over.id);
                }
            }
            tell(&entries, &active, &ended);
        }
        let end = |alert: &Alert| {
            entry_of(&Alert { revision: alert.revision + 1, state: State::Resolved, ..alert.clone() })
        };
        let ends: Vec<Value> = active.iter().map(end).collect();
        ended.extend(active.drain(..).map(|alert| alert.id));
        assert_eq!(tell(&ends, &active, &ended), 0, "incidents are open for ever");
    }
}
