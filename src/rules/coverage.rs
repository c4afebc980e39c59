//! `tachograph rules coverage`: which technique is found by which rule, and what is not.

use std::process::ExitCode;

use clap::Args;
use detect_rules::coverage;

use crate::cli::Output;
use crate::exit::CommandResult;
use crate::output::{self, Format};

/// Arguments of `rules coverage`.
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(flatten)]
    output: Output,
}

/// Prints the coverage of the built-in rules: as the page docs/coverage.md, or for programs.
pub fn run(arguments: &Arguments) -> CommandResult {
    match arguments.output.format {
        Format::Json => output::print_json(&coverage::coverage())?,
        Format::Table => output::print(&coverage::page())?,
    }
    Ok(ExitCode::SUCCESS)
}
