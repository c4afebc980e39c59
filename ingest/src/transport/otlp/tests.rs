//! Tests of the transport through its routes: what is answered, what is recorded, and what hostile requests cost.

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request};
use http_body_util::BodyExt as _;
use ledger::events::column;
use prost::Message as _;
use tower::ServiceExt as _;

use super::answer::{ExportResponse, Status};
use super::*;
use crate::encoding::Signal;
use crate::fixtures::House;
use crate::transport::http::Held;

const CONFIG: &str = r#"
    [[collectors]]
    name = "agents"
    transport = "otlp"
    dialect = "native"
    http = "127.0.0.1:0"
    grpc = "127.0.0.1:0"
"#;
const LOGS: &str =
    r#"{"resourceLogs":[{"scopeLogs":[{"scope":{"name":"s"},"logRecords":[{"eventName":"a"},{"eventName":"b"}]}]}]}"#;
const RECORDS: [&str; 2] = [
    r#"{"resource":{},"scope":{"name":"s"},"log":{"eventName":"a"}}"#,
    r#"{"resource":{},"scope":{"name":"s"},"log":{"eventName":"b"}}"#,
];

/// The routes of the collector's two addresses.
fn routers(house: &mut House) -> [Router; 2] {
    let listening = house.collectors.take_listening();
    assert_eq!(
        listening.iter().map(|(name, at)| (name.as_str(), at.setting)).collect::<Vec<_>>(),
        [("agents", "http"), ("agents", "grpc")]
    );
    let mut routers = listening.into_iter().map(|(_, listening)| match listening.serve {
        Serve::Http1(routes) | Serve::Http2(routes) => routes.into_router(),
        Serve::Streams(_) => unreachable!("it serves requests"),
    });
    [routers.next().unwrap(), routers.next().unwrap()]
}

async fn send(
    router: &Router,
    path: &str,
    headers: &[(&str, &str)],
    body: impl Into<Body>,
) -> (u16, HeaderMap, Vec<u8>, HeaderMap) {
    let mut request = Request::post(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = router.clone().oneshot(request.body(body.into()).unwrap()).await.unwrap();
    let (head, body) = response.into_parts();
    let collected = body.collect().await.unwrap();
    let trailers = collected.trailers().cloned().unwrap_or_default();
    (head.status.as_u16(), head.headers, collected.to_bytes().to_vec(), trailers)
}

const SENDER: (&str, &str) = ("authorization", "Bearer sender");
const JSON: (&str, &str) = ("content-type", "application/json");
const PROTOBUF: (&str, &str) = ("content-type", "application/x-protobuf");

fn in_protobuf(json: &str) -> Vec<u8> {
    use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
    let lists: serde_json::Value = serde_json::from_str(json).unwrap();
    let logs = lists["resourceLogs"][0]["scopeLogs"][0]["logRecords"].as_array().unwrap();
    let logs = logs.iter().map(|log| opentelemetry_proto::tonic::logs::v1::LogRecord {
        event_name: log["eventName"].as_str().unwrap().to_owned(),
        ..Default::default()
    });
    let scope =
        opentelemetry_proto::tonic::common::v1::InstrumentationScope { name: "s".to_owned(), ..Default::default() };
    let scopes = opentelemetry_proto::tonic::logs::v1::ScopeLogs {
        scope: Some(scope),
        log_records: logs.collect(),
        ..Default::default()
    };
    let resource =
        opentelemetry_proto::tonic::logs::v1::ResourceLogs { scope_logs: vec![scopes], ..Default::default() };
    ExportLogsServiceRequest { resource_logs: vec![resource] }.encode_to_vec()
}

/// A message of gRPC.
fn message(bytes: &[u8]) -> Vec<u8> {
    [&[0][..], &(bytes.len() as u32).to_be_bytes(), bytes].concat()
}

#[tokio::test]
async fn the_same_is_recorded_of_every_format() {
    let mut house = House::new(CONFIG);
    let [http, grpc] = routers(&mut house);
    let (status, headers, answer, _) = send(&http, "/v1/logs", &[SENDER, JSON], LOGS).await;
    assert_eq!(
        (status, answer.as_slice(), &headers["content-type"]),
        (200, &b"{}"[..], &"application/json".parse::<axum::http::HeaderValue>().unwrap())
    );
    let (status, headers, answer, _) = send(&http, "/v1/logs", &[SENDER, PROTOBUF], in_protobuf(LOGS)).await;
    assert_eq!((status, answer.as_slice()), (200, &b""[..]));
    assert_eq!(headers["content-type"], "application/x-protobuf");
    let packed = {
        use async_compression::tokio::write::GzipEncoder;
        use tokio::io::AsyncWriteExt as _;
        let mut gzip = GzipEncoder::new(Vec::new());
        gzip.write_all(LOGS.as_bytes()).await.unwrap();
        gzip.shutdown().await.unwrap();
        gzip.into_inner()
    };
    assert_eq!(send(&http, "/v1/logs", &[SENDER, JSON, ("content-encoding", "gzip")], packed).await.0, 200);
    let call = [SENDER, ("content-type", "application/grpc"), ("te", "trailers")];
    let (status, _, answer, trailers) = send(&grpc, Signal::Log.method(), &call, message(&in_protobuf(LOGS))).await;
    assert_eq!((status, answer, trailers["grpc-status"].to_str().unwrap()), (200, message(b""), "0"));
    // Native keys are missing, so each is `unparsed`: the whole record is content.
    assert_eq!(house.records(), RECORDS.repeat(4));
}

#[tokio::test]
async fn who_may_not_send_and_what_is_no_request_is_told() {
    use tonic::Code::{InvalidArgument, PermissionDenied, ResourceExhausted, Unauthenticated, Unimplemented};

    let mut house = House::new(CONFIG);
    let [http, grpc] = routers(&mut house);
    let check = async |path: &str, headers: &[(&str, &str)], body: Vec<u8>, want: u16, code: tonic::Code| {
        let (status, _, answer, _) = send(&http, path, headers, body).await;
        let is_protobuf = headers.contains(&PROTOBUF);
        let told = if is_protobuf {
            Status::decode(&*answer).unwrap()
        } else {
            let json: serde_json::Value = serde_json::from_slice(&answer).unwrap();
            Status {
                code: json["code"].as_i64().unwrap() as i32,
                message: json["message"].as_str().unwrap().to_owned(),
            }
        };
        assert_eq!((status, told.code), (want, code as i32), "{path} {headers:?} {}", told.message);
        assert!(!told.message.is_empty());
    };
    check("/v1/logs", &[JSON], LOGS.into(), 401, Unauthenticated).await;
    check("/v1/logs", &[PROTOBUF, ("authorization", "Bearer analyst")], Vec::new(), 403, PermissionDenied).await;
    check("/v1/logs", &[SENDER, ("content-type", "text/plain")], LOGS.into(), 415, InvalidArgument).await;
    check("/v1/logs", &[SENDER], LOGS.into(), 415, InvalidArgument).await;
    check("/v1/logs", &[SENDER, JSON, ("content-encoding", "br")], LOGS.into(), 415, InvalidArgument).await;
    check("/v1/logs", &[SENDER, JSON, ("content-encoding", "gzip")], LOGS.into(), 400, InvalidArgument).await;
    check("/v1/logs", &[SENDER, JSON], LOGS.as_bytes()[..40].to_vec(), 400, InvalidArgument).await;
    check("/v1/traces", &[SENDER, PROTOBUF], b"\x0a\xff".to_vec(), 400, InvalidArgument).await;
    check("/v1/metrics", &[SENDER, PROTOBUF], vec![0; limits::OTLP_BODY_BYTES_MAX + 1], 413, ResourceExhausted).await;
    check("/v1/profiles", &[SENDER, JSON], LOGS.into(), 404, Unimplemented).await;

    let grpc_status = async |headers: &[(&str, &str)], path: &str, body: Vec<u8>| {
        let (_, head, _, trailers) = send(&grpc, path, headers, body).await;
        let status = head.get("grpc-status").or_else(|| trailers.get("grpc-status")).cloned();
        status.unwrap().to_str().unwrap().parse::<i32>().unwrap()
    };
    let call = ("content-type", "application/grpc");
    assert_eq!(grpc_status(&[call], Signal::Log.method(), message(b"")).await, Unauthenticated as i32);
    assert_eq!(grpc_status(&[call, SENDER], Signal::Log.method(), message(b"\x0a\xff")).await, InvalidArgument as i32);
    assert_eq!(grpc_status(&[call, SENDER], "/grpc.health.v1.Health/Check", message(b"")).await, Unimplemented as i32);
    let large = message(&vec![0; limits::OTLP_MESSAGE_BYTES_MAX + 1]);
    assert_eq!(grpc_status(&[call, SENDER], Signal::Log.method(), large).await, tonic::Code::OutOfRange as i32);
    assert_eq!(house.rows().iter().count(), 0);
}

#[tokio::test]
async fn what_is_not_taken_of_a_request_is_named_and_its_beginning_kept() {
    let mut house = House::new(CONFIG);
    let [http, _] = routers(&mut house);
    let long = "x".repeat(limits::LINE_BYTES_MAX);
    let body = format!(
        r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{{"eventName":"{long}"}},{{"eventName":"b"}},{{"attributes":[7]}}]}}]}}]}}"#
    );
    let (status, _, answer, _) = send(&http, "/v1/logs", &[SENDER, JSON], body.clone()).await;
    let answer: serde_json::Value = serde_json::from_slice(&answer).unwrap();
    assert_eq!((status, &answer["partialSuccess"]["rejectedLogRecords"]), (200, &"1".into()));
    assert!(answer["partialSuccess"]["errorMessage"].as_str().unwrap().contains("longer than"));
    assert_eq!(house.column(column::KIND), ["unparsed"; 3]);
    let records = house.records();
    assert_eq!(
        (records[0].len(), records[1].as_str()),
        (limits::LINE_BYTES_MAX, r#"{"resource":{},"scope":{},"log":{"eventName":"b"}}"#)
    );
    assert_eq!(records[2], r#"{"resource":{},"scope":{},"log":{"attributes":[7]}}"#);
    let response = ExportResponse::of(export::Outcome { rejected: 1, message: "m".to_owned() });
    assert_eq!(response.encode_to_vec(), b"\x0a\x05\x08\x01\x12\x01m");
}

#[tokio::test]
async fn odd_json_is_mended_and_taken() {
    let mut house = House::new(CONFIG);
    let [http, _] = routers(&mut house);
    let odd = [
        br#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"eventName":"\ud83d"},{"eventName":""#.as_slice(),
        b"\xff",
        br#""},]}]}]}"#,
    ]
    .concat();
    assert_eq!(send(&http, "/v1/logs", &[SENDER, JSON], odd).await.0, 200);
    let names =
        ["\u{FFFD}"; 2].map(|name| format!(r#"{{"resource":{{}},"scope":{{}},"log":{{"eventName":"{name}"}}}}"#));
    assert_eq!(house.records(), names);
}

#[tokio::test]
async fn there_is_room_for_so_many_bodies() {
    let mut house = House::new(CONFIG);
    let pipeline = Arc::clone(house.collectors.pipeline());
    let _ = routers(&mut house);
    let tasks = tokio_util::task::TaskTracker::new();
    let push = crate::transport::http::Push::new(
        Arc::clone(&pipeline),
        Arc::new(crate::fixtures::Tokens),
        tokio_util::sync::CancellationToken::new(),
        tasks,
    );
    let channel =
        crate::pipeline::Channel::new("agents", crate::dialect::by_name("native").unwrap(), pipeline.metrics());
    let target = Target { push, channel, room: Room::new(3 << 10, limits::OTLP_BODY_BYTES_MAX) };
    let (mut first, mut second) = (Held::default(), Held::default());
    target.room.extend(&mut first, &[0; 1_000]).unwrap();
    target.room.extend(&mut first, &[0; 1_000]).unwrap();
    target.room.extend(&mut second, &[0; 1_024]).unwrap();
    let problem = target.room.extend(&mut second, &[0]).unwrap_err();
    assert_eq!(
        (answer::grpc_code(&problem), problem.retry_after()),
        (tonic::Code::ResourceExhausted, Some(limits::RETRY_AFTER))
    );
    drop(first);
    target.room.extend(&mut second, &[0]).unwrap();
    assert_eq!(target.room.left(), 1);
}
