//! Windows: while nothing fails, a receiver of everything is sent many batches under one intent, and one receipt grows with
//! them. Nothing here reads or sends.
//!
//! Whoever repeats a window after a crash makes the same batches: the intent says how they are cut, the cut follows from the
//! ledger, and a batch is proposed only when its end is certain. What fails ends the window: the receipt for what was done
//! before and the intent of that one batch are recorded at once. Only an inherited window goes on to its end, since nobody
//! knows how much of it the earlier process sent.

use ledger::Durable;
use ledger::Seq;
use operations::kind::export::{Cut, ExportWindow, Intended};
use proof::tree::Frontier;
use sha2::{Digest as _, Sha256};

use super::batch::Intent;
use super::{Batch, Plan};
use crate::limits::{BEHIND_BATCHES, PENDING_BYTES_MAX};
use crate::record::Record;
use crate::worker::state_store::{IntentEntry, ReceiptEntry, StateEntry};

/// Where a worker that goes window by window stands.
#[derive(Debug)]
pub struct Windows {
    window: Option<Window>,
    /// The receipt for what was done in the window.
    growing: Option<Growing>,
    /// Whether the last batch was taken at once: then the next ones may go together.
    steady: bool,
    /// Batches of the ledger below this are closed, and were read whole.
    batches_until: u64,
}

/// A range that is sent batch by batch.
#[derive(Debug, Clone, Copy)]
struct Window {
    end: Seq,
    cut: Cut,
    /// Whether its intent is newer than the newest receipt.
    intended: bool,
    /// Whether an earlier process was in it.
    inherited: bool,
}

/// A receipt that grows with each batch.
#[derive(Debug, Clone)]
struct Growing {
    entry: ReceiptEntry,
    hash: Sha256,
    tree: Frontier,
}

impl Windows {
    /// Begins anew, or in the window to `end` that an earlier process was in.
    pub fn new(earlier: Option<(Seq, &ExportWindow)>) -> Self {
        let window = earlier.map(|(end, window)| Window { end, cut: window.cut, intended: true, inherited: true });
        Self { window, growing: None, steady: true, batches_until: 0 }
    }

    /// Takes from a block which batches of the ledger are whole.
    pub fn read(&mut self, batches_until: u64) {
        self.batches_until = self.batches_until.max(batches_until);
    }

    /// The end of the window.
    pub fn end(&self) -> Option<Seq> {
        self.window.map(|window| window.end)
    }

    /// How many of the records that wait go together; `None` as long as records may follow that belong to them.
    pub fn count(&self, pending: &[Record], limit: usize, read_to: Seq) -> Option<usize> {
        let Some(Window { end, cut, .. }) = self.window else { return Some(pending.len().min(limit)) };
        let batch = pending.first()?.batch;
        let belongs = |record: &Record| record.position.seq < end && (cut == Cut::Full || record.batch == batch);
        let (mut count, mut bytes) = (0, 0);
        for record in pending.iter().take(limit).take_while(|record| belongs(record)) {
            if bytes >= PENDING_BYTES_MAX {
                break;
            }
            (count, bytes) = (count + 1, bytes + record.size);
        }
        let full = count == limit || bytes >= PENDING_BYTES_MAX || count < pending.len();
        let ended = read_to >= end || (cut == Cut::LedgerBatch && batch < self.batches_until);
        (full || ended).then_some(count)
    }

    /// The receipt so far. The window is over; an inherited one needs its intent again.
    pub fn close(&mut self) -> Option<StateEntry> {
        match &mut self.window {
            Some(window) if window.inherited => window.intended = false,
            window => *window = None,
        }
        self.growing.take().map(|growing| StateEntry::Receipt(growing.finish()))
    }

    /// Something went wrong: batches go one by one until one is taken at once.
    pub fn fail(&mut self) -> Option<StateEntry> {
        self.steady = false;
        self.close()
    }

    /// Takes the receipt of a batch that was taken at the last of `attempts`. Returns what is to be recorded now.
    fn take(&mut self, entry: ReceiptEntry, body: &[u8], attempts: u32) -> Vec<StateEntry> {
        self.steady = attempts == 1;
        if !self.steady || self.window.is_none() {
            return self.close().into_iter().chain([whole(entry, body)]).collect();
        }
        match &mut self.growing {
            Some(growing) => growing.add(entry, body),
            None => self.growing = Some(Growing::new(entry, body)),
        }
        Vec::new()
    }
}

/// The tree over the records of a receipt, which holds them no longer.
fn tree_of(entry: &mut ReceiptEntry) -> Frontier {
    let mut tree = Frontier::default();
    for leaf in std::mem::take(&mut entry.leaves) {
        tree.push(leaf);
    }
    tree
}

/// A receipt with the root of its records.
pub fn rooted(mut entry: ReceiptEntry) -> ReceiptEntry {
    let tree = tree_of(&mut entry);
    entry.record.root = (tree.size() > 0).then(|| tree.root().to_string());
    entry
}

/// The receipt of one batch that was one message.
pub fn whole(entry: ReceiptEntry, body: &[u8]) -> StateEntry {
    StateEntry::Receipt(Growing::new(entry, body).finish())
}

impl Growing {
    fn new(mut entry: ReceiptEntry, body: &[u8]) -> Self {
        let tree = tree_of(&mut entry);
        Self { entry, hash: Sha256::new_with_prefix(body), tree }
    }

    fn add(&mut self, next: ReceiptEntry, body: &[u8]) {
        debug_assert_eq!(self.entry.to, next.from, "receipts tile");
        self.hash.update(body);
        self.entry.to = next.to;
        next.leaves.into_iter().for_each(|leaf| self.tree.push(leaf));
        let (sum, next) = (&mut self.entry.record, next.record);
        sum.export_seq_next = next.export_seq_next;
        sum.count += next.count;
        sum.excluded += next.excluded;
        sum.rejected += next.rejected;
        sum.bytes += next.bytes;
        sum.batches += next.batches;
        sum.attempts = sum.attempts.saturating_add(next.attempts);
        sum.ack = next.ack;
        sum.link = next.link;
        sum.checkpoint = next.checkpoint.or_else(|| sum.checkpoint.take());
    }

    fn finish(self) -> ReceiptEntry {
        let Self { mut entry, hash, tree } = self;
        entry.record.root = (tree.size() > 0).then(|| tree.root().to_string());
        entry.record.sha256 = Some(hex::encode(hash.finalize()));
        entry
    }
}

impl Plan {
    /// Whether something was taken for which no receipt stands yet.
    pub fn is_growing(&self) -> bool {
        self.windows.as_ref().is_some_and(|windows| windows.growing.is_some())
    }

    /// The receipt for it, if there is something. The next batch has an intent again.
    pub fn close(&mut self) -> Option<StateEntry> {
        self.windows.as_mut().filter(|windows| windows.growing.is_some()).and_then(Windows::close)
    }

    /// The receipt of a window in which nothing more is to be sent. What follows is in no window.
    pub fn leave(&mut self) -> Option<StateEntry> {
        let next = self.pending.front().map_or(self.read_to, |record| record.position.seq);
        let windows = self.windows.as_mut().filter(|windows| windows.end().is_some_and(|end| next >= end))?;
        let receipt = windows.close();
        windows.window = None;
        receipt
    }

    /// Whether the next batch may begin a window.
    pub fn wants_window(&self) -> bool {
        let free = self.windows.as_ref().is_some_and(|windows| windows.steady && windows.window.is_none());
        free && !self.is_resuming() && !self.pending.is_empty()
    }

    /// Begins a window of at most so many entries from the first record that waits on, in a ledger that is durable so far: what
    /// the filter left out before that record may be more than a window, and a window without a record would never be left. Who
    /// is behind sends full batches of what is there; else there is one as soon as the ledger closes its own.
    pub fn enter(&mut self, durable: Durable, entries: u64) {
        let Some(first) = self.pending.front() else { return };
        let behind = durable.batches.saturating_sub(first.batch);
        let most = first.position.seq.skip(entries).min(self.end.unwrap_or(Seq::MAX));
        let (end, cut) =
            if behind > BEHIND_BATCHES { (most.min(durable.next_seq), Cut::Full) } else { (most, Cut::LedgerBatch) };
        if let Some(windows) = &mut self.windows {
            windows.window = Some(Window { end, cut, intended: false, inherited: false });
        }
    }

    /// Whether the next batch is in a window.
    pub(super) fn is_in_window(&self) -> bool {
        self.windows.as_ref().is_some_and(|windows| windows.window.is_some())
    }

    /// The intent of that window, unless it was recorded.
    pub(super) fn intend_window(&mut self) -> Option<StateEntry> {
        let window = self.windows.as_mut()?.window.as_mut()?;
        let intended = std::mem::replace(&mut window.intended, true);
        let (end, cut) = (window.end, window.cut);
        (!intended).then(|| self.window_entry(end, cut))
    }

    fn window_entry(&self, end: Seq, cut: Cut) -> StateEntry {
        let record = ExportWindow { export_seq: self.export_seq, records_max: self.limit as u64, cut };
        StateEntry::Intent(IntentEntry { from: self.next_seq, to: end, record: Intended::Window(record) })
    }

    /// Whether there is something to be recorded in doubt.
    pub fn doubts(&self, batch: &Batch) -> bool {
        let Some(Windows { growing, window: Some(window), .. }) = &self.windows else { return false };
        // Dead letters are no part of a window; what stays as its intent says needs no other.
        batch.letters().is_empty() && !(window.inherited && growing.is_none())
    }

    /// What is to be recorded when it is not certain that a batch of a window is taken soon: what was done before it, and that
    /// this one goes alone, so that whoever follows is free behind it. An inherited window goes on behind it.
    pub fn doubt(&self, batch: &Batch) -> Vec<StateEntry> {
        let Some(Windows { growing, window: Some(window), .. }) = self.windows.as_ref().filter(|_| self.doubts(batch))
        else {
            return Vec::new();
        };
        let intent = if window.inherited {
            self.window_entry(window.end, window.cut)
        } else {
            let record = Intended::Batch(self.intent_of(batch));
            StateEntry::Intent(IntentEntry { from: self.batch_from, to: batch.end, record })
        };
        let receipt = growing.clone().map(|growing| StateEntry::Receipt(growing.finish()));
        receipt.into_iter().chain([intent]).collect()
    }

    /// What [`Plan::doubt`] said is on record.
    pub fn doubted(&mut self, batch: &Batch) {
        let Some(windows) = &mut self.windows else { return };
        windows.close();
        match &mut windows.window {
            Some(window) => window.intended = true,
            None => self.intent = Intent::Own(self.batch_from..batch.end, self.intent_of(batch)),
        }
    }

    /// What a batch that was taken adds to the record now.
    pub(super) fn receive(&mut self, entry: ReceiptEntry, body: &[u8], attempts: u32) -> Vec<StateEntry> {
        match &mut self.windows {
            Some(windows) => windows.take(entry, body, attempts),
            None => vec![whole(entry, body)],
        }
    }

    /// What a refusal adds to the record first.
    pub(super) fn refuse(&mut self) -> Option<StateEntry> {
        self.windows.as_mut().and_then(Windows::fail)
    }
}
