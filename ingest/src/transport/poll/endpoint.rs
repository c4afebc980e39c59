//! What a list of an interface is: how to ask for a page of it, where its rows stand, how one is told from another, and which of
//! them may still change. Each interface has a file with its lists; what is done with them is the same for all.

use std::time::Duration;

use serde_json::Value;

use super::cursor::{Place, Span};

/// An interface that is asked.
pub struct Api {
    /// The name in the configuration.
    pub name: &'static str,
    /// The header that carries the token.
    pub header: &'static str,
    /// What stands before the token in it.
    pub scheme: &'static str,
    /// Its lists.
    pub endpoints: &'static [Endpoint],
}

/// What a page is asked for with.
pub struct Ask<'a> {
    /// The part of the list.
    pub span: Span,
    /// Where the page begins.
    pub place: &'a Place,
    /// How many rows it may have.
    pub limit: u64,
    /// The row that is asked about, for what belongs to one.
    pub row: &'a Value,
}

/// A request, apart from where the interface is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Asked {
    /// Further segments of the path, which are escaped.
    pub segments: Vec<String>,
    /// The query.
    pub query: Vec<(&'static str, String)>,
    /// A body in JSON; then it is a POST.
    pub body: Option<String>,
}

/// How a list is paged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paging {
    /// All of it comes at once.
    Once,
    /// By the number of rows before the page.
    Offset,
    /// By the number of the page, from one.
    Number,
    /// By the id of the last row of the page before.
    After,
    /// By a text that stands at this JSON pointer of the page before.
    Token(&'static str),
}

/// How a list is read on.
#[derive(Debug, Clone, Copy)]
pub enum Reading {
    /// A log: what is newer than what was read, and a little of what is older.
    Log {
        /// How far back it is read again unless the configuration says it.
        overlap: Duration,
        /// Whether a part of it can be asked for by time.
        has_windows: bool,
        /// Whether its rows come by their time, the newest first.
        is_sorted: bool,
        /// Whether a row may still change.
        is_open: fn(&Value) -> bool,
    },
    /// How things stand: all of it is read each time, and what is not as it was is new.
    State,
    /// Keys that records named and nobody has explained: each is asked for by itself.
    Keys,
}

/// A list of an interface.
pub struct Endpoint {
    /// The name in the configuration.
    pub name: &'static str,
    /// Its paths, the one of newer versions first: the next is tried where the one before is not there.
    pub paths: &'static [&'static str],
    /// How it is read on.
    pub reading: Reading,
    /// How it is paged.
    pub paging: Paging,
    /// The member of the page that is the list; empty if the page is the list.
    pub rows: &'static str,
    /// The member of a record that is a list of one row, as the dialect knows pages; empty if the row is the record.
    pub wrap: &'static str,
    /// Where in a row its id stands, as JSON pointers, the first that is there.
    pub id: &'static [&'static str],
    /// Where in a row its time stands.
    pub time: &'static [&'static str],
    /// What of a row makes it another one than it was, beside its id.
    pub version: &'static [&'static str],
    /// Every so many rounds of the collector it is read.
    pub every: u32,
    /// How many rows a page may have at most.
    pub limit: u64,
    /// The request for a page.
    pub ask: fn(&Ask<'_>) -> Asked,
    /// Whether rows are recorded, or only say what else to ask for.
    pub is_recorded: bool,
    /// What else is asked for about a row that is new or has changed.
    pub details: &'static [Detail],
}

/// What else is asked for about a row.
pub struct Detail {
    /// The request; nothing is asked if the row has no id for it.
    pub ask: fn(&Ask<'_>) -> Option<Asked>,
    /// How it is paged.
    pub paging: Paging,
    /// The member that is a list, by whose length and last id it is paged.
    pub rows: &'static str,
    /// The member of a record that is a list of one of them; `None` if each page is a record as it is.
    pub wrap: Option<&'static str>,
    /// Where an id stands.
    pub id: &'static [&'static str],
    /// What makes it another one than it was, as JSON pointers into a row, or into the page if that is the record.
    pub version: &'static [&'static str],
    /// How many rows a page may have at most.
    pub limit: u64,
    /// Whether it is asked only about rows that were known and have changed.
    pub only_changed: bool,
}

/// The text or number at the first of these JSON pointers that is there.
pub fn text_at(value: &Value, pointers: &[&str]) -> Option<String> {
    pointers.iter().find_map(|pointer| match value.pointer(pointer)? {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    })
}

/// No row of the list changes.
pub fn never(_row: &Value) -> bool {
    false
}
