//! Answers of a cluster that are not all of it, from a double. What a real one answers is tested in `export/tests/receivers/opensearch.rs`.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Request as Asked, State};
use axum::http::StatusCode;

use super::*;
use crate::schemas::plain;
use crate::sink::Settings as _;

#[test]
fn an_id_is_a_prefix_and_a_position() {
    let check = |id: &str, before: &str, position: Option<&str>| {
        assert_eq!(split(id), (before, position.map(|position| position.parse().unwrap())), "{id}");
    };
    check("events-0-17", "", Some("events/0/17"));
    check("b-operations-0-0", "b-", Some("operations/0/0"));
    check("events-events-0-1", "events-", Some("events/0/1"));
    check("test-1763750000123456", "test-1763750000123456", None);
    check("AVx-events-0", "AVx-events-0", None);
    check("", "", None);
}

/// Answers in their order, and what was asked.
#[derive(Default)]
struct Script {
    answers: Vec<(StatusCode, String)>,
    asked: Vec<String>,
}

type Cluster = Arc<Mutex<Script>>;

async fn answer(State(cluster): State<Cluster>, asked: Asked) -> (StatusCode, String) {
    let key = asked.headers().get("authorization").map(|key| key.to_str().unwrap().to_owned()).unwrap_or_default();
    let mut cluster = cluster.lock().unwrap();
    cluster.asked.push(format!("{} {} {key}", asked.method(), asked.uri().path()));
    if cluster.answers.is_empty() { (StatusCode::OK, "{}".to_owned()) } else { cluster.answers.remove(0) }
}

/// What is read of these answers, and what was asked.
async fn read(answers: Vec<(StatusCode, String)>) -> (Result<(), ReceiptsError>, Copy, Vec<String>) {
    let cluster = Cluster::default();
    cluster.lock().unwrap().answers = answers;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new().fallback(answer).with_state(cluster.clone());
    tokio::spawn(axum::serve(listener, router).into_future());
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("key"), "k3y").unwrap();
    let key = format!("file:{}", dir.path().join("key").display());
    let sink: Elasticsearch = serde_json::from_value(json!({"url": url, "api_key": key})).unwrap();
    let reach = Reach { allow_private: true, timeout: Duration::from_secs(20), ..Reach::default() };
    let mut copy = Copy::new(&plain::SPEC);
    let read = sink.sink().unwrap().read_back(&reach, &mut copy).await;
    let asked = cluster.lock().unwrap().asked.clone();
    (read, copy, asked)
}

fn page(total: u64, numbers: &[u64]) -> Value {
    let hit = |number: &u64| {
        json!({"_index": "tachograph-2026.11.30", "_id": format!("events-0-{number}"),
            "_source": {"tachograph": {"stream": "events/0", "export_seq": number}}})
    };
    json!({"_scroll_id": "s1", "timed_out": false, "_shards": {"failed": 0},
        "hits": {"total": {"value": total}, "hits": numbers.iter().map(hit).collect::<Vec<_>>()}})
}

#[tokio::test]
async fn every_page_is_read_and_the_scroll_is_ended() {
    let pages = [page(3, &[0, 1]), page(3, &[2]), page(3, &[])];
    let (read, copy, asked) = read(pages.iter().map(|page| (StatusCode::OK, page.to_string())).collect()).await;
    read.unwrap();
    assert_eq!(copy.streams["events/0"].len(), 3);
    let key = "ApiKey k3y";
    let expected = [
        format!("POST /tachograph-*/_search {key}"),
        format!("POST /_search/scroll {key}"),
        format!("POST /_search/scroll {key}"),
        format!("DELETE /_search/scroll {key}"),
    ];
    assert_eq!(asked, expected);
}

#[tokio::test]
async fn an_answer_that_is_not_all_of_it_is_an_error() {
    let check = async |pages: Vec<(u16, String)>, says: &str| {
        let pages = pages.into_iter().map(|(status, body)| (StatusCode::from_u16(status).unwrap(), body)).collect();
        let error = read(pages).await.0.unwrap_err().to_string();
        assert!(error.contains(says) && !error.contains("k3y"), "{error}");
    };
    let ok = |page: Value| (200, page.to_string());
    let with = |pointer: &str, value: Value| {
        let mut page = page(1, &[0]);
        *page.pointer_mut(pointer).unwrap() = value;
        page
    };
    check(vec![ok(page(3, &[0, 1])), ok(page(3, &[]))], "it gave 2 of 3 documents").await;
    check(vec![ok(with("/timed_out", true.into()))], "did not answer in time").await;
    check(vec![ok(with("/_shards/failed", 2.into()))], "2 shards did not answer").await;
    check(vec![ok(page(3, &[0])), (404, "{\"error\": \"no search context\"}".to_owned())], "404").await;
    check(vec![(403, "not you\u{1b}".to_owned())], "403 not you").await;
    check(vec![(200, page(1, &[0]).to_string()[..50].to_owned())], "no page of a search").await;
    check(vec![(200, "[]".to_owned())], "no page of a search").await;
}
