//! `tachograph backup`: copies a data directory while a server writes it, or while none does, and verifies the copy.

use std::path::{Path, PathBuf};

use clap::Args;
use indicatif::{HumanBytes, HumanCount};
use ledger::LedgerError;
use ledger::backup::Copied;
use ledger_verify::Verdict;
use serde::Serialize;

use crate::cli::{DataLocation, Output};
use crate::exit::{CommandResult, Failure, USAGE};
use crate::output::{self, Format};
use crate::verify;

/// Arguments of `backup`.
#[derive(Debug, Args)]
#[command(after_help = "Exit codes: as of `verify`, which checks the copy.")]
pub struct Arguments {
    /// The directory to make: it must not exist, or be empty.
    #[arg(value_name = "DIR")]
    directory: PathBuf,
    /// Leave the private keys out: such a copy can be verified and queried, and no server starts on it.
    #[arg(long)]
    without_keys: bool,
    #[command(flatten)]
    location: DataLocation,
    #[command(flatten)]
    output: Output,
}

/// The answer for machines.
#[derive(Serialize)]
struct Made {
    directory: PathBuf,
    private_keys: bool,
    verdict: Verdict,
    #[serde(flatten)]
    copied: Copied,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> CommandResult {
    let (data, directory, keys) = (arguments.location.data()?, &arguments.directory, !arguments.without_keys);
    if is_within(directory, &data) {
        let message =
            format!("{} is inside of {}, which would hold what is no part of it", directory.display(), data.display());
        return Err(Failure::usage(message).hint("choose a directory elsewhere, best on another disk"));
    }
    let copied = ledger::backup::backup(&data, directory, keys).map_err(|error| match error {
        LedgerError::AlreadyInitialised { .. } => Failure::new(USAGE, error),
        error => error.into(),
    })?;
    let report = ledger_verify::verify(directory, None, &mut |_| {})?;
    let verdict = report.verdict();
    match arguments.output.format {
        Format::Json => {
            output::print_json(&Made { directory: directory.clone(), private_keys: keys, verdict, copied })?;
        }
        Format::Table => output::print(&describe(arguments, &copied, verdict))?,
    }
    Ok(verify::exit_code(verdict))
}

/// Whether a directory, which may not exist yet, is or would be inside of another one.
fn is_within(directory: &Path, outer: &Path) -> bool {
    let (Ok(directory), Ok(outer)) = (std::path::absolute(directory), outer.canonicalize()) else { return false };
    directory.ancestors().any(|ancestor| ancestor.canonicalize().is_ok_and(|ancestor| ancestor == outer))
}

fn describe(arguments: &Arguments, copied: &Copied, verdict: Verdict) -> String {
    let keys = if arguments.without_keys {
        "It holds no private keys: it can be verified and queried, and no server starts on it."
    } else {
        "It holds the private keys: whoever reads it can sign in the name of this log. Keep it as safe as the server."
    };
    let directory = output::visible(&arguments.directory.display().to_string());
    format!(
        "Copied {} events and {} entries of operations to {directory}: {} files, {}; {verdict}\n{keys}\n",
        HumanCount(copied.events),
        HumanCount(copied.operations),
        copied.files,
        HumanBytes(copied.bytes),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser as _;

    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        arguments: Arguments,
    }

    #[test]
    fn a_copy_stands_outside_of_what_it_copies() {
        let root = tempfile::tempdir().unwrap();
        let data = root.path().join("data");
        std::fs::create_dir(&data).unwrap();
        let link = root.path().join("link");
        std::os::unix::fs::symlink(&data, &link).unwrap();
        for inside in [data.clone(), data.join("a"), data.join("no/such"), link.join("a"), data.join("../data/a")] {
            assert!(is_within(&inside, &data), "{}", inside.display());
        }
        for outside in [root.path().join("data2"), root.path().to_owned(), root.path().join("no/data")] {
            assert!(!is_within(&outside, &data), "{}", outside.display());
        }
    }

    #[test]
    fn the_copy_is_described_with_what_its_keys_can_do() {
        let line = |words: &[&str]| Line::parse_from([&["backup"], words].concat()).arguments;
        let copied = Copied { events: 1_204, operations: 7, files: 12, bytes: 4_096 };
        let text = describe(&line(&["/backup"]), &copied, Verdict::Verified);
        assert!(
            text.starts_with(
                "Copied 1,204 events and 7 entries of operations to /backup: 12 files, 4.00 KiB; verified\n"
            ),
            "{text}"
        );
        assert!(text.contains("can sign in the name"), "{text}");
        let text = describe(&line(&["/backup", "--without-keys"]), &copied, Verdict::TornCopy);
        assert!(text.contains("; torn copy\n") && text.contains("holds no private keys"), "{text}");
    }
}
