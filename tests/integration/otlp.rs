//! OpenTelemetry over the listeners of the real program, and `tachograph collectors add`, which says how to get there.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::Stdio;

use serde_json::json;

use crate::harness::{World, free_address, http};

fn configuration(http: &str, grpc: &str) -> String {
    format!(
        "[[collector]]\nname = \"agents\"\ntransport = \"otlp\"\ndialect = \"otel\"\nhttp = \"{http}\"\ngrpc = \"{grpc}\"\n"
    )
}

/// A call of a model as the conventions for generative AI tell it.
fn span(number: u32) -> String {
    let attribute = |key: &str, value: serde_json::Value| json!({"key": key, "value": value});
    let attributes = json!([
        attribute("gen_ai.operation.name", json!({"stringValue": "chat"})),
        attribute("gen_ai.conversation.id", json!({"stringValue": "s-1"})),
        attribute("gen_ai.provider.name", json!({"stringValue": "openai"})),
        attribute("gen_ai.request.model", json!({"stringValue": "gpt-5"})),
        attribute("gen_ai.response.id", json!({"stringValue": format!("resp-{number}")})),
        attribute("gen_ai.usage.input_tokens", json!({"intValue": "900"})),
        attribute("gen_ai.usage.output_tokens", json!({"intValue": 30})),
    ]);
    let span = json!({"traceId": format!("{number:032x}"), "spanId": format!("{number:016x}"), "name": "chat gpt-5", "kind": 3,
        "startTimeUnixNano": "1795880799100000000", "endTimeUnixNano": "1795880799148000000", "attributes": attributes});
    json!({"resourceSpans": [{"scopeSpans": [{"scope": {"name": "sdk"}, "spans": [span]}]}]}).to_string()
}

#[test]
fn spans_are_durable_when_they_are_answered_and_recorded_once() {
    let (http, grpc) = (free_address(), free_address());
    let world = World::new(&configuration(&http, &grpc));
    let server = world.serve();
    let token = world.token("workspace", &["--role", "ingest", "--dialect", "otel", "--workspace", "w-1"]);
    let send = |address: &str, number: u32| {
        let authorization = format!("Bearer {token}");
        let headers = [("Authorization", authorization.as_str()), ("Content-Type", "application/json")];
        http::send(address, "POST", "/v1/traces", &headers, span(number).as_bytes())
    };
    assert_eq!(send(&http, 1).unwrap().status, 200);
    assert_eq!(send(&http, 2).unwrap().status, 200);
    // An exporter that saw no answer sends it again.
    assert_eq!(send(&http, 2).unwrap().status, 200);
    // Whoever speaks HTTP/1 to gRPC is not answered with success.
    assert!(send(&grpc, 3).map_or(true, |answer| answer.status >= 400));
    // It is killed, and nothing that was answered is lost.
    drop(server);
    let rows = world.sql("SELECT session, workspace, tokens_in, tokens_out, interception FROM events WHERE kind = 'model.tokens' ORDER BY seq");
    let call = |id: &str| json!({"session": "s-1", "workspace": "w-1", "tokens_in": 900, "tokens_out": 30, "interception": id});
    assert_eq!(rows, [call("resp-1"), call("resp-2")]);
}

#[test]
fn an_address_that_is_taken_is_told_with_the_setting() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let world = World::new(&configuration(&taken.local_addr().unwrap().to_string(), "127.0.0.1:0"));
    let ended = world.run(&["serve", "--config", world.config().to_str().unwrap()]);
    assert!(ended.code != 0 && ended.err.contains("collectors.agents.http"), "{}", ended.err);
}

#[test]
fn a_source_is_told_what_to_write_and_waited_for() {
    let (http, grpc) = (free_address(), free_address());
    let world = World::new(&configuration(&http, &grpc));
    let server = world.serve();
    let told = world.run(&["collectors", "add", "opentelemetry", "--workspace", "w-1", "--no-wait"]).ok();
    let token = told.out.lines().find_map(|line| line.split_once("Authorization=Bearer ")).unwrap().1.trim().to_owned();
    assert!(told.out.contains(&format!("OTEL_EXPORTER_OTLP_ENDPOINT=http://{http}")), "{}", told.out);
    assert!(!told.out.contains("[[collector]]"), "there is one: {}", told.out);
    let mut waiting = world.command(&["collectors", "add", "opentelemetry"]);
    let mut waiting = waiting.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // It has looked at the numbers before when it says that it waits.
    let mut told = BufReader::new(waiting.stderr.take().unwrap()).lines().map_while(Result::ok);
    assert!(told.any(|line| line.starts_with("Waiting for the first event")));
    let authorization = format!("Bearer {token}");
    let headers = [("Authorization", authorization.as_str()), ("Content-Type", "application/json")];
    assert_eq!(http::send(&http, "POST", "/v1/traces", &headers, span(1).as_bytes()).unwrap().status, 200);
    let output = waiting.wait_with_output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && said.contains("agents: the first event arrived"), "{said}");
    let dry = world.run(&["collectors", "add", "coder", "--dry-run"]).ok();
    assert!(dry.out.contains("transport = \"tail\"") && dry.out.contains("CODER_LOGGING_JSON"), "{}", dry.out);
    assert_eq!(world.run(&["collectors", "add", "telex"]).code, 2);
    let listed = world.run(&["collectors", "list"]).ok();
    assert!(listed.out.contains("agents") && listed.out.contains("otel"), "{}", listed.out);
    assert!(server.stop().unwrap().success());
}
