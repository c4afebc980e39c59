//! `receipts check`: whether the receipts of a sink tile both ledgers, add up, and have the roots of the records that they stand for.

use ledger::Position;
use operations::kind::sink_order::backfill_of;
use proof::tree::{self, Frontier};

use super::walk::{Expected, Read, Receipt, Visitor, replayed, walk};
use super::{Evidence, ReceiptsError, ReceiptsReport, StreamReport};
use crate::record::{Record, stream_name};

/// Checks every receipt of a sink.
pub fn check(evidence: &Evidence<'_>) -> Result<ReceiptsReport, ReceiptsError> {
    let mut check = Check::default();
    walk(evidence, &mut check)?;
    for at in replayed(evidence)? {
        check.stream(&stream_name(at, None)).replayed += 1;
    }
    Ok(check.report)
}

#[derive(Default)]
struct Check {
    report: ReceiptsReport,
    /// The records of the receipt that is at hand.
    tree: Frontier,
}

impl Check {
    fn stream(&mut self, name: &str) -> &mut StreamReport {
        self.report.streams.entry(name.to_owned()).or_default()
    }
}

impl Visitor for Check {
    fn receipt(&mut self, at: Position, receipt: &Receipt, expected: &Expected) {
        self.tree = Frontier::default();
        let Receipt { from, to, record, .. } = receipt;
        let Expected { seq: begins, export_seq: numbered, .. } = *expected;
        let range = named(at, receipt);
        if from.seq > begins {
            let what = format!(
                "no receipt stands for the {} entries from {} on",
                from.seq.distance_from(begins),
                begins.get()
            );
            self.report.problem(&range, what);
        } else if from.seq < begins {
            let what = format!(
                "two receipts stand for the {} entries from {} on",
                begins.distance_from(from.seq),
                from.seq.get()
            );
            self.report.problem(&range, what);
        }
        if record.export_seq != numbered {
            let what =
                format!("it counts from export_seq {} on; the one before it ended at {numbered}", record.export_seq);
            self.report.problem(&range, what);
        }
        let entries = to.seq.distance_from(from.seq);
        let stated = record.count + record.excluded + record.rejected;
        if stated != entries {
            self.report.problem(&range, format!("it counts {stated} entries of a range of {entries}"));
        }
        let stream = self.stream(&receipt.stream);
        if stream.receipts == 0 {
            stream.from = begins.get();
        }
        stream.receipts += 1;
        stream.to = to.seq.get();
        stream.sent += record.count;
        stream.excluded += record.excluded;
        stream.rejected += record.rejected;
        stream.bytes += record.bytes;
        // What a sink left out where it starts was said by nothing.
        stream.by_other_settings += u64::from(record.rendering.is_some() || record.count + record.rejected > 0);
    }

    fn record(&mut self, _: &Receipt, record: &Record, refused: bool) {
        if !refused {
            self.tree.push(tree::leaf_hash(record.said.text.as_bytes()));
        }
    }

    fn reproduced(&mut self, at: Position, receipt: &Receipt, read: &Read) {
        let Receipt { from, to, record, .. } = receipt;
        let range = named(at, receipt);
        let stream = self.stream(&receipt.stream);
        stream.by_other_settings -= 1;
        stream.reproduced += 1;
        if read.entries != to.seq.distance_from(from.seq) {
            let what = format!("the ledger has {} entries in this range", read.entries);
            self.report.problem(&range, what);
            return;
        }
        let sent = read.records - read.refused;
        if record.root.is_none() && record.rejected > read.refused && record.count + record.rejected == read.records {
            // The receiver said how many it refused, and not which.
            self.stream(&receipt.stream).unnamed += record.rejected - read.refused;
            return;
        }
        if (sent, read.refused) != (record.count, record.rejected) {
            let what = format!(
                "it says that {} were acknowledged and {} refused; by the ledger these are {sent} and {}",
                record.count, record.rejected, read.refused
            );
            self.report.problem(&range, what);
        }
        let root = (self.tree.size() > 0).then(|| self.tree.root().to_string());
        if root != record.root {
            let shown = |root: &Option<String>| root.clone().unwrap_or_else(|| "none".to_owned());
            let what = format!("its root is {}; the records of the ledger have {}", shown(&record.root), shown(&root));
            self.report.problem(&range, what);
        }
        if read.link != record.link {
            self.report.problem(&range, "the chain of its records ends in another record");
        }
    }

    fn done(&mut self, at: Position, stream: &str, to: Position, expected: &Expected) {
        if expected.seq < to.seq {
            let missing = to.seq.distance_from(expected.seq);
            let what = format!("{stream} is said to be done, and no receipt stands for its last {missing} entries");
            self.report.problem(&format!("{to}, entry {at}"), what);
        }
    }
}

/// A receipt for people.
fn named(at: Position, Receipt { stream, from, to, .. }: &Receipt) -> String {
    match backfill_of(stream) {
        Some(_) => format!("{from} to {to} of {stream}, receipt {at}"),
        None => format!("{from} to {to}, receipt {at}"),
    }
}
