//! The chain of records, as a third party checks it: with `deploy/verify_ocsf_chain.py`, from a copy alone.

use std::sync::LazyLock;

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::SPEC;
use crate::fixtures::every;
use crate::fixtures::validators::{run, write};
use crate::hash::sha256;

const CHECKER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/verify_ocsf_chain.py");

/// The events of a stream: some of every block.
static EVENTS: LazyLock<Vec<Value>> = LazyLock::new(|| {
    let mut rows = every::all_events();
    rows.truncate(12);
    rows.extend(crate::fixtures::evil::evil_events().into_iter().take(4));
    let records = crate::fixtures::records_in(&SPEC, &crate::fixtures::events(&rows));
    records.iter().map(super::json).collect()
});

/// What the checker says of a copy.
fn check(lines: &[String], options: &[&str]) -> (i32, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("copy.ndjson");
    write(&path, lines.iter().map(String::as_str));
    run(CHECKER, &[options, &[path.to_str().unwrap()]].concat())
}

fn lines(events: &[Value]) -> Vec<String> {
    events.iter().map(Value::to_string).collect()
}

fn uid(event: &Value) -> &str {
    event["metadata"]["uid"].as_str().unwrap()
}

/// The event with a fingerprint that fits it, as somebody makes it who knows the format.
fn resealed(event: &Value) -> Value {
    let mut event = event.clone();
    event["attestation_list"][0].as_object_mut().unwrap().remove("fingerprint");
    let text = serde_json_canonicalizer::to_string(&event).unwrap();
    event["attestation_list"][0]["fingerprint"] = EVENTS[0]["attestation_list"][0]["fingerprint"].clone();
    event["attestation_list"][0]["fingerprint"]["value"] = sha256(text.as_bytes()).into();
    event
}

#[test]
fn the_first_event_has_none_before_it_and_the_others_name_theirs() {
    let own = |event: &Value| event["attestation_list"][0].clone();
    assert_eq!(own(&EVENTS[0])["prev_event"], Value::Null);
    assert_eq!(own(&EVENTS[0])["authority_uid"], "acme.example/agents");
    for pair in EVENTS.windows(2) {
        let previous =
            json!({"uid": uid(&pair[0]), "type_uid": pair[0]["type_uid"], "fingerprint": own(&pair[0])["fingerprint"]});
        assert_eq!(own(&pair[1])["prev_event"], previous);
        assert_eq!(resealed(&pair[1]), pair[1]);
    }
}

#[test]
fn a_siems_copy_shows_what_is_missing_doubled_and_changed() {
    let whole = lines(&EVENTS);
    let (code, said) = check(&whole, &["--in-order"]);
    assert!(
        code == 0 && said.contains("16 events, first events/0/0, last events/0/15") && said.contains(": whole"),
        "{said}"
    );
    let mut copy = whole.clone();
    copy[9] = copy[9].replace("\"alice\"", "\"mallory\"");
    copy.push(copy[5].clone());
    copy.remove(2);
    let (code, said) = check(&copy, &[]);
    assert_eq!(code, 3, "{said}");
    for finding in [
        ": 1 changed, 1 doubled, 1 missing",
        "changed events/0/9: it is not what its fingerprint says",
        "doubled events/0/5: it is there 2 times",
        "missing events/0/2: events/0/3 comes after it; its number is 2",
    ] {
        assert!(said.contains(finding), "{finding}: {said}");
    }
}

#[test]
fn the_last_event_is_compared_with_the_receipt() {
    let last = EVENTS[15]["attestation_list"][0]["fingerprint"]["value"].as_str().unwrap();
    assert_eq!(check(&lines(&EVENTS), &["--last", last]).0, 0);
    let (code, said) = check(&lines(&EVENTS[..15]), &["--last", last]);
    assert!(code == 3 && said.contains("its last events are missing"), "{said}");
    // A span of time begins in the middle.
    assert_eq!(check(&lines(&EVENTS[4..]), &[]).0, 3);
    assert_eq!(check(&lines(&EVENTS[4..]), &["--part", "--last", last]).0, 0);
    assert_eq!(check(&["{}".to_owned()], &[]).0, 2);
}

#[test]
fn the_events_are_found_wherever_a_store_nests_them() {
    let wrapped = |wrap: fn(&Value) -> Value| EVENTS.iter().map(|event| wrap(event).to_string()).collect::<Vec<_>>();
    let splunk = wrapped(|event| json!({"preview": false, "result": {"_raw": event.to_string(), "host": "h"}}));
    let elastic = wrapped(|event| json!({"_index": "i", "_id": "1", "_source": event}));
    let hec = wrapped(|event| json!({"time": 1, "event": event}));
    let scroll = [serde_json::to_string_pretty(&json!({"hits": {"hits": EVENTS.clone()}})).unwrap()];
    for copy in [splunk, elastic, hec, scroll.to_vec()] {
        let (code, said) = check(&copy, &["--in-order"]);
        assert!(code == 0 && said.contains("16 events"), "{said}");
    }
}

/// Something that happens to a copy.
#[derive(Debug, Clone)]
enum Change {
    Delete(usize),
    Double(usize),
    Swap(usize, usize),
    Edit(usize, prop::sample::Index),
    /// An edit by somebody who makes the fingerprint anew.
    Forge(usize, prop::sample::Index),
    /// A second member of a name that is there, which some readers take and others do not.
    Shadow(usize),
}

fn changes() -> impl Strategy<Value = Change> {
    let (any_event, not_last) = (0..16_usize, 0..15_usize);
    prop_oneof![
        not_last.clone().prop_map(Change::Delete),
        any_event.clone().prop_map(Change::Double),
        (any_event.clone(), 1..16_usize).prop_map(|(one, step)| Change::Swap(one, (one + step) % 16)),
        (any_event.clone(), any::<prop::sample::Index>()).prop_map(|(event, leaf)| Change::Edit(event, leaf)),
        (not_last, any::<prop::sample::Index>()).prop_map(|(event, leaf)| Change::Forge(event, leaf)),
        any_event.prop_map(Change::Shadow),
    ]
}

/// Every text and number of a value.
fn leaves<'a>(value: &'a mut Value, found: &mut Vec<&'a mut Value>) {
    match value {
        Value::Object(object) => object.values_mut().for_each(|value| leaves(value, found)),
        Value::Array(items) => items.iter_mut().for_each(|item| leaves(item, found)),
        leaf => found.push(leaf),
    }
}

fn edit(event: &mut Value, leaf: prop::sample::Index) {
    let mut found = Vec::new();
    leaves(event, &mut found);
    let leaf = found.remove(leaf.index(found.len()));
    let other = match &*leaf {
        Value::String(text) => format!("{text}x").into(),
        other => json!(other.as_i64().unwrap_or_default() + 1),
    };
    *leaf = other;
}

fn changed(change: &Change) -> Vec<String> {
    let mut events = EVENTS.clone();
    match change {
        Change::Delete(event) => drop(events.remove(*event)),
        Change::Double(event) => events.push(events[*event].clone()),
        Change::Swap(one, other) => events.swap(*one, *other),
        Change::Edit(event, leaf) => edit(&mut events[*event], *leaf),
        Change::Forge(event, leaf) => {
            let attestations = events[*event]["attestation_list"].take();
            let mut rest: Map<String, Value> = events[*event].as_object().unwrap().clone();
            rest.remove("attestation_list");
            let mut rest = Value::Object(rest);
            edit(&mut rest, *leaf);
            rest["attestation_list"] = attestations;
            events[*event] = resealed(&rest);
        }
        Change::Shadow(event) => {
            let mut copy = lines(&events);
            copy[*event] = copy[*event].replacen('{', "{\"time\":0,", 1);
            return copy;
        }
    }
    lines(&events)
}

proptest! {
    // Each case starts an interpreter.
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_to_a_copy_is_found(change in changes()) {
        let (code, said) = check(&changed(&change), &["--in-order"]);
        prop_assert!(code == 3 && !said.contains("Traceback"), "{said}");
        let said_of = match change {
            Change::Delete(event) => Some(format!("missing events/0/{event}")),
            Change::Double(event) => Some(format!("doubled events/0/{event}")),
            Change::Swap(..) => Some("moved".to_owned()),
            _ => None,
        };
        if let Some(expected) = said_of {
            prop_assert!(said.contains(&expected), "{expected}: {said}");
        }
    }
}
