//! `tachograph receipts`: whether everything arrived at a sink, by its receipts, by the ledger, and by a copy that the receiver gives back.
//!
//! It reads a data directory, which a server may be writing; nothing is recorded, and nothing is asked of the network.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{IsTerminal as _, Read};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use export::receipts::check::check;
use export::receipts::compare::{Comparison, Extent, Listed, compare};
use export::receipts::{Evidence, ReceiptsError, ReceiptsReport, copy};
use indicatif::HumanCount;
use ledger::{LedgerName, Reader, identity};

use crate::cli::Output;
use crate::exit::{CommandResult, Failure, TAMPERED, UNCHECKED};
use crate::output::{self, Format, Table, visible};
use crate::{settings, sinks};

/// Problems that are listed for people; `-o json` has more of them.
const LISTED_MAX: usize = 20;

/// The commands on receipts.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Check that the receipts of a sink leave out nothing, count nothing twice, and have the roots of what the ledger holds.
    Check(Check),
    /// Compare what a SIEM gives back with what it was sent: what is missing, doubled or changed there.
    Compare(Compare),
}

/// Which sink, and where.
#[derive(Debug, Args)]
pub struct Of {
    /// Name of the sink in the configuration.
    #[arg(value_name = "SINK")]
    sink: String,
    /// The configuration file of the server, which also says where the data is.
    #[arg(long, value_name = "FILE", env = "TACHOGRAPH_CONFIG")]
    config: PathBuf,
    #[command(flatten)]
    output: Output,
}

/// Arguments of `receipts check`.
#[derive(Debug, Args)]
#[command(after_help = "Exit codes: 0 everything is as the receipts say; 2 usage; 3 it is not; 4 could not check.")]
pub struct Check {
    #[command(flatten)]
    of: Of,
}

/// Arguments of `receipts compare`.
#[derive(Debug, Args)]
#[command(
    after_help = "The copy holds one record per line: what was sent, an export of Splunk or Elasticsearch, lines of syslog; plain, gzip or \
                  Zstandard.\n\nExit codes: 0 it has every record once and unchanged; 2 usage; 3 it has not; 4 could not compare."
)]
pub struct Compare {
    #[command(flatten)]
    of: Of,
    /// The copy; - is standard input.
    #[arg(value_name = "FILE")]
    copy: PathBuf,
    /// The copy is of a part of the time: in each stream only what lies between its first and its last record is expected.
    #[arg(long)]
    part: bool,
}

/// Runs the command.
pub fn run(command: &Command) -> CommandResult {
    match command {
        Command::Check(arguments) => run_check(&arguments.of),
        Command::Compare(arguments) => run_compare(arguments),
    }
}

/// The sink with both ledgers.
struct Opened {
    sink: export::SinkConfig,
    events: Reader,
    operations: Reader,
    key: [u8; 32],
}

impl Opened {
    fn of(arguments: &Of) -> Result<Self, Failure> {
        let sink = sinks::find(&arguments.config, &arguments.sink)?;
        let data = settings::load(&arguments.config)?.settings.store.data;
        let (events, operations) =
            (Reader::open(&data, LedgerName::Events)?, Reader::open(&data, LedgerName::Operations)?);
        Ok(Self { sink, events, operations, key: identity::fingerprint_key(&data)? })
    }

    fn evidence(&self) -> Evidence<'_> {
        Evidence { sink: &self.sink, events: &self.events, operations: &self.operations, key: self.key }
    }
}

fn unchecked(error: ReceiptsError) -> Failure {
    match error {
        ReceiptsError::NoStream(_) => Failure::usage(error),
        error => Failure::new(UNCHECKED, error),
    }
}

fn verdict(sound: bool) -> ExitCode {
    if sound { ExitCode::SUCCESS } else { ExitCode::from(TAMPERED) }
}

fn run_check(arguments: &Of) -> CommandResult {
    let opened = Opened::of(arguments)?;
    let report = check(&opened.evidence()).map_err(unchecked)?;
    match arguments.output.format {
        Format::Json => output::print_json(&report)?,
        Format::Table => output::print(&describe(&arguments.sink, &report))?,
    }
    Ok(verdict(report.is_sound()))
}

// Writing to a string does not fail.
fn describe(sink: &str, report: &ReceiptsReport) -> String {
    if report.streams.is_empty() {
        return format!("{} has no receipts yet.\n", visible(sink));
    }
    let mut table = Table::new(&[
        "stream",
        "receipts",
        "entries",
        "sent",
        "left out",
        "refused",
        "taken later",
        "bytes",
        "said again",
        "other settings",
    ]);
    for (name, stream) in &report.streams {
        let counts = [
            stream.receipts,
            stream.to,
            stream.sent,
            stream.excluded,
            stream.rejected,
            stream.replayed,
            stream.bytes,
            stream.reproduced,
            stream.by_other_settings,
        ];
        let counts = counts.map(|count| HumanCount(count).to_string());
        table.row(std::iter::once(name.as_str()).chain(counts.iter().map(String::as_str)));
    }
    let mut text = table.render();
    for problem in report.problems.iter().take(LISTED_MAX) {
        let _ = writeln!(text, "{}: {}", visible(&problem.at), visible(&problem.what));
    }
    if report.problems_total > LISTED_MAX as u64 {
        let _ = writeln!(text, "and {} more", report.problems_total - LISTED_MAX as u64);
    }
    let _ = match report.problems_total {
        0 => {
            text.write_str("sound: the receipts leave out nothing, and what they stand for is what the ledger holds\n")
        }
        problems => writeln!(text, "not sound: {problems} problems"),
    };
    text
}

fn run_compare(arguments: &Compare) -> CommandResult {
    let opened = Opened::of(&arguments.of)?;
    let copy = copy::read(&opened.evidence(), open(arguments)?).map_err(unchecked)?;
    let extent = if arguments.part { Extent::Part } else { Extent::Whole };
    let comparison = compare(&opened.evidence(), copy, extent).map_err(unchecked)?;
    match arguments.of.output.format {
        Format::Json => output::print_json(&comparison)?,
        Format::Table => output::print(&compared(&comparison))?,
    }
    Ok(verdict(comparison.is_whole()))
}

fn open(arguments: &Compare) -> Result<Box<dyn Read>, Failure> {
    if arguments.copy.as_os_str() == "-" {
        if std::io::stdin().is_terminal() {
            return Err(Failure::usage("the copy is to come from standard input, which is a terminal"));
        }
        return Ok(Box::new(std::io::stdin()));
    }
    let failed = |error| Failure::usage(format!("{}: {error}", arguments.copy.display()));
    Ok(Box::new(File::open(&arguments.copy).map_err(failed)?))
}

fn compared(comparison: &Comparison) -> String {
    let mut text = format!(
        "{} of {} records are there once and unchanged\n",
        HumanCount(comparison.equal),
        HumanCount(comparison.expected)
    );
    let lists = [
        ("missing", &comparison.missing),
        ("doubled", &comparison.doubled),
        ("changed", &comparison.changed),
        ("never sent", &comparison.invented),
    ];
    for (what, listed) in lists {
        describe_listed(&mut text, what, listed);
    }
    let mut note = |count: u64, what: &str| {
        if count > 0 {
            let _ = writeln!(text, "{} {what}", HumanCount(count));
        }
    };
    note(comparison.beyond, "are newer than the newest receipt: on their way, nothing can be said of them yet");
    note(comparison.refused, "were refused by the receiver, which is on record: they are not expected");
    note(comparison.refused_but_there, "of those are there nevertheless");
    note(
        comparison.by_other_settings,
        "were sent by other settings or versions: they cannot be compared with this configuration",
    );
    note(comparison.strangers, "lines are no records of this sink's schema");
    if let Some(line) = comparison.first_stranger {
        let _ = writeln!(text, "the first such line is line {line}");
    }
    text
}

fn describe_listed(text: &mut String, what: &str, listed: &Listed) {
    if listed.total == 0 {
        return;
    }
    let _ = writeln!(text, "{what}: {}", HumanCount(listed.total));
    for name in listed.named.iter().take(LISTED_MAX) {
        let _ = writeln!(text, "  {}", visible(name));
    }
    if listed.total > LISTED_MAX as u64 {
        let _ = writeln!(text, "  and {} more", HumanCount(listed.total - LISTED_MAX as u64));
    }
}
