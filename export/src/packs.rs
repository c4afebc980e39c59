//! The query packs and detections of `deploy/` over what sinks send: every kind of record in the schemas and forms that the packs read, once as
//! it was sent and once with one record lost and one doubled, and rows that each detection must find or must not.
//!
//! What is asked and what must come out is in `tests/validators/packs.py` and `tests/validators/detections.py`.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use crate::connections::objects::Packing as _;
use crate::fixtures::{self, every, validators};
use crate::record::Record;
use crate::schemas::{SchemaSpec, ecs, ocsf, plain};
use crate::sink::AnySink;
use crate::sinks::SINKS;
use crate::streams::objects::{Format, Packer};

/// Which record of the events is lost, and which is doubled, in the copy that has faults.
const LOST: usize = 5;
const DOUBLED: usize = 9;

/// The records of both ledgers, as a destination has them.
fn ledgers(schema: &'static SchemaSpec, has_faults: bool) -> [Vec<Record>; 2] {
    let mut blocks = every::records(schema).into_iter();
    let mut next = |name| blocks.find(|(block, _)| *block == name).unwrap().1;
    let mut events = next("events");
    let operations = next("operations");
    if has_faults {
        events.insert(DOUBLED, events[DOUBLED].clone());
        events.remove(LOST);
    }
    [events, operations]
}

fn lines<'a>(records: impl IntoIterator<Item = &'a Record>) -> String {
    records.into_iter().flat_map(|record| [record.said.json().into_owned(), "\n".to_owned()]).collect()
}

/// The bodies that a sink of this kind sends for records.
fn bodies(kind: &str, records: &[Record]) -> Vec<u8> {
    let spec = SINKS.iter().find(|spec| spec.kind == kind).unwrap();
    let settings = spec.example.lines().map(|line| line.split_once(" = ").unwrap());
    let settings = settings.map(|(name, value)| (name.to_owned(), serde_json::from_str(value).unwrap()));
    let AnySink::Stream(sink) = spec.class.parse(Value::Object(settings.collect())).unwrap() else {
        panic!("{kind} is for people")
    };
    let (mut rest, mut bodies) = (records, Vec::new());
    while !rest.is_empty() {
        let rendered = sink.render(rest);
        for message in rendered.messages {
            bodies.extend(message.body);
            bodies.push(b'\n');
        }
        rest = &rest[rendered.taken..];
    }
    bodies
}

/// What is in the destinations: files of each schema, objects, and what went to Splunk and Sentinel.
fn write_copy(place: &Path, has_faults: bool) {
    for schema in [&plain::SPEC, &ocsf::SPEC, &ecs::SPEC] {
        let both = ledgers(schema, has_faults);
        fs::create_dir_all(place).unwrap();
        fs::write(place.join(format!("{}.ndjson", schema.name)), lines(both.iter().flatten())).unwrap();
        for (ledger, records) in ["events", "operations"].into_iter().zip(&both) {
            let objects = place.join(schema.name).join(ledger).join("0/2025/11/21");
            fs::create_dir_all(&objects).unwrap();
            for format in [Format::Lines, Format::Parquet] {
                let packed = Packer { format, by_class: false }.pack(lines(records).as_bytes()).unwrap();
                fs::write(objects.join(format!("part-0.{}", format.extension())), packed).unwrap();
            }
        }
    }
    for kind in ["splunk_hec", "sentinel"] {
        let both = ledgers(&plain::SPEC, has_faults);
        let sent: Vec<u8> = both.iter().flat_map(|records| bodies(kind, records)).collect();
        fs::write(place.join(format!("{kind}.json")), sent).unwrap();
    }
}

/// What a row of a case says beside what all rows say: `seconds` is when, and with `repeat` it is there so often, `every_seconds`.
fn rows_of(row: &Value) -> Vec<Value> {
    let number = |name: &str, default| row[name].as_i64().unwrap_or(default);
    let common = json!({"source": "claude_code", "family": "workspace", "user": "alice", "session": "sess-01", "workspace": "ws-7f3a",
        "workspace_name": "alice/api", "agent_kind": "claude_code"});
    let at = |index: i64| {
        let mut event = common.as_object().unwrap().clone();
        event.extend(row.as_object().unwrap().clone());
        let seconds = number("seconds", 0) + index * number("every_seconds", 0);
        event.insert("time".to_owned(), json!(fixtures::START + seconds * 1_000_000));
        Value::Object(event)
    };
    (0..number("repeat", 1)).map(at).collect()
}

/// The records of `tests/validators/detections.json`: for each rule the rows that it must find and those that it must not, in each schema.
fn write_cases(place: &Path) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/validators/detections.json");
    let cases: Map<String, Value> = serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
    let policy: crate::FieldPolicy = serde_json::from_str(every::EVERYTHING).unwrap();
    for schema in [&plain::SPEC, &ocsf::SPEC, &ecs::SPEC] {
        let mut written = String::new();
        for (rule, case) in &cases {
            for what in ["finds", "passes"] {
                for rows in case[what].as_array().unwrap() {
                    let rows: Vec<Value> = rows.as_array().unwrap().iter().flat_map(rows_of).collect();
                    let rows = fixtures::events(&rows);
                    let records = fixtures::records_under(policy.clone(), schema, &rows);
                    assert!(!records.is_empty(), "{rule}");
                    let records: Vec<Value> =
                        records.iter().map(|record| serde_json::from_str(&record.said.text).unwrap()).collect();
                    written += &json!({"rule": rule, "case": what, "records": records}).to_string();
                    written.push('\n');
                }
            }
        }
        fs::write(place.join(format!("{}.ndjson", schema.name)), written).unwrap();
    }
}

/// A folder below the target folder for the files of one test, empty.
fn folder(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let folder = test.ancestors().nth(3).unwrap().join("validated").join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

fn check(script: &str, place: &Path) {
    let (code, said) = validators::run(&format!("{}/{script}", validators::SCRIPTS), &[place.to_str().unwrap()]);
    assert_eq!(code, 0, "{said}");
    println!("{said}");
}

#[test]
fn query_packs_say_what_is_there_and_what_is_lost_and_doubled() {
    let place = folder("packs");
    write_copy(&place.join("whole"), false);
    write_copy(&place.join("faults"), true);
    check("packs.py", &place);
}

#[test]
fn detections_are_what_their_rules_become_and_find_what_they_must() {
    let place = folder("detections");
    write_cases(&place);
    check("detections.py", &place);
}
