//! What the runner writes to `operations`: alerts, its cursor, changes of rules and outages, in one group.

use std::ops::ControlFlow;

use detect_core::clock::Outage;
use detect_core::engine::EnginePosition;
use detect_rules::rule_set::RuleSet;
use ledger::consumer::Journal;
use ledger::operations::column;
use ledger::{AppendError, Appender, Group, LedgerError, LedgerName, Position, Reader, Row, Seq, Timestamp};
use operations::alert::{ALERT, Alert};
use operations::fold;
use operations::kind::{self, Envelope, Kind};
use serde::{Deserialize, Serialize};

/// The subject of the runner's own entries, and the actor of all.
const DETECT: &str = "detect";
/// The kind of cursors.
const CURSOR: Kind<Cursor> = Kind::of(kind::detection::CURSOR);
/// The kind of changes of rules.
const RULES: Kind<RulesChange> = Kind::of(kind::detection::RULES);
/// The kind of times without recording.
const OUTAGE: Kind<Outage> = Kind::of(kind::detection::OUTAGE);

/// The record of a `cursor` entry: everything before it is detected, and its alerts stand in or before the same commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// How far detection has come.
    pub progress: EnginePosition,
    /// Number of the rules in force.
    pub rules: u32,
    /// Snapshots from which this cursor can be reached, oldest first.
    pub snapshots: Vec<SnapshotRef>,
    /// Outages since the oldest of them.
    pub outages: Vec<Outage>,
}

/// A snapshot file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotRef {
    /// The next row at the time.
    pub next_seq: Seq,
    /// SHA-256 of the file in hexadecimal.
    pub sha256: String,
}

/// The record of a `rules` entry: from `progress` on, these rules applied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RulesChange {
    /// Number of the rules, from 1.
    pub revision: u32,
    /// From where on they apply.
    pub progress: EnginePosition,
    /// The rules.
    #[serde(flatten)]
    pub rules: RuleSet,
}

/// What becomes durable together.
#[derive(Debug, Clone)]
pub struct JournalRecord {
    /// Revisions of alerts in the order in which they were found.
    pub alerts: Vec<Alert>,
    /// The cursor after them.
    pub cursor: Cursor,
    /// Rules that apply from the cursor on.
    pub rules: Option<RulesChange>,
    /// Outages that were found since the last commit.
    pub outages: Vec<Outage>,
}

/// Everything that a replay from the start of the ledger needs besides the events.
#[derive(Debug, Clone, Default)]
pub struct History {
    /// Changes of rules, oldest first.
    pub rules: Vec<RulesChange>,
    /// Outages, oldest first.
    pub outages: Vec<Outage>,
}

/// Where the runner writes, and reads what it wrote.
pub trait DetectionJournal: Journal<Record = JournalRecord, Recorded = Timestamp> {
    /// The newest cursor.
    fn cursor(&self) -> Result<Option<Cursor>, LedgerError>;

    /// All changes of rules and outages.
    fn history(&self) -> Result<History, LedgerError>;
}

/// The `operations` ledger.
pub struct LedgerJournal {
    reader: Reader,
    appender: Appender,
    shard: u32,
}

impl LedgerJournal {
    /// Writes about the events of `shard`.
    pub fn new(reader: Reader, appender: Appender, shard: u32) -> Self {
        Self { reader, appender, shard }
    }

    fn position(&self, seq: Seq) -> String {
        Position { ledger: LedgerName::Events, shard: self.shard, seq }.to_string()
    }

    fn group(&self, commit: &JournalRecord) -> Result<Group, AppendError> {
        let mut group = Group::new(&ledger::operations::TABLE);
        let mine = Envelope { subject: DETECT, actor: DETECT, ..Envelope::default() };
        for alert in &commit.alerts {
            let envelope = Envelope { subject: &alert.id, revision: Some(i64::from(alert.revision)), ..mine };
            group.push(&ALERT.entry(&envelope, alert)?)?;
        }
        for outage in &commit.outages {
            let (from, to) = (outage.from.to_string(), outage.to.to_string());
            group.push(&OUTAGE.entry(&Envelope { from: Some(&from), to: Some(&to), ..mine }, outage)?)?;
        }
        if let Some(change) = &commit.rules {
            let from = self.position(change.progress.next_seq);
            let envelope = Envelope { revision: Some(i64::from(change.revision)), from: Some(&from), ..mine };
            group.push(&RULES.entry(&envelope, change)?)?;
        }
        let to = self.position(commit.cursor.progress.next_seq);
        group.push(&CURSOR.entry(&Envelope { to: Some(&to), ..mine }, &commit.cursor)?)?;
        Ok(group)
    }
}

/// The rules of the newest change on record.
pub fn newest_rules(operations: &Reader) -> Result<Option<RuleSet>, LedgerError> {
    fold::backwards(operations, |row| match record(row, &RULES) {
        Some(change) => ControlFlow::Break(change.rules),
        None => ControlFlow::Continue(()),
    })
}

/// The record of an entry of detection of this kind.
fn record<R: for<'de> Deserialize<'de>>(row: &Row<'_>, kind: &Kind<R>) -> Option<R> {
    let is_mine = kind.is_of(row) && row.text(column::SUBJECT) == Some(DETECT);
    let record = is_mine.then(|| kind.read(row))?;
    if record.is_none() {
        tracing::warn!(position = %row.position, "an entry of detection cannot be read; it is passed over");
    }
    record
}

impl DetectionJournal for LedgerJournal {
    fn cursor(&self) -> Result<Option<Cursor>, LedgerError> {
        fold::backwards(&self.reader, |row| match record(row, &CURSOR) {
            Some(cursor) => ControlFlow::Break(cursor),
            None => ControlFlow::Continue(()),
        })
    }

    fn history(&self) -> Result<History, LedgerError> {
        let mut history = History::default();
        fold::backwards(&self.reader, |row| {
            history.rules.extend(record(row, &RULES));
            history.outages.extend(record(row, &OUTAGE));
            ControlFlow::<()>::Continue(())
        })?;
        history.rules.reverse();
        history.outages.reverse();
        Ok(history)
    }
}

impl Journal for LedgerJournal {
    type Record = JournalRecord;
    /// When it was recorded.
    type Recorded = Timestamp;

    async fn record(&self, commit: &JournalRecord) -> Result<Timestamp, AppendError> {
        Ok(self.appender.record(&self.group(commit)?).await?.recorded)
    }
}
