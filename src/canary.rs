//! `tachograph rules canary`: makes decoys for `secret.egress`, and lists those of the configuration. A value is printed once
//! and stored nowhere: the configuration holds its hash.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use detect_rules::Canary;
use export::Secret;
use serde::Serialize;

use crate::cli::Output;
use crate::exit::{CommandResult, Failure};
use crate::output::{self, Format, Table};
use crate::rules::Source;

/// The commands on canaries.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Print a value to plant where nobody uses it, and the lines for the configuration that hold its hash.
    New(New),
    /// List the canaries of the configuration.
    List(List),
}

/// Arguments of `rules canary new`.
#[derive(Debug, Args)]
pub struct New {
    /// What alerts call it, such as the place where it will be planted.
    #[arg(value_name = "NAME")]
    name: String,
    /// Where a value lies that is planted already, as env:NAME or file:PATH [default: a new random one].
    #[arg(long, value_name = "REFERENCE")]
    value: Option<String>,
    #[command(flatten)]
    output: Output,
}

/// Arguments of `rules canary list`.
#[derive(Debug, Args)]
pub struct List {
    #[command(flatten)]
    source: Source,
    #[command(flatten)]
    output: Output,
}

/// A new canary as programs read it.
#[derive(Debug, Serialize)]
struct Made {
    /// The value to plant; absent if it was planted before.
    value: Option<String>,
    canary: Canary,
}

/// Runs the command.
pub fn run(command: Command) -> CommandResult {
    match command {
        Command::New(arguments) => new(arguments),
        Command::List(arguments) => list(&arguments),
    }
}

fn new(arguments: New) -> CommandResult {
    let made = match arguments.value {
        None => {
            let value = random()?;
            Made { canary: Canary::of(&arguments.name, &value), value: Some(value) }
        }
        Some(reference) => {
            let secret = Secret::try_from(reference).and_then(|secret| secret.read()).map_err(Failure::usage)?;
            Made { canary: Canary::of(&arguments.name, secret.expose()), value: None }
        }
    };
    detect_rules::check_canaries(std::slice::from_ref(&made.canary)).map_err(Failure::usage)?;
    match arguments.output.format {
        Format::Json => output::print_json(&made)?,
        Format::Table => output::print_line(&made.text())?,
    }
    Ok(ExitCode::SUCCESS)
}

/// A value that looks like a key and is in no list: 160 bits from the operating system.
fn random() -> Result<String, getrandom::Error> {
    let mut bytes = [0; 20];
    getrandom::fill(&mut bytes)?;
    Ok(hex::encode(bytes))
}

impl Made {
    fn text(&self) -> String {
        let Canary { name, length, sha256 } = &self.canary;
        let plant = match &self.value {
            Some(value) => format!("Plant this value where no work needs it; it is shown once:\n\n  {value}\n\n"),
            None => String::new(),
        };
        format!(
            "{plant}Add this to the configuration, which holds no value, and reload it:\n\n\
             [[detect.rules.\"secret.egress\".canaries]]\nname = {}\nlength = {length}\nsha256 = \"{sha256}\"",
            toml::Value::from(name.as_str())
        )
    }
}

fn list(arguments: &List) -> CommandResult {
    let canaries = arguments.source.settings()?.detect.rules.secret_egress.canaries;
    match arguments.output.format {
        Format::Json => output::print_json(&canaries)?,
        Format::Table => {
            let mut table = Table::new(&["name", "length"]);
            for canary in &canaries {
                table.row([canary.name.as_str(), &canary.length.to_string()]);
            }
            output::print(&table.render())?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_is_what_the_configuration_takes() {
        let value = random().unwrap();
        let made = Made { canary: Canary::of("db \"prod\"", &value), value: Some(value.clone()) };
        let text = made.text();
        assert!(text.contains(&value));
        let lines = &text[text.find("[[detect").unwrap()..];
        assert!(!lines.contains(&value), "the lines for the configuration hold no value");
        let settings: crate::settings::Settings = toml::from_str(lines).unwrap();
        assert_eq!(settings.detect.rules.secret_egress.canaries, [made.canary]);
        assert_eq!(settings.detect.check(), Ok(()));
    }
}
