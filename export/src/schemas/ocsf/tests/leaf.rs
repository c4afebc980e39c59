//! The leaf of each record in the ledger's tree: what a sink is sent names the same bytes as the proof of the ledger, wherever the row lies,
//! and `deploy/verify_ocsf_chain.py` follows a proof from a copy alone up to the root of a checkpoint.

use ledger::{Digest, Group, InclusionProof, LedgerName, Options, Position, Provable, Reader, Seq, Store, Table};
use proof::tree;
use serde_json::{Value, json};

use super::VERSIONS;
use crate::Rendering;
use crate::fixtures::every;
use crate::fixtures::validators::{run, write};

const CHECKER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/verify_ocsf_chain.py");

/// What a new sink would be sent of a ledger.
fn rendered(reader: &Reader, schema: &str) -> Vec<String> {
    let rendering = Rendering::new(Some(schema), None, operations::filter::Filter::default(), [3; 32]).unwrap();
    let mut texts = Vec::new();
    let each = rendering.each(reader, Seq::FIRST, |text| {
        texts.push(text.to_owned());
        true
    });
    each.unwrap();
    texts
}

fn proof_of(reader: &Reader, event: &Value) -> InclusionProof {
    let position: Position = event["metadata"]["uid"].as_str().unwrap().parse().unwrap();
    match reader.prove(position.seq, false).unwrap() {
        Provable::Proven(proof) => *proof,
        other => panic!("{position}: {other:?}"),
    }
}

/// A proof as `tachograph proof` prints it.
fn file_of(proof: &InclusionProof) -> Value {
    let path = |nodes: &[Digest]| nodes.iter().map(ToString::to_string).collect::<Vec<_>>();
    json!({
        "format": 1, "position": proof.position.to_string(), "leaf_data": hex::encode(&proof.leaf_data),
        "facts": {"salt": hex::encode(proof.facts.salt), "part": hex::encode(&proof.facts.part)}, "content": null,
        "batch": {"index": proof.leaf_index, "size": proof.leaves, "path": path(&proof.leaf_path)},
        "header": hex::encode(&proof.header),
        "log": {"index": proof.batch, "size": proof.log_size, "path": path(&proof.log_path)},
        "checkpoint": proof.checkpoint, "key": proof.key,
    })
}

/// The rows of a ledger, recorded in commits of 30.
async fn record(store: &Store, ledger: LedgerName, rows: &[Value]) {
    for rows in rows.chunks(30) {
        let mut group = Group::new(Table::of(ledger));
        for row in rows {
            group.push(&crate::fixtures::entry(ledger, row)).unwrap();
        }
        store.ledger(ledger).appender().append(group).await.unwrap();
    }
}

#[tokio::test]
async fn the_leaf_that_is_sent_is_the_one_that_the_ledger_proves() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    Store::init(&data, "acme.example/agents").unwrap();
    let options = || Options { reserve_bytes: 0, segment_entries_max: 60, ..Options::default() };
    let store = Store::open(&data, options()).unwrap();
    record(&store, LedgerName::Events, &every::all_events()).await;
    record(&store, LedgerName::Operations, &[json!({"kind": "token", "subject": "tok_1", "actor": "ana"})]).await;
    let said = |reader: &Reader| VERSIONS.map(|schema| rendered(reader, schema.name));
    let before = said(&store.events().reader());
    store.stop();

    let store = Store::open(&data, options()).unwrap();
    let (events, status) = (store.events().reader(), store.events().status());
    assert!(status.segments > 1 && status.sealed_seq < status.durable.next_seq, "some rows are sealed: {status:?}");
    assert!(said(&events) == before, "a record is said alike from the log and from a segment");
    let operations = said(&store.operations().reader());
    for (reader, texts) in [(&events, before), (&store.operations().reader(), operations)] {
        for (schema, texts) in VERSIONS.into_iter().zip(texts) {
            assert!(!texts.is_empty());
            for text in texts.iter().step_by(7) {
                let event: Value = serde_json::from_str(text).unwrap();
                // Version 1.1 has no attribute for it.
                let place = if schema.name == "ocsf_1_1" { &event["unmapped"] } else { &event };
                let leaf = tree::leaf_hash(&proof_of(reader, &event).leaf_data).to_string();
                let expected = json!({"algorithm_id": 3, "algorithm": "SHA-256", "value": leaf});
                assert_eq!(place["raw_data_hash"], expected, "{}: {text}", schema.name);
            }
        }
    }
    store.stop();
}

/// A change of a proof or of the event that it is about, and what the checker says.
type Change = (&'static str, fn(&mut Value, &mut Value), &'static str);

const CHANGES: [Change; 8] = [
    (
        "another hash",
        |event, _| event["raw_data_hash"]["value"] = "00".repeat(32).into(),
        "and the leaf of the entry is",
    ),
    (
        "no hash",
        |event, _| drop(event.as_object_mut().unwrap().remove("raw_data_hash")),
        "raw_data_hash of events/0/5 is None",
    ),
    ("another event", |_, proof| proof["position"] = "events/0/6".into(), "another entry than events/0/6"),
    ("another leaf", |_, proof| proof["leaf_data"] = "00".repeat(45).into(), "the leaf is not in the batch"),
    ("another place", |_, proof| proof["batch"]["index"] = 6.into(), "the leaf is not in the batch"),
    ("another log", |_, proof| proof["log"]["index"] = 1_000.into(), "the batch is not in the log"),
    (
        "another root",
        |_, proof| proof["checkpoint"] = "acme.example/agents/events/0/0\n1\nAAAA\n".into(),
        "the batch is not in the log of the checkpoint",
    ),
    ("no proof", |_, proof| *proof = json!({"position": "events/0/5"}), "it is no proof file"),
];

#[tokio::test]
async fn a_proof_is_followed_from_a_siems_copy() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    Store::init(&data, "acme.example/agents").unwrap();
    let store = Store::open(&data, Options { reserve_bytes: 0, ..Options::default() }).unwrap();
    let mut rows = every::all_events();
    rows.truncate(61);
    record(&store, LedgerName::Events, &rows).await;
    store.stop();
    let reader = Reader::open(&data, LedgerName::Events).unwrap();
    let texts = rendered(&reader, "ocsf");
    let copy: Vec<Value> = texts.iter().map(|text| serde_json::from_str(text).unwrap()).collect();
    let check = |copy: &[Value], proof: &Value| {
        let paths = ["copy.ndjson", "proof.json"].map(|name| folder.path().join(name).to_str().unwrap().to_owned());
        write(paths[0].as_ref(), copy.iter().map(Value::to_string).collect::<Vec<_>>().iter().map(String::as_str));
        std::fs::write(&paths[1], proof.to_string()).unwrap();
        let (code, said) = run(CHECKER, &["--proof", &paths[1], &paths[0]]);
        assert!(!said.contains("Traceback"), "{said}");
        (code, said)
    };
    for event in &copy {
        let proof = proof_of(&reader, event);
        let (code, said) = check(&copy, &file_of(&proof));
        let root = proof.checkpoint.lines().nth(2).unwrap();
        assert!(code == 0 && said.contains(&format!("\n  {root}\n")), "{said}");
    }
    for (what, change, expected) in CHANGES {
        let (mut changed, mut proof) = (copy.clone(), file_of(&proof_of(&reader, &copy[5])));
        change(&mut changed[5], &mut proof);
        let (code, said) = check(&changed, &proof);
        assert!(code == 3 && said.contains(expected), "{what}: {said}");
    }
}
