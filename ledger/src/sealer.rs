//! The sealer thread of one ledger: turns full WAL files into segments, and deletes them once a manifest holds their rows.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::Receiver;

use proof::tree::Frontier;

use crate::appender::Appender;
use crate::blobs::Blobs;
use crate::column::Table;
use crate::error::LedgerError;
use crate::manifest::{Manifest, WalPosition};
use crate::notary;
use crate::queue::Queue;
use crate::rows::Rows;
use crate::seal::{SealBatch, SealSource, seal};
use crate::segments::Start;
use crate::view::View;
use crate::wal::file::{HEADER_LEN, WalFile};
use crate::wal::scan::{Item, Scanner};
use crate::writer::Place;

pub(crate) struct Sealer {
    place: Arc<Place>,
    view: Arc<View>,
    queue: Arc<Queue>,
    /// Where each new manifest is recorded: the `operations` ledger.
    seals: Appender,
    blobs: Arc<dyn Blobs>,
    after: After,
}

/// The state after some sealed batches, and the batches that were read last.
#[derive(Clone)]
struct After {
    positions: BTreeMap<Vec<u8>, Vec<u8>>,
    frontier: Frontier,
    batches: Vec<SealBatch>,
}

impl After {
    /// Reads the batches of a file and moves the source positions and the log past them.
    fn scan(mut self, file: &Arc<WalFile>) -> Result<Self, LedgerError> {
        let mut scanner = Scanner::new(Arc::clone(file));
        let (mut open, mut inputs) = (None, BTreeMap::new());
        while let Some(commit) = scanner.next_commit()? {
            for item in commit.items {
                match item {
                    Item::Open(opened) => open = Some(opened),
                    Item::Input(input) => {
                        self.positions.insert(input.key.clone(), input.value.clone());
                        inputs.insert(input.key, input.value);
                    }
                    Item::Event(_) => {}
                    Item::Close(header) => {
                        let opened = open.take().ok_or_else(|| {
                            LedgerError::corrupt(
                                &file.path,
                                format!("batch {}", header.batch),
                                "it is closed but not open",
                            )
                        })?;
                        self.frontier.push(header.leaf_hash());
                        let inputs =
                            std::mem::take(&mut inputs).into_iter().map(|(key, value)| crate::Input { key, value });
                        self.batches.push(SealBatch {
                            header,
                            facts_secret: opened.facts_secret,
                            content_secret: opened.content_secret,
                            inputs: inputs.collect(),
                        });
                    }
                }
            }
        }
        Ok(self)
    }
}

impl Sealer {
    pub(crate) fn new(place: Arc<Place>, view: Arc<View>, queue: Arc<Queue>, seals: Appender, start: Start) -> Self {
        let blobs = place.disk.blobs(&place.directory);
        let after = After { positions: start.positions, frontier: start.chain.frontier, batches: Vec::new() };
        Self { place, view, queue, seals, blobs, after }
    }

    /// Seals files in order until the writer is gone. What the system refuses is tried again; what is corrupt stops
    /// sealing: rows stay in the WAL and readable, and intake is refused once too many files wait.
    pub(crate) fn run(mut self, files: Receiver<Arc<WalFile>>) {
        let mut stopped = false;
        for file in files {
            stopped = stopped || !self.seal_or_retry(&file);
        }
    }

    /// Seals one file; `false` if it cannot be sealed, ever or before the stop.
    fn seal_or_retry(&mut self, file: &Arc<WalFile>) -> bool {
        loop {
            let Err(error) = self.seal(file) else { return true };
            tracing::error!(ledger = %self.place.table.ledger, path = %file.path.display(), %error, "a WAL file is not sealed");
            if !matches!(error, LedgerError::Io { .. }) {
                self.view.set_seal_failure(&error.to_string());
                return false;
            }
            if self.queue.stopped() {
                return false;
            }
            std::thread::sleep(self.place.options.retry_interval);
        }
    }

    fn seal(&mut self, file: &Arc<WalFile>) -> Result<(), LedgerError> {
        let after = self.after.clone().scan(file)?;
        let previous = self.view.lock().segments.manifest().cloned();
        let previous = previous.unwrap_or_else(|| {
            Manifest::first(self.place.table.ledger, self.place.shard, self.place.origin.clone(), 0)
        });
        let mut reader = RowReader { scanner: Scanner::new(Arc::clone(file)), batch: None };
        let mut rows = || reader.next(self.place.table, self.place.shard);
        let source = SealSource {
            rows: &mut rows,
            batches: &after.batches,
            positions: &after.positions,
            frontier: &after.frontier,
            wal: WalPosition { file: file.header.number + 1, offset: HEADER_LEN as u64 },
        };
        let manifest = seal(self.blobs.as_ref(), self.place.table, self.place.shard, &previous, source)?;
        self.after = After { batches: Vec::new(), ..after };
        let segments = self.view.lock().segments.with(self.blobs.as_ref(), manifest.clone());
        self.view.seal(Arc::new(segments), file.header.number)?;
        if let Err(error) = self.place.disk.remove(&file.path) {
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
            tracing::warn!(ledger = %self.place.table.ledger, %error, "the manifest's hash could not be recorded in operations");
        }
    }
}

/// Reads the rows of a WAL file, commit by commit.
struct RowReader {
    scanner: Scanner,
    /// The batch that is open where the scanner stands.
    batch: Option<u64>,
}

impl RowReader {
    /// The rows of the next commit that has some.
    fn next(&mut self, table: &'static Table, shard: u32) -> Result<Option<Rows>, LedgerError> {
        while let Some(commit) = self.scanner.next_commit()? {
            let mut rows = Rows::new(table.ledger, shard, commit.commit.next_seq - u64::from(commit.commit.count));
            for item in &commit.items {
                match item {
                    Item::Open(open) => self.batch = Some(open.batch),
                    Item::Event(range) => {
                        let (Some(event), Some(batch)) = (commit.event(range), self.batch) else {
                            let place = format!("offset {}", commit.offset);
                            let path = &self.scanner.file().path;
                            return Err(LedgerError::corrupt(path, place, "an event stands outside of a batch"));
                        };
                        rows.push(event.seq, batch, event.recorded, event.flags, event.facts, event.content);
                    }
                    Item::Input(_) | Item::Close(_) => {}
                }
            }
            if !rows.is_empty() {
                return Ok(Some(rows));
            }
        }
        Ok(None)
    }
}
