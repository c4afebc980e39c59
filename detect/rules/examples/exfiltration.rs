//! How well data that leaves is found: shapes of exfiltration in several sizes and paces, among agents that browse, clone, install,
//! publish, push, upload and call interfaces. Prints what share is found above `low`, after how many requests, and how many alerts
//! above `low` ordinary work gives for each agent-day. `cargo run --release -p detect-rules --example exfiltration -- [SEEDS [FIRST]]`

// It is run by hand and stops at the first surprise.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "exfiltration/benign.rs"]
mod benign;
#[path = "exfiltration/event.rs"]
mod event;
#[path = "../src/numbers.rs"]
mod numbers;
#[path = "exfiltration/shapes.rs"]
mod shapes;

use std::collections::{BTreeMap, BTreeSet};

use detect_core::findings::Findings;
use detect_core::key::Key;
use detect_rules::registry::Rules;
use detect_rules::rule_set::RuleSet;
use ledger::{LedgerName, Rows, Seq, Timestamp};
use operations::alert::{Alert, Severity};

use event::Event;
use numbers::Numbers;
use shapes::Attack;

/// Agents, of whom some have their data taken.
const AGENTS: u64 = 60;
const VICTIMS: u64 = 24;
/// Days of ordinary work before, and days in which data is taken.
const DAYS_BEFORE: i64 = 2;
const DAYS: i64 = 5;
/// Rules that are measured.
const RULES: [&str; 4] = ["egress.new_domain", "egress.slow_post", "egress.denied_post", "dns.tunnel"];

/// What became of the attacks of one kind.
#[derive(Default)]
struct Tally {
    attacks: usize,
    found: usize,
    /// Those of them that are found by other rules than the first contact, too.
    summed: usize,
    /// Requests until the first alert.
    delays: Vec<usize>,
    by_rule: BTreeMap<String, usize>,
}

/// What became of all attacks, and what ordinary work gave.
#[derive(Default)]
struct Report {
    shapes: BTreeMap<String, Tally>,
    sizes: BTreeMap<String, Tally>,
    paces: BTreeMap<String, Tally>,
    missed: BTreeMap<String, usize>,
    /// Alerts for ordinary work by rule and what they are about.
    wrong: BTreeMap<(String, String), usize>,
}

fn main() {
    let mut arguments = std::env::args().skip(1).map(|text| text.parse().expect("a number"));
    let (seeds, first): (u64, u64) = (arguments.next().unwrap_or(12), arguments.next().unwrap_or(1));
    let mut report = Report::default();
    for seed in first..first + seeds {
        let (alerts, attacks) = run(seed);
        report.add(&alerts, &attacks);
    }
    report.print((seeds * AGENTS) as f64 * DAYS as f64);
}

impl Report {
    /// Adds one run.
    fn add(&mut self, alerts: &[Alert], attacks: &[Attack]) {
        let mut told: BTreeSet<String> = BTreeSet::new();
        let above = || alerts.iter().filter(|alert| alert.severity > Severity::Low);
        for attack in attacks {
            let is_mine = |alert: &&Alert| alert.evidence.iter().any(|at| attack.events.contains_key(&at.seq.get()));
            let found: Vec<&Alert> = above().filter(is_mine).collect();
            told.extend(found.iter().map(|alert| alert.id.clone()));
            self.attack(attack, &found);
        }
        for alert in above() {
            if told.insert(alert.id.clone()) {
                let about = event::kind_of(alert.title.split(" to ").last().unwrap_or(""));
                *self.wrong.entry((alert.rule.clone(), about)).or_default() += 1;
                if std::env::var_os("SHOW").is_some() {
                    println!("{} {:?} {}", alert.rule, alert.severity, alert.reason);
                }
            }
        }
    }

    /// Adds one attack and the alerts that tell of it.
    fn attack(&mut self, attack: &Attack, found: &[&Alert]) {
        let delay = found.first().map(|alert| {
            let latest = alert.evidence.iter().filter_map(|at| attack.events.get(&at.seq.get())).max();
            latest.copied().unwrap_or_default() + 1
        });
        for (tallies, name) in [
            (&mut self.shapes, attack.shape.to_owned()),
            (&mut self.sizes, attack.size()),
            (&mut self.paces, attack.pace()),
        ] {
            let tally = tallies.entry(name).or_default();
            tally.attacks += 1;
            tally.found += usize::from(delay.is_some());
            tally.summed += usize::from(found.iter().any(|alert| alert.rule != "egress.new_domain"));
            tally.delays.extend(delay);
            if let Some(alert) = found.first() {
                *tally.by_rule.entry(alert.rule.clone()).or_default() += 1;
            }
        }
        if delay.is_none() {
            *self.missed.entry(format!("{} {} {}", attack.shape, attack.size(), attack.pace())).or_default() += 1;
        }
    }

    fn print(&self, days: f64) {
        for (title, tallies) in [("shape", &self.shapes), ("size", &self.sizes), ("pace", &self.paces)] {
            println!("{title:<34} attacks    found  by sums  requests until then (median)  first by");
            for (name, tally) in tallies {
                let mut delays = tally.delays.clone();
                delays.sort_unstable();
                let median = delays.get(delays.len() / 2).map_or("-".to_owned(), usize::to_string);
                let percent = |count: usize| count as f64 * 100.0 / tally.attacks as f64;
                let (found, summed) = (percent(tally.found), percent(tally.summed));
                println!(
                    "{name:<34} {:7}  {found:5.1} %  {summed:5.1} %  {median:>28}  {:?}",
                    tally.attacks, tally.by_rule
                );
            }
        }
        let sum = |of: fn(&Tally) -> usize| self.shapes.values().map(of).sum::<usize>();
        println!("found {} of {}", sum(|tally| tally.found), sum(|tally| tally.attacks));
        println!("missed most: {:?}", most(&self.missed));
        println!("alerts above low for ordinary work, for each of {days} agent-days:");
        for ((rule, about), count) in &self.wrong {
            println!("  {:.4}  {count:5}  {rule} {about}", *count as f64 / days);
        }
        let all: usize = self.wrong.values().sum();
        println!("  {:.4}  {all:5}  all", all as f64 / days);
    }
}

fn most(missed: &BTreeMap<String, usize>) -> Vec<(&str, usize)> {
    let mut most: Vec<(&str, usize)> = missed.iter().map(|(name, count)| (name.as_str(), *count)).collect();
    most.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    most.truncate(12);
    most
}

/// Days of a fleet with attacks in them, and what is found.
fn run(seed: u64) -> (Vec<Alert>, Vec<Attack>) {
    let mut events: Vec<Event> = Vec::new();
    for agent in 0..AGENTS {
        benign::work(&mut Numbers(seed << 20 | agent), agent, DAYS, &mut events);
    }
    let mut attacks = Vec::new();
    let mut numbers = Numbers(seed << 40 | 7);
    for victim in 0..VICTIMS {
        attacks.push(shapes::attack(&mut numbers, victim, DAYS_BEFORE, DAYS, &mut events));
    }
    events.sort_by_key(|event| event.second);
    let (mut rules, on) = (Rules::off(), Rules::default());
    rules.egress_new_domain = on.egress_new_domain;
    rules.egress_slow_post = on.egress_slow_post;
    rules.egress_denied_post = on.egress_denied_post;
    rules.dns_tunnel = on.dns_tunnel;
    let mut engine = RuleSet::from(rules).engine(Key::new(&[7; 32]), Timestamp::EPOCH);
    let (mut findings, mut alerts) = (Findings::new(), Vec::new());
    for (number, block) in events.chunks(4_096).enumerate() {
        let from = (number * 4_096) as u64;
        let mut rows = Rows::new(LedgerName::Events, 0, Seq::new(from));
        for (at, event) in block.iter().enumerate() {
            if let Some((victim, step)) = event.attack {
                attacks[victim].events.insert(from + at as u64, step);
            }
            rows.push_entry(
                event.second as u64 / 10,
                Timestamp::from_unix_seconds(event::START + event.second),
                &event.entry(),
            );
        }
        for row in rows.iter() {
            engine.pass(row.recorded.unix_seconds(), row.batch, &mut findings, |_| {});
            engine.observe(&row, &mut findings);
            alerts.extend(findings.take());
        }
    }
    alerts.retain(|alert| RULES.contains(&alert.rule.as_str()));
    (alerts, attacks)
}
