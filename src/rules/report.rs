//! `tachograph rules report`: what became of the alerts of each rule, and which parameters would have given fewer false ones. It
//! reads a data directory without its lock, so a server may be running on it, and records nothing.

use std::fmt::Write as _;
use std::process::ExitCode;

use clap::Args;
use detect_core::key::Key;
use detect_runner::backtest::running_rules;
use detect_runner::rule_report::{ReportOptions, Standing, Standings, Trial};
use indicatif::HumanCount;
use ledger::{LedgerName, Reader, Timestamp};

use super::backtest::progress_bar;
use crate::alerts::silence::moment;
use crate::cli::{DataLocation, Output};
use crate::exit::{CommandResult, Failure};
use crate::output::{self, Format, Table, visible};

/// Arguments of `rules report`.
#[derive(Debug, Args)]
#[command(
    after_help = "Parameters are proposed from alerts that people closed: each number of a rule is tried larger and smaller \
                        over the stored history, and it is shown how many alerts closed as benign or false positive would not \
                        have come, and how many true positives would have been lost. `tachograph rules diff` shows the same of a \
                        configuration before it is taken over."
)]
pub struct Arguments {
    /// Only this rule.
    #[arg(value_name = "RULE")]
    rule: Option<String>,
    #[command(flatten)]
    location: DataLocation,
    /// Only alerts recorded since, such as 2026-11-01T00:00:00Z.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    since: Option<Timestamp>,
    /// Only alerts recorded before.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    until: Option<Timestamp>,
    /// Try no parameters: only what is on record is counted.
    #[arg(long)]
    no_proposals: bool,
    #[command(flatten)]
    output: Output,
}

/// Prints what became of alerts.
pub fn run(arguments: &Arguments) -> CommandResult {
    let standings = read(arguments)?;
    match arguments.output.format {
        Format::Json => output::print_json(&standings)?,
        Format::Table => output::print(&describe(&standings, !arguments.no_proposals))?,
    }
    Ok(ExitCode::SUCCESS)
}

fn read(arguments: &Arguments) -> Result<Standings, Failure> {
    let data = arguments.location.data()?;
    let [events, operations] = [LedgerName::Events, LedgerName::Operations].map(|name| Reader::open(&data, name));
    let (events, operations) = (events?, operations?);
    let report = ReportOptions {
        rules: running_rules(&operations)?.unwrap_or_default(),
        rule: arguments.rule.clone(),
        since: arguments.since,
        until: arguments.until,
        proposes: !arguments.no_proposals,
    };
    let key = Key::new(&ledger::identity::fingerprint_key(&data)?);
    let bar = progress_bar();
    let standings = report.run(&events, &operations, key, &mut |_, progress| {
        bar.set_length(progress.total);
        bar.set_position(progress.done);
    });
    bar.finish_and_clear();
    Ok(standings?)
}

fn describe(standings: &Standings, proposes: bool) -> String {
    let Standings { events, agent_days, is_whole, rules } = standings;
    if rules.is_empty() {
        return "There are no alerts in this part of the history.\n".to_owned();
    }
    let mut text = format!("{} events, {} agent-days\n\n", HumanCount(*events), HumanCount(*agent_days));
    text.push_str(&table(rules));
    if !is_whole {
        text.push_str("There were too many alerts to read them all; the oldest are counted.\n");
    }
    if proposes {
        text.push_str("\nParameters, tried over the whole stored history:\n");
        for standing in rules {
            propose(&mut text, standing);
        }
    }
    text
}

fn table(rules: &[Standing]) -> String {
    let headings =
        ["rule", "version", "alerts", "per agent-day", "by severity", "lowered", "closed", "false", "looked at after"];
    let mut table = Table::new(&headings);
    for standing in rules {
        let severities = ["critical", "high", "medium", "low", "info"].map(|word| (word, &standing.by_severity));
        let reasons = ["true_positive", "benign", "false_positive", "duplicate"].map(|word| (word, &standing.closed));
        let counts = |words: &[(&'static str, &std::collections::BTreeMap<&'static str, u64>)]| {
            let some =
                words.iter().filter_map(|(word, counts)| counts.get(word).map(|count| format!("{count} {word}")));
            some.collect::<Vec<_>>().join(", ")
        };
        let waited = match (standing.attended_seconds_median, standing.attended_seconds_p90) {
            (Some(median), Some(p90)) => format!("{} (p90 {})", waited(median), waited(p90)),
            _ => "nobody did".to_owned(),
        };
        table.row([
            standing.rule.as_str(),
            &standing.version.to_string(),
            &standing.alerts.to_string(),
            &format!("{:.4}", standing.per_agent_day),
            &counts(&severities),
            &format!("{} ({:.0} %)", standing.lowered, standing.lowered_share * 100.0),
            &counts(&reasons),
            &standing.false_share.map_or_else(|| "-".to_owned(), |share| format!("{:.0} %", share * 100.0)),
            &waited,
        ]);
    }
    table.render()
}

/// A wait in the unit that a reader would choose.
fn waited(seconds: u64) -> String {
    detect_core::text::duration(i64::try_from(seconds).unwrap_or(i64::MAX).saturating_mul(1_000_000))
}

fn propose(text: &mut String, standing: &Standing) {
    let proposals = &standing.proposals;
    let name = visible(&standing.rule);
    for Trial { parameter, from, to, alerts, alerts_after, false_gone, true_lost } in &proposals.trials {
        let lost = match (true_lost, proposals.true_found) {
            (_, 0) => "no true positive to compare with".to_owned(),
            (lost, found) => format!("{lost} of {found} true positives lost"),
        };
        let _ = writeln!(
            text,
            "  {name}: {parameter} = {to} instead of {from}: {false_gone} of {} false or benign gone, {lost}; \
             {alerts_after} alerts instead of {alerts}",
            proposals.false_found
        );
    }
    if let Some(missing) = proposals.missing {
        let tried =
            if proposals.tried > 0 { format!(" ({} values were tried)", proposals.tried) } else { String::new() };
        let _ = writeln!(text, "  {name}: {missing}{tried}");
    }
}
