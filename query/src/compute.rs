//! What workspaces cost beside the calls of models: how long they ran and were kept, by what the control plane tells of their builds, and
//! what that costs by a rate table.
//!
//! ```text
//! rows of `events` ─► History (any order, each build once) ─► stretches ─► pieces, at the prices of their time ─► view `compute`
//! file of rates ─► RateTable ─► a timeline of prices for each workspace ─────────────┘
//! ```
//!
//! All of it is pure but `table`, which is a plan over the rows of one snapshot: the moment is that of the query, and nothing is remembered
//! between queries. `summary` is what the API and `doctor` say of the last days.

mod history;
mod pieces;
mod rates;
mod stretch;
mod summary;
mod table;
#[cfg(test)]
mod tests;

use ledger::{LedgerName, Position, Seq};

pub use rates::{RateError, RateTable, Rates};
pub use summary::{Summary, Unrated, summary};

pub(crate) use table::{ComputeTable, INPUT};

use history::{History, Names};
use pieces::Piece;
use stretch::{Began, State, Stretch};

/// One row of the view.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ComputeRow<'a> {
    pub(crate) piece: &'a Piece,
    pub(crate) stretch: &'a Stretch,
    pub(crate) names: Names<'a>,
    /// The team, as the row that began the stretch told it.
    pub(crate) team: Option<&'a str>,
    /// The name of its rate.
    pub(crate) rate: Option<&'a str>,
}

impl<'a> ComputeRow<'a> {
    fn of((piece, stretch): &'a (Piece, Stretch), history: &'a History, rates: &'a RateTable) -> Self {
        let rate = piece.rate.and_then(|rate| rates.name(rate));
        Self { piece, stretch, names: history.names(stretch.workspace), team: history.text(stretch.team), rate }
    }
}

impl ComputeRow<'_> {
    /// The word for what the workspace did.
    pub(crate) fn state(&self) -> &'static str {
        match self.stretch.state {
            State::Running => "running",
            State::Stopped => "stopped",
        }
    }

    /// The word for how that began.
    pub(crate) fn began(&self) -> &'static str {
        match self.stretch.began {
            Began::Build => "build",
            Began::Seen => "seen",
        }
    }

    /// Where the row stands that tells of the beginning.
    pub(crate) fn position(&self) -> String {
        place(self.stretch.from_seq)
    }

    /// Where the row stands that tells of the end, of the last piece.
    pub(crate) fn end_position(&self) -> Option<String> {
        self.stretch.until.filter(|_| self.piece.is_last).map(|(_, seq)| place(seq))
    }
}

fn place(seq: Seq) -> String {
    Position { ledger: LedgerName::Events, shard: 0, seq }.to_string()
}
