//! What each vendor takes and answers, by its documents: Elastic's bulk API (answers as in elastic/elasticsearch 112537), Grafana's push API of
//! Loki, Datadog's Logs API v2, Sumo Logic's HTTP source, Azure Monitor's Logs Ingestion API, the ingestion of Google SecOps, OTLP 1.9 and
//! Standard Webhooks. Where documents leave a choice the stricter one is taken.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use chrono::DateTime;
use hmac::{Hmac, KeyInit as _, Mac as _};
use opentelemetry_proto::tonic::collector::logs::v1::{
    ExportLogsPartialSuccess, ExportLogsServiceRequest, ExportLogsServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::any_value::Value as Held;
use prost::Message as _;
use serde_json::{Value, json};
use sha2::Sha256;

use super::{Asked, State};

/// Where each stands.
pub const ELASTICSEARCH: &str = "/elastic";
pub const LOKI: &str = "/loki-at";
pub const DATADOG: &str = "/datadog";
pub const SUMO: &str = "/sumo/hunter2";
pub const SENTINEL: &str = "/azure";
pub const SECOPS: &str = "/google";
pub const OTLP: &str = "/otlp";
pub const WEBHOOK: &str = "/hook";
/// The secret of the webhook.
pub const WEBHOOK_SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

type Answer = Result<(u16, &'static str, Vec<u8>), String>;

/// The issuers of tokens: a token `hunterN` is good as long as it was not revoked.
pub fn token(state: &mut State, asked: &Asked) -> Option<(u16, String)> {
    let form = String::from_utf8_lossy(&asked.body);
    let is_right = match asked.path.as_str() {
        "/azure/tenant-1/oauth2/v2.0/token" => {
            form.starts_with("grant_type=client_credentials&client_id=client-1&client_secret=hunter2&scope=https%3A%2F%2Fmonitor.azure.com%2F.default")
        }
        "/google/token" => {
            let assertion = form.split("&assertion=").nth(1).unwrap_or_default();
            let claims = assertion.split('.').nth(1).and_then(|claims| URL_SAFE_NO_PAD.decode(claims).ok()).unwrap_or_default();
            let claims: Value = serde_json::from_slice(&claims).unwrap_or_default();
            claims["iss"] == "siem@acme.example" && claims["aud"].as_str().is_some_and(|aud| aud.ends_with("/google/token"))
        }
        _ => return None,
    };
    if !is_right || asked.header("content-type") != "application/x-www-form-urlencoded" {
        state.complaints.push(format!("{}: no right question for a token", asked.path));
        return Some((400, json!({"error": "invalid_request"}).to_string()));
    }
    state.tokens.0 += 1;
    Some((
        200,
        json!({"access_token": format!("hunter{}", state.tokens.0), "expires_in": 3_599, "token_type": "Bearer"})
            .to_string(),
    ))
}

/// Takes a request. The error is a complaint.
pub fn receive(state: &mut State, asked: &Asked, partly: bool) -> Answer {
    let path = asked.path.as_str();
    match path {
        _ if path.starts_with(ELASTICSEARCH) => elasticsearch(state, asked, partly),
        _ if path.starts_with(LOKI) => loki(state, asked),
        _ if path.starts_with(DATADOG) => datadog(state, asked),
        SUMO => sumo(state, asked),
        _ if path.starts_with(SENTINEL) => sentinel(state, asked),
        _ if path.starts_with(SECOPS) => secops(state, asked),
        _ if path.starts_with(OTLP) => otlp(state, asked, partly),
        WEBHOOK => webhook(state, asked),
        _ => Err("nobody is here".to_owned()),
    }
}

fn check(holds: bool, complaint: &str) -> Result<(), String> {
    if holds { Ok(()) } else { Err(complaint.to_owned()) }
}

fn json_of(asked: &Asked) -> Result<Value, String> {
    check(asked.header("content-type") == "application/json", "the type is not JSON")?;
    serde_json::from_slice(&asked.body).map_err(|error| error.to_string())
}

fn array<'a>(value: &'a Value, name: &str) -> Result<&'a Vec<Value>, String> {
    value.as_array().ok_or_else(|| format!("{name} is no array"))
}

fn text<'a>(value: &'a Value, name: &str) -> Result<&'a str, String> {
    value[name].as_str().ok_or_else(|| format!("{name} is no text: {value}"))
}

fn number(value: &Value, name: &str) -> Result<u64, String> {
    text(value, name)?.parse().map_err(|_| format!("{name} is no number"))
}

/// Takes a record that says where it stands as the schema `plain` does, unless it was cut down to what fits.
fn take_plain(state: &mut State, record: &str) -> Result<(), String> {
    let value: Value = serde_json::from_str(record).map_err(|error| error.to_string())?;
    let counted = &value["tachograph"];
    let number = counted["export_seq"].as_u64().ok_or("a record has no number")?;
    state.take(text(counted, "stream")?, number, record.to_owned());
    Ok(())
}

fn elasticsearch(state: &mut State, asked: &Asked, partly: bool) -> Answer {
    check(asked.path.ends_with("/_bulk") && asked.header("content-type") == "application/x-ndjson", "no bulk request")?;
    check(asked.header("authorization") == "ApiKey hunter2", "no key")?;
    check(asked.wire_bytes <= 100 << 20, "longer than 100 MB")?;
    let body = std::str::from_utf8(&asked.body).map_err(|error| error.to_string())?;
    check(body.ends_with('\n'), "the body does not end with a line")?;
    let lines: Vec<&str> = body.lines().collect();
    let mut items = Vec::new();
    for (index, pair) in lines.chunks(2).enumerate() {
        let [action, document] = pair else { return Err("an action without a document".to_owned()) };
        let action: Value = serde_json::from_str(action).map_err(|error| error.to_string())?;
        let (name, id) = (text(&action["create"], "_index")?, text(&action["create"], "_id")?);
        check(name.len() <= 255 && id.len() <= 512 && name.to_lowercase() == name, "a name that is none")?;
        let value: Value = serde_json::from_str(document).map_err(|error| error.to_string())?;
        check(DateTime::parse_from_rfc3339(text(&value, "@timestamp")?).is_ok(), "no time")?;
        let failed =
            |status: u16, kind: &str| json!({"status": status, "error": {"type": kind, "reason": "[1]: so it is"}});
        let result = if state.ids.contains(&format!("{name}/{id}")) {
            failed(409, "version_conflict_engine_exception")
        } else if value["target"] == "poison" {
            failed(400, "mapper_parsing_exception")
        } else if partly && index % 3 == 0 {
            failed(429, "es_rejected_execution_exception")
        } else {
            state.ids.insert(format!("{name}/{id}"));
            take_plain(state, document)?;
            json!({"status": 201, "result": "created"})
        };
        items.push(json!({"create": result}));
    }
    let errors = items.iter().any(|item| item["create"].get("error").is_some());
    Ok((200, "application/json", json!({"took": 1, "errors": errors, "items": items}).to_string().into_bytes()))
}

fn loki(state: &mut State, asked: &Asked) -> Answer {
    check(
        asked.path.ends_with("/loki/api/v1/push") && asked.header("x-scope-orgid") == "security",
        "no push of our tenant",
    )?;
    check(asked.body.len() <= 4 << 20, "longer than 4 MB")?;
    let push = json_of(asked)?;
    for stream in array(&push["streams"], "streams")? {
        let labels = stream["stream"].as_object().ok_or("no labels")?;
        check(labels.len() <= 15 && labels.values().all(Value::is_string), "labels that are none")?;
        for value in array(&stream["values"], "values")? {
            let [time, line, found_by] = array(value, "a value")?.as_slice() else {
                return Err("a value has three parts".to_owned());
            };
            check(time.as_str().is_some_and(|time| time.parse::<i64>().is_ok()), "a time that is none")?;
            let line = line.as_str().ok_or("a line that is none")?;
            check(line.len() <= 256 << 10, "a line above 256 KB")?;
            check(
                found_by.as_object().is_some_and(|members| members.values().all(Value::is_string)),
                "metadata that are no texts",
            )?;
            state.take(text(found_by, "stream")?, number(found_by, "export_seq")?, format!("{time}{line}"));
        }
    }
    Ok((204, "text/plain", Vec::new()))
}

fn datadog(state: &mut State, asked: &Asked) -> Answer {
    check(asked.path.ends_with("/api/v2/logs") && asked.header("dd-api-key") == "hunter2", "no logs with our key")?;
    check(asked.body.len() <= 5_000_000, "longer than 5 MB")?;
    let logs = json_of(asked)?;
    let logs = array(&logs, "the body")?;
    check(logs.len() <= 1_000, "more than 1,000 logs")?;
    for log in logs {
        check(log.to_string().len() <= 1_000_000, "a log above 1 MB")?;
        let members = log.as_object().ok_or("a log that is none")?;
        check(
            members.iter().all(|(name, value)| value.is_string() || name == "timestamp"),
            "an attribute that is no text",
        )?;
        serde_json::from_str::<Value>(text(log, "message")?).map_err(|error| error.to_string())?;
        state.take(text(log, "stream")?, number(log, "export_seq")?, log.to_string());
    }
    Ok((202, "application/json", b"{}".to_vec()))
}

fn sumo(state: &mut State, asked: &Asked) -> Answer {
    check(asked.header("x-sumo-category") == "security/tachograph", "no category")?;
    check(asked.body.len() <= 1 << 20, "longer than 1 MB")?;
    let body = std::str::from_utf8(&asked.body).map_err(|error| error.to_string())?;
    for line in body.lines() {
        check(line.len() <= 64 << 10, "a line above 64 KB")?;
        take_plain(state, line)?;
    }
    Ok((200, "text/plain", Vec::new()))
}

/// Whether a request has a token that is good; else the answer.
fn bearer(state: &State, asked: &Asked) -> Option<(u16, &'static str, Vec<u8>)> {
    let token =
        asked.header("authorization").strip_prefix("Bearer hunter").and_then(|number| number.parse::<usize>().ok());
    let is_good = token.is_some_and(|token| token >= state.tokens.1 && token <= state.tokens.0);
    (!is_good).then(|| (401, "application/json", br#"{"error":{"code":"InvalidToken"}}"#.to_vec()))
}

fn sentinel(state: &mut State, asked: &Asked) -> Answer {
    check(asked.path.ends_with("/dataCollectionRules/dcr-1/streams/Custom-Tachograph"), "no such rule or stream")?;
    check(asked.query == "api-version=2023-01-01", "no version of the API")?;
    if let Some(refusal) = bearer(state, asked) {
        return Ok(refusal);
    }
    check(asked.body.len() <= 1_000_000 && asked.wire_bytes <= 1_000_000, "a call above 1 MB")?;
    let rows = json_of(asked)?;
    let mut times = Vec::new();
    for row in array(&rows, "the body")? {
        let declared = [
            "EventTime",
            "ExportSeq",
            "Host",
            "Kind",
            "Record",
            "RecordId",
            "Seq",
            "Severity",
            "Stream",
            "TimeGenerated",
        ];
        let columns = row.as_object().ok_or("a row that is none")?;
        check(columns.keys().eq(declared), "columns that the rule does not declare")?;
        check(columns.values().all(|value| value.to_string().len() <= 64 << 10), "a field above 64 KB")?;
        times.push(DateTime::parse_from_rfc3339(text(row, "TimeGenerated")?).map_err(|error| error.to_string())?);
        state.take(text(row, "Stream")?, row["ExportSeq"].as_u64().ok_or("no number")?, row.to_string());
    }
    let span = times.iter().max().zip(times.iter().min()).map(|(last, first)| (*last - *first).num_minutes());
    check(span.is_some_and(|minutes| minutes < 30), "times of more than half an hour")?;
    Ok((204, "text/plain", Vec::new()))
}

/// What an event of UDM may have at its top, of what is sent here.
const UDM: [&str; 8] =
    ["metadata", "additional", "principal", "target", "observer", "network", "security_result", "extensions"];

fn secops(state: &mut State, asked: &Asked) -> Answer {
    let parent = "projects/acme/locations/eu/instances/i-1";
    let method = asked.path.split_once(&format!("/v1alpha/{parent}/")).map(|(_, method)| method);
    check(matches!(method, Some("events:import" | "logTypes/TACHOGRAPH/logs:import")), "no such method")?;
    if let Some(refusal) = bearer(state, asked) {
        return Ok(refusal);
    }
    check(asked.body.len() <= 1_000_000, "a call above 1 MB")?;
    let body = json_of(asked)?;
    if method == Some("events:import") {
        for event in array(&body["inline_source"]["events"], "events")? {
            let udm = event["udm"].as_object().ok_or("no event of UDM")?;
            check(udm.keys().all(|member| UDM.contains(&member.as_str())), "a member that UDM does not have")?;
            let metadata = &udm["metadata"];
            text(metadata, "event_type")?;
            let moment = DateTime::parse_from_rfc3339(text(metadata, "event_timestamp")?);
            check(moment.is_ok(), "no time of the event")?;
            let (stream, _) = text(metadata, "product_log_id")?.rsplit_once('/').ok_or("no position")?;
            // The text of the event as it came, by which repeats are compared, is that of its value: JSON has no other order here.
            state.take(stream, number(&udm["additional"], "export_seq")?, event["udm"].to_string());
        }
        return Ok((200, "application/json", b"{}".to_vec()));
    }
    check(body["inline_source"]["forwarder"] == format!("{parent}/forwarders/f-1"), "no forwarder")?;
    for log in array(&body["inline_source"]["logs"], "logs")? {
        let time = |name: &str| DateTime::parse_from_rfc3339(text(log, name)?).map_err(|error| error.to_string());
        check(time("log_entry_time")? <= time("collection_time")?, "written after it was collected")?;
        let data = STANDARD.decode(text(log, "data")?).map_err(|error| error.to_string())?;
        take_plain(state, &String::from_utf8(data).map_err(|error| error.to_string())?)?;
    }
    Ok((200, "application/json", b"{}".to_vec()))
}

fn otlp(state: &mut State, asked: &Asked, partly: bool) -> Answer {
    check(
        asked.path.ends_with("/v1/logs") && asked.header("content-type") == "application/x-protobuf",
        "no logs in protobuf",
    )?;
    check(asked.body.len() <= 4 << 20, "longer than 4 MiB")?;
    let request = ExportLogsServiceRequest::decode(asked.body.as_slice()).map_err(|error| error.to_string())?;
    state.bodies.push(asked.body.clone());
    let mut rejected = 0;
    let logs =
        request.resource_logs.iter().flat_map(|resource| &resource.scope_logs).flat_map(|scope| &scope.log_records);
    for (index, log) in logs.enumerate() {
        let find = |name: &str| log.attributes.iter().find(|attribute| attribute.key == name)?.value.clone()?.value;
        let (Some(Held::StringValue(stream)), Some(Held::IntValue(number))) =
            (find("tachograph.stream"), find("tachograph.export_seq"))
        else {
            return Err("a log record without stream and number".to_owned());
        };
        check(log.observed_time_unix_nano > 0 && (1..=24).contains(&log.severity_number), "no time or no severity")?;
        if partly && index % 3 == 0 {
            rejected += 1;
        } else {
            state.take(&stream, number as u64, hex::encode(log.encode_to_vec()));
        }
    }
    let partial = ExportLogsPartialSuccess { rejected_log_records: rejected, error_message: "not now".to_owned() };
    let answer = ExportLogsServiceResponse { partial_success: (rejected > 0).then_some(partial) };
    Ok((200, "application/x-protobuf", answer.encode_to_vec()))
}

fn webhook(state: &mut State, asked: &Asked) -> Answer {
    let (id, time) = (asked.header("webhook-id").to_owned(), asked.header("webhook-timestamp"));
    check(!id.is_empty() && !id.contains('.') && time.parse::<i64>().is_ok(), "no id or no time")?;
    let key = STANDARD.decode(WEBHOOK_SECRET.trim_start_matches("whsec_")).map_err(|error| error.to_string())?;
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).map_err(|error| error.to_string())?;
    mac.update(format!("{id}.{time}.").as_bytes());
    mac.update(&asked.body);
    check(
        asked.header("webhook-signature") == format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())),
        "no right signature",
    )?;
    check(asked.body.len() <= 20_000, "longer than 20 KB")?;
    let body = json_of(asked)?;
    check(body["type"] == "events" && DateTime::parse_from_rfc3339(text(&body, "timestamp")?).is_ok(), "no events")?;
    if !state.ids.insert(id) {
        return Ok((200, "text/plain", b"known".to_vec()));
    }
    for event in array(&body["data"]["events"], "events")? {
        state.take(text(event, "stream")?, event["export_seq"].as_u64().ok_or("no number")?, event.to_string());
    }
    Ok((200, "text/plain", Vec::new()))
}
