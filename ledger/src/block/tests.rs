//! Blocks: what goes in comes out, in memory and from bytes, and bytes of anybody else are refused without a panic.

use proptest::prelude::*;

use super::*;
use crate::Entry;
use crate::column::Kind;
use crate::events::{TABLE, column};
use crate::fixtures::{any_entry, encoded};

/// The canonical parts of every row.
fn parts(block: &Block, pages: &Pages) -> Vec<(Vec<u8>, Vec<u8>)> {
    let part = |part, row| {
        let mut bytes = Vec::new();
        block.write_part(part, row, pages, &mut bytes);
        bytes
    };
    (0..block.len()).map(|row| (part(Part::Facts, row), part(Part::Content, row))).collect()
}

/// The parts of entries, written without a block.
fn parts_of(entries: &[Entry]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let part = |entry: &Entry, part| {
        let mut bytes = Vec::new();
        for column in TABLE.part(part) {
            if let Some(value) = entry.value(column.id) {
                crate::part::write_column(&mut bytes, column.id, value);
            }
        }
        bytes
    };
    entries.iter().map(|entry| (part(entry, Part::Facts), part(entry, Part::Content))).collect()
}

fn check(entries: &[Entry]) -> Vec<u8> {
    let want = parts_of(entries);
    let mut builder = BlockBuilder::new(&TABLE);
    for entry in entries {
        builder.push_entry(entry);
    }
    assert_eq!(parts(builder.block(), &Pages::default()), want, "while it is built");
    let mut again = BlockBuilder::new(&TABLE);
    for (facts, content) in &want {
        again.push_parts(facts, Some(content.as_slice()).filter(|part| !part.is_empty())).expect("canonical");
    }
    let closed = again.close();
    assert_eq!(parts(&closed, &closed.pages()), want, "from its parts");
    let block = builder.finish();
    assert_eq!(parts(&block, &block.pages()), want, "when it is finished");
    let mut joined = BlockBuilder::new(&TABLE);
    for row in 0..block.len() {
        joined.push_row(&block, row, &block.pages());
    }
    let joined = joined.finish();
    assert_eq!(parts(&joined, &joined.pages()), want, "from its rows");
    let mut bytes = Vec::new();
    block.encode(&mut bytes);
    let (decoded, pages) = Block::decode(&TABLE, &bytes).expect("its own bytes");
    assert_eq!(parts(&decoded, &pages), want, "from its bytes");
    assert_eq!((decoded.len(), rows_of(&bytes)), (entries.len(), Some(entries.len() as u32)));
    for (row, (_, content)) in want.iter().enumerate() {
        assert_eq!(decoded.has_content(row), !content.is_empty());
    }
    let mut encoded = Vec::new();
    decoded.encode(&mut encoded);
    assert_eq!(encoded, bytes, "the same bytes again");
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_entries_come_back(entries in prop::collection::vec(any_entry(&TABLE), 1..40)) {
        check(&entries);
    }

    #[test]
    fn bytes_that_were_changed_are_refused_or_whole(
        entries in prop::collection::vec(any_entry(&TABLE), 1..6),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let mut bytes = check(&entries);
        for (at, byte) in &changes {
            let at = at.index(bytes.len());
            bytes[at] = *byte;
        }
        bytes.truncate(cut.map_or(bytes.len(), |cut| cut.index(bytes.len())));
        if let Ok((block, pages)) = Block::decode(&TABLE, &bytes) {
            for (facts, content) in parts(&block, &pages) {
                let content = Some(content.as_slice()).filter(|part| !part.is_empty());
                prop_assert_eq!(crate::columnar::check(&TABLE, &facts, content), Ok(()));
            }
        }
    }

    #[test]
    fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Block::decode(&TABLE, &bytes);
    }
}

/// A block of rows that are much alike, as agents make them.
fn many(count: usize) -> Vec<Entry> {
    let entry = |number: usize| {
        let mut entry = Entry::new();
        entry.set_text(column::KIND, "egress.http");
        entry.set_text(column::SESSION, &format!("session-{}", number % 7));
        entry.set_text(column::SOURCE_ID, &format!("{number:036}"));
        entry.set_text(column::PATH, &format!("/{}", number * 7));
        if number > 1_500 {
            entry.set_text(column::CONTENT, &format!("content {number}"));
        }
        if !number.is_multiple_of(10) {
            entry.set_text(
                column::RECORD,
                &format!("{{\"number\":{number},\"text\":\"{}\"}}", "a".repeat(number % 300)),
            );
        }
        entry
    };
    (0..count).map(entry).collect()
}

#[test]
fn many_rows_take_several_pages_and_little_room() {
    let entries = many(4_000);
    let bytes = check(&entries);
    let raw: usize = parts_of(&entries).iter().map(|(facts, content)| facts.len() + content.len()).sum();
    assert!(bytes.len() * 8 < raw, "{} of {raw} bytes", bytes.len());
    let block = encoded(&TABLE, &entries).block.expect("entries");
    assert_eq!(
        block.column(column::SESSION.id()).map(|held| match &held.values {
            Values::Coded(coded) => coded.distinct(),
            Values::Long(_) => 0,
        }),
        Some(7)
    );
    assert!(block.pages >= 6, "{} pages", block.pages);
}

#[test]
fn a_value_that_is_larger_than_a_page_has_one_of_its_own() {
    let entry = |bytes: usize| {
        let mut entry = Entry::new();
        entry.set_text(column::RECORD, &"x".repeat(bytes));
        entry
    };
    check(&[entry(10), entry(3 << 20), entry(0), entry(5)]);
}

#[test]
fn what_stands_for_more_than_any_block_holds_is_refused() {
    // One value of a megabyte that every row has: few bytes, and gigabytes if they were believed.
    let mut builder = BlockBuilder::new(&TABLE);
    let mut entry = Entry::new();
    entry.set_text(column::PATH, &"x".repeat(1 << 20));
    for _ in 0..2_000 {
        builder.push_entry(&entry);
    }
    let mut bytes = Vec::new();
    builder.finish().encode(&mut bytes);
    assert!(bytes.len() < 4_000);
    assert_eq!(Block::decode(&TABLE, &bytes).err(), Some(NotABlock("rows of more bytes than any block has")));
}

#[test]
fn every_column_is_stored_as_its_table_says() {
    for column in TABLE.columns {
        let held = Held::new(column);
        assert_eq!(matches!(held.values, Values::Long(_)), column.storage == Storage::Long, "{}", column.name);
        let is_long_kind = matches!(column.kind, Kind::Text | Kind::Bytes);
        assert!(column.storage != Storage::Long || is_long_kind, "{}: pages hold texts and bytes", column.name);
    }
}
