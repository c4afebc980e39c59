//! The fold of one sink's outbox: what its receiver was told, what is half told, and what it refused.
//!
//! It decides nothing. Which message follows is delivery's business; that is why a restart finds the same answer here.

use std::collections::{BTreeMap, VecDeque};

use crate::alert::Severity;
use crate::fold::Fold;
use crate::kind::delivery::{SENT, SENT_KIND, Sent, SentAlert, SentThread};
use crate::kind::export::{Link, RECEIPT_KIND, REJECTED, REJECTED_KIND, REPLAYED_KIND, RETRY_KIND, Rejected};
use crate::limits::{OUTBOX_DEAD_MAX, OUTBOX_TOLD_MAX};
use ledger::Row;
use ledger::operations::column;
use ledger::{LedgerName, Position, Seq, Timestamp};

/// What a receiver knows of one alert that is not over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// The newest revision that it was told of.
    pub revision: u32,
    /// What it calls the message that told of the alert first.
    pub handle: Option<String>,
    /// The key of the digest, if the alert was told of in one only.
    pub digest: Option<String>,
    /// The alert in whose thread it was told of, if alerts are grouped.
    pub thread: Option<String>,
    /// What the receiver knows it by, where that changes with the alert.
    pub known_as: Option<String>,
}

/// What a receiver knows of alerts that belong together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Thread {
    /// What they have in common, as a hash.
    pub group: String,
    /// When the first of them was recorded.
    pub since: Timestamp,
    /// How bad the worst of them was when it was told.
    pub severity: Severity,
    /// What the receiver calls the first message.
    pub handle: Option<String>,
    /// How many of them are not over.
    pub open: usize,
}

/// A digest of which alerts are open.
#[derive(Debug, Clone, Default)]
struct OpenDigest {
    open: usize,
    /// What the receiver calls it.
    handle: Option<String>,
}

/// A record that the receiver refused for ever.
#[derive(Default, Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// The sink's number of it.
    pub export_seq: u64,
    /// What the receiver said.
    pub reason: String,
    /// The entry of the first request that it is sent once more, if there is one.
    pub retry: Option<Seq>,
    /// The record before it, if the sink's schema links records.
    pub previous: Option<Link>,
}

/// One sink in one shard of one ledger.
#[derive(Debug, Clone)]
pub struct Outbox {
    sink: String,
    ledger: LedgerName,
    shard: u32,
    told: BTreeMap<String, Told>,
    order: VecDeque<String>,
    /// By their keys.
    digests: BTreeMap<String, OpenDigest>,
    /// By the alert that was told of first.
    threads: BTreeMap<String, Thread>,
    /// The newest thread of each group.
    groups: BTreeMap<String, String>,
    half: Vec<Sent>,
    dead: BTreeMap<Position, DeadLetter>,
    forgot: bool,
}

impl Outbox {
    /// An empty outbox. `partial` says that older entries exist that it is not shown.
    pub fn new(sink: &str, ledger: LedgerName, shard: u32, partial: bool) -> Self {
        Self {
            sink: sink.to_owned(),
            ledger,
            shard,
            told: BTreeMap::new(),
            order: VecDeque::new(),
            digests: BTreeMap::new(),
            threads: BTreeMap::new(),
            groups: BTreeMap::new(),
            half: Vec::new(),
            dead: BTreeMap::new(),
            forgot: partial,
        }
    }

    /// What the receiver knows of an alert by the newest receipt.
    pub fn told(&self, alert: &str) -> Option<&Told> {
        self.told.get(alert)
    }

    /// Whether the receiver may know of an alert: it was told, or that is forgotten.
    pub fn may_know(&self, alert: &str) -> bool {
        self.forgot || self.told.contains_key(alert)
    }

    /// How many alerts of a digest are not over.
    pub fn digest_open(&self, key: &str) -> usize {
        self.digests.get(key).map_or(0, |digest| digest.open)
    }

    /// What the receiver calls a digest, while one of its alerts is open.
    pub fn digest_handle(&self, key: &str) -> Option<&str> {
        self.digests.get(key)?.handle.as_deref()
    }

    /// The thread of this alert, while one of its alerts is open.
    pub fn thread(&self, subject: &str) -> Option<&Thread> {
        self.threads.get(subject)
    }

    /// The newest thread of a group in which an alert is open, by its subject.
    pub fn thread_of(&self, group: &str) -> Option<(&str, &Thread)> {
        let subject = self.groups.get(group)?;
        Some((subject, self.threads.get(subject)?))
    }

    /// Messages of the batch that is on its way, which the receiver has already.
    pub fn half_sent(&self) -> &[Sent] {
        &self.half
    }

    /// What the receiver refused, in order.
    pub fn dead(&self) -> &BTreeMap<Position, DeadLetter> {
        &self.dead
    }

    /// What was half told is told.
    fn settle(&mut self) {
        for sent in std::mem::take(&mut self.half) {
            self.take(&sent);
        }
    }

    fn take(&mut self, sent: &Sent) {
        if let Some(thread) = sent.thread.as_ref().filter(|_| !sent.digest) {
            self.take_thread(thread, sent.handle.as_ref());
        }
        // A thread that nobody is in is gone, so alerts enter before others leave.
        for alert in sent.alerts.iter().filter(|alert| !alert.over) {
            let before = self.told.remove(&alert.id);
            if before.is_none() {
                self.order.push_back(alert.id.clone());
            }
            let told = Self::tell(before.as_ref(), sent, alert);
            self.enter(&told);
            if let Some(before) = &before {
                self.leave(before);
            }
            self.told.insert(alert.id.clone(), told);
        }
        for alert in sent.alerts.iter().filter(|alert| alert.over) {
            if let Some(told) = self.told.remove(&alert.id) {
                self.leave(&told);
            }
        }
        if let Some(digest) = self.digests.get_mut(&sent.key).filter(|_| sent.digest) {
            digest.handle.clone_from(&sent.handle);
        }
        // A thread whose alerts were all over when they were told is none.
        if let Some(thread) = &sent.thread {
            self.end_thread(&thread.subject);
        }
        self.forget();
    }

    /// What the receiver knows of an alert after a message.
    fn tell(before: Option<&Told>, sent: &Sent, alert: &SentAlert) -> Told {
        let revision = before.map_or(0, |told| told.revision).max(alert.revision);
        let own = || sent.handle.clone().filter(|_| !sent.digest && sent.thread.is_none());
        let handle = before.and_then(|told| told.handle.clone()).or_else(own);
        let known_as = alert.known_as.clone().or_else(|| before.and_then(|told| told.known_as.clone()));
        match before {
            // A digest repeats what the receiver was told elsewhere; what it knows from another digest moves to this one.
            Some(before) if sent.digest => {
                let digest = before.digest.as_ref().map(|_| sent.key.clone());
                Told { revision, handle, digest, thread: before.thread.clone(), known_as }
            }
            _ => {
                let digest = sent.digest.then(|| sent.key.clone());
                let thread = sent.thread.as_ref().filter(|_| !sent.digest).map(|thread| thread.subject.clone());
                Told { revision, handle, digest, thread, known_as }
            }
        }
    }

    fn take_thread(&mut self, sent: &SentThread, handle: Option<&String>) {
        let SentThread { subject, group, since, severity } = sent.clone();
        // A message of an older thread does not make it the newest again.
        if !self.threads.contains_key(&subject) {
            self.groups.insert(group.clone(), subject.clone());
        }
        let new = Thread { group, since, severity, handle: None, open: 0 };
        let thread = self.threads.entry(subject).or_insert(new);
        thread.severity = thread.severity.max(severity);
        thread.handle = thread.handle.take().or_else(|| handle.cloned());
    }

    fn enter(&mut self, told: &Told) {
        if let Some(digest) = &told.digest {
            self.digests.entry(digest.clone()).or_default().open += 1;
        }
        if let Some(thread) = told.thread.as_ref().and_then(|subject| self.threads.get_mut(subject)) {
            thread.open += 1;
        }
    }

    /// One alert fewer of its digest and thread is open.
    fn leave(&mut self, told: &Told) {
        if let Some(key) = &told.digest
            && let Some(digest) = self.digests.get_mut(key)
        {
            digest.open = digest.open.saturating_sub(1);
            if digest.open == 0 {
                self.digests.remove(key);
            }
        }
        if let Some(subject) = &told.thread
            && let Some(thread) = self.threads.get_mut(subject)
        {
            thread.open = thread.open.saturating_sub(1);
            self.end_thread(subject);
        }
    }

    fn end_thread(&mut self, subject: &str) {
        if self.threads.get(subject).is_some_and(|thread| thread.open == 0)
            && let Some(thread) = self.threads.remove(subject)
            && self.groups.get(&thread.group).is_some_and(|newest| newest == subject)
        {
            self.groups.remove(&thread.group);
        }
    }

    fn forget(&mut self) {
        while self.told.len() > OUTBOX_TOLD_MAX {
            let Some(id) = self.order.pop_front() else { return };
            if let Some(told) = self.told.remove(&id) {
                self.forgot = true;
                self.leave(&told);
            }
        }
        if self.order.len() > 2 * OUTBOX_TOLD_MAX {
            self.order.retain(|id| self.told.contains_key(id));
        }
    }
}

impl Fold for Outbox {
    fn apply(&mut self, row: &Row<'_>) {
        if row.text(column::SUBJECT) != Some(self.sink.as_str()) {
            return;
        }
        let from = row.text(column::FROM).and_then(|from| from.parse::<Position>().ok());
        let from = from.filter(|from| from.ledger == self.ledger && from.shard == self.shard);
        match (row.text(column::KIND), from) {
            (Some(SENT_KIND), Some(_)) => self.half.extend(SENT.read(row)),
            (Some(RECEIPT_KIND), Some(_)) => self.settle(),
            (Some(REJECTED_KIND), Some(position)) => {
                let Rejected { export_seq, reason, previous } = REJECTED.read(row).unwrap_or_default();
                let letter = DeadLetter { export_seq, reason, retry: None, previous };
                self.dead.insert(position, letter);
                if self.dead.len() > OUTBOX_DEAD_MAX {
                    self.dead.pop_first();
                }
            }
            (Some(REPLAYED_KIND), Some(position)) => {
                self.dead.remove(&position);
                self.settle();
            }
            // A request is about everything that the sink refused, whatever the ledger.
            (Some(RETRY_KIND), _) => {
                for letter in self.dead.values_mut() {
                    letter.retry.get_or_insert(row.position.seq);
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ledger::{Entry, Group};
    use ledger::{Options, Store};
    use serde_json::{Value, json};

    fn read(entries: &[(&str, &str, Value)]) -> Outbox {
        let dir = tempfile::tempdir().unwrap();
        Store::init(dir.path(), "acme.example/agents").unwrap();
        let store = Store::open(dir.path(), Options::default()).unwrap();
        let mut group = Group::new(&ledger::operations::TABLE);
        for (kind, from, record) in entries {
            let mut entry = Entry::new();
            entry.set_text(column::KIND, kind);
            entry.set_text(column::SUBJECT, "pager");
            entry.set_text(column::FROM, from);
            entry.set_text(column::RECORD, &record.to_string());
            group.push(&entry).unwrap();
        }
        store.operations().appender().try_append(group).unwrap().wait().unwrap();
        let outbox = Outbox::new("pager", LedgerName::Operations, 0, false);
        let projection = super::super::Projection::open(store.operations().reader(), outbox).unwrap();
        store.stop();
        projection.get().clone()
    }

    fn sent(key: &str, digest: bool, alerts: &[(&str, u32, bool)]) -> Value {
        let alerts: Vec<Value> =
            alerts.iter().map(|(id, revision, over)| json!({"id": id, "revision": revision, "over": over})).collect();
        json!({"key": key, "handle": key, "digest": digest, "alerts": alerts, "sha256": "", "attempts": 1, "ack": ""})
    }

    const AT: &str = "operations/0/7";

    #[test]
    fn what_was_told_counts_from_its_receipt_on() {
        let half = read(&[(SENT_KIND, AT, sent("a/r1", false, &[("a", 1, false)]))]);
        assert_eq!((half.told("a"), half.half_sent().len()), (None, 1));
        let told = read(&[
            (SENT_KIND, AT, sent("a/r1", false, &[("a", 1, false)])),
            (RECEIPT_KIND, AT, json!({})),
            (SENT_KIND, AT, sent("a/r2", false, &[("a", 2, false)])),
            (RECEIPT_KIND, AT, json!({})),
        ]);
        let expected = Told { revision: 2, handle: Some("a/r1".into()), digest: None, thread: None, known_as: None };
        assert_eq!((told.told("a"), told.half_sent().len(), told.may_know("b")), (Some(&expected), 0, false));
    }

    #[test]
    fn a_digest_counts_what_is_not_over() {
        let outbox = read(&[
            (SENT_KIND, AT, sent("d", true, &[("a", 1, false), ("b", 1, false), ("c", 1, false)])),
            (RECEIPT_KIND, AT, json!({})),
            (SENT_KIND, AT, sent("a/r2", false, &[("a", 2, true)])),
            (SENT_KIND, AT, sent("b/r2", false, &[("b", 2, false)])),
            (RECEIPT_KIND, AT, json!({})),
        ]);
        assert_eq!((outbox.digest_open("d"), outbox.may_know("a")), (1, false));
        assert_eq!((outbox.digest_handle("d"), outbox.digest_handle("a/r2")), (Some("d"), None));
        assert_eq!(outbox.told("b").and_then(|told| told.digest.as_deref()), None);
        assert_eq!(outbox.told("c").and_then(|told| told.digest.as_deref()), Some("d"));
    }

    #[test]
    fn what_another_digest_tells_of_moves_to_it() {
        let outbox = read(&[
            (SENT_KIND, AT, sent("d1", true, &[("a", 1, false), ("b", 1, false)])),
            (SENT_KIND, AT, sent("c/r1", false, &[("c", 1, false)])),
            (RECEIPT_KIND, AT, json!({})),
            (SENT_KIND, AT, sent("d2", true, &[("b", 2, false), ("c", 2, false)])),
            (RECEIPT_KIND, AT, json!({})),
        ]);
        assert_eq!((outbox.digest_open("d1"), outbox.digest_open("d2")), (1, 1));
        assert_eq!(outbox.told("b").and_then(|told| told.digest.as_deref()), Some("d2"));
        // What has a message of its own keeps it.
        assert_eq!(outbox.told("c").map(|told| (told.digest.clone(), told.revision)), Some((None, 2)));
    }

    #[test]
    fn a_thread_lasts_as_long_as_one_of_its_alerts() {
        let in_thread = |key: &str, severity: &str, alerts: &[(&str, u32, bool)]| {
            let mut sent = sent(key, false, alerts);
            sent["thread"] = json!({"subject": "a", "group": "g", "since": 7, "severity": severity});
            sent
        };
        let entries = [
            (SENT_KIND, AT, in_thread("a/r1", "high", &[("a", 1, false), ("b", 1, false)])),
            (SENT_KIND, AT, in_thread("c/r1", "low", &[("c", 1, false)])),
            (SENT_KIND, AT, sent("", false, &[("a", 2, true)])),
            (RECEIPT_KIND, AT, json!({})),
            // One becomes so bad that it is told alone; the other ends.
            (SENT_KIND, AT, sent("b/r2", false, &[("b", 2, false)])),
            (RECEIPT_KIND, AT, json!({})),
            (SENT_KIND, AT, in_thread("c/r2/over", "low", &[("c", 2, true)])),
            (RECEIPT_KIND, AT, json!({})),
        ];
        let group = Some("a/r1".to_owned());
        let thread = Thread {
            group: "g".into(),
            since: Timestamp::from_unix_micros(7),
            severity: Severity::High,
            handle: group,
            open: 2,
        };
        let outbox = read(&entries[..4]);
        assert_eq!(outbox.thread_of("g"), Some(("a", &thread)));
        assert_eq!(
            outbox.told("b").map(|told| (told.handle.as_deref(), told.thread.as_deref())),
            Some((None, Some("a")))
        );
        assert_eq!(read(&entries[..6]).thread("a").map(|thread| thread.open), Some(1));
        let outbox = read(&entries);
        assert_eq!((outbox.thread("a"), outbox.thread_of("g")), (None, None));
        assert_eq!(outbox.told("b").and_then(|told| told.handle.as_deref()), Some("b/r2"));
    }

    #[test]
    fn an_older_thread_does_not_become_the_newest_of_its_group_again() {
        let in_thread = |subject: &str, key: &str, alerts: &[(&str, u32, bool)]| {
            let mut sent = sent(key, false, alerts);
            sent["thread"] = json!({"subject": subject, "group": "g", "since": 7, "severity": "high"});
            sent
        };
        let entries = [
            (SENT_KIND, AT, in_thread("a", "a/r1", &[("a", 1, false)])),
            (SENT_KIND, AT, in_thread("b", "b/r1", &[("b", 1, false)])),
            (RECEIPT_KIND, AT, json!({})),
            (SENT_KIND, AT, in_thread("a", "a/r2", &[("a", 2, false)])),
            (RECEIPT_KIND, AT, json!({})),
            (SENT_KIND, AT, in_thread("a", "a/r3/over", &[("a", 3, true)])),
            (RECEIPT_KIND, AT, json!({})),
            (SENT_KIND, AT, in_thread("b", "b/r2/over", &[("b", 2, true)])),
            (RECEIPT_KIND, AT, json!({})),
        ];
        for told in [3, 5, 7] {
            let outbox = read(&entries[..told]);
            assert_eq!(outbox.thread_of("g").map(|(subject, _)| subject), Some("b"), "after {told} entries");
        }
        let outbox = read(&entries);
        assert_eq!((outbox.thread("a"), outbox.thread("b"), outbox.thread_of("g")), (None, None, None));
    }

    #[test]
    fn refused_records_wait_until_they_were_taken() {
        let refused = |reason: &str| json!({"export_seq": 3, "reason": reason});
        let outbox = read(&[
            (REJECTED_KIND, "operations/0/1", refused("400")),
            (REJECTED_KIND, "operations/0/2", refused("400")),
            (REJECTED_KIND, "events/0/2", refused("400")),
            (RETRY_KIND, "", json!({})),
            (REPLAYED_KIND, "operations/0/1", json!({})),
            (REJECTED_KIND, "operations/0/9", refused("410")),
            (RETRY_KIND, "", json!({})),
            (REJECTED_KIND, "operations/0/12", refused("410")),
        ]);
        // The first retry request counts, so that what is sent with it does not depend on when it is sent.
        let dead: Vec<(u64, Option<Seq>)> =
            outbox.dead().iter().map(|(at, letter)| (at.seq.get(), letter.retry)).collect();
        let first = dead[0].1.unwrap();
        assert_eq!(dead, [(2, Some(first)), (9, Some(first.skip(3))), (12, None)]);
    }
}
