//! Folds over `operations`: what its entries amount to now. There is no second store: an outbox, a list of alerts or a
//! cursor is a fold.
//!
//! A fold is bounded by its own limit, reads the ledger from the start once and follows on from there. Whoever needs only
//! the newest entries of a kind reads [`backwards`] and stops at the first hit.

mod alerts;
mod exports;

use std::ops::ControlFlow;

pub use alerts::Alerts;
pub use exports::{Checkpoint, ExportIntent, ExportReceipt, Exported, INTENT_KIND, RECEIPT_KIND, REJECTED_KIND, newest_exported};

use crate::error::LedgerError;
use crate::limits;
use crate::rows::Row;
use crate::reader::{ReadLimit, Reader};

/// What entries amount to: a state that each row in order changes.
pub trait Fold {
    /// Takes the next row. Rows of kinds that the fold does not know leave it as it is.
    fn apply(&mut self, row: &Row<'_>);
}

/// A fold with the reader that feeds it.
pub struct Folded<F> {
    fold: F,
    reader: Reader,
    next_seq: u64,
}

impl<F: Fold> Folded<F> {
    /// Reads everything that is durable now.
    pub fn open(reader: Reader, fold: F) -> Result<Self, LedgerError> {
        let mut folded = Self { fold, reader, next_seq: 0 };
        folded.catch_up()?;
        Ok(folded)
    }

    /// Reads what became durable since. Returns the number of new rows.
    pub fn catch_up(&mut self) -> Result<u64, LedgerError> {
        let start = self.next_seq;
        loop {
            let rows = self.reader.read(self.next_seq, false, READ_LIMIT)?;
            for row in rows.iter() {
                self.fold.apply(&row);
            }
            self.next_seq = rows.next_seq;
            if rows.is_empty() {
                return Ok(self.next_seq - start);
            }
        }
    }

    /// The state.
    pub fn get(&self) -> &F {
        &self.fold
    }

    /// The position of the next row that it will read.
    pub fn next_seq(&self) -> u64 {
        self.next_seq
    }
}

const READ_LIMIT: ReadLimit = ReadLimit { rows: limits::FOLD_READ_ROWS, bytes: limits::FOLD_READ_BYTES };

/// Shows `visit` every durable row, newest first, until it breaks. Returns what it broke with.
pub fn backwards<B>(
    reader: &Reader,
    mut visit: impl FnMut(&Row<'_>) -> ControlFlow<B>,
) -> Result<Option<B>, LedgerError> {
    let mut end = reader.durable()?.next_seq;
    while end > 0 {
        let start = end.saturating_sub(limits::FOLD_READ_ROWS as u64);
        let mut blocks = Vec::new();
        let mut from = start;
        while from < end {
            let limit = ReadLimit { rows: (end - from) as usize, bytes: limits::FOLD_READ_BYTES };
            let rows = reader.read(from, false, limit)?;
            if rows.is_empty() {
                break;
            }
            from = rows.next_seq;
            blocks.push(rows);
        }
        for rows in blocks.iter().rev() {
            for at in (0..rows.len()).rev() {
                if let Some(ControlFlow::Break(found)) = rows.get(at).map(|row| visit(&row)) {
                    return Ok(Some(found));
                }
            }
        }
        end = start;
    }
    Ok(None)
}
