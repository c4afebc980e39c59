//! Kafka read by the whole program: two members of a group in one server that is killed, partitions that move, and a broker that is
//! killed. `make kafka` fetches the broker. What one collector does with odd records is in ingest/tests/kafka.rs.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Instant;

use ledger::{LedgerName, Reader};
use rdkafka::producer::Producer as _;
use serde_json::Value;

use crate::harness::broker::{Broker, PATIENCE};
use crate::harness::producer::{intrude, send_numbers, sender};
use crate::harness::server::Server;
use crate::harness::{World, http};

const PARTITIONS: i32 = 3;

/// Collectors of these names that read a topic as one group.
fn members(names: &[&str], broker: &str, topic: &str, more: &str) -> String {
    let mut text = String::new();
    for name in names {
        write!(
            text,
            "[[collector]]\nname = \"{name}\"\ntransport = \"kafka\"\ndialect = \"native\"\nbrokers = [\"{broker}\"]\n\
             topics = [\"{topic}\"]\ngroup = \"tachograph\"\n{more}\n"
        )
        .unwrap();
    }
    text
}

/// How many rows the ledger holds, and the offset that is read next of each partition: what the inputs of its batches say.
fn recorded(world: &World, topic: &str) -> (u64, BTreeMap<i32, u64>) {
    let reader = Reader::open(&world.data(), LedgerName::Events).unwrap();
    let rows = reader.durable().unwrap().next_seq.get();
    let mut offsets = BTreeMap::new();
    for (key, value) in reader.inputs() {
        let Some((place, partition)) = std::str::from_utf8(&key).ok().and_then(|key| key.rsplit_once('/')) else {
            continue;
        };
        if place.starts_with("kafka/") && place.ends_with(&format!("/tachograph/{topic}")) {
            let place: Value = serde_json::from_slice(&value).unwrap();
            offsets.insert(partition.parse().unwrap(), place["next"].as_u64().unwrap());
        }
    }
    (rows, offsets)
}

/// What a partition has recorded: how often, how many of them are different, the least number and the greatest.
fn of_partitions(world: &World) -> Vec<[u64; 5]> {
    let rows = world.sql(
        "SELECT CAST(split_part(action, '-', 1) AS BIGINT) AS partition, count(*) AS n, count(DISTINCT action) AS d, \
         min(CAST(split_part(action, '-', 2) AS BIGINT)) AS first, max(CAST(split_part(action, '-', 2) AS BIGINT)) AS last \
         FROM events GROUP BY 1 ORDER BY 1",
    );
    let number = |row: &Value, name: &str| row[name].as_u64().unwrap();
    rows.iter().map(|row| ["partition", "n", "d", "first", "last"].map(|name| number(row, name))).collect()
}

/// Waits until so many rows are durable, as close as can be, which is why it asks all the time.
fn reach(server: &Server, rows: u64) {
    let until = Instant::now() + PATIENCE;
    loop {
        let metrics = http::get(&server.console, "/metrics").body;
        let next = metrics.lines().find_map(|line| line.strip_prefix("tachograph_ledger_next_seq{ledger=\"events\"} "));
        if next.unwrap().parse::<u64>().unwrap() >= rows {
            return;
        }
        assert!(Instant::now() < until, "{rows} rows are not reached: {next:?}");
    }
}

/// Reads records while the server is killed, partitions move, and the broker is killed once.
fn torture(records: u64, kills: u64) {
    let mut broker = Broker::start();
    broker.create("work", PARTITIONS, &[]);
    let world = World::new(&members(&["a", "b"], &broker.address(), "work", ""));
    let (each, sender) = (records.div_ceil(PARTITIONS as u64), sender(&broker, None));
    let mut sent = 0;
    // Has each partition have so many records.
    let mut send = |until: u64| {
        (0..PARTITIONS).for_each(|partition| send_numbers(&sender, "work", partition, sent..until));
        sent = until;
    };
    let wait_for = |partition: i32, number: u64| world.wait_for(1, &[&format!("action={partition}-{number}")]);
    let mut unread = Vec::new();
    for part in 0..kills {
        let [begin, end] = [part, part + 1].map(|part| each * part / (kills + 1));
        let middle = u64::midpoint(begin, end);
        send(middle);
        let server = world.serve();
        wait_for(0, begin);
        if part % 3 == 1 {
            intrude(&broker);
        }
        if part == kills / 2 {
            broker.restart();
        }
        wait_for(0, middle - 1);
        send(end);
        reach(&server, PARTITIONS as u64 * u64::midpoint(middle, end));
        // That is `kill -9`.
        drop(server);
        // Records and offsets become durable together, so there are as many of the ones as the others say.
        let (rows, offsets) = recorded(&world, "work");
        assert_eq!(rows, offsets.values().sum::<u64>(), "{offsets:?} after {part} kills");
        unread.push(PARTITIONS as u64 * end - rows);
    }
    send(each);
    sender.flush(PATIENCE).unwrap();
    let server = world.serve();
    (0..PARTITIONS).for_each(|partition| wait_for(partition, each - 1));
    assert!(server.stop().unwrap().success());
    let once: Vec<[u64; 5]> = (0..PARTITIONS as u64).map(|partition| [partition, each, each, 0, each - 1]).collect();
    assert_eq!(of_partitions(&world), once, "partition, rows, different rows, first, last");
    let ends = (0..PARTITIONS).map(|partition| (partition, broker.end("work", partition))).collect();
    assert_eq!(recorded(&world, "work"), (PARTITIONS as u64 * each, ends));
    let verified = world.run(&["verify", world.data().to_str().unwrap()]).ok();
    println!("{} rows, each once, over {kills} kills with so many unread: {unread:?}", PARTITIONS as u64 * each);
    println!("{}", verified.out);
}

#[test]
fn two_members_record_each_record_once_over_kills_of_the_server_and_the_broker() {
    torture(30_000, 3);
}

#[test]
#[ignore = "long: TACHOGRAPH_KAFKA_RECORDS says how many records, a million if it says nothing"]
fn a_million_records_over_ten_kills() {
    let records = std::env::var("TACHOGRAPH_KAFKA_RECORDS").map_or(1_000_000, |text| text.parse().unwrap());
    torture(records, 10);
}
