//! `udm`: an event of the Unified Data Model of Google SecOps, in the JSON form of Protocol Buffers, as `events.import` takes it.
//!
//! Each type of event asks for fields of its own (UDM usage guide, June 2026). A record that lacks one of them is a `GENERIC_EVENT`, since
//! the receiver refuses a batch for one event that lacks a field. What has no field stands under `additional` by the column's own name.

use operations::alert::Alert;
use serde_json::{Map, Value, json};

use super::document::Document;
use super::kinds::{self, What};
use super::lines::text;
use super::{Context, Place, Said, SchemaSpec, parts, severity};
use crate::record::{Body, Record};
use crate::streams::fields::time;

/// What the reference says.
pub static SPEC: SchemaSpec = SchemaSpec {
    name: "udm",
    what: "An event of the Unified Data Model of Google SecOps; `additional.export_seq` counts `additional.chain` without gaps.",
    mapping: 1,
    is_json: true,
    says_leaf: false,
    place,
    say,
    say_row: None,
};

/// What each type of event asks for beside its metadata: of each group one field at least.
const ASKED: &[(&str, &[&[&str]])] = &[
    ("NETWORK_HTTP", &[&["target.hostname", "target.ip"], &["target.url"], MACHINE]),
    ("NETWORK_CONNECTION", &[&["target.hostname", "target.ip"], MACHINE]),
    ("NETWORK_DNS", &[&["network.dns.questions"], MACHINE]),
    ("PROCESS_LAUNCH", &[&["target.process"], MACHINE]),
    ("PROCESS_TERMINATION", &[&["target.process"], MACHINE]),
    ("FILE_READ", &[&["target.file.full_path"], MACHINE]),
    ("FILE_MODIFICATION", &[&["target.file.full_path"], MACHINE]),
    ("FILE_DELETION", &[&["target.file.full_path"], MACHINE]),
    ("USER_LOGIN", &[&["target.user.userid"], &["target.application"], &["extensions.auth.type"]]),
    ("USER_LOGOUT", &[&["target.user.userid"], &["target.application"], &["extensions.auth.type"]]),
    ("USER_RESOURCE_ACCESS", &[&["principal.user.userid"], &["target.resource.name"]]),
    ("USER_RESOURCE_CREATION", &[&["principal.user.userid"], &["target.resource.name"]]),
    ("USER_RESOURCE_UPDATE_CONTENT", &[&["principal.user.userid"], &["target.resource.name"]]),
    ("USER_RESOURCE_DELETION", &[&["principal.user.userid"], &["target.resource.name"]]),
    ("STATUS_STARTUP", &[MACHINE]),
    ("STATUS_SHUTDOWN", &[MACHINE]),
    ("STATUS_UPDATE", &[MACHINE]),
];

/// What tells a machine.
const MACHINE: &[&str] = &["principal.hostname", "principal.asset_id"];

/// The type for what asks for nothing.
const GENERIC: &str = "GENERIC_EVENT";

/// The columns of which nothing stands under `additional`, since other fields say all of it.
const SAID: &[&str] = &["time", "position", "kind", "workspace_name", "host", "rule", "method"];

/// The longest value under `additional`, in bytes.
const ADDITIONAL_BYTES_MAX: usize = 8 << 10;

/// Where a record belongs: by its id, which is its position.
fn place(text: &str) -> Option<Place> {
    Place::in_object(text, "/metadata/product_log_id", "/additional/export_seq", "/additional/chain")
}

fn say(record: &Record, context: &Context<'_>) -> Said {
    let mut event = Document::default();
    let what = kinds::what(record);
    principal(record, &mut event);
    target(record, what, &mut event);
    network(record, what, &mut event);
    if let Some(result) = result(record, what) {
        event.put("security_result", json!([result]));
    }
    event.put("additional", Value::Object(additional(record, context)));
    metadata(record, what, &mut event);
    event.said()
}

/// The type that fits, if the event has what it asks for.
fn event_type(what: What, event: &Document) -> &'static str {
    let fitting = match what {
        What::Http => "NETWORK_HTTP",
        What::Flow => "NETWORK_CONNECTION",
        What::Dns => "NETWORK_DNS",
        What::ProcessStart => "PROCESS_LAUNCH",
        What::ProcessEnd => "PROCESS_TERMINATION",
        What::FileRead => "FILE_READ",
        What::FileWrite => "FILE_MODIFICATION",
        What::FileDelete => "FILE_DELETION",
        What::Login | What::LoginRefused => "USER_LOGIN",
        What::Logout => "USER_LOGOUT",
        What::ModelCall | What::Tool | What::Access => "USER_RESOURCE_ACCESS",
        What::Creation => "USER_RESOURCE_CREATION",
        What::Change => "USER_RESOURCE_UPDATE_CONTENT",
        What::Deletion => "USER_RESOURCE_DELETION",
        What::Start | What::SensorStart => "STATUS_STARTUP",
        What::Stop => "STATUS_SHUTDOWN",
        What::Build | What::SessionStart | What::SessionEnd | What::Session => "STATUS_UPDATE",
        _ => GENERIC,
    };
    let asked = ASKED.iter().find(|(name, _)| *name == fitting).map_or(&[] as &[_], |(_, asked)| asked);
    let has_all = asked.iter().all(|group| group.iter().any(|field| event.has(field)));
    if has_all { fitting } else { GENERIC }
}

fn metadata(record: &Record, what: What, event: &mut Document) {
    let event_type = event_type(what, event);
    event.put("metadata.event_timestamp", time(parts::moment(record)));
    event.put("metadata.collected_timestamp", time(record.recorded));
    event.put("metadata.event_type", event_type.into());
    event.put("metadata.vendor_name", "Tachograph".into());
    event.put("metadata.product_name", "tachograph".into());
    event.put("metadata.product_log_id", record.position.to_string().into());
    event.text("metadata.product_event_type", Some(record.kind()));
    event.put("metadata.description", kinds::title(record).into());
}

/// Who did it, and where.
fn principal(record: &Record, event: &mut Document) {
    let workspace = parts::text(record, "workspace").map(|id| format!("Tachograph.tachograph:{id}"));
    event.text("principal.hostname", parts::text(record, "workspace_name"));
    event.text("principal.asset_id", workspace.as_deref());
    event.text("principal.user.userid", parts::text(record, "user").or_else(|| parts::text(record, "user_id")));
    event.text("principal.user.product_object_id", parts::text(record, "user_id"));
    event.text("principal.user.company_name", parts::text(record, "org"));
    event.text("principal.application", parts::text(record, "agent_kind"));
    event.text("observer.hostname", parts::text(record, "collector"));
}

/// What it was done to.
fn target(record: &Record, what: What, event: &mut Document) {
    match what {
        What::Login | What::LoginRefused | What::Logout => {
            let user = event
                .has("principal.user.userid")
                .then(|| parts::text(record, "user").or_else(|| parts::text(record, "user_id")));
            event.text("target.user.userid", user.flatten());
            event.put("target.application", parts::text(record, "source").unwrap_or("tachograph").into());
            event.put("extensions.auth.type", "AUTHTYPE_UNSPECIFIED".into());
        }
        What::ProcessStart | What::ProcessEnd => {
            let path = parts::text(record, "target").filter(|path| path.starts_with('/'));
            let id = parts::text(record, "tool_call").map(|id| format!("Tachograph.tachograph:{id}"));
            event.text("target.process.command_line", parts::text(record, "command"));
            event.text("target.process.file.full_path", path);
            event.text("target.process.product_specific_process_id", id.as_deref());
        }
        What::FileRead | What::FileWrite | What::FileDelete => {
            event.text("target.file.full_path", parts::text(record, "file").or_else(|| parts::text(record, "target")));
        }
        What::ModelCall | What::ModelUse => event.text("target.resource.name", parts::text(record, "model")),
        What::Tool => {
            event.text("target.resource.name", parts::text(record, "tool").or_else(|| parts::text(record, "target")));
        }
        _ => event.text("target.resource.name", parts::text(record, "target")),
    }
    let ip = parts::address(record).map(|address| address.to_string());
    if what == What::Dns {
        return;
    }
    event.text("target.hostname", parts::name(record));
    if let Some(ip) = ip {
        event.put("target.ip", json!([ip]));
    }
    event.number("target.port", parts::integer(record, "port").filter(|port| (1..=65_535).contains(port)));
    event.text("target.url", parts::url(record).as_deref());
}

fn network(record: &Record, what: What, event: &mut Document) {
    let protocols = match (what, parts::text(record, "scheme")) {
        (What::Http, Some("https")) => Some(("TCP", "HTTPS")),
        (What::Http, _) => Some(("TCP", "HTTP")),
        (What::Dns, _) => Some(("UDP", "DNS")),
        (What::Flow, Some("udp")) => Some(("UDP", "UNKNOWN_APPLICATION_PROTOCOL")),
        (What::Flow, _) => Some(("TCP", "UNKNOWN_APPLICATION_PROTOCOL")),
        _ => None,
    };
    if let Some((transport, application)) = protocols {
        event.put("network.ip_protocol", transport.into());
        event.put("network.application_protocol", application.into());
        event.put("network.direction", "OUTBOUND".into());
    }
    event.text("network.http.method", parts::text(record, "method"));
    if what == What::Http {
        let status = parts::integer(record, "status").filter(|status| (100..=999).contains(status));
        event.number("network.http.response_code", status);
    }
    if let (What::Dns, Some(name)) = (what, parts::text(record, "host")) {
        event.put("network.dns.questions", json!([{ "name": name }]));
    }
    // Protocol Buffers say numbers of 64 bits as texts.
    for (column, field) in [("bytes_out", "network.sent_bytes"), ("bytes_in", "network.received_bytes")] {
        let bytes = parts::integer(record, column).filter(|bytes| *bytes >= 0).map(|bytes| bytes.to_string());
        event.text(field, bytes.as_deref());
    }
}

/// What a policy or a rule made of it.
fn result(record: &Record, what: What) -> Option<Value> {
    let action = match record.text("outcome") {
        Some("allow") => Some("ALLOW"),
        Some("deny" | "blocked") => Some("BLOCK"),
        Some("error") => Some("FAIL"),
        _ if what == What::LoginRefused => Some("BLOCK"),
        _ => None,
    };
    let rule = parts::text(record, "rule");
    let alert = match &record.body {
        Body::Alert(alert) => Some(alert),
        _ => None,
    };
    if action.is_none() && rule.is_none() && alert.is_none() {
        return None;
    }
    let mut result = Map::new();
    result.insert("severity".into(), severity::udm(severity::of(record)).into());
    result.extend(action.map(|action| ("action".to_owned(), json!([action]))));
    result.extend(rule.map(|rule| ("rule_name".to_owned(), rule.into())));
    if what == What::LoginRefused {
        result.insert("category".into(), json!(["AUTH_VIOLATION"]));
    }
    if let Some(alert) = alert {
        alerted(alert, &mut result);
    }
    Some(Value::Object(result))
}

fn alerted(alert: &Alert, result: &mut Map<String, Value>) {
    let techniques: Vec<Value> = parts::techniques(alert)
        .map(|id| match id.split_once('.') {
            Some((technique, _)) => json!({"id": technique, "subtechnique_id": id}),
            None => json!({ "id": id }),
        })
        .collect();
    result.insert("summary".into(), alert.title.as_str().into());
    result.insert("description".into(), alert.reason.as_str().into());
    result.insert("rule_version".into(), alert.rule_version.to_string().into());
    result.insert("threat_id".into(), alert.id.as_str().into());
    result.insert("alert_state".into(), "ALERTING".into());
    if !techniques.is_empty() {
        result.insert("attack_details".into(), json!({ "techniques": techniques }));
    }
}

/// What has no field: texts by the columns' own names.
fn additional(record: &Record, context: &Context<'_>) -> Map<String, Value> {
    let mut additional = Map::new();
    additional.insert("chain".into(), context.chain.into());
    additional.insert("export_seq".into(), record.export_seq.to_string().into());
    if let Body::Alert(alert) = &record.body {
        additional.insert("state".into(), alert.state.as_str().into());
        additional.insert("count".into(), alert.count.to_string().into());
        additional.insert("tags".into(), alert.tags.join(",").into());
    }
    if !parts::is_sayable(record.time) {
        additional.insert("time".into(), record.time.unix_micros().to_string().into());
    }
    for (column, field) in record.fields.iter() {
        if SAID.contains(&column) {
            continue;
        }
        let said = text(field);
        let end = said.floor_char_boundary(ADDITIONAL_BYTES_MAX);
        let said = if end < said.len() {
            format!("{}… [{} bytes cut]", &said[..end], said.len() - end)
        } else {
            said.into_owned()
        };
        additional.insert(column.to_owned(), said.into());
    }
    additional
}

#[cfg(test)]
mod tests;
