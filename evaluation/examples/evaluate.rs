//! Measures the rules on the corpora of this package, and prints recall, alerts of ordinary work, and reasons.
//!
//! `cargo run --release -p evaluation --example evaluate -- [--only NAME] [--verbose] [--reasons N] [--seed N] [--agents N] [--days N]`

use std::process::ExitCode;
use std::time::Instant;

use detect_rules::rule_set::RuleSet;
use evaluation::corpus::Corpus;
use evaluation::fault::Fault;
use evaluation::fleet::{Fleet, FleetSize};
use evaluation::house::House;
use evaluation::judge::{Owner, judge};
use evaluation::report::Report;

#[derive(Debug, Default)]
struct Arguments {
    only: Option<String>,
    verbose: bool,
    reasons: usize,
    size: FleetSize,
}

fn arguments() -> Result<Arguments, String> {
    let mut arguments = Arguments::default();
    let mut words = std::env::args().skip(1);
    while let Some(name) = words.next() {
        if name == "--verbose" {
            arguments.verbose = true;
            continue;
        }
        let value = words.next().ok_or_else(|| format!("{name} needs a value"))?;
        let number = || value.parse::<u32>().map_err(|error| format!("{name}: {error}"));
        match name.as_str() {
            "--only" => arguments.only = Some(value),
            "--reasons" => arguments.reasons = number()? as usize,
            "--seed" => arguments.size.seed = u64::from(number()?),
            "--agents" => arguments.size.agents = number()? as usize,
            "--days" => arguments.size.days = number()?,
            _ => {
                return Err(format!(
                    "{name} is unknown; there are --only, --verbose, --reasons, --seed, --agents and --days"
                ));
            }
        }
    }
    Ok(arguments)
}

fn main() -> ExitCode {
    let arguments = match arguments() {
        Ok(arguments) => arguments,
        Err(message) => {
            eprintln!("{message}");
            return ExitCode::from(2);
        }
    };
    match evaluate(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            eprintln!("{fault}");
            ExitCode::FAILURE
        }
    }
}

fn evaluate(arguments: &Arguments) -> Result<(), Fault> {
    let corpus = Corpus::own()?;
    let is_meant = |name: &str| arguments.only.as_ref().is_none_or(|only| name.contains(only.as_str()));
    let stories: Vec<usize> =
        (0..corpus.stories.len()).filter(|number| is_meant(&corpus.stories[*number].name)).collect();
    let since = Instant::now();
    let fleet = Fleet::new(&corpus, &stories, arguments.size)?;
    let house = House::of(&fleet)?;
    println!(
        "{} stories, {} ordinary agent-days, {} records, seed {}, taken in within {:.0?}",
        stories.len(),
        fleet.ordinary_days,
        fleet.records.len(),
        arguments.size.seed,
        since.elapsed()
    );
    let verdict = judge(&fleet, &house, &RuleSet::default())?;
    let report = Report { corpus: &corpus, stories: &stories, fleet: &fleet, verdict: &verdict };
    println!("\n{}\n{}", report.stories(), report.techniques());
    println!("Alerts of ordinary agent-days\n\n{}", report.ordinary());
    println!("Alerts of ordinary work in the days of attacks and before\n\n{}", report.beside());
    print!("{}{}", report.recall(), report.rate());
    if arguments.verbose {
        println!("\n{}", report.reasons(&|_| true, usize::MAX));
    } else if arguments.reasons > 0 {
        let half = arguments.reasons / 2;
        let is_of_story = |owner: Owner| matches!(owner, Owner::Story(_));
        println!("\n{}", report.reasons(&|judged| is_of_story(judged.owner), arguments.reasons - half));
        println!("{}", report.reasons(&|judged| !is_of_story(judged.owner), half));
    }
    Ok(())
}
