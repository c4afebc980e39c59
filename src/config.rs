//! `tachograph config`: checks a configuration file, prints the reference of all settings.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::json;

use crate::cli::Output;
use crate::exit::Outcome;
use crate::output::{self, Format};
use crate::settings;

/// The commands on configurations.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Check a file; exit code 78 if it is wrong.
    Check(Check),
    /// Print every setting with its meaning, as Markdown.
    Reference,
}

/// Arguments of `config check`.
#[derive(Debug, Args)]
pub struct Check {
    /// The file.
    #[arg(value_name = "FILE", env = "TACHOGRAPH_CONFIG")]
    file: PathBuf,
    #[command(flatten)]
    output: Output,
}

/// Runs the command.
pub fn run(command: Command) -> Outcome {
    match command {
        Command::Check(arguments) => check(&arguments),
        Command::Reference => {
            output::print(&settings::reference())?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn check(arguments: &Check) -> Outcome {
    let loaded = settings::load(&arguments.file)?;
    settings::rules::rules(&loaded.settings)?;
    match arguments.output.format {
        Format::Json => output::print_json(&json!({ "file": loaded.path, "sha256": loaded.hash }))?,
        Format::Table => {
            output::print_line(&format!("{} is in order (sha256 {})", loaded.path.display(), loaded.hash))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
