//! Silences and maintenance windows: the records of the kinds `silence`, `silence.expire`, `maintenance` and
//! `maintenance.expire`. What a window covers, and when, is decided in `triage`.

use serde::{Deserialize, Serialize};

use super::{Family, Info, Kind};
use crate::limits;
use crate::triage::Silence;

/// Alerts are hidden for a while.
pub const SILENCE: &str = "silence";
/// A silence ended early.
pub const SILENCE_EXPIRE: &str = "silence.expire";
/// Alerts are hidden during planned work, once or again and again.
pub const MAINTENANCE: &str = "maintenance";
/// A maintenance window was called off.
pub const MAINTENANCE_EXPIRE: &str = "maintenance.expire";

/// Entries that begin a silence.
pub const SILENCED: Kind<Window> = window(
    SILENCE,
    "`matchers`, `filter` (docs/filter.md; must hold beside them, or alone without matchers), `reason`, `starts`, `ends`, `would_have_hidden` (alerts of the seven days before), `token`",
);
/// Entries that announce a maintenance window.
pub const MAINTAINED: Kind<Window> =
    window(MAINTENANCE, "the same, and `every_seconds` and `until` where the window comes back");
/// Entries that end a silence early.
pub const SILENCE_EXPIRED: Kind<Expire> = window(SILENCE_EXPIRE, "`token`: it ends now");
/// Entries that call a maintenance window off.
pub const MAINTENANCE_EXPIRED: Kind<Expire> = window(MAINTENANCE_EXPIRE, "`token`: it ends now");

const fn window<R>(word: &'static str, doc: &'static str) -> Kind<R> {
    Kind::of(Info::new(word, Family::Alerts, "a person", doc).at_most(limits::TRIAGE_RECORD_BYTES_MAX))
}

/// Why alerts are hidden for a time that is known beforehand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WindowKind {
    /// Somebody knows and does not want to hear of it for now.
    Silence,
    /// Planned work makes them expected.
    Maintenance,
}

impl WindowKind {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Silence, Self::Maintenance];

    /// The word of the entry that begins it, and the first word of its id.
    pub const fn word(self) -> &'static str {
        self.begins().word()
    }

    /// The kind of the entry that begins it.
    pub const fn begins(self) -> Kind<Window> {
        match self {
            Self::Silence => SILENCED,
            Self::Maintenance => MAINTAINED,
        }
    }

    /// The kind of the entry that ends it early.
    pub const fn expires(self) -> Kind<Expire> {
        match self {
            Self::Silence => SILENCE_EXPIRED,
            Self::Maintenance => MAINTENANCE_EXPIRED,
        }
    }
}

/// The record of `silence` and `maintenance`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// What is hidden, when and why.
    #[serde(flatten)]
    pub silence: Silence,
    /// How many alerts of the days before it would have hidden.
    pub would_have_hidden: u64,
    /// Id of the token.
    pub token: String,
}

/// The record of `silence.expire` and `maintenance.expire`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expire {
    /// Id of the token.
    pub token: String,
}
