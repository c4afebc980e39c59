//! The sealer thread of one ledger: turns full WAL files into segments, and deletes them once a manifest holds their rows.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::Receiver;

use proof::tree::Frontier;
use rustix::process::{getpriority_process, setpriority_process};
use rustix::thread::gettid;

use crate::appender::Appender;
use crate::blobs::Blobs;
use crate::error::{LedgerError, is_no_space};
use crate::limits::SEALER_NICENESS;
use crate::manifest::{Manifest, WalPosition};
use crate::notary;
use crate::queue::Queue;
use crate::seal::{SealBatch, SealSource, seal};
use crate::segments::Start;
use crate::view::View;
use crate::wal::file::{HEADER_LEN, WalFile};
use crate::writer::ShardContext;

pub(crate) struct Sealer {
    context: Arc<ShardContext>,
    view: Arc<View>,
    queue: Arc<Queue>,
    /// Where each new manifest is recorded: the `operations` ledger.
    seals: Appender,
    blobs: Arc<dyn Blobs>,
    after: After,
}

/// A full WAL file: whole batches, with what their headers do not say.
#[derive(Debug)]
pub(crate) struct FullFile {
    pub(crate) file: Arc<WalFile>,
    /// Its batches in order.
    pub(crate) batches: Vec<SealBatch>,
}

/// The state after the batches that are sealed.
#[derive(Clone)]
struct After {
    positions: BTreeMap<Vec<u8>, Vec<u8>>,
    frontier: Frontier,
}

impl After {
    /// Moves the source positions and the log past some batches.
    fn pass(mut self, batches: &[SealBatch]) -> Self {
        for batch in batches {
            let inputs = batch.inputs.iter().map(|input| (input.key.clone(), input.value.clone()));
            self.positions.extend(inputs);
            self.frontier.push(batch.header.leaf_hash());
        }
        self
    }
}

/// Lets the threads go first for which a source waits. A segment that is there a little later harms nobody, and intake is held back before
/// too many files wait.
fn give_way() {
    // On Linux a niceness is that of a thread.
    let thread = Some(gettid());
    let lowered = getpriority_process(thread).and_then(|nice| setpriority_process(thread, nice + SEALER_NICENESS));
    if let Err(error) = lowered {
        tracing::debug!(%error, "the sealer goes as often as the others");
    }
}

impl Sealer {
    pub(crate) fn new(
        context: Arc<ShardContext>,
        view: Arc<View>,
        queue: Arc<Queue>,
        seals: Appender,
        start: Start,
    ) -> Self {
        let blobs = context.disk.blobs(&context.directory);
        let after = After { positions: start.positions, frontier: start.chain.frontier };
        Self { context, view, queue, seals, blobs, after }
    }

    /// Seals files in order until the writer is gone. What the system refuses is tried again; what is corrupt stops
    /// sealing: rows stay in the WAL and readable, and intake is refused once too many files wait.
    pub(crate) fn run(mut self, files: Receiver<FullFile>) {
        give_way();
        let mut stopped = false;
        for file in files {
            stopped = stopped || !self.seal_or_retry(&file);
        }
    }

    /// Seals one file; `false` if it cannot be sealed, ever or before the stop.
    fn seal_or_retry(&mut self, full: &FullFile) -> bool {
        let file = &full.file;
        loop {
            let Err(error) = self.seal(full) else {
                self.queue.set_sealing_needs_space(None);
                return true;
            };
            if let LedgerError::Io { source, .. } = &error
                && is_no_space(source)
            {
                let reserve_bytes = self.context.options.reserve(self.context.table.ledger);
                self.queue.set_sealing_needs_space(Some(reserve_bytes));
            }
            tracing::error!(ledger = %self.context.table.ledger, path = %file.path.display(), %error, "a WAL file is not sealed");
            if !matches!(error, LedgerError::Io { .. }) {
                self.view.set_seal_failure(&error.to_string());
                return false;
            }
            if self.queue.stopped() {
                return false;
            }
            std::thread::sleep(self.context.options.retry_interval);
        }
    }

    fn seal(&mut self, FullFile { file, batches }: &FullFile) -> Result<(), LedgerError> {
        let after = self.after.clone().pass(batches);
        let previous = self.view.lock().segments.manifest().cloned();
        let previous = previous.unwrap_or_else(|| {
            Manifest::first(self.context.table.ledger, self.context.shard, self.context.origin.clone(), 0)
        });
        let blocks = self.view.lock().tail.of_file(file.header.number);
        let source = SealSource {
            blocks: &blocks,
            batches,
            positions: &after.positions,
            frontier: &after.frontier,
            wal: WalPosition { file: file.header.number + 1, offset: HEADER_LEN as u64 },
        };
        let manifest = seal(self.blobs.as_ref(), self.context.table, self.context.shard, &previous, &source)?;
        self.after = after;
        let segments = self.view.lock().segments.with(self.blobs.as_ref(), manifest.clone());
        self.view.seal(Arc::new(segments), file.header.number);
        if let Err(error) = self.context.disk.remove(&file.path) {
            // The manifest no longer needs the file: the next start deletes it.
            tracing::warn!(path = %file.path.display(), %error, "a sealed WAL file cannot be deleted");
        }
        self.queue.remove_unsealed();
        self.record(&manifest);
        Ok(())
    }

    /// Records the manifest's hash in `operations`, so that a manifest that is changed together with its own hash shows.
    fn record(&self, manifest: &Manifest) {
        if let Err(error) = notary::record(manifest, &self.seals) {
            // The manifest is durable; the next start, or the record of the next one, says what this one is worth.
            tracing::warn!(ledger = %self.context.table.ledger, %error, "the manifest's hash could not be recorded in operations");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealer_gives_way_and_no_other_thread_does() {
        let niceness = || getpriority_process(Some(gettid())).unwrap();
        let before = niceness();
        let of_sealer = std::thread::spawn(move || {
            give_way();
            niceness()
        });
        // The most is 19.
        assert_eq!(of_sealer.join().unwrap(), (before + SEALER_NICENESS).min(19));
        assert_eq!(niceness(), before);
    }
}
