//! The alert: the record of the operations kind `alert`, one entry per revision of an episode.
//!
//! Detectors write it, delivery and queries read it; what people do with an alert is recorded under kinds of its own, so
//! that replaying the detectors gives these records byte for byte.

mod measurement;

use std::fmt;

use ledger::Digest;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use ledger::Position;
use ledger::Timestamp;

use super::{Family, Info, Kind};

pub use measurement::{Measurement, POINTS_MAX, Point, Unit, Usual};

/// The word of alerts.
pub const KIND: &str = "alert";

/// The kind of alerts.
pub const ALERT: Kind<Alert> = Kind::of(Info::new(
    KIND,
    Family::Alerts,
    "`detect`",
    "one revision of the alert; `revision` is its number, from 1; the highest counts. `measured`: what was measured, \
         `unit`, `observed`, `window_seconds`, `usual` (`low`, `high`), `observations`, `last` (`time`, `value`); `lowered_from`: how bad its rule calls it, where the alert budget tells it at low. `shape`: what a later alert about the same thing has in common with it",
));

/// The most positions of evidence in one alert.
pub const EVIDENCE_MAX: usize = 32;

/// Where an episode stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// The first revision.
    Open,
    /// It goes on.
    Updated,
    /// It has been quiet for long enough.
    Resolved,
}

impl State {
    /// The word in the record.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Updated => "updated",
            Self::Resolved => "resolved",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How bad it is, mildest first: the order is the meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Look at it some day.
    Low,
    /// Look at it today.
    Medium,
    /// Look at it now.
    High,
    /// Act now.
    Critical,
}

impl Severity {
    /// All of them, mildest first.
    pub const ALL: [Self; 5] = [Self::Info, Self::Low, Self::Medium, Self::High, Self::Critical];

    /// The word in the record.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Whose agent it is about. Every text is attacker-written.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Who {
    /// Organisation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub org: Option<String>,
    /// Team.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub team: Option<String>,
    /// The person for whom the agent works.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The agent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// The agent's session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// Id of the workspace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workspace: Option<String>,
    /// Name of the workspace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workspace_name: Option<String>,
}

/// What it is about: the columns of the evidence that the finding rests on. Every text is attacker-written.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct What {
    /// Host name or address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// Registrable domain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
    /// HTTP method.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// URL path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The policy rule that decided, in the source's words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// Model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Tool.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool: Option<String>,
}

/// One revision of an alert.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alert {
    /// The same for every revision, and for every replay of the same events: see [`id`].
    pub id: String,
    /// Number of the revision, from 1.
    pub revision: u32,
    /// Name of the rule, such as `egress.denied_post`.
    pub rule: String,
    /// Version of the rule.
    pub rule_version: u32,
    /// Where the episode stands.
    pub state: State,
    /// How bad it is.
    pub severity: Severity,
    /// A few words.
    pub title: String,
    /// Why, in sentences, with the observed value and the baseline.
    pub reason: String,
    /// Whose agent.
    pub who: Who,
    /// What the finding rests on.
    pub what: What,
    /// Event time of the first event.
    pub first_seen: Timestamp,
    /// Event time of the latest event.
    pub last_seen: Timestamp,
    /// When the first event was recorded.
    pub recorded_first: Timestamp,
    /// When the latest event was recorded.
    pub recorded_last: Timestamp,
    /// Number of events.
    pub count: u64,
    /// Positions of the first and the latest of these events, at most [`EVIDENCE_MAX`].
    #[serde(with = "positions")]
    pub evidence: Vec<Position>,
    /// ATLAS and ATT&CK techniques, such as `AML.T0086` and `T1567`.
    pub tags: Vec<String>,
    /// Whether all its events were old when they were recorded, or before the first start: delivered as a digest.
    pub backfill: bool,
    /// The numbers behind the reason, where the rule has them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measured: Option<Measurement>,
    /// The revision whose numbers this one only brings up to date: it is no news, so it opens nothing again and pages nobody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub follows: Option<u32>,
    /// Keyed hash of who answers for the event that opened it, as hexadecimal digits: the token, and its tenant where names are
    /// believed. Alerts of one sender are told together when they are many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sender: Option<String>,
    /// Whether its sender opened so many alerts before it that they are told together only.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub flood: bool,
    /// How bad its rule calls it, where it is told at low because the team has more alerts than its budget and this kind is ordinary
    /// there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lowered_from: Option<Severity>,
    /// What a later alert of the rule has in common with this one if it is about the same thing again, where the rule can say: once
    /// a person closed one as benign, later ones of this shape and team are told to nobody, as long as they are no worse.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shape: Option<String>,
}

impl Alert {
    /// The newest revision that is news.
    pub fn news(&self) -> u32 {
        self.follows.unwrap_or(self.revision)
    }
}

/// The id of an alert: a hash of the rule, its version, the scope of the episode and the position of the first evidence,
/// as 32 hexadecimal digits after `alert-`.
pub fn id(rule: &str, version: u32, scope: &str, first: Position) -> String {
    let lengths = [rule.len() as u64, scope.len() as u64].map(u64::to_be_bytes);
    let fields = [
        lengths[0].as_slice(),
        rule.as_bytes(),
        &version.to_be_bytes(),
        &lengths[1],
        scope.as_bytes(),
        first.ledger.as_str().as_bytes(),
        &first.shard.to_be_bytes(),
        &first.seq.get().to_be_bytes(),
    ];
    let mut text = Digest::of(b"tachograph alert id v1\n", &fields).to_string();
    text.truncate(32);
    format!("alert-{text}")
}

/// Positions as JSON texts such as `events/0/17`.
mod positions {
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    use ledger::Position;

    pub fn serialize<S: Serializer>(positions: &[Position], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(positions.iter().map(ToString::to_string))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Position>, D::Error> {
        let texts = Vec::<String>::deserialize(deserializer)?;
        texts.iter().map(|text| text.parse().map_err(D::Error::custom)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ledger::{LedgerName, Seq};

    fn position(seq: u64) -> Position {
        Position { ledger: LedgerName::Events, shard: 0, seq: Seq::new(seq) }
    }

    #[test]
    fn ids_are_frozen_and_every_part_counts() {
        let base = id("egress.denied_post", 1, "workspace:w", position(7));
        assert_eq!(base, "alert-50f5f0a8c8ed46aff267e3aa7547f468");
        for other in [
            id("egress.denied_pos", 1, "tworkspace:w", position(7)),
            id("egress.denied_post", 2, "workspace:w", position(7)),
            id("egress.denied_post", 1, "workspace:v", position(7)),
            id("egress.denied_post", 1, "workspace:w", position(8)),
        ] {
            assert_ne!(base, other);
        }
    }

    #[test]
    fn the_record_round_trips_and_its_words_are_frozen() {
        let alert = Alert {
            id: "alert-1".into(),
            revision: 2,
            rule: "egress.denied_post".into(),
            rule_version: 1,
            state: State::Updated,
            severity: Severity::Critical,
            title: "t".into(),
            reason: "r".into(),
            who: Who { user: Some("alice".into()), ..Who::default() },
            what: What { host: Some("attacker-logger.com".into()), ..What::default() },
            first_seen: Timestamp::from_unix_micros(1),
            last_seen: Timestamp::from_unix_micros(2),
            recorded_first: Timestamp::from_unix_micros(3),
            recorded_last: Timestamp::from_unix_micros(4),
            count: 5,
            evidence: vec![position(7)],
            tags: vec!["AML.T0086".into()],
            backfill: false,
            measured: None,
            follows: None,
            sender: None,
            flood: false,
            lowered_from: None,
            shape: None,
        };
        let text = serde_json::to_string(&alert).expect("no maps with odd keys");
        assert_eq!(
            text,
            concat!(
                r#"{"id":"alert-1","revision":2,"rule":"egress.denied_post","rule_version":1,"state":"updated","#,
                r#""severity":"critical","title":"t","reason":"r","who":{"user":"alice"},"#,
                r#""what":{"host":"attacker-logger.com"},"first_seen":1,"last_seen":2,"recorded_first":3,"#,
                r#""recorded_last":4,"count":5,"evidence":["events/0/7"],"tags":["AML.T0086"],"backfill":false}"#
            )
        );
        assert_eq!(serde_json::from_str::<Alert>(&text).expect("our own record"), alert);
        let measured = Some(Measurement::new("denied requests", Unit::Count, 3));
        let quiet = Alert {
            measured,
            follows: Some(1),
            sender: Some("7f".into()),
            flood: true,
            shape: Some("s".into()),
            ..alert
        };
        let text = serde_json::to_string(&quiet).expect("no maps with odd keys");
        assert!(
            text.ends_with(concat!(
                r#","backfill":false,"measured":{"what":"denied requests","unit":"count","observed":3},"#,
                r#""follows":1,"sender":"7f","flood":true,"shape":"s"}"#
            )),
            "{text}"
        );
        assert_eq!((serde_json::from_str::<Alert>(&text).expect("our own record"), quiet.news()), (quiet, 1));
    }
}
