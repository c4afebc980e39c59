//! Rows to columns: the builder of the hot tail's blocks and of the sealer's row groups.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int32Array, Int64Array, TimestampMicrosecondArray};
use arrow::datatypes::SchemaRef;
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use proof::part;

use crate::column::{Column, Part, Table};
use crate::columnar::values::Values;
use crate::columnar::{NotCanonical, POSITION_COLUMNS, TIME_ZONE, schema_of};
use crate::limits::COLUMN_ID_LIMIT;

/// Rough bytes of a row's position columns.
const POSITION_BYTES: usize = 32;
/// Rough bytes that a row costs in each column that has a value somewhere in the block.
const CELL_BYTES: usize = 16;

/// What happens to the column with an id.
#[derive(Debug, Clone, Copy)]
enum Slot {
    /// The table has no such column.
    Unknown,
    /// The column is not kept.
    Skipped(&'static Column),
    /// The column is kept at this index.
    Kept(&'static Column, u8),
}

impl Slot {
    fn column(self) -> Option<&'static Column> {
        match self {
            Self::Unknown => None,
            Self::Skipped(column) | Self::Kept(column, _) => Some(column),
        }
    }
}

/// Collects rows as columns. A push touches only the columns that the row has.
#[derive(Debug)]
pub struct ColumnsBuilder {
    schema: SchemaRef,
    slots: [Slot; COLUMN_ID_LIMIT as usize],
    columns: Vec<Values>,
    shards: Vec<i32>,
    seqs: Vec<i64>,
    batches: Vec<i64>,
    recorded: Vec<i64>,
    flags: Vec<i32>,
    part_bytes: usize,
    broken: bool,
}

impl ColumnsBuilder {
    /// A builder of the position columns and of those columns of the table that `keep` names.
    pub fn new(table: &'static Table, keep: impl Fn(&Column) -> bool) -> Self {
        let mut slots = [Slot::Unknown; COLUMN_ID_LIMIT as usize];
        let mut columns = Vec::new();
        for column in table.columns {
            if let Some(slot) = slots.get_mut(usize::from(column.id)) {
                *slot = if keep(column) { Slot::Kept(column, columns.len() as u8) } else { Slot::Skipped(column) };
            }
            if keep(column) {
                columns.push(Values::new(column.kind));
            }
        }
        Self {
            schema: schema_of(table, keep),
            slots,
            columns,
            shards: Vec::new(),
            seqs: Vec::new(),
            batches: Vec::new(),
            recorded: Vec::new(),
            flags: Vec::new(),
            part_bytes: 0,
            broken: false,
        }
    }

    /// Adds a row from the canonical bytes of its parts; a content part that is `None` leaves its columns null.
    ///
    /// After an error the builder holds a piece of the refused row and answers [`NotCanonical::Broken`] for ever.
    #[expect(
        clippy::too_many_arguments,
        reason = "they are the columns of a row, and a struct of them would be built to be taken apart"
    )]
    pub fn push(
        &mut self,
        shard: u32,
        seq: u64,
        batch: u64,
        recorded: i64,
        flags: u32,
        facts: &[u8],
        content: Option<&[u8]>,
    ) -> Result<(), NotCanonical> {
        if self.broken {
            return Err(NotCanonical::Broken);
        }
        self.broken = true;
        self.push_part(Part::Facts, facts)?;
        if let Some(content) = content {
            if content.is_empty() {
                return Err(NotCanonical::EmptyContent);
            }
            self.push_part(Part::Content, content)?;
        }
        self.shards.push(shard.cast_signed());
        self.seqs.push(seq.cast_signed());
        self.batches.push(batch.cast_signed());
        self.recorded.push(recorded);
        self.flags.push(flags.cast_signed());
        self.part_bytes += facts.len() + content.map_or(0, <[u8]>::len);
        self.broken = false;
        Ok(())
    }

    fn push_part(&mut self, part: Part, bytes: &[u8]) -> Result<(), NotCanonical> {
        let row = self.seqs.len();
        for column in part::columns(bytes) {
            let (id, value) = column?;
            let slot = self.slots.get(usize::from(id)).copied().unwrap_or(Slot::Unknown);
            let column = slot.column().ok_or(NotCanonical::UnknownColumn(id))?;
            if column.part != part {
                return Err(NotCanonical::WrongPart(column.name));
            }
            let Slot::Kept(_, at) = slot else { continue };
            if let Some(values) = self.columns.get_mut(usize::from(at)) {
                values.set(row, value).map_err(|what| NotCanonical::Value { column: column.name, what })?;
            }
        }
        Ok(())
    }

    /// The schema of the batches.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.seqs.len()
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.seqs.is_empty()
    }

    /// An estimate of the bytes that the columns take in memory.
    pub fn bytes(&self) -> usize {
        let touched = self.columns.iter().filter(|values| !values.is_untouched()).count();
        self.part_bytes + self.len() * (POSITION_BYTES + touched * CELL_BYTES)
    }

    /// The rows as one batch; the builder starts anew.
    pub fn finish(&mut self) -> Result<RecordBatch, NotCanonical> {
        if self.broken {
            return Err(NotCanonical::Broken);
        }
        let rows = self.len();
        self.part_bytes = 0;
        let mut arrays: Vec<ArrayRef> = vec![
            Arc::new(Int32Array::from(std::mem::take(&mut self.shards))),
            Arc::new(Int64Array::from(std::mem::take(&mut self.seqs))),
            Arc::new(Int64Array::from(std::mem::take(&mut self.batches))),
            Arc::new(TimestampMicrosecondArray::from(std::mem::take(&mut self.recorded)).with_timezone(TIME_ZONE)),
            Arc::new(Int32Array::from(std::mem::take(&mut self.flags))),
        ];
        let refused = |error: arrow::error::ArrowError| NotCanonical::Arrow(error.to_string());
        for values in &mut self.columns {
            arrays.push(values.finish(rows).map_err(refused)?);
        }
        RecordBatch::try_new(Arc::clone(&self.schema), arrays).map_err(refused)
    }

    /// A copy of the rows so far.
    pub fn snapshot(&self) -> Result<RecordBatch, NotCanonical> {
        let all: Vec<usize> = (0..self.schema.fields().len()).collect();
        self.snapshot_columns(&all)
    }

    /// A copy of some columns of the rows so far, by their indices in [`ColumnsBuilder::schema`]; nothing else is copied.
    pub fn snapshot_columns(&self, projection: &[usize]) -> Result<RecordBatch, NotCanonical> {
        if self.broken {
            return Err(NotCanonical::Broken);
        }
        let refused = |error: arrow::error::ArrowError| NotCanonical::Arrow(error.to_string());
        let schema = Arc::new(self.schema.project(projection).map_err(refused)?);
        let mut arrays: Vec<ArrayRef> = Vec::with_capacity(projection.len());
        for index in projection {
            arrays.push(match index {
                0 => Arc::new(Int32Array::from(self.shards.clone())),
                1 => Arc::new(Int64Array::from(self.seqs.clone())),
                2 => Arc::new(Int64Array::from(self.batches.clone())),
                3 => Arc::new(TimestampMicrosecondArray::from(self.recorded.clone()).with_timezone(TIME_ZONE)),
                4 => Arc::new(Int32Array::from(self.flags.clone())),
                index => self.columns[index - POSITION_COLUMNS].snapshot(self.len()).map_err(refused)?,
            });
        }
        // A projection of no columns is how a query counts rows.
        let options = RecordBatchOptions::new().with_row_count(Some(self.len()));
        RecordBatch::try_new_with_options(schema, arrays, &options).map_err(refused)
    }
}
