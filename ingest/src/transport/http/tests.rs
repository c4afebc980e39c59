//! Requests over the router with a real ledger: every status, encoding and framing, and the contract of producers.

use std::convert::Infallible;

use async_compression::tokio::bufread::{GzipEncoder, ZstdEncoder};
use axum::body::Body;
use axum::http::Request;
use bytes::Bytes;
use ledger::Options;
use ledger::events::column;
use prometheus_client::registry::Registry;
use proptest::prelude::*;
use serde_json::Value;
use tokio::io::AsyncReadExt;
use tower::ServiceExt;

use super::*;
use crate::fixtures::House;
use crate::limits;

const CONFIG: &str = "
[[collectors]]
name = \"native\"
transport = \"http\"
dialect = \"native\"

[[collectors]]
name = \"coderd\"
transport = \"http\"
dialect = \"coder\"
";
const PRODUCER: &str = "6c405053-27e3-484a-9ad7-bcb64e7bfde6";

/// A request to be.
#[derive(Debug, Clone)]
struct Push {
    collector: &'static str,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
    chunks: Vec<usize>,
}

impl Push {
    fn new(body: impl Into<Vec<u8>>) -> Self {
        let headers = vec![("authorization", "Bearer sender".to_owned())];
        Self { collector: "native", headers, body: body.into(), chunks: Vec::new() }
    }

    /// Sets a header in place of one with the same name.
    fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.retain(|(other, _)| *other != name);
        self.headers.push((name, value.into()));
        self
    }

    fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(other, _)| *other != name);
        self
    }

    fn to(mut self, collector: &'static str) -> Self {
        self.collector = collector;
        self
    }

    fn at(self, offset: u64) -> Self {
        self.with("tachograph-producer", PRODUCER).with("tachograph-offset", offset.to_string())
    }

    async fn send(self, router: &Router) -> Reply {
        let mut request = Request::post(format!("/v1/events/{}", self.collector));
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        let body = if self.chunks.is_empty() { Body::from(self.body) } else { chunked(&self.body, &self.chunks) };
        let response = router.clone().oneshot(request.body(body).unwrap()).await.unwrap();
        let status = response.status().as_u16();
        let retry_after = response.headers().get("retry-after").map(|value| value.to_str().unwrap().to_owned());
        let content_type = response.headers().get("content-type").map(|value| value.to_str().unwrap().to_owned());
        let bytes = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
        let body: Value = serde_json::from_slice(&bytes).unwrap();
        let want = if status == 200 { "application/json" } else { "application/problem+json" };
        assert_eq!(content_type.as_deref(), Some(want));
        assert!(status == 200 || body["status"] == status && body["detail"].is_string() && body["type"].is_string());
        Reply { status, body, retry_after }
    }
}

fn chunked(body: &[u8], sizes: &[usize]) -> Body {
    let (mut rest, mut sizes, mut chunks) = (body, sizes.iter().cycle(), Vec::new());
    while !rest.is_empty() {
        let (chunk, after) = rest.split_at(rest.len().min(*sizes.next().unwrap()));
        chunks.push(Ok::<_, Infallible>(Bytes::copy_from_slice(chunk)));
        rest = after;
    }
    Body::from_stream(futures::stream::iter(chunks))
}

#[derive(Debug)]
struct Reply {
    status: u16,
    body: Value,
    retry_after: Option<String>,
}

impl Reply {
    /// Status, accepted, duplicates, skipped, unparsed.
    fn counts(&self) -> (u16, [u64; 4]) {
        let count = |name: &str| self.body[name].as_u64().unwrap();
        (self.status, ["accepted", "duplicates", "skipped", "unparsed"].map(count))
    }

    fn next(&self) -> u64 {
        self.body["next_offset"].as_u64().unwrap()
    }
}

async fn gzip(body: &[u8]) -> Vec<u8> {
    let mut packed = Vec::new();
    GzipEncoder::new(body).read_to_end(&mut packed).await.unwrap();
    packed
}

async fn zstd(body: &[u8]) -> Vec<u8> {
    let mut packed = Vec::new();
    ZstdEncoder::new(body).read_to_end(&mut packed).await.unwrap();
    packed
}

/// Events with these numbers as ids.
fn lines(ids: impl IntoIterator<Item = u64>) -> String {
    each(ids, |id| format!("{{\"kind\":\"check\",\"source_id\":\"{id}\"}}\n"))
}

/// Events with these numbers as actions, and without ids: only an offset keeps them from being recorded twice.
fn anonymous(numbers: impl IntoIterator<Item = u64>) -> String {
    each(numbers, |number| format!("{{\"kind\":\"check\",\"action\":\"{number}\"}}\n"))
}

fn each(numbers: impl IntoIterator<Item = u64>, line: impl Fn(u64) -> String) -> String {
    numbers.into_iter().map(line).collect::<Vec<_>>().concat()
}

#[tokio::test]
async fn requests_that_may_not_be_made_are_refused_with_what_to_do() {
    let house = House::new(CONFIG);
    let router = house.router();
    let line = || Push::new(lines([1]));
    for (push, status, says) in [
        (line().without("authorization"), 401, "Authorization: Bearer"),
        (line().with("authorization", "Bearer wrong"), 401, "not revoked"),
        (line().with("authorization", "Basic sender"), 401, "Bearer"),
        (line().with("authorization", "Bearer analyst"), 403, "role `ingest`"),
        (line().with("authorization", "Bearer coder"), 403, "dialect `native`"),
        (line().to("no-such"), 404, "name of a collector"),
        (line().with("content-type", "text/csv"), 415, "application/x-ndjson"),
        (line().with("content-encoding", "br"), 415, "gzip or zstd"),
        (line().with("content-length", (limits::BODY_BYTES_MAX + 1).to_string()), 413, "split it"),
        (line().with("tachograph-producer", PRODUCER), 400, "both or neither"),
        (line().with("tachograph-offset", "0"), 400, "both or neither"),
        (line().at(0).with("tachograph-producer", "me"), 400, "UUID"),
        (line().at(0).with("tachograph-offset", "-1"), 400, "number"),
        (line().at(0).with("tachograph-offset", u64::MAX.to_string()), 400, "number"),
        (line().at(1), 409, "number 0"),
    ] {
        let shown = format!("{push:?}");
        let reply = push.send(&router).await;
        assert_eq!(reply.status, status, "{shown} {reply:?}");
        assert!(reply.body["detail"].as_str().unwrap().contains(says), "{shown} {reply:?}");
        assert!([429, 503].contains(&status) == reply.retry_after.is_some(), "{reply:?}");
    }
    for (request, status) in [(Request::get("/v1/events/native"), 405), (Request::post("/v1/logs"), 404)] {
        assert_eq!(router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap().status(), status);
    }
    assert_eq!(house.rows().len(), 0, "nothing of them was recorded");
    let (mut registry, mut text) = (Registry::default(), String::new());
    house.collectors.pipeline().metrics().register(&mut registry);
    prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
    for (collector, reason, status, times) in [
        ("native", "unauthorized", 401, 3),
        ("native", "role", 403, 1),
        ("native", "dialect", 403, 1),
        ("", "collector", 404, 1),
        ("", "path", 404, 1),
        ("", "method", 405, 1),
        ("native", "content-type", 415, 1),
        ("native", "body-too-large", 413, 1),
        ("native", "offset", 409, 1),
    ] {
        let labels = format!("collector=\"{collector}\",reason=\"{reason}\",status=\"{status}\"");
        let line = format!("tachograph_ingest_refused_total{{{labels}}} {times}\n");
        assert!(text.contains(&line), "{line} is not in {text}");
    }
}

#[tokio::test]
async fn every_form_of_a_body_is_taken() {
    let house = House::new(CONFIG);
    let router = house.router();
    let event = |id: u64| lines([id]).trim_end().to_owned();
    let two = |id: u64| lines([id, id + 1]);
    let array = |id: u64| format!("[{}, {}]", event(id), event(id + 1));
    for (push, want) in [
        (Push::new(two(10)).with("content-type", "application/x-ndjson"), [2, 0, 0, 0]),
        (Push::new(two(20)), [2, 0, 0, 0]),
        (Push::new(array(30)), [2, 0, 0, 0]),
        (Push::new(array(40)).with("content-type", "application/json; charset=utf-8"), [2, 0, 0, 0]),
        (Push::new(event(50)).with("content-type", "application/json"), [1, 0, 0, 0]),
        (Push::new(format!("{}\n\n {}", event(60), event(61))).with("content-type", "application/json"), [2, 0, 0, 0]),
        (Push::new(event(70).replace(',', ",\n  ")).with("content-type", "application/json"), [1, 0, 0, 0]),
        (Push::new(gzip(two(80).as_bytes()).await).with("content-encoding", "gzip"), [2, 0, 0, 0]),
        (Push::new(zstd(two(90).as_bytes()).await).with("content-encoding", "zstd"), [2, 0, 0, 0]),
        (
            Push::new([gzip(two(100).as_bytes()).await, gzip(two(102).as_bytes()).await].concat())
                .with("content-encoding", "gzip"),
            [4, 0, 0, 0],
        ),
        (
            Push::new([zstd(two(110).as_bytes()).await, zstd(two(112).as_bytes()).await].concat())
                .with("content-encoding", "zstd"),
            [4, 0, 0, 0],
        ),
        (Push::new(Vec::new()), [0, 0, 0, 0]),
        (Push::new("\n \n"), [0, 0, 0, 0]),
        (Push::new(format!("no json\n{}", two(120))), [2, 0, 0, 1]),
        (Push::new(b"\xff\xfe\n".to_vec()), [0, 0, 0, 1]),
        (Push::new(two(10)), [0, 2, 0, 0]),
        (Push::new("{\"level\":\"INFO\",\"msg\":\"ordinary\",\"fields\":{}}\n").to("coderd"), [0, 0, 1, 0]),
    ] {
        let shown = String::from_utf8_lossy(&push.body).into_owned();
        assert_eq!(push.send(&router).await.counts(), (200, want), "{shown}");
    }
    let unparsed = house.column(column::KIND).iter().filter(|kind| *kind == "unparsed").count();
    assert_eq!(unparsed, 2, "what was not understood is kept");
}

#[tokio::test]
async fn what_came_before_a_defect_of_the_body_is_taken() {
    let house = House::new(CONFIG);
    let router = house.router();
    let bytes = |text: String| text.into_bytes();
    let long = |before: String| [bytes(before), vec![b'x'; limits::LINE_BYTES_MAX + 1], b"\n{}\n".to_vec()].concat();
    let (packed_gzip, packed_zstd) = (gzip(lines(0..50).as_bytes()).await, zstd(lines(0..50).as_bytes()).await);
    let bomb = zstd(&vec![b' '; limits::BODY_BYTES_MAX as usize + 1]).await;
    let many = [lines([60]).into_bytes(), vec![b'\n'; limits::BODY_BYTES_MAX as usize]].concat();
    for (name, push, status, accepted, record) in [
        ("array", Push::new(format!("[{0} {0}]", lines([1]).trim())), 400, 1, Some(1)),
        ("cut array", Push::new(format!("[{}", lines([2]))), 400, 1, Some(1)),
        ("cut value", Push::new("{\"kind\":").with("content-type", "application/json"), 400, 0, Some(0)),
        ("long line", Push::new(long(lines(3..6))), 413, 3, Some(3)),
        ("no gzip", Push::new(lines([7])).with("content-encoding", "gzip"), 400, 0, None),
        ("no zstd", Push::new(lines([7])).with("content-encoding", "zstd"), 400, 0, None),
        ("cut gzip", Push::new(&packed_gzip[..packed_gzip.len() / 2]).with("content-encoding", "gzip"), 400, 99, None),
        ("cut zstd", Push::new(&packed_zstd[..packed_zstd.len() / 2]).with("content-encoding", "zstd"), 400, 99, None),
        ("bomb", Push::new(bomb).with("content-encoding", "zstd"), 413, 0, None),
        ("large", Push { chunks: vec![1 << 20], ..Push::new(many) }, 413, 1, None),
    ] {
        let reply = push.send(&router).await;
        assert_eq!(reply.status, status, "{name} {reply:?}");
        let taken = reply.body["accepted"].as_u64().unwrap();
        assert!(taken == accepted || accepted == 99 && taken < 50, "{name} {reply:?}");
        assert_eq!(reply.body["record"].as_u64(), record, "{name} {reply:?}");
    }
    let rows = house.rows();
    let long = rows.iter().find(|row| row.text(column::KIND) == Some("unparsed")).unwrap();
    assert_eq!(long.text(column::CONTENT).unwrap().len(), limits::LINE_BYTES_MAX, "its beginning is kept");
}

#[tokio::test]
async fn a_producer_delivers_each_record_once() {
    let mut house = House::new(CONFIG);
    for (from, to, status, counts, next) in [
        (0, 3, 200, [3, 0, 0, 0], 3),
        (0, 3, 200, [0, 3, 0, 0], 3),
        (1, 5, 200, [2, 2, 0, 0], 5),
        (7, 8, 409, [0, 0, 0, 0], 5),
        (5, 5, 200, [0, 0, 0, 0], 5),
        (5, 8, 200, [3, 0, 0, 0], 8),
        (0, 8, 200, [0, 8, 0, 0], 8),
    ] {
        let reply = Push::new(anonymous(from..to)).at(from).send(&house.router()).await;
        assert_eq!((reply.counts(), reply.next()), ((status, counts), next), "{from}..{to}");
        // The offset is as durable as the records.
        house = house.reopen().await;
    }
    // Records that are no events, or are not understood, count as well.
    let skipped = "{\"level\":\"INFO\",\"msg\":\"ordinary\",\"fields\":{}}\n".repeat(2);
    let reply = Push::new(skipped + "no json\n")
        .at(0)
        .to("coderd")
        .with("authorization", "Bearer coder")
        .send(&house.router())
        .await;
    assert_eq!((reply.counts(), reply.next()), ((200, [0, 0, 2, 1]), 3));
    house = house.reopen().await;
    let reply =
        Push::new("no json\n").at(2).to("coderd").with("authorization", "Bearer coder").send(&house.router()).await;
    assert_eq!((reply.counts(), reply.next()), ((200, [0, 1, 0, 0]), 3));
    // The same producer under another token is another producer.
    let reply = Push::new(anonymous(0..1)).at(0).with("authorization", "Bearer other").send(&house.router()).await;
    assert_eq!(reply.counts(), (200, [1, 0, 0, 0]));
    let actions: Vec<String> = house.column(column::ACTION).into_iter().take(8).collect();
    assert_eq!(actions, (0..8).map(|n| n.to_string()).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_blind_retries_record_each_record_once_and_in_order() {
    let house = House::new(CONFIG);
    let router = house.router();
    let body = anonymous(0..200);
    let retries = (0..8).map(|_| Push { chunks: vec![700], ..Push::new(body.clone()) }.at(0).send(&router));
    for reply in futures::future::join_all(retries).await {
        assert_eq!((reply.status, reply.next()), (200, 200), "{reply:?}");
    }
    assert_eq!(house.column(column::ACTION), (0..200).map(|n| n.to_string()).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_requests_with_the_same_ids_record_each_once() {
    let house = House::new(CONFIG);
    let router = house.router();
    let requests = (0..6).map(|n| Push { chunks: vec![100 + n * 50], ..Push::new(lines(0..300)) }.send(&router));
    let mut accepted = 0;
    for reply in futures::future::join_all(requests).await {
        let (status, counts) = reply.counts();
        assert_eq!((status, counts[0] + counts[1]), (200, 300));
        accepted += counts[0];
    }
    assert_eq!((accepted, house.rows().len()), (300, 300));
}

#[tokio::test]
async fn the_same_id_with_other_words_is_a_conflict_and_both_are_kept() {
    let mut house = House::new(CONFIG);
    let said = |number: u64, outcome: &str| {
        format!(
            "{{\"kind\":\"check\",\"source_id\":\"a\",\"outcome\":\"{outcome}\"}}\n{{\"kind\":\"check\",\"stream\":\"s\",\"stream_seq\":{number},\"outcome\":\"{outcome}\"}}\n"
        )
    };
    for (number, outcome, counts) in [
        (5, "allow", [2, 0, 0, 0]),
        (5, "allow", [0, 2, 0, 0]),
        (5, "deny", [2, 0, 0, 0]),
        (5, "deny", [0, 2, 0, 0]),
        (5, "allow", [0, 2, 0, 0]),
        (6, "allow", [1, 1, 0, 0]),
    ] {
        let reply = Push::new(said(number, outcome)).send(&house.router()).await;
        assert_eq!(reply.counts(), (200, counts), "{number} {outcome}");
        // A restart remembers as much.
        house = house.reopen().await;
    }
    let rows = house.rows();
    assert!(rows.iter().all(|row| row.text(column::KIND) == Some("check")), "a conflict says what it says");
    let shown: Vec<_> =
        rows.iter().map(|row| (row.list(column::MARKS).collect::<Vec<_>>(), row.text(column::REFERS_TO))).collect();
    let (first, conflict) = (|| (vec![], None), |of| (vec!["conflict"], Some(of)));
    assert_eq!(shown, [first(), first(), conflict("events/0/0"), conflict("events/0/1"), first()]);
}

#[tokio::test]
async fn a_token_outranks_the_record() {
    let house = House::new(CONFIG);
    let line =
        "{\"kind\":\"check\",\"workspace\":\"w-said\",\"team\":\"t-said\",\"org\":\"o-said\",\"user\":\"u-said\"}";
    for secret in ["workspace", "sender"] {
        let reply = Push::new(line).with("authorization", format!("Bearer {secret}")).send(&house.router()).await;
        assert_eq!(reply.counts(), (200, [1, 0, 0, 0]));
    }
    let columns =
        [column::WORKSPACE, column::TEAM, column::ORG, column::USER, column::TRUST, column::TOKEN, column::COLLECTOR];
    let rows = house.rows();
    let shown: Vec<Vec<&str>> =
        rows.iter().map(|row| columns.iter().map(|column| row.text(*column).unwrap()).collect()).collect();
    assert_eq!(shown[0], ["w-fixed", "t-fixed", "o-fixed", "u-said", "agent", "token-workspace", "native"]);
    assert_eq!(shown[1], ["w-said", "t-said", "o-said", "u-said", "control_plane", "token-sender", "native"]);
}

#[tokio::test]
async fn a_full_disk_and_a_stop_are_answered_and_nothing_is_recorded() {
    let house = House::new(CONFIG);
    let house = house.reopen_with(Options { reserve_bytes: u64::MAX, ..Options::default() }).await;
    let reply = Push::new(lines([1])).at(0).send(&house.router()).await;
    assert_eq!((reply.counts(), reply.next()), ((507, [0, 0, 0, 0]), 0));
    let house = house.reopen().await;
    let router = house.router();
    let reply = Push::new(lines([1])).at(0).send(&router).await;
    assert_eq!((reply.counts(), reply.next()), ((200, [1, 0, 0, 0]), 1));
    house.collectors.stop().await;
    let reply = Push::new(lines([2])).at(1).send(&router).await;
    assert_eq!((reply.status, reply.retry_after.as_deref()), (503, Some("1")));
    assert_eq!(house.rows().len(), 1);
}

#[test]
fn each_error_of_the_pipeline_has_its_status() {
    use ledger::AppendError;
    use std::time::Duration;

    use crate::pipeline::PipelineError;
    let second = Duration::from_secs(1);
    for (error, status) in [
        (PipelineError::Busy { retry_after: second }, 503),
        (PipelineError::Stopping, 503),
        (AppendError::Full { retry_after: second }.into(), 503),
        (AppendError::Stopped.into(), 503),
        (AppendError::Poisoned { reason: "fsync".to_owned() }.into(), 503),
        (AppendError::WriteRefused { reason: "EIO".to_owned() }.into(), 503),
        (AppendError::NoSpace { reserve_bytes: 1 }.into(), 507),
        (AppendError::InvalidGroup("it is empty").into(), 500),
    ] {
        let response = Problem::pipeline(&error).into_response();
        assert_eq!(response.status().as_u16(), status, "{error}");
        assert_eq!(response.headers().contains_key("retry-after"), status != 500, "{error}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn chunks_and_compression_do_not_matter(
        texts in prop::collection::vec("[a-z {}\\[\\]\"]{1,12}", 1..12),
        sizes in prop::collection::vec(1usize..40, 1..6),
        encoding in 0..3,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let house = House::new(CONFIG);
            let body = texts.join("\n").into_bytes();
            let (push, packed) = match encoding {
                0 => (Push::new(Vec::new()), body.clone()),
                1 => (Push::new(Vec::new()).with("content-encoding", "gzip"), gzip(&body).await),
                _ => (Push::new(Vec::new()).with("content-encoding", "zstd"), zstd(&body).await),
            };
            let push = push.with("content-type", "text/plain");
            let whole = Push { body: packed.clone(), ..push.clone() }.send(&house.router()).await;
            let parts = Push { body: packed, chunks: sizes, ..push }.send(&house.router()).await;
            assert_eq!((whole.status, whole.counts()), (200, parts.counts()));
            let records = house.records();
            let (first, second) = records.split_at(records.len() / 2);
            assert_eq!(first, second);
            let lines: Vec<&str> = texts.iter().map(String::as_str).filter(|text| !text.trim().is_empty()).collect();
            assert_eq!(first, lines);
        });
    }
}
