//! What the stores hold, against what was recorded and what the receipts say.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};

use ledger::operations::column;
use ledger::{LedgerName, Options, Position, Seq, Store};
use operations::kind::export::{ExportReceipt, RECEIPT_KIND};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::forwarder::rows;
use crate::stores::duckdb;

/// What one sink has.
pub struct Counts {
    sink: String,
    objects: usize,
    records: usize,
    found: usize,
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { sink, objects, records, found } = self;
        write!(
            f,
            "{sink}: {records} records in {objects} objects, 0 lost, 0 doubled, {found} objects were there already when they were put"
        )
    }
}

struct Receipt {
    from: Position,
    to: Position,
    record: ExportReceipt,
}

/// Stops at the first loss, double, gap or difference and names the seed.
pub fn check(folder: &Path, sinks: &Value, events: u64, seed: u64) -> Vec<Counts> {
    let store = Store::open(&folder.join("data"), Options::default()).unwrap();
    let mut receipts: BTreeMap<String, Vec<Receipt>> = BTreeMap::new();
    rows(&store.operations().reader(), |row| {
        if row.text(column::KIND) == Some(RECEIPT_KIND) {
            let place = |column| row.text(column).unwrap().parse().unwrap();
            let record = serde_json::from_str(row.text(column::RECORD).unwrap()).unwrap();
            let receipt = Receipt { from: place(column::FROM), to: place(column::TO), record };
            receipts.entry(row.text(column::SUBJECT).unwrap().to_owned()).or_default().push(receipt);
        }
    });
    store.stop();
    let copies = folder.join("copies");
    let one = |sink: &Value| {
        let name = sink["name"].as_str().unwrap();
        let root = if sink["type"] == "file" { folder.join(name) } else { copies.clone() };
        let below = if sink["type"] == "file" { root.clone() } else { root.join(name) };
        check_sink(name, &root, &below, &receipts[name], sink["format"] == "parquet", events, seed)
    };
    sinks.as_array().unwrap().iter().map(one).collect()
}

fn check_sink(
    name: &str,
    root: &Path,
    below: &Path,
    receipts: &[Receipt],
    parquet: bool,
    events: u64,
    seed: u64,
) -> Counts {
    let at = format!("seed {seed}: {name}");
    for ledger in [LedgerName::Events, LedgerName::Operations] {
        let mut next = Seq::FIRST;
        for receipt in receipts.iter().filter(|receipt| receipt.from.ledger == ledger) {
            assert_eq!(receipt.from.seq, next, "{at}: receipts tile");
            next = receipt.to.seq;
        }
    }
    let sent: Vec<&ExportReceipt> =
        receipts.iter().map(|receipt| &receipt.record).filter(|record| record.batches > 0).collect();
    let mut objects = BTreeSet::new();
    let mut found = 0;
    for record in &sent {
        found += usize::from(record.ack.starts_with("it was there"));
        let object = record
            .ack
            .split(": ")
            .map(|part| part.trim_start_matches("created "))
            .find(|part| part.contains("/part-"))
            .unwrap();
        let bytes = std::fs::read(root.join(object))
            .unwrap_or_else(|_| panic!("{at}: {object} has a receipt and is not there"));
        assert!(record.ack.contains(&sha256(&bytes)), "{at}: the receipt says the hash of {object}");
        let sidecar = root.join(format!("{object}.sha256"));
        if let Ok(metadata) = std::fs::read_to_string(sidecar) {
            assert_eq!(record.sha256.as_ref(), Some(&metadata), "{at}: metadata of {object}");
        }
        if !parquet {
            let lines = zstd::decode_all(bytes.as_slice()).unwrap();
            assert_eq!(record.sha256, Some(sha256(&lines)), "{at}: records of {object}");
            assert_eq!(record.bytes, lines.len() as u64);
        }
        let place = format!("part-{:020}-{:020}-", record.export_seq, record.export_seq_next - 1);
        assert!(object.contains(&place) && objects.insert(root.join(object)), "{at}: {object} is not {place}");
    }
    assert_eq!(files(below), objects, "{at}: no object without a receipt, and nothing unfinished");
    let records: u64 = sent.iter().map(|record| record.count).sum();
    gaps(&at, below, parquet, events, records);
    Counts { sink: name.to_owned(), objects: objects.len(), records: records as usize, found }
}

/// Counts by the query that we ship what is lost and doubled.
fn gaps(at: &str, below: &Path, parquet: bool, events: u64, records: u64) {
    let (shipped, reader) = if parquet {
        (include_str!("../../../deploy/duckdb/gaps-parquet.sql"), "read_parquet")
    } else {
        (include_str!("../../../deploy/duckdb/gaps-ndjson.sql"), "read_json")
    };
    let place = "/var/spool/tachograph";
    assert!(shipped.contains(place) && shipped.contains(reader));
    let found = duckdb(&shipped.replace(place, below.to_str().unwrap()));
    let mut counted = 0;
    for row in &found {
        let (stream, lost, doubled) = (row[0].as_str().unwrap(), row[4].as_u64().unwrap(), row[5].as_u64().unwrap());
        let many = row[3].as_u64().unwrap();
        assert_eq!((lost, doubled, row[1].as_u64().unwrap()), (0, 0, 0), "{at}: {stream}");
        assert!(stream != "events/0" || many == events, "{at}: {many} of {events} events");
        counted += many;
    }
    assert_eq!(counted, records, "{at}: as many as the receipts say");
}

fn files(folder: &Path) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_none_or(|extension| extension != "sha256") {
            found.insert(path);
        }
    }
    found
}

fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}
