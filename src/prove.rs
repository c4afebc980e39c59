//! `tachograph proof`: the proof of one record, as the file that `tachograph verify` takes.

use std::process::ExitCode;

use clap::Args;

use crate::client::{Target, segment};
use crate::exit::{CommandResult, Failure, UNCHECKED};
use crate::output;

/// Arguments of `proof`.
#[derive(Debug, Args)]
#[command(
    after_help = "Example: tachograph proof events/0/1204331 > proof.json; tachograph verify proof.json --key log.vkey"
)]
pub struct Arguments {
    /// The record, such as events/0/1204331 or 1204331.
    #[arg(value_name = "POSITION")]
    position: String,
    /// Disclose content too: prompts, commands, tool input and output. It needs the permission, and is recorded.
    #[arg(long)]
    content: bool,
    #[command(flatten)]
    target: Target,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> CommandResult {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let path = format!("/api/v1/records/{}", segment(&arguments.position));
        let parameters = [("content", arguments.content.to_string())];
        let record = arguments.target.get(&path, &parameters).await?;
        let proof = &record["proof"];
        if proof["state"] != "proven" {
            let state = proof["state"].as_str().unwrap_or("not provable");
            let hint = "Its batch is open, or no checkpoint covers it yet; ask again in a moment.";
            return Err(Failure::new(UNCHECKED, anyhow::anyhow!("the record is {state}")).hint(hint));
        }
        output::print_json(proof)?;
        Ok(ExitCode::SUCCESS)
    })
}
