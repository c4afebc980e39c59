//! `tachograph tail`: prints rows as they become durable, of a data directory or of a running server.
//!
//! It speaks the server-sent events of `/api/v1/tail` either way. With a server it comes back after an interruption and
//! asks for what follows the last row that it printed: nothing is missed, nothing is printed twice.

mod line;

use std::pin::pin;
use std::process::ExitCode;

use clap::Args;
use futures::StreamExt;
use ledger::LedgerName;
use operations::filter::Filter;
use serde_json::Value;

use crate::client::{Answer, Target, segment};
use crate::exit::{CommandResult, Failure, INTERNAL};
use crate::limits;
use crate::output::{self, Format};

/// Arguments of `tail`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Only rows for which this holds, such as 'team:payments kind:egress.* -outcome:allow'. COLUMN=VALUE compares with just
    /// that value; a column that is given twice may have either.
    #[arg(value_name = "FILTER")]
    filter: Vec<String>,
    /// The ledger: events or operations.
    #[arg(long, value_name = "LEDGER", default_value = "events", value_parser = ledger_name)]
    ledger: LedgerName,
    /// Where to begin: now, start, or a position such as events/0/1204331.
    #[arg(long, value_name = "POSITION", default_value = "now")]
    from: String,
    /// Also content: prompts, commands, tool input and output.
    #[arg(long)]
    content: bool,
    /// End after this many rows.
    #[arg(short = 'n', long, value_name = "ROWS")]
    rows: Option<u64>,
    /// The form of the rows: a line for people, or one JSON object per line.
    #[arg(short = 'o', long = "output", value_enum, default_value = "table")]
    format: Format,
    #[command(flatten)]
    target: Target,
}

fn ledger_name(text: &str) -> Result<LedgerName, String> {
    let found = LedgerName::ALL.into_iter().find(|name| name.as_str() == text);
    found.ok_or_else(|| format!("it is one of {}", LedgerName::ALL.map(LedgerName::as_str).join(", ")))
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> CommandResult {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        tokio::select! {
            ended = follow(arguments) => ended,
            _ = tokio::signal::ctrl_c() => Ok(ExitCode::SUCCESS),
        }
    })
}

/// What a tail has printed.
struct Printed {
    /// Position of the last row, or of the last one that did not match.
    last: Option<String>,
    rows: u64,
}

async fn follow(arguments: &Arguments) -> CommandResult {
    let path = path(arguments)?;
    let mut printed = Printed { last: None, rows: 0 };
    let mut tries = 0_u32;
    loop {
        let before = printed.rows;
        match listen(&path, arguments, &mut printed).await {
            Ok(true) => return Ok(ExitCode::SUCCESS),
            Ok(false) => {}
            // What the caller did wrong does not get right by asking again; nor does the first attempt.
            Err(failure) if failure.code() != INTERNAL || printed.last.is_none() => {
                return Err(failure);
            }
            Err(failure) => tracing::warn!("the tail was interrupted and is taken up again: {}", failure.message()),
        }
        tries = if printed.rows > before { 0 } else { tries + 1 };
        let delay = limits::RECONNECT_MIN.saturating_mul(1 << tries.min(6)).min(limits::RECONNECT_MAX);
        tokio::time::sleep(delay).await;
    }
}

/// Prints rows until the connection ends (`false`) or enough were printed (`true`).
async fn listen(path: &str, arguments: &Arguments, printed: &mut Printed) -> Result<bool, Failure> {
    // Anew each time: over a directory, a server may have come or gone meanwhile.
    let api = arguments.target.open()?;
    let last = printed.last.clone().unwrap_or_default();
    let headers = [("accept", "text/event-stream"), ("last-event-id", last.as_str())];
    let headers = if last.is_empty() { &headers[..1] } else { &headers[..] };
    let answer: Answer = api.ask("GET", path, headers, String::new()).await?;
    let mut events = pin!(answer.events());
    while let Some(event) = events.next().await {
        let event = event?;
        if event.id.is_some() {
            printed.last = event.id;
        }
        if !event.data.is_empty() {
            print(&event.name, &event.data, arguments, printed)?;
            if arguments.rows.is_some_and(|rows| printed.rows >= rows) {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

fn print(event: &str, data: &str, arguments: &Arguments, printed: &mut Printed) -> Result<(), Failure> {
    if event == "error" {
        let error: Value = serde_json::from_str(data)?;
        return Err(Failure::usage(format!("the server ended the tail: {}", error["detail"].as_str().unwrap_or(data))));
    }
    match arguments.format {
        Format::Json => output::print_json_text(data)?,
        Format::Table => output::print_line(&line::render(arguments.ledger, &serde_json::from_str(data)?))?,
    }
    printed.rows += 1;
    Ok(())
}

fn path(arguments: &Arguments) -> Result<String, Failure> {
    let mut path = format!("/api/v1/tail?ledger={}&from={}", arguments.ledger, segment(&arguments.from));
    if arguments.content {
        path.push_str("&content=true");
    }
    let mut terms = Vec::new();
    for filter in &arguments.filter {
        match exact(filter) {
            Some((column, value)) => path = format!("{path}&{}={}", segment(column), segment(value)),
            None => terms.push(filter.as_str()),
        }
    }
    if !terms.is_empty() {
        let filter = terms.join(" ");
        // What is wrong with it is said before anything is asked.
        Filter::parse(&filter).map_err(|error| Failure::usage(error.to_string()))?;
        path = format!("{path}&filter={}", segment(&filter));
    }
    Ok(path)
}

/// The column and the value of `COLUMN=VALUE`, which is older than the grammar and takes the value as it stands.
fn exact(filter: &str) -> Option<(&str, &str)> {
    let (column, value) = filter.split_once('=')?;
    let is_name = |char: char| char.is_ascii_alphanumeric() || matches!(char, '_' | '.');
    (!column.is_empty() && column.chars().all(is_name)).then_some((column, value))
}
