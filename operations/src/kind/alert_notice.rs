//! The kind `alert.notice`: receivers are to be told of an alert although it has no new revision.

use serde::{Deserialize, Serialize};

use super::alert::Alert;

/// Receivers are to be told of an alert although it has no new revision. Nobody asks for it: delivery writes it when it is due.
pub const NOTICE: &str = "alert.notice";

/// Why receivers are told of an alert although it has no new revision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "because", rename_all = "snake_case")]
pub enum Because {
    /// Nobody acknowledged it in time.
    Escalation {
        /// Name of the step in the configuration.
        step: String,
        /// The receivers that hear of it; those to which routes lead if there are none.
        receivers: Vec<String>,
    },
    /// What hid it from a receiver has ended.
    Unhidden,
    /// It is open again although somebody closed it.
    Reopened,
}

/// The record of `alert.notice`. It holds the revision itself, so that what receivers are told is made from this entry alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// Why.
    #[serde(flatten)]
    pub because: Because,
    /// The newest revision, with the severity that an escalation gives it.
    pub alert: Alert,
}
