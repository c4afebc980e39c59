//! How far reading is behind the ends of the open files, for whoever asks while reading itself waits for the ledger.
//!
//! The sizes are looked up when they are asked for, so the number grows with the files although nothing is read from them.

use std::collections::BTreeMap;
use std::fs::File;
use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::time::sleep;

use super::file::FileId;
use crate::limits;
use crate::pipeline::Channel;

/// The open files, and up to where each was read.
#[derive(Debug, Default)]
pub(super) struct Behind {
    open: Mutex<BTreeMap<FileId, (Arc<File>, u64)>>,
    /// Bytes in files that are not open although they should be read.
    closed: AtomicU64,
}

impl Behind {
    fn files(&self) -> MutexGuard<'_, BTreeMap<FileId, (Arc<File>, u64)>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A file was read up to this position, or will be read from it.
    pub fn note(&self, id: FileId, file: &Arc<File>, position: u64) {
        self.files().entry(id).and_modify(|(_, at)| *at = position).or_insert_with(|| (Arc::clone(file), position));
    }

    /// Sets how many bytes there are in files that cannot be opened, or wait for a place.
    pub fn set_closed(&self, bytes: u64) {
        self.closed.store(bytes, Relaxed);
    }

    /// How many there are.
    pub fn closed(&self) -> u64 {
        self.closed.load(Relaxed)
    }

    /// Forgets the files that are not open any more.
    pub fn retain(&self, is_open: impl Fn(FileId) -> bool) {
        self.files().retain(|id, _| is_open(*id));
    }

    /// Bytes in the files after these positions. A file of which the system does not tell the size now counts as read.
    pub fn bytes(&self) -> u64 {
        let rest = |(file, position): &(Arc<File>, u64)| {
            file.metadata().map_or(0, |metadata| metadata.len().saturating_sub(*position))
        };
        self.files().values().map(rest).sum::<u64>() + self.closed()
    }

    /// Waits for something, and shows meanwhile how the files grow.
    pub async fn shown_during<O>(&self, channel: &Channel, work: impl Future<Output = O>) -> O {
        let mut work = pin!(work);
        loop {
            tokio::select! {
                biased;
                output = &mut work => return output,
                () = sleep(limits::TAIL_LAG_EVERY) => channel.show_behind(self.bytes()),
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;
    use crate::dialect;
    use crate::metrics::Metrics;

    #[tokio::test(start_paused = true)]
    async fn the_number_grows_with_the_files_while_the_writer_is_blocked() {
        let (mut file, behind, metrics) = (tempfile::tempfile().unwrap(), Behind::default(), Metrics::default());
        let channel = Channel::new("files", dialect::by_name("native").unwrap(), &metrics);
        let lag = metrics.collector("files").lag;
        file.write_all(b"12345").unwrap();
        let open = Arc::new(file.try_clone().unwrap());
        let id = FileId::of(&open.metadata().unwrap());
        behind.note(id, &open, 2);
        let blocked = behind.shown_during(&channel, std::future::pending::<()>());
        let mut blocked = pin!(blocked);
        timeout(Duration::from_mins(1), &mut blocked).await.unwrap_err();
        assert_eq!(lag.get(), 3);
        file.write_all(b"6789").unwrap();
        timeout(Duration::from_mins(1), &mut blocked).await.unwrap_err();
        assert_eq!(lag.get(), 7);
        behind.note(id, &open, 9);
        assert_eq!(behind.bytes(), 0);
        file.set_len(1).unwrap();
        assert_eq!(behind.bytes(), 0, "what was cut is not behind");
        behind.retain(|_| false);
        file.set_len(100).unwrap();
        assert_eq!(behind.bytes(), 0);
    }
}
