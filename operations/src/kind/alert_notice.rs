//! The kind `alert.notice`: receivers are to be told of an alert although it has no new revision.

use serde::{Deserialize, Serialize};

use super::alert::Alert;
use super::{Family, Info, Kind};
use crate::limits;

/// Receivers are to be told of an alert although it has no new revision. Nobody asks for it: delivery writes it when it is due.
pub const NOTICE: &str = "alert.notice";

/// The kind of notices.
pub const NOTICED: Kind<Notice> = Kind::of(
    Info::new(
        NOTICE,
        Family::Alerts,
        "`delivery`",
        "`because` (`escalation` with `step` and `receivers`, `unhidden`, `reopened`), `alert`: receivers are told although \
         there is no new revision",
    )
    .at_most(limits::TRIAGE_RECORD_BYTES_MAX),
);

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
