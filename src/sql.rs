//! `tachograph sql`: one question, on a data directory or of a running server.

use std::io::{IsTerminal, Read};
use std::process::ExitCode;

use clap::Args;
use clap::builder::PossibleValuesParser;
use query::output::Format;
use serde_json::json;

use crate::api::Target;
use crate::exit::{Failure, Outcome};
use crate::output;

/// Arguments of `sql`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The query; read from standard input if it is not given. Tables: events, operations; views: egress, `model_calls`,
    /// spend, commands, `tool_calls`, sessions, alerts, silences, receipts.
    #[arg(value_name = "QUERY")]
    query: Option<String>,
    /// The form of the result.
    #[arg(short = 'o', long = "output", default_value = "table", value_parser = formats())]
    format: String,
    /// Seconds after which the query is given up.
    #[arg(long, value_name = "SECONDS")]
    time: Option<u64>,
    /// The most rows of the result.
    #[arg(long, value_name = "ROWS")]
    rows: Option<u64>,
    #[command(flatten)]
    target: Target,
}

fn formats() -> PossibleValuesParser {
    PossibleValuesParser::new(Format::ALL.map(Format::name))
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Outcome {
    let query = match &arguments.query {
        Some(query) => query.clone(),
        None => read_query()?,
    };
    let format = Format::by_name(&arguments.format).unwrap_or(Format::Table);
    let is_binary = matches!(format, Format::Arrow | Format::Parquet);
    if is_binary && std::io::stdout().is_terminal() {
        return Err(Failure::usage(format!("{} is not for a terminal; send it to a file", format.name())));
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(ask(arguments, &query, format))
}

fn read_query() -> Result<String, Failure> {
    if std::io::stdin().is_terminal() {
        return Err(Failure::usage("no query was given")
            .hint("Try: tachograph sql 'SELECT kind, count(*) FROM events GROUP BY kind'"));
    }
    let mut query = String::new();
    std::io::stdin().take(query::limits::SQL_BYTES_MAX as u64 + 1).read_to_string(&mut query)?;
    Ok(query)
}

async fn ask(arguments: &Arguments, query: &str, format: Format) -> Outcome {
    let mut limits = serde_json::Map::new();
    if let Some(seconds) = arguments.time {
        limits.insert("time_ms".to_owned(), seconds.saturating_mul(1_000).into());
    }
    if let Some(rows) = arguments.rows {
        limits.insert("rows".to_owned(), rows.into());
    }
    let body = json!({ "sql": query, "format": format.name(), "limits": limits }).to_string();
    let api = arguments.target.open()?;
    let mut answer = api.ask("POST", "/api/v1/query", &[("content-type", "application/json")], body).await?;
    while let Some(bytes) = answer.next().await? {
        output::print_bytes(&bytes)?;
    }
    Ok(ExitCode::SUCCESS)
}
