//! What objects hold, what they are called, and that both follow from the records.

mod readers;

use ledger::{LedgerName, Rows, Seq};
use serde_json::{Value, json};

use super::*;
use crate::connections::objects::Packing as _;
use crate::fixtures;
use crate::fixtures::every;
use crate::schemas::plain;
use crate::sinks::SINKS;

fn sink(settings: &Value) -> std::sync::Arc<dyn Stream> {
    let kind = settings["type"].as_str().unwrap();
    let spec = SINKS.iter().find(|spec| spec.kind == kind).unwrap();
    let mut own = settings.as_object().unwrap().clone();
    own.remove("type");
    match spec.class.parse(Value::Object(own)).unwrap() {
        crate::sink::AnySink::Stream(sink) => sink,
        crate::sink::AnySink::Delivery(_) => panic!("{kind} is for people"),
    }
}

fn folder(more: &Value) -> std::sync::Arc<dyn Stream> {
    let mut settings = json!({"type": "file", "folder": "/var/spool/tachograph"});
    settings.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    sink(&settings)
}

/// So many events, which stand there and were recorded a millisecond after one another.
fn events(from: u64, count: u64) -> Rows {
    let entries: Vec<Value> = (0..count).map(|number| json!({"kind": "note", "target": format!("{number}")})).collect();
    fixtures::block(LedgerName::Events, Seq::new(from), &entries)
}

#[test]
fn a_name_follows_from_the_records() {
    let records = fixtures::records(&events(0, 3));
    let name = |more: &Value| folder(more).render(&records).messages.remove(0).key;
    let part = "part-00000000000000000000-00000000000000000002-plain-1";
    assert_eq!(name(&json!({})), format!("events/0/2025/11/21/{part}.ndjson.zst"));
    assert_eq!(
        name(&json!({"prefix": "logs/agents", "format": "parquet"})),
        format!("logs/agents/events/0/2025/11/21/{part}.parquet")
    );
    let spec = SCHEMAS.iter().find(|spec| spec.name == "plain").unwrap();
    assert_eq!(spec.mapping, plain::SPEC.mapping);
}

/// Else the first object of a sink could find a test in its place, and whoever counts records would count it.
#[test]
fn a_test_is_no_part() {
    let mut records = fixtures::records(&events(0, 1));
    records[0].fields.insert(TEST, true.into());
    let key = folder(&json!({})).render(&records).messages.remove(0).key;
    assert_eq!(key, "events/0/2025/11/21/test-1763683200000000.ndjson.zst");
}

#[test]
fn an_object_holds_the_records_of_one_day() {
    // Entries are a millisecond apart: so many are a day.
    let day = 24 * 3_600 * 1_000;
    let records = fixtures::records(&events(day - 2, 5));
    let sink = folder(&json!({}));
    let first = sink.render(&records);
    assert_eq!((first.taken, first.messages[0].records.len()), (2, 2));
    assert!(first.messages[0].key.contains("/2025/11/21/"));
    let second = sink.render(&records[first.taken..]);
    assert!(second.taken == 3 && second.messages[0].key.contains("/2025/11/22/part-00000000000000000002-"));
}

#[test]
fn lines_come_back_as_they_were_said() {
    let records = fixtures::records(&events(0, 3));
    let message = folder(&json!({})).render(&records).messages.remove(0);
    let packer = Packer { format: Format::Lines, by_class: false };
    let packed = packer.pack(&message.body).unwrap();
    assert_eq!(packer.pack(&message.body).unwrap(), packed);
    assert_eq!(packer.records_sha256(&packed), Some(crate::hash::sha256(&message.body)));
    assert_eq!(packer.records_sha256(&packed[..packed.len() / 2]), None);
    let lines = String::from_utf8(zstd::decode_all(packed.as_slice()).unwrap()).unwrap();
    let said: Vec<&str> = records.iter().map(|record| record.said.text.as_str()).collect();
    assert_eq!(lines.lines().collect::<Vec<_>>(), said);
}

#[test]
fn parquet_of_either_ledger_is_the_same_each_time() {
    let operations =
        fixtures::operations(&[fixtures::alert(1, operations::alert::Severity::Low), json!({"kind": "token"})]);
    let packer = Packer { format: Format::Parquet, by_class: false };
    for rows in [events(0, 3), operations] {
        let message = folder(&json!({"format": "parquet"})).render(&fixtures::records(&rows)).messages.remove(0);
        let packed = packer.pack(&message.body).unwrap();
        assert_eq!(packer.pack(&message.body).unwrap(), packed);
        assert_eq!(packer.records_sha256(&packed), Some(crate::hash::sha256(&message.body)));
    }
}

fn classed(record: &Record, class: u64, day: i64) -> Record {
    let mut record = record.clone();
    record.said.text = json!({"class_uid": class, "time": day, "message": record.said.text}).to_string();
    record.time =
        Timestamp::from_unix_micros(fixtures::START + day * 86_400_000_000 + 1_000 - record.export_seq as i64);
    record
}

#[test]
fn security_lake_has_an_object_for_each_class_and_day_sorted_by_time() {
    let settings = json!({"type": "security_lake", "bucket": "lake-x", "region": "eu-central-1", "account": "123456789012",
        "credentials": "environment", "sources": {"4002": "agent-web"}});
    let plain = fixtures::records(&events(0, 6));
    let of = [(4002, 0), (6003, 0), (4002, 0), (4002, -2), (6003, -30), (6003, 400)];
    let records: Vec<Record> = plain.iter().zip(of).map(|(record, (class, day))| classed(record, class, day)).collect();
    let rendered = sink(&settings).render(&records);
    let part = "events-0-part-00000000000000000000-00000000000000000005-plain-1.parquet";
    let below = |source: &str, day: &str| {
        format!("ext/{source}/region=eu-central-1/accountId=123456789012/eventDay={day}/{part}")
    };
    let keys: Vec<(String, Vec<usize>)> =
        rendered.messages.iter().map(|message| (message.key.clone(), message.records.clone())).collect();
    let expected = [
        (below("agent-web", "20251119"), vec![3]),
        (below("agent-web", "20251121"), vec![0, 2]),
        // What says that it happened long before or after it was recorded is filed by when it was recorded.
        (below("tachograph_6003", "20251121"), vec![1, 4, 5]),
    ];
    assert_eq!((keys, rendered.taken), (Vec::from(expected), 6));
    let web = String::from_utf8(rendered.messages[1].body.clone()).unwrap();
    let first: Value = serde_json::from_str(web.lines().next().unwrap()).unwrap();
    assert!(first["message"].as_str().unwrap().contains(r#""export_seq":2"#), "the one that happened first: {first}");
}

#[test]
fn every_answer_is_judged() {
    let sink = ObjectSink {
        place: Place::Folder("/unused".into()),
        layout: dated_layout("").unwrap(),
        format: Format::Lines,
        filling: filling(1, 1 << 20).unwrap(),
    };
    let judge = |status: u16| {
        sink.judge(&Stored::Refused {
            status,
            retry_after: Some(Duration::from_secs(3)),
            said: "NoSuchBucket: x".into(),
        })
    };
    for status in [301, 400, 401, 403, 404, 412, 413] {
        assert!(matches!(judge(status), Judgement::Park { reason } if reason.contains("NoSuchBucket")), "{status}");
    }
    for status in [409, 429, 503] {
        assert!(matches!(judge(status), Judgement::Retry { after: Some(_), .. }), "{status}");
    }
    for status in [408, 500, 502, 504] {
        assert!(matches!(judge(status), Judgement::Uncertain { .. }), "{status}");
    }
    let other = sink.judge(&Stored::Other("part-1 is there already".into()));
    assert!(matches!(other, Judgement::Park { reason } if reason.contains("part-1") && reason.contains("prefix")));
    for stored in [Stored::Created("a".into()), Stored::Had("a".into())] {
        assert!(matches!(sink.judge(&stored), Judgement::Acked(ack) if ack.said == "a"));
    }
}

/// What the columns do not hold stands in `unmapped`; of what our schemas say that is one attribute, whose form depends on the rule.
#[test]
fn every_attribute_of_every_event_has_a_column_and_every_event_is_packed() {
    let settings = json!({"type": "security_lake", "bucket": "lake-x", "region": "eu-central-1", "account": "123456789012",
        "credentials": "environment"});
    let packer = Packer { format: Format::Parquet, by_class: true };
    for schema in SCHEMAS.iter().filter(|schema| schema.name.starts_with("ocsf")) {
        for (block, records) in every::records(schema) {
            for record in &records {
                let said: Value = serde_json::from_str(&record.said.text).unwrap();
                let own = said[columns::UNMAPPED].as_object().cloned().unwrap_or_default();
                let row = columns::Columns::of(&said, true).row(said);
                let rest = row.get(columns::UNMAPPED).and_then(Value::as_str).unwrap_or("{}");
                let rest: serde_json::Map<String, Value> = serde_json::from_str(rest).unwrap();
                for (name, value) in &own {
                    assert_eq!(rest.get(name), Some(value), "{}: {block}: {name} is kept", schema.name);
                }
                let homeless: Vec<&String> = rest.keys().filter(|name| !own.contains_key(*name)).collect();
                assert!(
                    homeless.iter().all(|name| *name == "anomaly_analyses"),
                    "{}: {block}: {homeless:?}",
                    schema.name
                );
            }
            let mut rest = records.as_slice();
            while !rest.is_empty() {
                let rendered = sink(&settings).render(rest);
                for message in &rendered.messages {
                    packer.pack(&message.body).unwrap_or_else(|error| panic!("{}: {block}: {error}", schema.name));
                }
                rest = &rest[rendered.taken..];
            }
        }
    }
}
