//! What goes to the topic, what a checkpoint says about a batch, and which settings cannot be meant.

use serde_json::{Value, json};

use super::*;
use crate::fixtures;

fn sink(more: &Value) -> Result<Kafka, String> {
    let mut settings = json!({"brokers": ["kafka-1.acme.example:9092"], "topic": "tachograph"});
    settings.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    serde_json::from_value::<Kafka>(settings).map_err(|error| error.to_string())?.sink()
}

fn records() -> Vec<Record> {
    fixtures::records(&fixtures::events(&[
        json!({"kind": "note", "session": "s-1", "agent": "a-1", "target": "a\nb"}),
        json!({"kind": "note"}),
    ]))
}

fn transaction(sink: &Kafka, message: &Message) -> (Vec<Outgoing>, Progress, Checkpoint) {
    match sink.payload(message, Timestamp::EPOCH).unwrap() {
        Ask::Transaction { records, of, checkpoint } => (records, of, serde_json::from_slice(&checkpoint).unwrap()),
        ask @ Ask::Checkpoint(_) => panic!("{ask:?}"),
    }
}

#[test]
fn the_format_is_frozen() {
    let sink_ = sink(&json!({})).unwrap();
    let records = records();
    let rendered = sink_.render(&records);
    let (outgoing, of, checkpoint) = transaction(&sink_, &rendered.messages[0]);
    assert_eq!((of, checkpoint.export_seq, checkpoint.export_seq_next), (Progress::Stream, 0, 2));
    let headers: Vec<(&str, &str)> = outgoing[0].headers.iter().map(|(name, value)| (&**name, &**value)).collect();
    assert_eq!(
        headers,
        [
            ("id", "events/0/0"),
            ("seq", "0"),
            ("export_seq", "0"),
            ("stream", "events/0"),
            ("schema", "plain"),
            ("content-type", "application/json")
        ]
    );
    assert_eq!(outgoing[0].value, records[0].said.text.as_bytes());
    assert_eq!(outgoing[0].time_ms, fixtures::START / 1_000);
    let keys = |more: Value| {
        let sink = sink(&more).unwrap();
        let keys = transaction(&sink, &sink.render(&records).messages[0]).0;
        keys.into_iter().map(|record| record.key).collect::<Vec<_>>()
    };
    assert_eq!(keys(json!({})), ["s-1", "events/0"]);
    assert_eq!(keys(json!({"key": "agent"})), ["a-1", "events/0"]);
    assert_eq!(keys(json!({"key": "stream"})), ["events/0", "events/0"]);
}

#[test]
fn a_checkpoint_says_whether_a_batch_is_in() {
    let sink = sink(&json!({})).unwrap();
    let records = records();
    let message = |range: std::ops::Range<usize>| sink.render(&records[range]).messages.remove(0);
    let checkpoint = |next: u64, sha256: &str| {
        let newest =
            Checkpoint { stream: String::new(), export_seq: 0, export_seq_next: next, sha256: sha256.to_owned() };
        Told::Checkpoint(Some(serde_json::to_vec(&newest).unwrap()))
    };
    let whole = message(0..2);
    assert_eq!(sink.reconciled(&whole, &Told::Checkpoint(None)), Reconciled::HasNot);
    assert_eq!(sink.reconciled(&whole, &checkpoint(2, "")), Reconciled::Has(None));
    assert_eq!(sink.reconciled(&whole, &checkpoint(7, "")), Reconciled::Has(None));
    assert!(matches!(sink.reconciled(&whole, &checkpoint(1, "")), Reconciled::Unknown(Judgement::Split { .. })));
    assert_eq!(sink.reconciled(&message(0..1), &checkpoint(1, "")), Reconciled::Has(None));
    assert_eq!(sink.reconciled(&message(1..2), &checkpoint(1, "")), Reconciled::HasNot);
    let stranger = Told::Checkpoint(Some(b"hello".to_vec()));
    assert!(matches!(sink.reconciled(&whole, &stranger), Reconciled::Unknown(Judgement::Park { .. })));
    // A dead letter is in only if it is the one that was sent last, wherever the stream is.
    let letter = Message { kind: MessageKind::Letter, ..message(1..2) };
    assert!(matches!(sink.question(&letter, Timestamp::EPOCH), Some(Ok(Ask::Checkpoint(Progress::Letters)))));
    assert_eq!(sink.reconciled(&letter, &checkpoint(7, "")), Reconciled::HasNot);
    let itself = transaction(&sink, &letter).2;
    let itself = Told::Checkpoint(Some(serde_json::to_vec(&itself).unwrap()));
    assert_eq!(sink.reconciled(&letter, &itself), Reconciled::Has(None));
}

#[test]
fn answers_are_judged() {
    let sink = sink(&json!({})).unwrap();
    let refused = |index| Told::Refused { index, reason: "too large".to_owned() };
    assert!(matches!(sink.judge(&Told::Committed(2)), Judgement::Acked(_)));
    assert!(matches!(sink.judge(&refused(Some(3))), Judgement::Reject { index: 3, .. }));
    assert!(matches!(sink.judge(&refused(None)), Judgement::Split { .. }));
    assert!(matches!(sink.judge(&Told::Aborted(String::new())), Judgement::Retry { .. }));
}

#[test]
fn mistakes_are_named() {
    for (more, says) in [
        (json!({"brokers": []}), "brokers"),
        (json!({"brokers": ["kafka"]}), "host:port"),
        (json!({"brokers": ["a:1,b:2"]}), "host:port"),
        (json!({"topic": "a b"}), "no name of a topic"),
        (json!({"topic": "tachograph-checkpoints"}), "must be two"),
        (json!({"username": "u"}), "go together"),
        (json!({"sasl_mechanism": "PLAIN", "username": "u", "password": "env:P"}), "PLAIN shows"),
        (json!({"sasl_mechanism": "GSSAPI"}), "GSSAPI"),
        (json!({"password": "hunter2"}), "never as the secret itself"),
        (json!({"message_bytes_max": 1}), "1000 to"),
    ] {
        let error = sink(&more).err().unwrap();
        assert!(error.contains(says) && !error.contains("hunter2"), "{error}");
    }
    let reach = Reach::default();
    let proxy = Some("http://proxy.acme.example:3128".to_owned().try_into().unwrap());
    let proxied = sink(&json!({})).unwrap().connect(&Reach { proxy, ..reach.clone() });
    assert!(proxied.err().unwrap().contains("proxy"));
    let clear = sink(&json!({})).unwrap().connect(&Reach { ca_file: Some("/ca".into()), ..reach });
    assert!(clear.err().unwrap().contains("tls = true"));
}
