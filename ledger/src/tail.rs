//! The hot tail: durable rows that no manifest holds yet, in memory, in the blocks in which they came in.

use std::sync::Arc;

use arrow::array::RecordBatch;

use crate::batch::Secrets;
use crate::block::{Block, BlockBuilder, Pages};
use crate::columnar::{NotCanonical, gather};
use crate::entry::Checks;
use crate::error::LedgerError;
use crate::limits::{SMALL_BLOCK_ROWS, SMALL_BLOCKS_MAX};
use crate::rows::RowPlace;
use crate::wal::frame::Open;

/// Rows of the hot tail that follow each other; all of them lie in one WAL file.
#[derive(Debug, Clone)]
pub struct TailBlock {
    shard: u32,
    first_seq: u64,
    /// Number of the WAL file.
    file: u64,
    block: Arc<Block>,
    /// Rows that are shown: a view may end inside of a block.
    rows: usize,
    /// What rows have in common.
    runs: Vec<Run>,
    /// Keyed hashes of the rows' parts, one list after the other; none of a ledger that another process writes.
    checks: Vec<Arc<Checks>>,
}

/// Rows of one commit.
#[derive(Debug, Clone)]
struct Run {
    /// The row after its last.
    end: usize,
    /// The batch that they are of.
    open: Arc<Open>,
    recorded: i64,
}

impl TailBlock {
    /// The rows of one commit that a block holds.
    pub(crate) fn new(
        (shard, file): (u32, u64),
        block: Arc<Block>,
        (first_seq, recorded): (u64, i64),
        open: &Arc<Open>,
        checks: Option<Arc<Checks>>,
    ) -> Self {
        let (rows, checks) = (block.len(), checks.into_iter().collect());
        let runs = vec![Run { end: rows, open: Arc::clone(open), recorded }];
        Self { shard, first_seq, file, block, rows, runs, checks }
    }

    /// The same rows with the values of another block: what an encoder that is wrong would make of them.
    #[cfg(test)]
    pub(crate) fn with_other_values(&self, block: &Arc<Block>) -> Arc<Self> {
        Arc::new(Self { block: Arc::clone(block), ..self.clone() })
    }

    /// First position.
    pub fn first_seq(&self) -> u64 {
        self.first_seq
    }

    /// Position after the last row.
    pub(crate) fn end_seq(&self) -> u64 {
        self.first_seq + self.rows as u64
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.rows
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    pub(crate) fn shard(&self) -> u32 {
        self.shard
    }

    pub(crate) fn block(&self) -> &Arc<Block> {
        &self.block
    }

    /// What the ledger knows of a row beside its columns.
    pub(crate) fn place(&self, row: usize) -> RowPlace {
        let (batch, recorded) = self.run(row).map_or((0, 0), |run| (run.open.batch, run.recorded));
        RowPlace { seq: self.first_seq + row as u64, batch, recorded, flags: self.block.flags(row) }
    }

    /// What the leaf of a row is salted with.
    pub(crate) fn secrets(&self, row: usize) -> Option<&Secrets> {
        self.run(row).map(|run| &run.open.secrets)
    }

    fn run(&self, row: usize) -> Option<&Run> {
        self.runs.get(self.runs.partition_point(|run| run.end <= row)).or(self.runs.last())
    }

    /// Whether the parts of a row are those that were hashed when it came in; `None` if that is not known.
    pub(crate) fn is_as_hashed(&self, row: usize, facts: &[u8], content: &[u8]) -> Option<bool> {
        let mut at = row;
        for checks in &self.checks {
            match checks.rows.get(at) {
                Some(hash) => return Some(checks.of(facts, content) == *hash),
                None => at -= checks.rows.len(),
            }
        }
        None
    }

    /// The columns of [`crate::arrow_schema`] with these indices, in this order.
    pub fn batch(&self, projection: &[usize]) -> Result<RecordBatch, LedgerError> {
        let schema = crate::columnar::schema(self.block.table());
        let refused = |what: String| {
            let place = format!("{}/{}/{}", self.block.table().ledger, self.shard, self.first_seq);
            LedgerError::Columnar { path: "hot tail".into(), message: format!("{place}: {what}") }
        };
        let wanted = schema.project(projection).map_err(|error| refused(error.to_string()))?;
        let order: Vec<(u32, u32)> = (0..self.rows as u32).map(|row| (0, row)).collect();
        gather(&Arc::new(wanted), &[self], &order).map_err(|error: NotCanonical| refused(error.to_string()))
    }

    fn truncated(&self, end_seq: u64) -> Self {
        Self { rows: end_seq.saturating_sub(self.first_seq) as usize, ..self.clone() }
    }

    /// Puts blocks together that follow each other; slow, so that nobody holds a lock for it.
    pub(crate) fn joined(blocks: &[Arc<Self>]) -> Option<Self> {
        let first = blocks.first()?;
        let mut builder = BlockBuilder::new(first.block.table());
        let (mut runs, mut checks) = (Vec::new(), Vec::new());
        for block in blocks {
            let (before, pages): (usize, Pages) = (builder.block().len(), block.block.pages());
            (0..block.rows).for_each(|row| builder.push_row(&block.block, row, &pages));
            runs.extend(block.runs.iter().map(|run| Run { end: before + run.end, ..run.clone() }));
            checks.extend(block.checks.iter().cloned());
        }
        let block = Arc::new(builder.finish());
        Some(Self { rows: block.len(), block, runs, checks, ..Self::clone(first) })
    }
}

/// All blocks of a ledger, in order. Rows are added before they are durable; the caller says where durable rows end.
#[derive(Debug, Default)]
pub(crate) struct Tail {
    blocks: Vec<Arc<TailBlock>>,
}

impl Tail {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Adds rows, which follow those that are there.
    pub(crate) fn push(&mut self, block: TailBlock) {
        self.blocks.push(Arc::new(block));
    }

    /// The same, and puts small blocks together that became many: for who shares the tail with nobody yet.
    pub(crate) fn add(&mut self, block: TailBlock) {
        self.push(block);
        if let Some(small) = self.small()
            && let Some(joined) = TailBlock::joined(&small)
        {
            self.replace(&small, joined);
        }
    }

    /// Small blocks at the end that are as many that they should be put together.
    pub(crate) fn small(&self) -> Option<Vec<Arc<TailBlock>>> {
        let file = self.blocks.last()?.file;
        let is_small = |block: &&Arc<TailBlock>| block.file == file && block.len() < SMALL_BLOCK_ROWS;
        let count = self.blocks.iter().rev().take_while(is_small).take(SMALL_BLOCKS_MAX).count();
        (count >= SMALL_BLOCKS_MAX).then(|| self.blocks[self.blocks.len() - count..].to_vec())
    }

    /// Puts a block in the place of those that it was made of, if these are still there.
    pub(crate) fn replace(&mut self, small: &[Arc<TailBlock>], joined: TailBlock) {
        let Some(first) = small.first() else { return };
        let Some(at) = self.blocks.iter().rposition(|block| Arc::ptr_eq(block, first)) else { return };
        let end = at + small.len();
        let same =
            self.blocks.get(at..end).is_some_and(|found| found.iter().zip(small).all(|(a, b)| Arc::ptr_eq(a, b)));
        if same {
            self.blocks.splice(at..end, [Arc::new(joined)]);
        }
    }

    /// Drops the blocks of WAL files up to number `file`.
    pub(crate) fn drop_through(&mut self, file: u64) {
        self.blocks.retain(|block| block.file > file);
    }

    /// The blocks of one WAL file.
    pub(crate) fn of_file(&self, file: u64) -> Vec<Arc<TailBlock>> {
        self.blocks.iter().filter(|block| block.file == file).cloned().collect()
    }

    /// All blocks up to `end_seq`.
    pub(crate) fn view(&self, end_seq: u64) -> Vec<Arc<TailBlock>> {
        self.from(0, end_seq, usize::MAX)
    }

    /// Blocks of rows from position `from` on and before `end_seq`, the first of which holds `from`, until they have `rows` rows.
    pub(crate) fn from(&self, from: u64, end_seq: u64, rows: usize) -> Vec<Arc<TailBlock>> {
        let mut at = self.blocks.partition_point(|block| block.end_seq() <= from);
        let (mut found, mut count) = (Vec::new(), 0);
        while let Some(block) = self.blocks.get(at).filter(|block| block.first_seq < end_seq && count < rows) {
            count += (block.end_seq() - from.max(block.first_seq)) as usize;
            let whole = block.end_seq() <= end_seq;
            found.push(if whole { Arc::clone(block) } else { Arc::new(block.truncated(end_seq)) });
            at += 1;
        }
        found
    }
}
