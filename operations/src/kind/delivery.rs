//! What delivery wrote about messages on alerts: the records of the kinds `delivery.sent` and `delivery.hidden`.

use serde::{Deserialize, Serialize};

use super::alert::Severity;
use super::field::{Field, Shape};
use super::{Family, Info, Kind};
use ledger::Timestamp;

/// The operations kind of messages about alerts that a receiver took.
pub const SENT_KIND: &str = "delivery.sent";
/// The operations kind of revisions that nobody was told of, because something hides the alert: `from` is the revision.
pub const HIDDEN_KIND: &str = "delivery.hidden";

/// The kind of messages that a receiver took.
pub const SENT: Kind<Sent> = Kind::of(
    Info::new(
        SENT_KIND,
        Family::Exports,
        "`export`",
        "one message about alerts that the receiver took: `key`, `handle`, `digest`, `thread`, `alerts`, `sha256`, `attempts`, \
         `ack`",
    )
    .internal()
    .shown_as(&[
        Field::column("receiver", "subject", "Name of the sink in the configuration."),
        Field::record("message", &["key"], Shape::Text, "The message's name, the same for each attempt."),
        Field::record("handle", &["handle"], Shape::Text, "What the receiver calls the message."),
        Field::record("digest", &["digest"], Shape::Flag, "Whether it was a digest of many alerts."),
        Field::record("thread", &["thread", "subject"], Shape::Text, "The alert in whose thread it stands."),
        Field::record("alerts", &["alerts"], Shape::Json, "The revisions that it told of, as a JSON list."),
        Field::record("attempts", &["attempts"], Shape::Integer, "How often it was sent."),
        Field::record("sha256", &["sha256"], Shape::Text, "SHA-256 of its body, in hexadecimal."),
        Field::record("ack", &["ack"], Shape::Text, "What the receiver answered."),
    ]),
);
/// The kind of what nobody was told of.
pub const HIDDEN: Kind<Hidden> = Kind::of(
    Info::new(
        HIDDEN_KIND,
        Family::Alerts,
        "`export`",
        "`alert`, `revision`, `by`, and `step` if it was a step of escalation: something hid it from the receiver `subject`, which \
         is told by a notice once nothing does; `from` is the entry that was hidden",
    )
    .internal(),
);

/// The record of a `delivery.sent`: one message, and the alerts that it told of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sent {
    /// The message's name, the same for each attempt; empty if the receipt alone says that the message went.
    pub key: String,
    /// What the receiver calls the message, if later ones refer to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handle: Option<String>,
    /// Whether it was a digest of many alerts.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub digest: bool,
    /// The thread that it belongs to, if alerts are grouped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread: Option<SentThread>,
    /// The revisions that it told of.
    pub alerts: Vec<SentAlert>,
    /// SHA-256 of the body in hexadecimal.
    pub sha256: String,
    /// How often it was sent.
    pub attempts: u32,
    /// What the receiver answered.
    pub ack: String,
}

/// A thread: the alerts of one group are told together with the first of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SentThread {
    /// The alert that was told of first; incidents and threads have its name.
    pub subject: String,
    /// What the alerts have in common, as a hash.
    pub group: String,
    /// When the first of them was recorded.
    pub since: Timestamp,
    /// How bad the worst of them was when it was told.
    pub severity: Severity,
}

/// The record of a `delivery.hidden`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hidden {
    /// The alert.
    pub alert: String,
    /// The revision.
    pub revision: u32,
    /// What hides it.
    pub by: String,
    /// The step of escalation that the sink was not told of, if it was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
}

/// A revision in a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SentAlert {
    /// The alert.
    pub id: String,
    /// The revision.
    pub revision: u32,
    /// Whether the message said that the alert is over.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub over: bool,
    /// What the receiver knows it by from now on, where that changes with the alert: a later message takes it back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known_as: Option<String>,
}
