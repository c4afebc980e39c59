//! `tachograph receipts`: whether everything arrived at a sink, by its receipts, by the ledger, and by a copy that the receiver gives back.
//!
//! It reads a data directory, which a server may be writing; nothing is recorded, and of the network only the destination is asked, where no copy is given.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{IsTerminal as _, Read};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Subcommand};
use export::receipts::check::check;
use export::receipts::compare::{Comparison, Extent, compare};
use export::receipts::copy::{self, Copy};
use export::receipts::{Evidence, Listed, ReceiptsError, ReceiptsReport, ask, csv};
use indicatif::HumanCount;
use ledger::{LedgerName, Reader, SystemClock, TimeSource as _, Timestamp, identity};

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
    /// Compare what a SIEM has with what it was sent: what is missing, doubled or changed there. Without a file the destination itself is asked.
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
    after_help = "Without FILE the destination is asked by the sink's settings, with those of its `read` in their place: Splunk, Elasticsearch, \
                  OpenSearch, Kafka, a folder, S3, GCS, Azure Blob, Security Lake.\n\n\
                  A copy holds one record per line: what was sent, an export of Splunk or Elasticsearch, lines of syslog; or it is CSV with the \
                  record in one column; plain, gzip or Zstandard.\n\n\
                  Exit codes: 0 it has every record once and unchanged; 2 usage; 3 it has not; 4 could not compare."
)]
pub struct Compare {
    #[command(flatten)]
    of: Of,
    /// The copy; - is standard input. Without it the destination is asked.
    #[arg(value_name = "FILE")]
    copy: Option<PathBuf>,
    /// The column of a CSV file that holds the record; without it `_raw`, `_source`, `event` or `message`.
    #[arg(long, value_name = "NAME", requires = "copy")]
    column: Option<String>,
    /// What was acknowledged in so many seconds before the question is taken to be on its way. Without it each destination has its own.
    #[arg(long, value_name = "SECONDS", conflicts_with = "copy")]
    settle: Option<u32>,
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
    /// When this began.
    now: Timestamp,
}

impl Opened {
    fn of(arguments: &Of) -> Result<Self, Failure> {
        let sink = sinks::find(&arguments.config, &arguments.sink)?;
        let data = settings::load(&arguments.config)?.settings.store.data;
        let (events, operations) =
            (Reader::open(&data, LedgerName::Events)?, Reader::open(&data, LedgerName::Operations)?);
        Ok(Self { sink, events, operations, key: identity::fingerprint_key(&data)?, now: SystemClock.now() })
    }

    /// Everything that was recorded so long before this began.
    fn evidence(&self, settled: Duration) -> Evidence<'_> {
        let until = self.now.saturating_sub(settled);
        Evidence { sink: &self.sink, events: &self.events, operations: &self.operations, key: self.key, until }
    }
}

fn unchecked(error: ReceiptsError) -> Failure {
    match error {
        ReceiptsError::NotAskable { .. } => Failure::usage(error).hint(
            "Have the destination export its records, and name the file: `tachograph receipts compare SINK FILE`.",
        ),
        ReceiptsError::NoColumn(_) => Failure::usage(error).hint("Name it with --column."),
        ReceiptsError::NoStream(_) | ReceiptsError::Unset { .. } => Failure::usage(error),
        error => Failure::new(UNCHECKED, error),
    }
}

fn verdict(sound: bool) -> ExitCode {
    if sound { ExitCode::SUCCESS } else { ExitCode::from(TAMPERED) }
}

fn run_check(arguments: &Of) -> CommandResult {
    let opened = Opened::of(arguments)?;
    let report = check(&opened.evidence(Duration::ZERO)).map_err(unchecked)?;
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
    let settled = match (&arguments.copy, arguments.settle) {
        (Some(_), _) => Duration::ZERO,
        (None, Some(seconds)) => Duration::from_secs(seconds.into()),
        (None, None) => ask::settling(&opened.sink).map_err(unchecked)?,
    };
    let evidence = opened.evidence(settled);
    let copy = if let Some(file) = &arguments.copy {
        given(&evidence, file, arguments.column.as_deref())?
    } else {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(ask::ask(&evidence)).map_err(unchecked)?
    };
    let extent = if arguments.part { Extent::Part } else { Extent::Whole };
    let comparison = compare(&evidence, copy, extent).map_err(unchecked)?;
    match arguments.of.output.format {
        Format::Json => output::print_json(&comparison)?,
        Format::Table => output::print(&compared(&arguments.of.sink, &comparison))?,
    }
    Ok(verdict(comparison.is_whole()))
}

/// The copy in a file: a table, if its name or a column says so.
fn given(evidence: &Evidence<'_>, file: &Path, column: Option<&str>) -> Result<Copy, Failure> {
    let name = file.to_string_lossy().to_ascii_lowercase();
    let is_table = column.is_some() || [".csv", ".csv.gz", ".csv.zst"].iter().any(|end| name.ends_with(end));
    let copy = open(file)?;
    if is_table { csv::read(evidence, copy, column) } else { copy::read(evidence, copy) }.map_err(unchecked)
}

fn open(file: &Path) -> Result<Box<dyn Read>, Failure> {
    if file.as_os_str() == "-" {
        if std::io::stdin().is_terminal() {
            return Err(Failure::usage("the copy is to come from standard input, which is a terminal"));
        }
        return Ok(Box::new(std::io::stdin()));
    }
    let failed = |error| Failure::usage(format!("{}: {error}", file.display()));
    Ok(Box::new(File::open(file).map_err(failed)?))
}

fn compared(sink: &str, comparison: &Comparison) -> String {
    let mut text = format!(
        "{} of {} records are there once and whole\n",
        HumanCount(comparison.equal),
        HumanCount(comparison.expected)
    );
    let again =
        format!("`tachograph export render --sink {} --from POSITION` says a record as it was sent", visible(sink));
    let lists = [
        ("missing", &comparison.missing, format!("find out who deletes there; {again}")),
        (
            "doubled",
            &comparison.doubled,
            "count by stream and export_seq, or delete all but one of each there".to_owned(),
        ),
        ("changed", &comparison.changed, format!("find out who may write there; {again}")),
        (
            "never sent",
            &comparison.invented,
            "another sink writes there, or somebody made them up: no receipt has these numbers".to_owned(),
        ),
        (
            "cut",
            &comparison.cut,
            "nothing: the destination takes no longer records, and the ledger has all of each".to_owned(),
        ),
        (
            "foreign",
            &comparison.foreign,
            "nothing, if others write there too: these are no records of this sink".to_owned(),
        ),
    ];
    for (what, listed, todo) in lists {
        describe_listed(&mut text, what, listed, &todo);
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
    note(comparison.tests, "were sent as tests");
    text
}

fn describe_listed(text: &mut String, what: &str, listed: &Listed, todo: &str) {
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
    let _ = writeln!(text, "  what to do: {todo}");
}
