//! What a detector core costs per event: all detectors over a block of mixed events, decoding of rows included and apart.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use detect::{Engine, Findings, Key, Rules};
use ledger::events::column;
use ledger::{LedgerName, Rows};

const EVENTS: usize = 65_536;
/// 2025-11-21T00:00:00Z.
const START: i64 = 1_763_683_200_000_000;

/// Events of 1,000 agents: nine of ten requests are allowed, one is refused, half of those writes.
fn block() -> Rows {
    let mut rows = Rows::new(LedgerName::Events, 0, 0);
    for number in 0..EVENTS {
        let workspace = format!("workspace-{}", number * 7_919 % 1_000);
        let domain = format!("d{}.example", number * 31 % 50);
        let denied = number % 10 == 0;
        let texts = [
            (column::KIND.id(), "egress.http"),
            (column::SESSION.id(), "5e551017-0000-4000-8000-000000000000"),
            (column::WORKSPACE.id(), &workspace),
            (column::OUTCOME.id(), if denied { "deny" } else { "allow" }),
            (column::METHOD.id(), if number % 20 == 0 { "POST" } else { "GET" }),
            (column::HOST.id(), &domain),
            (column::DOMAIN.id(), &domain),
            (column::PATH.id(), "/v1/packages/index"),
        ];
        let mut facts = Vec::new();
        write_column(&mut facts, column::TIME.id(), &(START + number as i64 * 20).to_be_bytes());
        for (id, text) in texts {
            write_column(&mut facts, id, text.as_bytes());
        }
        rows.push(number as u64, number as u64 / 16_384, START + number as i64 * 20, 0, &facts, None);
    }
    rows
}

/// One column of a part, as FORMAT.md lays it out: id, length, value.
fn write_column(part: &mut Vec<u8>, id: u16, value: &[u8]) {
    part.extend_from_slice(&id.to_be_bytes());
    part.extend_from_slice(&(value.len() as u32).to_be_bytes());
    part.extend_from_slice(value);
}

fn core(criterion: &mut Criterion) {
    let rows = block();
    let mut group = criterion.benchmark_group("detect");
    group.throughput(Throughput::Elements(EVENTS as u64));
    group.bench_function("decode_rows", |bencher| bencher.iter(|| rows.iter().filter(|row| row.recorded == 0).count()));
    group.bench_function("decode_and_detect", |bencher| {
        bencher.iter_batched(
            || (Engine::new(&Rules::default(), Key::new(&[7; 32]), 0), Findings::new()),
            |(mut engine, mut findings)| {
                for row in rows.iter() {
                    engine.observe(&row, &mut findings);
                }
                findings.take().len()
            },
            criterion::BatchSize::LargeInput,
        );
    });
    group.finish();
}

criterion_group!(benches, core);
criterion_main!(benches);
