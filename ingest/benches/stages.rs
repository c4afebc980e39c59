//! What each stage of intake costs for a coder line of 938 bytes, in nanoseconds: the least of many rounds, which other work
//! on the machine disturbs least. It prints the table of docs/benchmarks.md. No ledger is opened here.

use std::hint::black_box;
use std::time::Instant;

use ingest::dialect::{self, by_name};
use ingest::event::finish::Finisher;
use ingest::event::{Batch, Drafts, Record, Redacted};
use ingest::price::PriceTable;

/// Lines in a round; they differ in what differs in life.
const LINES: usize = 500;
/// Rounds, of which the best counts.
const ROUNDS: usize = 400;

/// Paths that agents ask for.
const PATHS: [&str; 4] =
    ["npm/left-pad", "npm/cross-spawn/-/cross-spawn-7.0.6.tgz", "pypi/simple/requests/", "npm/@types/node"];

fn line(number: usize) -> String {
    let mixed = (number as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let path = PATHS[number % PATHS.len()];
    format!(
        "{{\"ts\":\"2026-10-03T08:15:08.200000657Z\",\"level\":\"INFO\",\"msg\":\"boundary_request\",\
         \"caller\":\"/home/runner/src/coder/coderd/agentapi/boundary_logs.go:150\",\
         \"func\":\"github.com/coder/coder/v2/coderd/agentapi.(*BoundaryLogsAPI).ReportBoundaryLogs\",\
         \"logger_names\":[\"coderd\",\"agentrpc\"],\"trace\":\"{mixed:016x}c4fd1bcfc64fad6f\",\"span\":\"{mixed:016x}\",\
         \"fields\":{{\"owner\":\"user{}\",\"workspace_name\":\"workspace-{number}\",\"agent_name\":\"main\",\"decision\":\"allow\",\
         \"session_id\":\"00000000-0000-4000-8000-{number:012x}\",\"sequence_number\":{number},\
         \"workspace_id\":\"00000000-0000-4000-9000-{number:012x}\",\"template_id\":\"b6b4f7d2-4f0e-4a8a-8a58-20c3bb8d9f13\",\
         \"template_version_id\":\"0d6a6b2e-4b1f-46f3-b3be-7a55c2b0a2d8\",\"http_method\":\"GET\",\
         \"http_url\":\"https://packages.acme.example/{path}\",\"event_time\":\"2026-10-03T08:15:03.118000657Z\",\
         \"matched_rule\":\"method=GET,HEAD domain=packages.acme.example\",\"request_id\":\"9f30d667-1fc9-47ba-b9e5-{:012x}\"}}}}",
        number % 50,
        mixed >> 16,
    )
}

/// Prints the least time of one of `count` things that `run` does. An argument picks the measurements by their names.
fn measure(name: &str, count: usize, mut run: impl FnMut()) {
    if std::env::args().nth(1).is_some_and(|picked| !picked.starts_with('-') && !name.contains(&picked)) {
        return;
    }
    let mut best = f64::INFINITY;
    for _ in 0..ROUNDS {
        let since = Instant::now();
        run();
        best = best.min(since.elapsed().as_nanos() as f64 / count as f64);
    }
    println!("{name:40} {best:8.0} ns");
}

fn main() {
    let lines: Vec<String> = (0..LINES).map(line).collect();
    let bytes: usize = lines.iter().map(String::len).sum();
    println!("{} bytes a line", bytes / LINES);
    let finisher = Finisher::new([7; 32], PriceTable::embedded());
    let Some(coder) = by_name("coder") else { return };
    let (mut drafts, mut event) = (Drafts::new(), Redacted::default());
    measure("utf-8", LINES, || {
        for line in &lines {
            black_box(std::str::from_utf8(black_box(line.as_bytes())).is_ok());
        }
    });
    measure("decode", LINES, || {
        for line in &lines {
            black_box(
                dialect::decode(coder, Record::new(black_box(line.as_bytes()), coder.encoding()), 0, &mut drafts).0,
            );
        }
    });
    measure("decode and finish", LINES, || {
        for line in &lines {
            let record = Record::new(black_box(line.as_bytes()), coder.encoding());
            black_box(dialect::decode(coder, record, 0, &mut drafts).0);
            for (at, draft) in drafts.iter_mut().enumerate() {
                finisher.finish(record, draft, at == 0, &mut event);
                black_box(&event);
            }
        }
    });
    measure("decode, finish and push", LINES, || {
        let mut batch = Batch::default();
        for line in &lines {
            let record = Record::new(black_box(line.as_bytes()), coder.encoding());
            black_box(dialect::decode(coder, record, 0, &mut drafts).0);
            for (at, draft) in drafts.iter_mut().enumerate() {
                finisher.finish(record, draft, at == 0, &mut event);
                let _ = batch.push(&mut event);
            }
        }
        black_box(&batch);
    });
    measure("redact a clean line", LINES, || {
        for line in &lines {
            black_box(finisher.redact(black_box(line)));
        }
    });
    for (name, text) in [
        ("a clean URL", "https://packages.acme.example/npm/cross-spawn/-/cross-spawn-7.0.6.tgz"),
        ("a URL with a token", "https://api.acme.example/v1/items?page=2&access_token=s3cr3tV4lue99&x=1"),
        (
            "a URL with a token, redacted",
            "https://api.acme.example/v1/items?page=2&access_token=[REDACTED:url_query]&x=1",
        ),
        ("a command", "cd /home/coder/ledger && go test ./... -run TestBalance -count=1"),
    ] {
        measure(&format!("redact {name}"), 100, || {
            for _ in 0..100 {
                black_box(finisher.redact(black_box(text)));
            }
        });
    }
}
