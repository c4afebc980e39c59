//! `ecs`: a document of the Elastic Common Schema, version 9.4.0, for Elasticsearch and OpenSearch.
//!
//! What has a field of ECS stands there. Every column stands under `tachograph` by its own name beside, unless its field of ECS holds
//! just the same, so that nothing is lost. Index templates that map every field of this file are in `deploy/elastic`.

mod categories;
#[cfg(test)]
mod template;
#[cfg(test)]
mod tests;

use ledger::{Kind, LedgerName, Table};
use operations::alert::Alert;
use serde_json::{Value, json};

use super::document::Document;
use super::kinds::{self, What};
use super::lines::text;
use super::{Context, Place, Said, SchemaSpec, parts, severity};
use crate::record::{Body, Record};
use crate::streams::fields::{Field, time};

/// What the reference says.
pub static SPEC: SchemaSpec = SchemaSpec {
    name: "ecs",
    what: "A document of the Elastic Common Schema (ECS 9.4.0); `event.sequence` is `export_seq` and `tachograph.chain` the stream that it counts.",
    mapping: 1,
    is_json: true,
    says_leaf: false,
    place,
    say,
    say_row: None,
};

/// The version of ECS.
const VERSION: &str = "9.4.0";

/// The columns of events whose field of ECS holds just what the column holds, and is a text.
const TEXTS: &[(&str, &str)] = &[
    ("user_id", "user.id"),
    ("user", "user.name"),
    ("org", "organization.name"),
    ("workspace", "host.id"),
    ("workspace_name", "host.name"),
    ("collector", "observer.name"),
    ("source", "event.provider"),
    ("action", "event.action"),
    ("rule", "rule.name"),
    ("agent", "gen_ai.agent.id"),
    ("agent_kind", "gen_ai.agent.name"),
    ("provider", "gen_ai.system"),
    ("model", "gen_ai.request.model"),
    ("tool", "gen_ai.tool.name"),
    ("tool_call", "gen_ai.tool.call.id"),
    ("method", "http.request.method"),
    ("scheme", "url.scheme"),
    ("command", "process.command_line"),
    ("file", "file.path"),
];

/// The same of columns that are numbers.
const NUMBERS: &[(&str, &str)] = &[
    ("port", "destination.port"),
    ("bytes_out", "source.bytes"),
    ("bytes_in", "destination.bytes"),
    ("exit_code", "process.exit_code"),
    ("tokens_out", "gen_ai.usage.output_tokens"),
];

/// The columns of which nothing stands under `tachograph`, since other fields say all of it.
const SAID: &[&str] = &["position", "recorded", "time", "observed", "kind", "host", "domain", "path"];

/// Where a record belongs: by its id, which is its position.
fn place(text: &str) -> Option<Place> {
    Place::in_object(text, "/event/id", "/event/sequence", "/tachograph/chain")
}

fn say(record: &Record, context: &Context<'_>) -> Said {
    let mut document = Document::default();
    envelope(record, context, &mut document);
    match &record.body {
        Body::Alert(alert) => alerted(alert, record, &mut document),
        Body::Event => happened(record, &mut document),
        Body::Operation | Body::Action(_) => {
            document.text("user.name", record.text("actor"));
            document.text("event.action", Some(record.kind()));
            columns(record, &mut document);
        }
    }
    document.said()
}

/// What every record has.
fn envelope(record: &Record, context: &Context<'_>, document: &mut Document) {
    let what = kinds::what(record);
    let (categories, mut types) = categories::of(what);
    types.extend(categories::decided(record, categories));
    let dataset = match (&record.body, record.text("family")) {
        (Body::Alert(_), _) => "alert",
        (Body::Event, Some(family @ ("boundary" | "gateway" | "workspace"))) => family,
        (Body::Event, _) => "other",
        _ => "audit",
    };
    let outcome = kinds::success(record).map(|success| if success { "success" } else { "failure" });
    document.put("@timestamp", time(parts::moment(record)));
    document.put("ecs.version", VERSION.into());
    document.put("message", kinds::title(record).into());
    document.put("event.id", record.position.to_string().into());
    document.number("event.sequence", Some(signed(record.export_seq)));
    document.put("event.kind", categories::kind(what).into());
    document.put("event.category", json!(categories));
    document.put("event.type", json!(types));
    document.text("event.outcome", outcome);
    document.put("event.module", "tachograph".into());
    document.put("event.dataset", format!("tachograph.{dataset}").into());
    document.text("event.code", Some(record.kind()));
    document.put("event.severity", severity::ecs(severity::of(record)).into());
    document.put("event.ingested", time(record.recorded));
    document.put("observer.vendor", "Tachograph".into());
    document.put("observer.product", "tachograph".into());
    document.text("observer.type", observer(record));
    document.put("tachograph.chain", context.chain.into());
    document.put("tachograph.stream", record.stream().into());
}

/// A count as a field of numbers takes it.
fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// What kind of thing saw it, by the words of ECS where it has one.
fn observer(record: &Record) -> Option<&'static str> {
    Some(match record.text("family")? {
        "boundary" => "firewall",
        "gateway" => "proxy",
        _ => "sensor",
    })
}

fn happened(record: &Record, document: &mut Document) {
    let what = kinds::what(record);
    columns(record, document);
    let tokens = ["tokens_in", "tokens_cache_read", "tokens_cache_write"];
    if tokens.iter().any(|column| record.integer(column).is_some()) {
        // The field counts what was cached, too; our columns are disjoint, and stand beside.
        let sum = tokens.iter().filter_map(|column| record.integer(column)).fold(0, i64::saturating_add);
        document.put("gen_ai.usage.input_tokens", sum.into());
    }
    document.number("event.duration", record.integer("duration_us").map(|us| us.saturating_mul(1_000)));
    match what {
        What::ModelCall | What::ModelUse | What::Prompt => document.put("gen_ai.operation.name", "chat".into()),
        What::Tool => document.put("gen_ai.operation.name", "execute_tool".into()),
        What::Http | What::Flow | What::Dns | What::NetworkFailure => {
            document.put("network.direction", "egress".into());
        }
        What::ProcessStart | What::ProcessEnd => {
            document.text("process.executable", record.text("target").filter(|path| path.starts_with('/')));
        }
        _ => {}
    }
    match what {
        What::Http => document.number("http.response.status_code", record.integer("status")),
        What::Flow => {
            document.text("network.transport", record.text("scheme").filter(|word| ["tcp", "udp"].contains(word)));
        }
        _ => {}
    }
    destination(record, what == What::Dns, document);
}

/// Where it went, or which name was asked for.
fn destination(record: &Record, is_question: bool, document: &mut Document) {
    if is_question {
        document.text("dns.question.name", parts::text(record, "host"));
        document.text("dns.question.registered_domain", parts::text(record, "domain"));
        return;
    }
    document.text("destination.address", parts::text(record, "host"));
    document.text("destination.domain", parts::name(record));
    document.text("destination.ip", parts::address(record).map(|address| address.to_string()).as_deref());
    document.text("destination.registered_domain", parts::text(record, "domain"));
    document.text("url.full", parts::url(record).as_deref());
    let (path, query) = parts::text(record, "path").map_or((None, None), |path| match path.split_once('?') {
        Some((path, query)) => (Some(path), Some(query)),
        None => (Some(path), None),
    });
    document.text("url.path", path);
    document.text("url.query", query);
}

/// Every column: in its field of ECS, or under `tachograph` by its own name.
fn columns(record: &Record, document: &mut Document) {
    let is_event = record.body == Body::Event;
    let table = Table::of(if is_event { LedgerName::Events } else { LedgerName::Operations });
    for (name, field) in record.fields.iter() {
        let Some(column) = table.by_name(name) else { continue };
        let hashed = field.as_text().is_some_and(|text| text.starts_with("hash:"));
        let place = |places: &[(&'static str, &'static str)]| {
            places.iter().find(|(column, _)| is_event && *column == name).map(|(_, place)| *place)
        };
        if hashed && !matches!(column.kind, Kind::Text | Kind::TextList) {
            // The field of a number or a moment refuses a hash.
            document.put(&format!("tachograph.hashed.{name}"), field.to_value());
        } else if let Some(place) = place(TEXTS) {
            document.text(place, field.as_text());
        } else if let Some(place) = place(NUMBERS) {
            document.put(place, field.to_value());
        } else if name == "record" && !field.as_json().is_some_and(Value::is_object) {
            // The field `record` is an object of ours; the record of a source is a text.
            document.put("tachograph.source_record", text(field).into());
        } else if name == "stream" {
            // Ours has that name.
            document.put("tachograph.source_stream", field.to_value());
        } else if !SAID.contains(&name) {
            document.put(&format!("tachograph.{name}"), field.to_value());
        }
    }
    if !parts::is_sayable(record.time) {
        document.put("tachograph.time", record.time.unix_micros().to_string().into());
    }
    if let Some(observed) = record.fields.get("observed").map(text) {
        document.text(if is_moment(&observed) { "event.created" } else { "tachograph.observed" }, Some(&observed));
    }
}

/// Whether a text is a moment that a field of dates takes: the year has four digits.
fn is_moment(text: &str) -> bool {
    text.as_bytes().get(4) == Some(&b'-') && text.ends_with('Z')
}

fn alerted(alert: &Alert, record: &Record, document: &mut Document) {
    for column in ["user", "org", "agent", "workspace", "workspace_name", "method", "model", "tool"] {
        let field = TEXTS.iter().find(|(name, _)| *name == column).map(|(_, field)| *field);
        document.text(field.unwrap_or_default(), parts::text(record, column));
    }
    destination(record, false, document);
    document.put("message", alert.title.as_str().into());
    document.put("event.reason", alert.reason.as_str().into());
    document.put("event.action", format!("alert.{}", alert.state).into());
    for (field, moment) in [("event.start", alert.first_seen), ("event.end", alert.last_seen)] {
        if parts::is_sayable(moment) {
            document.put(field, time(moment));
        }
    }
    document.put("rule.name", alert.rule.as_str().into());
    document.put("rule.version", alert.rule_version.to_string().into());
    let (mut techniques, mut parts_of) = (Vec::new(), Vec::new());
    for technique in parts::techniques(alert) {
        let list = if technique.contains('.') { &mut parts_of } else { &mut techniques };
        list.push(technique);
    }
    if !techniques.is_empty() || !parts_of.is_empty() {
        document.put("threat.framework", "MITRE ATT&CK".into());
    }
    for (field, list) in [("threat.technique.id", techniques), ("threat.technique.subtechnique.id", parts_of)] {
        if !list.is_empty() {
            document.put(field, json!(list));
        }
    }
    document.put("tags", json!(alert.tags));
    document.put("tachograph.alert.id", alert.id.as_str().into());
    document.put("tachograph.alert.state", alert.state.as_str().into());
    document.put("tachograph.alert.severity", alert.severity.as_str().into());
    document.put("tachograph.alert.revision", alert.revision.into());
    document.number("tachograph.alert.count", Some(signed(alert.count)));
    document.text("tachograph.session", parts::text(record, "session"));
    document.text("tachograph.team", parts::text(record, "team"));
    document.put("tachograph.record", record.fields.get("record").map(Field::to_value).unwrap_or_default());
}
