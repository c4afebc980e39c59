//! Validators that nobody here wrote look at every event: Tenzir at each version, and `ocsf-json-schema` with `jsonschema` at those that it
//! knows, 1.8.0 and 1.1.0. Both must find faults that are put into events that they took.

use serde_json::{Value, json};

use super::{SPEC, SPEC_1_1, SPEC_1_8, SchemaSpec};
use crate::fixtures::evil::{Dice, random_alerts, random_events};
use crate::fixtures::validators::{SCRIPTS, run, write, write_records};
use crate::fixtures::{self, every};
use crate::record::Record;

/// The scripts that run the validators which know a version.
fn scripts(schema: &SchemaSpec) -> &'static [&'static str] {
    if schema.name == SPEC.name { &["ocsf_tenzir.py"] } else { &["ocsf_tenzir.py", "ocsf.py"] }
}

fn validate(script: &str, arguments: &[&str]) -> (i32, String) {
    run(&format!("{SCRIPTS}/{script}"), arguments)
}

fn check_every_event(schema: &'static SchemaSpec) {
    let blocks = every::records(schema);
    check(schema, &blocks.into_iter().map(|(_, records)| records).collect::<Vec<_>>());
}

/// Checks blocks of records.
fn check(schema: &'static SchemaSpec, blocks: &[Vec<Record>]) {
    let folder = tempfile::tempdir().unwrap();
    let mut count = 0;
    let paths = blocks.iter().enumerate().map(|(number, records)| {
        let path = folder.path().join(format!("{number}.ndjson"));
        write_records(&path, records);
        count += records.len();
        path.into_os_string().into_string().unwrap()
    });
    let paths: Vec<String> = paths.collect();
    for script in scripts(schema) {
        let (code, said) = validate(script, &paths.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(code, 0, "{script}: {said}");
        assert!(said.trim().starts_with(&format!("{count} events")), "{script}: {said}");
        println!("{}, {script}: {}", schema.name, said.trim());
    }
}

#[test]
fn they_take_every_event_of_1_9() {
    check_every_event(&SPEC);
}

#[test]
fn they_take_every_event_of_1_8() {
    check_every_event(&SPEC_1_8);
}

#[test]
fn they_take_every_event_of_1_1() {
    check_every_event(&SPEC_1_1);
}

/// `SEED=7 cargo test -p export ocsf` makes the rows of a failure again.
#[test]
fn they_take_rows_with_any_columns() {
    let seed =
        std::env::var("SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(|| getrandom::u64().unwrap());
    println!("SEED={seed}");
    let mut dice = Dice(seed);
    let events = fixtures::events(&random_events(&mut dice, 400));
    let alerts = fixtures::operations(&random_alerts(&mut dice, 100));
    for schema in [&SPEC, &SPEC_1_8, &SPEC_1_1] {
        let policy: crate::FieldPolicy = serde_json::from_str(every::EVERYTHING).unwrap();
        let blocks = [&events, &alerts].map(|rows| fixtures::records_under(policy.clone(), schema, rows));
        for record in blocks.iter().flatten() {
            super::check_record(record, schema.name);
        }
        check(schema, &blocks);
    }
}

/// A change that makes an event wrong.
type Fault = (&'static str, fn(&mut Value));

const FAULTS: [Fault; 7] = [
    ("a number that is in no list", |event| event["severity_id"] = json!(77)),
    ("an attribute that no class has", |event| event["juggled"] = json!("three balls")),
    ("a required attribute is missing", |event| drop(event.as_object_mut().unwrap().remove("time"))),
    ("a required member is missing", |event| drop(event["metadata"].as_object_mut().unwrap().remove("product"))),
    ("an attribute of a profile that is not named", |event| event["metadata"]["profiles"] = json!([])),
    ("another type", |event| event["device"] = json!("ws-1")),
    ("a caption of another number", |event| event["severity"] = json!("Critical")),
];

#[test]
fn the_validators_bite() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.ndjson");
    let row =
        json!({"kind": "command", "command": "ls", "outcome": "deny", "user": "alice", "agent": "a", "workspace": "w"});
    let policy: crate::FieldPolicy = serde_json::from_str(every::EVERYTHING).unwrap();
    for schema in [&SPEC, &SPEC_1_8, &SPEC_1_1] {
        let rows = fixtures::events(std::slice::from_ref(&row));
        let event = super::json(&fixtures::records_under(policy.clone(), schema, &rows)[0]);
        // Each at the version that it knows best: a run of Tenzir takes seconds.
        let script = if schema.name == SPEC.name { "ocsf_tenzir.py" } else { "ocsf.py" };
        let verdict = |event: &Value| {
            write(&path, std::iter::once(event.to_string().as_str()));
            validate(script, &[path.to_str().unwrap()])
        };
        assert_eq!(verdict(&event).0, 0, "{}, {script}: {}", schema.name, verdict(&event).1);
        for (what, change) in FAULTS {
            let mut wrong = event.clone();
            change(&mut wrong);
            let (code, said) = verdict(&wrong);
            assert!(code == 1 && !said.contains("Traceback"), "{}, {script}: {what}: {said}", schema.name);
        }
    }
}
