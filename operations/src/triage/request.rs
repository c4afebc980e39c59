//! What people ask for, and why it is refused: one list for the control socket, for HTTP and for a command without a
//! server. What the requests are checked against stands in `check.rs`.

use serde::{Deserialize, Serialize};

use super::matcher::Matcher;
use crate::filter::{Filter, FilterError};
use crate::kind::alert_step::CloseReason;
use crate::kind::window::WindowKind;
use crate::limits;
use ledger::{AppendError, LedgerError, Timestamp};

/// One thing that somebody wants to do. Alerts are named by their id or by the beginning of it that no other alert has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case", deny_unknown_fields)]
pub enum Request {
    /// Look after an alert.
    Ack {
        /// The alert.
        alert: String,
        /// What to remember.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        note: Option<String>,
        /// Refuse if something happened since this version.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        if_version: Option<u64>,
    },
    /// Say who is to look after an alert.
    Assign {
        /// The alert.
        alert: String,
        /// Who; nobody if absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        assignee: Option<String>,
        /// Refuse if something happened since this version.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        if_version: Option<u64>,
    },
    /// Write something about an alert.
    Note {
        /// The alert.
        alert: String,
        /// What.
        note: String,
        /// Refuse if something happened since this version.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        if_version: Option<u64>,
    },
    /// Say what an alert was.
    Resolve {
        /// The alert.
        alert: String,
        /// What it was.
        reason: CloseReason,
        /// The alert that says the same, for duplicates.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        duplicate_of: Option<String>,
        /// What to remember.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        note: Option<String>,
        /// Refuse if something happened since this version.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        if_version: Option<u64>,
    },
    /// Take that back.
    Reopen {
        /// The alert.
        alert: String,
        /// What to remember.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        note: Option<String>,
        /// Refuse if something happened since this version.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        if_version: Option<u64>,
    },
    /// Hide alerts for a while.
    Silence(NewSilence),
    /// End a silence or a maintenance window early.
    Expire {
        /// Its id.
        silence: String,
    },
}

/// A silence or maintenance window to come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewSilence {
    /// Which of both it is.
    pub kind: WindowKind,
    /// What is hidden: all must hold.
    #[serde(default)]
    pub matchers: Vec<Matcher>,
    /// A filter such as `team:payments severity:high`, beside the matchers or in their place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<Filter>,
    /// Why.
    pub reason: String,
    /// From when on; from now on if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub starts: Option<Timestamp>,
    /// Until when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends: Option<Timestamp>,
    /// Seconds from one start of a maintenance window to the next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub every_seconds: Option<u64>,
    /// When the repetition ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// Only check it, and say how many alerts it would have hidden.
    #[serde(default)]
    pub dry_run: bool,
}

/// Why something was not done, by what the person who asked can do about it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    /// The principal has neither role.
    #[error("{0} may not work on alerts; it takes the role analyst or admin")]
    Role(String),
    /// No alert has this id.
    #[error("there is no alert {0:?}")]
    UnknownAlert(String),
    /// Several alerts have ids that begin like this.
    #[error("several alerts begin with {0:?}; give more of the id")]
    AmbiguousAlert(String),
    /// No silence has this id.
    #[error("there is no silence {0:?}")]
    UnknownSilence(String),
    /// Somebody looks after it already.
    #[error("the alert was acknowledged already, by {actor}")]
    AlreadyAcknowledged {
        /// Who.
        actor: String,
    },
    /// Somebody decided what it was.
    #[error("the alert was closed already as {reason}, by {actor}; reopen it first")]
    AlreadyClosed {
        /// Who.
        actor: String,
        /// As what.
        reason: CloseReason,
    },
    /// Nobody has closed it.
    #[error("the alert is not closed")]
    NotClosed,
    /// It ended before.
    #[error("{0} is over")]
    SilenceOver(String),
    /// Something happened since the version that the request names.
    #[error("the alert is at version {found}, not {expected}; look at what happened and ask again")]
    Version {
        /// What the request names.
        expected: u64,
        /// Where it is.
        found: u64,
    },
    /// A silence has no end.
    #[error("a silence has an end; say when")]
    NoEnd,
    /// It ends before it starts, or is over already.
    #[error("it ends before it starts, or before now")]
    EndsTooEarly,
    /// It lasts too long.
    #[error("it lasts longer than {0} days; change the rule instead")]
    TooLong(u32),
    /// Only maintenance windows start later or come back.
    #[error("a silence starts now and comes back never; record a maintenance window")]
    NotForSilences,
    /// The repetition is shorter than the window, or has no end.
    #[error("a window that comes back needs an end, and more time between two starts than it lasts")]
    Repetition,
    /// It would hide alerts that nobody thought of.
    #[error(
        "it would hide every alert; at least one matcher says what an alert must be, such as rule=egress.denied_post"
    )]
    HidesEverything,
    /// Its filter asks for more than a detector finds.
    #[error(transparent)]
    Filter(#[from] FilterError),
    /// It has too many matchers.
    #[error("there are more than {max} matchers", max = limits::MATCHERS_MAX)]
    TooManyMatchers,
    /// There are too many silences.
    #[error("{max} silences and maintenance windows stand already; end some first", max = limits::SILENCES_MAX)]
    TooManySilences,
    /// A text that must say something is empty.
    #[error("{0} is empty")]
    Empty(&'static str),
    /// A text is above its bound or has characters that nobody sees.
    #[error("{field} has at most {max} bytes and no control characters")]
    Text {
        /// Which.
        field: &'static str,
        /// The bound.
        max: usize,
    },
    /// A duplicate is one of another alert.
    #[error("an alert is a duplicate of another one; name that one, and only for the reason duplicate")]
    Duplicate,
    /// Nothing can be recorded here.
    #[error("the ledger is open for reading only")]
    ReadOnly,
    /// The ledger did not take the entry.
    #[error(transparent)]
    Append(#[from] AppendError),
    /// The ledger could not be read.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// How a refusal is met: for statuses and exit codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// The principal may not.
    Forbidden,
    /// What it is about does not exist.
    Unknown,
    /// It is not in a state in which that can be done.
    Conflict,
    /// The request itself is wrong.
    Invalid,
    /// The ledger is at fault.
    Ledger,
}

impl Refused {
    /// A word that never changes its meaning, and how it is met.
    pub fn code(&self) -> (&'static str, Cause) {
        match self {
            Self::Role(_) => ("role", Cause::Forbidden),
            Self::UnknownAlert(_) => ("unknown_alert", Cause::Unknown),
            Self::UnknownSilence(_) => ("unknown_silence", Cause::Unknown),
            Self::AmbiguousAlert(_) => ("ambiguous_alert", Cause::Conflict),
            Self::AlreadyAcknowledged { .. } => ("already_acknowledged", Cause::Conflict),
            Self::AlreadyClosed { .. } => ("already_closed", Cause::Conflict),
            Self::NotClosed => ("not_closed", Cause::Conflict),
            Self::SilenceOver(_) => ("silence_over", Cause::Conflict),
            Self::Version { .. } => ("version", Cause::Conflict),
            Self::TooManySilences => ("too_many_silences", Cause::Conflict),
            Self::NoEnd => ("no_end", Cause::Invalid),
            Self::EndsTooEarly => ("ends_too_early", Cause::Invalid),
            Self::TooLong(_) => ("too_long", Cause::Invalid),
            Self::NotForSilences | Self::Repetition => ("repetition", Cause::Invalid),
            Self::HidesEverything => ("hides_everything", Cause::Invalid),
            Self::Filter(_) => ("filter", Cause::Invalid),
            Self::TooManyMatchers => ("too_many_matchers", Cause::Invalid),
            Self::Empty(_) => ("empty", Cause::Invalid),
            Self::Text { .. } => ("text", Cause::Invalid),
            Self::Duplicate => ("duplicate", Cause::Invalid),
            Self::ReadOnly => ("read_only", Cause::Forbidden),
            Self::Append(_) | Self::Ledger(_) => ("ledger", Cause::Ledger),
        }
    }
}
