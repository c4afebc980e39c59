//! Copies in the forms that SIEMs have: tables as CSV, and records that are cut there.

use super::super::walk::{Expected, Read, Receipt, Visitor};
use super::*;
use crate::schemas::{SCHEMAS, SchemaSpec};
use crate::streams::Kept;

/// A table as Splunk writes one.
fn table(column: &str, records: &[String]) -> String {
    let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
    let rows = records.iter().map(|record| format!("2026-11-30T10:00:00,{},h\r\n", quoted(record)));
    format!("\u{feff}_time,{},host\r\n{}", quoted(column), rows.collect::<String>())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_has_the_records_in_one_of_its_columns() {
    let world = World::exported(40).await;
    let raw: Vec<String> = world
        .lines()
        .iter()
        .map(|line| format!("{:#}", serde_json::from_str::<Value>(line).unwrap()["event"]))
        .collect();
    let read = |text: String, column: Option<&str>| {
        world.with(&world.config, Timestamp::MAX, |evidence| {
            let copy = csv::read(evidence, std::io::Cursor::new(text.into_bytes()), column)?;
            compare(evidence, copy, Extent::Whole)
        })
    };
    for (name, column) in [("_raw", None), ("event", None), ("message", None), ("record", Some("record"))] {
        let found = read(table(name, &raw), column).unwrap();
        assert!(found.is_whole() && found.equal == 31, "{name}: {found:?}");
    }
    let mut kept = raw.clone();
    kept.push(kept[2].clone());
    kept[3] = kept[3].replace("h3.example", "h33.example");
    kept.remove(4);
    kept.push(String::new());
    kept.push("1".to_owned());
    let found = read(table("_raw", &kept), None).unwrap();
    assert_eq!(found.missing.named, ["events/0 export_seq 4 (events/0/5)"]);
    assert_eq!(found.doubled.named, ["events/0 export_seq 2 (events/0/2), 2 times"]);
    assert_eq!(found.changed.named, ["events/0 export_seq 3 (events/0/3)"]);
    assert_eq!((found.equal, found.foreign.total), (28, 2), "{found:?}");
    let error = read(table("reco\u{1b}rd", &raw), None).unwrap_err();
    assert!(matches!(&error, ReceiptsError::NoColumn(names) if names.contains("reco rd")), "{error}");
    assert!(matches!(read(table("_raw", &raw), Some("body")), Err(ReceiptsError::NoColumn(_))));
    assert_eq!(read(String::new(), None).unwrap().missing.total, 31);
    world.store.stop();
}

/// A receiver that takes no long records has them cut, and somebody may cut them further.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_sink_cut_is_told_as_cut_and_what_somebody_else_cut_as_changed() {
    let world = World::exported(60).await;
    let mut config = world.config.clone();
    let settings = json!({"name": "siem", "type": "webhook_events", "url": "https://hooks.acme.example", "secret": "env:S",
        "filter": "-kind:note", "body_bytes": 4_096});
    config.sinks[0] = crate::SinkConfig::from_settings(settings.as_object().unwrap().clone()).unwrap();
    let crate::sink::AnySink::Stream(stream) = &config.sinks[0].sink else { panic!("it is a stream") };
    let records = world.with(&config, Timestamp::MAX, |evidence| {
        let mut said = Said::default();
        super::super::walk::walk(evidence, &mut said).unwrap();
        said.0
    });
    let kept: Vec<Kept<'_>> = records.iter().map(|record| stream.kept(record)).collect();
    let cut = kept.iter().filter(|kept| kept.is_cut).count() as u64;
    assert!(cut > 5 && (cut as usize) < kept.len(), "{cut}");
    let compared = |lines: &[String]| {
        world.with(&config, Timestamp::MAX, |evidence| {
            let copy = read(evidence, std::io::Cursor::new(lines.join("\n").into_bytes())).unwrap();
            compare(evidence, copy, Extent::Whole).unwrap()
        })
    };
    let mut lines: Vec<String> = kept.iter().map(|kept| format!("{{\"record\":{}}}", kept.text)).collect();
    let found = compared(&lines);
    assert!(found.is_whole(), "{found:?}");
    assert_eq!((found.equal, found.cut.total, found.changed.total), (found.expected - cut, cut, 0));
    // What is cut there further is another record.
    let last = lines.len() - 1;
    lines[last] = lines[last].replacen("xxxx", "xx", 1);
    let found = compared(&lines);
    assert_eq!((found.cut.total, found.changed.total), (cut - 1, 1), "{found:?}");
    // All of it is as good as what was sent.
    lines[last].clone_from(&records[last].said.text);
    assert_eq!(compared(&lines).cut.total, cut - 1);
    world.store.stop();
}

/// The records that receipts stand for.
#[derive(Default)]
struct Said(Vec<crate::record::Record>);

impl Visitor for Said {
    fn receipt(&mut self, _: Position, _: &Receipt, _: &Expected) {}

    fn record(&mut self, _: &Receipt, record: &crate::record::Record, refused: bool) {
        if !refused {
            self.0.push(record.clone());
        }
    }

    fn reproduced(&mut self, _: Position, _: &Receipt, _: &Read) {}

    fn done(&mut self, _: Position, _: &str, _: Position, _: &Expected) {}
}

#[test]
fn what_was_sent_as_a_test_is_no_record_in_any_schema() {
    let test = |schema: &SchemaSpec| {
        let settings = json!({"name": "siem", "type": "file", "folder": "/", "schema": schema.name});
        let sink = crate::SinkConfig::from_settings(settings.as_object().unwrap().clone()).unwrap();
        crate::test_send::said(&sink)
    };
    for schema in SCHEMAS {
        let mut copy = super::super::copy::Copy::new(schema);
        copy.text(&test(schema), String::new).unwrap();
        assert_eq!((copy.tests, copy.streams.len(), copy.foreign.total), (1, 0, 0), "{}", schema.name);
    }
}
