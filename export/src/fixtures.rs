//! Rows for tests, made from JSON objects with columns by name.

pub mod every;
pub mod evil;
pub mod validators;

use ledger::{Entry, LedgerName, Rows, Seq, Table, Timestamp};
use operations::alert::{Alert, Severity, State, What, Who};
use operations::fold::{Fold as _, Outbox};
use operations::kind::delivery::SENT_KIND;
use operations::kind::export::RECEIPT_KIND;
use proof::tree;
use serde_json::{Value, json};

use crate::config::SinkConfig;
use crate::record::{Filter, Record};
use crate::schemas::SchemaSpec;
use crate::selection::Selection;
use crate::streams::renderer::Renderer;

/// A sink of a SIEM with this name.
pub fn sink(name: &str) -> SinkConfig {
    let settings = json!({"name": name, "type": "splunk_hec", "url": "https://splunk.acme.example", "token": "env:T"});
    SinkConfig::from_settings(settings.as_object().unwrap().clone()).unwrap()
}

/// 2025-11-21T00:00:00Z.
pub const START: i64 = 1_763_683_200_000_000;

/// The entry with these columns.
pub fn entry(ledger: LedgerName, value: &Value) -> Entry {
    let mut entry = Entry::new();
    for column in Table::of(ledger).columns {
        let Some(value) = value.get(column.name) else { continue };
        entry.set_json(column, value).unwrap();
    }
    entry
}

fn push(rows: &mut Rows, ledger: LedgerName, batch: u64, value: &Value) {
    let entry = entry(ledger, value);
    rows.push_entry(batch, Timestamp::from_unix_micros(START + rows.next_seq.get() as i64 * 1_000), &entry);
}

/// A block of events from position 0.
pub fn events(entries: &[Value]) -> Rows {
    block(LedgerName::Events, Seq::FIRST, entries)
}

/// A block of operations from position 0.
pub fn operations(entries: &[Value]) -> Rows {
    block(LedgerName::Operations, Seq::FIRST, entries)
}

/// A block from any position.
pub fn block(ledger: LedgerName, from: Seq, entries: &[Value]) -> Rows {
    block_in(ledger, from, entries, |_| 0)
}

/// A block whose entries stand in these batches of the ledger.
pub fn block_in(ledger: LedgerName, from: Seq, entries: &[Value], batch_of: impl Fn(u64) -> u64) -> Rows {
    let mut rows = Rows::new(ledger, 0, from);
    for entry in entries {
        let batch = batch_of(rows.next_seq.get());
        push(&mut rows, ledger, batch, entry);
    }
    rows
}

/// The alert of number `number`.
pub fn alert_of(number: u64, severity: Severity) -> Alert {
    Alert {
        id: format!("alert-{number:032x}"),
        revision: 1,
        rule: "egress.denied_post".into(),
        rule_version: 1,
        state: State::Open,
        severity,
        title: "Refused POST to attacker-logger.com".into(),
        reason: "POST to attacker-logger.com was refused once.".into(),
        who: Who { user: Some("alice".into()), workspace_name: Some("alice/api".into()), ..Who::default() },
        what: What { host: Some("attacker-logger.com".into()), method: Some("POST".into()), ..What::default() },
        first_seen: Timestamp::from_unix_micros(START),
        last_seen: Timestamp::from_unix_micros(START),
        recorded_first: Timestamp::from_unix_micros(START),
        recorded_last: Timestamp::from_unix_micros(START),
        count: 1,
        evidence: vec!["events/0/7".parse().unwrap()],
        tags: vec!["AML.T0086".into()],
        backfill: false,
        measured: None,
        follows: None,
        sender: None,
        flood: false,
        lowered_from: None,
        shape: None,
    }
}

/// The entry of an alert.
pub fn alert(number: u64, severity: Severity) -> Value {
    entry_of(&alert_of(number, severity))
}

/// The entry of any alert.
pub fn entry_of(alert: &Alert) -> Value {
    json!({"kind": "alert", "subject": alert.id, "revision": alert.revision, "record": serde_json::to_string(alert).unwrap()})
}

/// The outbox of a receiver that was told nothing.
pub fn outbox() -> Outbox {
    Outbox::new("sink", LedgerName::Operations, 0, false)
}

/// The outbox of a receiver that was told of these alerts, one by one or in a digest.
pub fn told(numbers: &[u64], digest: bool) -> Outbox {
    told_as(numbers, digest, "1763750001.000200")
}

/// The same of a receiver that calls the message so.
pub fn told_as(numbers: &[u64], digest: bool, handle: &str) -> Outbox {
    let alert = |number: &u64| json!({"id": alert_of(*number, Severity::High).id, "revision": 1});
    let mut outbox = outbox();
    receive_as(&mut outbox, &Value::Array(numbers.iter().map(alert).collect()), digest, Some(handle));
    outbox
}

/// A message that tells of these alerts arrives, with the receipt of its batch.
pub fn receive(outbox: &mut Outbox, alerts: &Value, digest: bool) {
    receive_as(outbox, alerts, digest, Some("1763750001.000200"));
}

/// The same, and the receiver calls the message so.
pub fn receive_as(outbox: &mut Outbox, alerts: &Value, digest: bool, handle: Option<&str>) {
    let record = json!({"key": "digest/operations/0/0", "handle": handle, "digest": digest,
        "alerts": alerts, "sha256": "", "attempts": 1, "ack": ""});
    let entry = |kind: &str, record: &Value| json!({"kind": kind, "subject": "sink", "from": "operations/0/0", "record": record.to_string()});
    let rows = operations(&[entry(SENT_KIND, &record), entry(RECEIPT_KIND, &json!({}))]);
    rows.iter().for_each(|row| outbox.apply(&row));
}

/// The entry of what somebody did about an alert, who saw it as it is.
pub fn step(kind: &str, alert: &Alert) -> Value {
    let record = json!({"revision": alert.revision, "token": "tok_1", "severity": alert.severity, "reason": "false_positive", "alert": alert});
    json!({"kind": kind, "subject": alert.id, "revision": alert.revision, "actor": "alice", "record": record.to_string()})
}

/// Records of these alerts, as a receiver of alerts gets them.
pub fn records_of(alerts: &[Alert]) -> Vec<Record> {
    alert_records(&operations(&alerts.iter().map(entry_of).collect::<Vec<_>>()))
}

/// The filter of a receiver of every alert.
pub fn filter() -> Filter {
    Filter { alerts_only: true, ..Filter::of_everything("sink") }
}

/// A notice about alert `number`, for a reason.
pub fn notice(because: &Value, number: u64) -> Value {
    let mut record = because.clone();
    record["alert"] = serde_json::to_value(alert_of(number, Severity::High)).unwrap();
    json!({"kind": "alert.notice", "subject": record["alert"]["id"], "record": record.to_string()})
}

/// Records for a receiver of alerts.
pub fn alert_records(rows: &Rows) -> Vec<Record> {
    let selection = Selection::new(filter(), Renderer::new(crate::FieldPolicy::default(), [3; 32]));
    rows.iter().filter_map(|row| selection.record(&row, row.position.seq.get(), None)).collect()
}

/// Records of everything in a block that may be exported, by the columns' own names.
pub fn records(rows: &Rows) -> Vec<Record> {
    records_in(&crate::schemas::plain::SPEC, rows)
}

/// The same in any schema, as the stream `acme.example/agents/events/0/0/siem` has them.
pub fn records_in(schema: &'static SchemaSpec, rows: &Rows) -> Vec<Record> {
    records_under(crate::FieldPolicy::default(), schema, rows)
}

/// The same under any field policy. In schemas that tell it each has a leaf, which rows that no ledger holds lack.
pub fn records_under(policy: crate::FieldPolicy, schema: &'static SchemaSpec, rows: &Rows) -> Vec<Record> {
    let filter = Filter { alerts_only: false, ..filter() };
    let selection = Selection::new(filter, Renderer::new(policy, [3; 32])).said_in(
        schema,
        "acme.example/agents/events/0/0/siem".to_owned(),
        schema.name.to_owned(),
    );
    let mut records: Vec<Record> = Vec::new();
    for row in rows.iter() {
        let previous = records.last().and_then(|record| record.said.link.clone());
        let Some(mut record) = selection.record(&row, records.len() as u64, previous.as_ref()) else { continue };
        if schema.says_leaf {
            record.leaf = Some(tree::leaf_hash(record.position.to_string().as_bytes()));
            selection.say(&mut record, previous.as_ref());
        }
        records.push(record);
    }
    records
}
