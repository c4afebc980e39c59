//! Alerts about a session, as numbers in lists and as rows between its records.

use std::collections::{BTreeMap, HashMap, HashSet};

use ledger::{LedgerName, Seq};
use operations::alert::Severity;
use operations::triage::{Action, Status, Triage, Triaged};
use serde_json::{Value, json};

use super::moment;
use crate::alerts::place;

/// The alerts of one session in numbers.
#[derive(Debug, Clone, Default)]
pub(super) struct AlertsOf {
    pub(super) count: usize,
    /// Those about which nothing was decided.
    pub(super) open: usize,
    pub(super) worst: Option<Severity>,
}

/// The alerts of these sessions.
pub(super) fn alerts_of(triage: &Triage, ids: &[String]) -> BTreeMap<String, AlertsOf> {
    let wanted: HashSet<&str> = ids.iter().map(String::as_str).collect();
    let mut found = BTreeMap::<String, AlertsOf>::new();
    for triaged in triage.iter() {
        let Some(session) = triaged.alert.who.session.as_deref().filter(|session| wanted.contains(session)) else {
            continue;
        };
        let of = found.entry(session.to_owned()).or_default();
        of.count += 1;
        of.open += usize::from(matches!(triaged.status(), Status::Open | Status::Acknowledged));
        of.worst = of.worst.max(Some(triaged.alert.severity));
    }
    found
}

/// Something about an alert that stands between records.
#[derive(Debug, Clone)]
pub(super) struct AlertRow {
    /// When it was recorded, in microseconds since 1970 UTC.
    pub(super) at: i64,
    position: String,
    alert: String,
    rule: String,
    severity: &'static str,
    /// What happened to it.
    what: String,
    by: Option<String>,
}

impl AlertRow {
    /// As JSON; `from` is the beginning of the session in microseconds, where that is known.
    pub(super) fn shown(&self, from: Option<i64>) -> Value {
        json!({
            "row": "alert", "position": self.position, "time": moment(self.at), "offset_us": from.map(|from| self.at.saturating_sub(from)), "lane": "alerts",
            "alert": self.alert, "rule": self.rule, "severity": self.severity, "summary": format!("{} {}", self.rule, self.what),
            "by": self.by, "told_by": "tachograph"
        })
    }
}

/// The rows of the alerts of a session, in order of time.
pub(super) fn rows(triage: &Triage, session: &str) -> Vec<AlertRow> {
    let of_session = triage.iter().filter(|triaged| triaged.alert.who.session.as_deref() == Some(session));
    let mut rows: Vec<AlertRow> = of_session.flat_map(rows_of).collect();
    rows.sort_by(|a, b| (a.at, &a.position).cmp(&(b.at, &b.position)));
    rows
}

fn rows_of(triaged: &Triaged) -> Vec<AlertRow> {
    let alert = &triaged.alert;
    let row = |at: i64, seq: Seq, what: String, by: Option<String>| AlertRow {
        at,
        position: place(seq),
        alert: alert.id.clone(),
        rule: alert.rule.clone(),
        severity: alert.severity.as_str(),
        what,
        by,
    };
    // Of the detector's revisions only the newest is kept.
    let mut rows =
        vec![row(triaged.opened.unix_micros(), triaged.revised_seq, format!("opened: {}", alert.title), None)];
    if alert.revision > 1 {
        let what = format!("now {}, {}", alert.severity, alert.state);
        rows.push(row(triaged.revised.unix_micros(), triaged.revised_seq, what, None));
    }
    rows.extend(triaged.steps.iter().map(|step| {
        let what = match &step.action {
            Action::Assign(Some(to)) => format!("assigned to {to}"),
            Action::Close(reason) => format!("closed as {}", reason.as_str()),
            other => other.as_str().to_owned(),
        };
        row(step.by.recorded.unix_micros(), step.seq, what, Some(step.by.actor.clone()))
    }));
    rows
}

/// The alerts that name a record as evidence, by its position in `events`.
pub(crate) fn evidence(triage: &Triage, session: Option<&str>) -> HashMap<u64, Vec<String>> {
    let mut found = HashMap::<u64, Vec<String>>::new();
    let about =
        |triaged: &&Triaged| session.is_none_or(|session| triaged.alert.who.session.as_deref() == Some(session));
    for triaged in triage.iter().filter(about) {
        for position in triaged.alert.evidence.iter().filter(|position| position.ledger == LedgerName::Events) {
            found.entry(position.seq.get()).or_default().push(triaged.alert.id.clone());
        }
    }
    found
}
