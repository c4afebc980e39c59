//! `tachograph sql`: one question, on a data directory or of a running server.

use std::io::{IsTerminal, Read};
use std::process::ExitCode;

use clap::Args;
use clap::builder::PossibleValuesParser;
use query::output::Format;
use serde_json::{Map, Value, json};

use crate::client::Target;
use crate::exit::{CommandResult, Failure};
use crate::output::{self, Shown};

/// Arguments of `sql`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The query; read from standard input if it is not given. Tables: events, operations; views: egress, `model_calls`,
    /// spend, commands, `tool_calls`, sessions, alerts, silences, receipts.
    #[arg(value_name = "QUERY")]
    query: Option<String>,
    #[command(flatten)]
    shape: Shape,
    /// Seconds after which the query is given up.
    #[arg(long, value_name = "SECONDS")]
    time: Option<u64>,
    /// The most rows of the result.
    #[arg(long, value_name = "ROWS")]
    rows: Option<u64>,
    #[command(flatten)]
    target: Target,
}

/// The form of a result.
#[derive(Debug, Args)]
pub struct Shape {
    /// The form of the result.
    #[arg(short = 'o', long = "output", default_value = "table", value_parser = formats())]
    format: String,
    /// One line per column instead of a table, as after \x in psql.
    #[arg(short = 'x', long)]
    expanded: bool,
    /// A table as wide as its values, even if the terminal is not.
    #[arg(long, conflicts_with = "expanded")]
    wide: bool,
}

impl Shape {
    fn format(&self) -> Format {
        match Format::by_name(&self.format).unwrap_or(Format::Table) {
            Format::Table if self.expanded => Format::Expanded,
            format => format,
        }
    }
}

fn formats() -> PossibleValuesParser {
    PossibleValuesParser::new(Format::ALL.map(Format::name))
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> CommandResult {
    let query = match &arguments.query {
        Some(query) => query.clone(),
        None => read_query()?,
    };
    let mut limits = Map::new();
    if let Some(seconds) = arguments.time {
        limits.insert("time_ms".to_owned(), seconds.saturating_mul(1_000).into());
    }
    if let Some(rows) = arguments.rows {
        limits.insert("rows".to_owned(), rows.into());
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(ask(&arguments.target, &query, &arguments.shape, limits))
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

/// Asks, and prints the answer while it comes.
pub async fn ask(target: &Target, query: &str, shape: &Shape, limits: Map<String, Value>) -> CommandResult {
    let format = shape.format();
    let is_terminal = std::io::stdout().is_terminal();
    if is_terminal && matches!(format, Format::Arrow | Format::Parquet) {
        return Err(Failure::usage(format!("{} is not for a terminal; send it to a file", format.name())));
    }
    let mut body = json!({ "sql": query, "format": format.name(), "limits": limits });
    if let Some(columns) = output::terminal_columns().filter(|_| format == Format::Table && !shape.wide) {
        body["width"] = columns.into();
    }
    let headers = [("content-type", "application/json")];
    let mut answer = target.open()?.ask("POST", "/api/v1/query", &headers, body.to_string()).await?;
    // A pipe gets every byte as it is; a terminal would obey some of them.
    let mut shown = match format {
        Format::Json | Format::NdJson if is_terminal => Some(Shown::json()),
        Format::Csv if is_terminal => Some(Shown::text()),
        _ => None,
    };
    while let Some(bytes) = answer.next().await? {
        match &mut shown {
            Some(shown) => output::print(&shown.add(&bytes))?,
            None => output::print_bytes(&bytes)?,
        }
    }
    if let Some(shown) = shown {
        output::print(&shown.end())?;
    }
    Ok(ExitCode::SUCCESS)
}
