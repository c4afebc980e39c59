//! How well `spend.rate` finds spikes of known kind at 1, 14 and 90 dollars an agent-day over four weeks, with how many false alerts
//! and how late. `cargo run --release -p detect-rules --example spend -- [FIRST_SEED] [SEEDS] [-v] [--many]`; each seed is three fleets
//! of forty agents, one at each level. Alerts above `low` count, and one for a whole organisation whose prices rose is none too many.
//! `--many` divides spikes into ordinary sessions. `--oracle` tells instead what could be found by who knows the fleet.

#[path = "spend/fleet.rs"]
mod fleet;
#[path = "spend/injected.rs"]
mod injected;
#[path = "../src/numbers.rs"]
mod numbers;
#[path = "spend/oracle.rs"]
mod oracle;

use std::collections::BTreeMap;

use detect_core::findings::Findings;
use detect_core::key::Key;
use detect_rules::registry::Rules;
use detect_rules::rule_set::RuleSet;
use fleet::{Call, DAY, DAYS, Fleet, HOUR, START};
use injected::{Division, KINDS, Label};
use ledger::events::column;
use ledger::{Entry, LedgerName, Rows, Seq, Timestamp};
use operations::alert::{Alert, Severity};

const LEVELS: [f64; 3] = [1.0, 14.0, 90.0];
/// Spikes of any kind on agents that few large tasks make up, whose hours vary tenfold by themselves.
const RESTLESS: &str = "restless agents";
const ROWS_AT_ONCE: usize = 4_096;

#[derive(Debug, Default)]
struct Tally {
    injected: u32,
    found: u32,
    delays: Vec<i64>,
}

fn main() {
    let mut arguments = std::env::args().skip(1).filter(|word| !word.starts_with('-'));
    let mut next = |default: u64| arguments.next().and_then(|word| word.parse().ok()).unwrap_or(default);
    let (first, seeds) = (next(1), next(8));
    let is_asked = |option: &str| std::env::args().any(|word| word == option);
    if is_asked("--oracle") {
        return oracle::print(first);
    }
    let verbose = is_asked("-v");
    let division = if is_asked("--many") { Division::ManySessions } else { Division::OneSession };
    let mut tallies: BTreeMap<(u64, &str), Tally> = BTreeMap::new();
    let mut wrong: BTreeMap<u64, (u32, f64)> = BTreeMap::new();
    for seed in first..first + seeds {
        for level in LEVELS {
            let mut fleet = Fleet::new(seed, level);
            let mut calls = fleet.calls();
            let labels = injected::inject(&mut fleet, division, &mut calls);
            calls.sort_by_key(|call| (call.second, call.agent));
            let alerts = run(&fleet, &calls);
            let mut days: Vec<_> = calls.iter().map(|call| (call.agent, (call.second - START) / DAY)).collect();
            days.sort_unstable();
            days.dedup();
            let false_ones = judge(&fleet, &labels, &alerts, level as u64, &mut tallies);
            let sum = wrong.entry(level as u64).or_default();
            *sum = (sum.0 + false_ones.len() as u32, sum.1 + days.len() as f64);
            if verbose {
                println!("seed {seed}, {level} dollars, {:?}", fleet.troubles);
                for alert in &false_ones {
                    println!("  false {}: {}", day(alert), alert.reason);
                }
            }
        }
    }
    print(&tallies, &wrong);
}

fn day(alert: &Alert) -> String {
    let second = alert.first_seen.unix_seconds() - START;
    format!("day {} {:02}:{:02}", second / DAY, second % DAY / HOUR, second % HOUR / 60)
}

fn print(tallies: &BTreeMap<(u64, &str), Tally>, wrong: &BTreeMap<u64, (u32, f64)>) {
    println!("{:18}{:>22}{:>22}{:>22}", "recall, median delay", "1 $/agent-day", "14 $/agent-day", "90 $/agent-day");
    let mut totals = BTreeMap::<u64, (u32, u32)>::new();
    for kind in KINDS.into_iter().chain([RESTLESS]) {
        print!("{kind:18}");
        for level in LEVELS.map(|level| level as u64) {
            let Some(tally) = tallies.get(&(level, kind)) else { continue };
            let mut delays = tally.delays.clone();
            delays.sort_unstable();
            let median = delays.get(delays.len() / 2).map_or(0, |delay| delay / 60);
            let recall = f64::from(tally.found) / f64::from(tally.injected);
            print!("{:>22}", format!("{recall:.3} {median} min"));
            let total = totals.entry(level).or_default();
            *total = (total.0 + tally.found, total.1 + tally.injected);
        }
        println!();
    }
    print!("{:18}", "all");
    for (found, all) in totals.values() {
        print!("{:>22}", format!("{:.3}", f64::from(*found) / f64::from(*all)));
    }
    print!("\n{:18}", "false / 1000 days");
    for (count, days) in wrong.values() {
        print!("{:>22}", format!("{:.2} ({count} in {days})", f64::from(*count) * 1_000.0 / days));
    }
    println!();
}

/// The alerts above low that belong to no spike. What was found is counted.
fn judge<'a>(
    fleet: &Fleet,
    labels: &[Label],
    alerts: &'a [Alert],
    level: u64,
    tallies: &mut BTreeMap<(u64, &'static str), Tally>,
) -> Vec<&'a Alert> {
    let mut excused = vec![false; alerts.len()];
    for label in labels {
        let restless = label.agent.is_some_and(|agent| fleet.agents[agent].restless);
        let tally = tallies.entry((level, if restless { RESTLESS } else { label.kind })).or_default();
        tally.injected += 1;
        let mut first = None;
        for (alert, excused) in alerts.iter().zip(&mut excused) {
            let agent = alert.who.agent.as_deref().and_then(|name| name.strip_prefix("agent"));
            let agent = agent.and_then(|number| number.parse::<usize>().ok());
            let team = alert.who.team.as_deref() == Some(&format!("team{}", label.team));
            let matches = match (label.agent, agent) {
                (Some(label), agent) => agent == Some(label),
                (None, None) => team || alert.who.team.is_none(),
                (None, Some(_)) => team,
            };
            let second = alert.recorded_last.unix_seconds();
            if matches && (label.begin..label.until).contains(&second) {
                *excused = true;
                if second < label.end && (label.agent.is_some() || agent.is_none()) {
                    first = first.or(Some(second - label.begin));
                }
            }
        }
        tally.found += u32::from(first.is_some());
        tally.delays.extend(first);
    }
    // One is right where prices rose for all.
    if let Some(at) = alerts.iter().position(|alert| alert.who.team.is_none()) {
        excused[at] = true;
    }
    alerts.iter().zip(excused).filter(|(_, excused)| !excused).map(|(alert, _)| alert).collect()
}

/// The alerts above low, each when it first was that.
fn run(fleet: &Fleet, calls: &[Call]) -> Vec<Alert> {
    let mut rules = Rules::off();
    rules.spend_rate.enabled = true;
    let mut engine = RuleSet::from(rules).engine(Key::new(&[7; 32]), Timestamp::EPOCH);
    let (mut findings, mut alerts, mut second) = (Findings::new(), BTreeMap::<String, Alert>::new(), START);
    for (block, calls) in calls.chunks(ROWS_AT_ONCE).enumerate() {
        let rows = rows(fleet, calls, (block * ROWS_AT_ONCE) as u64);
        for row in rows.iter() {
            // Ten times an hour is enough for episodes to end.
            while second + 360 < row.recorded.unix_seconds() {
                second += 360;
                engine.advance(second, false, &mut findings);
            }
            engine.observe(&row, &mut findings);
            for alert in findings.take().into_iter().filter(|alert| alert.severity > Severity::Low) {
                alerts.entry(alert.id.clone()).or_insert(alert);
            }
        }
    }
    let mut alerts: Vec<Alert> = alerts.into_values().collect();
    alerts.sort_by_key(|alert| alert.recorded_last);
    assert!(second < START + (DAYS + 1) * DAY);
    alerts
}

fn rows(fleet: &Fleet, calls: &[Call], first: u64) -> Rows {
    let mut rows = Rows::new(LedgerName::Events, 0, Seq::new(first));
    for call in calls {
        let agent = &fleet.agents[call.agent];
        let mut entry = Entry::new();
        for (column, text) in [
            (column::KIND, "model.tokens".to_owned()),
            (column::FAMILY, "gateway".to_owned()),
            (column::TOKEN, "tok_1".to_owned()),
            (column::ORG, "acme".to_owned()),
            (column::TEAM, format!("team{}", agent.team)),
            (column::AGENT, format!("agent{}", call.agent)),
            (column::USER, format!("user{}", call.agent)),
            (column::TEMPLATE, format!("template{}", agent.template)),
            (column::SESSION, format!("session{}", call.session)),
            (column::RUN, format!("run{}", call.session)),
            (column::RUN_KIND, "coder_task".to_owned()),
            (column::MODEL, "sonnet".to_owned()),
        ] {
            entry.set_text(column, &text);
        }
        entry.set_integer(column::COST_MICROS, call.micros.max(1.0) as i64);
        let recorded = Timestamp::from_unix_seconds(call.second);
        entry.set_time(column::TIME, recorded);
        rows.push_entry(call.second as u64 / 10, recorded, &entry);
    }
    rows
}
