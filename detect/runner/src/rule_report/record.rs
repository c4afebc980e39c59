//! What is on record about alerts: when they opened, how bad they became, who looked when, and what they were closed as.

use std::collections::BTreeMap;

use detect_core::key::Key;
use ledger::operations::column;
use ledger::{LedgerError, Reader, Row, Timestamp};
use operations::alert::{self, ALERT, Alert, Severity, What, Who};
use operations::fold::{Fold, Projection};
use operations::kind::alert_step::{ACKNOWLEDGE, CLOSE, CLOSED, CloseReason, REOPEN};

use crate::limits::BACKTEST_ALERTS_MAX;

/// The alerts of a time, by their ids.
pub struct Record {
    key: Key,
    since: Timestamp,
    until: Timestamp,
    alerts: BTreeMap<String, AlertRecord>,
    /// Whether none was left out to bound the memory.
    pub is_whole: bool,
}

/// What became of one alert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertRecord {
    rule: String,
    version: u32,
    /// Of whom and of what it is: see [`subject`].
    pub subject: u64,
    /// When its first and its latest event were recorded.
    pub events: (Timestamp, Timestamp),
    /// When its first revision was recorded.
    opened: Timestamp,
    /// How bad it was told at worst.
    pub worst: Severity,
    /// Whether the alert budget told it at low, and no later revision took that back.
    pub is_lowered: bool,
    /// When somebody first acknowledged or closed it.
    attended: Option<Timestamp>,
    /// What somebody decided, unless that was taken back. That it went on takes nothing back.
    pub closed: Option<CloseReason>,
}

impl Record {
    /// Reads everything on record about alerts that opened within this time.
    pub fn read(
        operations: &Reader,
        key: Key,
        since: Option<Timestamp>,
        until: Option<Timestamp>,
    ) -> Result<Self, LedgerError> {
        let (since, until) = (since.unwrap_or(Timestamp::MIN), until.unwrap_or(Timestamp::MAX));
        let empty = Self { key, since, until, alerts: BTreeMap::new(), is_whole: true };
        let mut projection = Projection::open(operations.clone(), empty)?;
        let Self { alerts, is_whole, .. } = projection.get_mut();
        Ok(Self { key, since, until, alerts: std::mem::take(alerts), is_whole: *is_whole })
    }

    /// The alerts by rule and version.
    pub fn by_rule(self) -> BTreeMap<(String, u32), Vec<AlertRecord>> {
        let mut by_rule: BTreeMap<(String, u32), Vec<AlertRecord>> = BTreeMap::new();
        for alert in self.alerts.into_values() {
            by_rule.entry((alert.rule.clone(), alert.version)).or_default().push(alert);
        }
        by_rule
    }

    fn revise(&mut self, alert: &Alert, recorded: Timestamp) {
        if let Some(known) = self.alerts.get_mut(&alert.id) {
            known.worst = known.worst.max(alert.severity);
            known.is_lowered = alert.lowered_from.is_some();
            known.events.1 = known.events.1.max(alert.recorded_last);
            return;
        }
        let opens = alert.revision == 1 && recorded >= self.since && recorded < self.until;
        if !opens {
            return;
        }
        if self.alerts.len() >= BACKTEST_ALERTS_MAX {
            self.is_whole = false;
            return;
        }
        let record = AlertRecord {
            rule: alert.rule.clone(),
            version: alert.rule_version,
            subject: subject(self.key, alert),
            events: (alert.recorded_first, alert.recorded_last),
            opened: recorded,
            worst: alert.severity,
            is_lowered: alert.lowered_from.is_some(),
            attended: None,
            closed: None,
        };
        self.alerts.insert(alert.id.clone(), record);
    }
}

impl AlertRecord {
    /// Whether it was closed as benign or as a false positive.
    pub fn is_false(&self) -> bool {
        matches!(self.closed, Some(CloseReason::Benign | CloseReason::FalsePositive))
    }

    /// Whether it was closed as a true positive.
    pub fn is_true(&self) -> bool {
        self.closed == Some(CloseReason::TruePositive)
    }

    /// How long it waited for somebody.
    pub fn waited_seconds(&self) -> Option<u64> {
        Some(self.attended?.since(self.opened).as_secs())
    }
}

/// A hash of whom and of what an alert is, by which it is known again when its rule runs with other parameters: it may begin with another
/// event then.
pub fn subject(key: Key, alert: &Alert) -> u64 {
    let Who { user, session, workspace, .. } = &alert.who;
    let What { host, domain, tool, .. } = &alert.what;
    let texts = [user, session, workspace, host, domain, tool].map(|text| text.as_deref().unwrap_or_default());
    key.hash(&texts)
}

impl Fold for Record {
    const KINDS: Option<&'static [&'static str]> = Some(&[alert::KIND, ACKNOWLEDGE, CLOSE, REOPEN]);

    fn apply(&mut self, row: &Row<'_>) {
        let (Some(kind), Some(id)) = (row.text(column::KIND), row.text(column::SUBJECT)) else { return };
        if kind == alert::KIND {
            if let Some(alert) = ALERT.read(row) {
                self.revise(&alert, row.recorded);
            }
            return;
        }
        let Some(known) = self.alerts.get_mut(id) else { return };
        match kind {
            ACKNOWLEDGE => _ = known.attended.get_or_insert(row.recorded),
            CLOSE => {
                known.attended.get_or_insert(row.recorded);
                known.closed = CLOSED.read(row).map(|close| close.reason).or(known.closed);
            }
            REOPEN => known.closed = None,
            _ => {}
        }
    }
}
