//! What the pipeline adds to decoding and finishing a record, per core: cutting lines, the memory of duplicates, and the way of
//! a line into a real ledger. Bar: 1 µs per event for all but decode, finish and the ledger itself.

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use ingest::dedup::{Bounds, Decision, Dedup, Keyring};
use ingest::dialect;
use ingest::enrich::Names;
use ingest::event::finish::Finisher;
use ingest::frame::{Framer, Framing};
use ingest::metrics::Metrics;
use ingest::pipeline::{Channel, Intake, Patience, Pipeline};
use ingest::price::PriceTable;
use ledger::{Options, Seq, Store};
use operations::access::Principal;

/// Events in one measured round.
const ROUND: u64 = 4_000;

/// A coder line of about 900 bytes with this number in its session.
fn line(number: u64) -> String {
    format!(
        "{{\"ts\":\"2026-10-03T08:15:08.200000657Z\",\"level\":\"INFO\",\"msg\":\"boundary_request\",\
         \"caller\":\"/home/runner/src/coder/coderd/agentapi/boundary_logs.go:150\",\
         \"func\":\"github.com/coder/coder/v2/coderd/agentapi.(*BoundaryLogsAPI).ReportBoundaryLogs\",\
         \"logger_names\":[\"coderd\",\"agentrpc\"],\"trace\":\"478b2b45577307c4fd1bcfc64fad6ffb\",\"span\":\"9ece4bc70c311edb\",\
         \"fields\":{{\"owner\":\"mira\",\"workspace_name\":\"fix-ledger-c88d\",\"agent_name\":\"main\",\"decision\":\"allow\",\
         \"session_id\":\"8f0d2c4e-6b1a-4d39-9c77-2e5a9b7f1d60\",\"sequence_number\":{number},\
         \"workspace_id\":\"f2bd4e9f-7e27-49fc-961e-be4d1c2aa987\",\"template_id\":\"c6d67e98-83ea-49f0-8812-e4abae2b68bc\",\
         \"template_version_id\":\"0ba39c92-1f1b-4c32-aa3e-9925d7713eb1\",\"http_method\":\"GET\",\
         \"http_url\":\"https://packages.acme.example/left-pad\",\"event_time\":\"2026-10-03T08:15:03.118000657Z\",\
         \"matched_rule\":\"method=GET,HEAD domain=packages.acme.example\",\"request_id\":\"9f30d667-1fc9-47ba-b9e5-8eac46e0abef\"}}}}"
    )
}

fn frame(criterion: &mut Criterion) {
    let body: String = (0..300).map(|number| line(number) + "\n").collect::<Vec<_>>().concat();
    let mut group = criterion.benchmark_group("frame");
    group.throughput(Throughput::Elements(300));
    for framing in [Framing::Lines, Framing::Json] {
        group.bench_function(format!("{framing:?}"), |bencher| {
            bencher.iter(|| {
                let (mut framer, mut rest) = (Framer::new(framing), body.as_bytes());
                while let Some(frame) = framer.next(&mut rest) {
                    let _ = black_box(frame);
                }
            });
        });
    }
    group.finish();
}

fn dedup(criterion: &mut Criterion) {
    let keyring = Keyring::new(&[7; 32]);
    let mut group = criterion.benchmark_group("dedup");
    group.throughput(Throughput::Elements(ROUND));
    for (name, counted) in [("id", false), ("counter", true)] {
        let (mut dedup, mut next) = (Dedup::new(Bounds::DEFAULT), 0_u64);
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let (ticket, mut places) = (dedup.open(), Vec::with_capacity(ROUND as usize));
                for entry in 0..ROUND {
                    let key = if counted {
                        keyring.counter("token", "coder.boundary", "8f0d2c4e-6b1a-4d39-9c77-2e5a9b7f1d60", next)
                    } else {
                        keyring.id("token", "coder.gateway", &next.to_string())
                    };
                    next += 1;
                    let body = keyring.body([(24, &b"GET"[..]), (35, &b"/left-pad"[..])]);
                    if let Decision::New(place) = dedup.decide(key, body, ticket, &[]) {
                        places.push((place, entry as u32));
                    }
                }
                dedup.settle(ticket, Some(Seq::new(next)), &places);
            });
        });
    }
    group.finish();
}

fn pipeline(criterion: &mut Criterion) {
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
    let Ok(directory) = tempfile::tempdir() else { return };
    if Store::init(directory.path(), "acme.example/bench").is_err() {
        return;
    }
    let Ok(store) = Store::open(directory.path(), Options::default()) else { return };
    let key = store.fingerprint_key();
    let finisher = Finisher::new(key, PriceTable::embedded());
    let Ok(pipeline) = Pipeline::open(store.events(), &key, finisher, Names::default(), Metrics::default()) else {
        return;
    };
    let (pipeline, Some(dialect)) = (Arc::new(pipeline), dialect::by_name("coder")) else { return };
    let channel = Channel::new("bench", dialect, pipeline.metrics());
    let mut next = 0;
    let mut group = criterion.benchmark_group("pipeline");
    group.throughput(Throughput::Elements(ROUND));
    group.bench_function("coder_line_to_receipt", |bencher| {
        bencher.iter_custom(|rounds| {
            let mut spent = Duration::ZERO;
            for _ in 0..rounds {
                let lines: Vec<String> = (next..next + ROUND).map(line).collect();
                next += ROUND;
                let patience = Patience::For(Duration::from_secs(10));
                let (pipeline, channel) = (Arc::clone(&pipeline), Arc::clone(&channel));
                let mut intake = Intake::new(pipeline, channel, Arc::new(Principal::local()), patience, (), 0);
                let since = Instant::now();
                runtime.block_on(async {
                    for line in &lines {
                        let _ = black_box(intake.record(line.as_bytes(), 0, 0).await);
                    }
                    let _ = black_box(intake.finish().await);
                });
                spent += since.elapsed();
            }
            spent
        });
    });
    group.finish();
    store.stop();
}

criterion_group!(benches, frame, dedup, pipeline);
criterion_main!(benches);
