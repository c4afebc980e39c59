//! How well alerts about loops and standstills tell agents that come no further: for each severity the share of runs with an
//! alert, the share of all spend that lies after it, and how many of these runs came out of it by themselves, which is at least
//! three new steps that do not fail, later in the run. Below it the critical ones with other thresholds, and the detector of
//! OpenHands with its own, lower and higher ones, so that both can be compared at equal coverage. Run it with
//! `cargo run --release -p detect-rules --example trajectories`, with `-- SEED` on other runs.
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
use detect_rules::registry::Rules;
use detect_rules::rule_set::RuleSet;
use ledger::events::column;
use ledger::{Entry, LedgerName, Rows, Seq, Timestamp};
use operations::alert::Severity;

const RUNS: u64 = 1_300;
/// Seeds of corpora of so many runs each.
const CORPORA: u64 = 20;
/// The weights and thresholds of the rules were chosen on seeds below this one.
const FIRST_SEED: u64 = 50_000_000;
const RULES: [&str; 4] = ["loop.repeat", "loop.no_progress", "loop.retry_storm", "agent.stuck"];
const SEVERITIES: [Severity; 4] = [Severity::Low, Severity::Medium, Severity::High, Severity::Critical];
const SCALES: [f64; 7] = [0.75, 1.0, 1.34, 1.67, 2.0, 2.67, 3.34];
/// Rounds of `loop.repeat` and steps of `loop.no_progress` from which on they are critical.
const THRESHOLDS: [u32; 6] = [7, 8, 9, 11, 12, 14];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let first_seed = std::env::args().nth(1).map_or(Ok(FIRST_SEED), |seed| seed.parse())?;
    for (name, is_mixed, tells) in [
        ("reading, editing and testing; outcomes are told", false, true),
        ("reading, editing and testing; failures by words only", false, false),
        ("all kinds of work; outcomes are told", true, true),
        ("all kinds of work; failures by words only", true, false),
    ] {
        let corpora: Vec<Vec<Vec<Step>>> = (0..CORPORA)
            .map(|corpus| {
                (0..RUNS).map(|run| corpus::trajectory(first_seed + corpus * 100_000 + run, is_mixed)).collect()
            })
            .collect();
        println!("\n{name}: {} runs\n{:28} flagged  spend after  recovered", CORPORA * RUNS, "");
        for (name, tally) in by_severity(&corpora, tells) {
            println!("{name:28} {tally}");
        }
        for threshold in THRESHOLDS {
            println!("{:28} {}", format!("critical at {threshold}"), critical_at(threshold, &corpora, tells)?);
        }
        for scale in SCALES {
            let mut tally = Tally::default();
            corpora.iter().flatten().for_each(|steps| tally.add(steps, rival::first_alert(steps, scale)));
            println!("{:28} {tally}", format!("OpenHands x {scale}"));
        }
    }
    Ok(())
}

/// What comes of alerts of each severity and above, of all rules together and of the two that say most.
fn by_severity(corpora: &[Vec<Vec<Step>>], tells: bool) -> Vec<(String, Tally)> {
    let mut tallies: Vec<(String, Severity, Option<&str>, Tally)> = Vec::new();
    for severity in SEVERITIES {
        tallies.push((format!("{severity} and above"), severity, None, Tally::default()));
        let alone = |rule| (format!("    {rule}"), severity, Some(rule), Tally::default());
        tallies.extend(RULES[..2].iter().copied().map(alone));
    }
    for_each_run(corpora, tells, &Rules::default(), |steps, alerts| {
        for (_, severity, rule, tally) in &mut tallies {
            let counts = |alert: &Told| alert.severity >= *severity && rule.is_none_or(|rule| alert.rule == rule);
            tally.add(steps, alerts.iter().find(|alert| counts(alert)).map(|alert| alert.at));
        }
    });
    tallies.into_iter().map(|(name, _, _, tally)| (name, tally)).collect()
}

/// What comes of critical alerts if both rules are critical from this threshold on.
fn critical_at(threshold: u32, corpora: &[Vec<Vec<Step>>], tells: bool) -> Result<Tally, serde_json::Error> {
    let rules: Rules = serde_json::from_value(serde_json::json!({
        "loop.repeat": {"critical": threshold}, "loop.no_progress": {"critical_steps": threshold}
    }))?;
    let mut tally = Tally::default();
    for_each_run(corpora, tells, &rules, |steps, alerts| {
        let critical = alerts.iter().find(|alert| alert.severity == Severity::Critical);
        tally.add(steps, critical.map(|alert| alert.at));
    });
    Ok(tally)
}

/// Each run with the alerts of it; the runs of a corpus follow one after the other.
fn for_each_run(corpora: &[Vec<Vec<Step>>], tells: bool, rules: &Rules, mut take: impl FnMut(&[Step], &[Told])) {
    for corpus in corpora {
        let mut engine = RuleSet::from(rules.clone()).engine(Key::new(&[7; 32]), Timestamp::EPOCH);
        let mut second = 0;
        for (run, steps) in corpus.iter().enumerate() {
            take(steps, &alerts(&mut engine, steps, (run, &mut second), tells));
        }
    }
}

/// An alert of a run: after which step, which rule, how severe.
struct Told {
    at: usize,
    rule: String,
    severity: Severity,
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

fn alerts(engine: &mut Engine, steps: &[Step], (run, second): (usize, &mut u64), tells: bool) -> Vec<Told> {
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
        found.extend(alerts.map(|alert| Told { at, rule: alert.rule, severity: alert.severity }));
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
