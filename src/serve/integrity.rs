//! What `GET /api/v1/integrity` answers: both ledgers as they lie on the disk, and what verifications found of them.

use std::path::Path;
use std::time::UNIX_EPOCH;

use api::ServerError;
use ledger::identity::Identity;
use ledger::{LedgerError, Reader, Segment, Timestamp};
use serde::Serialize;
use serde_json::Value;

use super::verification::{Known, Verification, Verifications};
use crate::endpoints::Moment;
use crate::status::checkpoint_of;

/// The answer.
#[derive(Serialize)]
struct Shown {
    log: String,
    generation: u32,
    key: String,
    directory: String,
    verdict: String,
    #[serde(flatten)]
    known: Known,
    ledgers: Vec<ShownLedger>,
}

#[derive(Serialize)]
struct ShownLedger {
    ledger: String,
    entries: u64,
    batches: u64,
    checkpoint: Option<String>,
    size: Option<u64>,
    root: Option<String>,
    sealed: u64,
    bytes: u64,
    segments: Vec<ShownSegment>,
}

#[derive(Serialize)]
struct ShownSegment {
    file: String,
    first_seq: u64,
    end_seq: u64,
    bytes: u64,
    recorded_first: Moment,
    recorded_last: Moment,
    state: &'static str,
}

/// What is known of these ledgers.
pub fn shown(readers: &[Reader; 2], verifications: &Verifications) -> Result<Value, ServerError> {
    let known = verifications.known();
    let newest = known.verifications.first();
    let [events, _] = readers;
    let Identity { log, generation, key, .. } = Identity::read(events.data_directory())?;
    let ledgers = readers.iter().map(|reader| ledger(reader, newest)).collect::<Result<_, LedgerError>>()?;
    Ok(serde_json::to_value(Shown {
        log,
        generation,
        key,
        directory: events.data_directory().display().to_string(),
        verdict: newest.map_or_else(|| "not checked".to_owned(), |newest| newest.verdict.clone()),
        ledgers,
        known,
    })?)
}

fn ledger(reader: &Reader, newest: Option<&Verification>) -> Result<ShownLedger, LedgerError> {
    let (durable, snapshot, note) = (reader.durable()?, reader.snapshot()?, reader.checkpoint()?);
    let checkpoint = note.as_deref().and_then(checkpoint_of);
    let name = reader.table().ledger.to_string();
    let segments: Vec<ShownSegment> =
        snapshot.segments.iter().map(|segment| of_segment(segment, &name, newest)).collect();
    Ok(ShownLedger {
        entries: durable.next_seq.get(),
        batches: durable.batches,
        size: checkpoint.as_ref().map(|checkpoint| checkpoint.size),
        root: checkpoint.map(|checkpoint| checkpoint.root.to_string()),
        checkpoint: note,
        sealed: segments.last().map_or(0, |segment| segment.end_seq),
        bytes: segments.iter().map(|segment| segment.bytes).sum(),
        segments,
        ledger: name,
    })
}

fn of_segment(segment: &Segment, ledger: &str, newest: Option<&Verification>) -> ShownSegment {
    let (facts, bytes) = &segment.facts;
    let name = facts.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let recorded = |micros| Moment(Timestamp::from_unix_micros(micros));
    ShownSegment {
        state: newest.map_or("not checked", |newest| state(newest, ledger, &name, written(facts))),
        file: name,
        first_seq: segment.first_seq,
        end_seq: segment.end_seq,
        bytes: bytes + segment.content.as_ref().map_or(0, |(_, bytes)| *bytes),
        recorded_first: recorded(segment.recorded.0),
        recorded_last: recorded(segment.recorded.1),
    }
}

/// What a verification says of one segment. All files of a segment have names that begin alike.
fn state(found: &Verification, ledger: &str, file: &str, written: Option<Timestamp>) -> &'static str {
    let stem = file.split('.').next().unwrap_or(file);
    let is_of = |fault: &ledger_verify::Fault| fault.ledger.to_string() == ledger && fault.place.contains(stem);
    if found.faults.iter().any(is_of) {
        return "tampered";
    }
    let was_there = written.is_some_and(|written| written < found.since.0);
    let is_known = found.faults_omitted == 0 && !found.unchecked.iter().any(is_of);
    if was_there && is_known && found.trouble.is_none() { "verified" } else { "not checked" }
}

/// When a file was written.
fn written(path: &Path) -> Option<Timestamp> {
    let since = std::fs::metadata(path).ok()?.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
    Some(Timestamp::from_unix_micros(i64::try_from(since.as_micros()).ok()?))
}

#[cfg(test)]
mod tests {
    use ledger_verify::{Fault, LedgerName};

    use super::*;

    #[test]
    fn a_fault_is_that_of_its_segment_and_new_ones_are_not_checked() {
        let moment = |micros| Moment(Timestamp::from_unix_micros(micros));
        let place = "segment/0-9.facts.parquet, row group 0".to_owned();
        let fault = Fault { ledger: LedgerName::Events, shard: 0, place, what: "changed".to_owned() };
        let found = Verification {
            number: 1,
            since: moment(10),
            at: moment(12),
            took_ms: 0,
            by: "server".to_owned(),
            verdict: "tampered".to_owned(),
            entries: 1,
            batches: 1,
            segments: 2,
            bytes: 1,
            unproven: 0,
            faults: vec![fault],
            faults_omitted: 0,
            unchecked: Vec::new(),
            trouble: None,
        };
        let check = |ledger: &str, file: &str, written: i64, expected: &str| {
            let written = Some(Timestamp::from_unix_micros(written));
            assert_eq!(state(&found, ledger, file, written), expected, "{ledger} {file}");
        };
        check("events", "0-9.facts.parquet", 5, "tampered");
        check("events", "9-20.facts.parquet", 5, "verified");
        check("events", "20-30.facts.parquet", 11, "not checked");
        check("operations", "0-9.facts.parquet", 5, "verified");
    }
}
