//! What the writer does between commits: the next WAL file, and the checkpoint. Whatever the disk refuses here leaves the
//! ledger as it was and is tried again; only what leaves the disk in an unknown state is an error.

use std::sync::Arc;
use std::time::Instant;

use super::Writer;
use crate::checkpoint;
use crate::error::LedgerError;
use crate::sealer::FullFile;
use crate::wal::file::{CreateError, HEADER_LEN, WalFile, WalHeader, origin_mark};

impl Writer {
    /// Starts the next file and hands the full one to the sealer. The full one holds whole batches only. While the next one
    /// cannot be begun, the old one grows on.
    pub(super) fn rotate(&mut self) -> Result<(), LedgerError> {
        if !self.end_file()? {
            return Ok(());
        }
        let header = WalHeader {
            ledger: self.context.table.ledger,
            shard: self.context.shard,
            number: self.wal.file.header.number + 1,
            nonce: u64::from_be_bytes(crate::identity::random()?),
            first_commit: self.wal.commit,
            first_batch: self.chain.next_batch,
            first_seq: self.wal.next_seq,
            origin: origin_mark(&self.context.origin),
        };
        let next = match WalFile::create(self.context.disk.as_ref(), &self.context.directory.join("wal"), header) {
            Ok(next) => Arc::new(next),
            Err(CreateError { error, is_clean: true }) => {
                self.postpone_rotation(&error);
                return Ok(());
            }
            // If the old file grew on now, a next one that shows up after all would contradict it.
            Err(CreateError { error, is_clean: false }) => return Err(error),
        };
        let full = std::mem::replace(&mut self.wal.file, next);
        (self.wal.offset, self.wal.entries) = (HEADER_LEN as u64, 0);
        self.allocated = self.wal.offset;
        self.file_since = Instant::now();
        self.refused.rotation = None;
        self.queue.add_unsealed();
        // The sealer outlives the writer.
        let full = FullFile { file: full, batches: std::mem::take(&mut self.closed) };
        self.sealer.send(full).map_err(|_| {
            LedgerError::io("seal", &self.context.directory)(std::io::Error::other("the sealer thread has stopped"))
        })
    }

    /// Frees what was reserved behind the file's end, and cuts off what a refused write left there: a full file is whole.
    /// `false` if that has to wait.
    fn end_file(&mut self) -> Result<bool, LedgerError> {
        let file = &self.wal.file;
        let cut = file.file.truncate(self.wal.offset);
        match cut {
            Ok(()) => self.allocated = self.wal.offset,
            Err(error) if self.torn => {
                let error = LedgerError::io("truncate", &file.path)(error);
                self.postpone_rotation(&error);
                return Ok(false);
            }
            // What stays reserved is freed when the file is deleted.
            Err(error) => tracing::warn!(path = %file.path.display(), %error, "reserved space cannot be freed"),
        }
        if self.torn {
            file.file.sync().map_err(LedgerError::io("sync", &file.path))?;
            self.torn = false;
        }
        Ok(true)
    }

    fn postpone_rotation(&mut self, error: &LedgerError) {
        tracing::warn!(ledger = %self.context.table.ledger, %error, "the next WAL file is not begun yet; the old one grows on");
        self.refused.rotation = Some(Instant::now() + self.context.options.retry_interval);
    }

    /// Signs the log as it stands. A checkpoint that cannot be written comes later: what it covers is durable without it.
    pub(super) fn sign(&mut self) {
        let (log, context) = (&self.chain.frontier, &self.context);
        match checkpoint::publish(context.disk.as_ref(), &context.directory, &context.signer, &context.origin, log) {
            Ok(_) => {
                self.refused.checkpoint = None;
                context.own_checkpoint.set(log.size(), log.root());
            }
            Err(error) => {
                if self.refused.checkpoint.is_none() {
                    tracing::warn!(ledger = %context.table.ledger, %error, "the newest checkpoint is not written yet");
                }
                self.refused.checkpoint = Some(Instant::now() + context.options.retry_interval);
            }
        }
    }
}
