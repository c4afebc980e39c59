//! The walk over the receipts of a sink in their order, with the records that each stands for, said again from the ledger.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use ledger::operations::column;
use ledger::{LedgerName, Position, ReadLimit, Reader, Row, Seq};
use operations::kind::export::{ExportReceipt, Link, RECEIPT, RECEIPT_KIND, REJECTED_KIND, REPLAYED_KIND};
use operations::kind::sink_order::{
    BACKFILL, BACKFILL_END, Backfill, BackfillEnd, BackfillMode, BackfillOutcome, backfill_of,
};

use super::{Evidence, ReceiptsError};
use crate::limits::{READ_BYTES, READ_ROWS};
use crate::record::{Record, stream_name};
use crate::selection::Selection;

/// What hears of everything on the way.
pub trait Visitor {
    /// A receipt, in the order in which it was recorded, with where it stands. `expected` is where the ones before it in the same stream end.
    fn receipt(&mut self, at: Position, receipt: &Receipt, expected: &Expected);

    /// A record of a receipt that was made by the settings of now. The sink refused it for ever if `refused` says so.
    fn record(&mut self, receipt: &Receipt, record: &Record, refused: bool);

    /// The end of that receipt, with what was read for it.
    fn reproduced(&mut self, at: Position, receipt: &Receipt, read: &Read);

    /// The end of a backfill that was carried out, with the end of its range; `expected` is where its receipts end.
    fn done(&mut self, at: Position, stream: &str, to: Position, expected: &Expected);
}

/// A receipt with its range.
#[derive(Debug, Clone)]
pub struct Receipt {
    /// The name of its stream: `events/0`, or `events/0~backfill-1`.
    pub stream: String,
    /// Whether its records are those of another stream, sent once more.
    pub is_again: bool,
    /// First position of the range.
    pub from: Position,
    /// The position after it.
    pub to: Position,
    /// What it says.
    pub record: ExportReceipt,
}

/// Where a receipt has to begin.
#[derive(Debug, Clone, Default)]
pub struct Expected {
    /// The first position,
    pub seq: Seq,
    /// the number of the first record,
    pub export_seq: u64,
    /// and what it refers to.
    pub link: Option<Link>,
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
    is_again: bool,
    expected: Expected,
    /// Where it ends, if it is a backfill.
    to: Option<Position>,
    /// Records that were refused and for which no receipt was seen yet.
    refused: BTreeSet<Seq>,
}

/// The streams of a sink by their ledger and the number of their backfill.
type Streams = BTreeMap<(LedgerName, Option<u64>), Stream>;

/// Walks over every receipt of the sink and of its backfills, oldest first.
pub fn walk(evidence: &Evidence<'_>, visitor: &mut impl Visitor) -> Result<(), ReceiptsError> {
    let mut streams = Streams::new();
    for ledger in evidence.sink.spec.class.ledgers() {
        let selection = evidence.sink.selection(evidence.key, &evidence.reader(*ledger).origin()?);
        let (is_again, expected, refused) = (false, Expected::default(), BTreeSet::new());
        streams.insert((*ledger, None), Stream { selection, is_again, expected, to: None, refused });
    }
    let sink = evidence.sink.common.name.as_str();
    each_row(evidence.operations, Seq::FIRST, Seq::MAX, false, |row| {
        let subject = row.text(column::SUBJECT).unwrap_or_default();
        let number = match backfill_of(subject) {
            Some((of, number)) if of == sink => Some(number),
            _ if subject == sink => None,
            _ => return Ok(()),
        };
        if let Some(end) = BACKFILL_END.read(row) {
            ended(&streams, row.position, &end, visitor);
            return Ok(());
        }
        let at = |column| row.text(column)?.parse::<Position>().ok();
        let (Some(from), Some(to)) = (at(column::FROM), at(column::TO)) else { return Ok(()) };
        if let Some(backfill) = BACKFILL.read(row) {
            return begin(evidence, &mut streams, from, to, backfill);
        }
        let Some(stream) = streams.get_mut(&(from.ledger, number)) else { return Ok(()) };
        match row.text(column::KIND) {
            Some(REJECTED_KIND) => {
                stream.refused.insert(from.seq);
            }
            Some(RECEIPT_KIND) => {
                if row.recorded <= evidence.until
                    && let Some(record) = RECEIPT.read(row)
                {
                    let (name, is_again) = (stream_name(from, number), stream.is_again);
                    let receipt = Receipt { stream: name, is_again, from, to, record };
                    visitor.receipt(row.position, &receipt, &stream.expected);
                    let rendering = receipt.record.rendering.as_deref();
                    if rendering.is_some() && stream.selection.rendering() == rendering {
                        let read = records(evidence, stream, &receipt, visitor)?;
                        visitor.reproduced(row.position, &receipt, &read);
                    }
                    stream.refused.retain(|seq| *seq >= to.seq);
                    let (export_seq, link) = (receipt.record.export_seq_next, receipt.record.link);
                    stream.expected = Expected { seq: to.seq, export_seq, link };
                }
            }
            _ => {}
        }
        Ok(())
    })
}

/// A backfill begins.
fn begin(
    evidence: &Evidence<'_>,
    streams: &mut Streams,
    from: Position,
    to: Position,
    backfill: Backfill,
) -> Result<(), ReceiptsError> {
    let origin = evidence.reader(from.ledger).origin()?;
    let selection = crate::backfill::selection(evidence.sink, &backfill, evidence.key, &origin);
    let is_again = backfill.mode == BackfillMode::Again;
    let expected = Expected { seq: from.seq, export_seq: backfill.export_seq, link: backfill.previous };
    let stream = Stream { selection, is_again, expected, to: Some(to), refused: BTreeSet::new() };
    streams.insert((from.ledger, Some(backfill.number)), stream);
    Ok(())
}

/// A backfill is over. One that was called off may end anywhere.
fn ended(streams: &Streams, at: Position, end: &BackfillEnd, visitor: &mut impl Visitor) {
    let of_number = streams.iter().find(|((_, number), _)| *number == Some(end.number));
    if let (Some((_, Stream { expected, to: Some(to), .. })), BackfillOutcome::Done) = (of_number, end.outcome) {
        visitor.done(at, &stream_name(*to, Some(end.number)), *to, expected);
    }
}

/// The ranges of which the sink was sent every record once more.
pub fn sent_again(evidence: &Evidence<'_>) -> Result<Vec<(LedgerName, Range<Seq>)>, ReceiptsError> {
    let mut ranges = Vec::<(LedgerName, Range<Seq>)>::new();
    let (mut again, sink) = (BTreeSet::new(), evidence.sink.common.name.as_str());
    each_row(evidence.operations, Seq::FIRST, Seq::MAX, false, |row| {
        let subject = row.text(column::SUBJECT).unwrap_or_default();
        if let Some(backfill) = BACKFILL.read(row).filter(|_| subject == sink)
            && backfill.mode == BackfillMode::Again
        {
            again.insert(backfill.number);
        }
        let number = backfill_of(subject).filter(|(of, _)| *of == sink).map(|(_, number)| number);
        if number.is_some_and(|number| again.contains(&number)) && row.text(column::KIND) == Some(RECEIPT_KIND) {
            let at = |column| row.text(column)?.parse::<Position>().ok();
            let (Some(from), Some(to)) = (at(column::FROM), at(column::TO)) else { return Ok(()) };
            match ranges.last_mut() {
                Some((ledger, range)) if *ledger == from.ledger && range.end == from.seq => range.end = to.seq,
                _ => ranges.push((from.ledger, from.seq..to.seq)),
            }
        }
        Ok(())
    })?;
    Ok(ranges)
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
    let mut read = Read { link: stream.expected.link.clone(), ..Read::default() };
    let content = evidence.sink.needs_content(ledger);
    let reader = stream.selection.reader(evidence.reader(ledger).clone());
    each_row(&reader, receipt.from.seq, receipt.to.seq, content, |row| {
        read.entries += 1;
        let export_seq = receipt.record.export_seq + read.records;
        let Some(record) = stream.selection.record(row, export_seq, read.link.as_ref()) else { return Ok(()) };
        let refused = stream.refused.contains(&row.position.seq);
        (read.records, read.refused) = (read.records + 1, read.refused + u64::from(refused));
        read.link.clone_from(&record.said.link);
        visitor.record(receipt, &record, refused);
        Ok(())
    })?;
    Ok(read)
}

/// Reads the rows of a range in their order.
pub fn each_row(
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
