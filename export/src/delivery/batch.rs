//! How much goes into one batch for receivers of alerts.

use std::collections::{BTreeMap, BTreeSet};

use operations::alert::State;
use operations::fold::Outbox;
use operations::kind::alert_notice::Because;

use crate::limits::ALERTS_MAX;
use crate::record::{Body, Record, TriageActionKind};

/// The records of the next batch, from the first on. An alert that opens again after its end in the same batch waits for the
/// next one: by then it is on record that the receiver was told of the end.
pub fn batch(records: &[Record]) -> &[Record] {
    let records = &records[..records.len().min(ALERTS_MAX)];
    // The revision with which an alert ended.
    let mut ended: BTreeMap<&str, u32> = BTreeMap::new();
    for (number, record) in records.iter().enumerate().filter(|(_, record)| record.hidden.is_none()) {
        match &record.body {
            Body::Alert(alert) if alert.state == State::Resolved => {
                ended.insert(&alert.id, alert.revision);
            }
            Body::Alert(alert) => {
                let again = |end: &u32| alert.revision > *end || record.notice == Some(Because::Reopened);
                if ended.get(alert.id.as_str()).is_some_and(again) {
                    return &records[..number];
                }
            }
            Body::Action(action) if action.kind == TriageActionKind::Close => {
                ended.insert(&action.alert, action.revision.unwrap_or_default());
            }
            Body::Action(_) | Body::Event | Body::Operation => {}
        }
    }
    records
}

/// Of a batch, what comes before the end of an alert that it opens, for receivers that only know an end of what they were told
/// before: the end waits for the next batch.
pub fn before_ends<'a>(records: &'a [Record], outbox: &Outbox) -> &'a [Record] {
    let mut opened: BTreeSet<&str> = BTreeSet::new();
    for (number, record) in records.iter().enumerate().filter(|(_, record)| record.hidden.is_none()) {
        let ended = match &record.body {
            Body::Alert(alert) if alert.state == State::Resolved => alert.id.as_str(),
            Body::Alert(alert) => {
                if outbox.told(&alert.id).is_none() {
                    opened.insert(&alert.id);
                }
                continue;
            }
            Body::Action(action) if action.kind == TriageActionKind::Close => action.alert.as_str(),
            Body::Action(_) | Body::Event | Body::Operation => continue,
        };
        if opened.contains(ended) {
            return &records[..number];
        }
    }
    records
}
