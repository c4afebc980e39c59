//! Alerts as JSON. Times are RFC 3339, as everywhere in the API.

use ledger::{LedgerName, Position, Seq, Timestamp};
use operations::alert::{Measurement, Point};
use operations::triage::{Action, By, Done, EscalationStepOf, HiddenBy, Hiding, Triage, Triaged};
use serde_json::{Map, Value, json};

use crate::tail_filter::time_text;

/// A note and the entry in which it stands.
pub(super) struct Note {
    pub(super) seq: Seq,
    pub(super) text: String,
}

/// Times of the detector's record, which are numbers there.
const RECORD_TIMES: [&str; 4] = ["first_seen", "last_seen", "recorded_first", "recorded_last"];

/// An alert as it stands in lists: the detector's newest revision, and what people did.
pub(crate) fn alert(triaged: &Triaged, triage: &Triage, now: Timestamp) -> Map<String, Value> {
    let alert = &triaged.alert;
    // A record holds texts and numbers: it always has a JSON form, which is an object.
    let mut shown = match serde_json::to_value(alert) {
        Ok(Value::Object(object)) => object,
        _ => Map::new(),
    };
    for name in RECORD_TIMES {
        if let Some(time) = shown.get_mut(name) {
            *time = time.as_i64().map(Timestamp::from_unix_micros).map(time_text).into();
        }
    }
    let measured = alert.measured.as_ref().map(measured);
    let closed = triaged.closed.as_ref().map(|closed| {
        let mut shown = by(&closed.by);
        shown.insert("reason".to_owned(), closed.reason.as_str().into());
        shown.insert("duplicate_of".to_owned(), closed.duplicate_of.clone().into());
        shown
    });
    let acknowledged = triaged.acknowledged().map(|acknowledged| by(&acknowledged.by));
    let hidden: Vec<Value> = triage.hidings(alert, now).iter().map(hiding).collect();
    let more = [
        ("measured", measured.into()),
        ("status", triaged.status().as_str().into()),
        ("version", triaged.version().into()),
        ("opened", time_text(triaged.opened).into()),
        ("revised", time_text(triaged.revised).into()),
        ("position", place(triaged.seq).into()),
        ("assignee", triaged.assignee.clone().into()),
        ("acknowledged", acknowledged.into()),
        ("closed", closed.into()),
        ("reopened", triaged.reopened.map(time_text).into()),
        ("notes", triaged.notes.into()),
        ("hidden", hidden.into()),
        ("escalation", escalation(triaged, triage, now)),
        ("group", triage.policy().group_key(alert).into()),
    ];
    shown.extend(more.map(|(name, value)| (name.to_owned(), value)));
    shown
}

/// The numbers behind an alert's reason.
fn measured(measured: &Measurement) -> Value {
    let point = |Point { time, value }: &Point| json!({ "time": time_text(*time), "value": value });
    let Measurement { what, unit, observed, window_seconds, limit, usual, observations, last } = measured;
    json!({
        "what": what,
        "unit": unit,
        "observed": observed,
        "window_seconds": window_seconds,
        "limit": limit,
        "usual": usual,
        "observations": observations,
        "last": last.iter().map(point).collect::<Vec<_>>(),
    })
}

/// The steps of escalation that happened, and those to come if nobody acknowledges it.
fn escalation(triaged: &Triaged, triage: &Triage, now: Timestamp) -> Value {
    let steps = triage.escalation_steps(triaged, now).into_iter();
    steps
        .map(|step| {
            let EscalationStepOf { name, at, happened, receivers, .. } = step;
            json!({ "step": name, "receivers": receivers, "at": time_text(at), "happened": happened })
        })
        .collect()
}

/// What people did, oldest first.
pub(super) fn steps(triaged: &Triaged) -> Value {
    let steps = triaged.steps.iter().map(|step| {
        let mut shown = by(&step.by);
        shown.insert("position".to_owned(), place(step.seq).into());
        shown.insert("action".to_owned(), step.action.as_str().into());
        match &step.action {
            Action::Assign(assignee) => shown.insert("assignee".to_owned(), assignee.clone().into()),
            Action::Close(reason) => shown.insert("reason".to_owned(), reason.as_str().into()),
            Action::Acknowledge | Action::Note | Action::Reopen => None,
        };
        if step.note {
            // Filled in for those who may read content.
            shown.insert("note".to_owned(), Value::Null);
        }
        Value::Object(shown)
    });
    steps.collect::<Vec<_>>().into()
}

/// Fills in the notes of an alert's steps.
pub(super) fn add_notes(shown: &mut Map<String, Value>, notes: &[Note]) {
    for step in shown.get_mut("steps").and_then(Value::as_array_mut).into_iter().flatten() {
        let note = notes.iter().find(|note| step["position"] == place(note.seq));
        if let Some(note) = note {
            step["note"] = note.text.clone().into();
        }
    }
}

fn hiding(hiding: &Hiding) -> Value {
    let until = hiding.until.map(time_text);
    match &hiding.by {
        HiddenBy::Window { kind, id } => {
            json!({ "kind": kind.word(), "by": id, "reason": hiding.reason, "until": until })
        }
        HiddenBy::Inhibition { rule, source } => {
            json!({ "kind": "inhibition", "by": source, "reason": rule, "until": until })
        }
        HiddenBy::Benign { alert } => {
            json!({ "kind": "benign", "by": alert, "reason": hiding.reason, "until": until })
        }
    }
}

/// Who and when.
pub(crate) fn by(by: &By) -> Map<String, Value> {
    let members = [("by", by.actor.clone().into()), ("at", time_text(by.recorded).into())];
    members.map(|(name, value): (_, Value)| (name.to_owned(), value)).into_iter().collect()
}

/// A position in `operations` as text.
pub(crate) fn place(seq: Seq) -> String {
    Position { ledger: LedgerName::Operations, shard: 0, seq }.to_string()
}

/// What was done.
pub(crate) fn answer(done: &Done) -> Value {
    let Done { subject, version, status, would_have_hidden, position, recorded } = done;
    let members = [
        ("id", (!subject.is_empty()).then(|| subject.clone()).into()),
        ("status", status.clone().into()),
        ("version", (*version).into()),
        ("would_have_hidden", (*would_have_hidden).into()),
        ("position", position.clone().into()),
        ("recorded", recorded.map(time_text).into()),
    ];
    let given = members.into_iter().filter(|(_, value): &(_, Value)| !value.is_null());
    Value::Object(given.map(|(name, value)| (name.to_owned(), value)).collect())
}
