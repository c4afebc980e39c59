//! Whether `operations` recorded the newest manifest of each ledger (FORMAT.md section 9). What no recorded manifest lists is computed
//! again in every respect in which a query believes it.

use std::collections::BTreeMap;
use std::ops::Bound;

use proof::Digest;

use crate::files::Files;
use crate::limits::RECORDED_MAX;
use crate::log::{Log, Logs};
use crate::manifest::{self, Manifest};
use crate::name::LedgerName;
use crate::part::take_column;
use crate::report::Report;
use crate::segments::encoding::check_encoding;
use crate::table::Table;

/// How the facts of an entry about a manifest begin: the column `kind` comes first.
const FRONT: &[u8] = b"\x01\x08manifest";

/// The hashes of manifests that entries name: by ledger, number and position of the entry.
#[derive(Debug, Clone, Default)]
pub(crate) struct Recorded(BTreeMap<LedgerName, BTreeMap<(u64, u64), Digest>>);

/// One entry about a manifest: the ledger, the number of the manifest, the hash.
fn read_entry(facts: &[u8]) -> Option<(LedgerName, u64, Digest)> {
    let table = Table::of(LedgerName::Operations);
    let (mut subject, mut revision, mut record) = (None, None, None);
    let mut rest = facts;
    while !rest.is_empty() {
        let ((id, value), after) = take_column(rest)?;
        rest = after;
        match table.by_id(id)?.name {
            "subject" => subject = std::str::from_utf8(value).ok(),
            "revision" => revision = value.first_chunk::<8>().map(|number| i64::from_be_bytes(*number)),
            "record" => record = serde_json::from_slice::<serde_json::Value>(value).ok(),
            _ => {}
        }
    }
    let ledger = LedgerName::of_word(subject?.strip_suffix("/0")?)?;
    Some((ledger, u64::try_from(revision?).ok()?, Digest::from_hex(record?.get("sha256")?.as_str()?)?))
}

impl Recorded {
    /// Takes in what the facts of the entry at a position say, if it is about a manifest.
    pub(crate) fn note(&mut self, seq: u64, facts: &[u8]) {
        if !facts.starts_with(FRONT) {
            return;
        }
        if let Some((ledger, number, hash)) = read_entry(facts) {
            let hashes = self.0.entry(ledger).or_default();
            hashes.insert((number, seq), hash);
            if hashes.len() > RECORDED_MAX {
                hashes.pop_first();
            }
        }
    }

    /// Takes in what others found.
    pub(crate) fn merge(&mut self, found: Self) {
        for (ledger, hashes) in found.0 {
            let all = self.0.entry(ledger).or_default();
            all.extend(hashes);
            while all.len() > RECORDED_MAX {
                all.pop_first();
            }
        }
    }

    /// The newest hash that entries before position `end` name for each number. Behind it nothing is signed.
    fn of(&self, ledger: LedgerName, end: u64) -> BTreeMap<u64, Digest> {
        let all = self.0.get(&ledger).into_iter().flatten();
        all.filter(|((_, seq), _)| *seq < end).map(|((number, _), hash)| (*number, *hash)).collect()
    }
}

/// How the newest manifest on the disk stands to what is recorded.
#[derive(Debug, PartialEq, Eq)]
enum Attestation {
    /// It is recorded.
    Recorded,
    /// Another hash is recorded under its number.
    Another,
    /// A newer one is recorded.
    Older(u64),
    /// It is not recorded, as a stop right behind it leaves it. The first so many segments are listed by one that is.
    Unknown(usize),
}

fn attestation(hashes: &BTreeMap<u64, Digest>, files: &dyn Files, newest: &Manifest, may_be_torn: bool) -> Attestation {
    let newer = hashes.range((Bound::Excluded(newest.number), Bound::Unbounded)).next();
    if let Some((number, _)) = newer.filter(|_| !may_be_torn) {
        return Attestation::Older(*number);
    }
    match hashes.get(&newest.number) {
        Some(hash) if *hash == newest.hash => Attestation::Recorded,
        Some(_) => Attestation::Another,
        None => {
            // The newest one that is recorded vouches for the segments that it lists.
            let vouched = hashes.iter().rev().find_map(|(number, hash)| {
                let older = manifest::load(files, *number).ok().filter(|older| older.hash == *hash)?;
                newest.segments.starts_with(&older.segments).then_some(older.segments.len())
            });
            Attestation::Unknown(vouched.unwrap_or(0))
        }
    }
}

/// Compares the newest manifest of each ledger with what the signed part of `operations` says.
pub(crate) fn check_manifests(logs: &Logs, report: &mut Report) {
    let Some(operations) = logs.get(&LedgerName::Operations) else { return };
    let end = operations.signed_seq();
    for log in logs.values() {
        let Some(newest) = &log.manifest else { continue };
        let place = manifest::file_name(newest.number);
        let hashes = operations.recorded(log.context.ledger, end);
        match attestation(&hashes, &log.files, newest, report.may_be_torn) {
            Attestation::Recorded => {}
            Attestation::Another => report.fault(log.context.at(place, "operations recorded another hash of it")),
            Attestation::Older(_) if log.has_grown() => {}
            Attestation::Older(recorded) => {
                let what = format!("it is the newest, and operations recorded number {recorded}");
                report.fault(log.context.at(place, what));
            }
            Attestation::Unknown(known) => check_unknown(log, newest, known, report),
        }
    }
}

/// Encodes again what the recorded manifests do not list.
fn check_unknown(log: &Log, newest: &Manifest, known: usize, report: &mut Report) {
    report.notes.push(format!(
        "{}: {} is not recorded in operations, as after a stop right behind it; {} segments were encoded again",
        log.context.ledger,
        manifest::file_name(newest.number),
        newest.segments.len() - known
    ));
    let (ledger, shard) = (log.context.ledger, log.context.shard);
    for segment in newest.segments.iter().skip(known) {
        for (name, found) in check_encoding(&log.files, Table::of(ledger), segment) {
            let place = format!("{name}, encoding");
            match found {
                Ok(what) => report.fault(log.context.at(place, what)),
                Err(error) => report.error(ledger, shard, place, &error),
            }
        }
    }
}

impl Log {
    /// What the entries of this ledger before position `end` say of the manifests of `ledger`, by number.
    fn recorded(&self, ledger: LedgerName, end: u64) -> BTreeMap<u64, Digest> {
        let mut all = self.sealed_manifests.of(ledger, end);
        all.extend(self.replay.manifests.of(ledger, end));
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::part::put;

    fn entry(subject: &str, revision: i64, record: &str) -> Vec<u8> {
        let mut facts = Vec::new();
        put(&mut facts, 1, b"manifest");
        put(&mut facts, 2, subject.as_bytes());
        put(&mut facts, 3, &revision.to_be_bytes());
        put(&mut facts, 7, record.as_bytes());
        facts
    }

    #[test]
    fn the_newest_signed_entry_of_a_number_counts() {
        let hash = |byte| Digest([byte; 32]);
        let record = |byte| format!("{{\"number\":4,\"sha256\":\"{}\"}}", hash(byte));
        let mut recorded = Recorded::default();
        recorded.note(9, &entry("events/0", 4, &record(2)));
        recorded.note(5, &entry("events/0", 4, &record(1)));
        recorded.note(6, &entry("events/0", 5, &record(3)));
        for facts in [
            entry("events/1", 4, &record(1)),
            entry("audit/0", 4, &record(1)),
            entry("events/0", -1, &record(1)),
            entry("events/0", 8, "{}"),
            entry("events/0", 8, "no"),
            b"\x01\x05alert".to_vec(),
            b"\x01\x08manifest\x02\x09x".to_vec(),
        ] {
            recorded.note(7, &facts);
        }
        assert_eq!(recorded.of(LedgerName::Events, 10), BTreeMap::from([(4, hash(2)), (5, hash(3))]));
        assert_eq!(recorded.of(LedgerName::Events, 6), BTreeMap::from([(4, hash(1))]));
        assert_eq!(recorded.of(LedgerName::Operations, 10), BTreeMap::new());
    }
}
