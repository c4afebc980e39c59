//! A row on its way out, and which rows go out at all.

use std::sync::Arc;
use std::time::Duration;

use ledger::events::column as event;
use ledger::operations::column as operation;
use ledger::{Digest, LedgerName, Position, Row, Timestamp};
use operations::alert::{ALERT, Alert, Severity, State};
use operations::filter;
use operations::kind::alert_notice::{Because, NOTICED, Notice};
use operations::kind::alert_step::{ACKNOWLEDGE, ACKNOWLEDGED, CLOSE, CLOSED, CloseReason};
use operations::kind::is_internal;
use operations::kind::sink_order::backfill_name;
use operations::triage::{Column, group_key};

use crate::delivery::route::Routes;
use crate::hash::sha256;
use crate::schemas::Said;
use crate::streams::fields::{Field, Fields};
use crate::streams::renderer::Renderer;

/// One record for a sink: what its rendering is made from, and nothing else.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// Where the row stands.
    pub position: Position,
    /// Number of the ledger's batch that contains it.
    pub batch: u64,
    /// The sink's own gapless number in this stream.
    pub export_seq: u64,
    /// The backfill that numbered it, if it was not the sink's own stream.
    pub backfill: Option<u64>,
    /// When it was recorded.
    pub recorded: Timestamp,
    /// When it happened, or else when it was recorded.
    pub time: Timestamp,
    /// The machine that it is about, for receivers that index it.
    pub host: Option<String>,
    /// What it is.
    pub body: Body,
    /// The columns that the field policy lets out. Schemas are made from them; receivers of everything get `said`.
    pub fields: Fields,
    /// Its leaf in the ledger's tree, if the schema of the sink says it.
    pub leaf: Option<Digest>,
    /// The record in the schema of the sink, if it is one of a receiver of everything.
    pub said: Said,
    /// Why it is told although it is no new revision.
    pub notice: Option<Because>,
    /// What it has in common with others, if alerts are grouped.
    pub group: Option<Group>,
    /// Why nobody is told of it now.
    pub hidden: Option<String>,
    /// Roughly how many bytes it takes in memory.
    pub size: usize,
}

/// The stream in which a position counts without gaps: `events/0`, and `events/0~backfill-1` if a backfill numbers it.
pub fn stream_name(Position { ledger, shard, .. }: Position, backfill: Option<u64>) -> String {
    let stream = format!("{ledger}/{shard}");
    backfill.map_or_else(|| stream.clone(), |number| backfill_name(&stream, number))
}

impl Record {
    /// The stream in which `export_seq` counts without gaps: `events/0`.
    pub fn stream(&self) -> String {
        stream_name(self.position, self.backfill)
    }

    /// The kind: `egress.http`, `alert`, `token`.
    pub fn kind(&self) -> &str {
        match self.body {
            Body::Alert(_) => ALERT.word(),
            _ => self.text("kind").unwrap_or_default(),
        }
    }

    /// A column that is a text.
    pub fn text(&self, column: &str) -> Option<&str> {
        self.fields.get(column).and_then(Field::as_text)
    }

    /// A column that is a number.
    pub fn integer(&self, column: &str) -> Option<i64> {
        self.fields.get(column).and_then(Field::as_integer)
    }
}

/// What kind of record it is.
#[derive(Debug, Clone, PartialEq)]
pub enum Body {
    /// An event.
    Event,
    /// A revision of an alert.
    Alert(Box<Alert>),
    /// What somebody did about an alert, for receivers of alerts.
    Action(TriageAction),
    /// Another entry of `operations`.
    Operation,
}

/// Which alerts are told together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Grouping {
    /// Alerts with the same values in these columns belong together; without columns each stands alone.
    pub columns: Vec<Column>,
    /// How long after its first alert a group takes in others.
    pub window: Duration,
}

/// What an alert has in common with others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// A hash of the values: they are attacker-written, and of any length.
    pub key: String,
    /// How long after its first alert a group takes in others.
    pub window: Duration,
}

impl Grouping {
    fn of(&self, alert: &Alert) -> Option<Group> {
        let mut key = sha256(group_key(&self.columns, alert)?.as_bytes());
        key.truncate(32);
        Some(Group { key, window: self.window })
    }
}

/// What somebody did about an alert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TriageAction {
    /// The alert.
    pub alert: String,
    /// What they did.
    pub kind: TriageActionKind,
    /// Who.
    pub actor: String,
    /// When.
    pub recorded: Timestamp,
    /// The revision that they saw.
    pub revision: Option<u32>,
    /// What it turned out to be, if they closed it.
    pub reason: Option<CloseReason>,
    /// The alert that says the same, if it is a duplicate.
    pub duplicate_of: Option<String>,
    /// The alert as they saw it; entries of older versions have none.
    pub about: Option<Box<Alert>>,
}

/// What people do about alerts that receivers of alerts hear of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TriageActionKind {
    /// Somebody looks after it.
    Acknowledge,
    /// Somebody decided what it was: it is over.
    Close,
}

impl TriageAction {
    /// What somebody who closed an alert decided, in words: `false positive`, `duplicate of alert-1`.
    pub fn verdict(&self) -> Option<String> {
        let reason = self.reason?.as_str().replace('_', " ");
        Some(match &self.duplicate_of {
            Some(other) => format!("{reason} of {other}"),
            None => reason,
        })
    }

    /// The action in a row of `operations`, if it is one.
    fn from_row(row: &Row<'_>) -> Option<Self> {
        let kind = match row.text(operation::KIND)? {
            ACKNOWLEDGE => TriageActionKind::Acknowledge,
            CLOSE => TriageActionKind::Close,
            _ => return None,
        };
        let action = Self {
            alert: row.text(operation::SUBJECT)?.to_owned(),
            kind,
            actor: row.text(operation::ACTOR).unwrap_or("somebody").to_owned(),
            recorded: row.recorded,
            revision: None,
            reason: None,
            duplicate_of: None,
            about: None,
        };
        Some(if let Some(record) = ACKNOWLEDGED.read(row) {
            Self { revision: Some(record.seen.revision), about: record.alert, ..action }
        } else if let Some(record) = CLOSED.read(row) {
            let (reason, duplicate_of) = (Some(record.reason), record.duplicate_of);
            Self { revision: Some(record.seen.revision), reason, duplicate_of, about: record.alert, ..action }
        } else {
            action
        })
    }
}

/// Which rows a sink gets.
#[derive(Debug, Clone)]
pub struct Filter {
    /// Kinds of events; empty means every kind.
    pub kinds: Vec<String>,
    /// The mildest alerts.
    pub severity: Severity,
    /// Whether the sink takes alerts only, and what people did about them.
    pub alerts_only: bool,
    /// The sink's name.
    pub sink: String,
    /// Which alerts go to whom; without it the receiver gets every alert.
    pub routes: Option<Arc<Routes>>,
    /// Which alerts are told together.
    pub grouping: Arc<Grouping>,
    /// What must hold of a row beside, for a receiver of everything.
    pub rows: filter::Filter,
}

/// What a row is to the sink.
struct Selected {
    body: Body,
    time: Timestamp,
    host: Option<String>,
    notice: Option<Because>,
}

impl Filter {
    /// Every row that is exported at all, for a sink of this name.
    pub fn of_everything(sink: &str) -> Self {
        Self {
            kinds: Vec::new(),
            severity: Severity::Info,
            alerts_only: false,
            sink: sink.to_owned(),
            routes: None,
            grouping: Arc::default(),
            rows: filter::Filter::default(),
        }
    }

    /// The record of a row, if the sink gets it. `export_seq` is the number that it will have; without a renderer it has no columns.
    pub fn select(&self, row: &Row<'_>, export_seq: u64, renderer: Option<&Renderer>) -> Option<Record> {
        if !self.rows.is_empty() && !self.rows.matches(row, row.recorded) {
            return None;
        }
        let Selected { body, time, host, notice } = match row.position.ledger {
            LedgerName::Events => self.event(row)?,
            LedgerName::Operations => self.operation(row)?,
        };
        // Receivers of alerts render the alert itself.
        let renderer = renderer.filter(|_| !self.alerts_only);
        let fields = renderer.map(|renderer| renderer.row(row)).unwrap_or_default();
        let group = match &body {
            Body::Alert(alert) if self.alerts_only => self.grouping.of(alert),
            _ => None,
        };
        // What receivers of alerts get is in the alert.
        let size = if self.alerts_only { row.size() } else { fields.size() } + size_of::<Record>();
        let (position, batch, recorded) = (row.position, row.batch, row.recorded);
        Some(Record {
            position,
            batch,
            export_seq,
            backfill: None,
            recorded,
            time,
            host,
            body,
            fields,
            leaf: None,
            said: Said::default(),
            notice,
            group,
            hidden: None,
            size,
        })
    }

    fn event(&self, row: &Row<'_>) -> Option<Selected> {
        let kind = row.text(event::KIND).unwrap_or_default();
        if self.alerts_only || (!self.kinds.is_empty() && !self.kinds.iter().any(|wanted| wanted == kind)) {
            return None;
        }
        let host =
            [event::WORKSPACE_NAME, event::WORKSPACE, event::COLLECTOR].into_iter().find_map(|column| row.text(column));
        let time = row.time(event::TIME).unwrap_or(row.recorded);
        Some(Selected { body: Body::Event, time, host: host.map(ToOwned::to_owned), notice: None })
    }

    fn operation(&self, row: &Row<'_>) -> Option<Selected> {
        let told = |alert: Alert, notice| {
            let host = alert.who.workspace_name.clone().or_else(|| alert.who.workspace.clone());
            Selected { body: Body::Alert(Box::new(alert)), time: row.recorded, host, notice }
        };
        let other = |body| Some(Selected { body, time: row.recorded, host: None, notice: None });
        if let Some(alert) = ALERT.read(row) {
            return self.wants(&alert, row.recorded).then(|| told(alert, None));
        }
        if self.alerts_only {
            if NOTICED.is_of(row) {
                let notice = NOTICED.read(row)?;
                return self.is_addressed(&notice, row.recorded).then(|| told(notice.alert, Some(notice.because)));
            }
            return other(Body::Action(TriageAction::from_row(row)?));
        }
        let internal = row.text(operation::KIND).is_none_or(is_internal);
        if internal { None } else { other(Body::Operation) }
    }

    /// Whether a notice is for this receiver. An escalation may name those who hear of it, whatever their routes.
    fn is_addressed(&self, notice: &Notice, at: Timestamp) -> bool {
        match &notice.because {
            Because::Escalation { receivers, .. } if !receivers.is_empty() => receivers.contains(&self.sink),
            _ => self.leads_to(&notice.alert, at),
        }
    }

    fn wants(&self, alert: &Alert, at: Timestamp) -> bool {
        // Whoever was told of an alert hears of its end, however mild it is by then; nobody else does, by the outbox.
        let ends = self.alerts_only && alert.state == State::Resolved;
        ends || self.leads_to(alert, at)
    }

    /// Whether severity and routes bring an alert here that is recorded at `at`.
    pub(crate) fn leads_to(&self, alert: &Alert, at: Timestamp) -> bool {
        let routed = || self.routes.as_ref().is_none_or(|routes| routes.leads_to(&self.sink, alert, at));
        alert.severity >= self.severity && routed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;
    use crate::selection::Selection;
    use serde_json::json;

    #[test]
    fn a_sink_gets_what_its_filter_says_and_nothing_about_exporting() {
        let all = Filter { alerts_only: false, ..fixtures::filter() };
        let some = Filter { kinds: vec!["egress.http".into()], severity: Severity::High, ..all.clone() };
        let alerts = Filter { alerts_only: true, ..all.clone() };
        let check = |rows: &ledger::Rows, expected: [bool; 3]| {
            let row = rows.get(0).unwrap();
            let got = [&all, &some, &alerts].map(|filter| {
                Selection::new(filter.clone(), Renderer::new(crate::FieldPolicy::default(), [0; 32]))
                    .record(&row, 0, None)
                    .is_some()
            });
            assert_eq!(got, expected, "{:?}", row.text(operation::KIND));
        };
        check(&fixtures::events(&[json!({"kind": "egress.http"})]), [true, true, false]);
        check(&fixtures::events(&[json!({"kind": "prompt"})]), [true, false, false]);
        check(&fixtures::operations(&[fixtures::alert(1, Severity::Critical)]), [true, true, true]);
        check(&fixtures::operations(&[fixtures::alert(1, Severity::Low)]), [true, false, true]);
        check(&fixtures::operations(&[json!({"kind": "token"})]), [true, true, false]);
        check(
            &fixtures::operations(&[json!({"kind": "alert.ack", "subject": "a", "actor": "alice"})]),
            [true, true, true],
        );
        let escalation = fixtures::notice(&json!({"because": "escalation", "step": "s", "receivers": ["other"]}), 1);
        check(&fixtures::operations(&[escalation]), [true, true, false]);
        let escalation = fixtures::notice(&json!({"because": "escalation", "step": "s", "receivers": ["sink"]}), 1);
        check(&fixtures::operations(&[escalation]), [true, true, true]);
        for kind in operations::kind::ALL.iter().filter(|kind| kind.is_internal) {
            check(&fixtures::operations(&[json!({"kind": kind.word})]), [false, false, false]);
        }
    }
}
