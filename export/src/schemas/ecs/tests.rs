//! What ECS documents hold: fields of ECS by its own types, allowed values, and every field in the templates.

use std::collections::BTreeSet;
use std::process::Command;

use operations::alert::Severity;
use serde_json::{Value, json};

use super::template::{Type, fields};
use super::*;
use crate::fixtures::validators::fetched;
use crate::fixtures::{self, every};
use crate::schemas::readers;

fn said(record: &Record) -> Value {
    serde_json::from_str(&record.said.text).unwrap()
}

fn event(event: Value) -> Value {
    said(&fixtures::records_in(&SPEC, &fixtures::events(&[event]))[0])
}

#[test]
fn the_format_is_frozen() {
    let document = event(
        json!({"time": 1_763_750_000_123_456_i64, "kind": "egress.http", "family": "boundary", "outcome": "deny",
        "user": "alice", "org": "acme", "workspace": "ws-1", "scheme": "https", "host": "paste.acme.example", "domain": "acme.example",
        "path": "/a?b=c", "method": "POST", "port": 443, "rule": "deny-default", "bytes_out": 51_234, "status": 403, "duration_us": 5,
        "session": "s-1", "stream": "source"}),
    );
    let expected = json!({
        "@timestamp": "2025-11-21T18:33:20.123456Z", "ecs": {"version": "9.4.0"}, "message": "HTTP request denied",
        "event": {"id": "events/0/0", "sequence": 0, "kind": "event", "category": ["network", "web"], "type": ["access", "connection", "denied"],
            "outcome": "failure", "module": "tachograph", "dataset": "tachograph.boundary", "code": "egress.http", "severity": 10,
            "ingested": "2025-11-21T00:00:00.000000Z", "duration": 5_000},
        "observer": {"vendor": "Tachograph", "product": "tachograph", "type": "firewall"},
        "user": {"name": "alice"}, "organization": {"name": "acme"}, "host": {"id": "ws-1"}, "rule": {"name": "deny-default"},
        "network": {"direction": "egress"}, "source": {"bytes": 51_234},
        "destination": {"address": "paste.acme.example", "domain": "paste.acme.example", "registered_domain": "acme.example", "port": 443},
        "http": {"request": {"method": "POST"}, "response": {"status_code": 403}},
        "url": {"full": "https://paste.acme.example:443/a?b=c", "scheme": "https", "path": "/a", "query": "b=c"},
        "tachograph": {"chain": "acme.example/agents/events/0/0/siem", "stream": "events/0", "source_stream": "source", "family": "boundary",
            "session": "s-1", "outcome": "deny", "status": 403, "duration_us": 5},
    });
    assert_eq!(document, expected);
}

#[test]
fn an_alert_names_its_rule_its_techniques_and_what_it_is_about() {
    let mut alert = fixtures::alert_of(1, Severity::High);
    alert.tags = ["AML.T0086", "T1567", "T1567.002"].map(str::to_owned).to_vec();
    let rows = fixtures::operations(&[fixtures::entry_of(&alert)]);
    let document = said(&fixtures::records_in(&SPEC, &rows)[0]);
    let check = |pointer: &str, expected: Value| assert_eq!(document.pointer(pointer), Some(&expected), "{pointer}");
    check("/event/kind", json!("alert"));
    check("/event/severity", json!(73));
    check("/event/dataset", json!("tachograph.alert"));
    check("/rule/name", json!("egress.denied_post"));
    check("/threat/technique", json!({"id": ["T1567"], "subtechnique": {"id": ["T1567.002"]}}));
    check("/user/name", json!("alice"));
    check("/destination/domain", json!("attacker-logger.com"));
    check("/tachograph/record/id", json!(alert.id));
}

#[test]
fn tokens_are_counted_with_what_was_cached_and_stand_apart_beside() {
    let document = event(json!({"kind": "model.tokens", "tokens_in": 1, "tokens_cache_read": 10, "tokens_out": 5}));
    assert_eq!(document["gen_ai"]["usage"], json!({"input_tokens": 11, "output_tokens": 5}));
    assert_eq!(document["tachograph"]["tokens_in"], 1);
}

#[test]
fn what_is_hashed_goes_to_no_field_of_numbers() {
    let rows =
        fixtures::events(&[json!({"kind": "egress.http", "port": 443, "host": "acme.example", "user": "alice"})]);
    let policy = serde_json::from_str(r#"{"port": "hash", "host": "hash", "user": "hash"}"#).unwrap();
    let document = said(&fixtures::records_under(policy, &SPEC, &rows)[0]);
    assert!(document["destination"]["port"].is_null());
    for hashed in
        [&document["tachograph"]["hashed"]["port"], &document["user"]["name"], &document["destination"]["domain"]]
    {
        assert!(hashed.as_str().unwrap().starts_with("hash:"));
    }
}

/// Columns whose text an ECS document says in other words: times, and the host, of which the address is said apart.
#[test]
fn nothing_of_a_row_is_lost() {
    for record in readers::records(&SPEC) {
        let Body::Event = record.body else { continue };
        let leaves = leaves(&said(&record));
        let has = |value: &Value| {
            let text = super::text(Field::Json(value));
            text.is_empty() || leaves.iter().any(|(_, leaf)| leaf == value || *leaf == *text)
        };
        for (column, field) in record.fields.iter().filter(|(column, _)| !["path", "time"].contains(column)) {
            assert!(has(&field.to_value()), "{column} {field:?}");
        }
    }
}

/// Each value that is no object, by the dotted name of its field; the elements of a list stand under the name of the list.
fn leaves(document: &Value) -> Vec<(String, Value)> {
    fn walk(name: &str, value: &Value, leaves: &mut Vec<(String, Value)>) {
        match value {
            Value::Object(object) => {
                let dot = if name.is_empty() { "" } else { "." };
                object.iter().for_each(|(key, value)| walk(&format!("{name}{dot}{key}"), value, leaves));
            }
            value => leaves.push((name.to_owned(), value.clone())),
        }
    }
    let mut leaves = Vec::new();
    walk("", document, &mut leaves);
    leaves
}

/// Whether a field of this type takes a value; Elasticsearch refuses the whole document if not.
fn takes(of: Type, value: &Value) -> bool {
    let texts = |is: fn(&str) -> bool| match value {
        Value::Array(items) => items.iter().all(|item| item.as_str().is_some_and(is)),
        value => value.as_str().is_some_and(is),
    };
    match of {
        Type::Keyword | Type::Text => texts(|_| true),
        Type::Date => texts(|text| text.len() == 27 && chrono::DateTime::parse_from_rfc3339(text).is_ok()),
        Type::Ip => texts(|text| text.parse::<std::net::IpAddr>().is_ok()),
        Type::Long => value.is_i64() || value.as_u64().is_some_and(|number| i64::try_from(number).is_ok()),
        Type::Object => false,
    }
}

#[test]
fn every_field_stands_in_the_templates_with_its_type() {
    let fields = fields();
    let mut used = BTreeSet::new();
    for record in readers::records(&SPEC) {
        for (name, value) in leaves(&said(&record)) {
            let inside = |known: &str| name.strip_prefix(known).is_some_and(|rest| rest.starts_with('.'));
            let field = fields.iter().find(|(known, of)| *known == name || (*of == Type::Object && inside(known)));
            let (known, of) = field.unwrap_or_else(|| panic!("{name} stands in no template"));
            assert!(*of == Type::Object || takes(*of, &value), "{name} {value}");
            used.insert(known.clone());
        }
    }
    // Nothing is hashed there, and the fixtures hold no bytes.
    let unused: Vec<&String> = fields.iter().map(|(name, _)| name).filter(|name| !used.contains(*name)).collect();
    assert_eq!(
        unused,
        ["hashed", "content_hash", "cuts", "content_raw"]
            .map(|name| format!("tachograph.{name}"))
            .iter()
            .collect::<Vec<_>>()
    );
}

fn allowed() -> Value {
    let file = readers::script("ecs-allowed-values.json");
    serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap()
}

fn faults(document: &Value, allowed: &Value) -> Vec<String> {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let event = &document["event"];
    let mut faults = Vec::new();
    let mut check = |is_so: bool, what: String| faults.extend((!is_so).then_some(what));
    check(list(&allowed["event.kind"]).contains(&event["kind"]), format!("kind {}", event["kind"]));
    let outcome = &event["outcome"];
    check(outcome.is_null() || list(&allowed["event.outcome"]).contains(outcome), format!("outcome {outcome}"));
    let expected = &allowed["expected_event_types"];
    let types = list(&event["type"]);
    let expects =
        |category: &Value, word: &Value| list(&expected[category.as_str().unwrap_or_default()]).contains(word);
    for category in list(&event["category"]) {
        check(types.iter().any(|word| expects(&category, word)), format!("category {category} of {types:?}"));
    }
    for word in &types {
        let categories = list(&event["category"]);
        check(categories.iter().any(|category| expects(category, word)), format!("type {word} of {categories:?}"));
    }
    check(!types.is_empty(), "no type".to_owned());
    faults
}

#[test]
fn kinds_categories_types_and_outcomes_are_allowed_values() {
    let allowed = allowed();
    for record in readers::records(&SPEC) {
        assert_eq!(faults(&said(&record), &allowed), [] as [String; 0], "{}", record.kind());
    }
    let wrong = json!({"event": {"kind": "incident", "category": ["network", "firewall"], "type": ["refused"], "outcome": "deny"}});
    assert_eq!(faults(&wrong, &allowed).len(), 5);
}

/// What Elastic's own types of ECS 9.4.0 (package `@elastic/ecs`) make of these documents: the compiler names each field that is
/// none, and each value of another type. Long texts are cut, since their length is no matter of types.
fn compile(name: &str, documents: &[Value]) -> Vec<String> {
    let compiler = fetched("ecs/node_modules/typescript/lib/tsc.js", "ecs");
    let folder = readers::folder(name);
    let head = "import type { Ecs } from '@elastic/ecs';\ntype Document = Ecs & { tachograph: unknown };";
    let document = |(number, document)| format!("export const document{number}: Document = {document};");
    let source: Vec<String> = documents.iter().enumerate().map(document).collect();
    std::fs::write(folder.join("documents.ts"), format!("{head}\n{}\n", source.join("\n"))).unwrap();
    let modules = compiler.ancestors().nth(3).unwrap();
    std::os::unix::fs::symlink(modules, folder.join("node_modules")).unwrap();
    let mut command = Command::new(fetched("ecs/node", "ecs"));
    command.arg(&compiler).args(
        "--noEmit --strict --skipLibCheck --target es2022 --module commonjs --moduleResolution node --pretty false"
            .split(' '),
    );
    let (is_well, output, errors) = readers::run(command.arg("documents.ts").current_dir(&folder));
    assert!(errors.is_empty() && is_well == output.is_empty(), "{errors}");
    output.lines().filter(|line| line.starts_with("documents.ts")).map(str::to_owned).collect()
}

fn cut(value: Value) -> Value {
    match value {
        Value::String(text) => text.chars().take(100).collect::<String>().into(),
        Value::Array(items) => items.into_iter().map(cut).collect(),
        Value::Object(object) => object.into_iter().map(|(key, value)| (key, cut(value))).collect(),
        other => other,
    }
}

#[test]
fn elastics_own_types_take_every_document() {
    let documents: Vec<Value> = readers::records(&SPEC).iter().map(|record| cut(said(record))).collect();
    assert_eq!(compile("ecs", &documents), [] as [String; 0]);
}

#[test]
fn elastics_own_types_notice_what_is_wrong() {
    let mut documents = vec![event(json!({"kind": "egress.http"})); 5];
    documents[1]["event"]["sequnce"] = json!(1);
    documents[2]["gen_ai"] = json!({"provider": {"name": "anthropic"}});
    documents[3]["destination"]["port"] = json!("443");
    documents[4]["ecs"]["version"] = json!("9.3.0");
    let faults = compile("ecs-wrong", &documents);
    let lines: Vec<&str> = faults.iter().map(|fault| fault.split(['(', ',']).nth(1).unwrap()).collect();
    // Two lines of the source stand before the documents.
    assert_eq!(lines, ["4", "5", "6", "7"], "{faults:?}");
}

#[test]
fn the_page_says_what_each_field_holds() {
    let is_column = |name: &str| {
        Table::of(LedgerName::Events).columns.iter().any(|column| name == format!("tachograph.{}", column.name))
    };
    let own = ["tachograph.stream", "tachograph.record", "tachograph.time", "tachograph.observed"];
    let operations = ["tachograph.subject", "tachograph.revision", "tachograph.from", "tachograph.to"];
    let said = fields().into_iter().map(|(name, _)| name);
    let said = said.filter(|name| own.contains(&&**name) || !(is_column(name) || operations.contains(&&**name)));
    assert_eq!(readers::documented("ecs.md"), said.collect::<BTreeSet<String>>());
}

#[test]
fn every_block_of_fixtures_is_read() {
    let names: Vec<&str> = every::records(&SPEC).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["events", "operations", "evil_events", "evil_operations"]);
}
