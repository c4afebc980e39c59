//! How much goes into one batch for receivers of alerts.

use std::collections::BTreeMap;

use ledger::alert::State;
use ledger::triage::Because;

use crate::limits::ALERTS_MAX;
use crate::record::{Body, Deed, Record};

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
            Body::Step(step) if step.deed == Deed::Close => {
                ended.insert(&step.alert, step.revision.unwrap_or_default());
            }
            Body::Step(_) | Body::Event | Body::Operation => {}
        }
    }
    records
}
