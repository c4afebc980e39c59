//! The kinds of `operations` entries that people write about alerts, and their records. FORMAT.md lists them; fields are
//! only ever added.
//!
//! Text that may have to be erased, a note, is the entry's content and stands in no record.

use serde::{Deserialize, Serialize};

use super::alert::{Alert, Severity};
use super::{Family, Info, Kind};
use crate::limits;

/// Somebody looks after the alert.
pub const ACKNOWLEDGE: &str = "alert.ack";
/// Somebody is to look after it.
pub const ASSIGN: &str = "alert.assign";
/// Somebody wrote something about it.
pub const NOTE: &str = "alert.note";
/// Somebody decided what it was.
pub const CLOSE: &str = "alert.close";
/// That decision was taken back.
pub const REOPEN: &str = "alert.reopen";

/// Entries in which somebody acknowledges an alert.
pub const ACKNOWLEDGED: Kind<Acknowledge> = step(
    ACKNOWLEDGE,
    "`revision` seen, `token`, `severity` at that time: covers the alert until it gets worse than that; `alert`: the revision \
     seen, whole",
);
/// Entries in which somebody assigns an alert.
pub const ASSIGNED: Kind<Assign> = step(ASSIGN, "`revision`, `token`, `assignee`; nobody if that is absent");
/// Entries in which somebody writes a note.
pub const NOTED: Kind<Seen> = step(NOTE, "`revision`, `token`; the note is the content");
/// Entries in which somebody closes an alert.
pub const CLOSED: Kind<Close> = step(
    CLOSE,
    "`revision`, `token`, `reason` (`true_positive`, `benign`, `false_positive`, `duplicate`), `duplicate_of`, `alert` (the \
     revision seen, whole): stands until the alert is reopened, or has a revision above the one that was seen that does not \
     resolve it",
);
/// Entries in which somebody opens an alert again.
pub const REOPENED: Kind<Seen> = step(REOPEN, "`revision`, `token`: takes acknowledgement and close back");

const fn step<R>(word: &'static str, doc: &'static str) -> Kind<R> {
    Kind::of(Info::new(word, Family::Alerts, "a person", doc).at_most(limits::TRIAGE_RECORD_BYTES_MAX))
}

/// What an alert turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CloseReason {
    /// It was what it says, and it was bad.
    TruePositive,
    /// It was what it says, and it was meant to be.
    Benign,
    /// It was not what it says: the rule is wrong.
    FalsePositive,
    /// Another alert says the same.
    Duplicate,
}

impl CloseReason {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::TruePositive, Self::Benign, Self::FalsePositive, Self::Duplicate];

    /// The word in the record.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TruePositive => "true_positive",
            Self::Benign => "benign",
            Self::FalsePositive => "false_positive",
            Self::Duplicate => "duplicate",
        }
    }
}

impl std::fmt::Display for CloseReason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::str::FromStr for CloseReason {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == text).ok_or_else(|| {
            format!("{text:?} is not a close reason; it is one of {}", Self::ALL.map(Self::as_str).join(", "))
        })
    }
}

/// What every step has: which revision of the alert the person saw, and whose token it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// The alert's revision.
    pub revision: u32,
    /// Id of the token.
    pub token: String,
}

/// The record of `alert.ack`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acknowledge {
    /// What the person saw.
    #[serde(flatten)]
    pub seen: Seen,
    /// How bad it was then: when it gets worse, the acknowledgement no longer covers it.
    pub severity: Severity,
    /// The revision that the person saw, so that receivers are told of the step from this entry alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alert: Option<Box<Alert>>,
}

/// The record of `alert.assign`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assign {
    /// What the person saw.
    #[serde(flatten)]
    pub seen: Seen,
    /// Who is to look after it; nobody if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assignee: Option<String>,
}

/// The record of `alert.close`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Close {
    /// What the person saw: later revisions of an episode that goes on open the alert again.
    #[serde(flatten)]
    pub seen: Seen,
    /// What it turned out to be.
    pub reason: CloseReason,
    /// The alert that says the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duplicate_of: Option<String>,
    /// The revision that the person saw, so that receivers are told of the step from this entry alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alert: Option<Box<Alert>>,
}
