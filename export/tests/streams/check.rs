//! What the receivers keep, against what was recorded: counted here, and again by `receipts`, which must say the same.

use std::collections::BTreeMap;
use std::io::Cursor;
use std::path::Path;

use export::Config;
use export::receipts::check::check as check_receipts;
use export::receipts::compare::{Extent, compare};
use export::receipts::{Evidence, copy};
use ledger::{LedgerName, Reader};
use serde_json::Value;

use crate::sinks::{DESTINATIONS, Promise};

/// Records of the events that a receiver keeps, by their number, and how many came behind a later one.
#[derive(Default)]
struct Kept {
    texts: BTreeMap<u64, Vec<String>>,
    out_of_order: u64,
}

/// What a receiver said that it keeps, and the texts alone, as a copy has them.
fn kept(lines: &str) -> (Kept, String) {
    let (mut kept, mut newest, mut copy) = (Kept::default(), None, String::new());
    for line in lines.lines() {
        let record: Value = serde_json::from_str(line).unwrap();
        let text = record["text"].as_str().unwrap();
        copy.push_str(text);
        copy.push('\n');
        if record["stream"] == "events/0" {
            let number = record["number"].as_u64().unwrap();
            kept.out_of_order += u64::from(newest > Some(number));
            newest = newest.max(Some(number));
            kept.texts.entry(number).or_default().push(text.to_owned());
        }
    }
    (kept, copy)
}

/// Prints what became of every destination, and stops at the first that is not as it is promised.
pub fn check(folder: &Path, seed: u64) {
    let data = folder.join("data");
    let config: Config = serde_json::from_slice(&std::fs::read(folder.join("config")).unwrap()).unwrap();
    let (events, operations) =
        (Reader::open(&data, LedgerName::Events).unwrap(), Reader::open(&data, LedgerName::Operations).unwrap());
    let offered = events.durable().unwrap().next_seq.get();
    println!("seed {seed}: destination, records, faults, lost, doubled, out of order");
    for destination in DESTINATIONS {
        let name = destination.name;
        let said = |what: &str| std::fs::read_to_string(folder.join(format!("{name}.{what}"))).unwrap();
        assert_eq!(said("complaints"), "", "seed {seed}: {name} was given what it does not allow");
        let (Kept { texts, out_of_order }, copy) = kept(&said("kept"));
        let faults = said("faults");
        let lost = (0..offered).filter(|number| !texts.contains_key(number)).count() as u64;
        let doubled = texts.values().filter(|texts| texts.len() > 1).count() as u64;
        println!("seed {seed}: {name}, {offered}, {faults}, {lost}, {doubled}, {out_of_order}");
        for (number, texts) in &texts {
            assert!(texts.iter().all(|text| *text == texts[0]), "seed {seed}: a repeat of {number} differs at {name}");
            assert!(*number < offered, "seed {seed}: {number} was never recorded");
        }
        match destination.promise {
            Promise::Once => assert_eq!((lost, doubled), (0, 0), "seed {seed}: {name}"),
            Promise::AtLeastOnce => assert_eq!(lost, 0, "seed {seed}: {name}"),
            Promise::Forgets => {}
        }
        let evidence = Evidence {
            sink: config.sink(name).unwrap(),
            events: &events,
            operations: &operations,
            key: [3; 32],
            until: ledger::Timestamp::MAX,
        };
        let receipts = check_receipts(&evidence).unwrap();
        assert!(receipts.is_sound(), "seed {seed}: the receipts of {name}: {:?}", receipts.problems);
        assert_eq!(receipts.streams["events/0"].sent, offered, "seed {seed}: {name}");
        // A log record of OTLP is protobuf; what of it a store gives back is that store's business.
        if name == "otlp" {
            continue;
        }
        let copy = copy::read(&evidence, Cursor::new(copy.into_bytes())).unwrap();
        let found = compare(&evidence, copy, Extent::Whole).unwrap();
        let of_events = |named: &[String]| named.iter().filter(|name| name.starts_with("events/0")).count() as u64;
        let (missing, again) = (of_events(&found.missing.named), of_events(&found.doubled.named));
        // Of each kind the first thousand are named.
        assert_eq!(
            (missing.min(1_000), again.min(1_000)),
            (lost.min(1_000), doubled.min(1_000)),
            "seed {seed}: {name}"
        );
        assert_eq!(
            (found.changed.total, found.invented.total),
            (0, 0),
            "seed {seed}: {name}: {:?}",
            found.changed.named.first()
        );
    }
}
