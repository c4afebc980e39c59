//! Batches that are proposed and repeated, without I/O.

use super::*;
use crate::fixtures;
use operations::alert::Severity;
use serde_json::json;

#[test]
fn the_records_of_a_batch_are_not_copied() {
    let settings =
        json!({"name": "siem", "type": "splunk_hec", "url": "https://splunk.acme.example", "token": "env:T"});
    let config = crate::SinkConfig::from_settings(settings.as_object().unwrap().clone()).unwrap();
    let selection = config.selection([3; 32], "events/0");
    let mut plan = Plan::new(Exported::default(), 100, Seq::new(9), Pace::Single, None);
    plan.absorb(&fixtures::events(&vec![json!({"kind": "note"}); 9]), &selection);
    let batch = plan.propose(|records| Rendered::whole(Vec::new(), records.len())).unwrap();
    assert!(matches!(plan.records(&batch), Cow::Borrowed(records) if records.len() == 9));
}

/// Says nothing of a single record, and of more of them how many they are.
fn counted(records: &[Record]) -> Rendered {
    match records.len() {
        1 => Rendered { messages: Vec::new(), taken: 1, silent: Vec::new() },
        many => Rendered::whole(many.to_string().into_bytes(), many),
    }
}

#[test]
fn what_was_passed_over_before_a_batch_is_passed_over_when_it_is_repeated() {
    let settings = json!({"name": "pager", "type": "pagerduty", "routing_key": "env:K"});
    let config = crate::SinkConfig::from_settings(settings.as_object().unwrap().clone()).unwrap();
    let selection = config.selection([3; 32], "events/0");
    let alerts: Vec<_> = (0..4).map(|number| fixtures::entry_of(&fixtures::alert_of(number, Severity::High))).collect();
    let absorb = |plan: &mut Plan, until: usize| {
        plan.absorb(&fixtures::operations(&alerts[..until]), &selection);
    };
    let mut plan = Plan::new(Exported::default(), 100, Seq::FIRST, Pace::Single, None);
    absorb(&mut plan, 1);
    assert!(plan.propose(counted).is_none(), "of the first there is nothing to tell");
    absorb(&mut plan, 4);
    let batch = plan.propose(counted).unwrap();
    let Some(StateEntry::Intent(IntentEntry { from, to, record })) = plan.intend(&batch) else {
        panic!("a new batch has an intent")
    };
    assert_eq!((batch.messages[0].body.as_slice(), from, to), (&b"3"[..], Seq::new(1), Seq::new(4)));

    let exported = Exported { intent: Some((from..to, record)), ..Exported::default() };
    let mut again = Plan::new(exported, 100, Seq::new(4), Pace::Single, None);
    absorb(&mut again, 4);
    let repeated = again.propose(counted).unwrap();
    assert_eq!((repeated.is_resumed(), &repeated.messages), (true, &batch.messages));
    assert_eq!(again.intend(&repeated), None, "it is on record already");
    let attempt = Attempt { settled: Settled::Acked(crate::judgement::Ack::new("ok")), attempts: 1 };
    let Some(StateEntry::Receipt(receipt)) = again.settle(&repeated, vec![attempt], None).pop() else {
        panic!("what was taken has a receipt")
    };
    let ExportReceipt { count, excluded, .. } = receipt.record;
    assert_eq!((receipt.from, receipt.to, count, excluded), (Seq::FIRST, Seq::new(4), 3, 1), "receipts tile");
}
