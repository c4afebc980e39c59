//! What a record costs from its bytes to a finished entry, per core: decode alone, and decode with redaction, cuts,
//! fingerprints, URL columns and cost. Bars: 2.5 µs for the first coder line, 2 µs for a native event of 500 bytes.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use ingest::dialect::{Dialect, by_name};
use ingest::event::finish::Finisher;
use ingest::event::{Drafts, Record, Redacted};
use ingest::price::PriceTable;

/// Records by name: the dialect, and a word that finds the record among its examples.
const RECORDS: &[(&str, &str, &str)] = &[
    ("coder_boundary_request", "coder", "\"sequence_number\":41"),
    ("coder_token_usage", "coder", "token_usage"),
    ("coder_prompt_with_secrets", "coder", "prompt_usage"),
    ("coder_tool_usage", "coder", "toolu_01ours"),
    ("claude_code_hook", "claude_code", "PostToolUseFailure"),
    ("boundary_line", "boundary", "msg=DENY"),
    ("native_egress", "native", "drop.attacker-logger.com"),
];

/// A coder line without a secret as long as real ones are: about 900 bytes.
fn record(dialect: &dyn Dialect, word: &str) -> Option<&'static str> {
    dialect.examples().iter().copied().find(|example| example.contains(word))
}

fn decode(criterion: &mut Criterion) {
    let finisher = Finisher::new([7; 32], PriceTable::embedded());
    for (name, dialect, word) in RECORDS {
        let Some(dialect) = by_name(dialect) else { continue };
        let Some(record) = record(dialect, word) else { continue };
        let mut group = criterion.benchmark_group(*name);
        group.throughput(Throughput::Bytes(record.len() as u64));
        let (mut drafts, mut event) = (Drafts::new(), Redacted::default());
        group.bench_function("decode", |bencher| {
            bencher.iter(|| {
                drafts.clear();
                black_box(dialect.decode(Record::new(black_box(record).as_bytes(), dialect.encoding()), 0, &mut drafts))
            });
        });
        group.bench_function("decode_and_finish", |bencher| {
            bencher.iter(|| {
                drafts.clear();
                black_box(dialect.decode(
                    Record::new(black_box(record).as_bytes(), dialect.encoding()),
                    0,
                    &mut drafts,
                ));
                for (at, draft) in drafts.iter_mut().enumerate() {
                    finisher.finish(Record::new(record.as_bytes(), dialect.encoding()), draft, at == 0, &mut event);
                    black_box(&event);
                }
            });
        });
        group.finish();
    }
}

criterion_group!(benches, decode);
criterion_main!(benches);
