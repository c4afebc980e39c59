//! Structured logs on standard error: text for people, JSON for collectors of logs.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

use crate::output::no_color;

/// The form of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum LogFormat {
    /// One readable line.
    #[default]
    Text,
    /// One JSON object per line.
    Json,
}

/// Starts logging. `filter` is a level or a list such as `info,ledger=debug`.
pub fn start(format: LogFormat, filter: &str) -> Result<(), crate::exit::Failure> {
    let filter = EnvFilter::try_new(filter).map_err(|error| {
        crate::exit::Failure::usage(format!("--log {filter:?}: {error}; try info or info,ledger=debug"))
    })?;
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match format {
        // Values of fields may come from events: the JSON writer escapes them, the text writer prints them with `Debug`.
        LogFormat::Json => logs.json().flatten_event(true).with_current_span(false).init(),
        LogFormat::Text => logs.with_ansi(std::io::stderr().is_terminal() && !no_color()).init(),
    }
    Ok(())
}
