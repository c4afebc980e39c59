//! What dead letters are sent with: the ends of their alerts to people, and nothing else to anybody.

use ledger::Seq;
use operations::alert::{Alert, Severity, State};
use operations::kind::delivery::SENT_KIND;
use operations::kind::export::REJECTED_KIND;

use super::*;
use crate::fixtures::{alert_of, entry_of};

fn revision(number: u64, revision: u32, state: State) -> Value {
    entry_of(&Alert { revision, state, ..alert_of(number, Severity::High) })
}

fn told(number: u64, revision: u32) -> Value {
    told_in(0, &json!({"id": alert_of(number, Severity::High).id, "revision": revision}))
}

/// In a batch that begins there, the receiver was told that an alert is over.
fn told_over(batch_from: u64, number: u64, revision: u32) -> Value {
    told_in(batch_from, &json!({"id": alert_of(number, Severity::High).id, "revision": revision, "over": true}))
}

fn told_in(batch_from: u64, alert: &Value) -> Value {
    let record = json!({"key": "", "alerts": [alert], "sha256": "", "attempts": 1, "ack": ""});
    let from = format!("operations/0/{batch_from}");
    json!({"kind": SENT_KIND, "subject": "sink", "from": from, "record": record.to_string()})
}

fn refused(letter: u64) -> Value {
    let record = json!({"export_seq": letter, "reason": "400"});
    let from = format!("operations/0/{letter}");
    json!({"kind": REJECTED_KIND, "subject": "sink", "from": from, "record": record.to_string()})
}

/// A worker over these entries, to people or to a SIEM.
fn worker_over(entries: Vec<Value>, alerts_only: bool) -> SinkWorker<MemoryFeed, MemoryStateStore> {
    let dir = tempfile::tempdir().unwrap();
    let world = Shared::default();
    *world.lock().unwrap() = World { ledger: Some(LedgerName::Operations), entries, ..World::default() };
    let mut worker = worker(&world, dir.path(), 7, "beginning");
    if alerts_only {
        let settings = json!({"name": "sink", "type": "pagerduty", "routing_key": "env:K"});
        worker.config = SinkConfig::from_settings(settings.as_object().unwrap().clone()).unwrap();
        worker.selection = worker.config.selection([3; 32], "operations/0");
    }
    worker
}

/// The sequence numbers of what is sent with these letters, and of those that are not sent.
fn sent(entries: &[Value], alerts_only: bool, letters: &[u64]) -> (Vec<u64>, Vec<u64>) {
    let at =
        |seq: &u64| (ledger::Position { ledger: LedgerName::Operations, shard: 0, seq: Seq::new(*seq) }, *seq, None);
    let letters: Vec<_> = letters.iter().map(at).collect();
    let worker = worker_over(entries.to_vec(), alerts_only);
    let (records, missing) = paused().block_on(worker.letters(&letters)).unwrap();
    (
        records.iter().map(|record| record.position.seq.get()).collect(),
        missing.iter().map(|position| position.seq.get()).collect(),
    )
}

#[test]
fn an_end_goes_with_the_letter_before_it_to_people_only() {
    let entries = [
        revision(2, 1, State::Open),
        revision(1, 1, State::Open),
        revision(1, 2, State::Resolved),
        // It opens again, and ends again.
        revision(1, 3, State::Updated),
        revision(1, 4, State::Resolved),
        revision(2, 2, State::Resolved),
    ];
    // The first end of the first alert is older than the letter, and ended another life of it.
    assert_eq!(sent(&entries, true, &[0, 3]), (vec![0, 3, 4, 5], vec![]));
    assert_eq!(sent(&entries, true, &[1]), (vec![1, 2], vec![]));
    // An end that was refused is no reason to look for another.
    assert_eq!(sent(&entries, true, &[1, 2]), (vec![1, 2], vec![]));
    // A SIEM gets each record by itself, and took the ends when they came.
    assert_eq!(sent(&entries, false, &[0]), (vec![0], vec![]));
}

#[test]
fn what_the_receiver_was_told_before_a_letter_does_not_replace_it() {
    let mut entries = vec![revision(2, 1, State::Open), revision(1, 1, State::Open), told(1, 1)];
    entries.push(fixtures::notice(&json!({"because": "reopened"}), 1));
    assert_eq!(sent(&entries, true, &[0, 3]), (vec![0, 3], vec![]));
    // What it was told since does.
    entries.push(told(1, 1));
    assert_eq!(sent(&entries, true, &[0, 3]), (vec![0], vec![3]));
}

#[test]
fn what_is_refused_of_an_alert_is_not_told_after_its_end() {
    // The receiver knows the alert; the next revision is refused.
    let mut entries = vec![revision(1, 2, State::Updated), refused(0), revision(1, 3, State::Resolved)];
    assert_eq!(sent(&entries, true, &[0]), (vec![0, 2], vec![]));
    entries.push(told_over(2, 1, 3));
    assert_eq!(sent(&entries, true, &[0]), (vec![], vec![0]), "the end was told in a later batch");
    // It opens again, which is refused, too.
    entries.extend([revision(1, 4, State::Updated), refused(4)]);
    assert_eq!(sent(&entries, true, &[0, 4]), (vec![0, 4], vec![]));
}

#[test]
fn an_end_that_was_told_beside_a_refused_beginning_does_not_replace_it() {
    let mut entries =
        vec![revision(1, 1, State::Open), revision(1, 2, State::Resolved), told_over(0, 1, 2), refused(0)];
    assert_eq!(sent(&entries, true, &[0]), (vec![0, 1], vec![]));
    // Both are sent once more, and the beginning is refused again.
    entries.extend([told_over(2, 1, 2), refused(0)]);
    assert_eq!(sent(&entries, true, &[0]), (vec![0, 1], vec![]));
}

#[test]
fn looking_for_the_ends_of_letters_hears_the_stop() {
    let worker = worker_over(vec![revision(1, 1, State::Open)], true);
    worker.consumer.stop().cancel();
    let letter = (ledger::Position { ledger: LedgerName::Operations, shard: 0, seq: Seq::FIRST }, 0, None);
    assert!(matches!(paused().block_on(worker.letters(&[letter])), Err(Halt::Stopped)));
}
