//! `tachograph sinks`: sends a test through a sink of the configuration, shows how far the sinks are, and orders something of those that run.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use ledger::Timestamp;
use operations::kind::sink_order::backfill_of;
use serde_json::{Value, json};

use crate::cli::Output;
use crate::client::{Target, segment};
use crate::exit::{CommandResult, Failure, INTERNAL};
use crate::output::{self, Format, Table};
use crate::settings;

/// The commands on sinks.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Send one record that is marked as a test, and show what the receiver answered.
    Test(Test),
    /// Show how far each sink is, of the running server or by the receipts in the ledger.
    Status(Status),
    /// Send what a sink refused for good (its dead letters) to it once more.
    Retry(Named),
    /// Have a sink stand still until it is resumed. Nothing is lost meanwhile.
    Pause(Pause),
    /// Let a sink go on that was paused.
    Resume(Named),
    /// Send a part of a ledger beside what is new, numbered anew: what a sink was not sent, because it began later.
    Backfill(Range),
    /// Send a part of a ledger once more, byte for byte as it was: what the receiver lost.
    Replay(Range),
    /// End a backfill or a replay where it is.
    Cancel(Named),
}

/// Arguments of `sinks test`.
#[derive(Debug, Args)]
pub struct Test {
    /// Name of the sink in the configuration.
    #[arg(value_name = "NAME")]
    name: String,
    /// Only show the request, with its secrets masked.
    #[arg(long)]
    dry_run: bool,
    /// The configuration file.
    #[arg(long, value_name = "FILE", env = "TACHOGRAPH_CONFIG")]
    config: PathBuf,
    #[command(flatten)]
    output: Output,
}

/// Arguments of `sinks status`.
#[derive(Debug, Args)]
pub struct Status {
    #[command(flatten)]
    target: Target,
    #[command(flatten)]
    output: Output,
}

/// Arguments of `sinks retry` and `sinks resume`.
#[derive(Debug, Args)]
pub struct Named {
    /// Name of the sink in the configuration.
    #[arg(value_name = "NAME")]
    name: String,
    #[command(flatten)]
    target: Target,
}

/// Arguments of `sinks pause`.
#[derive(Debug, Args)]
pub struct Pause {
    #[command(flatten)]
    sink: Named,
    /// Why, for those who see it.
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

/// Arguments of `sinks backfill` and `sinks replay`.
#[derive(Debug, Args)]
pub struct Range {
    #[command(flatten)]
    sink: Named,
    /// Where it begins: a position such as events/0/12, a time such as 2026-11-21T18:33:21Z, or `beginning`.
    #[arg(long, value_name = "PLACE")]
    from: String,
    /// Where it ends, itself left out. Without it a backfill ends where the sink began, and a replay where the sink is now.
    #[arg(long, value_name = "PLACE")]
    to: Option<String>,
    /// The ledger of times and of `beginning`.
    #[arg(long, value_name = "LEDGER", default_value = "events", value_parser = ["events", "operations"])]
    ledger: String,
    /// How many records go in a second at most.
    #[arg(long, value_name = "RECORDS", default_value_t = operations::limits::BACKFILL_RECORDS_PER_SECOND)]
    records_per_second: u32,
    /// Why, for those who see it.
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

/// Runs the command.
pub fn run(command: Command) -> CommandResult {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        match command {
            Command::Test(arguments) => test(&arguments).await,
            Command::Status(arguments) => status(&arguments).await,
            Command::Retry(sink) => {
                let said = "sends its dead letters once more; `tachograph sinks status` shows what becomes of them";
                order(&sink, "retry", String::new(), said).await
            }
            Command::Pause(Pause { sink, reason }) => {
                let body = reason.map(|reason| json!({ "reason": reason }).to_string()).unwrap_or_default();
                order(&sink, "pause", body, "stands still once what is on its way has arrived").await
            }
            Command::Backfill(range) => backfill(&range, false).await,
            Command::Replay(range) => backfill(&range, true).await,
            Command::Cancel(backfill) => cancel(backfill).await,
            Command::Resume(sink) => order(&sink, "resume", String::new(), "goes on").await,
        }
    })
}

/// A sink of a configuration file.
pub fn find(config: &Path, name: &str) -> Result<export::SinkConfig, Failure> {
    let sinks = settings::load(config)?.settings.sinks();
    sinks.sink(name).cloned().ok_or_else(|| {
        let names: Vec<&str> = sinks.sinks.iter().map(|sink| sink.common.name.as_str()).collect();
        let names = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        Failure::usage(format!("there is no sink {name:?}")).hint(format!("The configuration has {names}."))
    })
}

async fn test(arguments: &Test) -> CommandResult {
    let sink = find(&arguments.config, &arguments.name)?;
    let report =
        export::test(&sink, arguments.dry_run).await.map_err(|error| Failure::new(INTERNAL, anyhow::anyhow!(error)))?;
    match arguments.output.format {
        Format::Json => output::print_json(&report)?,
        Format::Table => {
            let mut lines =
                vec![output::visible_lines(&report.request), String::new(), format!("outcome: {}", report.outcome)];
            for (name, value) in [("answer", &report.answer), ("reason", &report.reason)] {
                lines.extend(value.iter().map(|value| format!("{name}: {}", output::visible(value))));
            }
            output::print_line(&lines.join("\n"))?;
        }
    }
    let taken = matches!(report.outcome, "acked" | "dry run");
    Ok(if taken { ExitCode::SUCCESS } else { ExitCode::from(INTERNAL) })
}

async fn status(arguments: &Status) -> CommandResult {
    let api = arguments.target.open()?;
    if !api.is_of_server() && !arguments.target.has_configuration() {
        return Err(Failure::usage("no server runs on this directory, and which sinks there are is not known")
            .hint("Name the configuration file with --config."));
    }
    let answer = api.get("/api/v1/sinks", &[]).await?;
    let statuses = answer["sinks"].as_array().map(Vec::as_slice).unwrap_or_default();
    match arguments.output.format {
        Format::Json => output::print_json(&statuses)?,
        Format::Table if statuses.is_empty() => output::print_line("The configuration has no sinks.")?,
        Format::Table => output::print(&table(statuses))?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Orders something of a sink that runs, and says what it does then.
async fn order(Named { name, target }: &Named, order: &str, body: String, said: &str) -> CommandResult {
    let path = format!("/api/v1/sinks/{}/{order}", segment(name));
    target.open()?.ask("POST", &path, &[], body).await?;
    output::print_line(&format!("{} {said}.", output::visible(name)))?;
    Ok(ExitCode::SUCCESS)
}

async fn backfill(range: &Range, again: bool) -> CommandResult {
    let Range { sink: Named { name, target }, from, to, ledger, records_per_second, reason } = range;
    let body = json!({
        "from": from, "to": to, "ledger": ledger, "again": again, "records_per_second": records_per_second, "reason": reason,
    });
    let path = format!("/api/v1/sinks/{}/backfills", segment(name));
    let begun = target.open()?.ask("POST", &path, &[], body.to_string()).await?.json().await?;
    let said = |member: &str| output::visible(begun[member].as_str().unwrap_or_default());
    output::print_line(&format!(
        "{} sends {} up to {}; `tachograph sinks status` shows how far it is.",
        said("name"),
        said("from"),
        said("to")
    ))?;
    Ok(ExitCode::SUCCESS)
}

async fn cancel(Named { name, target }: Named) -> CommandResult {
    let Some((sink, number)) = backfill_of(&name) else {
        return Err(Failure::usage(format!("{name:?} is no backfill; `tachograph sinks status` lists those that run")));
    };
    let sink = Named { name: sink.to_owned(), target };
    order(&sink, &format!("backfills/{number}/cancel"), String::new(), "sends no more of that range").await
}

fn table(statuses: &[Value]) -> String {
    let mut table = Table::new(&[
        "sink", "type", "ledger", "next", "lag", "lag s", "last ack", "sent", "rejected", "dead", "retries", "state",
    ]);
    for status in statuses {
        let text = |name: &str| match &status[name] {
            Value::String(text) => text.clone(),
            Value::Null => String::new(),
            other => other.to_string(),
        };
        let acknowledged =
            status["last_ack"].as_i64().map(Timestamp::from_unix_micros).map(output::time).unwrap_or_default();
        let cells = [
            text("sink"),
            text("kind"),
            text("ledger"),
            text("next_seq"),
            text("lag"),
            text("lag_seconds"),
            acknowledged,
            text("sent"),
            text("rejected"),
            text("dead"),
            text("retries"),
            state(status),
        ];
        table.row(cells.iter().map(String::as_str));
    }
    table.render()
}

/// What somebody who looks has to know first.
fn state(status: &Value) -> String {
    let said = [&status["state"], &status["reason"]].into_iter().filter_map(Value::as_str);
    said.collect::<Vec<_>>().join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_is_a_word_with_its_reason() {
        assert_eq!(state(&json!({"state": "ok", "reason": null})), "ok");
        assert_eq!(state(&json!({"state": "parked", "reason": "403"})), "parked: 403");
    }
}
