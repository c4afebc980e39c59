//! Records as Apache Parquet: one row each, in their order. The same records make the same bytes: the columns follow from the schema, the file
//! names no time and no machine, and its writer is named without a version.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use arrow::json::writer::LineDelimited;
use arrow::json::{ReaderBuilder, WriterBuilder};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::{KeyValue, ParquetMetaDataReader};
use parquet::file::properties::WriterProperties;
use serde_json::Value;

use super::columns::Columns;
use crate::connections::excerpt;
use crate::hash::sha256;
use crate::limits::{
    OBJECT_BYTES_MAX, OBJECT_CHUNK_RECORDS, OBJECT_ZSTD_LEVEL, PARQUET_GROUP_BYTES, PARQUET_GROUP_ROWS,
    READ_BACK_RECORDS,
};
use crate::receipts::ReceiptsError;

/// The name in the file's metadata of the hash of the records that it was made from, a line each.
const RECORDS_SHA256: &str = "tachograph.records_sha256";

/// Makes a file of records, each of which is a line of JSON. Those of OCSF are all of one class if `by_class` says so.
pub fn write(records: &[u8], by_class: bool) -> Result<Vec<u8>, ParquetError> {
    let lines: Vec<&[u8]> = records.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).collect();
    let read = |line: &&[u8]| serde_json::from_slice(line).unwrap_or(Value::Null);
    let columns = Columns::of(&lines.first().map_or(Value::Null, read), by_class);
    let schema: SchemaRef = Arc::new(Schema::new(columns.fields()));
    let level = ZstdLevel::try_new(OBJECT_ZSTD_LEVEL)?;
    let properties = WriterProperties::builder()
        .set_created_by("tachograph".to_owned())
        .set_compression(Compression::ZSTD(level))
        .set_max_row_group_row_count(Some(PARQUET_GROUP_ROWS))
        .set_max_row_group_bytes(Some(PARQUET_GROUP_BYTES))
        .set_key_value_metadata(Some(vec![KeyValue::new(RECORDS_SHA256.to_owned(), sha256(records))]))
        .build();
    let mut writer = ArrowWriter::try_new(Vec::new(), schema.clone(), Some(properties))?;
    for chunk in lines.chunks(OBJECT_CHUNK_RECORDS) {
        let rows: Vec<Value> = chunk.iter().map(|line| columns.row(read(line))).collect();
        if let Some(batch) = batch(&schema, &rows)? {
            writer.write(&batch)?;
        }
    }
    writer.into_inner()
}

/// Rows that have the types of the columns already.
fn batch(schema: &SchemaRef, rows: &[Value]) -> Result<Option<RecordBatch>, ParquetError> {
    let mut decoder = ReaderBuilder::new(schema.clone()).with_batch_size(rows.len().max(1)).build_decoder()?;
    decoder.serialize(rows)?;
    Ok(decoder.flush()?)
}

/// A record as its row gives it back, as JSON.
pub fn row(record: &str, by_class: bool) -> String {
    let record = serde_json::from_str(record).unwrap_or(Value::Null);
    Columns::of(&record, by_class).row(record).to_string()
}

/// The rows of a file, each as [`row`] has it. A file that cannot be read is an error of the copy.
pub fn rows(file: Vec<u8>, take: &mut dyn FnMut(&Value) -> Result<(), ReceiptsError>) -> Result<(), ReceiptsError> {
    let unreadable = |error: &dyn std::error::Error| {
        ReceiptsError::Copy(std::io::Error::new(std::io::ErrorKind::InvalidData, excerpt(&error.to_string())))
    };
    let reader =
        ParquetRecordBatchReaderBuilder::try_new(bytes::Bytes::from(file)).map_err(|error| unreadable(&error))?;
    let groups = reader.metadata().row_groups();
    if let Some(group) = groups.iter().find(|group| group.total_byte_size() > OBJECT_BYTES_MAX as i64) {
        let why = format!("a group of rows says that it has {} bytes", group.total_byte_size());
        return Err(unreadable(&std::io::Error::other(why)));
    }
    let batches = reader.with_batch_size(READ_BACK_RECORDS).build().map_err(|error| unreadable(&error))?;
    for batch in batches {
        let batch = batch.map_err(|error| unreadable(&error))?;
        // Moments as records have them.
        let writer = WriterBuilder::new().with_timestamp_tz_format("%Y-%m-%dT%H:%M:%S%.6fZ".to_owned());
        let mut writer = writer.build::<_, LineDelimited>(Vec::new());
        writer.write(&batch).and_then(|()| writer.finish()).map_err(|error| unreadable(&error))?;
        for line in writer.into_inner().split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            take(&serde_json::from_slice(line).map_err(|error| unreadable(&error))?)?;
        }
    }
    Ok(())
}

/// SHA-256 of the records that a file was made from, as it says itself.
pub fn records_sha256(file: &[u8]) -> Option<String> {
    let metadata = ParquetMetaDataReader::new().parse_and_finish(&bytes::Bytes::copy_from_slice(file)).ok()?;
    let pairs = metadata.file_metadata().key_value_metadata()?;
    pairs.iter().find(|pair| pair.key == RECORDS_SHA256)?.value.clone()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn a_file_says_which_records_it_was_made_from() {
        let records = b"{\"kind\":\"note\",\"tachograph\":{\"stream\":\"events/0\",\"seq\":0,\"export_seq\":0}}\n";
        let file = write(records, true).unwrap();
        assert_eq!(records_sha256(&file), Some(sha256(records)));
        assert_eq!(records_sha256(&file[..file.len() - 1]), None);
        assert_eq!(records_sha256(b""), None);
    }

    fn values_of_any_kind() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            "\\PC{0,12}".prop_map(Value::from),
            Just(json!("2026-11-30T10:00:00.000001Z")),
            Just(json!("2026-13-30T10:00:00Z")),
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            let name = prop_oneof![Just("name"), Just("uid"), Just("export_seq"), Just("product"), Just("x")];
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                proptest::collection::btree_map(name.prop_map(str::to_owned), inner, 0..4)
                    .prop_map(|object| Value::Object(object.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        /// Records hold what attackers wrote, and schemas change: every line becomes a row, and nothing of it is lost.
        #[test]
        fn whatever_a_record_holds_it_becomes_a_row_and_is_read_back(values in proptest::collection::vec(values_of_any_kind(), 1..8), class in 0usize..3) {
            let first = [json!({"class_uid": 4002}), json!({"tachograph": {"stream": "events/0"}}), json!({"x": 1})][class].clone();
            let columns = ["time", "metadata", "status", "redactions", "class_uid", "actor", "tachograph", "export_seq"];
            let records = values.iter().zip(columns).map(|(value, column)| {
                let mut record = first.clone();
                record[column] = value.clone();
                record
            });
            let records: Vec<Value> = [first.clone()].into_iter().chain(records).collect();
            let lines = records.iter().map(Value::to_string).collect::<Vec<_>>().join("\n");
            let file = write(lines.as_bytes(), class == 0).unwrap();
            prop_assert_eq!(&write(lines.as_bytes(), class == 0).unwrap(), &file);
            let mut read = Vec::new();
            rows(file, &mut |row| {
                read.push(row.clone());
                Ok(())
            }).unwrap();
            let first = Columns::of(&first, class == 0);
            let expected: Vec<Value> = records.iter().map(|record| first.row(record.clone())).collect();
            prop_assert_eq!(read, expected);
        }
    }
}
