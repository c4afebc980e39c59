//! What people order of a sink while it runs: the records of the kinds `export.pause`, `export.resume`, `export.backfill` and
//! `export.backfill.end`, and the orders as they are given. What follows from an order is the business of `export`; what orders amount to is a fold.

use ledger::{LedgerName, Position, Timestamp};
use serde::{Deserialize, Serialize};

use super::export::Link;
use super::{Family, Info, Kind};

/// What is ordered of a sink while it runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SinkOrder {
    /// Send what the sink refused for good once more. Dead letters that are refused again are dead again.
    Retry,
    /// Stand still until it is resumed, over restarts too.
    Pause {
        /// Why, for those who see it.
        reason: Option<String>,
    },
    /// Go on.
    Resume,
    /// End a backfill of it where it is.
    Cancel {
        /// Its number.
        backfill: u64,
    },
}

/// An end of a range of a ledger, as somebody names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RangeEnd {
    /// A position.
    At(Position),
    /// What was recorded from this moment on.
    Since(LedgerName, Timestamp),
}

/// A range that somebody wants sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackfillOrder {
    /// How its records are said.
    pub mode: BackfillMode,
    /// Where it begins.
    pub from: RangeEnd,
    /// Where it ends: without it where the sink began to be sent what was new, or for what is sent again where it is now.
    pub to: Option<RangeEnd>,
    /// How many records go in a second at most.
    pub records_per_second: u32,
    /// Why.
    pub reason: Option<String>,
}

/// The operations kind of orders that a sink stands still.
pub const PAUSE_KIND: &str = "export.pause";
/// The operations kind of orders that it goes on.
pub const RESUME_KIND: &str = "export.resume";
/// The operations kind of orders that a range of a ledger is sent beside what is new.
pub const BACKFILL_KIND: &str = "export.backfill";
/// The operations kind of the ends of such ranges.
pub const BACKFILL_END_KIND: &str = "export.backfill.end";

/// Entries that stop a sink until it is resumed. Unlike receipts they are exported: whoever takes a SIEM's eyes away is seen by the others
/// at once, and by this one when it goes on.
pub const PAUSE: Kind<Pause> = order(
    PAUSE_KIND,
    "the sink `subject` stands still from now on, over restarts: `reason`. What waits for it is kept in the ledger",
);
/// Entries that let it go on.
pub const RESUME: Kind<Resume> = order(RESUME_KIND, "the sink `subject` goes on from its newest receipt");
/// Entries that begin a backfill.
pub const BACKFILL: Kind<Backfill> = order(
    BACKFILL_KIND,
    "what stands from `from` up to `to` is sent to the sink `subject` beside what is new, as a stream of its own whose receipts have the subject      `SINK~backfill-NUMBER` and tile the range: `number`, which counts the backfills of the sink from 1; `mode`, `anew` (with numbers of its own from 0) or      `again` (each record as it was said before, with its number of then); `export_seq` of the first record, and `previous`, the one that it refers to      where records are linked; `rendering`, what records are said by in mode `again`; `records_per_second` at most; `reason`",
);
/// Entries that end it.
pub const BACKFILL_END: Kind<BackfillEnd> = order(
    BACKFILL_END_KIND,
    "the backfill `number` of the sink `subject` is over: `outcome`, `done` by `export` or `cancelled` by a person",
);

const fn order<R>(word: &'static str, doc: &'static str) -> Kind<R> {
    Kind::of(Info::new(word, Family::Exports, "a person", doc))
}

/// The record of an `export.pause`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Pause {
    /// Why, in the words of who ordered it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// The record of an `export.resume`: its envelope says all.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resume {}

/// The record of an `export.backfill`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backfill {
    /// Counts the backfills of the sink from 1.
    pub number: u64,
    /// How its records are said.
    pub mode: BackfillMode,
    /// The number of its first record.
    pub export_seq: u64,
    /// The record that its first one refers to, where records are linked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<Link>,
    /// What its records were said by before, and have to be said by again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rendering: Option<String>,
    /// How many records it sends in a second at most.
    pub records_per_second: u32,
    /// Why, in the words of who ordered it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// How the records of a backfill are said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BackfillMode {
    /// In a stream of their own, with numbers from 0: nobody numbered them before, or by other settings.
    Anew,
    /// Byte for byte as the sink was sent them before.
    Again,
}

/// The record of an `export.backfill.end`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackfillEnd {
    /// Which one.
    pub number: u64,
    /// How it ended.
    pub outcome: BackfillOutcome,
}

/// How a backfill ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BackfillOutcome {
    /// There are receipts for all of its range.
    Done,
    /// Somebody called it off; there are receipts up to where it was.
    Cancelled,
}

/// What stands between the name of a sink and the number of a backfill, in the subject of its receipts and in the names of its streams. No
/// sink has it in its name.
const BACKFILL_MARK: &str = "~backfill-";

/// The name of a backfill of `of`, which is a sink or a stream: `siem~backfill-1`.
pub fn backfill_name(of: &str, number: u64) -> String {
    format!("{of}{BACKFILL_MARK}{number}")
}

/// What a name is a backfill of, and its number; `None` of what is none.
pub fn backfill_of(name: &str) -> Option<(&str, u64)> {
    let (of, number) = name.rsplit_once(BACKFILL_MARK)?;
    Some((of, number.parse().ok()?))
}
