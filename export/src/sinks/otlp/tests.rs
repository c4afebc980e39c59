//! Requests as the messages of others read them, and what every answer means. Real receivers are in `tests/receivers.rs`.

use opentelemetry_proto::tonic::collector::logs::v1::{
    ExportLogsPartialSuccess, ExportLogsServiceRequest, ExportLogsServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::any_value::Value as Theirs;
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::fixtures;

fn sink(settings: serde_json::Value) -> Result<Otlp, String> {
    let mut all = json!({"url": "https://otel.acme.example:4318/"});
    let serde_json::Value::Object(settings) = settings else { panic!("settings are an object") };
    all.as_object_mut().unwrap().extend(settings);
    serde_json::from_value::<Otlp>(all).unwrap().sink()
}

fn read(records: &[Record]) -> ExportLogsServiceRequest {
    let rendered = sink(json!({})).unwrap().render(records);
    ExportLogsServiceRequest::decode(rendered.messages[0].body.as_slice()).unwrap()
}

#[test]
fn the_messages_of_others_read_what_is_sent() {
    let event = json!({"kind": "model.call", "time": 1_763_750_000_123_456_i64, "agent": "claude-code", "model": "m-1", "session": "s-1",
        "user": "alice", "workspace_name": "alice/api", "host": "api.acme.example"});
    let records = fixtures::records(&fixtures::events(&[event]));
    let request = read(&records);
    let [resource] = request.resource_logs.as_slice() else { panic!("{request:?}") };
    let [scope] = resource.scope_logs.as_slice() else { panic!("{request:?}") };
    let [log] = scope.log_records.as_slice() else { panic!("{request:?}") };
    assert_eq!(
        (log.time_unix_nano, log.observed_time_unix_nano),
        (1_763_750_000_123_456_000, 1_763_683_200_000_000_000)
    );
    assert_eq!(
        (log.severity_number, log.severity_text.as_str(), log.event_name.as_str()),
        (9, "info", "tachograph.model.call")
    );
    let text = |value: Option<Theirs>| match value {
        Some(Theirs::StringValue(text)) => text,
        Some(Theirs::IntValue(number)) => number.to_string(),
        other => panic!("{other:?}"),
    };
    assert_eq!(text(log.body.clone().unwrap().value), records[0].said.text);
    let attributes: Vec<(String, String)> = log
        .attributes
        .iter()
        .map(|attribute| (attribute.key.clone(), text(attribute.value.clone().unwrap().value)))
        .collect();
    let expected = [
        ("log.record.uid", "events/0/0"),
        ("tachograph.stream", "events/0"),
        ("tachograph.seq", "0"),
        ("tachograph.export_seq", "0"),
        ("tachograph.schema", "plain"),
        ("host.name", "alice/api"),
        ("gen_ai.agent.name", "claude-code"),
        ("gen_ai.request.model", "m-1"),
        ("gen_ai.conversation.id", "s-1"),
        ("user.name", "alice"),
        ("server.address", "api.acme.example"),
    ];
    assert_eq!(attributes, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    let service = &resource.resource.as_ref().unwrap().attributes[0];
    assert_eq!(
        (service.key.as_str(), text(service.value.clone().unwrap().value)),
        ("service.name", "tachograph".to_owned())
    );
}

#[test]
fn alerts_have_their_severity() {
    let rows = fixtures::operations(&Severity::ALL.map(|severity| fixtures::alert(1, severity)));
    let request = read(&fixtures::records(&rows));
    let logs = &request.resource_logs[0].scope_logs[0].log_records;
    assert_eq!(logs.iter().map(|log| log.severity_number).collect::<Vec<_>>(), [9, 10, 13, 17, 21]);
}

fn answer(rejected: i64) -> Response {
    let partial_success =
        Some(ExportLogsPartialSuccess { rejected_log_records: rejected, error_message: "too old".to_owned() });
    let bytes = ExportLogsServiceResponse { partial_success }.encode_to_vec();
    Response { status: 200, retry_after: None, body: bytes.into_iter().map(char::from).collect() }
}

#[test]
fn what_was_rejected_is_told_and_named_where_it_can_be() {
    let sink = sink(json!({})).unwrap();
    for rejected in [1, 127, 128, 300] {
        assert_eq!(sink.outcomes(&answer(rejected), 1_000), None);
        match sink.judge(&answer(rejected)) {
            Judgement::Parts(parts) => {
                assert!(parts.unnamed == rejected as u64 && parts.said.ends_with("is not said: too old"));
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(sink.outcomes(&answer(300), 300).unwrap(), vec![Outcome::Refused("200 too old".to_owned()); 300]);
    for nothing in [
        answer(0),
        answer(-1),
        Response { body: String::new(), ..answer(0) },
        Response { body: "{}".to_owned(), ..answer(0) },
    ] {
        assert_eq!(sink.outcomes(&nothing, 1), None);
        assert!(matches!(sink.judge(&nothing), Judgement::Acked(_)), "{nothing:?}");
    }
    let of = |status| sink.judge(&Response { status, ..answer(7) });
    for status in [429, 502, 503, 504] {
        assert!(matches!(of(status), Judgement::Retry { .. }), "{status}");
    }
    assert!(matches!(of(400), Judgement::Split { .. }) && matches!(of(401), Judgement::Park { .. }));
    assert!(matches!(of(500), Judgement::Uncertain { .. }));
}

#[test]
fn mistakes_are_named() {
    assert!(sink(json!({"key": "env:K", "token": "env:T"})).err().unwrap().contains("only one proof"));
    assert!(sink(json!({"key": "env:K", "key_header": "a b"})).err().unwrap().contains("key_header"));
}

proptest! {
    #[test]
    fn a_request_keeps_its_bound_and_says_everything(texts in proptest::collection::vec("(?s).{0,200}", 1..40), times in 1usize..200) {
        let events: Vec<serde_json::Value> =
            texts.iter().map(|text| json!({"kind": text, "target": text.repeat(times), "path": text.repeat(times)})).collect();
        let records = fixtures::records(&fixtures::events(&events));
        let rendered = sink(json!({})).unwrap().render(&records);
        prop_assert!(rendered.messages[0].body.len() <= BODY_BYTES_MAX);
        let request = ExportLogsServiceRequest::decode(rendered.messages[0].body.as_slice()).unwrap();
        prop_assert_eq!(request.resource_logs[0].scope_logs[0].log_records.len(), rendered.taken);
    }
}
