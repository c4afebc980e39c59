//! The walk over the receipts of a sink in their order, with the records that each stands for, said again from the ledger.

use std::collections::{BTreeMap, BTreeSet};

use ledger::operations::column;
use ledger::{Position, ReadLimit, Reader, Row, Seq};
use operations::kind::export::{ExportReceipt, Link, RECEIPT, RECEIPT_KIND, REJECTED_KIND, REPLAYED_KIND};

use super::{Evidence, ReceiptsError};
use crate::limits::{READ_BYTES, READ_ROWS};
use crate::record::Record;
use crate::selection::Selection;

/// What hears of everything on the way.
pub trait Visitor {
    /// A receipt, in the order in which it was recorded, with where it stands. `previous` is the one before it in the same ledger.
    fn receipt(&mut self, at: Position, receipt: &Receipt, previous: Option<&Receipt>);

    /// A record of a receipt that was made by the settings of now. The sink refused it for ever if `refused` says so.
    fn record(&mut self, record: &Record, refused: bool);

    /// The end of that receipt, with what was read for it.
    fn reproduced(&mut self, at: Position, receipt: &Receipt, read: &Read);
}

/// A receipt with its range.
#[derive(Debug, Clone)]
pub struct Receipt {
    /// First position of the range.
    pub from: Position,
    /// The position after it.
    pub to: Position,
    /// What it says.
    pub record: ExportReceipt,
}

/// What was read for a receipt.
#[derive(Debug, Default)]
pub struct Read {
    /// Entries of the ledger in the range,
    pub entries: u64,
    /// how many of them are records of the sink,
    pub records: u64,
    /// and how many of these it refused.
    pub refused: u64,
    /// The last record, as the next one refers to it.
    pub link: Option<Link>,
}

/// One stream on the way.
struct Stream {
    selection: Selection,
    newest: Option<Receipt>,
    /// Records that were refused and for which no receipt was seen yet.
    refused: BTreeSet<Seq>,
}

/// Walks over every receipt of the sink, oldest first.
pub fn walk(evidence: &Evidence<'_>, visitor: &mut impl Visitor) -> Result<(), ReceiptsError> {
    let mut streams = BTreeMap::new();
    for ledger in evidence.sink.spec.class.ledgers() {
        let origin = evidence.reader(*ledger).origin()?;
        let selection = evidence.sink.selection(evidence.key, &origin);
        streams.insert(*ledger, Stream { selection, newest: None, refused: BTreeSet::new() });
    }
    each_row(evidence.operations, Seq::FIRST, Seq::MAX, false, |row| {
        if row.text(column::SUBJECT) != Some(evidence.sink.common.name.as_str()) {
            return Ok(());
        }
        let at = |column| row.text(column)?.parse::<Position>().ok();
        let (Some(from), Some(to)) = (at(column::FROM), at(column::TO)) else { return Ok(()) };
        let Some(stream) = streams.get_mut(&from.ledger) else { return Ok(()) };
        match row.text(column::KIND) {
            Some(REJECTED_KIND) => {
                stream.refused.insert(from.seq);
            }
            Some(RECEIPT_KIND) => {
                if let Some(record) = RECEIPT.read(row) {
                    let receipt = Receipt { from, to, record };
                    visitor.receipt(row.position, &receipt, stream.newest.as_ref());
                    if receipt
                        .record
                        .rendering
                        .as_deref()
                        .is_some_and(|name| stream.selection.rendering() == Some(name))
                    {
                        let read = records(evidence, stream, &receipt, visitor)?;
                        visitor.reproduced(row.position, &receipt, &read);
                    }
                    stream.refused.retain(|seq| *seq >= to.seq);
                    stream.newest = Some(receipt);
                }
            }
            _ => {}
        }
        Ok(())
    })
}

/// The records that the sink refused and took later.
pub fn replayed(evidence: &Evidence<'_>) -> Result<BTreeSet<Position>, ReceiptsError> {
    let mut replayed = BTreeSet::new();
    each_row(evidence.operations, Seq::FIRST, Seq::MAX, false, |row| {
        let is_of_sink = row.text(column::SUBJECT) == Some(evidence.sink.common.name.as_str());
        if is_of_sink && row.text(column::KIND) == Some(REPLAYED_KIND) {
            replayed.extend(row.text(column::FROM).and_then(|from| from.parse::<Position>().ok()));
        }
        Ok(())
    })?;
    Ok(replayed)
}

/// The records of one receipt.
fn records(
    evidence: &Evidence<'_>,
    stream: &Stream,
    receipt: &Receipt,
    visitor: &mut impl Visitor,
) -> Result<Read, ReceiptsError> {
    let ledger = receipt.from.ledger;
    let mut read =
        Read { link: stream.newest.as_ref().and_then(|newest| newest.record.link.clone()), ..Read::default() };
    let content = evidence.sink.needs_content(ledger);
    let reader = stream.selection.reader(evidence.reader(ledger).clone());
    each_row(&reader, receipt.from.seq, receipt.to.seq, content, |row| {
        read.entries += 1;
        let export_seq = receipt.record.export_seq + read.records;
        let Some(record) = stream.selection.record(row, export_seq, read.link.as_ref()) else { return Ok(()) };
        let refused = stream.refused.contains(&row.position.seq);
        (read.records, read.refused) = (read.records + 1, read.refused + u64::from(refused));
        read.link.clone_from(&record.said.link);
        visitor.record(&record, refused);
        Ok(())
    })?;
    Ok(read)
}

/// Reads the rows of a range in their order.
fn each_row(
    reader: &Reader,
    from: Seq,
    to: Seq,
    content: bool,
    mut visit: impl FnMut(&Row<'_>) -> Result<(), ReceiptsError>,
) -> Result<(), ReceiptsError> {
    let mut next = from;
    while next < to {
        let rows = reader.read(next, content, ReadLimit { rows: READ_ROWS, bytes: READ_BYTES })?;
        if rows.is_empty() {
            break;
        }
        for row in rows.iter().filter(|row| row.position.seq < to) {
            visit(&row)?;
        }
        next = rows.next_seq;
    }
    Ok(())
}
