//! `tachograph login`: a link that lets a person into the console once.

use std::process::ExitCode;

use clap::Args;
use operations::access::Role;
use serde::Deserialize;
use serde_json::json;

use crate::client::{Api, Target};
use crate::exit::{CommandResult, Failure};
use crate::output;
use crate::status::Status;

/// Arguments of `login`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Name of the person; without it the link is for whoever asks, with all that they may do.
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// What the person may do: analyst, auditor or admin; may be given several times [default: analyst].
    #[arg(long, value_name = "ROLE", requires = "name")]
    role: Vec<Role>,
    /// Let the person read content: prompts, commands, tool input and output.
    #[arg(long, requires = "name")]
    content: bool,
    #[command(flatten)]
    target: Target,
}

/// A link as the API makes it.
#[derive(Deserialize)]
struct Link {
    path: String,
    seconds: u64,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> CommandResult {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(link(arguments))
}

async fn link(arguments: &Arguments) -> CommandResult {
    let Arguments { name, role, content, target } = arguments;
    let body = name.as_ref().map(|name| json!({ "name": name, "roles": role, "content": content }).to_string());
    let status: Status = serde_json::from_value(target.open()?.get("/api/v1/status", &[]).await?)?;
    let link = target.post("/api/v1/logins", body.unwrap_or_default()).await?;
    let Link { path, seconds } = serde_json::from_value(link)?;
    // The address alone goes to standard output, so that a browser can be started with it.
    output::print_line(&output::visible(&address(&status, &path)))?;
    eprintln!("It works once, within {} minutes.", seconds / 60);
    Ok(ExitCode::SUCCESS)
}

/// An address by which whoever opens it is let in once, with all that the asker of `api` may do.
pub async fn address_of_link(api: &Api) -> Result<String, Failure> {
    let status: Status = serde_json::from_value(api.get("/api/v1/status", &[]).await?)?;
    let headers = [("content-type", "application/json")];
    let link = api.ask("POST", "/api/v1/logins", &headers, String::new()).await?.json().await?;
    let Link { path, .. } = serde_json::from_value(link)?;
    Ok(address(&status, &path))
}

fn address(status: &Status, path: &str) -> String {
    let scheme = if status.tls { "https" } else { "http" };
    format!("{scheme}://{}{path}", status.console)
}
