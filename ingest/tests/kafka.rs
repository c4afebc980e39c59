//! The transport `kafka` against a real Apache Kafka, with members that are killed as `kill -9` does. `make kafka` fetches the
//! broker. The same over the whole program is `tests/integration/kafka.rs`.

// Tests fail by panicking, so unwrapping there is the assertion.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "../../tests/harness/broker.rs"]
mod broker;
#[path = "kafka/hostile.rs"]
mod hostile;
#[path = "kafka/inspect.rs"]
mod inspect;
#[path = "kafka/member.rs"]
mod member;
#[path = "../../tests/harness/port.rs"]
mod port;
#[path = "../../tests/harness/producer.rs"]
mod producer;

use std::collections::BTreeMap;

use ledger::Rows;
use ledger::events::column;
use rdkafka::producer::Producer;

use broker::{Broker, PATIENCE};
use member::{Ground, Member};
use producer::{Sender, intrude, record, send, send_numbers, sender};

/// Two collectors of one group, in one process.
const TWO: &str = r#"
[[collectors]]
name = "a"
transport = "kafka"
dialect = "native"
brokers = ["{broker}"]
topics = ["work"]
group = "tachograph"

[[collectors]]
name = "b"
transport = "kafka"
dialect = "native"
brokers = ["{broker}"]
topics = ["work"]
group = "tachograph"
"#;

/// One collector.
const ONE: &str = r#"
[[collectors]]
name = "a"
transport = "kafka"
dialect = "native"
brokers = ["{broker}"]
topics = ["odd"]
group = "tachograph"
"#;

/// How often each `action` was recorded.
fn counts(rows: &Rows) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for row in rows.iter() {
        *counts.entry(row.text(column::ACTION).unwrap_or_default().to_owned()).or_default() += 1;
    }
    counts
}

/// Each of the first so many numbers of each partition is there once, and nothing else.
fn assert_each_once(rows: &Rows, partitions: i32, each: u64) {
    let counts = counts(rows);
    for partition in 0..partitions {
        for number in 0..each {
            let name = format!("{partition}-{number}");
            assert_eq!(counts.get(&name), Some(&1), "{name}");
        }
    }
    assert_eq!(rows.len() as u64, partitions as u64 * each);
}

/// The next offset of a partition in the ledger.
fn next(inputs: &BTreeMap<String, String>, topic: &str, partition: i32) -> u64 {
    let end = format!("/tachograph/{topic}/{partition}");
    let (_, value) = inputs.iter().find(|(key, _)| key.starts_with("kafka/") && key.ends_with(&end)).unwrap();
    serde_json::from_str::<serde_json::Value>(value).unwrap()["next"].as_u64().unwrap()
}

#[test]
fn two_members_record_each_record_once_over_kills_rebalances_and_a_broker_that_dies() {
    let (records, kills) = (60_000, 4);
    let mut broker = Broker::start();
    broker.create("work", 3, &[]);
    let ground = Ground::new(TWO, &broker.address());
    let (each, sender) = (records / 3, sender(&broker, None));
    for part in 0..=kills {
        let mut member: Member = ground.start();
        // What is sent while they read is what a kill meets in the middle.
        for partition in 0..3 {
            send_numbers(&sender, "work", partition, each * part / (kills + 1)..each * (part + 1) / (kills + 1));
        }
        member.wait_for_rows(3 * each * part / (kills + 1) + 3 * each / (kills + 1) / 2);
        if part % 3 == 1 {
            intrude(&broker);
        }
        if part == kills / 2 {
            broker.restart();
        }
        if part == kills {
            sender.flush(PATIENCE).unwrap();
            member.wait_for_rows(3 * each);
            member.stop();
        } else {
            member.kill();
        }
    }
    let (rows, inputs) = ground.ledger();
    assert_each_once(&rows, 3, each);
    for partition in 0..3 {
        assert_eq!(next(&inputs, "work", partition), broker.end("work", partition));
    }
}

#[test]
fn odd_records_transactions_retention_and_topics_made_anew() {
    let broker = Broker::start();
    broker.create("odd", 1, &[("max.message.bytes", "4194304")]);
    let ground = Ground::new(ONE, &broker.address());
    let rows = odd_records(&broker, &ground);
    let rows = retention(&broker, &ground, rows);
    anew(&broker, &ground, rows);
}

/// Transactions, one of them aborted, poison, a record that is too large, a tombstone. Returns the number of rows.
fn odd_records(broker: &Broker, ground: &Ground) -> u64 {
    let in_transaction = sender(broker, Some("t"));
    in_transaction.init_transactions(PATIENCE).unwrap();
    for (name, is_kept) in [("kept-1", true), ("aborted", false), ("kept-2", true)] {
        in_transaction.begin_transaction().unwrap();
        for number in 0..3 {
            send(&in_transaction, "odd", 0, "k", Some(record(&format!("{name}-{number}")).as_bytes()));
        }
        let ended = if is_kept { Sender::commit_transaction } else { Sender::abort_transaction };
        in_transaction.flush(PATIENCE).unwrap();
        ended(&in_transaction, rdkafka::util::Timeout::from(PATIENCE)).unwrap();
    }
    let plain = sender(broker, None);
    send(&plain, "odd", 0, "k", Some(b"\xff\xfenot a record"));
    send(&plain, "odd", 0, "k", Some("x".repeat((1 << 20) + 9).as_bytes()));
    send(&plain, "odd", 0, "k", None);
    plain.flush(PATIENCE).unwrap();
    // The last thing in the log is the broker's own mark of an aborted transaction.
    in_transaction.begin_transaction().unwrap();
    send(&in_transaction, "odd", 0, "k", Some(record("aborted-last").as_bytes()));
    in_transaction.flush(PATIENCE).unwrap();
    in_transaction.abort_transaction(PATIENCE).unwrap();
    let mut member = ground.start();
    member.wait_for_rows(8);
    member.wait_for(|line| line.ends_with("partition=\"0\"} 0"), "end of the lag");
    member.stop();
    let (rows, inputs) = ground.ledger();
    let counts = counts(&rows);
    for name in ["kept-1", "kept-2"] {
        assert!((0..3).all(|number| counts.get(&format!("{name}-{number}")) == Some(&1)), "{counts:?}");
    }
    assert!(!counts.keys().any(|name| name.starts_with("aborted")), "{counts:?}");
    let unparsed = rows.iter().filter(|row| row.text(column::KIND) == Some("unparsed"));
    assert_eq!((unparsed.count(), rows.len()), (2, 8), "{counts:?}");
    assert_eq!(next(&inputs, "odd", 0), broker.end("odd", 0), "marks of transactions are passed over");
    rows.len() as u64
}

/// The broker deletes what was not read.
fn retention(broker: &Broker, ground: &Ground, before: u64) -> u64 {
    let (first, plain) = (broker.end("odd", 0), sender(broker, None));
    send_numbers(&plain, "odd", 0, 0..10);
    plain.flush(PATIENCE).unwrap();
    broker.delete_records("odd", 0, first as i64 + 4);
    let mut member = ground.start();
    member.wait_for_rows(before + 7);
    member.wait_for(|line| line.contains("passed_over") && line.contains("deleted 4 offsets"), "word of the loss");
    // The loss is told once, and what follows is read as ever.
    member.kill();
    let mut member = ground.start();
    send_numbers(&plain, "odd", 0, 10..12);
    member.wait_for_rows(before + 9);
    member.stop();
    let (rows, _) = ground.ledger();
    let counts = counts(&rows);
    assert!((4..12).all(|number| counts.get(&format!("0-{number}")) == Some(&1)), "{counts:?}");
    let losses: Vec<_> = rows.iter().filter(|row| row.text(column::KIND) == Some("loss")).collect();
    assert_eq!(losses.len(), 1);
    let record = losses[0].text(column::RECORD).unwrap();
    assert!(record.contains("\"missing\":4") && losses[0].text(column::TARGET) == Some("odd/0"), "{record}");
    assert_eq!(rows.len() as u64, before + 9);
    rows.len() as u64
}

/// The topic is deleted and made anew: with more records than were read, and with fewer.
fn anew(broker: &Broker, ground: &Ground, before: u64) {
    let plain = sender(broker, None);
    let mut rows = before;
    for (name, records) in [("more", 60), ("fewer", 3)] {
        broker.delete("odd");
        broker.create("odd", 1, &[]);
        for number in 0..records {
            send(&plain, "odd", 0, "k", Some(record(&format!("{name}-{number}")).as_bytes()));
        }
        plain.flush(PATIENCE).unwrap();
        let mut member = ground.start();
        rows += records;
        member.wait_for_rows(rows);
        member.wait_for(|line| line.contains("passed_over") && line.contains("made anew"), "word of the new topic");
        member.stop();
        let (recorded, inputs) = ground.ledger();
        let counts = counts(&recorded);
        assert!((0..records).all(|number| counts.get(&format!("{name}-{number}")) == Some(&1)), "{counts:?}");
        assert_eq!((recorded.len() as u64, next(&inputs, "odd", 0)), (rows, records));
    }
}

#[test]
fn a_compacted_topic_is_read_with_its_holes() {
    let mut broker = Broker::start();
    let compacts = [
        ("cleanup.policy", "compact"),
        ("min.cleanable.dirty.ratio", "0.001"),
        ("segment.ms", "100"),
        ("max.compaction.lag.ms", "100"),
        ("delete.retention.ms", "86400000"),
    ];
    broker.create("odd", 1, &compacts);
    let ground = Ground::new(ONE, &broker.address());
    let plain = sender(&broker, None);
    let send_round = |round: u32| {
        for key in 0..20 {
            let value = (key != 7).then(|| record(&format!("{round}-{key}")));
            send(&plain, "odd", 0, &format!("key-{key}"), value.as_ref().map(String::as_bytes));
        }
        plain.flush(PATIENCE).unwrap();
    };
    (0..3).for_each(send_round);
    // What another reader finds says when the broker has compacted; each round rolls a segment.
    let (mut rounds, until) = (3, std::time::Instant::now() + PATIENCE);
    while broker.read("odd", 0).len() as u64 == broker.end("odd", 0) {
        assert!(std::time::Instant::now() < until, "the broker does not compact");
        send_round(rounds);
        rounds += 1;
    }
    let mut member = ground.start();
    member.wait_for_rows(1);
    member.wait_for(|line| line.ends_with("partition=\"0\"} 0"), "end of the lag");
    member.kill();
    let recorded = counts(&ground.ledger().0);
    assert!(recorded.values().all(|count| *count == 1), "{recorded:?}");
    // Compaction went on meanwhile, so what must be there is what is still there.
    let left = |broker: &Broker| {
        let values = broker.read("odd", 0).into_iter().filter_map(|(_, value)| value);
        let action =
            |value: Vec<u8>| serde_json::from_slice::<serde_json::Value>(&value).unwrap()["action"].to_string();
        values.map(action).map(|text| text.trim_matches('"').to_owned()).collect::<Vec<_>>()
    };
    assert!(left(&broker).iter().all(|name| recorded.contains_key(name)));
    // The record by which the partition is known again may be gone, and the broker is a new process.
    send_round(rounds);
    broker.restart();
    let mut member = ground.start();
    member.wait_for_rows(recorded.len() as u64 + 19);
    member.stop();
    let recorded = counts(&ground.ledger().0);
    assert!(recorded.values().all(|count| *count == 1), "{recorded:?}");
    assert!(left(&broker).iter().all(|name| recorded.contains_key(name)));
}

#[test]
fn who_waits_for_the_ledger_stays_in_the_group_and_records_each_record_once() {
    let broker = Broker::start();
    broker.create("work", 3, &[]);
    let ground = Ground::new(TWO, &broker.address());
    let (mut member, sender) = (ground.start(), sender(&broker, None));
    (0..3).for_each(|partition| send_numbers(&sender, "work", partition, 0..100));
    member.wait_for_rows(300);
    member.order("hold");
    // More than a group of records, so that one is on its way and the next one waits.
    (0..3).for_each(|partition| send_numbers(&sender, "work", partition, 100..30_000));
    member.wait_for(|line| line.contains("refused the ledger has not taken"), "word that the ledger is waited for");
    assert_eq!(broker.members("tachograph"), 2);
    member.order("go");
    member.wait_for_rows(90_000);
    member.stop();
    assert_each_once(&ground.ledger().0, 3, 30_000);
}

#[test]
fn a_broker_that_is_away_is_told_and_read_once_it_is_there() {
    let mut broker = Broker::start();
    let ground = Ground::new(ONE, &broker.address());
    let mut member = ground.start();
    member.wait_for(|line| line.contains("a is missing the brokers know no topic odd"), "word of the missing topic");
    broker.create("odd", 1, &[]);
    let plain = sender(&broker, None);
    send_numbers(&plain, "odd", 0, 0..5);
    plain.flush(PATIENCE).unwrap();
    member.wait_for_rows(5);
    member.wait_for(|line| line.contains("a is ok"), "word that it works");
    broker.kill();
    member.wait_for(|line| line.contains("a is blocked"), "word of the broker");
    broker.restart();
    send_numbers(&plain, "odd", 0, 5..9);
    member.wait_for_rows(9);
    member.wait_for(|line| line.contains("a is ok"), "word that it works again");
    member.stop();
    assert_each_once(&ground.ledger().0, 1, 9);
}
