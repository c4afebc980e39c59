//! What commands print: tables for people, JSON for machines.
//!
//! Everything in an event is text that an attacker may have written, so it passes through [`visible`] on its way to a
//! terminal.

mod shown;
mod table;

use std::io::{IsTerminal, Write};

use ledger::Timestamp;

pub use shown::Shown;
pub use table::Table;

/// How a command prints its result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people.
    Table,
    /// One JSON document.
    Json,
}

/// The text with every character spelled out that a terminal would obey or hide, line breaks included.
pub fn visible(text: &str) -> String {
    query::output::visible(text).into_owned()
}

/// As [`visible`], but keeps line breaks: for text that is laid out in lines.
pub fn visible_lines(text: &str) -> String {
    text.split('\n').map(visible).collect::<Vec<_>>().join("\n")
}

/// Writes to standard output; an error is usually a reader that went away.
pub fn print(text: &str) -> std::io::Result<()> {
    print_bytes(text.as_bytes())
}

/// Writes bytes that are no text, or text that was made visible already.
pub fn print_bytes(bytes: &[u8]) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(bytes)?;
    out.flush()
}

/// Writes a line to standard output.
pub fn print_line(text: &str) -> std::io::Result<()> {
    print(&format!("{text}\n"))
}

/// Writes a value as indented JSON and a line break.
pub fn print_json(value: &impl serde::Serialize) -> anyhow::Result<()> {
    Ok(print_json_text(&serde_json::to_string_pretty(value)?)?)
}

/// Writes JSON and a line break: byte for byte into a pipe, with nothing that a terminal would obey to a terminal.
pub fn print_json_text(text: &str) -> std::io::Result<()> {
    if std::io::stdout().is_terminal() { print_line(&shown::json(text)) } else { print_line(text) }
}

/// How many characters fit into a line of the terminal; `None` if standard output is none.
pub fn terminal_columns() -> Option<usize> {
    std::io::stdout().is_terminal().then(terminal_size::terminal_size).flatten().map(|(width, _)| width.0.into())
}

/// Prints a page of a list: as it is, or as a table with what else there is.
pub fn print_page(
    page: &serde_json::Value,
    name: &str,
    format: Format,
    table: impl Fn(&[serde_json::Value]) -> String,
) -> anyhow::Result<()> {
    let rows = page[name].as_array().map(Vec::as_slice).unwrap_or_default();
    match format {
        Format::Json => print_json(page)?,
        Format::Table if rows.is_empty() => print_line(&format!("There are no such {name}."))?,
        Format::Table => {
            print(&table(rows))?;
            if let Some(next) = page["next"].as_str() {
                eprintln!("{} of {}; more with --cursor {}", rows.len(), page["total"], visible(next));
            }
        }
    }
    Ok(())
}

/// Whether standard output takes colours: a terminal, and `NO_COLOR` is not set (<https://no-color.org>).
pub fn colours() -> bool {
    std::io::stdout().is_terminal() && !no_color()
}

/// Whether the user asked for no colours.
pub fn no_color() -> bool {
    std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
}

/// A moment as RFC 3339, to the microsecond: for machines.
pub fn exact_time(moment: Timestamp) -> String {
    let micros = moment.unix_micros();
    chrono::DateTime::from_timestamp_micros(micros)
        .map_or_else(|| micros.to_string(), |time| time.to_rfc3339_opts(chrono::SecondsFormat::Micros, true))
}

/// A moment as RFC 3339.
pub fn time(moment: Timestamp) -> String {
    let micros = moment.unix_micros();
    chrono::DateTime::from_timestamp_micros(micros)
        .map_or_else(|| micros.to_string(), |time| time.to_rfc3339_opts(chrono::SecondsFormat::Millis, true))
}
