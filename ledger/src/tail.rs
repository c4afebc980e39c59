//! The hot tail: durable rows that no manifest holds yet. Columns lie in memory, the large ones in the WAL.
//!
//! What this process recorded has its columns at once. What a start or another process's reader finds in the WAL gets them when a
//! query asks: most of it is sealed before anybody does.

use std::sync::{Arc, OnceLock};

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};

use crate::column::{Column, Kind, Table};
use crate::columnar::{ColumnsBuilder, NotCanonical, schema};
use crate::error::LedgerError;
use crate::rows::Rows;
use crate::wal::file::WalFile;
use crate::wal::frame::Event;

/// Where the payload of a row's EVENT frame lies in the WAL file of its block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RowRef {
    pub(crate) offset: u64,
    pub(crate) len: u32,
    pub(crate) batch: u64,
}

/// Whether a column of the hot tail lies in memory. Records and contents are most of the bytes and the least asked for.
fn in_memory(column: &Column) -> bool {
    !matches!(column.name, "record" | "content" | "content_raw" | "cuts") || column.kind == Kind::Integer
}

/// A block of rows of the hot tail; all of them lie in one WAL file.
#[derive(Debug, Clone)]
pub struct TailBlock {
    table: &'static Table,
    shard: u32,
    first_seq: u64,
    wal: Arc<WalFile>,
    rows: Vec<RowRef>,
    /// The columns that lie in memory, once they were built.
    columns: OnceLock<RecordBatch>,
}

impl TailBlock {
    /// First position.
    pub fn first_seq(&self) -> u64 {
        self.first_seq
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The columns of [`schema`] with these indices, in this order; large ones are read from the WAL.
    pub fn batch(&self, projection: &[usize]) -> Result<RecordBatch, LedgerError> {
        let schema = schema(self.table);
        let wanted = Arc::new(schema.project(projection).map_err(|error| self.columnar(&error))?);
        let held = self.columns()?;
        let is_missing = |column: &Column| !in_memory(column) && wanted.field_with_name(column.name).is_ok();
        let missing = self.table.columns.iter().any(is_missing);
        let large = if missing { Some(self.build(is_missing)?) } else { None };
        let columns: Option<Vec<ArrayRef>> = wanted
            .fields()
            .iter()
            .map(|field| {
                let of = |batch: &RecordBatch| batch.column_by_name(field.name()).cloned();
                of(held).map(|column| column.slice(0, self.rows.len())).or_else(|| large.as_ref().and_then(of))
            })
            .collect();
        let columns = columns.ok_or_else(|| LedgerError::corrupt(&self.wal.path, "hot tail", "a column is missing"))?;
        let options = RecordBatchOptions::new().with_row_count(Some(self.rows.len()));
        RecordBatch::try_new_with_options(wanted, columns, &options).map_err(|error| self.columnar(&error))
    }

    /// The columns that lie in memory.
    fn columns(&self) -> Result<&RecordBatch, LedgerError> {
        if let Some(columns) = self.columns.get() {
            return Ok(columns);
        }
        // Two queries at once may both build them; the first to end is kept.
        let columns = self.build(in_memory)?;
        Ok(self.columns.get_or_init(|| columns))
    }

    /// Builds those columns from the WAL that `keep` names.
    fn build(&self, keep: impl Fn(&Column) -> bool) -> Result<RecordBatch, LedgerError> {
        let mut builder = ColumnsBuilder::new(self.table, keep);
        let rows = read_rows(self.table, self.shard, &self.wal, self.first_seq, &self.rows, true)?;
        for row in rows.iter() {
            let pushed =
                builder.push(self.shard, row.position.seq, row.batch, row.recorded, row.flags, row.facts, row.content);
            pushed.map_err(|error| not_canonical(&self.wal, &error))?;
        }
        builder.finish().map_err(|error| not_canonical(&self.wal, &error))
    }

    /// The rows themselves, from `from` on, at most `limit`.
    pub(crate) fn locate(&self, from: u64, limit: usize) -> (Arc<WalFile>, Vec<RowRef>) {
        let start = from.saturating_sub(self.first_seq) as usize;
        let end = (start + limit).min(self.rows.len());
        (Arc::clone(&self.wal), self.rows.get(start..end).unwrap_or(&[]).to_vec())
    }

    fn truncated(&self, end_seq: u64) -> Self {
        let mut block = self.clone();
        block.rows.truncate(end_seq.saturating_sub(self.first_seq) as usize);
        block
    }

    fn columnar(&self, error: &arrow::error::ArrowError) -> LedgerError {
        LedgerError::Columnar { path: self.wal.path.clone(), message: error.to_string() }
    }
}

/// The block that still takes rows.
#[derive(Debug)]
struct OpenBlock {
    wal: Arc<WalFile>,
    first_seq: u64,
    rows: Vec<RowRef>,
    /// `None` if the columns are built when somebody asks.
    builder: Option<ColumnsBuilder>,
    /// The last view of the block, kept until rows are added: many queries may ask for the same one.
    view: Option<Arc<TailBlock>>,
}

impl OpenBlock {
    fn new(wal: &Arc<WalFile>, first_seq: u64, builder: Option<ColumnsBuilder>) -> Self {
        Self { wal: Arc::clone(wal), first_seq, rows: Vec::new(), builder, view: None }
    }
}

/// All blocks of a ledger, in order. Rows are added before they are durable; the caller says where durable rows end.
#[derive(Debug)]
pub(crate) struct Tail {
    table: &'static Table,
    shard: u32,
    blocks: Vec<Arc<TailBlock>>,
    open: Option<OpenBlock>,
    block_rows_max: usize,
}

impl Tail {
    pub(crate) fn new(table: &'static Table, shard: u32) -> Self {
        Self { table, shard, blocks: Vec::new(), open: None, block_rows_max: crate::limits::TAIL_BLOCK_ENTRIES_MAX }
    }

    /// Adds a row whose payload lies at `at` of `wal`, with its columns.
    pub(crate) fn push(&mut self, wal: &Arc<WalFile>, at: RowRef, event: &Event<'_>) -> Result<(), LedgerError> {
        self.make_room(wal, true)?;
        let (table, shard) = (self.table, self.shard);
        let open = self
            .open
            .get_or_insert_with(|| OpenBlock::new(wal, event.seq, Some(ColumnsBuilder::new(table, in_memory))));
        if let Some(builder) = &mut open.builder {
            let pushed =
                builder.push(shard, event.seq, at.batch, event.recorded, event.flags, event.facts, event.content);
            pushed.map_err(|error| not_canonical(wal, &error))?;
        }
        open.rows.push(at);
        open.view = None;
        Ok(())
    }

    /// Adds the row at position `seq` whose payload lies at `at` of `wal`; its columns are built when somebody asks.
    pub(crate) fn push_unread(&mut self, wal: &Arc<WalFile>, at: RowRef, seq: u64) -> Result<(), LedgerError> {
        self.make_room(wal, false)?;
        let open = self.open.get_or_insert_with(|| OpenBlock::new(wal, seq, None));
        open.rows.push(at);
        open.view = None;
        Ok(())
    }

    /// Closes the open block if it cannot take a row of this file, with its columns or without.
    fn make_room(&mut self, wal: &WalFile, columns: bool) -> Result<(), LedgerError> {
        let full = self.open.as_ref().is_some_and(|open| {
            open.rows.len() >= self.block_rows_max
                || open.wal.header.number != wal.header.number
                || open.builder.is_some() != columns
        });
        if full { self.freeze() } else { Ok(()) }
    }

    /// Closes the open block.
    pub(crate) fn freeze(&mut self) -> Result<(), LedgerError> {
        if let Some(open) = self.open.take() {
            let OpenBlock { wal, first_seq, rows, builder, view } = open;
            let columns = match builder {
                Some(mut builder) => builder.finish().map_err(|error| not_canonical(&wal, &error))?.into(),
                // A query may have built them for the last view of the block.
                None => view.map_or_else(OnceLock::new, |view| view.columns.clone()),
            };
            self.blocks.push(Arc::new(TailBlock {
                table: self.table,
                shard: self.shard,
                first_seq,
                wal,
                rows,
                columns,
            }));
        }
        Ok(())
    }

    /// Drops the blocks of WAL files up to number `file`.
    pub(crate) fn drop_through(&mut self, file: u64) -> Result<(), LedgerError> {
        if self.open.as_ref().is_some_and(|open| open.wal.header.number <= file) {
            self.freeze()?;
        }
        self.blocks.retain(|block| block.wal.header.number > file);
        Ok(())
    }

    /// All blocks up to `end_seq`.
    pub(crate) fn view(&mut self, end_seq: u64) -> Result<Vec<Arc<TailBlock>>, LedgerError> {
        let mut blocks: Vec<Arc<TailBlock>> = self.blocks.clone();
        if let Some(open) = &mut self.open {
            if open.view.is_none() {
                let columns = match &open.builder {
                    Some(builder) => builder.snapshot().map_err(|error| not_canonical(&open.wal, &error))?.into(),
                    None => OnceLock::new(),
                };
                open.view = Some(Arc::new(TailBlock {
                    table: self.table,
                    shard: self.shard,
                    first_seq: open.first_seq,
                    wal: Arc::clone(&open.wal),
                    rows: open.rows.clone(),
                    columns,
                }));
            }
            blocks.extend(open.view.clone());
        }
        blocks.retain(|block| block.first_seq < end_seq);
        if let Some(last) = blocks.last_mut().filter(|last| last.first_seq + last.len() as u64 > end_seq) {
            *last = Arc::new(last.truncated(end_seq));
        }
        Ok(blocks)
    }

    /// Where rows from `from` on lie, at most `limit` and none at or after `end_seq`; all in one file.
    pub(crate) fn locate(&self, from: u64, end_seq: u64, limit: usize) -> Option<(Arc<WalFile>, Vec<RowRef>)> {
        let limit = limit.min(end_seq.saturating_sub(from) as usize);
        if let Some(open) = self.open.as_ref().filter(|open| from >= open.first_seq) {
            let start = (from - open.first_seq) as usize;
            let rows = open.rows.get(start..(start + limit).min(open.rows.len()))?;
            return Some((Arc::clone(&open.wal), rows.to_vec()));
        }
        let at = self.blocks.partition_point(|block| block.first_seq <= from).checked_sub(1)?;
        Some(self.blocks.get(at)?.locate(from, limit))
    }
}

fn not_canonical(wal: &WalFile, error: &NotCanonical) -> LedgerError {
    LedgerError::corrupt(&wal.path, "hot tail", error.to_string())
}

/// Reads rows that lie one after the other in `wal`, the first of them at position `first_seq`, with one read.
pub(crate) fn read_rows(
    table: &'static Table,
    shard: u32,
    wal: &WalFile,
    first_seq: u64,
    refs: &[RowRef],
    content: bool,
) -> Result<Rows, LedgerError> {
    let mut rows = Rows::new(table.ledger, shard, first_seq);
    let (Some(first), Some(last)) = (refs.first(), refs.last()) else {
        return Ok(rows);
    };
    let bytes = wal.read(first.offset, (last.offset - first.offset) as usize + last.len as usize)?;
    for (seq, at) in (first_seq..).zip(refs) {
        let start = (at.offset - first.offset) as usize;
        let event = bytes.get(start..start + at.len as usize).and_then(Event::decode).filter(|event| event.seq == seq);
        let event = event.ok_or_else(|| {
            LedgerError::corrupt(&wal.path, format!("offset {}", at.offset), format!("event {seq} is no longer there"))
        })?;
        rows.push(seq, at.batch, event.recorded, event.flags, event.facts, event.content.filter(|_| content));
    }
    Ok(rows)
}
