//! Rows become columns and come back byte for byte.

use bytes::Bytes;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use proptest::prelude::*;

use super::*;
use crate::column::Part;
use crate::fixtures::{Parts, any_entry, parts};
use crate::position::LedgerName;
use arrow::record_batch::RecordBatch;

fn builder_of(table: &'static Table, rows: &[Parts]) -> ColumnsBuilder {
    let mut builder = ColumnsBuilder::new(table, |_| true);
    for (at, (flags, facts, content)) in rows.iter().enumerate() {
        builder.push(3, at as u64, 7, 50 + at as i64, *flags, facts, content.as_deref()).expect("canonical");
    }
    builder
}

fn decode(table: &'static Table, batch: &RecordBatch) -> Vec<(Vec<u8>, Option<Vec<u8>>)> {
    let facts = PartEncoder::new(table, batch, Part::Facts).expect("types of the table");
    let content = PartEncoder::new(table, batch, Part::Content).expect("types of the table");
    let encode = |encoder: &PartEncoder<'_>, row| {
        let mut bytes = Vec::new();
        encoder.encode(row, &mut bytes);
        bytes
    };
    (0..batch.num_rows())
        .map(|row| (encode(&facts, row), Some(encode(&content, row)).filter(|bytes| !bytes.is_empty())))
        .collect()
}

fn through_parquet(batch: &RecordBatch) -> RecordBatch {
    let mut file = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut file, batch.schema(), None).expect("a writer");
    writer.write(batch).expect("written");
    writer.close().expect("closed");
    let reader = ParquetRecordBatchReaderBuilder::try_new(Bytes::from(file)).expect("a reader");
    let mut batches = reader.with_batch_size(1 << 20).build().expect("a reader");
    let read = batches.next().expect("one batch").expect("readable");
    assert_eq!(read.schema().fields(), batch.schema().fields());
    read
}

fn check(table: &'static Table, rows: &[Parts]) {
    let mut builder = builder_of(table, rows);
    let want: Vec<_> = rows.iter().map(|(_, facts, content)| (facts.clone(), content.clone())).collect();
    let copy = builder.snapshot().expect("sound");
    let batch = builder.finish().expect("sound");
    assert_eq!(copy, batch);
    assert_eq!(batch.schema(), schema(table));
    assert_eq!(decode(table, &batch), want);
    assert_eq!(builder.len(), 0, "the builder starts anew");
    assert_eq!(builder_of(table, rows).finish().expect("sound"), batch);
    if !rows.is_empty() {
        assert_eq!(decode(table, &through_parquet(&batch)), want);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn events_come_back_byte_for_byte(mut entries in prop::collection::vec(any_entry(Table::of(LedgerName::Events)), 0..12)) {
        check(Table::of(LedgerName::Events), &parts(Table::of(LedgerName::Events), &mut entries));
    }

    #[test]
    fn operations_come_back_byte_for_byte(mut entries in prop::collection::vec(any_entry(Table::of(LedgerName::Operations)), 0..12)) {
        check(Table::of(LedgerName::Operations), &parts(Table::of(LedgerName::Operations), &mut entries));
    }

    #[test]
    fn any_bytes_are_taken_or_refused(facts in prop::collection::vec(any::<u8>(), 0..60), content in prop::collection::vec(any::<u8>(), 0..60)) {
        let table = Table::of(LedgerName::Events);
        let mut builder = ColumnsBuilder::new(table, |_| true);
        let pushed = builder.push(0, 0, 0, 0, 0, &facts, Some(&content));
        prop_assert_eq!(super::check(table, &facts, Some(&content)), pushed.clone());
        if pushed.is_ok() {
            let read = decode(Table::of(LedgerName::Events), &builder.finish().expect("sound"));
            prop_assert_eq!(read, vec![(facts, Some(content))]);
        } else {
            prop_assert_eq!(builder.finish().err(), Some(NotCanonical::Broken));
        }
    }
}

#[test]
fn what_is_not_canonical_is_named() {
    let column = |id: u16, value: &[u8]| {
        let mut bytes = Vec::new();
        proof::part::write_column(&mut bytes, id, value);
        bytes
    };
    let check = |facts: &[u8], content: Option<&[u8]>, want: &str| {
        let mut builder = ColumnsBuilder::new(Table::of(LedgerName::Events), |column| column.part == Part::Facts);
        let error = builder.push(0, 0, 0, 0, 0, facts, content).expect_err("refused");
        assert_eq!(error.to_string(), want);
        assert_eq!(super::check(Table::of(LedgerName::Events), facts, content), Err(error));
        assert_eq!(builder.push(0, 0, 0, 0, 0, &[], None), Err(NotCanonical::Broken));
        assert_eq!(builder.snapshot().err(), Some(NotCanonical::Broken));
    };
    check(&column(99, b"x"), None, "column id 99 is not in the table");
    check(&column(9_999, b"x"), None, "column id 9999 is not in the table");
    check(&column(100, b"ls"), None, "column command stands in the wrong part");
    check(&[], Some(&column(8, b"prompt")), "column kind stands in the wrong part");
    check(&column(8, &[0xff]), None, "column kind holds bytes that are not UTF-8");
    check(&column(28, b"403"), None, "column status holds a number that is not 8 bytes long");
    check(&column(58, &[0, 0, 0, 9, 1]), None, "column redactions holds a list that ends inside an element");
    check(&column(58, &[0, 0, 0, 1, 0xff]), None, "column redactions holds a list element that is not UTF-8");
    check(&[], Some(&[]), "the content part is empty");
    check(&column(8, b"prompt")[..7], None, "part ends inside the column at byte 0");
}

#[test]
fn kept_columns_and_projections_are_what_was_asked_for() {
    let table = Table::of(LedgerName::Events);
    let mut builder = ColumnsBuilder::new(table, |column| column.name == "kind" || column.name == "status");
    let mut facts = Vec::new();
    proof::part::write_column(&mut facts, 8, b"command");
    builder.push(u32::MAX, 4, 1, 9, u32::MAX, &facts, None).expect("canonical");
    builder.push(0, 5, 1, 9, 0, &[], None).expect("canonical");
    assert!(builder.bytes() > 0);
    let names =
        |batch: &RecordBatch| -> Vec<String> { batch.schema().fields().iter().map(|f| f.name().clone()).collect() };
    let some = builder.snapshot_columns(&[5, 1]).expect("sound");
    assert_eq!(names(&some), ["kind", "seq"]);
    assert_eq!(builder.snapshot_columns(&[]).expect("sound").num_rows(), 2);
    let all = builder.finish().expect("sound");
    assert_eq!(names(&all), ["shard", "seq", "batch", "recorded", "flags", "kind", "status"]);
    assert_eq!((all["kind"].null_count(), all["status"].null_count()), (1, 2));
    assert_eq!(builder.bytes(), 0);
}
