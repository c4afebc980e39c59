//! What whoever may write to a topic, or to Kafka itself, can do to a collector: topics and records that vanish under it, batches that
//! are small until they are unpacked, crowds of headers.

use std::collections::BTreeMap;

use ledger::Rows;
use ledger::events::column;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseRecord, Producer};

use crate::broker::{Broker, PATIENCE};
use crate::member::Ground;
use crate::producer::{Sender, send, send_numbers, sender};
use crate::{ONE, assert_each_once, counts};

const MIB: usize = 1 << 20;

/// The numbers of records that were recorded, each once, and how many offsets were lost.
fn recorded_and_lost(rows: &Rows) -> (BTreeMap<String, u64>, u64) {
    let mut counts = counts(rows);
    counts.remove("deleted_unread");
    let lost = rows.iter().filter(|row| row.text(column::KIND) == Some("loss")).map(|row| {
        let record: serde_json::Value = serde_json::from_str(row.text(column::RECORD).unwrap()).unwrap();
        record["missing"].as_u64().unwrap()
    });
    (counts, lost.sum())
}

#[test]
fn a_topic_that_is_deleted_while_it_is_read_is_told_and_the_new_one_is_read() {
    let broker = Broker::start();
    broker.create("odd", 1, &[]);
    let ground = Ground::new(ONE, &broker.address());
    let (mut member, plain) = (ground.start(), sender(&broker, None));
    send_numbers(&plain, "odd", 0, 0..20);
    member.wait_for_rows(20);
    broker.delete("odd");
    member.wait_for(|line| line.contains("a is missing the brokers know no topic odd"), "word of the deleted topic");
    broker.create("odd", 1, &[]);
    // Its offsets begin anew, and fewer of them are there than were read of the old one.
    let plain = sender(&broker, None);
    send_numbers(&plain, "odd", 0, 20..25);
    member.wait_for(|line| line.contains("made anew"), "word of the new topic");
    member.wait_for_rows(25);
    member.stop();
    assert_each_once(&ground.ledger().0, 1, 25);
}

#[test]
fn what_is_deleted_while_it_is_read_is_a_loss() {
    let broker = Broker::start();
    broker.create("odd", 1, &[]);
    let ground = Ground::new(ONE, &broker.address());
    let (mut member, plain) = (ground.start(), sender(&broker, None));
    send_numbers(&plain, "odd", 0, 0..10);
    member.wait_for_rows(10);
    member.order("hold");
    // Far more than is fetched ahead, so that what is deleted is asked for afterwards.
    let padding = "x".repeat(100_000);
    for number in 10..400 {
        let value = format!("{{\"kind\":\"check.result\",\"action\":\"0-{number}\",\"text\":\"{padding}\"}}");
        send(&plain, "odd", 0, "k", Some(value.as_bytes()));
    }
    plain.flush(PATIENCE).unwrap();
    member.wait_for(|line| line.contains("refused the ledger has not taken"), "word that the ledger is waited for");
    broker.delete_records("odd", 0, 395);
    member.order("go");
    let is_told = |line: &str| line.contains("passed_over") && line.contains("deleted");
    member
        .wait_for(|line| is_told(line) && line.ends_with("partition=\"0\"} 0"), "word of the loss and end of the lag");
    member.stop();
    let (counts, lost) = recorded_and_lost(&ground.ledger().0);
    assert!(counts.values().all(|count| *count == 1), "{counts:?}");
    assert!(lost > 0 && (395..400).all(|number| counts.contains_key(&format!("0-{number}"))), "{lost} {counts:?}");
    assert_eq!(counts.len() as u64 + lost, 400);
}

/// Sends so many MiB of the same character as one batch, which is a few KiB when it is compressed.
fn bomb(broker: &Broker, topic: &str, codec: &str, mebibytes: usize) {
    let mut config = broker.client();
    config.set("compression.type", codec).set("linger.ms", "3000").set("message.max.bytes", "1000000000");
    config.set("batch.size", "1000000000").set("queue.buffering.max.kbytes", "2000000");
    let sender: Sender = config.create().unwrap();
    for _ in 0..mebibytes {
        send(&sender, topic, 0, "k", Some("0".repeat(MIB).as_bytes()));
    }
    sender.flush(PATIENCE).unwrap();
}

#[test]
fn batches_that_are_large_when_they_are_unpacked_are_read_or_told_and_lost_with_a_record() {
    let broker = Broker::start();
    broker.create("odd", 1, &[]);
    let ground = Ground::new(ONE, &broker.address());
    let mut member = ground.start();
    let mut rows = 0;
    for codec in ["gzip", "lz4", "snappy", "zstd"] {
        bomb(&broker, "odd", codec, 20);
        rows += 20;
        member.wait_for_rows(rows);
    }
    // A crowd of headers, which nobody looks at.
    let plain = sender(&broker, None);
    let headers = (0..5_000).fold(OwnedHeaders::new(), |headers, _| {
        headers.insert(Header { key: "a", value: Some("a value that nobody reads") })
    });
    let crowd = BaseRecord::<str, [u8]>::to("odd").partition(0).key("k").payload(b"{}").headers(headers);
    plain.send(crowd).map_err(|(error, _)| error).unwrap();
    member.wait_for_rows(rows + 1);
    // More than the library unpacks. It is told for as long as it is there, and who deletes it is recorded to have lost it.
    bomb(&broker, "odd", "zstd", 150);
    send_numbers(&plain, "odd", 0, 0..3);
    plain.flush(PATIENCE).unwrap();
    let place = format!("odd/0 from offset {}", rows + 1);
    member.wait_for(
        |line| line.contains("a is parked a batch of records cannot be unpacked") && line.contains(&place),
        "word of what cannot be unpacked",
    );
    broker.delete_records("odd", 0, broker.end("odd", 0) as i64 - 3);
    member.wait_for(|line| line.contains("passed_over") && line.contains("deleted 150 offsets"), "word of the loss");
    member.wait_for_rows(rows + 5);
    member.stop();
    let (counts, lost) = recorded_and_lost(&ground.ledger().0);
    assert!((0..3).all(|number| counts.get(&format!("0-{number}")) == Some(&1)), "{counts:?}");
    assert_eq!(lost, 150);
    // A broker that unpacks what comes refuses what is too large then.
    broker.create("unpacked", 1, &[("compression.type", "uncompressed")]);
    bomb(&broker, "unpacked", "gzip", 20);
    assert_eq!(broker.end("unpacked", 0), 0);
}
