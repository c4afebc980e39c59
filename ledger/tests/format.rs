//! FORMAT.md is the contract: its vectors and its column tables are those of the code.

// A test that meets what it does not expect should stop there and say so.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fmt::Write as _;

use ledger::events::column;
use ledger::{Entry, Group, Input, Kind, LedgerName, Options, Part, ReadLimit, Seq, Store, Table, Timestamp};
use proof::leaf::{CONTENT_DOMAIN, FACTS_DOMAIN, Leaf, commitment, digest, salt};
use proof::note::{Checkpoint, Signer};
use proof::{Header, header, inputs, tree};

const FORMAT: &str = include_str!("../FORMAT.md");

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// A column of a part as section 2 says; a length below 128 is one byte.
fn put(part: &mut Vec<u8>, id: u8, value: &[u8]) {
    part.extend([id, u8::try_from(value.len()).expect("short")]);
    part.extend_from_slice(value);
}

/// The vectors by name, in the order of the page.
fn vectors() -> Vec<(&'static str, String)> {
    let mut facts = Vec::new();
    put(&mut facts, column::TIME.id(), &1_789_378_203_118_000_i64.to_be_bytes());
    put(&mut facts, column::KIND.id(), b"egress.http");
    put(&mut facts, column::STATUS.id(), &403_i64.to_be_bytes());
    put(&mut facts, column::REDACTIONS.id(), b"\0\0\0\x09aws:url:3\0\0\0\x01b");
    let mut content = Vec::new();
    put(&mut content, column::CONTENT.id(), br#"{"prompt":"hi"}"#);
    let (facts_digest, content_digest) = (digest(FACTS_DOMAIN, &facts), digest(CONTENT_DOMAIN, &content));
    let (facts_salt, content_salt) = (salt(&[1; 32], 7), salt(&[2; 32], 7));
    let content_commitment = commitment(&content_salt, &content_digest);
    let leaf = Leaf {
        shard: 0,
        recorded: 1_789_378_208_200_000,
        flags: 1,
        facts: commitment(&facts_salt, &facts_digest),
        content: Some(content_commitment),
    };
    let (leaf_data, leaf_data_len) = leaf.data();
    let inputs = [Input { key: b"k".to_vec(), value: b"v".to_vec() }];
    let header = Header {
        shard: 0,
        batch: 3,
        first_seq: 7,
        count: 1,
        root: tree::root(&[leaf.hash()]),
        previous: header::origin_hash("acme.example/agents/events/0/0"),
        time_min: 1_789_378_203_118_000,
        time_max: 1_789_378_203_118_000,
        recorded_min: 1_789_378_208_200_000,
        recorded_max: 1_789_378_208_700_000,
        writer: [3; 16],
        epoch: 5,
        inputs_count: 1,
        inputs_root: inputs::root(&inputs),
    };
    let signer = Signer::new("acme.example/agents", &[4; 32]).expect("a valid name");
    let root = tree::root(&[header.leaf_hash()]);
    let checkpoint = Checkpoint { origin: "acme.example/agents/events/0/0".to_owned(), size: 1, root };
    vec![
        ("facts part", hex(&facts)),
        ("content part", hex(&content)),
        ("facts digest", facts_digest.to_string()),
        ("content digest", content_digest.to_string()),
        ("facts salt", hex(&facts_salt)),
        ("content salt", hex(&content_salt)),
        ("facts commitment", leaf.facts.to_string()),
        ("content commitment", content_commitment.to_string()),
        ("leaf data", hex(&leaf_data[..leaf_data_len])),
        ("leaf", leaf.hash().to_string()),
        ("inputs root", header.inputs_root.to_string()),
        ("header", hex(&header.encode())),
        ("header hash", header.hash().to_string()),
        ("log root", root.to_string()),
        ("verifier key", signer.verifier().to_string()),
        ("checkpoint", hex(signer.sign(&checkpoint.to_text()).as_bytes())),
    ]
}

#[test]
fn the_vectors_are_those_of_the_page() {
    let lines = vectors().into_iter().map(|(name, value)| format!("    {name}: {value}\n"));
    let missing: String = lines.filter(|line| !FORMAT.contains(line)).collect();
    assert!(missing.is_empty(), "FORMAT.md section 11 lacks these lines, or the format was changed:\n{missing}");
}

#[test]
fn the_column_tables_are_those_of_the_page() {
    let mut rows = 0;
    for ledger in LedgerName::ALL {
        for column in Table::of(ledger).columns {
            let kind = match column.kind {
                Kind::Text => "text",
                Kind::Integer => "integer",
                Kind::Time => "time",
                Kind::Fingerprint => "fingerprint",
                Kind::Bytes => "bytes",
                Kind::TextList => "list of texts",
            };
            let part = if column.part == Part::Facts { "facts" } else { "content" };
            let stored = format!("{:?}", column.storage).to_lowercase();
            let row = format!("| {} | {} | {kind} | {part} | {stored} |\n", column.id, column.name);
            assert!(FORMAT.contains(&row), "FORMAT.md section 2 lacks this row:\n{row}");
            rows += 1;
        }
    }
    let tables = &FORMAT[FORMAT.find("### 2.1").expect("there")..FORMAT.find("### 2.3").expect("there")];
    assert_eq!(tables.lines().filter(|line| line.contains("| facts |") || line.contains("| content |")).count(), rows);
}

#[test]
fn a_group_encodes_the_parts_as_the_page_says() {
    let mut entry = Entry::new();
    // Set in another order than that of the ids: the canonical form does not depend on it.
    entry.set_text(column::CONTENT, r#"{"prompt":"hi"}"#);
    entry.set_list(column::REDACTIONS, ["aws:url:3", "b"]);
    entry.set_integer(column::STATUS, 403);
    entry.set_text(column::KIND, "egress.http");
    entry.set_time(column::TIME, Timestamp::from_unix_micros(1_789_378_203_118_000));
    let mut group = Group::new(Table::of(LedgerName::Events));
    group.push(&entry).expect("small");
    let dir = tempfile::tempdir().expect("a directory");
    let data = dir.path().join("data");
    Store::init(&data, "acme.example/agents").expect("made");
    let store = Store::open(&data, Options { reserve_bytes: 0, ..Options::default() }).expect("opened");
    store.events().appender().try_append(group).expect("room").wait().expect("durable");
    let rows = store.events().reader().read(Seq::FIRST, true, ReadLimit { rows: 1, bytes: 1 }).expect("readable");
    let (row, vectors) = (rows.get(0).expect("one row"), vectors());
    assert_eq!(hex(&row.part(Part::Facts)), vectors[0].1);
    assert_eq!(hex(&row.part(Part::Content)), vectors[1].1);
}

#[test]
fn the_bounds_of_a_block_are_those_of_the_page() {
    let thousands = |number: usize| {
        let digits = number.to_string();
        let groups: Vec<&str> =
            digits.as_bytes().rchunks(3).rev().filter_map(|group| str::from_utf8(group).ok()).collect();
        groups.join(",")
    };
    for bound in [usize::from(u16::MAX), ledger::limits::BLOCK_BYTES_MAX] {
        assert!(FORMAT.contains(&thousands(bound)), "FORMAT.md section 7.1 lacks {}", thousands(bound));
    }
}
