//! The sink `kafka` against a real Apache Kafka: what a consumer of committed records reads, with forwarders that are killed as `kill -9`
//! does, a broker that is killed, zombies, and records that the topic does not allow. `make kafka` fetches the broker.
//!
//! Short by default; `TACHOGRAPH_TORTURE=1` makes it long. Every run prints its seed, and `TACHOGRAPH_SEED` repeats one.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test stops at the first surprise")]

#[path = "support/asked.rs"]
mod asked;
#[path = "../../tests/harness/broker.rs"]
mod broker;
#[path = "shared/ground.rs"]
mod ground;
#[path = "kafka/killed.rs"]
mod killed;
#[path = "../../tests/harness/port.rs"]
mod port;
#[path = "kafka/security.rs"]
mod security;
#[path = "kafka/topic.rs"]
mod topic;

use std::collections::BTreeMap;

use export::Exporter;
use ledger::operations::column;
use ledger::{ReadLimit, Seq};
use rdkafka::admin::{AdminOptions, AlterConfig, ResourceSpecifier};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use broker::{Broker, block_on};
use ground::{EVIL, Ground, PATIENCE, events, quick, wait_for};
use topic::{Arrived, CHECKPOINTS, assert_each_once, create, read};

/// A sink of this topic.
fn sink(broker: &Broker, topic: &str, more: &Value) -> Value {
    let mut sink = json!({"name": "siem", "type": "kafka", "brokers": [broker.address()], "topic": topic, "allow_private": true,
        "checkpoint_topic": CHECKPOINTS});
    sink.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    sink
}

/// Waits for something that waits itself.
fn run<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap().block_on(work)
}

#[test]
fn what_a_consumer_of_committed_records_reads() {
    let broker = Broker::start();
    broker.create(CHECKPOINTS, 1, &[("cleanup.policy", "compact")]);
    each_record_arrives_once_in_the_order_of_its_key(&broker);
    a_zombie_is_fenced_and_whoever_is_fenced_goes_on(&broker);
    a_record_that_the_topic_does_not_allow_is_a_dead_letter_and_comes_back_once(&broker);
    what_is_wrong_with_the_cluster_is_told(&broker);
}

fn each_record_arrives_once_in_the_order_of_its_key(broker: &Broker) {
    create(broker, "ordinary");
    let (ordinary, ground) = (5_000, run(Ground::with_events(5_000)));
    run(ground.forward(json!([sink(broker, "ordinary", &json!({}))])));
    let arrived = read(broker, "ordinary", "read_committed");
    assert_each_once(&arrived, EVIL.len() + ordinary);
    for Arrived { number, key, headers, value, .. } in &arrived {
        let record: Value = serde_json::from_str(value).unwrap();
        let id = format!("events/0/{number}");
        let expected =
            [("id", id.as_str()), ("stream", "events/0"), ("schema", "plain"), ("content-type", "application/json")];
        assert!(expected.iter().all(|(name, value)| headers[*name] == *value), "{headers:?}");
        assert_eq!((&headers["seq"], &record["position"]), (&number.to_string(), &json!(id)));
        assert_eq!(record["session"], key.as_str());
        if let Some(evil) = EVIL.get(*number) {
            assert_eq!(record["target"], *evil);
        }
    }
    // Whoever starts anew with the same ledger knows from its receipts that all is done, and the checkpoint says the same.
    let checkpoints = read(broker, CHECKPOINTS, "read_committed");
    let newest: Value = serde_json::from_str(&checkpoints.last().unwrap().value).unwrap();
    assert_eq!((&newest["export_seq_next"], &newest["stream"]), (&json!(EVIL.len() + ordinary), &json!("events/0")));
    println!("Kafka: {} records, 0 lost, 0 doubled, in order for each of {} keys", arrived.len(), 7 + EVIL.len());
    what_became_of_the_topic_is_named(broker, &ground, &arrived);
    ground.store.stop();
}

/// The topic is asked itself, by what `receipts compare` asks, before and after somebody writes to it.
fn what_became_of_the_topic_is_named(broker: &Broker, ground: &Ground, arrived: &[Arrived]) {
    let settings = sink(broker, "ordinary", &json!({}));
    let whole = asked::asked(&ground.store, &settings).unwrap();
    assert!(whole.is_whole() && whole.equal == arrived.len() as u64, "{whole:?}");
    let producer: BaseProducer = broker.client().create().unwrap();
    let edited = arrived[7].value.replacen("\"kind\"", "\"kindest\"", 1);
    for value in [&arrived[5].value, &edited, "\u{1b}[2Jno record"] {
        producer.send(BaseRecord::to("ordinary").key("s-1").payload(value)).map_err(|(error, _)| error).unwrap();
    }
    producer.flush(PATIENCE).unwrap();
    // What was aborted is in the topic, and nobody who reads what is committed sees it.
    let zombie = namesake(broker, ground);
    zombie.begin_transaction().unwrap();
    zombie.send(BaseRecord::to("ordinary").key("s-1").payload(&arrived[9].value)).map_err(|(error, _)| error).unwrap();
    zombie.flush(PATIENCE).unwrap();
    zombie.abort_transaction(PATIENCE).unwrap();
    let found = asked::asked(&ground.store, &settings).unwrap();
    let doubled =
        |at: usize| format!("events/0 export_seq {} (events/0/{}), 2 times", arrived[at].number, arrived[at].number);
    let (expected, named) = ([doubled(5), doubled(7)], &found.doubled.named);
    assert_eq!((named.len(), found.changed.total, found.missing.total), (2, 1, 0), "{found:?}");
    assert!(expected.iter().all(|name| named.contains(name)), "{named:?} {expected:?}");
    assert_eq!((found.foreign.total, found.foreign.named[0].starts_with("ordinary/")), (1, true), "{found:?}");
    let nowhere = asked::asked(&ground.store, &sink(broker, "nowhere", &json!({}))).unwrap_err();
    assert!(nowhere.to_string().contains("nowhere"), "{nowhere}");
}

/// Somebody with the name of the sink.
fn namesake(broker: &Broker, ground: &Ground) -> BaseProducer {
    let origin = ground.store.events().reader().origin().unwrap();
    let mut config = broker.client();
    config.set("transactional.id", format!("tachograph-siem-{origin}"));
    let producer: BaseProducer = config.create().unwrap();
    producer.init_transactions(PATIENCE).unwrap();
    producer
}

fn a_zombie_is_fenced_and_whoever_is_fenced_goes_on(broker: &Broker) {
    create(broker, "fenced");
    let ground = run(Ground::with_events(100));
    let zombie = namesake(broker, &ground);
    zombie.begin_transaction().unwrap();
    let record = BaseRecord::to("fenced").key("s-1").payload("of a zombie");
    zombie.send(record).map_err(|(error, _)| error).unwrap();
    zombie.flush(PATIENCE).unwrap();
    let config = serde_json::from_value(json!({"sinks": [sink(broker, "fenced", &json!({}))]})).unwrap();
    run(async {
        let store = &ground.store;
        let mut exporter = Exporter::new(&config, store.events(), store.operations(), [3; 32]).unwrap();
        exporter.set_timing(quick());
        let (status, stop) = (exporter.status(), CancellationToken::new());
        let running = tokio::spawn(exporter.run(stop.clone()));
        let done = || tokio::time::timeout(PATIENCE, ground::done(store, &config));
        done().await.unwrap_or_else(|_| panic!("{:?}", status.get()));
        let committed = zombie.commit_transaction(PATIENCE);
        assert!(committed.is_err(), "the zombie is fenced");
        // Another one takes the name while the sink has it. The sink finds that out, asks for the checkpoint and goes on.
        for round in 0..3 {
            let _intruder = tokio::task::block_in_place(|| namesake(broker, &ground));
            ground.record(&events(round * 100..(round + 1) * 100).collect::<Vec<_>>()).await;
            done().await.unwrap_or_else(|_| panic!("{:?}", status.get()));
        }
        stop.cancel();
        running.await.unwrap();
        assert!(status.get().iter().any(|status| status.retries >= 3), "it was fenced");
    });
    assert_each_once(&read(broker, "fenced", "read_committed"), EVIL.len() + 400);
    let everything = read(broker, "fenced", "read_uncommitted");
    assert!(everything.iter().any(|record| record.value == "of a zombie"), "others see what was aborted");
    ground.store.stop();
}

fn a_record_that_the_topic_does_not_allow_is_a_dead_letter_and_comes_back_once(broker: &Broker) {
    broker.create("narrow", 3, &[("max.message.bytes", "14000")]);
    let ground = Ground::new();
    let mut all: Vec<Value> = events(0..300).collect();
    // What does not compress: brokers measure what is compressed.
    let target: String = (0..1_000).map(|number| hex::encode(noise(number))).collect();
    all[150]["target"] = target.into();
    let config = serde_json::from_value(json!({"sinks": [sink(broker, "narrow", &json!({"key": "stream"}))]})).unwrap();
    run(async {
        ground.record(&all).await;
        let store = &ground.store;
        let mut exporter = Exporter::new(&config, store.events(), store.operations(), [3; 32]).unwrap();
        exporter.set_timing(quick());
        let (status, controls, stop) = (exporter.status(), exporter.controls(), CancellationToken::new());
        let running = tokio::spawn(exporter.run(stop.clone()));
        let done = tokio::time::timeout(PATIENCE, ground::done(store, &config)).await;
        done.unwrap_or_else(|_| panic!("{:?}", status.get()));
        assert_eq!(kinds(&ground).get("export.rejected"), Some(&1), "{:?}", status.get());
        let before = tokio::task::block_in_place(|| read(broker, "narrow", "read_committed"));
        assert!(before.iter().map(|record| record.number).eq((0..300).filter(|number| *number != 150)));
        // The topic allows it now.
        let wider = AlterConfig::new(ResourceSpecifier::Topic("narrow")).set("max.message.bytes", "200000");
        tokio::task::block_in_place(|| {
            std::thread::scope(|scope| {
                let altered = scope.spawn(|| block_on(broker.admin().alter_configs([&wider], &AdminOptions::new())));
                altered.join().unwrap().unwrap().remove(0).unwrap();
            });
        });
        controls.order("siem", "alice", operations::kind::sink_order::SinkOrder::Retry).await.unwrap();
        wait_for("the letter", || kinds(&ground).contains_key("export.replayed").then_some(())).await;
        stop.cancel();
        running.await.unwrap();
    });
    let mut numbers: Vec<usize> = read(broker, "narrow", "read_committed").iter().map(|record| record.number).collect();
    assert_eq!(numbers.pop(), Some(150), "the letter came last");
    numbers.push(150);
    numbers.sort_unstable();
    assert!(numbers.into_iter().eq(0..300));
    ground.store.stop();
}

/// Bytes without order.
fn noise(number: u64) -> [u8; 16] {
    // Any mixing does: squares of a Weyl sequence.
    let mixed = |add: u64| {
        let x = (number * 2 + add + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (x ^ (x >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9)
    };
    ((u128::from(mixed(0)) << 64) | u128::from(mixed(1))).to_be_bytes()
}

/// How many entries of each kind the operations have.
fn kinds(ground: &Ground) -> BTreeMap<String, usize> {
    let reader = ground.store.operations().reader();
    let rows = reader.read(Seq::FIRST, false, ReadLimit { rows: 100_000, bytes: 1 << 26 }).unwrap();
    let mut kinds = BTreeMap::new();
    rows.iter().for_each(|row| *kinds.entry(row.text(column::KIND).unwrap_or_default().to_owned()).or_default() += 1);
    kinds
}

fn what_is_wrong_with_the_cluster_is_told(broker: &Broker) {
    let check = |more: Value, outcome: &str, says: &str| {
        let settings = sink(broker, "ordinary", &more);
        let sink = export::SinkConfig::from_settings(settings.as_object().unwrap().clone()).unwrap();
        let report = run(export::test(&sink, false)).unwrap();
        assert!(report.outcome == outcome && report.reason.unwrap_or_default().contains(says), "{more}: {outcome}");
    };
    check(json!({}), "acked", "");
    check(json!({"topic": "none"}), "not sent", "the topic none");
    check(json!({"checkpoint_topic": "none"}), "not sent", "the topic none");
    check(json!({"allow_private": false}), "not sent", "allow_private");
    check(json!({"brokers": ["127.0.0.1:1"], "timeout_seconds": 2}), "not sent", "");
    check(json!({"tls": true, "timeout_seconds": 5}), "not sent", "");
}
