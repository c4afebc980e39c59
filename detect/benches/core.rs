//! What a detector core costs per event: all detectors over a block of mixed events, decoding of rows included and apart.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use detect::{Engine, Findings, Key, RuleSet};
use ledger::events::column;
use ledger::{LedgerName, Rows};

const EVENTS: usize = 65_536;
/// 2025-11-21T00:00:00Z.
const START: i64 = 1_763_683_200_000_000;

/// Events of 1,000 agents: of ten, six requests (one refused, half of those writes), a model call with its cost, a tool call
/// and its end, and a file that is read.
fn block() -> Rows {
    let mut rows = Rows::new(LedgerName::Events, 0, 0);
    for number in 0..EVENTS {
        let agent = number / 10 * 7_919 % 1_000;
        let (workspace, session, user) = (
            format!("workspace-{agent}"),
            format!("5e551017-0000-4000-8000-{agent:012}"),
            format!("user-{}", agent % 200),
        );
        let domain = format!("d{}.example", number * 31 % 50);
        let (kind, outcome) = match number % 10 {
            0 => ("egress.http", "deny"),
            1..=5 => ("egress.http", "allow"),
            6 => ("model.tokens", "success"),
            7 => ("tool.call", ""),
            8 => ("command", "success"),
            _ => ("file.read", "success"),
        };
        let mut texts = vec![
            (column::COLLECTOR.id(), "coderd"),
            (column::SOURCE.id(), "coder.boundary"),
            (column::KIND.id(), kind),
            (column::USER.id(), &user),
            (column::SESSION.id(), &session),
            (column::WORKSPACE.id(), &workspace),
            (column::OUTCOME.id(), outcome),
        ];
        match kind {
            "egress.http" => texts.extend([
                (column::METHOD.id(), if number % 20 == 0 { "POST" } else { "GET" }),
                (column::HOST.id(), &domain),
                (column::DOMAIN.id(), &domain),
                (column::PATH.id(), "/v1/packages/index"),
            ]),
            "model.tokens" => texts.push((column::MODEL.id(), "sonnet")),
            _ => texts.push((column::TOOL.id(), "Bash")),
        }
        // Six of an agent's ten events stand in its stream.
        let stream_seq = (number / 10_000 * 6 + number % 10) as i64;
        let mut facts = Vec::new();
        write_column(&mut facts, column::TIME.id(), &(START + number as i64 * 20).to_be_bytes());
        for (id, text) in texts {
            write_column(&mut facts, id, text.as_bytes());
        }
        let mut content = Vec::new();
        match kind {
            "egress.http" => {
                write_column(&mut facts, column::STREAM.id(), session.as_bytes());
                write_column(&mut facts, column::STREAM_SEQ.id(), &stream_seq.to_be_bytes());
            }
            "model.tokens" => write_column(&mut facts, column::COST_MICROS.id(), &12_000i64.to_be_bytes()),
            _ => {
                write_column(&mut facts, column::ACTION_FP.id(), &(number as u64 * 0x9e37_79b9).to_be_bytes());
                write_column(&mut facts, column::RESULT_FP.id(), &(number as u64 * 0xbf58_476d).to_be_bytes());
                write_column(&mut content, column::COMMAND.id(), b"cargo test -p ledger 2>&1 | tail -20");
                write_column(&mut content, column::FILE.id(), b"/home/coder/ledger/src/store.rs");
            }
        }
        rows.push(number as u64, number as u64 / 16_384, START + number as i64 * 20, 0, &facts, Some(&content));
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
            || (Engine::new(&RuleSet::default(), Key::new(&[7; 32]), 0), Findings::new()),
            |(mut engine, mut findings)| {
                for row in rows.iter() {
                    engine.observe(&row, &mut findings);
                }
                findings.take().len()
            },
            criterion::BatchSize::LargeInput,
        );
    });
    // The shipped examples, one for each operator, on top of all built-in detectors.
    let examples = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/rules");
    let user = detect::user::load(&[examples]).map(|loaded| loaded.rules()).unwrap_or_default();
    let name = format!("decode_and_detect_with_{}_user_rules", user.len());
    let rules = RuleSet::with_user(user);
    group.bench_function(name, |bencher| {
        bencher.iter_batched(
            || (Engine::new(&rules, Key::new(&[7; 32]), 0), Findings::new()),
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
