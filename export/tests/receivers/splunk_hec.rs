//! Splunk's HTTP Event Collector as others wrote it, Tenzir and VictoriaLogs, while the forwarder is killed as `kill -9` does, again and again.
//!
//! Nobody here acknowledges as indexers do. The receiver of the OpenTelemetry Collector cannot be had: the module proxy has it, and not the modules
//! that it is built from. Tenzir numbers batches with `ack=true`, and a pipeline of its own never says of one that it has it. So acknowledgement
//! is tried against the receivers of our own in `streams.rs` and `delivery.rs`.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader};

use serde_json::{Value, json};

use crate::dice::Dice;
use crate::fleet::{Fleet, administration, events};
use crate::process;
use crate::tenzir::Pipeline;
use crate::victoria_logs::Server;

/// Records of each ledger that are forwarded,
const RECORDS: [(&str, usize); 2] = [("events/0", 2_000), ("operations/0", 20)];
/// and how often whoever forwards them is killed meanwhile.
const KILLS: usize = 6;

#[test]
#[ignore = "a process of the harness"]
fn forwarder_process() {
    let Some(role) = process::role() else { return };
    let fleet = Fleet::open(&role.folder);
    fleet.say_steps();
    let settings = serde_json::from_slice(&std::fs::read(role.folder.join("settings")).unwrap()).unwrap();
    let shipment = fleet.ship("siem", &settings);
    assert_eq!(shipment.count, role.records, "seed {}", role.seed);
}

/// Ships to a collector at that address, by forwarders that are killed after any step of theirs. The last one is this process.
fn ship_over_kills(url: &str) {
    let seed = process::variable(process::SEED).unwrap_or_else(|| getrandom::u64().unwrap() >> 32);
    println!("seed {seed}: repeat with {}={seed}", process::SEED);
    let [(_, recorded), (_, administered)] = RECORDS;
    let records = (recorded + administered) as u64;
    let fleet = Fleet::of(&events(recorded), &administration(administered));
    let settings = json!({"type": "splunk_hec", "url": url, "token": fleet.secret("token", "s3cret")});
    let made = fleet.close().unwrap();
    std::fs::write(made.path().join("settings"), settings.to_string()).unwrap();
    let mut dice = Dice::new(seed);
    for _ in 0..KILLS {
        let mut child = process::start("splunk_hec::forwarder_process", made.path(), seed, records);
        let steps = dice.below(40) as usize;
        let said = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        // Less than that it says only when everything is done.
        said.filter(|line| line == "step").take(steps).count();
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let shipment = Fleet::open(made.path()).ship("siem", &settings);
    assert_eq!((shipment.count, shipment.rejected), (records, 0), "seed {seed}");
}

/// What a collector has of one record: the stream and the number that it was given as indexed fields, and the event with them.
type Arrived = ((String, u64), Value);

/// Every record is there as it was recorded, and a repeat is the same.
fn check(name: &str, arrived: impl Iterator<Item = Arrived>) {
    let (mut kept, mut doubled) = (BTreeMap::<(String, u64), Value>::new(), 0);
    for (place, event) in arrived {
        if let Some(first) = kept.get(&place) {
            assert_eq!(*first, event, "{name}: a repeat of {place:?} differs");
            doubled += 1;
        } else {
            kept.insert(place, event);
        }
    }
    let (mut recorded, mut cut) = (events(RECORDS[0].1).into_iter().chain(administration(RECORDS[1].1)), 0);
    for (stream, count) in RECORDS {
        for number in 0..count as u64 {
            let (event, recorded) = (kept.remove(&(stream.to_owned(), number)), recorded.next().unwrap());
            let event = event.unwrap_or_else(|| panic!("{name}: {stream} {number} is lost"));
            if event.get("is_truncated").is_some() {
                cut += 1;
                continue;
            }
            // Content is not sent, and the time is said otherwise.
            let sent = |column: &str| !["time", "command"].contains(&column);
            for (column, value) in recorded.as_object().unwrap().iter().filter(|(column, _)| sent(column)) {
                // What is empty is no field to some.
                let said = event.get(column).and_then(Value::as_str).unwrap_or_default();
                assert_eq!(said, value, "{name}: {column} of {stream} {number}");
            }
        }
    }
    assert!(kept.is_empty() && cut < 50, "{name}: {cut} cut, and {:?}", kept.keys());
    println!("{name}: forwarder killed {KILLS} times, 0 lost, {doubled} doubled, each the same");
}

#[test]
fn tenzir_has_every_record_although_forwarders_are_killed() {
    let pipeline = Pipeline::start("accept_splunk", ", hec_token=\"s3cret\"");
    ship_over_kills(&format!("http://127.0.0.1:{}", pipeline.port));
    let place = |line: &Value| {
        let number = line["fields"]["export_seq"].as_str()?.parse().ok()?;
        Some((line["fields"]["stream"].as_str()?.to_owned(), number))
    };
    let wanted: usize = RECORDS.iter().map(|(_, count)| count).sum();
    let lines = pipeline.lines(|lines| {
        let places: BTreeSet<_> = lines.iter().map(place).collect();
        places.len() >= wanted
    });
    check("Tenzir", lines.into_iter().map(|mut line| (place(&line).unwrap(), line["event"].take())));
}

#[test]
fn victoria_logs_has_every_record_although_forwarders_are_killed() {
    let server = Server::start();
    ship_over_kills(&format!("{}/insert/splunk", server.url));
    let arrived = server.all().into_iter().map(|line| {
        let text = |name: &str| line[name].as_str().unwrap_or_else(|| panic!("{name}: {line}")).to_owned();
        let members = line.as_object().unwrap().iter();
        let event = members.filter_map(|(name, value)| Some((name.strip_prefix("event.")?.to_owned(), value.clone())));
        ((text("fields.stream"), text("fields.export_seq").parse().unwrap()), event.collect())
    });
    check("VictoriaLogs", arrived);
}
