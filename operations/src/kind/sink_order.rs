//! What people order of a sink while it runs: the records of the kinds `export.pause` and `export.resume`. What follows from an order is the
//! business of `export`; what orders amount to is a fold.

use serde::{Deserialize, Serialize};

use super::{Family, Info, Kind};

/// The operations kind of orders that a sink stands still.
pub const PAUSE_KIND: &str = "export.pause";
/// The operations kind of orders that it goes on.
pub const RESUME_KIND: &str = "export.resume";

/// Entries that stop a sink until it is resumed. Unlike receipts they are exported: whoever takes a SIEM's eyes away is seen by the others
/// at once, and by this one when it goes on.
pub const PAUSE: Kind<Pause> = order(
    PAUSE_KIND,
    "the sink `subject` stands still from now on, over restarts: `reason`. What waits for it is kept in the ledger",
);
/// Entries that let it go on.
pub const RESUME: Kind<Resume> = order(RESUME_KIND, "the sink `subject` goes on from its newest receipt");

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
