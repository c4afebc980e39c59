//! Tests of how requests are cut: the same elements from both formats, however they were batched.

use super::*;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::InstrumentationScope;
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use prost::Message as _;

/// The records of a request.
fn records(body: &[u8], format: Format, signal: Signal) -> Vec<String> {
    let mut writer = RecordWriter::new(format, signal);
    let elements = split(body, format, signal).unwrap();
    elements.iter().map(|element| String::from_utf8(writer.write(element).unwrap().to_vec()).unwrap()).collect()
}

fn log(name: &str) -> LogRecord {
    LogRecord { event_name: name.to_owned(), ..LogRecord::default() }
}

fn under_scope(name: &str, logs: &[&str]) -> ScopeLogs {
    let scope = InstrumentationScope { name: name.to_owned(), ..InstrumentationScope::default() };
    ScopeLogs { scope: Some(scope), log_records: logs.iter().map(|name| log(name)).collect(), ..ScopeLogs::default() }
}

fn request(resources: Vec<Vec<ScopeLogs>>) -> ExportLogsServiceRequest {
    let under = |scope_logs| ResourceLogs { scope_logs, ..ResourceLogs::default() };
    ExportLogsServiceRequest { resource_logs: resources.into_iter().map(under).collect() }
}

#[test]
fn records_do_not_depend_on_format_or_batches() {
    let want = [
        r#"{"resource":{},"scope":{"name":"s"},"log":{"eventName":"a"}}"#,
        r#"{"resource":{},"scope":{"name":"s"},"log":{"eventName":"b"}}"#,
        r#"{"resource":{},"scope":{"name":"t"},"log":{"eventName":"c"}}"#,
    ];
    let together = request(vec![vec![under_scope("s", &["a", "b"]), under_scope("t", &["c"])]]);
    let apart = request(vec![vec![under_scope("s", &["a"])], vec![under_scope("s", &["b"]), under_scope("t", &["c"])]]);
    for request in [together, apart] {
        assert_eq!(records(&request.encode_to_vec(), Format::Protobuf, Signal::Logs), want);
        assert_eq!(records(&serde_json::to_vec(&request).unwrap(), Format::Json, Signal::Logs), want);
    }
    assert_eq!(records(b"{}", Format::Json, Signal::Logs), [""; 0]);
    assert_eq!(records(b"", Format::Protobuf, Signal::Traces), [""; 0]);
    let named = br#"{"resource_logs":[{"scope_logs":[{"log_records":[{"event_name":"a"}],"scope":null}]}]}"#;
    assert_eq!(records(named, Format::Json, Signal::Logs), [r#"{"resource":{},"scope":{},"log":{"eventName":"a"}}"#]);
}

#[test]
fn all_signals_are_cut_alike() {
    let spans = br#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"name":"x"}]}]}]}"#;
    let request: ExportTraceServiceRequest = serde_json::from_slice(
        br#"{"resourceSpans":[{"resource":null,"scopeSpans":[{"scope":null,"spans":[{"traceId":"","spanId":"","name":"x"}],"schemaUrl":""}],"schemaUrl":""}]}"#,
    )
    .unwrap();
    for (body, format) in [(spans.to_vec(), Format::Json), (request.encode_to_vec(), Format::Protobuf)] {
        assert_eq!(records(&body, format, Signal::Traces), [r#"{"resource":{},"scope":{},"span":{"name":"x"}}"#]);
    }
    let metrics = br#"{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":"x"}]}]}]}"#;
    assert_eq!(
        records(metrics, Format::Json, Signal::Metrics),
        [r#"{"resource":{},"scope":{},"metric":{"name":"x"}}"#]
    );
    assert!(ExportMetricsServiceRequest::decode(&b""[..]).is_ok());
}

#[test]
fn an_element_stands_alone_as_a_request() {
    let body = request(vec![vec![under_scope("s", &["a", "b"])]]).encode_to_vec();
    let elements = split(&body, Format::Protobuf, Signal::Logs).unwrap();
    let alone = ExportLogsServiceRequest::decode(&*elements[1].alone(Format::Protobuf, Signal::Logs)).unwrap();
    let logs = &alone.resource_logs[0].scope_logs[0];
    assert_eq!((logs.scope.as_ref().unwrap().name.as_str(), &logs.log_records[..]), ("s", &[log("b")][..]));
}

#[test]
fn what_is_no_request_is_refused() {
    let check = |body: &[u8], format, want| assert_eq!(split(body, format, Signal::Logs), Err(want), "{body:?}");
    for body in
        ["", "[", "[]", "7", r#"{"resourceLogs":7}"#, r#"{"resourceLogs":[7]}"#, r#"{"resourceLogs":[{"scopeLogs":[{"#]
    {
        check(body.as_bytes(), Format::Json, SplitError::Json);
    }
    for body in [&b"\x0a\x05a"[..], b"\x0a\x02\x0a\x09", b"\x08\x01", b"\xff"] {
        check(body, Format::Protobuf, SplitError::Protobuf);
    }
}

#[test]
fn small_requests_do_not_become_large() {
    // One resource of a megabyte over elements of two bytes.
    let resource = [&b"\x0a\x80\x80\x40"[..], &vec![0; 1 << 20]].concat();
    let elements = b"\x12\0".repeat(100);
    let under_scope = [&[0x12, 200_u8, 1][..], &elements].concat();
    let body = [resource, under_scope].concat();
    let mut request = vec![0x0a];
    prost::encoding::encode_varint(body.len() as u64, &mut request);
    request.extend_from_slice(&body);
    assert_eq!(split(&request, Format::Protobuf, Signal::Logs), Err(SplitError::TooLarge));
    let many = format!(
        r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{}{{}}]}}]}}]}}"#,
        "{},".repeat(limits::OTLP_ELEMENTS_MAX)
    );
    assert_eq!(split(many.as_bytes(), Format::Json, Signal::Logs), Err(SplitError::TooLarge));
}
