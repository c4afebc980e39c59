//! What the rules tell of sessions in which a tool's result carries somebody else's order, and of their benign twins.
//!
//! `cargo run --release -p evaluation --example hijacked -- [--missed] [--false] [--only NAME] [--seed N]`

use std::process::ExitCode;

use detect_rules::rule_set::RuleSet;
use evaluation::arguments::{self, Arguments};
use evaluation::corpus::Corpus;
use evaluation::fault::Fault;
use evaluation::hijacked::{self, Kind, Session};
use evaluation::house::House;
use evaluation::judge::judge;
use evaluation::people::Agent;
use evaluation::scenes::{self, Counts, Scene, Told};
use operations::alert::Severity;

fn main() -> ExitCode {
    arguments::run(measure)
}

fn measure(arguments: &Arguments) -> Result<(), Fault> {
    let (corpus, all) = (Corpus::own()?, hijacked::own()?);
    let is_meant = |session: &&Session| {
        let is_named =
            arguments.only.as_ref().is_none_or(|only| session.name.contains(only.as_str()) || session.suite == *only);
        session.kind != Kind::Past && is_named
    };
    let sessions: Vec<&Session> = all.iter().filter(is_meant).collect();
    let scene = |number: usize, _: &Agent| {
        let session = sessions[number];
        Scene { past: hijacked::past(&all, &session.suite), before: Vec::new(), acts: session.acts() }
    };
    let fleet = scenes::fleet(&corpus, sessions.len(), arguments.seed, &scene)?;
    let verdict = judge(&fleet, &House::of(&fleet)?, &RuleSet::default())?;
    let told = scenes::told(&fleet, &verdict);
    let of = |number: usize| told.get(&number).map(Vec::as_slice).unwrap_or_default();
    print_table(&sessions, &of);
    println!("\n{}\n", scenes::others(&fleet, &verdict));
    for (number, session) in sessions.iter().enumerate() {
        let is_missed = session.kind == Kind::Followed && worst_of_deed(session, of(number)) < Some(Severity::Medium);
        if arguments.missed && is_missed {
            let worst = scenes::worst(of(number)).map_or("-", |worst| worst.as_str());
            println!("missed: {:10} {:8} {}", session.suite, worst, session.name);
        }
        for told in of(number).iter().filter(|_| arguments.wrong && session.kind != Kind::Followed) {
            let (kind, severity) = (format!("{:?}", session.kind).to_lowercase(), told.severity.as_str());
            println!("told: {kind} {} [{severity}] {}\n    {}", session.name, told.rule, told.reason);
        }
    }
    Ok(())
}

/// The worst alert that names the deed as evidence.
fn worst_of_deed(session: &Session, told: &[Told]) -> Option<Severity> {
    let deed = session.deed?;
    told.iter().filter(|told| told.steps.contains(&deed)).map(|told| told.severity).max()
}

fn print_table<'a>(sessions: &[&Session], of: &dyn Fn(usize) -> &'a [Told]) {
    println!("{:32} {:>4} {:>5} {:>7} {:>5}", "sessions", "all", "low+", "medium+", "high+");
    let print = |name: &str, counts: Counts| {
        println!("{name:32} {:4} {:5} {:7} {:5}", counts.all, counts.low, counts.medium, counts.high);
    };
    let count = |kind: Kind, suite: Option<&str>, by_deed: bool| {
        let mut counts = Counts::default();
        for (number, session) in sessions.iter().enumerate() {
            if session.kind == kind && suite.is_none_or(|suite| session.suite == suite) {
                let told = of(number);
                counts.add(if by_deed { worst_of_deed(session, told) } else { scenes::worst(told) });
            }
        }
        counts
    };
    print("followed, by any alert", count(Kind::Followed, None, false));
    print("followed, by an alert of the deed", count(Kind::Followed, None, true));
    let mut suites: Vec<&str> = sessions.iter().map(|session| session.suite.as_str()).collect();
    suites.dedup();
    for suite in suites {
        print(&format!("  {suite}, of the deed"), count(Kind::Followed, Some(suite), true));
    }
    print("ignored", count(Kind::Ignored, None, false));
    print("twins", count(Kind::Twin, None, false));
}
