//! All detectors over a block of mixed events, decoding of rows and recorded time included, and decoding apart.

#[path = "core/fleet.rs"]
mod fleet;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use detect::{Engine, Key, RuleSet};

const EVENTS: usize = 131_072;

fn core(criterion: &mut Criterion) {
    let rows = fleet::block(EVENTS);
    let mut group = criterion.benchmark_group("detect");
    group.throughput(Throughput::Elements(EVENTS as u64));
    group.bench_function("decode_rows", |bencher| bencher.iter(|| rows.iter().filter(|row| row.recorded == 0).count()));
    group.bench_function("decode_and_detect", |bencher| {
        bencher.iter_batched(
            || Engine::new(&RuleSet::default(), Key::new(&[7; 32]), 0),
            |mut engine| fleet::feed(&mut engine, &rows),
            criterion::BatchSize::LargeInput,
        );
    });
    // The shipped examples, one for each operator, on top of all built-in detectors.
    let examples = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/rules");
    let user =
        detect::user::load(&[examples], detect::user::Depth::Form).map(|loaded| loaded.rules()).unwrap_or_default();
    let name = format!("decode_and_detect_with_{}_user_rules", user.len());
    let rules = RuleSet::with_user(user);
    group.bench_function(name, |bencher| {
        bencher.iter_batched(
            || Engine::new(&rules, Key::new(&[7; 32]), 0),
            |mut engine| fleet::feed(&mut engine, &rows),
            criterion::BatchSize::LargeInput,
        );
    });
    group.finish();
}

criterion_group!(benches, core);
criterion_main!(benches);
