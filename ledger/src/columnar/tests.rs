//! Rows become columns and come back byte for byte.

use bytes::Bytes;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use proptest::prelude::*;

use super::*;
use crate::Entry;
use crate::block::BlockBuilder;
use crate::column::Part;
use crate::fixtures::{any_entry, parts, tail_block};
use crate::position::LedgerName;
use crate::tail::TailBlock;
use arrow::array::AsArray as _;
use arrow::record_batch::RecordBatch;

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

fn check(table: &'static Table, entries: &[Entry]) {
    let want: Vec<_> = parts(table, entries).into_iter().map(|(_, facts, content)| (facts, content)).collect();
    let blocks: Vec<_> = (0..)
        .zip(entries.chunks(5))
        .map(|(number, entries)| tail_block(table, (number * 5, 7, 50 + number as i64), entries))
        .collect();
    let gathered: Vec<&TailBlock> = blocks.iter().map(AsRef::as_ref).collect();
    let order: Vec<(u32, u32)> =
        (0..).zip(&blocks).flat_map(|(number, block)| (0..block.len() as u32).map(move |row| (number, row))).collect();
    let batch = gather(&schema(table), &gathered, &order).expect("sound");
    assert_eq!(batch.schema(), schema(table));
    assert_eq!(decode(table, &batch), want);
    let seqs = batch["seq"].as_primitive::<arrow::datatypes::Int64Type>().values();
    assert_eq!(seqs.to_vec(), (0..entries.len() as i64).collect::<Vec<_>>());
    if !entries.is_empty() {
        assert_eq!(decode(table, &through_parquet(&batch)), want);
        let whole: Vec<usize> = (0..schema(table).fields().len()).collect();
        let first = blocks[0].batch(&whole).expect("sound");
        assert_eq!(first, batch.slice(0, blocks[0].len()));
    }
    let backwards: Vec<(u32, u32)> = order.iter().rev().copied().collect();
    let batch = gather(&schema(table), &gathered, &backwards).expect("sound");
    assert_eq!(decode(table, &batch), want.into_iter().rev().collect::<Vec<_>>());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn events_come_back_byte_for_byte(entries in prop::collection::vec(any_entry(Table::of(LedgerName::Events)), 0..12)) {
        check(Table::of(LedgerName::Events), &entries);
    }

    #[test]
    fn operations_come_back_byte_for_byte(entries in prop::collection::vec(any_entry(Table::of(LedgerName::Operations)), 0..12)) {
        check(Table::of(LedgerName::Operations), &entries);
    }

    #[test]
    fn any_bytes_are_taken_or_refused(facts in prop::collection::vec(any::<u8>(), 0..60), content in prop::collection::vec(any::<u8>(), 0..60)) {
        let table = Table::of(LedgerName::Events);
        let mut builder = BlockBuilder::new(table);
        let pushed = builder.push_parts(&facts, Some(&content));
        prop_assert_eq!(super::check(table, &facts, Some(&content)), pushed.clone());
        prop_assert_eq!(builder.block().len(), usize::from(pushed.is_ok()));
    }
}

#[test]
fn what_is_not_canonical_is_named() {
    let column = |id: u8, value: &[u8]| {
        let mut bytes = Vec::new();
        crate::part::write_column(&mut bytes, id, value);
        bytes
    };
    let check = |facts: &[u8], content: Option<&[u8]>, want: &str| {
        let error = super::check(Table::of(LedgerName::Events), facts, content).expect_err("refused");
        assert_eq!(error.to_string(), want);
    };
    check(&column(99, b"x"), None, "column id 99 is not in the table");
    check(&column(250, b"x"), None, "column id 250 is not in the table");
    check(&column(100, b"ls"), None, "column command stands in the wrong part");
    check(&[], Some(&column(8, b"prompt")), "column kind stands in the wrong part");
    check(&column(8, &[0xff]), None, "column kind holds bytes that are not UTF-8");
    check(&column(28, b"403"), None, "column status holds a number that is not 8 bytes long");
    check(&column(58, &[0, 0, 0, 9, 1]), None, "column redactions holds a list that ends inside an element");
    check(&column(58, &[0, 0, 0, 1, 0xff]), None, "column redactions holds a list element that is not UTF-8");
    check(&[], Some(&[]), "the content part is empty");
    check(&column(8, b"prompt")[..7], None, "part ends inside the column at byte 0");
}
