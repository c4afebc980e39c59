//! Batches, and the intent to send one.

use std::ops::Range;

use ledger::{Position, Seq};
use operations::kind::delivery::SentAlert;
use operations::kind::export::ExportIntent;
use sha2::{Digest as _, Sha256};

use crate::message::{Message, Rendered};
use crate::record::Record;

/// Records that are done together: one receipt stands for them.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// The position after the range.
    pub end: Seq,
    /// Its records.
    pub records: BatchRecords,
    /// The messages that tell of them.
    pub messages: Vec<Message>,
    /// Alerts of which the receiver need not be told again.
    pub silent: Vec<SentAlert>,
}

/// Where the records of a batch are.
#[derive(Debug, Clone, PartialEq)]
pub enum BatchRecords {
    /// They are so many of those that wait, from the first on.
    Waiting(usize),
    /// The same, and an earlier process may have sent the first message that is not on record.
    Resumed(usize),
    /// They are dead letters that are sent once more, apart from the range that the worker is at.
    Letters(Vec<Record>),
}

impl Batch {
    /// A batch whose range ends there.
    pub fn new(end: Seq, records: BatchRecords, rendered: Rendered) -> Self {
        let Rendered { messages, silent, .. } = rendered;
        Self { end, records, messages, silent }
    }

    /// Dead letters that are sent once more; `position` is the last of them.
    pub fn of_letters(position: Position, letters: Vec<Record>, rendered: Rendered) -> Self {
        Self::new(position.seq.next(), BatchRecords::Letters(letters), rendered)
    }

    /// How many of the records that wait are in it.
    pub fn count(&self) -> usize {
        match self.records {
            BatchRecords::Waiting(count) | BatchRecords::Resumed(count) => count,
            BatchRecords::Letters(_) => 0,
        }
    }

    /// Whether an earlier process may have sent the first message that is not on record.
    pub fn is_resumed(&self) -> bool {
        matches!(self.records, BatchRecords::Resumed(_))
    }

    /// Its records that are dead letters.
    pub fn letters(&self) -> &[Record] {
        match &self.records {
            BatchRecords::Letters(letters) => letters,
            BatchRecords::Waiting(_) | BatchRecords::Resumed(_) => &[],
        }
    }

    /// SHA-256 of all bodies, one after the other, in hexadecimal.
    pub fn digest(&self) -> String {
        let hash = self.messages.iter().fold(Sha256::new(), |hash, message| hash.chain_update(&message.body));
        hex::encode(hash.finalize())
    }
}

/// The intent to send one batch, as it stands on record: its range, and what was intended. The range begins after what was
/// passed over, because the receiver need not hear of it.
#[derive(Debug)]
pub enum Intent {
    /// There is none.
    None,
    /// This process is about to send it.
    Own(Range<Seq>, ExportIntent),
    /// An earlier process was about to send it, and it has to be repeated first.
    Inherited(Range<Seq>, ExportIntent),
}

impl Intent {
    /// The one that an earlier process left.
    pub fn inherited(&self) -> Option<(Range<Seq>, &ExportIntent)> {
        match self {
            Self::Inherited(range, intent) => Some((range.clone(), intent)),
            Self::Own(..) | Self::None => None,
        }
    }

    /// Records an intent, whoever had it first. Returns whether it is new.
    pub fn put(&mut self, range: Range<Seq>, record: ExportIntent) -> bool {
        match self {
            Self::Own(known_range, known) | Self::Inherited(known_range, known) => {
                let is_new = *known_range != range || *known != record;
                (*known_range, *known) = (range, record);
                is_new
            }
            Self::None => {
                *self = Self::Own(range, record);
                true
            }
        }
    }
}
