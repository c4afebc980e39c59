//! What UDM events hold: fields and values of UDM, and what each type of event asks for.

use std::collections::BTreeSet;

use operations::alert::Severity;
use serde_json::{Value, json};

use super::*;
use crate::fixtures;
use crate::schemas::readers;
use crate::streams::fields::Field;

fn said(record: &Record) -> Value {
    serde_json::from_str(&record.said.text).unwrap()
}

fn event(event: Value) -> Value {
    said(&fixtures::records_in(&SPEC, &fixtures::events(&[event]))[0])
}

#[test]
fn the_format_is_frozen() {
    let said = event(
        json!({"time": 1_763_750_000_123_456_i64, "kind": "egress.http", "outcome": "deny", "user": "alice", "workspace": "ws-1",
        "workspace_name": "alice/api", "scheme": "https", "host": "paste.acme.example", "path": "/a?b=c", "method": "POST", "port": 443,
        "rule": "deny-default", "bytes_out": 51_234, "status": 403, "session": "s-1"}),
    );
    let expected = json!({
        "metadata": {"event_timestamp": "2025-11-21T18:33:20.123456Z", "collected_timestamp": "2025-11-21T00:00:00.000000Z",
            "event_type": "NETWORK_HTTP", "vendor_name": "Tachograph", "product_name": "tachograph", "product_log_id": "events/0/0",
            "product_event_type": "egress.http", "description": "HTTP request denied"},
        "principal": {"hostname": "alice/api", "asset_id": "Tachograph.tachograph:ws-1", "user": {"userid": "alice"}},
        "target": {"hostname": "paste.acme.example", "port": 443, "url": "https://paste.acme.example:443/a?b=c"},
        "network": {"ip_protocol": "TCP", "application_protocol": "HTTPS", "direction": "OUTBOUND",
            "http": {"method": "POST", "response_code": 403}, "sent_bytes": "51234"},
        "security_result": [{"severity": "INFORMATIONAL", "action": ["BLOCK"], "rule_name": "deny-default"}],
        "additional": {"chain": "acme.example/agents/events/0/0/siem", "export_seq": "0", "recorded": "2025-11-21T00:00:00.000000Z",
            "user": "alice", "workspace": "ws-1", "scheme": "https", "path": "/a?b=c", "port": "443", "outcome": "deny", "bytes_out": "51234", "status": "403", "session": "s-1"},
    });
    assert_eq!(said, expected);
}

#[test]
fn a_record_without_what_its_type_asks_for_is_generic() {
    let check = |columns: Value, expected: &str| {
        assert_eq!(event(columns.clone())["metadata"]["event_type"], expected, "{columns}");
    };
    let workspace = |mut columns: Value| {
        columns["workspace"] = "ws-1".into();
        columns
    };
    check(json!({"kind": "egress.http", "scheme": "https", "host": "acme.example"}), "GENERIC_EVENT");
    check(workspace(json!({"kind": "egress.http", "host": "acme.example"})), "GENERIC_EVENT");
    check(workspace(json!({"kind": "egress.http", "scheme": "https", "host": "acme.example"})), "NETWORK_HTTP");
    check(workspace(json!({"kind": "egress.flow", "host": "192.0.2.7"})), "NETWORK_CONNECTION");
    check(workspace(json!({"kind": "egress.dns", "host": "acme.example"})), "NETWORK_DNS");
    check(workspace(json!({"kind": "command"})), "GENERIC_EVENT");
    check(workspace(json!({"kind": "command", "tool_call": "toolu_1"})), "PROCESS_LAUNCH");
    check(workspace(json!({"kind": "file.read"})), "GENERIC_EVENT");
    check(workspace(json!({"kind": "file.read", "target": "/etc/hosts"})), "FILE_READ");
    check(json!({"kind": "audit", "action": "login", "user": "alice"}), "USER_LOGIN");
    check(
        json!({"kind": "audit", "action": "delete", "user": "alice", "target": "template/t"}),
        "USER_RESOURCE_DELETION",
    );
    check(json!({"kind": "tool.call", "user": "alice", "tool": "Bash"}), "USER_RESOURCE_ACCESS");
    check(workspace(json!({"kind": "session.start"})), "STATUS_UPDATE");
    check(json!({"kind": "acme.unheard_of", "user": "alice"}), "GENERIC_EVENT");
}

#[test]
fn an_alert_says_its_rule_its_severity_and_its_techniques() {
    let mut alert = fixtures::alert_of(1, Severity::Critical);
    alert.tags = ["AML.T0086", "T1567", "T1567.002"].map(str::to_owned).to_vec();
    let rows = fixtures::operations(&[fixtures::entry_of(&alert)]);
    let said = said(&fixtures::records_in(&SPEC, &rows)[0]);
    let result = &said["security_result"][0];
    assert_eq!((&result["severity"], &result["alert_state"]), (&json!("CRITICAL"), &json!("ALERTING")));
    assert_eq!(result["rule_name"], "egress.denied_post");
    assert_eq!(
        result["attack_details"]["techniques"],
        json!([{"id": "T1567"}, {"id": "T1567", "subtechnique_id": "T1567.002"}])
    );
    assert_eq!(said["additional"]["tags"], "AML.T0086,T1567,T1567.002");
}

fn texts(value: &Value, texts: &mut BTreeSet<String>) {
    match value {
        Value::Object(object) => object.values().for_each(|value| self::texts(value, texts)),
        Value::Array(items) => items.iter().for_each(|item| self::texts(item, texts)),
        value => _ = texts.insert(text(Field::Json(value)).into_owned()),
    }
}

#[test]
fn nothing_of_a_row_is_lost_but_the_ends_of_long_texts() {
    for record in readers::records(&SPEC) {
        let mut said_texts = BTreeSet::new();
        texts(&said(&record), &mut said_texts);
        for (column, field) in record.fields.iter().filter(|(column, _)| *column != "time") {
            let text = text(field);
            let beginning = &text[..text.floor_char_boundary(ADDITIONAL_BYTES_MAX)];
            let has = text.is_empty()
                || said_texts.range(beginning.to_owned()..).next().is_some_and(|said| said.starts_with(beginning));
            assert!(has, "{column} {field:?}");
        }
    }
}

/// The faults that the validator finds in these events: a line each. It asks pySigma's backend for SecOps, which brings Google's list
/// of fields, whether each field is one and takes its value, and the usage guide what each type of event asks for.
fn faults(name: &str, events: &[String]) -> Vec<String> {
    let file = readers::folder(name).join("events.ndjson");
    std::fs::write(&file, format!("{}\n", events.join("\n"))).unwrap();
    let (is_well, output, errors) = readers::run(readers::python("udm.py").arg(&file));
    assert!(is_well, "{errors}");
    output.lines().map(str::to_owned).collect()
}

#[test]
fn every_field_is_one_of_udm_and_takes_its_value() {
    let events: Vec<String> = readers::records(&SPEC).into_iter().map(|record| record.said.text).collect();
    assert_eq!(faults("udm", &events), [] as [String; 0]);
}

#[test]
fn the_validator_notices_what_is_wrong() {
    let good = event(
        json!({"kind": "egress.http", "workspace": "w", "scheme": "https", "host": "acme.example", "outcome": "deny"}),
    );
    let mut wrong = vec![good; 7];
    wrong[1]["principal"]["host_name"] = json!("x");
    wrong[2]["metadata"]["event_type"] = json!("NETWORK_HTTPS");
    wrong[3]["security_result"][0]["action"] = json!(["DENY"]);
    wrong[4]["target"]["url"] = json!(5);
    wrong[5]["target"] = json!({});
    wrong[6]["additional"]["port"] = json!(443);
    let events: Vec<String> = wrong.iter().map(ToString::to_string).collect();
    let found = faults("udm-wrong", &events);
    let numbers: Vec<&str> = found.iter().map(|fault| fault.split(':').next().unwrap()).collect();
    assert_eq!(numbers, ["1", "2", "3", "4", "5", "5", "6"], "{found:?}");
}

fn names(name: &str, value: &Value, names: &mut BTreeSet<String>) {
    match value {
        Value::Object(object) => {
            for (key, value) in object {
                self::names(&format!("{name}.{key}"), value, names);
            }
        }
        Value::Array(items) => {
            for item in items {
                self::names(name, item, names);
            }
        }
        _ => _ = names.insert(name.trim_start_matches('.').to_owned()),
    }
}

#[test]
fn the_page_says_what_each_field_holds() {
    let mut written = BTreeSet::new();
    for record in readers::records(&SPEC) {
        names("", &said(&record), &mut written);
    }
    written.retain(|name| !name.starts_with("additional."));
    assert_eq!(readers::documented("udm.md"), written);
}

#[test]
fn each_type_of_the_page_is_one_that_is_written() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/schemas/udm.md")).unwrap();
    let rows = page
        .lines()
        .filter_map(|line| line.strip_prefix("| "))
        .filter(|row| row.starts_with(|c: char| c.is_ascii_uppercase()));
    let named: BTreeSet<&str> = rows.flat_map(|row| row.split(" | ").next().unwrap_or_default().split(", ")).collect();
    assert_eq!(named, ASKED.iter().map(|(name, _)| *name).chain([GENERIC]).collect());
}

#[test]
fn tenzir_reads_every_event_as_it_was_meant() {
    let records = readers::records(&SPEC);
    let file = readers::folder("udm-tenzir").join("events.ndjson");
    let lines: Vec<&str> = records.iter().map(|record| &*record.said.text).collect();
    std::fs::write(&file, format!("{}\n", lines.join("\n"))).unwrap();
    let meant: Vec<Value> = records.iter().map(said).collect();
    assert_eq!(readers::differing(&readers::tenzir(&file, "line.parse_json(raw=true)"), &meant), 0);
}
