//! Arrow IPC stream and Parquet, in types that every reader knows.

use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::arrow::ipc::writer::StreamWriter;
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::basic::{Compression, ZstdLevel};
use datafusion::parquet::file::properties::WriterProperties;

use super::{Writer, plain};
use crate::error::QueryError;
use crate::limits;
use crate::result_stream::Statistics;

/// An Arrow IPC stream.
pub(super) struct Arrow {
    schema: SchemaRef,
    writer: StreamWriter<Vec<u8>>,
}

impl Arrow {
    pub(super) fn new(schema: &Schema) -> Result<Self, QueryError> {
        let schema = plain::schema(schema);
        let writer = StreamWriter::try_new(Vec::new(), &schema).map_err(QueryError::internal)?;
        Ok(Self { schema, writer })
    }
}

impl Writer for Arrow {
    fn batch(&mut self, batch: &RecordBatch, out: &mut Vec<u8>) -> Result<(), QueryError> {
        self.writer.write(&plain::batch(batch, &self.schema)?).map_err(QueryError::internal)?;
        out.append(self.writer.get_mut());
        Ok(())
    }

    fn finish(&mut self, _: &Statistics, out: &mut Vec<u8>) -> Result<(), QueryError> {
        self.writer.finish().map_err(QueryError::internal)?;
        out.append(self.writer.get_mut());
        Ok(())
    }
}

/// A Parquet file; one row group at a time is in memory.
pub(super) struct Parquet {
    schema: SchemaRef,
    writer: ArrowWriter<Vec<u8>>,
}

impl Parquet {
    pub(super) fn new(schema: &Schema) -> Result<Self, QueryError> {
        let schema = plain::schema(schema);
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_max_row_group_row_count(Some(limits::PARQUET_ROW_GROUP_ROWS))
            .build();
        let writer =
            ArrowWriter::try_new(Vec::new(), Arc::clone(&schema), Some(properties)).map_err(QueryError::internal)?;
        Ok(Self { schema, writer })
    }
}

impl Writer for Parquet {
    fn batch(&mut self, batch: &RecordBatch, out: &mut Vec<u8>) -> Result<(), QueryError> {
        self.writer.write(&plain::batch(batch, &self.schema)?).map_err(QueryError::internal)?;
        out.append(self.writer.inner_mut());
        Ok(())
    }

    fn finish(&mut self, _: &Statistics, out: &mut Vec<u8>) -> Result<(), QueryError> {
        self.writer.finish().map_err(QueryError::internal)?;
        out.append(self.writer.inner_mut());
        Ok(())
    }
}
