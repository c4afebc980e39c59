//! The columns of one row as detectors may read them: every one but the content itself. What is worked out of them stands elsewhere.

use ledger::column::handle;
use ledger::events::column;
use ledger::limits::COLUMN_ID_LIMIT;
use ledger::{Position, Row, Timestamp};

/// A row of `events` by column.
///
/// Columns made from content (`command`, `file`) are absent once they were erased.
pub struct EventColumns<'a> {
    row: &'a Row<'a>,
    /// The columns that many detectors ask for, checked once; by their number in [`OFTEN`].
    often: [Option<&'a str>; OFTEN.len()],
}

/// The text columns that many detectors ask for.
const OFTEN: [handle::Text; 12] = [
    column::KIND,
    column::SOURCE,
    column::COLLECTOR,
    column::USER,
    column::SESSION,
    column::WORKSPACE,
    column::OUTCOME,
    column::TOOL,
    column::TEAM,
    column::TOKEN,
    column::TRUST,
    column::AGENT,
];

/// For each column its number in [`OFTEN`] plus one, or zero.
const PLACES: [u8; COLUMN_ID_LIMIT as usize] = {
    let mut places = [0; COLUMN_ID_LIMIT as usize];
    let mut at = 0;
    while at < OFTEN.len() {
        places[OFTEN[at].id() as usize] = at as u8 + 1;
        at += 1;
    }
    places
};

impl<'a> EventColumns<'a> {
    /// Those of a row.
    pub fn new(row: &'a Row<'a>) -> Self {
        Self { row, often: OFTEN.map(|column| row.text(column)) }
    }

    /// The row.
    pub fn row(&self) -> &'a Row<'a> {
        self.row
    }

    /// Where it stands.
    pub fn position(&self) -> Position {
        self.row.position
    }

    /// When it was recorded.
    pub fn recorded(&self) -> Timestamp {
        self.row.recorded
    }

    /// The kind of event; empty if it has none.
    pub fn kind(&self) -> &'a str {
        self.often[0].unwrap_or("")
    }

    /// Whom a request is for: the registrable domain, else the host or address; empty if it names none.
    pub fn destination(&self) -> &'a str {
        self.text(column::DOMAIN).or_else(|| self.text(column::HOST)).unwrap_or("")
    }

    /// A text column; `content` reads as null.
    pub fn text(&self, column: handle::Text) -> Option<&'a str> {
        match PLACES[usize::from(column.id())] {
            0 if column == column::CONTENT => None,
            0 => self.row.text(column),
            place => self.often[usize::from(place) - 1],
        }
    }

    /// An integer column.
    pub fn integer(&self, column: handle::Integer) -> Option<i64> {
        self.row.integer(column)
    }
}
