//! `tachograph init`: makes a data directory and shows the key that outsiders verify with.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use ledger::{LedgerError, Store};
use serde::Serialize;

use crate::cli::Output;
use crate::exit::{CommandResult, Failure, USAGE};
use crate::output::{self, Format};

/// Arguments of `init`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The directory to make.
    #[arg(value_name = "DIR", default_value = "data")]
    directory: PathBuf,
    /// Name of the log, fixed for ever: a name that you own and what it is about, such as acme.example/agents.
    #[arg(long, value_name = "NAME", default_value_t = default_log_name())]
    log_name: String,
    #[command(flatten)]
    output: Output,
}

/// What was made.
#[derive(Serialize)]
struct Made {
    directory: PathBuf,
    log_name: String,
    key: String,
}

/// Runs the command.
pub fn run(arguments: Arguments) -> CommandResult {
    let Arguments { directory, log_name, output } = arguments;
    Store::init(&directory, &log_name).map_err(|error| match error {
        LedgerError::AlreadyInitialised { .. } | LedgerError::NotEmpty { .. } | LedgerError::Key { .. } => {
            Failure::new(USAGE, error)
        }
        error => error.into(),
    })?;
    let key = ledger::identity::Identity::read(&directory)?.key;
    match output.format {
        Format::Json => output::print_json(&Made { directory, log_name, key })?,
        Format::Table => output::print(&format!(
            "Made {} for the log {log_name}.\n\n\
             Its verification key, which is public:\n\n  {key}\n\n\
             Keep a copy of it on another machine: `tachograph verify {} --key <key>` then also notices a\n\
             ledger that was replaced as a whole. The private keys are in {}; back them up.\n",
            directory.display(),
            directory.display(),
            directory.join("keys").display(),
        ))?,
    }
    Ok(ExitCode::SUCCESS)
}

fn default_log_name() -> String {
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    // A key name in a signed note has neither spaces nor plus signs.
    let host: String =
        host.chars().filter(|character| character.is_ascii_alphanumeric() || "-.".contains(*character)).collect();
    format!("{}/tachograph", if host.is_empty() { "localhost" } else { &host })
}
