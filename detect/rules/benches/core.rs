//! All detectors over a block of mixed events, decoding of rows and recorded time included, and decoding apart.

#[path = "core/feed.rs"]
mod feed;
#[path = "core/fleet.rs"]
mod fleet;

use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use detect::{Engine, Key, RuleSet};

const EVENTS: usize = 131_072;

fn core(criterion: &mut Criterion) {
    let blocks = fleet::blocks(2 * EVENTS);
    let mut group = criterion.benchmark_group("detect");
    group.throughput(Throughput::Elements(EVENTS as u64));
    let decode = || {
        blocks.iter().skip(blocks.len() / 2).fold(Duration::ZERO, |taken, block| {
            let read = std::hint::black_box(block.clone());
            let before = feed::cpu_time();
            std::hint::black_box(read.iter().filter(|row| row.recorded == 0).count());
            taken + feed::cpu_time().saturating_sub(before)
        })
    };
    group.bench_function("decode_rows", |bencher| bencher.iter_custom(|times| (0..times).map(|_| decode()).sum()));
    let detect = |rules: &RuleSet| feed::feed(&mut Engine::new(rules, Key::new(&[7; 32]), 0), &blocks);
    let built_in = RuleSet::default();
    group.bench_function("decode_and_detect", |bencher| {
        bencher.iter_custom(|times| (0..times).map(|_| detect(&built_in)).sum());
    });
    // The shipped examples, one for each operator, on top of all built-in detectors.
    let examples = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/rules");
    let user =
        detect::user::load(&[examples], detect::user::Depth::Form).map(|loaded| loaded.rules()).unwrap_or_default();
    let name = format!("decode_and_detect_with_{}_user_rules", user.len());
    let rules = RuleSet::with_user(user);
    group.bench_function(name, |bencher| {
        bencher.iter_custom(|times| (0..times).map(|_| detect(&rules)).sum());
    });
    group.finish();
}

criterion_group!(benches, core);
criterion_main!(benches);
