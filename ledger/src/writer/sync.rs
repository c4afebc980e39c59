//! A thread that syncs, so that the writer can compute while the disk works.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use crate::disk::DiskFile;
use crate::error::LedgerError;
use crate::position::LedgerName;

pub(super) struct Syncer {
    requests: SyncSender<Arc<dyn DiskFile>>,
    answers: Receiver<io::Result<()>>,
}

impl Syncer {
    pub(super) fn start(ledger: LedgerName) -> Result<Self, LedgerError> {
        let (requests, inbox) = sync_channel::<Arc<dyn DiskFile>>(1);
        let (outbox, answers) = sync_channel(1);
        let work = move || {
            for file in inbox {
                if outbox.send(file.sync()).is_err() {
                    return;
                }
            }
        };
        let spawned = thread::Builder::new().name(format!("{ledger}-sync")).spawn(work);
        spawned.map_err(LedgerError::io("start", "the sync thread"))?;
        Ok(Self { requests, answers })
    }

    /// Starts a sync.
    pub(super) fn begin(&self, file: &Arc<dyn DiskFile>) -> io::Result<()> {
        self.requests.send(Arc::clone(file)).map_err(|_| gone())
    }

    /// Waits for the sync that was begun.
    pub(super) fn finish(&self) -> io::Result<()> {
        self.answers.recv().map_err(|_| gone())?
    }
}

fn gone() -> io::Error {
    io::Error::other("the sync thread has stopped")
}
