//! Whether `operations` recorded the newest manifest of each ledger. What no recorded manifest lists is computed again in
//! every respect in which a query believes it.

use std::path::Path;

use super::Report;
use super::log::{Log, Logs};
use crate::error::LedgerError;
use crate::manifest::{self, Manifest};
use crate::notary::{Recorded, Standing};
use crate::position::LedgerName;
use crate::reader::Reader;
use crate::segment::check::Listener;
use crate::segment::encoding::check_encoding;

pub(super) fn check_manifests(directory: &Path, logs: &Logs, report: &mut Report) {
    let Some(operations) = logs.get(&LedgerName::Operations) else { return };
    // What keeps `operations` from being read is in the report already; then nothing in it is believed.
    let recorded = Reader::open(directory, LedgerName::Operations)
        .and_then(|reader| Recorded::read(&reader, (0, operations.signed_seq()), None))
        .unwrap_or_default();
    for log in logs.values() {
        let Some(newest) = &log.manifest else { continue };
        let place = manifest::file_name(newest.number);
        match recorded.standing(&log.blobs, newest, report.may_be_torn) {
            Standing::Recorded => {}
            Standing::Another => report.fault(log.place.at(place, "operations recorded another hash of it")),
            Standing::Older { .. } if log.has_grown() => {}
            Standing::Older { recorded } => {
                let what = format!("it is the newest, and operations recorded number {recorded}");
                report.fault(log.place.at(place, what));
            }
            Standing::Unknown { segments } => check_unknown(log, newest, segments, report),
        }
    }
}

/// Encodes again what the recorded manifests do not list.
fn check_unknown(log: &Log, newest: &Manifest, known: usize, report: &mut Report) {
    let place = manifest::file_name(newest.number);
    report.notes.push(format!(
        "{}: {place} is not recorded in operations, as after a stop right behind it; {} segments were encoded again",
        log.place.ledger,
        newest.segments.len() - known
    ));
    let table = crate::column::Table::of(log.place.ledger);
    for segment in newest.segments.iter().skip(known) {
        check_encoding(&log.blobs, table, segment, &mut Told { log, report });
    }
}

/// Takes what is found into the report.
struct Told<'a> {
    log: &'a Log,
    report: &'a mut Report,
}

impl Listener for Told<'_> {
    fn fault(&mut self, file: &str, place: String, what: String) {
        self.report.fault(self.log.place.at(format!("{file}, {place}"), what));
    }

    fn unreadable(&mut self, file: &str, place: String, error: LedgerError) {
        let at = &self.log.place;
        self.report.error(at.ledger, at.shard, format!("{file}, {place}"), &error);
    }

    fn progress(&mut self, _stored: u64, _parts: u64) {}
}
