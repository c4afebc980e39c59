//! All detectors over a block of mixed events, decoding of rows and recorded time included, and decoding apart.

#[path = "core/fleet.rs"]
mod fleet;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use detect::{Engine, Findings, Key, Rules};
use ledger::Rows;

const EVENTS: usize = 131_072;

/// Feeds a block with every second in between, as the runner does; gives back how many revisions were found.
fn feed(engine: &mut Engine, rows: &Rows) -> usize {
    let mut findings = Findings::new();
    let mut second = fleet::START / 1_000_000;
    for row in rows.iter() {
        let until = row.recorded / 1_000_000;
        while second < until {
            second += 1;
            engine.advance(second, false, &mut findings);
        }
        engine.observe(&row, &mut findings);
    }
    findings.take().len()
}

fn core(criterion: &mut Criterion) {
    let rows = fleet::block(EVENTS);
    let mut group = criterion.benchmark_group("detect");
    group.throughput(Throughput::Elements(EVENTS as u64));
    group.bench_function("decode_rows", |bencher| bencher.iter(|| rows.iter().filter(|row| row.recorded == 0).count()));
    group.bench_function("decode_and_detect", |bencher| {
        bencher.iter_batched(
            || Engine::new(&Rules::default(), Key::new(&[7; 32]), 0),
            |mut engine| feed(&mut engine, &rows),
            criterion::BatchSize::LargeInput,
        );
    });
    group.finish();
}

criterion_group!(benches, core);
criterion_main!(benches);
