//! Tests of the whole dialect: whose an element is, what of it is content, and what is no OTLP. Sessions of each agent and what hooks
//! tell of the same are in files of their own.

mod agents;
mod joins;
mod sessions;

use super::*;
use crate::dialect::SKIP_BLANK;
use crate::dialect::testing::{Columns, RECEIVED, check, decoded, events};
use serde_json::{Value, json};

/// A log record of this scope with attributes that are texts.
fn log(scope: &str, attributes: &[(&str, &str)]) -> Value {
    let attributes: Vec<Value> =
        attributes.iter().map(|(key, text)| json!({"key": key, "value": {"stringValue": text}})).collect();
    json!({"resource": {"attributes": []}, "scope": {"name": scope}, "log": {"timeUnixNano": "1789378202900000000", "attributes": attributes}})
}

/// The only event of a record.
fn event(record: &Value) -> Columns {
    let mut events = events(&Otel, &record.to_string());
    assert_eq!(events.len(), 1, "{events:#?}");
    events.remove(0)
}

fn skipped(record: &str) -> bool {
    decoded(&Otel, record.as_bytes()) == Decoded::Skip(SKIP_TELEMETRY)
}

#[test]
fn scopes_say_whose_an_element_is_and_else_services() {
    let source = |scope: &str, service: &str, name: &str| {
        let mut record = log(scope, &[("event.name", name)]);
        record["resource"]["attributes"] = json!([{"key": "service.name", "value": {"stringValue": service}}]);
        if skipped(&record.to_string()) { "skipped".to_owned() } else { event(&record)["source"].clone() }
    };
    assert_eq!(source("com.anthropic.claude_code.events", "anything", "auth"), "claude_code");
    assert_eq!(source("anything", "claude-code", "auth"), "claude_code");
    assert_eq!(source("codex_otel.log_only", "gemini-cli", "codex.user_prompt"), "codex");
    assert_eq!(source("codex::metrics", "", "codex.user_prompt"), "codex");
    assert_eq!(source("codexes", "", "codex.user_prompt"), "skipped");
    assert_eq!(source("gemini-cli", "", "gemini_cli.user_prompt"), "gemini");
    assert_eq!(source("anything", "", "gen_ai.user.message"), "genai");
    assert_eq!(source("anything", "shop", "order.placed"), "skipped");
    assert_eq!(source("opencode", "opencode", ""), "skipped");
}

#[test]
fn what_tells_nothing_of_an_agent_is_skipped() {
    use examples::{coder, codex, gemini, opencode, openhands};
    for record in [codex::SKIPPED, gemini::SKIPPED, opencode::SKIPPED, openhands::SKIPPED, coder::SKIPPED].concat() {
        assert!(skipped(record), "{record}");
    }
    assert!(skipped(r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"name":"GET /","kind":2}]}]}]}"#));
    assert!(skipped(r#"{"resourceLogs":[]}"#));
    assert_eq!(decoded(&Otel, b" \n"), Decoded::Skip(SKIP_BLANK));
}

#[test]
fn what_is_no_otlp_is_kept_and_says_why() {
    for (record, why) in [
        ("{", "the JSON ends early at line 1, column 1"),
        ("[]", "a JSON value has the wrong type at line 1, column 0"),
        (r#"{"message":"x"}"#, "it is neither a log record, span or metric nor an export request of OTLP"),
        (r#"{"log":7}"#, "an element of it is no object"),
        (r#"{"resourceLogs":7}"#, "its resourceLogs are no list of objects"),
        (r#"{"resourceSpans":[{"scopeSpans":[{"spans":{}}]}]}"#, "its elements are no list"),
    ] {
        assert_eq!(decoded(&Otel, record.as_bytes()), Decoded::Unparsed(why.to_owned()), "{record}");
    }
}

#[test]
fn times_are_those_of_the_record_before_those_of_who_saw_it() {
    let time = |own: Value, said: &str, seen: &str| {
        let mut record = log("claude-code", &[("event.name", "auth"), ("event.timestamp", said)]);
        record["scope"]["name"] = json!("com.anthropic.claude_code.events");
        record["log"]["timeUnixNano"] = own;
        record["log"]["observedTimeUnixNano"] = json!(seen);
        let event = event(&record);
        assert_eq!(event["observed"], RECEIVED.to_string(), "who watches itself does not say when it was seen");
        event["time"].clone()
    };
    assert_eq!(time(json!("1789378202900000000"), "2026-09-14T09:30:08.000Z", "1"), "1789378202900000");
    assert_eq!(time(json!(1_789_378_202_900_000_000_i64), "", ""), "1789378202900000");
    assert_eq!(time(json!("0"), "2026-09-14T09:30:08.000Z", "1789378209000000657"), "1789378208000000");
    assert_eq!(time(Value::Null, "", "1789378209000000657"), "1789378209000000");
    assert_eq!(time(json!("0"), "", ""), RECEIVED.to_string());
}

#[test]
fn every_attribute_that_is_not_known_is_content() {
    let mut record = log(
        "com.anthropic.claude_code.events",
        &[
            ("event.name", "user_prompt"),
            ("session.id", "s-1"),
            ("prompt", "hidden prompt"),
            ("tool_parameters", r#"{"command":"hidden \"quote\""}"#),
            ("something.new", "hidden news"),
        ],
    );
    record["resource"]["attributes"] = json!([{"key": "service.name", "value": {"stringValue": "claude-code"}}, {"key": "process.command_args", "value": {"arrayValue": {"values": [{"stringValue": "hidden argument"}]}}}]);
    record["scope"]["attributes"] = json!([{"key": "note", "value": {"stringValue": "hidden note"}}]);
    record["scope"]["more"] = json!("hidden member");
    record["top"] = json!({"deep": ["hidden top"]});
    let attributes = record["log"]["attributes"].as_array_mut().unwrap();
    attributes.push(json!({"key": "session.id", "value": {"wordValue": "hidden value"}}));
    attributes.push(json!({"key": "model", "value": {"stringValue": "m"}, "more": "hidden beside"}));
    attributes.push(json!({"key": "empty", "value": {}}));
    record["log"]["body"] = json!({"stringValue": "hidden body"});
    record["log"]["traceState"] = json!("hidden state");
    let event = event(&record);
    let (kept, cut) = (&event["record"], &event["content"]);
    assert!(!kept.contains("hidden"), "{kept}");
    assert_eq!(cut.matches("hidden").count(), 11, "{cut}");
    let content: Value = serde_json::from_str(cut).unwrap();
    assert_eq!(content["prompt"], "hidden prompt");
    assert_eq!(content["tool_parameters"], r#"{"command":"hidden \"quote\""}"#);
    assert!(kept.contains(r#""stringValue":"s-1""#) && kept.contains(r#"{"key":"empty","value":{}}"#), "{kept}");
}

#[test]
fn spans_and_points_hide_nothing_either() {
    let note = json!([{"key": "note", "value": {"stringValue": "hidden"}}]);
    let span = json!({"scope": {"name": "github.copilot"}, "span": {
        "traceId": "a1", "spanId": "b2", "name": "chat m", "kind": 3, "attributes": [{"key": "gen_ai.operation.name", "value": {"stringValue": "chat"}}],
        "events": [{"name": "exception", "timeUnixNano": "1", "attributes": note}, {"name": "e", "more": "hidden"}],
        "links": [{"traceId": "c3", "attributes": note, "traceState": "hidden"}],
        "status": {"code": 2, "message": "hidden"}}});
    let point =
        json!({"attributes": note, "asInt": "7", "exemplars": [{"filteredAttributes": note}], "more": "hidden"});
    let metric = json!({"scope": {"name": "github.copilot"}, "metric": {
        "name": "github.copilot.tool.call.count", "metadata": note, "more": "hidden",
        "sum": {"dataPoints": [point, {"asDouble": 1.5}], "more": "hidden"}}});
    for (record, count) in [(span, 5), (metric, 6)] {
        let events = events(&Otel, &record.to_string());
        assert!(!events[0]["record"].contains("hidden"), "{}", events[0]["record"]);
        assert_eq!(events[0]["content"].matches("hidden").count(), count, "{}", events[0]["content"]);
    }
}

#[test]
fn a_request_is_a_page_with_the_events_of_its_elements() {
    let events = events(&Otel, examples::REQUEST);
    let kinds: Vec<&str> = events.iter().map(|event| event["kind"].as_str()).collect();
    assert_eq!(kinds, ["page", "prompt", "command"]);
    check(
        &events[0],
        &[("source", Some("otel")), ("action", Some("export")), ("trust", Some("agent")), ("session", None)],
    );
    let content = &events[0]["content"];
    for hidden in ["say hello", "a text that streams", "npm test", "my own words"] {
        assert!(content.contains(hidden) && !events[0]["record"].contains(hidden), "{hidden}: {content}");
    }
    assert!(events[1..].iter().all(|event| !event.contains_key("record") && !event.contains_key("content")));
    check(&events[2], &[("tool_call", Some("call_1")), ("command", Some("npm test")), ("outcome", Some("success"))]);
}

#[test]
fn more_elements_than_events_that_a_record_may_have_cost_no_more() {
    let points = vec![json!({"asInt": "1", "timeUnixNano": "1789378202900000000"}); 3 * RECORD_EVENTS_MAX];
    let metric = json!({"scope": {"name": "github.copilot"}, "metric": {"name": "github.copilot.x", "sum": {"dataPoints": points}}});
    let mut drafts = Drafts::new();
    let text = metric.to_string();
    assert_eq!(Otel.decode(Record::new(text.as_bytes(), Otel.encoding()), RECEIVED, &mut drafts), Decoded::Events);
    assert_eq!(drafts.len(), RECORD_EVENTS_MAX + 1, "the pipeline keeps such a record whole");
    let name = "n".repeat(crate::limits::NAME_BYTES_MAX + 1);
    let long = event(&log("com.anthropic.claude_code.events", &[("event.name", &name), ("session.id", &name)]));
    check(&long, &[("action", None), ("session", None), ("marks", Some("void:action\nvoid:session"))]);
}

#[test]
fn who_and_where_are_the_words_of_the_record() {
    let mut record = log(
        "com.anthropic.claude_code.events",
        &[
            ("event.name", "auth"),
            ("user.email", "mira@acme.example"),
            ("coder.owner_id", "u-1"),
            ("server.address", "models.acme.example"),
        ],
    );
    let places = [
        ("coder.workspace_id", "w-1"),
        ("coder.template_id", "t-1"),
        ("team.id", "payments"),
        ("coder.task_id", "k-1"),
    ];
    let places = places.map(|(key, text)| json!({"key": key, "value": {"stringValue": text}}));
    record["resource"]["attributes"] = json!(places);
    check(
        &event(&record),
        &[
            ("workspace", Some("w-1")),
            ("template", Some("t-1")),
            ("team", Some("payments")),
            ("run", Some("k-1")),
            ("run_kind", Some("coder_task")),
            ("user", Some("mira@acme.example")),
            ("user_id", Some("u-1")),
            ("attribution", Some("direct")),
            ("trust", Some("agent")),
            ("host", None),
            ("domain", None),
        ],
    );
}

#[test]
fn only_the_gateways_traces_are_more_than_an_agents_word() {
    for example in examples::EXAMPLES.iter() {
        for event in events(&Otel, example) {
            let is_gateways = event["source"] == "coder.gateway";
            assert_eq!(
                (event["trust"] == "gateway", event["family"] == "gateway"),
                (is_gateways, is_gateways),
                "{event:?}"
            );
        }
    }
    assert_eq!(Otel.trust_unsaid(), Trust::Agent, "who says no trust is an agent");
}

#[test]
fn lists_of_facts_are_in_order() {
    let of_agents = AGENTS.iter().copied().chain([&genai::AGENT]).map(|agent| agent.facts);
    for list in of_agents.chain(facts::LISTS) {
        assert!(list.windows(2).all(|pair| pair[0] < pair[1]), "a search does not find everything in {list:?}");
    }
}
