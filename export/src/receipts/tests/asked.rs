//! Destinations that are asked themselves: objects in a folder, in every form that they have. Others are asked in `tests/` of this package, where
//! they run, and beside their sinks.

use std::path::{Path, PathBuf};

use super::*;
use crate::receipts::ask::{KINDS, ask, settling};
use crate::sinks::SINKS;
use crate::streams::objects::Packer;

impl World {
    async fn asked(&self) -> Result<Comparison, ReceiptsError> {
        let (events, operations) = (self.store.events().reader(), self.store.operations().reader());
        let (sink, until) = (&self.config.sinks[0], Timestamp::MAX);
        let evidence = Evidence { sink, events: &events, operations: &operations, key: [3; 32], until };
        let copy = ask(&evidence).await?;
        compare(&evidence, copy, Extent::Whole)
    }
}

fn objects(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(objects(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_gives_back_every_record_in_every_schema_and_format() {
    for schema in ["plain", "ocsf", "ecs", "udm", "cef", "leef"] {
        for format in ["ndjson.zst", "parquet"] {
            let settings = json!({"type": "file", "schema": schema, "format": format, "prefix": "logs/a"});
            let world = World::exported_with(40, settings).await;
            let found = world.asked().await.unwrap();
            assert!(found.is_whole() && found.foreign.total == 0, "{schema} {format}: {found:?}");
            assert_eq!((found.equal, found.expected), (32, 32), "{schema} {format}");
            world.store.stop();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_became_of_objects_is_named_and_strange_ones_are_told() {
    for format in ["ndjson.zst", "parquet"] {
        let world = World::exported_with(30, json!({"type": "file", "format": format})).await;
        world.append(10).await;
        world.export().await;
        let events = objects(&world.folder.path().join("events"));
        assert_eq!(events.len(), 2, "{events:?}");
        let whole = world.asked().await.unwrap();
        assert!(whole.is_whole(), "{whole:?}");
        // Twice under another name, and beside it what is no object of ours.
        std::fs::copy(&events[1], events[1].with_file_name(format!("part-9-{format}.{format}"))).unwrap();
        std::fs::write(events[1].with_file_name(format!("part-8.{format}")), "no object").unwrap();
        std::fs::write(events[1].with_file_name("notes.txt"), "x").unwrap();
        std::fs::write(events[1].with_file_name(format!("test-1.{format}")), "x").unwrap();
        let found = world.asked().await.unwrap();
        assert_eq!((found.doubled.total, found.missing.total, found.changed.total), (8, 0, 0), "{found:?}");
        assert_eq!((found.foreign.total, found.tests), (2, 1), "{:?}", found.foreign);
        assert!(found.foreign.named.iter().any(|name| name.contains("notes.txt")), "{:?}", found.foreign);
        // An edited one in place of the first.
        edit(&events[0], format);
        std::fs::remove_file(&events[1]).unwrap();
        std::fs::remove_file(events[1].with_file_name(format!("part-9-{format}.{format}"))).unwrap();
        let found = world.asked().await.unwrap();
        assert_eq!((found.doubled.total, found.missing.total), (0, 8), "{found:?}");
        assert_eq!(found.changed.named, ["events/0 export_seq 3 (events/0/3)"]);
        world.store.stop();
    }
}

/// Changes a word of one record of an object.
fn edit(object: &Path, format: &str) {
    use crate::connections::objects::Packing as _;
    let format = serde_json::from_value(format.into()).unwrap();
    let packer = Packer { format, by_class: false };
    let lines = if object.extension().is_some_and(|extension| extension == "zst") {
        zstd::decode_all(std::fs::File::open(object).unwrap()).unwrap()
    } else {
        let mut lines = Vec::new();
        crate::streams::objects::rows(std::fs::read(object).unwrap(), &mut |row| {
            lines.extend(format!("{row}\n").into_bytes());
            Ok(())
        })
        .unwrap();
        lines
    };
    let edited = String::from_utf8(lines).unwrap().replacen("\"h3.example\"", "\"h33.example\"", 1);
    std::fs::write(object, packer.pack(edited.as_bytes()).unwrap()).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_came_after_the_question_is_on_its_way() {
    let world = World::exported_with(30, json!({"type": "file"})).await;
    let until =
        world.store.operations().reader().read(ledger::Seq::FIRST, false, ReadLimit { rows: 1_000, bytes: 1 << 20 });
    let until = until.unwrap().iter().last().unwrap().recorded;
    let (events, operations) = (world.store.events().reader(), world.store.operations().reader());
    let evidence =
        Evidence { sink: &world.config.sinks[0], events: &events, operations: &operations, key: [3; 32], until };
    let before = ask(&evidence).await.unwrap();
    world.append(10).await;
    world.export().await;
    let found = compare(&evidence, before, Extent::Whole).unwrap();
    assert!(found.is_whole() && found.beyond == 0, "{found:?}");
    let after = ask(&evidence).await.unwrap();
    let found = compare(&evidence, after, Extent::Whole).unwrap();
    assert!(found.is_whole() && found.beyond >= 8, "{found:?}");
    world.store.stop();
}

#[test]
fn sinks_that_can_be_asked_are_those_of_the_list() {
    let can: Vec<&str> = SINKS
        .iter()
        .filter(|spec| {
            let lines = spec.example.lines().map(|line| line.split_once(" = ").unwrap());
            let settings = lines.map(|(name, value)| (name.to_owned(), serde_json::from_str(value).unwrap()));
            let sink = spec.class.parse(Value::Object(settings.collect())).unwrap();
            sink.erased().read_back().is_some()
        })
        .map(|spec| spec.kind)
        .collect();
    let mut listed = KINDS.to_vec();
    listed.sort_by_key(|kind| SINKS.iter().position(|spec| spec.kind == *kind));
    assert_eq!(listed, can);
}

#[test]
fn settings_for_reading_stand_in_place_of_those_for_writing() {
    let sink = |more: Value| {
        let mut settings = json!({"name": "siem"});
        settings.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        crate::SinkConfig::from_settings(settings.as_object().unwrap().clone())
    };
    let elastic = |read: Value| {
        sink(
            json!({"type": "elasticsearch", "url": "https://elastic.acme.example", "user": "u", "password": "env:P", "read": read}),
        )
    };
    assert!(settling(&elastic(json!({})).unwrap()).is_ok());
    assert!(settling(&elastic(json!({"user": "r", "password": "env:R"})).unwrap()).is_ok());
    assert!(settling(&elastic(json!({"user": "", "password": "", "api_key": "env:R"})).unwrap()).is_ok());
    let refused = |read: Value, says: &str| {
        let error = elastic(read).unwrap_err();
        assert!(error.contains("read: ") && error.contains(says), "{error}");
    };
    refused(json!({"api_key": "env:R"}), "only one proof");
    refused(json!({"apikey": "env:R"}), "apikey");
    let splunk = json!({"type": "splunk_hec", "url": "https://splunk.acme.example:8088", "token": "env:T"});
    let error = settling(&sink(splunk).unwrap()).unwrap_err();
    assert!(error.to_string().contains("read = { url = \"https://splunk.acme.example:8089\""), "{error}");
    let datadog = json!({"type": "datadog", "url": "https://logs.acme.example", "api_key": "env:K"});
    let error = settling(&sink(datadog.clone()).unwrap()).unwrap_err();
    assert!(error.to_string().contains("these can: splunk_hec, elasticsearch"), "{error}");
    let mut with_read = datadog;
    with_read["read"] = json!({"api_key": "env:R"});
    assert!(sink(with_read).unwrap_err().contains("datadog cannot be asked"));
}
