//! All detectors over a block of mixed events, decoding of rows and recorded time included, and decoding apart.

#[path = "core/feed.rs"]
mod feed;
#[path = "core/fleet.rs"]
mod fleet;
#[path = "../src/numbers.rs"]
mod numbers;
#[path = "core/shipped.rs"]
mod shipped;

use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use detect_core::key::Key;
use detect_rules::rule_set::RuleSet;
use ledger::Timestamp;

const EVENTS: usize = 131_072;

fn core(criterion: &mut Criterion) {
    let blocks = fleet::blocks(2 * EVENTS);
    let mut group = criterion.benchmark_group("detect");
    group.throughput(Throughput::Elements(EVENTS as u64));
    let decode = || {
        blocks.iter().skip(blocks.len() / 2).fold(Duration::ZERO, |taken, block| {
            let read = std::hint::black_box(block.clone());
            let before = feed::cpu_time();
            std::hint::black_box(read.iter().filter(|row| row.recorded == Timestamp::EPOCH).count());
            taken + feed::cpu_time().saturating_sub(before)
        })
    };
    group.bench_function("decode_rows", |bencher| bencher.iter_custom(|times| (0..times).map(|_| decode()).sum()));
    let detect = |rules: &RuleSet| feed::feed(&mut rules.engine(Key::new(&[7; 32]), Timestamp::EPOCH), &blocks);
    let built_in = RuleSet::default();
    group.bench_function("decode_and_detect", |bencher| {
        bencher.iter_custom(|times| (0..times).map(|_| detect(&built_in)).sum());
    });
    // On top of all built-in detectors.
    let user = shipped::rules();
    let name = format!("decode_and_detect_with_{}_user_rules", user.len());
    let rules = RuleSet::with_user(user);
    group.bench_function(name, |bencher| {
        bencher.iter_custom(|times| (0..times).map(|_| detect(&rules)).sum());
    });
    group.finish();
}

criterion_group!(benches, core);
criterion_main!(benches);
