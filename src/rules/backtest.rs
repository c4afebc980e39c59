//! `tachograph rules backtest` and `rules diff`: what rules would have found in the stored history, and how that differs from
//! what runs now. Both read a data directory without its lock, so a server may be running on it.

mod shown;

use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use clap::Args;
use detect_core::key::Key;
use detect_rules::rule_set::RuleSet;
use detect_rules::user::{Depth, Rule};
use detect_runner::backtest::{Backtest, BacktestProgress, Change, Report, changes, running_rules};
use detect_runner::user_rules;
use indicatif::{ProgressBar, ProgressStyle};
use ledger::{LedgerName, Reader, Timestamp};
use serde::Serialize;

use crate::alerts::silence::moment;
use crate::cli::{DataLocation, Output};
use crate::exit::{self, CommandResult, Failure};
use crate::output::{self, Format};
use crate::settings;

/// Arguments of both.
#[derive(Debug, Args)]
#[command(
    after_help = "The candidate is the rules of --config, or else those that run now, with the rules of the files \
                        added; a rule of a file replaces the one of its name. What runs now is what the server \
                        recorded last."
)]
pub struct Arguments {
    /// Files of rules to try, or directories of them.
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    location: DataLocation,
    /// Only events recorded since, such as 2026-11-01T00:00:00Z.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    since: Option<Timestamp>,
    /// Only events recorded before.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    until: Option<Timestamp>,
    /// Alerts that only one side gives are shown, so many of each rule.
    #[arg(long, value_name = "NUMBER", default_value_t = 3)]
    examples: usize,
    #[command(flatten)]
    output: Output,
}

/// What was found, and about what: for machines all of it.
#[derive(Debug, Serialize)]
pub struct BacktestResult {
    /// What the candidate changes.
    pub changes: Vec<Change>,
    /// Whether rules were ever recorded as running; else the candidate is compared with the defaults.
    pub runs_now: bool,
    /// Seconds that it took.
    pub seconds: f64,
    /// Events in a second, of both sides together.
    pub events_per_second: f64,
    /// What was found.
    #[serde(flatten)]
    pub report: Report,
}

/// Prints what the rules would have found.
pub fn backtest(arguments: &Arguments) -> CommandResult {
    let result = run(arguments)?;
    match arguments.output.format {
        Format::Json => output::print_json(&result)?,
        Format::Table => output::print(&shown::backtest(&result))?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints what a change of rules changes.
pub fn diff(arguments: &Arguments) -> CommandResult {
    let result = run(arguments)?;
    match arguments.output.format {
        Format::Json => output::print_json(&result)?,
        Format::Table => output::print(&shown::diff(&result))?,
    }
    Ok(ExitCode::SUCCESS)
}

fn run(arguments: &Arguments) -> Result<BacktestResult, Failure> {
    let data = arguments.location.data()?;
    let [events, operations] = [LedgerName::Events, LedgerName::Operations].map(|name| Reader::open(&data, name));
    let (events, operations) = (events?, operations?);
    let key = Key::new(&ledger::identity::fingerprint_key(&data)?);
    let running = running_rules(&operations)?;
    let runs_now = running.is_some();
    let current = running.unwrap_or_default();
    let candidate = candidate(arguments, &current)?;
    let backtest =
        Backtest { candidate, current, since: arguments.since, until: arguments.until, examples: arguments.examples };
    let bar = progress_bar();
    let mut advance = |progress: BacktestProgress| {
        bar.set_length(progress.total);
        bar.set_position(progress.done);
    };
    let started = Instant::now();
    let report = backtest.run(&events, &operations, key, &mut advance);
    bar.finish_and_clear();
    let report = report?;
    let seconds = started.elapsed().as_secs_f64();
    let events_per_second = if seconds > 0.0 { report.events as f64 / seconds } else { 0.0 };
    let changes = changes(&backtest.current, &backtest.candidate);
    Ok(BacktestResult { changes, runs_now, seconds, events_per_second, report })
}

/// The rules that are tried.
fn candidate(arguments: &Arguments, current: &RuleSet) -> Result<RuleSet, Failure> {
    let mut candidate = match &arguments.location.config {
        Some(config) => settings::rules::rules(&settings::load(config)?.settings)?,
        None => current.clone(),
    };
    let loaded = user_rules::load(&arguments.files, Depth::Form).map_err(|error| Failure::new(exit::CONFIG, error))?;
    settings::rules::refuse(&loaded.errors)?;
    let tried = loaded.rules();
    let is_tried = |rule: &Rule| tried.iter().any(|other| other.form().name == rule.form().name);
    candidate.user.retain(|rule| !is_tried(rule));
    candidate.user.extend(tried);
    Ok(candidate)
}

/// Shows how many events rules have seen, if somebody watches.
pub(super) fn progress_bar() -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style =
        ProgressStyle::with_template("replaying {bar:40} {human_pos} of {human_len} events, {per_sec}, {eta} left");
    ProgressBar::new(0).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}
