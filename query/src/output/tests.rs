//! What goes into a format comes out of it again, whoever wrote the text.

use std::io::Cursor;
use std::slice::from_ref;
use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, AsArray, BinaryViewArray, BooleanArray, Float64Array, Int64Array, ListBuilder, RecordBatch, StringArray,
    StringBuilder, StringViewArray, TimestampMicrosecondArray, UInt64Array,
};
use datafusion::arrow::csv::ReaderBuilder;
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::arrow::ipc::reader::StreamReader;
use datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::error::Limit;

fn encode(format: Format, batches: &[RecordBatch]) -> Vec<u8> {
    let mut writer = format.writer("query-1", &batches[0].schema(), None).unwrap();
    let mut out = Vec::new();
    for batch in batches {
        writer.batch(batch, &mut out).unwrap();
    }
    let rows = batches.iter().map(|batch| batch.num_rows() as u64).sum();
    writer.finish(&Statistics { rows, ..Statistics::default() }, &mut out).unwrap();
    out
}

fn texts(values: &[Option<String>]) -> RecordBatch {
    let column: ArrayRef = Arc::new(values.iter().map(Option::as_deref).collect::<StringViewArray>());
    RecordBatch::try_from_iter_with_nullable([("text", column, true)]).unwrap()
}

/// One row of every type that a table has, and one of nulls.
fn every_type() -> RecordBatch {
    let mut list = ListBuilder::new(StringBuilder::new());
    list.append_value([Some("a\"b"), None]);
    list.append_null();
    let columns: [(&str, ArrayRef); 8] = [
        ("text", Arc::new(StringViewArray::from(vec![Some("=1+1"), None]))),
        ("integer", Arc::new(Int64Array::from(vec![Some(-5), None]))),
        ("unsigned", Arc::new(UInt64Array::from(vec![Some(u64::MAX), None]))),
        ("number", Arc::new(Float64Array::from(vec![Some(0.5), None]))),
        ("boolean", Arc::new(BooleanArray::from(vec![Some(true), None]))),
        ("time", Arc::new(TimestampMicrosecondArray::from(vec![Some(1_500_000), None]).with_timezone("UTC"))),
        ("bytes", Arc::new(BinaryViewArray::from(vec![Some(b"\x00\xff".as_slice()), None]))),
        ("list", Arc::new(list.finish())),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, column)| (name, column, true))).unwrap()
}

fn check(format: Format, expected: &str) {
    assert_eq!(String::from_utf8(encode(format, &[every_type()])).unwrap(), expected, "{}", format.name());
}

#[test]
fn every_type_is_written() {
    check(
        Format::NdJson,
        concat!(
            r#"{"text":"=1+1","integer":-5,"unsigned":"18446744073709551615","number":0.5,"boolean":true,"#,
            r#""time":"1970-01-01T00:00:01.500Z","bytes":"00ff","list":["a\"b",null]}"#,
            "\n",
            r#"{"text":null,"integer":null,"unsigned":null,"number":null,"boolean":null,"time":null,"bytes":null,"list":null}"#,
            "\n"
        ),
    );
    check(
        Format::Csv,
        "text,integer,unsigned,number,boolean,time,bytes,list\n\
         '=1+1,-5,18446744073709551615,0.5,true,1970-01-01T00:00:01.500Z,00ff,\"[\"\"a\\\"\"b\"\",null]\"\n,,,,,,,\n",
    );
    check(
        Format::Table,
        "text  integer  unsigned              number  boolean  time                      bytes  list\n\
         ────  ───────  ────────────────────  ──────  ───────  ────────────────────────  ─────  ─────────────\n\
         =1+1       -5  18446744073709551615     0.5  true     1970-01-01T00:00:01.500Z  00ff   [\"a\\\"b\",null]\n\
         \n(2 rows, 0 ms)\n",
    );
}

#[test]
fn columns_come_back_from_arrow_and_parquet() {
    let batch = every_type();
    let expected = plain::batch(&batch, &plain::schema(&batch.schema())).unwrap();
    let mut arrow = StreamReader::try_new(Cursor::new(encode(Format::Arrow, from_ref(&batch))), None).unwrap();
    assert_eq!(arrow.next().unwrap().unwrap(), expected);
    let parquet =
        ParquetRecordBatchReaderBuilder::try_new(bytes::Bytes::from(encode(Format::Parquet, &[batch]))).unwrap();
    let back = parquet.build().unwrap().next().unwrap().unwrap();
    assert_eq!(back.columns(), expected.columns());
}

#[test]
fn names_that_repeat_are_numbered() {
    let schema = Schema::new(["seq", "seq_2", "seq"].map(|name| Field::new(name, DataType::Int64, true)).to_vec());
    assert_eq!(plain::unique_names(&schema), ["seq", "seq_2", "seq_3"]);
}

#[test]
fn an_empty_result_still_has_its_shape() {
    let empty = RecordBatch::new_empty(every_type().schema());
    assert_eq!(encode(Format::NdJson, from_ref(&empty)), b"");
    assert!(encode(Format::Csv, from_ref(&empty)).starts_with(b"text,integer"));
    let object: Value = serde_json::from_slice(&encode(Format::Json, from_ref(&empty))).unwrap();
    assert_eq!((&object["rows"], &object["statistics"]["rows"]), (&json!([]), &json!(0)));
    assert!(ParquetRecordBatchReaderBuilder::try_new(bytes::Bytes::from(encode(Format::Parquet, &[empty]))).is_ok());
}

#[test]
fn a_failure_is_said_where_the_format_can_say_it() {
    let error = QueryError::Limit(Limit::Rows(1));
    for (format, says) in [
        (Format::Json, true),
        (Format::Table, true),
        (Format::Csv, false),
        (Format::NdJson, false),
        (Format::Parquet, false),
    ] {
        let batch = every_type();
        let mut writer = format.writer("query-1", &batch.schema(), None).unwrap();
        let mut out = Vec::new();
        writer.batch(&batch, &mut out).unwrap();
        assert_eq!(writer.fail(&error, &mut out), says, "{}", format.name());
        if format == Format::Json {
            let object: Value = serde_json::from_slice(&out).unwrap();
            assert_eq!(object["error"]["code"], "limit_rows");
        }
    }
}

#[test]
fn nothing_moves_the_cursor_or_hides() {
    let check = |text: &str, expected: &str| assert_eq!(visible(text), expected);
    check("plain ä 日本", "plain ä 日本");
    check("a\u{1b}[2Jb", "a\\u{1b}[2Jb");
    check("line\nnext\r\t", "line\\nnext\\r\\t");
    check("\u{9b}31m", "\\u{9b}31m");
    check("user\u{202e}nimda\u{2066}", "user\\u{202e}nimda\\u{2066}");
    check("zero\u{200b}width\u{feff}\u{e0041}", "zero\\u{200b}width\\u{feff}\\u{e0041}");
    let long = "x".repeat(500);
    let table = String::from_utf8(encode(Format::Table, &[texts(&[Some(long)])])).unwrap();
    assert!(
        table.lines().all(|line| line.chars().count() <= crate::limits::TABLE_COLUMN_WIDTH_MAX) && table.contains('…')
    );
}

proptest! {
    #[test]
    fn csv_gives_every_text_back_and_no_cell_runs(values in prop::collection::vec(prop::option::of("[=+@'\\-\t\r\n,\" a-c\u{0}-\u{ff}]{1,12}"), 1..20)) {
        let bytes = encode(Format::Csv, &[texts(&values)]);
        let schema = Arc::new(Schema::new(vec![Field::new("text", DataType::Utf8, true)]));
        let reader = ReaderBuilder::new(schema).with_header(true).build(Cursor::new(bytes)).unwrap();
        let mut back = Vec::new();
        for batch in reader {
            let batch = batch.unwrap();
            let column: &StringArray = batch.column(0).as_string();
            back.extend(column.iter().map(|cell| cell.map(str::to_owned)));
        }
        prop_assert_eq!(back.len(), values.len());
        for (cell, value) in back.iter().zip(&values) {
            let cell = cell.as_deref().unwrap_or_default();
            prop_assert!(!cell.starts_with(['=', '+', '-', '@', '\t', '\r']), "{cell:?}");
            prop_assert_eq!(cell.strip_prefix('\'').unwrap_or(cell), value.as_deref().unwrap_or_default());
        }
    }

    #[test]
    fn json_gives_every_text_back(values in prop::collection::vec(prop::option::of(any::<String>()), 1..20), split in 0_usize..20) {
        let (first, second) = values.split_at(split.min(values.len()));
        let batches: Vec<RecordBatch> = [first, second].iter().map(|part| texts(part)).collect();
        let expected: Vec<Value> = values.iter().map(|value| json!({ "text": value })).collect();
        let object: Value = serde_json::from_slice(&encode(Format::Json, &batches)).unwrap();
        prop_assert_eq!(object["rows"].as_array().unwrap(), &expected);
        let lines = String::from_utf8(encode(Format::NdJson, &batches)).unwrap();
        let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        prop_assert_eq!(lines, expected);
    }

    #[test]
    fn a_terminal_table_has_one_line_per_row(values in prop::collection::vec(prop::option::of(any::<String>()), 1..20)) {
        let table = String::from_utf8(encode(Format::Table, &[texts(&values)])).unwrap();
        prop_assert_eq!(table.lines().count(), values.len() + 3);
        prop_assert!(!table.chars().any(|character| character.is_control() && character != '\n'));
    }
}

#[test]
fn a_table_fits_its_width_or_is_written_row_by_row() {
    let lines = |format: Format, width: Option<usize>| {
        let batch = every_type();
        let mut writer = format.writer("query-1", &batch.schema(), width).unwrap();
        let mut out = Vec::new();
        writer.batch(&batch, &mut out).unwrap();
        writer.finish(&Statistics::default(), &mut out).unwrap();
        String::from_utf8(out).unwrap()
    };
    let widest = |text: &str| text.lines().map(|line| line.chars().count()).max().unwrap();
    assert!(widest(&lines(Format::Table, None)) > 90);
    let fitting = lines(Format::Table, Some(90));
    assert!(widest(&fitting) <= 90 && fitting.contains('…'), "{fitting}");
    // Columns with short names give what they do not need when all are as narrow as they should be.
    let least = (30..90).find(|width| lines(Format::Table, Some(*width)) != lines(Format::Expanded, None)).unwrap();
    assert!(widest(&lines(Format::Table, Some(least))) <= least, "{least}");
    let narrow = lines(Format::Table, Some(30));
    assert_eq!(narrow, lines(Format::Expanded, None));
    assert!(narrow.starts_with("─[ 1 ]────────\ntext      =1+1\ninteger   -5\n"), "{narrow}");
    assert!(narrow.contains("\nunsigned  18446744073709551615\n"), "{narrow}");
}
