//! `tachograph export`: what a SIEM would be sent, printed. Nothing leaves the machine, and nothing is recorded.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use export::Rendering;
use ledger::{LedgerName, Position, Reader, Seq, identity};
use operations::filter::Filter;

use crate::cli::DataLocation;
use crate::exit::{CommandResult, Failure, INTERNAL};
use crate::{output, sinks};

/// The commands on what is exported.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Print recorded events, alerts and administration in a schema, one record per line, as a sink would send them; without content.
    Render(Arguments),
}

/// Arguments of `export render`.
#[derive(Debug, Args)]
#[command(after_help = "Example: tachograph export render --schema ocsf --data data 'kind:egress.http outcome:deny'")]
pub struct Arguments {
    /// What the records must be, in the grammar of docs/filter.md.
    #[arg(value_name = "FILTER")]
    filter: Vec<String>,
    /// The schema, such as ocsf, ecs, cef; without it that of the sink, or plain.
    #[arg(long, value_name = "SCHEMA")]
    schema: Option<String>,
    /// Render as this sink of the configuration: with its filter, field policy and schema.
    #[arg(long, value_name = "NAME", requires = "config")]
    sink: Option<String>,
    /// Begin here, such as events/0/1204331 or operations/0/0; without it both ledgers are rendered from their beginnings.
    #[arg(long, value_name = "POSITION")]
    from: Option<Position>,
    /// So many records at most.
    #[arg(long, short = 'n', value_name = "RECORDS", default_value_t = 100)]
    limit: u64,
    #[command(flatten)]
    location: DataLocation,
}

/// Runs the command.
pub fn run(command: &Command) -> CommandResult {
    let Command::Render(arguments) = command;
    let data = arguments.location.data()?;
    let sink = match (&arguments.sink, &arguments.location.config) {
        (Some(name), Some(config)) => Some(sinks::find(config, name)?),
        _ => None,
    };
    let filter = Filter::parse(&arguments.filter.join(" ")).map_err(|error| Failure::usage(error.to_string()))?;
    let key = identity::fingerprint_key(&data)?;
    let rendering = Rendering::new(arguments.schema.as_deref(), sink.as_ref(), filter, key).map_err(Failure::usage)?;
    let (mut left, mut broken) = (arguments.limit, None);
    for ledger in LedgerName::ALL {
        let from = match arguments.from {
            Some(position) if position.ledger != ledger => continue,
            position => position.map_or(Seq::FIRST, |position| position.seq),
        };
        let reader = Reader::open(&data, ledger)?;
        let rendered = rendering.each(&reader, from, |text| {
            if left == 0 || broken.is_some() {
                return false;
            }
            left -= 1;
            broken = output::print_json_text(text).err();
            true
        });
        rendered.map_err(|error| Failure::new(INTERNAL, error))?;
    }
    match broken {
        Some(error) => Err(error.into()),
        None => Ok(ExitCode::SUCCESS),
    }
}
