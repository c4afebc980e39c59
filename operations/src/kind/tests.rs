//! Every kind of the list: its example is read as a typed record and written back, it is documented, and it shows what it says.

use ledger::operations::{TABLE, column};
use ledger::{Group, Options, Row, Store};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::field::{Location, Shape};
use super::*;
use crate::access::Principal;

/// An alert as a detector writes it.
fn alert() -> Value {
    json!({
        "id": "alert-1", "revision": 2, "rule": "egress.denied_post", "rule_version": 1, "state": "updated", "severity": "high",
        "title": "t", "reason": "r", "who": {"user": "ada"}, "what": {"host": "attacker-logger.com"}, "first_seen": 1, "last_seen": 2,
        "recorded_first": 3, "recorded_last": 4, "count": 5, "evidence": ["events/0/7"], "tags": ["T1567"], "backfill": false,
        "measured": {"what": "denied requests", "unit": "count", "observed": 5, "window_seconds": 60, "limit": 3}
    })
}

/// Records by kind, each with every member that it may have. Kinds whose records belong to others are left to them.
fn examples() -> Vec<(&'static str, Value)> {
    let standing = json!({
        "cap_micros": 5, "start": 0, "end": 86_400, "committed_micros": 1, "reserved_micros": 2, "unreserved_micros": 3,
        "observed_micros": 4, "open": 1
    });
    let owner = json!({"name": "gw", "org": "acme", "team": "red"});
    let window = json!({
        "matchers": ["rule=x"], "reason": "known", "starts": 1, "ends": 2, "every_seconds": 3, "until": 4, "would_have_hidden": 5,
        "token": "t"
    });
    let about_alerts_and_money = vec![
        ("alert", alert()),
        ("alert.ack", json!({"revision": 2, "token": "t", "severity": "high", "alert": alert()})),
        ("alert.assign", json!({"revision": 2, "token": "t", "assignee": "bob"})),
        ("alert.note", json!({"revision": 2, "token": "t"})),
        (
            "alert.close",
            json!({"revision": 2, "token": "t", "reason": "duplicate", "duplicate_of": "alert-2", "alert": alert()}),
        ),
        ("alert.reopen", json!({"revision": 2, "token": "t"})),
        ("alert.notice", json!({"because": "escalation", "step": "s", "receivers": ["chief"], "alert": alert()})),
        ("delivery.hidden", json!({"alert": "alert-1", "revision": 2, "by": "silence-1", "step": "s"})),
        ("silence", window.clone()),
        ("maintenance", window),
        ("silence.expire", json!({"token": "t"})),
        ("maintenance.expire", json!({"token": "t"})),
        (
            "budget.set",
            json!({"cap_micros": 5, "period": "day", "offset_minutes": 60, "scope": {"team": "red", "families": ["gateway"]}}),
        ),
        ("budget.reserve", json!({"budgets": ["red"], "micros": 5, "ttl_seconds": 60, "org": "acme", "team": "red"})),
        ("budget.commit", json!({"micros": 5, "org": "acme", "team": "red"})),
        ("budget.release", json!({"org": "acme", "team": "red"})),
        ("budget.observed", json!({"window": 0, "micros": 5, "unreserved_micros": 1})),
        ("budget.matched", json!({"seen": [{"id": "r", "owner": owner, "micros": 5}]})),
        (
            "budget.decision",
            json!({"seq": 7, "request": "reserve", "owner": owner, "decision": "granted", "expires": 9}),
        ),
        ("budget.standing", standing),
    ];
    about_alerts_and_money.into_iter().chain(about_exports()).chain(about_others()).collect()
}

/// The same of exports and what people were told.
fn about_exports() -> Vec<(&'static str, Value)> {
    let receipt = json!({
        "export_seq": 1, "export_seq_next": 3, "count": 2, "excluded": 1, "rejected": 0, "sha256": "00", "bytes": 9, "batches": 1,
        "attempts": 1, "ack": "ok", "checkpoint": {"origin": "acme.example/agents/events/0/0", "size": 4, "root": "r"},
        "root": "00", "rendering": "plain/1 00"
    });
    vec![
        ("export.receipt", receipt),
        (
            "export.intent",
            json!({"export_seq": 1, "count": 2, "sha256": "00", "hidden": [{"seq": 3, "by": "silence-1"}]}),
        ),
        ("export.intent", json!({"export_seq": 1, "records_max": 500, "cut": "ledger_batch"})),
        ("export.rejected", json!({"export_seq": 1, "reason": "400"})),
        ("export.retry", json!({})),
        ("export.replayed", json!({"export_seq": 1, "ack": "ok"})),
        ("export.pause", json!({"reason": "planned work"})),
        ("export.resume", json!({})),
        (
            "export.backfill",
            json!({
                "number": 1, "mode": "again", "export_seq": 7, "previous": {"uid": "events/0/6", "type_uid": 1, "fingerprint": "00"},
                "rendering": "plain/1 00", "records_per_second": 1_000, "reason": "an index was lost"
            }),
        ),
        ("export.backfill.end", json!({"number": 1, "outcome": "done"})),
        (
            "delivery.sent",
            json!({
                "key": "k", "handle": "h", "digest": true,
                "thread": {"subject": "alert-1", "group": "g", "since": 1, "severity": "high"},
                "alerts": [{"id": "alert-1", "revision": 2, "over": true, "known_as": "n"}], "sha256": "00", "attempts": 1, "ack": "ok"
            }),
        ),
    ]
}

/// The same of the kinds that belong to no family.
fn about_others() -> Vec<(&'static str, Value)> {
    vec![
        ("token", json!({"hash": "00", "principal": serde_json::to_value(Principal::local()).unwrap()})),
        ("token", json!({})),
        ("config", json!({"sha256": "00", "version": "1.0.0", "needs_restart": ["store"]})),
        ("prices", json!({"version": "v", "models": 3, "file": "prices.toml"})),
        ("rates", json!({"version": "v", "rates": 2, "file": "rates.toml"})),
        ("certificate", json!({"sha256": "00", "file": "tls.pem", "valid_until": "2027-01-01T00:00:00Z"})),
        ("query", json!({"token": "t", "via": "http"})),
        ("query", json!({"token": "t", "outcome": "complete", "rows": 3, "elapsed_ms": 5})),
        ("content.read", json!({"token": "t", "columns": ["events.command"], "via": "alerts"})),
        (
            "login",
            json!({
                "via": "oidc", "roles": ["analyst"], "content": true, "address": "192.0.2.7", "until": 1_799_000_000_000_000_i64,
                "provider": {"issuer": "https://login.acme.example", "subject": "7", "groups": ["agents-security"]},
            }),
        ),
        ("login", json!({})),
        ("login.refused", json!({"via": "token", "reason": "this token is not known", "count": 10})),
        ("manifest", json!({"number": 4, "sha256": "00"})),
        ("ledger.torn", json!({"kept_batches": 4, "signed_batches": 5, "signed_root": "00"})),
    ]
}

/// The record as the typed codec of its kind reads and writes it.
fn rewritten(row: &Row<'_>) -> Option<Value> {
    fn through<R: Serialize + DeserializeOwned>(kind: &Kind<R>, row: &Row<'_>) -> Option<Value> {
        serde_json::to_value(kind.read(row)?).ok()
    }
    let either = |first: Option<Value>, second: Option<Value>| first.or(second);
    match row.text(column::KIND)? {
        "alert" => through(&alert::ALERT, row),
        "alert.ack" => through(&alert_step::ACKNOWLEDGED, row),
        "alert.assign" => through(&alert_step::ASSIGNED, row),
        "alert.note" => through(&alert_step::NOTED, row),
        "alert.close" => through(&alert_step::CLOSED, row),
        "alert.reopen" => through(&alert_step::REOPENED, row),
        "alert.notice" => through(&alert_notice::NOTICED, row),
        "delivery.hidden" => through(&delivery::HIDDEN, row),
        "silence" => through(&window::SILENCED, row),
        "maintenance" => through(&window::MAINTAINED, row),
        "silence.expire" => through(&window::SILENCE_EXPIRED, row),
        "maintenance.expire" => through(&window::MAINTENANCE_EXPIRED, row),
        "budget.set" => through(&budget_request::BUDGET_SET, row),
        "budget.reserve" => through(&budget_request::RESERVED, row),
        "budget.commit" => through(&budget_request::COMMITTED, row),
        "budget.release" => through(&budget_request::RELEASED, row),
        "budget.observed" => through(&budget_request::EVENTS_OBSERVED, row),
        "budget.matched" => through(&budget_request::EVENTS_MATCHED, row),
        "budget.decision" => through(&budget_report::DECIDED, row),
        "budget.standing" => through(&budget_report::BALANCE, row),
        "export.receipt" => through(&export::RECEIPT, row),
        "export.intent" => through(&export::INTENT, row),
        "export.rejected" => through(&export::REJECTED, row),
        "export.retry" => through(&export::RETRY, row),
        "export.replayed" => through(&export::REPLAYED, row),
        "export.pause" => through(&sink_order::PAUSE, row),
        "export.resume" => through(&sink_order::RESUME, row),
        "export.backfill" => through(&sink_order::BACKFILL, row),
        "export.backfill.end" => through(&sink_order::BACKFILL_END, row),
        "delivery.sent" => through(&delivery::SENT, row),
        "token" => either(through(&token::TOKEN, row), through(&token::TOKEN_REVOKED, row)),
        "login" => either(through(&login::LOGIN, row), through(&login::LOGIN_ENDED, row)),
        "login.refused" => through(&login::LOGIN_REFUSED, row),
        "config" => through(&configuration::CONFIG, row),
        "prices" => through(&configuration::PRICES, row),
        "rates" => through(&configuration::RATES, row),
        "certificate" => through(&configuration::CERTIFICATE, row),
        "query" => either(through(&query::QUERY, row), through(&query::QUERY_ENDED, row)),
        "content.read" => through(&query::CONTENT_READ, row),
        "manifest" => through(&log::MANIFEST, row),
        "ledger.torn" => through(&log::TORN, row),
        _ => None,
    }
}

#[test]
fn every_record_is_read_as_it_was_written() {
    let dir = tempfile::tempdir().unwrap();
    Store::init(dir.path(), "acme.example/agents").unwrap();
    let store = Store::open(dir.path(), Options::default()).unwrap();
    let first = store.operations().reader().durable().unwrap().next_seq;
    let mut group = Group::new(&TABLE);
    let envelope = Envelope { subject: "s", revision: Some(3), actor: "a", from: Some("f"), to: Some("t") };
    for (word, record) in examples() {
        group.push(&find(word).unwrap().entry_of(&envelope, &record.to_string())).unwrap();
    }
    store.operations().appender().try_append(group).unwrap().wait().unwrap();
    let limit = ledger::ReadLimit { rows: 1_000, bytes: 1 << 20 };
    let rows = store.operations().reader().read(first, false, limit).unwrap();
    assert_eq!(rows.len(), examples().len());
    for (row, (word, record)) in rows.iter().zip(examples()) {
        assert_eq!(rewritten(&row), Some(record), "{word}");
        let said = [column::SUBJECT, column::ACTOR, column::FROM, column::TO].map(|column| row.text(column));
        assert_eq!((said, row.integer(column::REVISION)), ([Some("s"), Some("a"), Some("f"), Some("t")], Some(3)));
    }
    store.stop();
}

#[test]
fn every_kind_is_listed_once_with_an_example_and_its_documentation() {
    let owned_by_others = [detection::CURSOR.word, detection::RULES.word, detection::OUTAGE.word];
    for info in ALL {
        assert_eq!(ALL.iter().filter(|other| other.word == info.word).count(), 1, "{}", info.word);
        let has_example = examples().iter().any(|(word, _)| *word == info.word);
        assert_ne!(has_example, owned_by_others.contains(&info.word), "{}", info.word);
        assert!(!info.doc.is_empty() && !info.actor.is_empty() && !info.doc.contains(['|', '\n']), "{}", info.word);
    }
    let internal: Vec<&str> = ALL.iter().filter(|info| info.is_internal).map(|info| info.word).collect();
    let expected = [
        "delivery.hidden",
        "export.receipt",
        "export.intent",
        "export.rejected",
        "export.retry",
        "export.replayed",
        "delivery.sent",
        "cursor",
        "query",
        "manifest",
    ];
    assert_eq!(internal, expected);
    assert!(is_internal("cursor") && !is_internal("alert") && !is_internal("no.such"));
}

#[test]
fn what_a_view_shows_stands_in_records() {
    for info in ALL {
        let records: Vec<Value> =
            examples().into_iter().filter(|(word, _)| *word == info.word).map(|(_, record)| record).collect();
        for field in info.fields {
            let found = match field.location {
                Location::Column(name) => TABLE.by_name(name).is_some(),
                Location::Record(path) => records.iter().any(|record| {
                    let value = path.iter().try_fold(record, |value, member| value.get(member));
                    value.is_some_and(|value| match field.shape {
                        Shape::Text => value.is_string(),
                        Shape::Integer | Shape::IntegerOr(_) => value.is_i64(),
                        Shape::Flag => value.is_boolean(),
                        Shape::Json => value.is_array() || value.is_object(),
                    })
                }),
            };
            assert!(found && field.doc.ends_with('.'), "{}: {}", info.word, field.name);
        }
    }
}

#[test]
fn what_is_too_long_or_no_record_of_ours_is_not_read() {
    let check = |record: &str, expected: bool| {
        assert_eq!(alert_step::NOTED.parse(record).is_some(), expected, "{record:.40}");
    };
    let noted = |token: &str| json!({"revision": 2, "token": token}).to_string();
    check(&noted("t"), true);
    check("", false);
    check("[]", false);
    check(&noted(&"t".repeat(crate::limits::TRIAGE_RECORD_BYTES_MAX)), false);
    check(&"[".repeat(60_000), false);
}

/// `UPDATE_DOCS=1 cargo test -p operations kind` writes the tables.
#[test]
fn the_format_lists_every_kind() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../ledger/FORMAT.md");
    let mut text = std::fs::read_to_string(path).unwrap();
    let families = [Family::Alerts, Family::Budgets, Family::Exports, Family::Others];
    let heading = "| kind | actor | record, and what follows |\n";
    if std::env::var_os("UPDATE_DOCS").is_some() {
        let mut parts = text.split(heading).map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(parts.len(), families.len() + 1, "one table for each family");
        for (part, family) in parts[1..].iter_mut().zip(families) {
            let rest = part.find("\n\n").unwrap();
            *part = format!("{}{}", table(family).strip_prefix(heading).unwrap(), &part[rest + 1..]);
        }
        text = parts.join(heading);
        std::fs::write(path, &text).unwrap();
    }
    for family in families {
        assert!(text.contains(&table(family)), "FORMAT.md is stale: run UPDATE_DOCS=1 cargo test -p operations kind");
    }
}
