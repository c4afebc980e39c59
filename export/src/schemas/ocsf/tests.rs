//! What kinds become, that nothing is lost on the way, and the page about it. `validators` has others look at every event, and `chain` takes
//! copies of them apart, and `leaf` follows them into the ledger.

mod chain;
mod leaf;
mod validators;

use std::collections::BTreeSet;
use std::fmt::Write as _;

use operations::alert::{Alert, Severity, State};
use operations::kind;

use super::*;
use crate::fixtures::{self, every};

const VERSIONS: [&SchemaSpec; 3] = [&SPEC, &SPEC_1_8, &SPEC_1_1];

fn json(record: &Record) -> Value {
    serde_json::from_str(&record.said.text).unwrap()
}

/// The event that a row becomes.
fn event(schema: &'static SchemaSpec, ledger: LedgerName, row: &Value) -> Value {
    let rows = fixtures::block(ledger, ledger::Seq::FIRST, std::slice::from_ref(row));
    let policy = serde_json::from_str(every::EVERYTHING).unwrap();
    json(&fixtures::records_under(policy, schema, &rows)[0])
}

/// Type, status, action with disposition, and the profiles beside `record_integrity`.
fn summary(event: &Value) -> (u64, &str, String, String) {
    let word = |name: &str| event[name].as_str().unwrap_or("-").to_owned();
    let profiles = event["metadata"]["profiles"].as_array().unwrap().iter().filter_map(Value::as_str);
    let profiles: Vec<_> = profiles.filter(|profile| *profile != "record_integrity").collect();
    let verdict = format!("{}/{}", word("action"), word("disposition"));
    (event["type_uid"].as_u64().unwrap(), event["status"].as_str().unwrap_or("-"), verdict, profiles.join(" "))
}

#[test]
fn what_agents_did_has_a_class_by_kind_and_outcome() {
    let check = |row: Value, expected: (u64, &str, &str, &str)| {
        let event = event(&SPEC, LedgerName::Events, &row);
        let (type_uid, status, verdict, profiles) = summary(&event);
        assert_eq!((type_uid, status, verdict.as_str(), profiles.as_str()), expected, "{row}");
    };
    let (denied, allowed, none) = ("Denied/Blocked", "Allowed/Allowed", "-/-");
    let http = |method: &str, outcome: &str| json!({"kind": "egress.http", "method": method, "host": "acme.example", "outcome": outcome});
    check(http("POST", "deny"), (400_206, "Failure", denied, "security_control"));
    check(http("GET", "allow"), (400_203, "Success", allowed, "security_control"));
    check(http("PATCH", "success"), (400_209, "Success", none, ""));
    check(http("BREW", "error"), (400_299, "Failure", none, ""));
    check(
        json!({"kind": "egress.http", "host": "acme.example", "outcome": "deny"}),
        (400_105, "Failure", denied, "security_control"),
    );
    check(
        json!({"kind": "egress.flow", "host": "acme.example", "outcome": "allow"}),
        (400_101, "Success", allowed, "security_control"),
    );
    check(json!({"kind": "egress.flow", "host": "acme.example", "bytes_out": 7}), (400_102, "-", none, ""));
    check(
        json!({"kind": "egress.dns", "host": "acme.example", "outcome": "deny"}),
        (400_301, "Failure", denied, "security_control"),
    );
    // A command that was refused is a launch that was blocked, and has no end.
    let command = json!({"kind": "command", "command": "curl", "outcome": "deny", "agent_kind": "codex"});
    check(command, (100_701, "Failure", denied, "ai_operation security_control"));
    check(json!({"kind": "command", "exit_code": 1, "outcome": "error"}), (100_701, "Failure", none, ""));
    check(json!({"kind": "process.exit", "exit_code": 1}), (100_702, "-", none, ""));
    check(json!({"kind": "file.write", "target": "/a"}), (100_103, "-", none, ""));
    check(
        json!({"kind": "model.call", "model": "m", "rule": "r"}),
        (600_399, "-", none, "ai_operation security_control"),
    );
    check(
        json!({"kind": "prompt", "outcome": "blocked"}),
        (600_399, "Failure", denied, "ai_operation security_control"),
    );
    check(json!({"kind": "approval", "outcome": "deny"}), (300_301, "Failure", denied, "security_control"));
    check(json!({"kind": "session.start", "user": "alice"}), (600_203, "-", none, "host"));
    check(json!({"kind": "workspace.build", "action": "stop"}), (600_204, "-", none, ""));
    check(json!({"kind": "workspace.build", "action": "delete"}), (300_404, "-", none, ""));
    check(
        json!({"kind": "audit", "action": "USER_LOGIN", "outcome": "deny"}),
        (300_201, "Failure", denied, "security_control"),
    );
    check(json!({"kind": "audit", "action": "logout"}), (300_202, "-", none, ""));
    check(json!({"kind": "audit", "action": "create", "target": "template/t"}), (300_401, "-", none, ""));
    check(
        json!({"kind": "sensor.alert", "rule": "r", "outcome": "deny"}),
        (200_401, "New", denied, "security_control"),
    );
    check(json!({"kind": "inventory", "target": "files"}), (500_201, "-", none, ""));
    check(json!({"kind": "loss", "amount": 7}), (100_899, "-", none, ""));
    check(json!({"kind": "egress.failure"}), (600_801, "-", none, ""));
    check(json!({"kind": "acme.unheard_of", "outcome": "maybe"}), (99, "maybe", none, ""));
}

#[test]
fn every_step_of_an_alerts_life_is_about_one_finding() {
    let alert = fixtures::alert_of(1, Severity::High);
    let revision = |state| fixtures::entry_of(&Alert { state, ..alert.clone() });
    let steps = [
        (revision(State::Open), 200_401, "New", "-"),
        (revision(State::Updated), 200_402, "In Progress", "-"),
        (fixtures::step("alert.ack", &alert), 200_402, "In Progress", "-"),
        (json!({"kind": "alert.note", "subject": alert.id}), 200_402, "-", "-"),
        (fixtures::step("alert.close", &alert), 200_403, "Resolved", "False Positive"),
        (json!({"kind": "alert.reopen", "subject": alert.id}), 200_402, "In Progress", "-"),
        (revision(State::Resolved), 200_403, "Resolved", "-"),
    ];
    for (row, type_uid, status, verdict) in steps {
        let event = event(&SPEC, LedgerName::Operations, &row);
        assert_eq!(event["finding_info"]["uid"], alert.id, "{row}");
        let said = (summary(&event).0, summary(&event).1, event["verdict"].as_str().unwrap_or("-"));
        assert_eq!(said, (type_uid, status, verdict), "{row}");
        let has_alert = row["record"].is_string();
        assert_eq!(event["severity"], if has_alert { "High" } else { "Informational" }, "{row}");
    }
}

#[test]
fn what_people_did_has_a_class() {
    let check = |row: Value, expected: (u64, &str)| {
        let event = event(&SPEC, LedgerName::Operations, &row);
        assert_eq!((summary(&event).0, summary(&event).1), expected, "{row}");
        assert_eq!(event["actor"]["user"]["name"], "alice", "{row}");
    };
    let of = |kind: &str, to: &str, record: Value| json!({"kind": kind, "subject": "s", "actor": "alice", "to": to, "record": record.to_string()});
    check(of("login", "open", json!({"via": "oidc"})), (300_201, "-"));
    check(of("login", "ended", json!({})), (300_202, "-"));
    check(of("login.refused", "", json!({"reason": "unknown", "count": 3})), (300_201, "Failure"));
    check(of("token", "active", json!({})), (300_401, "-"));
    check(of("token", "revoked", json!({})), (300_404, "-"));
    check(of("budget.decision", "", json!({"decision": "denied"})), (300_499, "Failure"));
    check(of("content.read", "", json!({"via": "alerts"})), (600_302, "-"));
    check(of("config", "", json!({})), (300_403, "-"));
    check(of("acme.unheard_of", "", json!({})), (99, "-"));
}

#[test]
fn the_agent_stands_where_the_version_has_a_place_for_it() {
    let row = json!({"kind": "command", "agent": "a-1", "agent_kind": "codex", "session": "s-1", "user": "alice", "user_id": "u-1",
        "run": "task-7", "model": "m", "provider": "openai", "org": "acme"});
    let newest = event(&SPEC, LedgerName::Events, &row);
    assert_eq!(newest["ai_agent"], json!({"uid": "a-1", "name": "codex", "instance_uid": "s-1"}));
    assert_eq!(newest["delegation"], json!({"uid": "task-7", "issuer_uid": "u-1"}));
    assert_eq!(newest["ai_model"], json!({"name": "m", "ai_provider": "openai"}));
    assert_eq!(newest["metadata"]["tenant_uid"], "acme");
    let older = event(&SPEC_1_8, LedgerName::Events, &row);
    assert_eq!(older["unmapped"]["ai_agent"], newest["ai_agent"]);
    assert_eq!((&older["ai_model"], &older["attestation_list"]), (&newest["ai_model"], &Value::Null));
    let oldest = event(&SPEC_1_1, LedgerName::Events, &row);
    assert_eq!(oldest["unmapped"]["delegation"], newest["delegation"]);
    assert_eq!(oldest["unmapped"]["ai_model"], newest["ai_model"]);
    assert_eq!(oldest["metadata"]["profiles"], json!([]));
}

/// The texts and numbers of an event, without those that are made of others.
fn leaves(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(object) => {
            let made = ["message", "observables", "activity_name"];
            object
                .iter()
                .filter(|(name, _)| !made.contains(&name.as_str()))
                .for_each(|(_, value)| leaves(value, found));
            // These two are taken apart.
            for (one, other, between) in [("path", "query_string", '?'), ("type", "uid", '/')] {
                let both = object.get(one).and_then(Value::as_str).zip(object.get(other).and_then(Value::as_str));
                found.extend(both.map(|(one, other)| format!("{one}{between}{other}")));
            }
        }
        Value::Array(items) => items.iter().for_each(|item| leaves(item, found)),
        Value::String(text) => drop(found.insert(text.clone())),
        other => drop(found.insert(other.to_string())),
    }
}

/// Checks that each column stands in the event: under its own name, or where the class has it.
fn check_nothing_is_lost(record: &Record, event: &Value, of: &str) {
    let (rest, mut said) = (&event["unmapped"]["tachograph"], BTreeSet::new());
    leaves(event, &mut said);
    for (name, field) in record.fields.iter() {
        let mut value = field.to_value();
        canonical::plain_numbers(&mut value);
        let text = value.as_str().map_or_else(|| value.to_string(), Into::into);
        assert!(rest[name] == value || said.contains(&text), "{of}: {name} of {}", record.position);
    }
}

fn check_record(record: &Record, of: &str) {
    let event = json(record);
    check_nothing_is_lost(record, &event, of);
    let canonical = serde_json_canonicalizer::to_string(&event).unwrap();
    assert!(record.said.text == canonical, "{of}: {}", record.position);
}

#[test]
fn an_event_loses_nothing_and_is_in_the_canonical_form_that_others_write() {
    for schema in VERSIONS {
        for (block, records) in every::records(schema) {
            let of = format!("{}, {block}", schema.name);
            for record in &records {
                check_record(record, &of);
            }
        }
    }
}

#[test]
fn every_kind_that_is_made_here_has_a_row() {
    let has_row = |rows: &[table::Row], kind: &str| rows.iter().any(|row| row.kind == kind);
    for (kind, _) in every::kinds().into_iter().filter(|(kind, _)| *kind != "acme.unheard_of") {
        assert!(has_row(table::EVENTS, kind), "{kind}");
    }
    for info in kind::ALL.iter().filter(|info| !info.is_internal) {
        assert!(has_row(table::OPERATIONS, info.word), "{}", info.word);
    }
    for row in table::EVENTS {
        assert!(every::kinds().iter().any(|(kind, _)| *kind == row.kind), "no fixture has {}", row.kind);
    }
}

/// Kinds that stand in the sources of the dialects as texts: `draft.set_origin(SOURCE, "boundary", "egress.http")`.
#[test]
fn no_dialect_makes_a_kind_without_a_row() {
    let mut folders = vec![std::path::PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../ingest/src/dialect"))];
    let mut found = BTreeSet::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = std::fs::read_to_string(path).unwrap();
            let calls = text.split("set_origin(").skip(1).filter_map(|rest| rest.split(");").next());
            let kinds = calls.filter_map(|call| call.rsplit(',').next()?.trim().strip_prefix('"')?.strip_suffix('"'));
            found.extend(kinds.map(ToOwned::to_owned));
        }
    }
    assert!(found.len() > 10, "{found:?}");
    let strangers: Vec<_> = found.iter().filter(|kind| table::EVENTS.iter().all(|row| row.kind != **kind)).collect();
    assert!(strangers.is_empty(), "{strangers:?}");
}

/// The table of the page about it.
fn page_table() -> String {
    let activity = |row: &table::Row| match row.activity {
        Activity::Is(number, caption) => format!("{number} {caption}"),
        Activity::Other(caption) => format!("99 {caption}"),
        Activity::Source => "99, `action` or else the kind".to_owned(),
        Activity::Method => "by the method".to_owned(),
        Activity::Flow => "1 Open, 2 Close, 4 Fail or 5 Refuse".to_owned(),
        Activity::Verb => "by the verb in `action`: 1 Create, 2 Read, 4 Delete, else 3 Update".to_owned(),
    };
    let mut table = "| kind | class | activity | of what |\n|---|---|---|---|\n".to_owned();
    for row in table::EVENTS.iter().chain(table::OPERATIONS) {
        let when = match row.when {
            table::When::Always => String::new(),
            table::When::Word(column, words) => format!(", `{column}` has {}", words.join(" or ")),
        };
        let names = row.class.names();
        let activity =
            if row.kind == "alert" { "1 Create, 2 Update or 3 Close, by its state".to_owned() } else { activity(row) };
        writeln!(table, "| `{}`{when} | {} {} | {activity} | {} |", row.kind, names.uid, names.name, row.thing)
            .unwrap();
    }
    table
}

/// `UPDATE_DOCS=1 cargo test -p export ocsf` writes the table.
#[test]
fn the_page_shows_the_table() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/schemas/ocsf.md");
    let mut text = std::fs::read_to_string(path).unwrap();
    let heading = "| kind | class | activity | of what |\n";
    if std::env::var_os("UPDATE_DOCS").is_some() {
        let (before, after) = text.split_once(heading).unwrap();
        let rest = after.find("\n\n").unwrap();
        text = format!("{before}{}{}", page_table(), &after[rest + 1..]);
        std::fs::write(path, &text).unwrap();
    }
    assert!(text.contains(&page_table()), "docs/schemas/ocsf.md is stale: run UPDATE_DOCS=1 cargo test -p export ocsf");
    for class in Class::ALL {
        let used = table::EVENTS.iter().chain(table::OPERATIONS).any(|row| row.class == class);
        assert!(used, "{class:?} is in no row");
    }
}
