//! What another machine passes on is recorded as if its transport had run here, once.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use futures::future::BoxFuture;
use http_body_util::BodyExt;
use ledger::AppendError;
use ledger::events::column;
use operations::access::{Authorize, Principal};
use serde_json::Value;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use crate::dialect;
use crate::event::Batch;
use crate::fixtures::{House, Tokens};
use crate::metrics::Metrics;
use crate::pipeline::{
    Channel, Intake, Lineage, Parcel, Patience, Pipeline, PipelineError, PositionWriter, Positions, Spool, Stored,
};
use crate::relay::{self, Loss, Piece};

const PRODUCER: &str = "6c405053-27e3-484a-9ad7-bcb64e7bfde6";

/// A spool in memory.
#[derive(Default)]
struct Memory(Mutex<Vec<Parcel>>);

impl Positions for Memory {
    fn input(&self, _key: &[u8]) -> Option<Vec<u8>> {
        None
    }

    fn inputs(&self) -> BTreeMap<Vec<u8>, Vec<u8>> {
        BTreeMap::new()
    }
}

impl Spool for Memory {
    fn queue<'a>(&'a self, parcel: Parcel, _patience: BoxFuture<'a, ()>) -> BoxFuture<'a, Result<Stored, AppendError>> {
        self.0.lock().unwrap().push(parcel);
        let (answer, stored) = oneshot::channel();
        answer.send(Ok(())).unwrap();
        Box::pin(std::future::ready(Ok(stored)))
    }
}

fn house(name: &str) -> House {
    House::new(&format!("[[collectors]]\nname = \"a\"\ntransport = \"http\"\ndialect = \"{name}\"\n"))
}

/// Gives everything to an intake as a transport does.
async fn give(intake: &mut Intake<()>, records: &[&str], seen: i64) -> Result<(), PipelineError> {
    for (number, record) in records.iter().enumerate() {
        intake.record_seen(record.as_bytes(), Some(seen), seen + 5, number as u64 + 1).await?;
    }
    intake.keep(b"\xff kept", "because", seen, 90).await?;
    intake
        .lose(Loss { source: "kafka", action: "deleted_unread", target: "t/0", record: "{\"from\":1}" }, None, seen)
        .await?;
    intake.give_up(seen, 91).await?;
    intake.finish().await
}

/// The intake of a collector.
fn intake(pipeline: &Arc<Pipeline>, name: &str, principal: Arc<Principal>) -> Intake<()> {
    let channel = Channel::new("a", dialect::by_name(name).unwrap(), pipeline.metrics());
    Intake::new(Arc::clone(pipeline), channel, principal, Patience::Until(CancellationToken::new()), (), 0)
}

/// What another machine passes on of these records.
async fn passed(name: &str, records: &[&str], seen: i64) -> (Vec<u8>, u64) {
    let spool = Arc::new(Memory::default());
    let pipeline = Arc::new(Pipeline::relay(Arc::clone(&spool) as Arc<dyn Spool>, &[7; 32], Metrics::default()));
    give(&mut intake(&pipeline, name, Arc::new(Principal::local())), records, seen).await.unwrap();
    let parcels = spool.0.lock().unwrap();
    let frames = parcels.iter().flat_map(|parcel| parcel.frames.clone()).collect();
    (frames, parcels.iter().map(|parcel| parcel.numbers).sum())
}

/// Sends a body of frames; more headers win.
async fn send(router: &Router, offset: u64, body: &[u8], headers: &[(&str, &str)]) -> (u16, Value) {
    let offset = offset.to_string();
    let mut all = BTreeMap::from([
        ("authorization", "Bearer sender"),
        ("content-type", relay::MEDIA_TYPE),
        ("tachograph-producer", PRODUCER),
        ("tachograph-offset", &offset),
    ]);
    all.extend(headers.iter().copied());
    let mut request = Request::post("/v1/events/a");
    for (name, value) in all.into_iter().filter(|(_, value)| !value.is_empty()) {
        request = request.header(name, value);
    }
    answer(router, request.body(Body::from(body.to_vec())).unwrap()).await
}

async fn answer(router: &Router, request: Request<Body>) -> (u16, Value) {
    let response = router.clone().oneshot(request).await.unwrap();
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    let text = || Value::String(String::from_utf8_lossy(&body).into_owned());
    (status, serde_json::from_slice(&body).unwrap_or_else(|_| text()))
}

/// Everything of the events but when they were recorded.
fn told(house: &House) -> Vec<String> {
    let rows = house.rows();
    let of = |row: &ledger::Row<'_>| {
        let texts = [
            column::KIND,
            column::SOURCE,
            column::COLLECTOR,
            column::TOKEN,
            column::TRUST,
            column::STREAM,
            column::SOURCE_ID,
            column::ACTION,
            column::RECORD,
            column::CONTENT,
        ];
        let texts = texts.map(|column| row.text(column).unwrap_or_default().to_owned());
        format!("{texts:?} {:?} {:?}", row.time(column::TIME), row.time(column::OBSERVED))
    };
    rows.iter().map(|row| of(&row)).collect()
}

#[tokio::test]
async fn what_is_passed_on_is_recorded_as_if_it_was_read_here() {
    let check = async |name: &str, records: &[&str]| {
        let seen = 1_700_000_100_000_000;
        let (here, there) = (house(name), house(name));
        let mut direct = intake(here.collectors.pipeline(), name, Tokens.authorize("sender").unwrap());
        give(&mut direct, records, seen).await.unwrap();
        let (frames, numbers) = passed(name, records, seen).await;
        let (status, said) = send(&there.router(), 0, &frames, &[("tachograph-dialect", name)]).await;
        assert_eq!((status, said["next_offset"].as_u64()), (200, Some(numbers)), "{name}: {said}");
        assert_eq!(told(&there), told(&here), "{name}");
        assert!(told(&here).len() >= 2, "{name}");
        // Once.
        let (_, again) = send(&there.router(), 0, &frames, &[]).await;
        assert_eq!((again["accepted"].as_u64(), told(&there).len()), (Some(0), told(&here).len()), "{name}");
    };
    check(
        "native",
        &["{\"kind\":\"command\",\"time\":\"2023-11-14T22:13:20Z\"}", "no json", "{\"kind\":\n\"command\"}"],
    )
    .await;
    check(
        "coder",
        &[
            "2023-11-14T22:13:20.5Z stdout P {\"ts\":\"2023-11-14T22:13:20Z\",\"level\":\"INFO\",",
            "2023-11-14T22:13:20.6Z stdout F \"msg\":\"ordinary\",\"fields\":{}}",
            "{\"msg\":\"boundary_request\"}",
        ],
    )
    .await;
    check("auditd", &[
        "type=SYSCALL msg=audit(1700000000.123:77): arch=c000003e syscall=59 success=yes exit=0 pid=7 uid=1000 comm=\"ls\" exe=\"/usr/bin/ls\" key=\"exec\"",
        "type=EXECVE msg=audit(1700000000.123:77): argc=1 a0=\"ls\"",
        "type=EOE msg=audit(1700000000.123:77):",
    ]).await;
}

#[tokio::test]
async fn numbers_hold_whatever_comes() {
    let house = house("native");
    let (router, mut body) = (house.router(), Vec::new());
    for piece in [Piece::Record(1, b"one"), Piece::Void(1), Piece::Void(5), Piece::Record(1, b"seven")] {
        piece.encode(&mut body);
    }
    let next = |said: &Value| said["next_offset"].as_u64();
    let (status, said) = send(&router, 0, &body, &[]).await;
    assert_eq!((status, next(&said), said["skipped"].as_u64()), (200, Some(8), Some(1)), "{said}");
    assert_eq!(house.records(), ["one", "seven"]);
    let (status, said) = send(&router, 9, &body, &[]).await;
    assert_eq!((status, next(&said)), (409, Some(8)));
    // Only the end is new.
    let (status, said) = send(&router, 1, &body, &[]).await;
    assert_eq!((status, next(&said), house.records().len()), (200, Some(9), 3), "{said}");
    // A void alone is durable, too.
    let mut void = Vec::new();
    Piece::Void(100).encode(&mut void);
    assert_eq!(next(&send(&router, 9, &void, &[]).await.1), Some(109));
    let house = house.reopen().await;
    let router = house.router();
    assert_eq!(next(&send(&router, 109, b"", &[]).await.1), Some(109));
    // What is wrong is told with what was taken before it.
    let cut = [&body[..], b"\0\0\0\x09\x01"].concat();
    let (status, said) = send(&router, 109, &cut, &[]).await;
    assert_eq!((status, next(&said)), (400, Some(117)), "{said}");
    let (status, said) = send(&router, 117, b"\0\0\0\x01\x63", &[]).await;
    assert!(status == 400 && said["type"] == "urn:tachograph:ingest:relay" && next(&said) == Some(117), "{said}");
    let (status, _) = send(&router, 117, &u32::MAX.to_be_bytes(), &[]).await;
    assert_eq!(status, 400);
    for (header, expected) in [
        ([("tachograph-dialect", "coder")], 422),
        ([("tachograph-producer", "")], 400),
        ([("authorization", "Bearer analyst")], 403),
    ] {
        assert_eq!(send(&router, 117, &body, &header).await.0, expected, "{header:?}");
    }
    assert_eq!(house.records().len(), 5);
}

#[tokio::test]
async fn what_a_lineage_told_before_goes_on_in_its_own_lines_alone() {
    let name = dialect::DIALECTS.iter().find(|dialect| dialect.names_sessions_once()).unwrap().name();
    let spool = Arc::new(Memory::default());
    let pipeline = Arc::new(Pipeline::relay(Arc::clone(&spool) as Arc<dyn Spool>, &[7; 32], Metrics::default()));
    let lineage = Lineage { name: "file", is_continued: true };
    let mut passing = intake(&pipeline, name, Arc::new(Principal::local())).carrying(&[lineage]);
    passing.record(b"a line", 1, 1).await.unwrap();
    passing.finish().await.unwrap();
    passing.record(b"another", 1, 2).await.unwrap();
    passing.finish().await.unwrap();
    let parcels = spool.0.lock().unwrap().clone();
    assert_eq!(parcels.len(), 2);
    for parcel in parcels {
        let (first, _) = relay::frame(&parcel.frames).unwrap().unwrap();
        assert_eq!(Piece::decode(first).unwrap(), Piece::Lineage(vec![(true, "file")]));
        assert_eq!(parcel.numbers, 1);
    }
}

/// A position that is written as files do: with the records before it.
struct At;

impl PositionWriter for At {
    fn write(&mut self, position: u64, batch: &mut Batch) {
        if batch.events() > 0 {
            batch.input("file", position.to_string());
        }
    }
}

#[tokio::test]
async fn positions_are_kept_with_the_records_before_them() {
    let spool = Arc::new(Memory::default());
    let pipeline = Arc::new(Pipeline::relay(Arc::clone(&spool) as Arc<dyn Spool>, &[7; 32], Metrics::default()));
    let channel = Channel::new("a", dialect::by_name("native").unwrap(), pipeline.metrics());
    let patience = Patience::Until(CancellationToken::new());
    let mut passing = Intake::new(pipeline, channel, Arc::new(Principal::local()), patience, At, 0);
    passing.skip("nothing", b"", 1, 3).await.unwrap();
    passing.finish().await.unwrap();
    passing.record(b"a line", 1, 7).await.unwrap();
    passing.finish().await.unwrap();
    assert_eq!((passing.durable_position(), passing.tally().accepted), (7, 1));
    let parcels = spool.0.lock().unwrap();
    let [parcel] = &parcels[..] else { panic!("{parcels:?}") };
    assert_eq!(parcel.positions, BTreeMap::from([(b"file".to_vec(), b"7".to_vec())]));
    assert_eq!((parcel.numbers, parcel.collector.as_str()), (1, "a"));
}

#[tokio::test]
async fn the_log_is_told_to_whoever_may_send() {
    let house = house("native");
    let mut body = Vec::new();
    Piece::Record(1, b"one").encode(&mut body);
    send(&house.router(), 0, &body, &[]).await;
    // A stop closes and signs what is open.
    let house = house.reopen().await;
    send(&house.router(), 1, &body, &[]).await;
    let house = house.reopen().await;
    let router = house.router();
    let get = async |path: &str, secret: &str| {
        let request = Request::get(path).header("authorization", format!("Bearer {secret}"));
        answer(&router, request.body(Body::empty()).unwrap()).await
    };
    for (secret, expected) in [("sender", 200), ("analyst", 403), ("nobody", 401)] {
        assert_eq!(get("/v1/checkpoint", secret).await.0, expected);
        assert_eq!(get("/v1/consistency?from=1&to=1", secret).await.0, expected);
    }
    let (_, note) = get("/v1/checkpoint", "sender").await;
    let size: u64 = note.as_str().unwrap().lines().nth(1).unwrap().parse().unwrap();
    assert!(size >= 2);
    let (status, proof) = get(&format!("/v1/consistency?from=1&to={size}"), "sender").await;
    assert!(status == 200 && proof["path"].as_array().is_some_and(|path| !path.is_empty()), "{proof}");
    for (path, expected) in
        [("from=0&to=1", 404), ("from=2&to=1", 404), ("from=1&to=99999", 404), ("from=x", 400), ("", 400)]
    {
        assert_eq!(get(&format!("/v1/consistency?{path}"), "sender").await.0, expected, "{path}");
    }
}
