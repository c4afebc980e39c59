//! `tachograph config`: checks a configuration file, prints the reference of all settings.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::json;

use crate::cli::Output;
use crate::exit::{CONFIG, CommandResult, Failure};
use crate::output::{self, Format};
use crate::settings::{self, Examined, Problem};

/// The commands on configurations.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Name everything that is wrong with a file, and what it names and is not there; exit code 78 if anything is.
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
pub fn run(command: Command) -> CommandResult {
    match command {
        Command::Check(arguments) => check(&arguments),
        Command::Reference => {
            output::print(&settings::reference())?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn check(arguments: &Check) -> CommandResult {
    let file = &arguments.file;
    let Examined { hash, problems, warnings } = settings::examine(file)?;
    let wrong = !problems.is_empty();
    let shown = json!({ "file": file, "sha256": hash, "problems": problems, "warnings": warnings });
    if arguments.output.format == Format::Table {
        for warning in &warnings {
            eprintln!("tachograph: {}: worth a look: {}", file.display(), output::visible(warning));
        }
    }
    match arguments.output.format {
        Format::Json => output::print_json(&shown)?,
        Format::Table if wrong => {
            let mut lines: Vec<String> = problems.iter().map(Problem::to_string).collect();
            if lines.len() > 1 {
                lines.push(format!("{} mistakes", lines.len()));
            }
            return Err(Failure::config(format!("{}: {}", file.display(), lines.join("\n"))));
        }
        Format::Table => output::print_line(&format!("{} is in order (sha256 {hash})", file.display()))?,
    }
    Ok(if wrong { ExitCode::from(CONFIG) } else { ExitCode::SUCCESS })
}
