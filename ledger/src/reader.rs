//! Reading a ledger without a lock, from within the process that writes it or from another one.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

use crate::checkpoint;
use crate::column::Table;
use crate::error::LedgerError;
use crate::foreign::ForeignView;
use crate::identity::{Identity, resolve, shard_directory};
use crate::position::LedgerName;
use crate::rows::Rows;
use crate::segments::Segment;
use crate::seq::Seq;
use crate::store::Durable;
use crate::tail::TailBlock;
use crate::timestamp::Timestamp;
use crate::view::{StorageTier, View};

/// How much one read returns at most; at least one row is returned if there is one.
#[derive(Debug, Clone, Copy)]
pub struct ReadLimit {
    /// Rows.
    pub rows: usize,
    /// Bytes of parts.
    pub bytes: usize,
}

/// What of rows is read beside their facts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// Their content parts are shown.
    pub(crate) content: bool,
    /// Their leaves can be told.
    pub(crate) leaves: bool,
}

impl Wanted {
    /// Whether content parts are read: a leaf commits to both parts, whichever of them is shown.
    pub(crate) fn reads_content(self) -> bool {
        self.content || self.leaves
    }
}

/// One consistent view of a ledger: each row is in exactly one of the two lists.
#[derive(Debug)]
pub struct Snapshot {
    /// Sealed segments in order of position.
    pub segments: Vec<Arc<Segment>>,
    /// Durable rows after the last segment, in order.
    pub tail: Vec<Arc<TailBlock>>,
    /// The position after the last row of the view.
    pub next_seq: Seq,
}

/// Reads a ledger. Clones share what they have read of the disk.
#[derive(Debug, Clone)]
pub struct Reader {
    directory: PathBuf,
    view: Arc<View>,
    /// Set for a ledger that another process may be writing.
    foreign: Option<Arc<Mutex<ForeignView>>>,
    /// Whether rows are read for their leaves.
    leaves: bool,
}

impl Reader {
    /// Opens a ledger of a data directory for reading only. Another process may be writing it. Rows that no segment holds
    /// are read when they are asked for first.
    pub fn open(directory: &Path, name: LedgerName) -> Result<Self, LedgerError> {
        let identity = Identity::read(directory)?;
        let directory = shard_directory(&resolve(directory)?, name, 0);
        let (foreign, view) = ForeignView::open(&directory, name, 0, &identity)?;
        Ok(Self { directory, view, foreign: Some(Arc::new(Mutex::new(foreign))), leaves: false })
    }

    pub(crate) fn of_view(directory: PathBuf, view: Arc<View>) -> Self {
        Self { directory, view, foreign: None, leaves: false }
    }

    /// The same ledger, read so that each row knows its leaf ([`crate::Row::leaf`]). Content parts are read for that, though they are
    /// shown only to who asks for them.
    #[must_use]
    pub fn with_leaves(mut self) -> Self {
        self.leaves = true;
        self
    }

    /// Its table.
    pub fn table(&self) -> &'static Table {
        self.view.table
    }

    /// What is durable now. For another process's ledger it looks at the disk again.
    pub fn durable(&self) -> Result<Durable, LedgerError> {
        self.refresh()?;
        Ok(self.view.durable())
    }

    /// The data directory that the ledger lies in, as an absolute path: the paths of all segments start with it.
    pub fn data_directory(&self) -> &Path {
        // A shard's directory is `<data>/<ledger>/<shard>`.
        self.directory.ancestors().nth(2).unwrap_or(&self.directory)
    }

    /// Changes whenever something becomes durable; `None` for a ledger that another process may be writing.
    pub fn watch(&self) -> Option<watch::Receiver<Durable>> {
        self.foreign.is_none().then(|| self.view.watch())
    }

    /// Reads rows from `from` on in order, up to the limit or to the end of what lies together. A block without rows
    /// means that `from` is not durable yet.
    pub fn read(&self, from: Seq, content: bool, limit: ReadLimit) -> Result<Rows, LedgerError> {
        if from >= self.view.durable().next_seq {
            self.refresh()?;
        }
        match self.view.locate(from, limit.rows.max(1)) {
            None => Ok(self.empty(from)),
            Some(StorageTier::Sealed(segments)) => {
                segments.read(from.get(), Wanted { content, leaves: self.leaves }, limit)
            }
            Some(StorageTier::Hot(blocks)) => Ok(self.hot(&blocks, from, content, limit)),
        }
    }

    /// Rows from `from` on, which the first of these blocks holds, up to the limit.
    fn hot(&self, blocks: &[Arc<TailBlock>], from: Seq, content: bool, limit: ReadLimit) -> Rows {
        let mut rows = self.empty(from);
        for block in blocks {
            let number = rows.share(block.block());
            let first = from.distance_from(Seq::new(block.first_seq())) as usize;
            for row in first..block.len() {
                if rows.len() >= limit.rows.max(1) || !rows.is_empty() && rows.size() >= limit.bytes {
                    break;
                }
                let place = block.place(row);
                if let Some(secrets) = self.leaves.then(|| block.secrets(row)).flatten() {
                    rows.share_secrets(place.batch, secrets);
                }
                rows.push_shared(place, number, row);
            }
        }
        if content { rows } else { rows.without_content() }
    }

    /// As [`Reader::read`] without content and without leaves, for whoever needs these kinds only: of what is sealed, rows of other kinds are left out.
    /// The block ends before `next_seq`, however few rows it has; at the end it is the position that was asked for.
    pub fn read_kinds(&self, from: Seq, kinds: &'static [&'static str], limit: ReadLimit) -> Result<Rows, LedgerError> {
        if from >= self.view.durable().next_seq {
            self.refresh()?;
        }
        match self.view.locate(from, 1) {
            Some(StorageTier::Sealed(segments)) => segments.read_kinds(from.get(), kinds),
            _ => self.read(from, false, limit),
        }
    }

    /// The first position that was recorded at or after this moment.
    pub fn seq_at(&self, recorded: Timestamp) -> Result<Seq, LedgerError> {
        let mut range = 0..self.durable()?.next_seq.get();
        // `recorded` never decreases, so the position is found by halving.
        while !range.is_empty() {
            let middle = range.start + (range.end - range.start) / 2;
            let rows = self.read(Seq::new(middle), false, ReadLimit { rows: 1, bytes: 1 })?;
            let before = rows.get(0).is_some_and(|row| row.recorded < recorded);
            range = if before { middle + 1..range.end } else { range.start..middle };
        }
        Ok(Seq::new(range.start))
    }

    /// One consistent view for a query.
    pub fn snapshot(&self) -> Result<Snapshot, LedgerError> {
        self.refresh()?;
        Ok(self.view.snapshot())
    }

    /// The newest signed checkpoint, as a C2SP signed note; `None` before the first batch is closed.
    pub fn checkpoint(&self) -> Result<Option<String>, LedgerError> {
        checkpoint::read(&self.directory)
    }

    /// The newest source position for each input key, as far as rows were read.
    pub fn inputs(&self) -> BTreeMap<Vec<u8>, Vec<u8>> {
        self.view.lock().positions.clone()
    }

    /// An empty block at `from`.
    pub(crate) fn empty(&self, from: Seq) -> Rows {
        Rows::new(self.view.table.ledger, self.view.shard, from)
    }

    /// The origin of its log, which the checkpoints name.
    pub fn origin(&self) -> Result<String, LedgerError> {
        Ok(Identity::read(self.data_directory())?.origin(self.view.table.ledger, self.view.shard))
    }

    /// The shard's directory,
    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// and the shard.
    pub(crate) fn shard(&self) -> u32 {
        self.view.shard
    }

    /// Why the writer of this process stopped, if it did.
    pub fn poisoned(&self) -> Option<String> {
        self.view.poisoned()
    }

    fn refresh(&self) -> Result<(), LedgerError> {
        match &self.foreign {
            Some(foreign) => foreign.lock().unwrap_or_else(PoisonError::into_inner).refresh(&self.view),
            None => Ok(()),
        }
    }
}
