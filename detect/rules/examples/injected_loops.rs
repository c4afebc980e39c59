//! How well `loop.repeat` finds loops of known period with noise: recall, false alarms, and steps from the end of the third
//! round to the alert. Run it with `cargo run --release -p detect-rules --example injected_loops`.

#[path = "../src/loops/repeat/injected.rs"]
mod injected;

use detect_core::findings::Findings;
use detect_core::key::Key;
use detect_rules::rule_set::RuleSet;
use injected::{Numbers, Step};
use ledger::events::column;
use ledger::{Entry, LedgerName, Rows, Seq, Timestamp};

const TRACES: u64 = 200;
const ROUNDS: usize = 8;

fn main() {
    println!("period  noise  recall  steps after the third round (median, 90 %)");
    let (mut found_in_all, mut loops) = (0, 0);
    for noise in [0, 10, 20, 30, 40] {
        for period in 1..=16 {
            let mut delays = Vec::new();
            for seed in 0..TRACES {
                let trace =
                    injected::looping(&mut Numbers(seed << 16 | noise << 8 | period as u64), period, noise, ROUNDS);
                // An alert of the healthy beginning would be a false one; it is counted below.
                let begin = trace.rounds[0] - 1;
                delays.extend(first_alert(&trace.steps, begin).map(|at| at as i64 + 1 - trace.rounds[2] as i64));
            }
            delays.sort_unstable();
            let at = |part: usize| delays.get(delays.len() * part / 100).copied().unwrap_or(i64::MAX);
            let recall = delays.len() as f64 / TRACES as f64;
            println!("{period:6}  {noise:3} %  {recall:6.3}  {:4} {:4}", at(50), at(90));
            found_in_all += delays.len();
            loops += TRACES as usize;
        }
    }
    let (traces, len) = (2_000, 300);
    let wrong =
        (0..traces).filter(|seed| first_alert(&injected::healthy(&mut Numbers(seed << 32), len), 0).is_some()).count();
    let precision = found_in_all as f64 / (found_in_all + wrong) as f64;
    println!("recall {:.4} of {loops} loops", found_in_all as f64 / loops as f64);
    println!("{wrong} of {traces} healthy traces of {len} steps give an alert; precision {precision:.4}");
}

/// The number of the step at which `loop.repeat` first speaks, from `begin` on.
fn first_alert(steps: &[Step], begin: usize) -> Option<usize> {
    let mut rows = Rows::new(LedgerName::Events, 0, Seq::FIRST);
    for (at, (action, result)) in steps.iter().enumerate() {
        let mut event = Entry::new();
        for (column, text) in [(column::KIND, "command"), (column::SESSION, "s"), (column::TOOL, "Bash")] {
            event.set_text(column, text);
        }
        event.set_fingerprint(column::ACTION_FP, *action);
        event.set_fingerprint(column::RESULT_FP, *result);
        rows.push_entry(0, Timestamp::from_unix_seconds(at as i64), &event);
    }
    let mut engine = RuleSet::default().engine(Key::new(&[7; 32]), Timestamp::EPOCH);
    let mut findings = Findings::new();
    for (at, row) in rows.iter().enumerate() {
        engine.observe(&row, &mut findings);
        if findings.take().iter().any(|alert| at >= begin && alert.rule == "loop.repeat") {
            return Some(at);
        }
    }
    None
}
