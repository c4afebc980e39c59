//! What a worker writes to `operations`, and what it reads there and elsewhere than at its cursor.

use std::future::Future;

use ledger::consumer::Journal;
use ledger::operations::column;
use ledger::{AppendError, Appender, Entry, Group, LedgerError, LedgerName, Position, ReadLimit, Reader, Rows, Seq};
use operations::fold::{Exported, Outbox, Projection, newest_exported_since, newest_from};
use operations::kind::delivery::{HIDDEN, Hidden, SENT, Sent};
use operations::kind::export::{
    Checkpoint, ExportReceipt, INTENT, Intended, Link, RECEIPT, REJECTED, REPLAYED, Rejected, Replayed,
};
use operations::kind::{Envelope, is_internal};
use operations::limits::{OUTBOX_ENTRIES_MAX, OUTBOX_ROWS_MAX};

use proof::Digest;

use crate::limits::{READ_BYTES, READ_ROWS};

/// What a worker records.
#[derive(Debug, Clone, PartialEq)]
pub enum StateEntry {
    /// A range that is about to be sent.
    Intent(IntentEntry),
    /// A range that is done.
    Receipt(ReceiptEntry),
    /// A record that the sink refused for ever.
    Rejected(RejectedEntry),
    /// A message that the receiver has.
    Sent(SentEntry),
    /// A revision of which nobody is told.
    Hidden(HiddenEntry),
    /// A dead letter that the sink took in the end, and what it said.
    Replayed(RejectedEntry),
}

/// A `delivery.sent`.
#[derive(Debug, Clone, PartialEq)]
pub struct SentEntry {
    /// First sequence number of the batch that the message belongs to.
    pub from: Seq,
    /// The one after its last.
    pub to: Seq,
    /// The entry's record.
    pub record: Sent,
}

/// A `delivery.hidden`.
#[derive(Debug, Clone, PartialEq)]
pub struct HiddenEntry {
    /// Where the revision stands.
    pub position: Position,
    /// The entry's record.
    pub record: Hidden,
}

/// An `export.intent`.
#[derive(Debug, Clone, PartialEq)]
pub struct IntentEntry {
    /// First sequence number of the range.
    pub from: Seq,
    /// The one after its last.
    pub to: Seq,
    /// The entry's record.
    pub record: Intended,
}

/// An `export.receipt`.
#[derive(Debug, Clone, PartialEq)]
pub struct ReceiptEntry {
    /// First sequence number of the range.
    pub from: Seq,
    /// The one after its last.
    pub to: Seq,
    /// The entry's record; its root follows from the leaves when it is recorded.
    pub record: ExportReceipt,
    /// The hash of each acknowledged record as it was said, in order.
    pub leaves: Vec<Digest>,
}

/// An `export.rejected`.
#[derive(Debug, Clone, PartialEq)]
pub struct RejectedEntry {
    /// Where the record stands.
    pub position: Position,
    /// The sink's number of it.
    pub export_seq: u64,
    /// What the sink said.
    pub reason: String,
    /// The record before it, if the sink's schema links records.
    pub previous: Option<Link>,
}

/// What a worker knows and writes in `operations`.
pub trait StateStore: Journal<Record = [StateEntry], Recorded = ()> {
    /// Where the sink stands.
    fn exported(&self) -> Result<Option<Exported>, LedgerError>;

    /// Reads what the receiver was told and what it refused, which may take long.
    fn open(&mut self) -> impl Future<Output = Result<(), LedgerError>> + Send;

    /// What the receiver was told and what it refused, by everything that is durable now.
    fn outbox(&mut self) -> Result<&Outbox, LedgerError>;

    /// The newest signed checkpoint of the exported ledger.
    fn checkpoint(&self) -> Result<Option<Checkpoint>, LedgerError>;

    /// The block of the exported ledger that begins with this row, wherever the worker stands.
    fn block(&self, at: Seq) -> Result<Rows, LedgerError>;
}

/// What a worker reads at once.
pub const LIMIT: ReadLimit = ReadLimit { rows: READ_ROWS, bytes: READ_BYTES };

/// The `operations` ledger, as one worker uses it.
pub struct LedgerStateStore {
    /// The name under which it records: the sink's, or that of a backfill.
    pub sink: String,
    /// Nothing was recorded under it before.
    pub since: Seq,
    /// The ledger that the worker exports.
    pub ledger: LedgerName,
    /// Its shard.
    pub shard: u32,
    /// A reader of that ledger,
    pub exported_reader: Reader,
    /// and whether its content parts are exported.
    pub content: bool,
    /// A reader of `operations`.
    pub operations: Reader,
    /// Appends to `operations`.
    pub appender: Appender,
    /// The outbox, once it was asked for.
    pub outbox: Option<Projection<Outbox>>,
}

/// The outbox of a sink in one ledger, by the newest entries about it in `operations`.
pub fn read_outbox(
    operations: &Reader,
    sink: &str,
    ledger: LedgerName,
    shard: u32,
) -> Result<Projection<Outbox>, LedgerError> {
    let from = newest_from(operations, OUTBOX_ENTRIES_MAX, OUTBOX_ROWS_MAX, |row| {
        row.text(column::SUBJECT) == Some(sink) && row.text(column::KIND).is_some_and(is_internal)
    })?;
    Projection::open_at(operations.clone(), Outbox::new(sink, ledger, shard, from > Seq::FIRST), from)
}

impl LedgerStateStore {
    fn position(&self, seq: Seq) -> Position {
        Position { ledger: self.ledger, shard: self.shard, seq }
    }

    fn entry(&self, entry: &StateEntry) -> Result<Entry, AppendError> {
        let (from, to) = match entry {
            StateEntry::Intent(entry) => (entry.from, entry.to),
            StateEntry::Receipt(entry) => (entry.from, entry.to),
            StateEntry::Sent(entry) => (entry.from, entry.to),
            StateEntry::Hidden(entry) => (entry.position.seq, entry.position.seq.next()),
            StateEntry::Rejected(entry) | StateEntry::Replayed(entry) => {
                (entry.position.seq, entry.position.seq.next())
            }
        };
        let (from, to) = (self.position(from).to_string(), self.position(to).to_string());
        let envelope =
            Envelope { subject: &self.sink, actor: "export", from: Some(&from), to: Some(&to), revision: None };
        match entry {
            StateEntry::Intent(entry) => INTENT.entry(&envelope, &entry.record),
            StateEntry::Receipt(entry) => RECEIPT.entry(&envelope, &entry.record),
            StateEntry::Sent(entry) => SENT.entry(&envelope, &entry.record),
            StateEntry::Hidden(entry) => HIDDEN.entry(&envelope, &entry.record),
            StateEntry::Rejected(entry) => {
                let RejectedEntry { export_seq, reason, previous, .. } = entry.clone();
                REJECTED.entry(&envelope, &Rejected { export_seq, reason, previous })
            }
            StateEntry::Replayed(entry) => {
                REPLAYED.entry(&envelope, &Replayed { export_seq: entry.export_seq, ack: entry.reason.clone() })
            }
        }
    }
}

impl StateStore for LedgerStateStore {
    fn exported(&self) -> Result<Option<Exported>, LedgerError> {
        newest_exported_since(&self.operations, &self.sink, self.ledger, self.shard, self.since)
    }

    async fn open(&mut self) -> Result<(), LedgerError> {
        let (operations, sink, ledger, shard) = (self.operations.clone(), self.sink.clone(), self.ledger, self.shard);
        let read = tokio::task::spawn_blocking(move || read_outbox(&operations, &sink, ledger, shard)).await;
        // A panic in it was logged by the runtime; it is read again when it is asked for.
        self.outbox = read.ok().transpose()?;
        Ok(())
    }

    fn outbox(&mut self) -> Result<&Outbox, LedgerError> {
        let folded = match self.outbox.take() {
            Some(mut folded) => {
                folded.catch_up()?;
                folded
            }
            None => read_outbox(&self.operations, &self.sink, self.ledger, self.shard)?,
        };
        Ok(self.outbox.insert(folded).get())
    }

    fn checkpoint(&self) -> Result<Option<Checkpoint>, LedgerError> {
        Ok(self.exported_reader.checkpoint()?.as_deref().and_then(Checkpoint::from_note))
    }

    fn block(&self, at: Seq) -> Result<Rows, LedgerError> {
        self.exported_reader.read(at, self.content, LIMIT)
    }
}

impl Journal for LedgerStateStore {
    type Record = [StateEntry];
    type Recorded = ();

    async fn record(&self, entries: &[StateEntry]) -> Result<(), AppendError> {
        let mut group = Group::new(&ledger::operations::TABLE);
        for entry in entries {
            group.push(&self.entry(entry)?)?;
        }
        self.appender.record(&group).await.map(|_| ())
    }
}
