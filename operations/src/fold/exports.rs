//! Where a sink stands: the newest receipt and intent of it in one ledger.

use std::ops::{ControlFlow, Range};

use crate::fold::backwards;
use crate::kind::export::{ExportReceipt, INTENT, INTENT_KIND, Intended, RECEIPT, RECEIPT_KIND};
use ledger::LedgerError;
use ledger::Reader;
use ledger::operations::column;
use ledger::{LedgerName, Position, Seq, Timestamp};

/// Where one sink stands in one ledger.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Exported {
    /// Everything before this position is done.
    pub next_seq: Seq,
    /// The sink's gapless counter.
    pub export_seq: u64,
    /// The newest receipt.
    pub receipt: Option<ExportReceipt>,
    /// When it was recorded.
    pub receipt_recorded: Option<Timestamp>,
    /// A range that was about to be sent, and its record. What the receiver need not hear of may stand before it.
    pub intent: Option<(Range<Seq>, Intended)>,
}

/// Finds where `sink` stands in shard `shard` of `ledger`; `None` if it never exported from it.
pub fn newest_exported(
    operations: &Reader,
    sink: &str,
    ledger: LedgerName,
    shard: u32,
) -> Result<Option<Exported>, LedgerError> {
    newest_exported_since(operations, sink, ledger, shard, Seq::FIRST)
}

/// The same of one that wrote nothing before `since`.
pub fn newest_exported_since(
    operations: &Reader,
    sink: &str,
    ledger: LedgerName,
    shard: u32,
    since: Seq,
) -> Result<Option<Exported>, LedgerError> {
    let mut intent = None;
    let receipt = backwards(operations, |row| {
        if row.position.seq < since {
            return ControlFlow::Break(None);
        }
        if row.text(column::SUBJECT) != Some(sink) {
            return ControlFlow::Continue(());
        }
        let at = |column| row.text(column)?.parse::<Position>().ok();
        let Some(end) = at(column::TO).filter(|end| end.ledger == ledger && end.shard == shard) else {
            return ControlFlow::Continue(());
        };
        match row.text(column::KIND) {
            Some(INTENT_KIND) if intent.is_none() => {
                let from = at(column::FROM).map_or(Seq::FIRST, |from| from.seq);
                intent = INTENT.read(row).map(|record| (from..end.seq, record));
                ControlFlow::Continue(())
            }
            Some(RECEIPT_KIND) => match RECEIPT.read(row) {
                Some(receipt) => ControlFlow::Break(Some((end.seq, receipt, row.recorded))),
                None => ControlFlow::Continue(()),
            },
            _ => ControlFlow::Continue(()),
        }
    })?;
    let intent_after = |next_seq: Seq| move |(range, _): &(Range<Seq>, Intended)| range.end > next_seq;
    Ok(match receipt.flatten() {
        Some((next_seq, receipt, recorded)) => Some(Exported {
            next_seq,
            export_seq: receipt.export_seq_next,
            receipt: Some(receipt),
            receipt_recorded: Some(recorded),
            intent: intent.filter(intent_after(next_seq)),
        }),
        None => intent.map(|intent| Exported { intent: Some(intent), ..Exported::default() }),
    })
}
