//! `sinks test`: one synthetic record, marked as a test, rendered as a real one, sent or only shown.

use ledger::{LedgerName, Position, Seq, Timestamp};
use operations::alert::{Alert, Severity, State, What, Who};
use operations::fold::Outbox;
use serde::Serialize;
use serde_json::Value;

use crate::capabilities::{Confirmation, Confirmed};
use crate::config::SinkConfig;
use crate::connections::{SendError, excerpt};
use crate::judgement::Judgement;
use crate::record::{Body, Record, stream_name};
use crate::schemas::{Place, Said};
use crate::sender::confirm::Accepted;
use crate::sender::{Meaning, Reaction, Sender};
use crate::sink::AnySink;
use crate::status::now;
use crate::streams::fields::{Fields, time};

/// The origin of records that no log holds, and the member that tells a test from what a ledger holds: no column has its name.
pub const TEST: &str = "test";
/// The id of the alert that such a record tells of.
pub const TEST_ALERT: &str = "alert-test";

/// Where it says that it stands.
const TEST_POSITION: Position = Position { ledger: LedgerName::Operations, shard: 0, seq: Seq::FIRST };

/// Whether a record that a receiver gave back was sent as a test: it has the place of the first entry of `operations`, which is no alert.
pub fn is_test(place: &Place, said: &str) -> bool {
    place.export_seq == 0 && place.stream == stream_name(TEST_POSITION, None) && said.contains(TEST_ALERT)
}

/// What was sent, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TestReport {
    /// What is sent, with its secrets masked. The body is shown as it is before compression.
    pub request: String,
    /// The status and the start of the answer; `None` if nothing was sent or no answer came.
    pub answer: Option<String>,
    /// What the sink makes of it, in words: `acked`, `retry`, `split`, `reject`, `uncertain`, `park`, `not sent`, `dry run`.
    pub outcome: &'static str,
    /// Why, where it was not taken.
    pub reason: Option<String>,
}

/// Renders a synthetic alert, marked as a test, and sends it unless `dry_run`. Nothing is recorded.
pub async fn test(config: &SinkConfig, dry_run: bool) -> Result<TestReport, String> {
    let now = now();
    let mut records = [record(&config.common.name, now)];
    let selection = config.selection([0; 32], TEST);
    for record in &mut records {
        selection.say(record, None);
    }
    let rendered = match &config.sink {
        AnySink::Delivery(sink) => {
            sink.render(&records, &Outbox::new(&config.common.name, LedgerName::Operations, 0, false))
        }
        AnySink::Stream(sink) => sink.render(&records),
    };
    let message = rendered.messages.into_iter().next().ok_or("the sink has nothing to say about a test")?;
    let sender = config.sink.sender(&config.reach(TEST))?;
    let request = sender.shown(&message, now).map_err(|error| error.to_string())?;
    let mut report = TestReport { request, answer: None, outcome: "dry run", reason: None };
    if dry_run {
        return Ok(report);
    }
    match sender.send(&message, &records, now).await {
        Ok(Reaction { answer, meaning }) => {
            report.answer = Some(answer);
            (report.outcome, report.reason) = match meaning {
                Meaning::Accepted(confirmation) => safe(sender.as_ref(), confirmation).await,
                Meaning::Judged(judgement) => taken(judgement),
            };
        }
        Err(SendError::NotSent(reason) | SendError::Refused(reason)) => {
            (report.outcome, report.reason) = ("not sent", Some(excerpt(&reason)));
        }
        Err(SendError::Uncertain(reason)) => (report.outcome, report.reason) = ("uncertain", Some(excerpt(&reason))),
    }
    Ok(report)
}

/// A test as a receiver of everything gets it.
#[cfg(test)]
pub fn said(config: &SinkConfig) -> String {
    let mut record = record(&config.common.name, now());
    config.selection([0; 32], TEST).say(&mut record, None);
    record.said.text
}

/// What a receiver that accepts only says, in the words of a report.
fn taken(outcome: Judgement) -> (&'static str, Option<String>) {
    match outcome {
        Judgement::Acked(_) => ("acked", None),
        Judgement::Retry { reason, .. } => ("retry", Some(reason)),
        Judgement::Split { reason } => ("split", Some(reason)),
        Judgement::Reject { reason, .. } => ("reject", Some(reason)),
        Judgement::Later(later) => ("retry", Some(later.reason)),
        Judgement::Parts(parts) => ("reject", Some(parts.reason().to_owned())),
        Judgement::Uncertain { reason } => ("uncertain", Some(reason)),
        Judgement::Park { reason } => ("park", Some(reason)),
    }
}

/// Whether what was accepted is safe: a worker would not have its receipt before.
async fn safe(sender: &dyn Sender, confirmation: Confirmation) -> (&'static str, Option<String>) {
    let accepted = Accepted::new(confirmation);
    accepted.wait().await;
    match accepted.settle(sender).await {
        Confirmed::Safe(_) => ("acked", None),
        Confirmed::Lost(reason) | Confirmed::Unanswered(reason) => ("uncertain", Some(reason)),
        Confirmed::Park(reason) => ("park", Some(reason)),
    }
}

/// A record that no ledger holds, and that says so.
fn record(sink: &str, now: Timestamp) -> Record {
    let position = TEST_POSITION;
    let alert = Alert {
        id: TEST_ALERT.to_owned(),
        revision: 1,
        rule: "test".to_owned(),
        rule_version: 1,
        state: State::Open,
        severity: Severity::Info,
        title: format!("Test of the sink {sink}"),
        reason: "Somebody ran `tachograph sinks test`. Nothing happened, and nothing has to be done.".to_owned(),
        who: Who { user: Some("nobody".to_owned()), ..Who::default() },
        what: What::default(),
        first_seen: now,
        last_seen: now,
        recorded_first: now,
        recorded_last: now,
        count: 0,
        evidence: Vec::new(),
        tags: vec!["test".to_owned()],
        backfill: false,
        measured: None,
        follows: None,
        sender: None,
        flood: false,
        lowered_from: None,
        shape: None,
    };
    let mut fields = Fields::default();
    fields.insert(TEST, Value::Bool(true));
    fields.insert("kind", "alert".into());
    fields.insert("recorded", time(now));
    fields.insert("record", serde_json::to_value(&alert).unwrap_or(Value::Null));
    let body = Body::Alert(Box::new(alert));
    Record {
        position,
        batch: 0,
        export_seq: 0,
        backfill: None,
        recorded: now,
        time: now,
        host: None,
        body,
        fields,
        leaf: None,
        said: Said::default(),
        notice: None,
        group: None,
        hidden: None,
        size: 0,
    }
}
