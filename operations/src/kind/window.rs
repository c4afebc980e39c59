//! Silences and maintenance windows: the records of the kinds `silence`, `silence.expire`, `maintenance` and
//! `maintenance.expire`. What a window covers, and when, is decided in `triage`.

use serde::{Deserialize, Serialize};

use crate::triage::Silence;

/// Alerts are hidden for a while.
pub const SILENCE: &str = "silence";
/// A silence ended early.
pub const SILENCE_EXPIRE: &str = "silence.expire";
/// Alerts are hidden during planned work, once or again and again.
pub const MAINTENANCE: &str = "maintenance";
/// A maintenance window was called off.
pub const MAINTENANCE_EXPIRE: &str = "maintenance.expire";

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

    /// The kind of the entry that begins it, and the first word of its id.
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Silence => SILENCE,
            Self::Maintenance => MAINTENANCE,
        }
    }

    /// The kind of the entry that ends it early.
    pub const fn expire_kind(self) -> &'static str {
        match self {
            Self::Silence => SILENCE_EXPIRE,
            Self::Maintenance => MAINTENANCE_EXPIRE,
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
