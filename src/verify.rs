//! `tachograph verify`: checks a data directory, or a copy of one, and says in words what it found.
//!
//! It needs no server, no configuration and no secret; a server may be writing meanwhile.

mod proof_file;

use std::fs::File;
use std::io::{IsTerminal, Read};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use indicatif::{HumanBytes, HumanCount, ProgressBar, ProgressStyle};
use ledger_verify::{Progress, Report, Unproven, Verdict};
use proof::note::Verifier;
use serde::Serialize;

use crate::cli::Output;
use crate::exit::{CommandResult, Failure, TAMPERED, UNCHECKED};
use crate::limits;
use crate::output::{self, Format, visible};

/// Arguments of `verify`.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 verified, up to the newest signed checkpoints; 1 internal error; 2 usage; 3 tampered; \
                  4 could not check, or a torn copy, or more unsigned batches than a process that died leaves."
)]
pub struct Arguments {
    /// The data directory, or a proof file of one record.
    #[arg(value_name = "DIR|PROOF")]
    directory: PathBuf,
    /// The verification key that `init` printed, or a file that holds it. Without one, the key in the directory is believed.
    #[arg(long, value_name = "VKEY|FILE")]
    key: Option<String>,
    /// A signed checkpoint of one of the ledgers that was kept elsewhere; it also shows a ledger that was written anew with
    /// its own key. May be given several times.
    #[arg(long = "checkpoint", value_name = "FILE")]
    checkpoints: Vec<PathBuf>,
    #[command(flatten)]
    output: Output,
}

/// What is printed for machines.
#[derive(Serialize)]
struct JsonReport<'a> {
    verdict: Verdict,
    key_pinned: bool,
    #[serde(flatten)]
    report: &'a Report,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> CommandResult {
    let key = arguments.key.as_deref().map(parse_key).transpose()?;
    if arguments.directory.is_file() {
        return run_proof(arguments, key.as_ref());
    }
    let elsewhere = arguments.checkpoints.iter().map(|path| read_checkpoint(path)).collect::<Result<Vec<_>, _>>()?;
    let bar = progress_bar();
    let mut advance = |progress: Progress| {
        bar.set_length(progress.total);
        bar.set_position(progress.done);
    };
    let report = ledger_verify::verify_against(&arguments.directory, key.as_ref(), &elsewhere, &mut advance);
    bar.finish_and_clear();
    let report = report.map_err(|error| Failure::new(UNCHECKED, error))?;
    let verdict = report.verdict();
    match arguments.output.format {
        Format::Json => output::print_json(&JsonReport { verdict, key_pinned: key.is_some(), report: &report })?,
        Format::Table => output::print(&describe(&report, key.is_some(), output::colours()))?,
    }
    Ok(exit_code(verdict))
}

/// Checks one record by its proof file.
fn run_proof(arguments: &Arguments, key: Option<&Verifier>) -> CommandResult {
    let checked = proof_file::check(&arguments.directory, key)?;
    let (is_json, pinned) = (matches!(arguments.output.format, Format::Json), key.is_some());
    match &checked {
        Ok(proven) if is_json => {
            output::print_json(&serde_json::json!({ "verdict": "verified", "key_pinned": pinned, "proof": proven }))?;
        }
        Ok(proven) => {
            let content = if proven.with_content { "facts and content" } else { "facts" };
            let (position, origin) = (visible(&proven.position), visible(&proven.origin));
            let key = if pinned { "the key that was given" } else { "the key in the file, which --key would pin" };
            let batches = HumanCount(proven.batches);
            output::print(&format!(
                "verified: {position} ({content}) is in batch {} of {origin}, whose checkpoint of {batches} batches is signed by {key}\n",
                proven.batch
            ))?;
        }
        Err(wrong) if is_json => {
            output::print_json(&serde_json::json!({ "verdict": "tampered", "key_pinned": pinned, "problem": wrong }))?;
        }
        Err(wrong) => output::print(&format!("tampered: {}\n", visible(wrong)))?,
    }
    Ok(exit_code(if checked.is_ok() { Verdict::Verified } else { Verdict::Tampered }))
}

/// What the process returns for a verdict.
pub fn exit_code(verdict: Verdict) -> ExitCode {
    match verdict {
        Verdict::Verified => ExitCode::SUCCESS,
        Verdict::Tampered => ExitCode::from(TAMPERED),
        Verdict::TornCopy | Verdict::CouldNotCheck | Verdict::Unproven => ExitCode::from(UNCHECKED),
    }
}

fn parse_key(text: &str) -> Result<Verifier, Failure> {
    let text = if Path::new(text).is_file() { std::fs::read_to_string(text)? } else { text.to_owned() };
    Verifier::parse(text.trim()).map_err(|error| {
        Failure::usage(format!("--key: {error}"))
            .hint("It is the line with two plus signs that `tachograph init` printed, or a file with it.")
    })
}

fn read_checkpoint(path: &Path) -> Result<String, Failure> {
    let mut text = String::new();
    let read = File::open(path).and_then(|file| file.take(limits::CHECKPOINT_BYTES_MAX).read_to_string(&mut text));
    read.map_err(|error| Failure::usage(format!("--checkpoint {}: {error}", path.display())))?;
    Ok(text)
}

fn progress_bar() -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style =
        ProgressStyle::with_template("verifying {bar:40} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left");
    ProgressBar::new(0).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

/// What a torn copy is, and how to go on.
const TORN: &str = "its files stem from different moments, as in a copy that was made while a server wrote, or its end was \
                    cut off; copy it again with `tachograph backup`, or start a server on it, which goes on with what is \
                    here and records what is missing";
/// What unproven batches are, and how to go on.
const UNPROVEN: &str = "more batches follow the newest checkpoint than a process that died leaves: somebody without the key \
                        appended them, or the checkpoint is an older one; a start would sign them";

/// What a verified ledger's verdict says.
fn proven(report: &Report) -> String {
    let events: u64 = report.unproven.iter().map(|unproven| unproven.events).sum();
    match events {
        0 => "every commitment was rebuilt from the bytes on disk".to_owned(),
        events => format!(
            "up to the newest checkpoints; {} events behind them are durable, not yet provable",
            HumanCount(events)
        ),
    }
}

fn unproven(unproven: &Unproven) -> String {
    let Unproven { ledger, batches, events } = unproven;
    format!(
        "not proven: {ledger}: {} events are durable, not yet provable; {batches} of their batches are closed",
        HumanCount(*events)
    )
}

/// One verdict line, one line per fault, one per thing that was not checked, and notes.
fn describe(report: &Report, pinned: bool, colours: bool) -> String {
    let pin = if pinned { "key pinned" } else { "key not pinned" };
    let amount = format!(
        "{} events in {} batches, {} segments, {} read",
        HumanCount(report.events),
        HumanCount(report.batches),
        report.segments,
        HumanBytes(report.bytes)
    );
    let (word, colour, rest) = match report.verdict() {
        Verdict::Verified => ("verified", 32, proven(report)),
        Verdict::Tampered => {
            let faults = report.faults.len() as u64 + report.faults_omitted;
            ("TAMPERED", 31, format!("{faults} {}", if faults == 1 { "fault" } else { "faults" }))
        }
        Verdict::TornCopy => ("TORN COPY", 33, TORN.to_owned()),
        Verdict::CouldNotCheck => {
            ("could not check", 33, format!("{} places could not be looked at", report.unchecked.len()))
        }
        Verdict::Unproven => ("NOT PROVEN", 33, UNPROVEN.to_owned()),
    };
    let word = if colours { format!("\u{1b}[{colour};1m{word}\u{1b}[0m") } else { word.to_owned() };
    let mut lines = vec![format!("{word}: {rest}; {amount}; {pin}")];
    lines.extend(report.faults.iter().map(|fault| format!("fault: {}", visible(&fault.to_string()))));
    if report.faults_omitted > 0 {
        lines.push(format!("and {} more faults", HumanCount(report.faults_omitted)));
    }
    lines.extend(report.torn.iter().map(|fault| format!("missing: {}", visible(&fault.to_string()))));
    lines.extend(report.unproven.iter().map(unproven));
    lines.extend(report.unchecked.iter().map(|fault| format!("not checked: {}", visible(&fault.to_string()))));
    lines.extend(report.notes.iter().map(|note| format!("note: {}", visible(note))));
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use ledger_verify::{Fault, LedgerName};

    #[test]
    fn the_verdict_comes_first_and_in_words() {
        let fault = Fault {
            ledger: LedgerName::Events,
            shard: 0,
            place: "segment/a\u{1b}[2J".to_owned(),
            what: "changed".to_owned(),
        };
        let mut report = Report::default();
        assert!(
            describe(&report, false, false).starts_with("verified: ")
                && describe(&report, false, false).contains("key not pinned")
        );
        report.unproven.push(Unproven { ledger: LedgerName::Events, batches: 1, events: 7 });
        let text = describe(&report, true, false);
        assert!(text.starts_with("verified: up to the newest checkpoints; 7 events behind them are durable"), "{text}");
        assert!(text.contains("not proven: events: 7 events"), "{text}");
        report.unproven[0].batches = 2;
        assert!(describe(&report, true, false).starts_with("NOT PROVEN: "));
        report.torn.push(fault.clone());
        let text = describe(&report, true, false);
        assert!(text.starts_with("TORN COPY: ") && text.contains("tachograph backup"), "{text}");
        report.torn.clear();
        report.unchecked.push(fault.clone());
        assert!(describe(&report, true, false).starts_with("could not check: 1 places"));
        report.fault(fault);
        let text = describe(&report, true, false);
        assert!(text.starts_with("TAMPERED: 1 fault;") && text.contains("key pinned"), "{text}");
        assert!(text.contains("fault: events/0: segment/a\\u{1b}[2J: changed\n"), "{text}");
        assert!(describe(&report, true, true).starts_with("\u{1b}[31;1mTAMPERED"));
    }
}
