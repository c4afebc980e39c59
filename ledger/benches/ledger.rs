//! What the ledger costs per event on one core: encoding, hashing, appending with a real sync, and reading back.

// A benchmark that cannot measure should stop; criterion's macros write items without documentation.
#![allow(clippy::expect_used, missing_docs)]

use std::hint::black_box;
use std::time::Duration;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use ledger::events::column;
use ledger::{Entry, Group, LedgerName, Options, ReadLimit, Seq, Store, Table, Timestamp};
use proof::leaf::{FACTS_DOMAIN, Leaf, commitment, digest, salt};
use proof::{Digest, tree};

const RECORD: &str = r#"{"ts":"2026-09-14T09:30:26.800000657Z","level":"INFO","msg":"boundary_request","caller":"coderd/agentapi/boundary_logs.go:150","func":"ReportBoundaryLogs","logger_names":["coderd","agentrpc"],"trace":"478b2b45577307c4fd1bcfc64fad6ffb","span":"9ece4bc70c311edb","fields":{"owner":"amara","workspace_name":"fix-refunds-c88d","agent_name":"main","decision":"deny","session_id":"8f0d2c4e-6b1a-4d39-9c77-2e5a9b7f1d60","sequence_number":2,"workspace_id":"f2bd4e9f-7e27-49fc-961e-be4d1c2aa987","template_id":"c6d67e98-83ea-49f0-8812-e4abae2b68bc","template_version_id":"0ba39c92-1f1b-4c32-aa3e-9925d7713eb1","http_method":"POST","http_url":"https://pastebin.example/api/api_post.php","event_time":"2026-09-14T09:30:21.733000657Z","request_id":"9f30d667-1fc9-47ba-b9e5-8eac46e0abef"}}"#;

/// Fills an entry as a boundary event of coderd fills it.
fn fill(entry: &mut Entry, number: i64) {
    entry.clear();
    entry.set_time(column::TIME, Timestamp::from_unix_micros(1_789_378_221_733_000 + number));
    entry.set_time(column::OBSERVED, Timestamp::from_unix_micros(1_789_378_226_800_000 + number));
    entry.set_text(column::COLLECTOR, "coderd");
    entry.set_text(column::TOKEN, "local");
    entry.set_text(column::SOURCE, "coder.boundary");
    entry.set_text(column::FAMILY, "boundary");
    entry.set_text(column::KIND, "egress.http");
    entry.set_text(column::TRUST, "control_plane");
    entry.set_text(column::STREAM, "8f0d2c4e-6b1a-4d39-9c77-2e5a9b7f1d60");
    entry.set_integer(column::STREAM_SEQ, number);
    entry.set_text(column::USER, "amara");
    entry.set_text(column::AGENT, "main");
    entry.set_text(column::SESSION, "8f0d2c4e-6b1a-4d39-9c77-2e5a9b7f1d60");
    entry.set_text(column::WORKSPACE, "f2bd4e9f-7e27-49fc-961e-be4d1c2aa987");
    entry.set_text(column::TEMPLATE, "c6d67e98-83ea-49f0-8812-e4abae2b68bc");
    entry.set_text(column::ATTRIBUTION, "direct");
    entry.set_text(column::ACTION, "POST");
    entry.set_text(column::OUTCOME, "deny");
    entry.set_text(column::METHOD, "POST");
    entry.set_text(column::SCHEME, "https");
    entry.set_text(column::HOST, "pastebin.example");
    entry.set_text(column::DOMAIN, "pastebin.example");
    entry.set_text(column::PATH, "/api/api_post.php");
    entry.set_text(column::RECORD, RECORD);
}

fn group(entries: i64) -> Group {
    let (mut group, mut entry) = (Group::new(Table::of(LedgerName::Events)), Entry::new());
    for number in 0..entries {
        fill(&mut entry, number);
        group.push(&entry).expect("small");
    }
    group
}

fn hashing(c: &mut Criterion) {
    let mut group = c.benchmark_group("hash");
    let part = RECORD.as_bytes();
    group.throughput(Throughput::Bytes(part.len() as u64));
    group.bench_function("salt, commitment and leaf of one event", |b| {
        b.iter(|| {
            let facts = commitment(&salt(&[7; 32], 9), &digest(FACTS_DOMAIN, black_box(part)));
            Leaf { shard: 0, recorded: 1, flags: 0, facts, content: None }.hash()
        });
    });
    group.throughput(Throughput::Elements(16_384));
    let leaves: Vec<Digest> = (0..16_384_u64).map(|n| tree::leaf_hash(&n.to_be_bytes())).collect();
    group.bench_function("root of 16,384 leaves", |b| b.iter(|| tree::root(black_box(&leaves))));
    group.finish();
}

fn appending(c: &mut Criterion) {
    let mut bench = c.benchmark_group("append");
    bench.throughput(Throughput::Elements(1_000));
    bench.sample_size(20);
    bench.bench_function("encode 1,000 entries", |b| b.iter(|| group(1_000)));
    let dir = tempfile::tempdir().expect("a directory");
    let data = dir.path().join("data");
    Store::init(&data, "acme.example/bench").expect("made");
    let store = Store::open(&data, Options { reserve_bytes: 0, ..Options::default() }).expect("opened");
    let appender = store.events().appender();
    bench.throughput(Throughput::Elements(32_000));
    bench.bench_function("commit 32 groups of 1,000 entries with their syncs", |b| {
        b.iter_batched(
            || (0..32).map(|_| group(1_000)).collect::<Vec<_>>(),
            |groups| {
                let pending: Vec<_> = groups.into_iter().filter_map(|group| appender.try_append(group).ok()).collect();
                for pending in pending {
                    pending.wait().expect("durable");
                }
            },
            BatchSize::PerIteration,
        );
    });
    let reader = store.events().reader();
    bench.throughput(Throughput::Elements(4_000));
    bench.bench_function("follow 4,000 rows", |b| {
        b.iter(|| {
            let rows = reader.read(Seq::FIRST, false, ReadLimit { rows: 4_000, bytes: 64 << 20 }).expect("readable");
            rows.iter().filter(|row| row.text(column::OUTCOME) == Some("deny")).count()
        });
    });
    bench.finish();
}

/// Events of one segment here: a full row group.
const SEGMENT: u64 = 65_536;

/// Appends until one more segment is sealed.
fn append_segment(store: &Store, groups: Vec<Group>) {
    let sealed = store.events().status().segments;
    let appender = store.events().appender();
    for mut group in groups {
        while let Err(rejected) = appender.try_append(group) {
            group = rejected.group;
            std::thread::sleep(Duration::from_millis(1));
        }
    }
    while store.events().status().segments == sealed {
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn keeping(c: &mut Criterion) {
    let mut bench = c.benchmark_group("keep");
    bench.sample_size(10);
    let dir = tempfile::tempdir().expect("a directory");
    let data = dir.path().join("data");
    Store::init(&data, "acme.example/bench").expect("made");
    let options = Options { reserve_bytes: 0, segment_entries_max: SEGMENT, ..Options::default() };
    let store = Store::open(&data, options).expect("opened");
    let groups = || (0..SEGMENT / 1_024).map(|_| group(1_024)).collect::<Vec<_>>();
    bench.throughput(Throughput::Elements(SEGMENT));
    bench.bench_function("append a segment, seal it and read it back", |b| {
        b.iter_batched(groups, |groups| append_segment(&store, groups), BatchSize::PerIteration);
    });
    let reader = store.events().reader();
    bench.bench_function("scan a sealed segment in order", |b| {
        b.iter(|| {
            let (mut from, mut denied) = (Seq::FIRST, 0);
            while from < Seq::new(SEGMENT) {
                let rows = reader.read(from, false, ReadLimit { rows: 8_192, bytes: 64 << 20 }).expect("readable");
                denied += rows.iter().filter(|row| row.text(column::OUTCOME) == Some("deny")).count();
                from = rows.next_seq;
            }
            denied
        });
    });
    let records = store.events().status().durable.next_seq.get() * RECORD.len() as u64;
    store.stop();
    bench.throughput(Throughput::Bytes(records));
    bench.bench_function("verify a directory, bytes of records", |b| {
        b.iter(|| ledger_verify::verify(&data, None, &mut |_| ()).expect("readable"));
    });
    bench.finish();
}

criterion_group!(benches, hashing, appending, keeping);
criterion_main!(benches);
