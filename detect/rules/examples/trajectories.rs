//! How well alerts about loops and standstills tell agents that come no further: for each severity the share of runs with an
//! alert, the share of all spend that lies after it, and how many of these runs came out of it by themselves, which is at least
//! three new steps that do not fail, later in the run. Beside it the detector of OpenHands, also with higher thresholds, so that
//! both can be compared at equal coverage. Run it with `cargo run --release -p detect-rules --example trajectories`.
//!
//! Two feeds: sources that tell outcomes, and those of which only the words of most answers tell a failure.

#[path = "trajectories/corpus.rs"]
mod corpus;
#[path = "trajectories/rival.rs"]
mod rival;

use std::collections::HashSet;

use corpus::Step;
use detect_core::engine::Engine;
use detect_core::findings::Findings;
use detect_core::key::Key;
use detect_rules::rule_set::RuleSet;
use ledger::events::column;
use ledger::{Entry, LedgerName, Rows, Seq, Timestamp};
use operations::alert::Severity;

const RUNS: u64 = 1_300;
/// Seeds of corpora of so many runs each.
const CORPORA: u64 = 5;
/// The weights of the rules were chosen on seeds below this one.
const FIRST_SEED: u64 = 50_000_000;
const RULES: [&str; 4] = ["loop.repeat", "loop.no_progress", "loop.retry_storm", "agent.stuck"];
const SEVERITIES: [Severity; 4] = [Severity::Low, Severity::Medium, Severity::High, Severity::Critical];
const SCALES: [f64; 7] = [0.75, 1.0, 1.34, 1.67, 2.0, 2.67, 3.34];

fn main() {
    for (name, is_mixed, tells) in [
        ("reading, editing and testing; outcomes are told", false, true),
        ("reading, editing and testing; failures by words only", false, false),
        ("all kinds of work; outcomes are told", true, true),
        ("all kinds of work; failures by words only", true, false),
    ] {
        let mut lines: Vec<(String, Tally)> = Vec::new();
        for corpus in 0..CORPORA {
            let mut engine = RuleSet::default().engine(Key::new(&[7; 32]), Timestamp::EPOCH);
            let mut begin = 0;
            for run in 0..RUNS {
                let steps = corpus::trajectory(FIRST_SEED + corpus * 100_000 + run, is_mixed);
                let alerts = alerts(&mut engine, &steps, (corpus * RUNS + run, &mut begin), tells);
                let mut at = 0;
                let mut count = |name: String, first: Option<usize>| {
                    if lines.len() == at {
                        lines.push((name, Tally::default()));
                    }
                    lines[at].1.add(&steps, first);
                    at += 1;
                };
                for severity in SEVERITIES {
                    let first = |of: &dyn Fn(&str) -> bool| {
                        alerts.iter().find(|alert| alert.2 >= severity && of(&alert.1)).map(|alert| alert.0)
                    };
                    count(format!("{severity} and above"), first(&|_| true));
                    for rule in &RULES[..2] {
                        count(format!("    {rule}"), first(&|name| name == *rule));
                    }
                }
                for scale in SCALES {
                    count(format!("OpenHands x {scale}"), rival::first_alert(&steps, scale));
                }
            }
        }
        println!("\n{name}: {} runs\n{:28} flagged  spend after  recovered", CORPORA * RUNS, "");
        for (name, tally) in &lines {
            println!("{name:28} {tally}");
        }
    }
}

/// What came of one detector.
#[derive(Default)]
struct Tally {
    runs: u64,
    flagged: u64,
    recovered: u64,
    micros: u64,
    micros_after: u64,
}

impl Tally {
    fn add(&mut self, steps: &[Step], first: Option<usize>) {
        self.runs += 1;
        self.micros += steps.iter().map(|step| step.micros).sum::<u64>();
        let Some(first) = first else { return };
        self.flagged += 1;
        self.micros_after += steps[first + 1..].iter().map(|step| step.micros).sum::<u64>();
        let mut seen = HashSet::new();
        let news = steps.iter().map(|step| seen.insert((step.action, step.result)) && !step.fails);
        self.recovered += u64::from(news.skip(first + 1).filter(|is_new| *is_new).count() >= 3);
    }
}

impl std::fmt::Display for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let share = |part: u64, all: u64| 100.0 * part as f64 / all.max(1) as f64;
        write!(
            f,
            "{:5.1} %       {:5.1} %     {:5.1} %",
            share(self.flagged, self.runs),
            share(self.micros_after, self.micros),
            share(self.recovered, self.flagged)
        )
    }
}

/// The alerts of a run: after which step, which rule, how severe.
fn alerts(
    engine: &mut Engine,
    steps: &[Step],
    (run, second): (u64, &mut u64),
    tells: bool,
) -> Vec<(usize, String, Severity)> {
    let (session, mut found) = (format!("run-{run}"), Vec::new());
    let mut findings = Findings::new();
    for (at, step) in steps.iter().enumerate() {
        *second += step.seconds;
        let mut rows = Rows::new(LedgerName::Events, 0, Seq::new(*second * 2));
        let now = Timestamp::from_unix_seconds(1_763_683_200 + *second as i64);
        let mut cost = Entry::new();
        cost.set_text(column::KIND, "model.tokens");
        cost.set_text(column::SESSION, &session);
        cost.set_integer(column::COST_MICROS, step.micros as i64);
        rows.push_entry(0, now, &cost);
        if !step.kind.is_empty() {
            rows.push_entry(0, now, &event(step, &session, tells));
        }
        for row in rows.iter() {
            engine.observe(&row, &mut findings);
        }
        let alerts = findings.take().into_iter().filter(|alert| RULES.contains(&alert.rule.as_str()));
        found.extend(alerts.map(|alert| (at, alert.rule, alert.severity)));
    }
    found
}

fn event(step: &Step, session: &str, tells: bool) -> Entry {
    let mut event = Entry::new();
    for (column, text) in [(column::KIND, step.kind), (column::SESSION, session), (column::TOOL, step.tool)] {
        event.set_text(column, text);
    }
    if !step.command.is_empty() {
        event.set_text(column::COMMAND, step.command);
    }
    event.set_fingerprint(column::ACTION_FP, step.action);
    event.set_fingerprint(column::RESULT_FP, step.result);
    if tells {
        event.set_text(column::OUTCOME, if step.fails { "error" } else { "success" });
    }
    // One failure of seven is told in words that nobody knows.
    if step.fails && !step.result.is_multiple_of(7) {
        event.set_list(column::MARKS, [format!("error:{}", step.class).as_str()]);
    }
    event
}
