//! Rows to the two Parquet files of a segment, one row group in memory at a time.

use std::io::{self, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::ArrayRef;
use arrow::datatypes::{Field, SchemaRef};
use arrow::record_batch::RecordBatch;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::{ArrowRowGroupWriterFactory, compute_leaves};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use proof::Digest;
use sha2::{Digest as _, Sha256};

use crate::blobs::{BlobWriter, Blobs};
use crate::column::{Part, Table};
use crate::columnar::{self, Gathering, NotCanonical, POSITION_COLUMNS};
use crate::error::LedgerError;
use crate::limits::{LONG_ARRAY_BYTES_MAX, ROW_GROUP_BYTES_MAX, ROW_GROUP_ENTRIES_MAX};
use crate::manifest::{FileEntry, FileKind};
use crate::segment::{layout, order};
use crate::tail::TailBlock;

/// The column of a content batch that says which event a row belongs to.
const SEQ: usize = 1;

/// Bytes of long values that are gathered at once: fewer in tests, so that what they seal takes several arrays.
const LONG_ARRAY_BYTES: usize = if cfg!(test) { 256 << 10 } else { LONG_ARRAY_BYTES_MAX };

/// Writes the facts and the content file of one segment.
pub(crate) struct SegmentWriter<'a> {
    blobs: &'a dyn Blobs,
    table: &'static Table,
    stem: String,
    facts: ColumnsFile,
    /// The columns of the content file.
    content_schema: SchemaRef,
    content: Option<ColumnsFile>,
    /// Rows of the row group that is being filled: the blocks and which of their rows.
    pieces: Vec<(Arc<TailBlock>, Range<usize>)>,
    group_first: u64,
    group_bytes: usize,
    next_seq: u64,
}

impl<'a> SegmentWriter<'a> {
    /// Starts the files; the content file comes into being with the first event that has content.
    pub(crate) fn new(
        blobs: &'a dyn Blobs,
        table: &'static Table,
        stem: &str,
        first_seq: u64,
    ) -> Result<Self, LedgerError> {
        let facts_schema = columnar::schema_of(table, |column| column.part == Part::Facts);
        let content_schema = columnar::schema_of(table, |column| column.part == Part::Content);
        let columns: Vec<usize> = [SEQ].into_iter().chain(POSITION_COLUMNS..content_schema.fields().len()).collect();
        let content_schema = content_schema
            .project(&columns)
            .map_err(|error| LedgerError::Columnar { path: blobs.path(stem), message: error.to_string() })?;
        let facts = ColumnsFile::create(blobs, FileKind::Facts, stem, table, facts_schema)?;
        Ok(Self {
            blobs,
            table,
            stem: stem.to_owned(),
            facts,
            content_schema: Arc::new(content_schema),
            content: None,
            pieces: Vec::new(),
            group_first: first_seq,
            group_bytes: 0,
            next_seq: first_seq,
        })
    }

    /// Adds a block of rows, which follows the one before.
    pub(crate) fn push(&mut self, block: &Arc<TailBlock>) -> Result<(), LedgerError> {
        if block.first_seq() != self.next_seq {
            let place = format!("{}/{}/{}", self.table.ledger, block.shard(), block.first_seq());
            let what = format!("the row comes where {} belongs", self.next_seq);
            return Err(LedgerError::corrupt(self.blobs.path(&self.stem), place, what));
        }
        let mut from = 0;
        let mean_bytes = block.block().long_bytes() / block.block().len().max(1);
        for row in 0..block.len() {
            self.group_bytes += mean_bytes;
            self.next_seq += 1;
            let rows = (self.next_seq - self.group_first) as usize;
            if rows >= ROW_GROUP_ENTRIES_MAX || self.group_bytes >= ROW_GROUP_BYTES_MAX {
                self.pieces.push((Arc::clone(block), from..row + 1));
                from = row + 1;
                self.end_row_group()?;
            }
        }
        if from < block.len() {
            self.pieces.push((Arc::clone(block), from..block.len()));
        }
        Ok(())
    }

    /// The position after the last row.
    pub(crate) fn next_seq(&self) -> u64 {
        self.next_seq
    }

    /// Completes both files, durably.
    pub(crate) fn finish(mut self) -> Result<Vec<FileEntry>, LedgerError> {
        self.end_row_group()?;
        let mut entries = vec![self.facts.finish()?];
        if let Some(content) = self.content {
            entries.push(content.finish()?);
        }
        Ok(entries)
    }

    fn end_row_group(&mut self) -> Result<(), LedgerError> {
        if self.pieces.is_empty() {
            return Ok(());
        }
        let range = (self.group_first, self.next_seq);
        let taken = std::mem::take(&mut self.pieces);
        let blocks: Vec<&TailBlock> = taken.iter().map(|(block, _)| &**block).collect();
        let rows: Vec<(u32, u32)> = (0_u32..)
            .zip(&taken)
            .flat_map(|(block, (_, rows))| rows.clone().map(move |row| (block, row as u32)))
            .collect();
        let order = order::of_rows(self.table.ledger, &blocks, &rows);
        let has_content = |(block, row): &(u32, u32)| {
            blocks.get(*block as usize).is_some_and(|block| block.block().has_content(*row as usize))
        };
        let content_order: Vec<(u32, u32)> = order.iter().copied().filter(has_content).collect();
        if !content_order.is_empty() {
            let file = match &mut self.content {
                Some(file) => file,
                none => none.insert(ColumnsFile::create(
                    self.blobs,
                    FileKind::Content,
                    &self.stem,
                    self.table,
                    Arc::clone(&self.content_schema),
                )?),
            };
            file.gather_row_group(&mut Gathering::new(&blocks, &content_order), range)?;
        }
        self.facts.gather_row_group(&mut Gathering::new(&blocks, &order), range)?;
        self.group_first = self.next_seq;
        self.group_bytes = 0;
        Ok(())
    }
}

/// One Parquet file on its way.
pub(super) struct ColumnsFile {
    kind: FileKind,
    name: String,
    path: PathBuf,
    schema: SchemaRef,
    writer: SerializedFileWriter<HashingWriter>,
    columns: ArrowRowGroupWriterFactory,
    failure: Failure,
    row_groups: Vec<(u64, u64)>,
    rows: u64,
}

impl ColumnsFile {
    fn create(
        blobs: &dyn Blobs,
        kind: FileKind,
        stem: &str,
        table: &Table,
        schema: SchemaRef,
    ) -> Result<Self, LedgerError> {
        let name = format!("{stem}.{}", kind.extension());
        let path = blobs.path(&name);
        let properties = layout::properties(table, &schema, kind == FileKind::Facts, layout::created_by());
        let blob = blobs.create(&name)?;
        Self::over(blob, kind, (name, path), schema, properties)
    }

    /// Writes to `blob`; `place` is the file's name and path.
    pub(super) fn over(
        blob: Box<dyn BlobWriter>,
        kind: FileKind,
        (name, path): (String, PathBuf),
        schema: SchemaRef,
        properties: WriterProperties,
    ) -> Result<Self, LedgerError> {
        let failure = Failure::default();
        let sink = HashingWriter::new(blob, &failure);
        let (writer, columns) = ArrowWriter::try_new(sink, Arc::clone(&schema), Some(properties))
            .and_then(ArrowWriter::into_serialized_writer)
            .map_err(|error| failure.explain(&path, &error))?;
        Ok(Self { kind, name, path, schema, writer, columns, failure, row_groups: Vec::new(), rows: 0 })
    }

    /// Writes rows whose columns are here.
    pub(super) fn write_row_group(&mut self, batch: &RecordBatch, range: (u64, u64)) -> Result<(), LedgerError> {
        self.write_columns(batch.num_rows(), range, |at, _, write| write(batch.column(at)))
    }

    /// Writes rows of blocks.
    fn gather_row_group(&mut self, rows: &mut Gathering<'_>, range: (u64, u64)) -> Result<(), LedgerError> {
        let path = self.path.clone();
        let refused = |error: NotCanonical| LedgerError::Columnar { path: path.clone(), message: error.to_string() };
        self.write_columns(rows.len(), range, |_, field, write| {
            rows.arrays(field, LONG_ARRAY_BYTES).try_for_each(|array| write(&array.map_err(refused)?))
        })
    }

    /// Encodes one column after the other, so that one at a time is in memory, and writes them. `column` hands out the arrays of a column.
    fn write_columns(
        &mut self,
        rows: usize,
        range: (u64, u64),
        mut column: impl FnMut(
            usize,
            &Field,
            &mut dyn FnMut(&ArrayRef) -> Result<(), LedgerError>,
        ) -> Result<(), LedgerError>,
    ) -> Result<(), LedgerError> {
        let explain = |error: ParquetError| self.failure.explain(&self.path, &error);
        let writers = self.columns.create_column_writers(self.row_groups.len()).map_err(explain)?;
        let mut chunks = Vec::with_capacity(writers.len());
        // Every column has one leaf: there are no nested ones but lists of texts.
        for (at, (field, mut writer)) in self.schema.fields().iter().zip(writers).enumerate() {
            column(at, field, &mut |array| {
                let leaves = compute_leaves(field, array).map_err(explain)?;
                leaves.iter().try_for_each(|leaf| writer.write(leaf)).map_err(explain)
            })?;
            chunks.push(writer.close().map_err(explain)?);
        }
        let mut row_group = self.writer.next_row_group().map_err(explain)?;
        for chunk in chunks {
            chunk.append_to_row_group(&mut row_group).map_err(explain)?;
        }
        row_group.close().map_err(explain)?;
        self.row_groups.push(range);
        self.rows += rows as u64;
        Ok(())
    }

    pub(super) fn finish(mut self) -> Result<FileEntry, LedgerError> {
        for value in layout::footer(&self.row_groups) {
            self.writer.append_key_value_metadata(value);
        }
        let sink = self.writer.into_inner().map_err(|error| self.failure.explain(&self.path, &error))?;
        let (size, sha256) = sink.finish()?;
        Ok(FileEntry { kind: self.kind, name: self.name, size, rows: self.rows, sha256 })
    }
}

/// Stores a small file and says what the manifest will say of it.
pub(crate) fn put_sidecar(
    blobs: &dyn Blobs,
    kind: FileKind,
    stem: &str,
    rows: u64,
    bytes: &[u8],
) -> Result<FileEntry, LedgerError> {
    let name = format!("{stem}.{}", kind.extension());
    blobs.put(&name, bytes)?;
    Ok(FileEntry { kind, name, size: bytes.len() as u64, rows, sha256: Digest::of(&[], &[bytes]) })
}

/// Hashes what goes to the disk, as it was meant to go there.
struct HashingWriter {
    blob: Box<dyn BlobWriter>,
    hasher: Sha256,
    size: u64,
    failure: Failure,
}

impl HashingWriter {
    fn new(blob: Box<dyn BlobWriter>, failure: &Failure) -> Self {
        Self { blob, hasher: Sha256::new(), size: 0, failure: failure.clone() }
    }

    fn finish(self) -> Result<(u64, Digest), LedgerError> {
        self.blob.finish()?;
        Ok((self.size, Digest(self.hasher.finalize().into())))
    }
}

impl Write for HashingWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.blob.write(bytes).map_err(|error| self.failure.note(error))?;
        self.hasher.update(&bytes[..written]);
        self.size += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.blob.flush()
    }
}

/// What the disk answered to a write of the library, which wraps it in errors of many kinds: a refusal of the disk is tried
/// again, one of the library never.
#[derive(Debug, Clone, Default)]
struct Failure(Arc<Mutex<Option<io::Error>>>);

impl Failure {
    /// Keeps the answer and hands out one like it.
    fn note(&self, error: io::Error) -> io::Error {
        let same = error
            .raw_os_error()
            .map_or_else(|| io::Error::new(error.kind(), error.to_string()), io::Error::from_raw_os_error);
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
        same
    }

    /// The error behind one of the library.
    fn explain(&self, path: &Path, error: &ParquetError) -> LedgerError {
        match self.0.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(source) => LedgerError::Io { action: "write", path: path.into(), source },
            None => LedgerError::Columnar { path: path.into(), message: error.to_string() },
        }
    }
}
