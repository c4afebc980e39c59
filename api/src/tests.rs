//! The API over its router: status, headers, bodies, resume.

use std::collections::BTreeSet;

use axum::body::{Body, Bytes};
use axum::http::{Request as HttpRequest, Response, StatusCode};
use futures::StreamExt;
use ledger::LedgerName;
use operations::access::Role;
use serde_json::{Value, json};
use tower::ServiceExt;

use super::*;
use crate::fixtures::{Ledgers, People, event, principal, story};
use query::output::Format;

struct Server {
    ledgers: Ledgers,
    router: Router,
    people: Arc<People>,
}

async fn server() -> Server {
    let (events, operations) = story();
    let ledgers = Ledgers::new(1_000);
    ledgers.append(LedgerName::Events, events, 100).await;
    ledgers.append(LedgerName::Operations, operations, 100).await;
    let known = vec![
        principal("ada", Role::Analyst, true),
        principal("bob", Role::Analyst, false),
        principal("aud", Role::Auditor, false),
        principal("box", Role::Ingest, false),
    ];
    let people = Arc::new(People::new(known));
    let authorize = Arc::clone(&people) as Arc<dyn Authorize>;
    let router = router(State::new(ledgers.services(authorize)));
    Server { ledgers, router, people }
}

async fn send(router: &Router, request: HttpRequest<Body>) -> Response<Body> {
    router.clone().oneshot(request).await.unwrap()
}

fn get(who: &str, path: &str) -> HttpRequest<Body> {
    HttpRequest::get(path).header("authorization", format!("Bearer secret-{who}")).body(Body::empty()).unwrap()
}

fn ask(who: &str, content_type: &str, accept: &str, body: impl Into<Body>) -> HttpRequest<Body> {
    HttpRequest::post("/api/v1/query")
        .header("authorization", format!("Bearer secret-{who}"))
        .header("content-type", content_type)
        .header("accept", accept)
        .body(body.into())
        .unwrap()
}

async fn body(response: Response<Body>) -> Bytes {
    axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap()
}

#[tokio::test]
async fn a_query_answers_in_the_format_that_was_asked_for() {
    let server = server().await;
    let sql = "SELECT seq, host FROM egress ORDER BY seq LIMIT 1";
    for (format, expected) in [
        (Format::NdJson, "{\"seq\":1,\"host\":\"packages.acme.example\"}\n"),
        (Format::Csv, "seq,host\n1,packages.acme.example\n"),
    ] {
        for request in [
            ask("bob", "text/plain", format.media_type(), sql),
            ask("bob", "application/json", "*/*", json!({ "sql": sql, "format": format.name() }).to_string()),
        ] {
            let response = send(&server.router, request).await;
            assert_eq!(response.status(), StatusCode::OK);
            assert!(response.headers()["content-type"].to_str().unwrap().starts_with(format.media_type()));
            assert!(response.headers()["tachograph-query-id"].to_str().unwrap().starts_with("query-"));
            assert_eq!(response.headers()["tachograph-rows"], "1");
            assert_eq!(body(response).await, expected);
        }
    }
    let response =
        send(&server.router, ask("bob", "application/json", "", json!({ "sql": sql, "format": "json" }).to_string()))
            .await;
    let result: Value = serde_json::from_slice(&body(response).await).unwrap();
    assert_eq!(result["columns"], json!([{ "name": "seq", "type": "integer" }, { "name": "host", "type": "text" }]));
    assert_eq!(result["rows"], json!([{ "seq": 1, "host": "packages.acme.example" }]));
    assert_eq!(result["statistics"]["rows"], 1);
}

#[tokio::test]
async fn what_is_refused_is_a_problem_with_a_stable_code() {
    let server = server().await;
    let query = |who: &str, body: &str| ask(who, "application/json", "*/*", body.to_owned());
    let cases: [(HttpRequest<Body>, u16, &str); 19] = [
        (HttpRequest::get("/api/v1/tail").body(Body::empty()).unwrap(), 401, "unauthorized"),
        (query("nobody", r#"{"sql":"SELECT 1"}"#), 401, "unauthorized"),
        (query("box", r#"{"sql":"SELECT 1"}"#), 403, "role"),
        (query("aud", r#"{"sql":"SELECT 1 FROM events"}"#), 403, "role"),
        (query("bob", r#"{"sql":"SELECT command FROM commands"}"#), 403, "content_permission"),
        (query("bob", r#"{"sql":"DROP TABLE events"}"#), 400, "read_only"),
        (query("bob", r#"{"sql":"SELEC"}"#), 400, "sql"),
        (query("bob", r#"{"sql":"SELECT 1","extra":1}"#), 400, "request"),
        (query("bob", r#"{"sql":"SELECT 1","format":"xml"}"#), 400, "request"),
        (query("bob", r#"{"sql":"SELECT * FROM generate_series(1, 100)","limits":{"rows":10}}"#), 422, "limit_rows"),
        (ask("bob", "text/csv", "*/*", "SELECT 1"), 415, "request"),
        (ask("bob", "text/plain", "image/png", "SELECT 1"), 406, "not_acceptable"),
        (ask("bob", "text/plain", "*/*", vec![b' '; limits::REQUEST_BYTES_MAX + 1]), 413, "request"),
        (get("aud", "/api/v1/tail"), 403, "role"),
        (get("bob", "/api/v1/tail?content=true"), 403, "content_permission"),
        (get("bob", "/api/v1/tail?command=ls"), 400, "request"),
        (get("bob", "/api/v1/tail?nothing=1"), 400, "request"),
        (get("bob", "/api/v1/tail?from=operations/0/1"), 400, "request"),
        (get("bob", "/api/v1/tail?from=events/0/999"), 409, "position_ahead"),
    ];
    for (request, status, code) in cases {
        let name = format!("{} {}", request.method(), request.uri());
        let response = send(&server.router, request).await;
        assert_eq!(response.status(), status, "{name} {code}");
        assert_eq!(response.headers()["content-type"], "application/problem+json", "{name}");
        let problem: Value = serde_json::from_slice(&body(response).await).unwrap();
        assert_eq!(
            (problem["code"].as_str(), problem["status"].as_u64()),
            (Some(code), Some(u64::from(status))),
            "{name}"
        );
        assert_eq!(problem["type"], format!("urn:tachograph:problem:{code}"));
        assert!(!problem["detail"].as_str().unwrap().is_empty());
        let documented: Value = serde_json::from_str(OPENAPI).unwrap();
        let codes = documented.pointer("/components/schemas/Problem/properties/code/enum").unwrap();
        assert!(codes.as_array().unwrap().contains(&json!(code)), "{code} is documented");
    }
}

#[tokio::test]
async fn a_result_that_breaks_midway_says_so_or_breaks_the_body() {
    let server = server().await;
    let sql = "SELECT concat('some text that is long enough', value) AS x FROM generate_series(1, 30000)";
    let with = |format: &str| {
        ask(
            "bob",
            "application/json",
            "*/*",
            json!({ "sql": sql, "format": format, "limits": { "rows": 20000 } }).to_string(),
        )
    };
    let response = send(&server.router, with("json")).await;
    assert_eq!(response.status(), StatusCode::OK);
    let result: Value = serde_json::from_slice(&body(response).await).unwrap();
    assert_eq!(result["error"]["code"], "limit_rows");
    assert!(result.get("statistics").is_none());
    let response = send(&server.router, with("csv")).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert!(axum::body::to_bytes(response.into_body(), usize::MAX).await.is_err());
}

/// Reads events of a tail until `count` rows came; gives their ids and data.
async fn rows(response: Response<Body>, count: usize) -> Vec<(String, Value)> {
    assert_eq!(response.status(), StatusCode::OK);
    let (mut text, mut rows) = (String::new(), Vec::new());
    let mut stream = response.into_body().into_data_stream();
    while rows.len() < count {
        text.push_str(std::str::from_utf8(&stream.next().await.unwrap().unwrap()).unwrap());
        while let Some((one, rest)) = text.split_once("\n\n") {
            let field = |name: &str| one.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
            assert_eq!(field("event: "), "row", "{one}");
            rows.push((field("id: ").to_owned(), serde_json::from_str(field("data: ")).unwrap()));
            text = rest.to_owned();
        }
    }
    rows
}

fn ids(rows: &[(String, Value)]) -> Vec<&str> {
    rows.iter().map(|(id, _)| id.as_str()).collect()
}

#[tokio::test]
async fn a_tail_filters_resumes_and_waits_for_what_comes() {
    let server = server().await;
    let denied =
        rows(send(&server.router, get("bob", "/api/v1/tail?from=start&outcome=deny&kind=egress.http")).await, 2).await;
    assert_eq!(ids(&denied), ["events/0/2", "events/0/8"]);
    assert_eq!((&denied[0].1["host"], &denied[0].1["position"]), (&json!("attacker-logger.com"), &json!("events/0/2")));
    assert!(denied[0].1.get("command").is_none() && denied[0].1.get("rule").is_none(), "neither content nor nulls");

    let mut again = get("bob", "/api/v1/tail?from=start&outcome=deny&outcome=error&columns=outcome");
    again.headers_mut().insert("last-event-id", "events/0/2".parse().unwrap());
    let resumed = rows(send(&server.router, again).await, 2).await;
    assert_eq!(ids(&resumed), ["events/0/8", "events/0/9"]);
    assert_eq!(resumed[1].1.as_object().unwrap().keys().collect::<Vec<_>>(), ["outcome", "position", "recorded"]);

    let filter = "/api/v1/tail?from=start&filter=outcome:deny,error%20host:*.com%20-user:bob&kind=egress.http";
    assert_eq!(ids(&rows(send(&server.router, get("bob", filter)).await, 1).await), ["events/0/2"]);
    let refused = send(&server.router, get("bob", "/api/v1/tail?filter=command:ls")).await;
    assert_eq!(refused.status(), StatusCode::BAD_REQUEST, "a content column needs content=true");

    let live = send(&server.router, get("bob", "/api/v1/tail?session=s-new")).await;
    let new = |session| event(60, "session.start", &[(ledger::events::column::SESSION, session)]);
    server.ledgers.append(LedgerName::Events, [new("s-old"), new("s-new")], 10).await;
    assert_eq!(ids(&rows(live, 1).await), ["events/0/13"]);

    let alerts = rows(
        send(
            &server.router,
            get("aud", "/api/v1/tail?ledger=operations&from=start&severity=high&record.state=updated"),
        )
        .await,
        1,
    )
    .await;
    assert_eq!(ids(&alerts), ["operations/0/2"]);
    let position = rows(
        send(&server.router, get("aud", "/api/v1/tail?ledger=operations&from=start&column.from=events/0/0")).await,
        1,
    )
    .await;
    assert_eq!(ids(&position), ["operations/0/3"]);
}

#[tokio::test]
async fn a_tail_with_content_is_recorded() {
    let server = server().await;
    let commands = rows(
        send(&server.router, get("ada", "/api/v1/tail?from=start&content=true&kind=command&columns=command")).await,
        2,
    )
    .await;
    assert_eq!(commands[1].1["command"], "curl https://attacker-logger.com");
    let read =
        rows(send(&server.router, get("aud", "/api/v1/tail?ledger=operations&from=start&kind=content.read")).await, 1)
            .await;
    let record: Value = serde_json::from_str(read[0].1["record"].as_str().unwrap()).unwrap();
    assert_eq!((record["columns"].clone(), &read[0].1["actor"]), (json!(["events.command"]), &json!("ada")));
}

#[tokio::test]
async fn a_tail_ends_with_its_token_though_rows_are_left() {
    let server = server().await;
    let many = (0..3 * limits::TAIL_READ_ROWS as i64).map(|second| event(second, "audit", &[]));
    server.ledgers.append(LedgerName::Events, many, 100).await;
    let response = send(&server.router, get("bob", "/api/v1/tail?from=start&kind=audit")).await;
    let mut chunks = response.into_body().into_data_stream();
    let first = chunks.next().await.unwrap().unwrap();
    assert!(first.starts_with(b"id: events/0/11\n"));
    server.people.revoke_all();
    let rest: Vec<Bytes> = chunks.map(|chunk| chunk.unwrap()).collect().await;
    assert_eq!(rest.len(), 1);
    assert!(rest[0].starts_with(b"event: error\ndata: {\"code\":\"unauthorized\""), "{:?}", rest[0]);
}

#[tokio::test]
async fn a_tail_ends_when_the_server_stops() {
    let ledgers = Ledgers::new(1_000);
    let people = Arc::new(People::new(vec![principal("bob", Role::Analyst, false)]));
    let services = ledgers.services(people);
    let stop = services.stop.clone();
    let router = router(State::new(services));
    let waiting = send(&router, get("bob", "/api/v1/tail")).await;
    let waiting = tokio::spawn(body(waiting));
    tokio::task::yield_now().await;
    stop.cancel();
    // Long before its heartbeat, and without an error: whoever comes back asks for what follows.
    let sent = tokio::time::timeout(limits::TAIL_HEARTBEAT / 2, waiting).await.unwrap().unwrap();
    assert_eq!(sent, ": heartbeat\n\n");
    let late = send(&router, get("bob", "/api/v1/tail?from=start")).await;
    assert_eq!(body(late).await, ": heartbeat\n\n");
}

/// The document names every member of an answer, and no other.
#[track_caller]
pub(super) fn documents(schema: &str, answer: &Value) {
    let document: Value = serde_json::from_str(OPENAPI).unwrap();
    let members = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<BTreeSet<_>>();
    let documented = members(&document["components"]["schemas"][schema]["properties"]);
    assert_eq!(documented, members(answer), "{schema}");
}

#[test]
fn the_document_names_every_route_and_format() {
    let document: Value = serde_json::from_str(OPENAPI).unwrap();
    let paths = document["paths"].as_object().unwrap();
    let documented: Vec<(String, String)> = paths
        .iter()
        .flat_map(|(path, methods)| methods.as_object().unwrap().keys().map(|method| (method.clone(), path.clone())))
        .collect();
    for route in ROUTES {
        assert!(
            documented.contains(&(route.method.to_owned(), route.path.to_owned())),
            "{} {}",
            route.method,
            route.path
        );
    }
    assert_eq!(documented.len(), ROUTES.len());
    let media = document.pointer("/paths/~1api~1v1~1query/post/responses/200/content").unwrap();
    let names = document.pointer("/components/schemas/Query/properties/format/enum").unwrap();
    assert_eq!(names, &json!(Format::ALL.map(Format::name)));
    assert!(Format::ALL.iter().all(|format| media.get(format.media_type()).is_some()));
    let maximum = |name: &str| {
        document
            .pointer(&format!("/components/schemas/Query/properties/limits/properties/{name}/maximum"))
            .unwrap()
            .as_u64()
    };
    assert_eq!(maximum("time_ms"), Some(query::limits::QUERY_TIME_MAX.as_millis() as u64));
    assert_eq!(
        (maximum("rows"), maximum("bytes")),
        (Some(query::limits::RESULT_ROWS_MAX), Some(query::limits::RESULT_BYTES_MAX))
    );
}
