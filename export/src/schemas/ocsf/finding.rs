//! Findings: alerts in each step of their life, what people did about them, and what sensors of others found.
//!
//! All events about one alert have its id in `finding_info.uid`, so that a receiver that keeps the newest of each knows how it stands.

use operations::alert::{Alert, Measurement, State};
use operations::kind::alert_step::{ACKNOWLEDGE, ASSIGN, CLOSE, CloseReason, REOPEN};
use serde_json::{Map, Value, json};

use super::body::{Source, file};
use super::canonical::INTEGER_MAX;
use super::classes::Version;
use super::event::{Event, object};
use super::milliseconds;
use super::network::{destination, known_method};
use super::who::{Who, host};
use crate::record::Body;
use crate::schemas::severity;
use crate::streams::fields::Field;

/// How a finding stands.
const NEW: (u64, &str) = (1, "New");
const IN_PROGRESS: (u64, &str) = (2, "In Progress");
const RESOLVED: (u64, &str) = (4, "Resolved");

/// The activity of an alert's revision.
pub const fn activity(state: State) -> (u64, &'static str) {
    match state {
        State::Open => (1, "Create"),
        State::Updated => (2, "Update"),
        State::Resolved => (3, "Close"),
    }
}

/// The alert that a record is about: the revision itself, or the one that somebody saw who did something about it.
fn alert_of(body: &Body, record: Option<&Value>) -> Option<Alert> {
    match body {
        Body::Alert(alert) => Some(alert.as_ref().clone()),
        Body::Operation => serde_json::from_value(record?.get("alert")?.clone()).ok(),
        Body::Event | Body::Action(_) => None,
    }
}

/// Sets what a finding says.
pub fn set(source: &Source<'_>, event: &mut Event) {
    if source.record.kind() == "sensor.alert" {
        return set_sensor(source, event);
    }
    let columns = &source.columns;
    if let Some(alert) = alert_of(&source.record.body, source.record.fields.get("record").and_then(Field::as_json)) {
        set_alert(&alert, source, event);
    } else {
        let id = columns.take("subject").map_or_else(|| source.record.position.to_string(), Into::into);
        event.set("finding_info", json!({"uid": id, "title": source.record.kind()}));
    }
    let status = match (source.record.kind(), &source.record.body) {
        (_, Body::Alert(alert)) => Some(match alert.state {
            State::Open => NEW,
            State::Updated => IN_PROGRESS,
            State::Resolved => RESOLVED,
        }),
        (CLOSE, _) => Some(RESOLVED),
        (ACKNOWLEDGE | ASSIGN | REOPEN, _) => Some(IN_PROGRESS),
        // A note or an escalation changes nothing about how it stands.
        _ => None,
    };
    if let Some(status) = status {
        event.set_enum("status_id", "status", status);
    }
    if let Some(assignee) = columns.record_text("assignee") {
        event.set("assignee", json!({"name": assignee}));
    }
    let reason = columns.record_text("reason").and_then(|reason| reason.parse::<CloseReason>().ok());
    if let (CLOSE, Some(reason)) = (source.record.kind(), reason) {
        event.set_enum("verdict_id", "verdict", verdict(reason));
        let other = columns.record_text("duplicate_of").map(|other| format!("{reason} of {other}"));
        event.set("status_detail", other.unwrap_or_else(|| reason.to_string()));
    }
}

/// What an alert turned out to be.
const fn verdict(reason: CloseReason) -> (u64, &'static str) {
    match reason {
        CloseReason::FalsePositive => (1, "False Positive"),
        CloseReason::TruePositive => (2, "True Positive"),
        CloseReason::Benign => (5, "Benign"),
        CloseReason::Duplicate => (10, "Duplicate"),
    }
}

fn set_alert(alert: &Alert, source: &Source<'_>, event: &mut Event) {
    if source.columns.text("subject") == Some(&alert.id) {
        source.columns.said("subject");
    }
    let related: Vec<Value> = alert.evidence.iter().map(|position| json!({"uid": position.to_string()})).collect();
    let attacks: Vec<Value> = alert.tags.iter().filter_map(|tag| attack(tag)).collect();
    let filled = |list: Vec<Value>| (!list.is_empty()).then(|| Value::from(list));
    let info = [
        ("uid", Some(alert.id.as_str().into())),
        ("title", Some(alert.title.as_str().into())),
        ("desc", Some(alert.reason.as_str().into())),
        ("analytic", Some(analytic(&alert.rule, &alert.rule_version.to_string()))),
        ("created_time", Some(milliseconds(alert.recorded_first).into())),
        ("modified_time", Some(milliseconds(alert.recorded_last).into())),
        ("first_seen_time", Some(milliseconds(alert.first_seen).into())),
        ("last_seen_time", Some(milliseconds(alert.last_seen).into())),
        ("related_events", filled(related)),
        ("attacks", filled(attacks)),
        ("types", (!alert.tags.is_empty()).then(|| json!(alert.tags))),
    ];
    event.set_if("finding_info", object(info));
    event.set_if("count", i64::try_from(alert.count).ok().filter(|count| (1..=INTEGER_MAX).contains(count)));
    event.set("is_alert", true);
    event.set_enum("severity_id", "severity", severity::ocsf(alert.severity));
    let who = Who::of_alert(&alert.who);
    event.set_if("device", who.device());
    set_evidence(alert, &who, event);
    let policy = alert.what.policy.as_deref().filter(|policy| !policy.is_empty());
    event.set_if("policy", policy.map(|name| json!({"name": name})));
    event.set_if("anomaly_analyses", alert.measured.as_ref().map(|measured| json!([anomaly(measured, alert)])));
}

fn set_evidence(alert: &Alert, who: &Who<'_>, event: &mut Event) {
    let known = |text: &'_ Option<String>| text.clone().filter(|text| !text.is_empty());
    let what = &alert.what;
    let end = known(&what.host).and_then(|name| {
        let (member, value) = host(&name, event.version);
        object([(member, Some(value)), ("domain", known(&what.domain).map(Value::from))])
    });
    let path = known(&what.path).map(|path| json!({"path": path}));
    let method = known(&what.method).filter(|method| known_method(method, event.version).is_some());
    let request = object([("http_method", method.map(Value::from)), ("url", path)]);
    let tool = known(&what.tool).map(|tool| json!([{"name": tool, "type": "tool"}]));
    // An agent or a request alone is no evidence in any version: there must be somebody, or another end.
    let actor = who.actor();
    let is_evidence = actor.is_some() || end.is_some();
    let mut evidence = Map::new();
    // Version 1.1 has no requests in evidence, and agents are there since 1.9.
    let members = [
        ("actor", actor, Version::V1_1),
        ("dst_endpoint", end, Version::V1_1),
        ("http_request", request, Version::V1_8),
        ("ai_agent", who.agent(), Version::V1_9),
    ];
    for (name, value, since) in members {
        match value {
            Some(value) if is_evidence && event.version >= since => drop(evidence.insert(name.to_owned(), value)),
            value => event.set_unmapped_if(name, value),
        }
    }
    event.set_if("evidences", is_evidence.then(|| json!([evidence])));
    event.set_if("resources", tool);
}

/// The rule behind a finding.
fn analytic(rule: &str, version: &str) -> Value {
    json!({"uid": rule, "name": rule, "type_id": 1, "type": "Rule", "version": version})
}

/// A technique or tactic of MITRE ATT&CK or ATLAS, if the tag names one: `T1567.002`, `AML.T0086`, `TA0010`.
fn attack(tag: &str) -> Option<Value> {
    let name = tag.strip_prefix("AML.").unwrap_or(tag);
    let digits = |text: &str, count: usize| text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
    if name.strip_prefix("TA").is_some_and(|number| digits(number, 4)) {
        return Some(json!({"tactic": {"uid": tag}}));
    }
    let number = name.strip_prefix('T')?;
    match number.split_once('.') {
        None if digits(number, 4) => Some(json!({"technique": {"uid": tag}})),
        Some((technique, sub)) if digits(technique, 4) && digits(sub, 3) => {
            let technique = tag.get(..tag.len() - sub.len() - 1)?;
            Some(json!({"technique": {"uid": technique}, "sub_technique": {"uid": tag}}))
        }
        _ => None,
    }
}

/// What was measured, beside what is usual.
fn anomaly(measured: &Measurement, alert: &Alert) -> Value {
    let unit = measured.unit.as_str();
    let observation = |value: i64| json!({"value": value.to_string()});
    let observations = |values: &[i64]| -> Value {
        json!([{"observation_parameter": measured.what, "observation_type": unit,
            "observations": values.iter().copied().map(observation).collect::<Vec<_>>()}])
    };
    let target = alert.who.workspace_name.as_ref().or(alert.who.user.as_ref()).filter(|name| !name.is_empty());
    let usual = measured.usual.map(|usual| observations(&[usual.low, usual.high]));
    let limit = || measured.limit.map(|limit| observations(&[limit]));
    let analysis = [
        ("analysis_targets", Some(json!([{"name": target.unwrap_or(&alert.rule)}]))),
        ("anomalies", Some(observations(&[measured.observed]))),
        ("baselines", usual.or_else(limit)),
    ];
    object(analysis).unwrap_or_default()
}

/// What a sensor of others found: its rule, and what it saw.
fn set_sensor(source: &Source<'_>, event: &mut Event) {
    let columns = &source.columns;
    let rule = columns.take("rule");
    let title = rule.or_else(|| columns.text("action")).unwrap_or("sensor.alert");
    let product = columns.text("source");
    let info = [
        ("uid", Some(source.record.position.to_string().into())),
        ("title", Some(title.into())),
        ("analytic", rule.map(|rule| json!({"name": rule, "type_id": 1, "type": "Rule"}))),
        ("data_sources", product.map(|product| json!([product]))),
    ];
    event.set_if("finding_info", object(info));
    event.set_enum("status_id", "status", NEW);
    event.set("is_alert", true);
    let command =
        columns.take("command").map(|line| json!({"uid": source.record.position.to_string(), "cmd_line": line}));
    let path = columns.take("file");
    let mut evidence = vec![
        ("process", command),
        ("file", path.map(file)),
        ("dst_endpoint", destination(columns, event.version)),
        ("actor", source.who.actor()),
    ];
    evidence.retain(|(_, value)| value.is_some());
    let agent = source.who.agent();
    match event.version {
        Version::V1_9 if !evidence.is_empty() => evidence.push(("ai_agent", agent)),
        _ => event.set_unmapped_if("ai_agent", agent),
    }
    let evidence: Map<String, Value> =
        evidence.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect();
    event.set_if("evidences", (!evidence.is_empty()).then(|| json!([evidence])));
}
