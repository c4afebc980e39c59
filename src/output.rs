//! What commands print: tables for people, JSON for machines.
//!
//! Everything in an event is text that an attacker may have written, so it passes through [`visible`] on its way to a
//! terminal.

mod table;
mod visible;

use std::io::{IsTerminal, Write};

pub use table::Table;
pub use visible::{visible, visible_lines};

/// How a command prints its result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people.
    Table,
    /// One JSON document.
    Json,
}

/// Writes to standard output; an error is usually a reader that went away.
pub fn print(text: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// Writes a line to standard output.
pub fn print_line(text: &str) -> std::io::Result<()> {
    print(&format!("{text}\n"))
}

/// Writes a value as indented JSON and a line break.
pub fn print_json(value: &impl serde::Serialize) -> anyhow::Result<()> {
    Ok(print_line(&serde_json::to_string_pretty(value)?)?)
}

/// Whether standard output takes colours: a terminal, and `NO_COLOR` is not set (<https://no-color.org>).
pub fn colours() -> bool {
    std::io::stdout().is_terminal() && !no_color()
}

/// Whether the user asked for no colours.
pub fn no_color() -> bool {
    std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
}

/// A moment in microseconds since 1970 UTC as RFC 3339.
pub fn time(micros: i64) -> String {
    chrono::DateTime::from_timestamp_micros(micros)
        .map_or_else(|| micros.to_string(), |time| time.to_rfc3339_opts(chrono::SecondsFormat::Millis, true))
}
