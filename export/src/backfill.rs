//! Backfills: a range of a ledger that a sink is sent beside what is new, in a stream of its own. What its records look like, and where the
//! range begins and ends, follows from the order, the receipts of the sink and the configuration; nothing here sends.

use ledger::operations::column;
use ledger::{LedgerError, Position, Seq};
use operations::kind::export::{ExportReceipt, Link, RECEIPT, RECEIPT_KIND};
use operations::kind::sink_order::{Backfill, BackfillMode, BackfillOrder, RangeEnd, backfill_name};
use operations::limits::BACKFILL_RECORDS_PER_SECOND_MAX;

use crate::config::SinkConfig;
use crate::exporter::control::ControlError;
use crate::receipts::{Evidence, ReceiptsError, each_row};
use crate::selection::Selection;

/// A range as it will be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ranged {
    /// Its first position,
    pub from: Position,
    /// and the one after it.
    pub to: Position,
    /// What is on record beside; it has no number yet.
    pub record: Backfill,
}

/// The configuration of a backfill: that of its sink under a name of its own, one batch at a time.
pub fn configuration(sink: &SinkConfig, number: u64) -> SinkConfig {
    let mut config = sink.clone();
    config.common.name = backfill_name(&sink.common.name, number);
    config.common.in_flight = Some(1);
    config
}

/// How the records of a backfill are said.
pub fn selection(sink: &SinkConfig, backfill: &Backfill, key: [u8; 32], origin: &str) -> Selection {
    match backfill.mode {
        BackfillMode::Again => sink.selection(key, origin),
        BackfillMode::Anew => configuration(sink, backfill.number).selection(key, origin).numbered_by(backfill.number),
    }
}

/// Finds out what an order means.
pub fn prepare(evidence: &Evidence<'_>, order: &BackfillOrder) -> Result<Ranged, ControlError> {
    if !(1..=BACKFILL_RECORDS_PER_SECOND_MAX).contains(&order.records_per_second) {
        return Err(ControlError::BadRange(format!(
            "records_per_second must be 1 to {BACKFILL_RECORDS_PER_SECOND_MAX}"
        )));
    }
    let from = resolved(evidence, order.from)?;
    let to = order.to.map(|point| resolved(evidence, point)).transpose()?;
    if to.is_some_and(|to| (to.ledger, to.shard) != (from.ledger, from.shard)) {
        return Err(ControlError::BadRange("a range begins and ends in one ledger".to_owned()));
    }
    let durable = evidence.reader(from.ledger).durable()?.next_seq;
    if to.is_some_and(|to| to.seq > durable) {
        return Err(ControlError::BadRange(format!("{} ends at {}", from.ledger, durable.get())));
    }
    let ranged = match order.mode {
        BackfillMode::Anew => anew(evidence, order, from, to)?,
        BackfillMode::Again => again(evidence, order, from, to)?,
    };
    if ranged.to.seq <= ranged.from.seq {
        return Err(ControlError::BadRange(format!(
            "nothing is left between {from} and {}: what follows was sent as it came; name another end, or send it again",
            ranged.to
        )));
    }
    Ok(ranged)
}

fn resolved(evidence: &Evidence<'_>, point: RangeEnd) -> Result<Position, LedgerError> {
    Ok(match point {
        RangeEnd::At(position) => position,
        RangeEnd::Since(ledger, moment) => Position { ledger, shard: 0, seq: evidence.reader(ledger).seq_at(moment)? },
    })
}

fn ranged(order: &BackfillOrder, from: Position, to: Seq) -> Ranged {
    let record = Backfill {
        number: 0,
        mode: order.mode,
        export_seq: 0,
        previous: None,
        rendering: None,
        records_per_second: order.records_per_second,
        reason: order.reason.clone(),
    };
    Ranged { from, to: Position { seq: to, ..from }, record }
}

/// Numbers begin anew. Without an end it goes up to the first thing that the sink was sent as it came.
fn anew(
    evidence: &Evidence<'_>,
    order: &BackfillOrder,
    from: Position,
    to: Option<Position>,
) -> Result<Ranged, ControlError> {
    if let Some(to) = to {
        return Ok(ranged(order, from, to.seq));
    }
    let mut began = evidence.reader(from.ledger).durable()?.next_seq;
    each_receipt(evidence, from, |first, _, record| {
        if record.count + record.rejected == 0 {
            return Ok(true);
        }
        began = first;
        Ok(false)
    })?;
    Ok(ranged(order, from, began))
}

/// Each record has the number that the sink's receipts say it had, and refers to the record that it referred to.
fn again(
    evidence: &Evidence<'_>,
    order: &BackfillOrder,
    from: Position,
    to: Option<Position>,
) -> Result<Ranged, ControlError> {
    let selection = evidence.sink.selection(evidence.key, &evidence.reader(from.ledger).origin()?);
    let rendering = selection.rendering();
    let (mut link, mut first, mut sent_to) = (None, None, from.seq);
    each_receipt(evidence, from, |begins, ends, record| {
        if ends <= from.seq {
            link.clone_from(&record.link);
            return Ok(true);
        }
        if to.is_some_and(|to| begins >= to.seq) {
            return Ok(false);
        }
        if record.rendering.is_none() && record.count + record.rejected == 0 {
            return Err(ControlError::NotSent(from));
        }
        if record.rendering.as_deref() != rendering {
            return Err(ControlError::OtherSettings(Position { seq: begins, ..from }));
        }
        first.get_or_insert_with(|| (begins, ends, record.clone()));
        sent_to = ends;
        Ok(true)
    })?;
    let to = to.map_or(sent_to, |to| to.seq);
    let Some((begins, ends, record)) = first.filter(|_| to <= sent_to) else {
        return Err(ControlError::NotSent(Position { seq: sent_to, ..from }));
    };
    let mut ranged = ranged(order, from, to);
    (ranged.record.export_seq, ranged.record.previous) =
        numbered(evidence, &selection, from, begins..ends, link, &record)?;
    ranged.record.rendering = rendering.map(ToOwned::to_owned);
    Ok(ranged)
}

/// The number of the first record from a position on within the range of a receipt, and the record before it.
fn numbered(
    evidence: &Evidence<'_>,
    selection: &Selection,
    from: Position,
    range: std::ops::Range<Seq>,
    mut link: Option<Link>,
    receipt: &ExportReceipt,
) -> Result<(u64, Option<Link>), ControlError> {
    let mut export_seq = receipt.export_seq;
    let mut found = None;
    let content = evidence.sink.needs_content(from.ledger);
    let reader = selection.reader(evidence.reader(from.ledger).clone());
    each_row(&reader, range.start, range.end, content, |row| {
        if row.position.seq >= from.seq && found.is_none() {
            found = Some((export_seq, link.clone()));
        }
        if let Some(record) = selection.record(row, export_seq, link.as_ref()) {
            export_seq += 1;
            link = record.said.link;
        }
        // Where the sink was begun, what came before has a receipt and was never sent.
        if export_seq > receipt.export_seq_next { Err(ReceiptsError::NotSent) } else { Ok(()) }
    })
    .map_err(|error| match error {
        ReceiptsError::Ledger(error) => error.into(),
        _ => ControlError::NotSent(Position { seq: range.start, ..from }),
    })?;
    found.filter(|_| export_seq == receipt.export_seq_next).ok_or(ControlError::NotSent(from))
}

/// Shows the receipts of the sink in a ledger, oldest first, until `visit` says `false`.
fn each_receipt(
    evidence: &Evidence<'_>,
    of: Position,
    mut visit: impl FnMut(Seq, Seq, &ExportReceipt) -> Result<bool, ControlError>,
) -> Result<(), ControlError> {
    let (operations, sink) = (evidence.operations, evidence.sink.common.name.as_str());
    let mut next = Seq::FIRST;
    loop {
        let limit = crate::worker::state_store::LIMIT;
        let rows = operations.read_kinds(next, &[RECEIPT_KIND], limit)?;
        for row in rows.iter().filter(|row| row.text(column::SUBJECT) == Some(sink)) {
            let at = |column| row.text(column)?.parse::<Position>().ok();
            let (Some(from), Some(to), Some(record)) = (at(column::FROM), at(column::TO), RECEIPT.read(&row)) else {
                continue;
            };
            if (from.ledger, from.shard) == (of.ledger, of.shard) && !visit(from.seq, to.seq, &record)? {
                return Ok(());
            }
        }
        if rows.next_seq == next {
            return Ok(());
        }
        next = rows.next_seq;
    }
}
