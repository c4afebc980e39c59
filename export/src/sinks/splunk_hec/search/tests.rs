//! A search against a strict double of Splunk's endpoint, made of the answers that Splunk documents: there is no Splunk to be had.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::Router;
use axum::extract::{Form, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use serde_json::json;

use super::*;
use crate::fixtures;
use crate::schemas::plain;
use crate::sink::Settings as _;

/// What the double answers to everybody who asks as the reference says.
type Answer = (StatusCode, String);

async fn export(
    State(answer): State<Answer>,
    headers: HeaderMap,
    Form(fields): Form<BTreeMap<String, String>>,
) -> Answer {
    let fatal = |status, text: &str| (status, json!({"messages": [{"type": "FATAL", "text": text}]}).to_string());
    if headers["authorization"] != "Bearer searcher" {
        return fatal(StatusCode::UNAUTHORIZED, "call not properly authenticated");
    }
    let of = |name: &str| fields.get(name).map(String::as_str);
    assert_eq!(
        of("search"),
        Some(r#"search index="agents \"a\"" source="tachograph" sourcetype="tachograph:*" | fields _raw"#)
    );
    assert_eq!((of("output_mode"), of("earliest_time"), of("latest_time")), (Some("json"), Some("0"), Some("+10y")));
    answer
}

async fn read(answer: Answer, token: &str) -> (Result<(), ReceiptsError>, Copy) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let routes = Router::new().route("/services/search/v2/jobs/export", post(export)).with_state(answer);
    tokio::spawn(axum::serve(listener, routes).into_future());
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("token"), token).unwrap();
    let token = format!("file:{}", dir.path().join("token").display());
    let sink: SplunkHec = serde_json::from_value(json!({"url": url, "token": token, "index": "agents \"a\""})).unwrap();
    let reach = Reach { allow_private: true, timeout: Duration::from_secs(20), ..Reach::default() };
    let mut copy = Copy::new(&plain::SPEC);
    let read = sink.sink().unwrap().read_back(&reach, &mut copy).await;
    (read, copy)
}

/// Events as Splunk gives them back.
fn events(count: usize) -> Vec<String> {
    let records = fixtures::records(&fixtures::events(&vec![json!({"kind": "note", "target": "a\nb"}); count]));
    records.into_iter().map(|record| record.said.text).collect()
}

fn row(offset: usize, event: &str, preview: bool, last: bool) -> String {
    let mut row = json!({"preview": preview, "offset": offset, "result": {"_raw": event, "_cd": "1:2"}});
    if last {
        row["lastrow"] = true.into();
    }
    row.to_string()
}

#[tokio::test]
async fn every_event_of_a_search_is_read_and_a_preview_counts_nothing() {
    let events = events(3);
    let lines = [
        json!({"messages": [{"type": "INFO", "text": "Your timerange was substituted"}]}).to_string(),
        row(0, &events[0], true, false),
        row(1, &events[1], true, true),
        String::new(),
        row(0, &events[0], false, false),
        row(1, &events[1], false, false),
        row(2, "a stranger", false, false),
        row(3, &events[2], false, true),
    ];
    let (read, copy) = read((StatusCode::OK, lines.join("\n")), "searcher").await;
    read.unwrap();
    let times: Vec<u32> = copy.streams["events/0"].values().map(|found| found.times).collect();
    assert_eq!((times, copy.foreign.named), (vec![1, 1, 1], vec!["event 3 of the search".to_owned()]));
}

#[tokio::test]
async fn an_empty_search_is_whole() {
    let (read, copy) = read((StatusCode::OK, r#"{"preview":false,"lastrow":true}"#.to_owned()), "searcher").await;
    read.unwrap();
    assert!(copy.streams.is_empty());
}

#[tokio::test]
async fn what_is_not_all_of_the_answer_is_an_error() {
    let event = &events(1)[0];
    let check = async |status: StatusCode, body: String, token: &str, says: &str| {
        let error = read((status, body), token).await.0.unwrap_err().to_string();
        assert!(error.contains(says) && !error.contains(token), "{error}");
    };
    check(StatusCode::OK, row(0, event, false, false), "searcher", "ended after 1 events").await;
    check(StatusCode::OK, row(0, event, true, true), "searcher", "ended after 0 events").await;
    check(StatusCode::OK, row(0, event, false, false)[..40].to_owned(), "searcher", "no JSON").await;
    let fatal = json!({"messages": [{"type": "FATAL", "text": "Search\u{1b} was cancelled"}]}).to_string();
    check(StatusCode::OK, format!("{}\n{fatal}", row(0, event, false, false)), "searcher", "Search  was cancelled")
        .await;
    check(StatusCode::BAD_REQUEST, fatal, "searcher", "400").await;
    check(StatusCode::OK, String::new(), "s3cret", "401").await;
}
