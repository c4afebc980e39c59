//! The targets on their seeds, and on seeds with changes that know what a record looks like.

use std::collections::HashSet;
use std::ops::Range;

use proptest::prelude::*;
use serde_json::value::RawValue;

use super::*;

#[test]
fn every_target_takes_its_seeds() {
    let names: HashSet<&str> = TARGETS.iter().map(|target| target.name).collect();
    assert_eq!(names.len(), TARGETS.len());
    for target in TARGETS {
        let seeds = (target.seeds)();
        assert!(!seeds.is_empty(), "{}", target.name);
        for seed in &seeds {
            (target.take)(seed);
        }
        (target.take)(&[]);
    }
    assert!(otlp_seeds().len() > 20 && dialect_seeds().len() > 150);
    let otlp = otlp_seeds()
        .iter()
        .filter(|seed| !otlp::records(&seed[1..], true, Signal::ALL[usize::from(seed[0] / 2)]).is_empty())
        .count();
    assert_eq!(otlp, otlp_seeds().len(), "each seed is a request with an element");
}

/// A change to a record, by what stands in it.
#[derive(Debug, Clone)]
enum Change {
    /// The beginning is left.
    Truncate(prop::sample::Index),
    /// The whole comes again, so many times.
    Repeat(usize),
    /// A value lies so much deeper.
    Deepen(prop::sample::Index, usize, bool),
    /// A value is another one.
    Replace(prop::sample::Index, &'static [u8]),
    /// A member comes again, with its value or another one.
    Double(prop::sample::Index, Option<&'static [u8]>),
    /// These bytes stand somewhere.
    Insert(prop::sample::Index, Vec<u8>),
    /// Some bytes are gone.
    Remove(prop::sample::Index, usize),
}

/// Values of every type and size, some of which are none.
const VALUES: &[&[u8]] = &[
    b"null",
    b"true",
    b"0",
    b"-1",
    b"1e308",
    b"-1e400",
    b"99999999999999999999",
    b"0.1",
    b"\"\"",
    b"\"x\"",
    b"\"\\u0000\"",
    b"\"\\ud800\"",
    b"{}",
    b"[]",
    b"[[]]",
    b"[{}]",
    b"{\"\":{}}",
    b"{\"type\":1,\"content\":[{\"type\":[]}]}",
    b"\"\xff\"",
    b"\"\0\"",
    b"NaN",
];

fn changes() -> impl Strategy<Value = Vec<Change>> {
    let index = any::<prop::sample::Index>;
    let value = || prop::sample::select(VALUES);
    let change = prop_oneof![
        1 => index().prop_map(Change::Truncate),
        1 => (2_usize..4).prop_map(Change::Repeat),
        2 => (index(), prop::sample::select(vec![1_usize, 3, 60, 130, 300]), any::<bool>())
            .prop_map(|(at, depth, is_list)| Change::Deepen(at, depth, is_list)),
        4 => (index(), value()).prop_map(|(at, value)| Change::Replace(at, value)),
        3 => (index(), prop::option::of(value())).prop_map(|(at, value)| Change::Double(at, value)),
        2 => (index(), prop::collection::vec(any::<u8>(), 1..4)).prop_map(|(at, bytes)| Change::Insert(at, bytes)),
        1 => (index(), 0_usize..40).prop_map(|(at, len)| Change::Remove(at, len)),
    ];
    prop::collection::vec(change, 1..4)
}

/// Where the members of objects stand in a text, and the value of each, as far as it is JSON.
fn members(text: &[u8]) -> Vec<(Range<usize>, Range<usize>)> {
    let (mut found, mut begin, mut is_string, mut at) = (Vec::new(), 0, false, 0);
    while at < text.len() {
        match text[at] {
            b'\\' if is_string => at += 1,
            b'"' => {
                begin = if is_string { begin } else { at };
                is_string = !is_string;
            }
            b':' if !is_string => {
                let rest = std::str::from_utf8(&text[at + 1..]).unwrap_or_default();
                let mut values = serde_json::Deserializer::from_str(rest).into_iter::<&RawValue>();
                if let Some(Ok(value)) = values.next() {
                    let end = at + 1 + values.byte_offset();
                    found.push((begin..end, end - value.get().len()..end));
                }
            }
            _ => {}
        }
        at += 1;
    }
    found
}

fn changed(record: &[u8], changes: &[Change]) -> Vec<u8> {
    let mut record = record.to_vec();
    for change in changes {
        let at = |index: &prop::sample::Index, record: &[u8]| index.index(record.len() + 1);
        let member = |index: &prop::sample::Index, record: &[u8]| {
            let members = members(record);
            (!members.is_empty()).then(|| members[index.index(members.len())].clone())
        };
        match change {
            Change::Truncate(index) => record.truncate(at(index, &record)),
            Change::Repeat(times) => record = record.repeat(*times),
            Change::Deepen(index, depth, is_list) => {
                if let Some((_, value)) = member(index, &record) {
                    let (open, close) = if *is_list { ("[", "]") } else { ("{\"content\":", "}") };
                    let deep =
                        [open.repeat(*depth).as_bytes(), &record[value.clone()], close.repeat(*depth).as_bytes()]
                            .concat();
                    record.splice(value, deep);
                }
            }
            Change::Replace(index, with) => {
                if let Some((_, value)) = member(index, &record) {
                    record.splice(value, with.iter().copied());
                }
            }
            Change::Double(index, with) => {
                if let Some((whole, value)) = member(index, &record) {
                    let name = &record[whole.start..value.start];
                    let again = [b",", name, with.unwrap_or(&record[value])].concat();
                    record.splice(whole.end..whole.end, again);
                }
            }
            Change::Insert(index, bytes) => {
                let at = at(index, &record);
                record.splice(at..at, bytes.iter().copied());
            }
            Change::Remove(index, len) => {
                let at = at(index, &record);
                record.drain(at..(at + len).min(record.len()));
            }
        }
    }
    record
}

#[test]
fn members_are_found_where_they_stand() {
    let text = br#"{"a":1,"b:":{"c":"x:\"y"}}"#;
    let found: Vec<(&[u8], &[u8])> =
        members(text).into_iter().map(|(whole, value)| (&text[whole], &text[value])).collect();
    let expected: [(&[u8], &[u8]); 3] =
        [(b"\"a\":1", b"1"), (br#""b:":{"c":"x:\"y"}"#, br#"{"c":"x:\"y"}"#), (br#""c":"x:\"y""#, br#""x:\"y""#)];
    assert_eq!(found, expected);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn changed_records_of_every_dialect_hold(number in 0..DIALECTS.len(), example in any::<prop::sample::Index>(), changes in changes()) {
        let dialect = DIALECTS[number];
        let example: &str = dialect.examples()[example.index(dialect.examples().len())];
        hold(dialect, &changed(&bytes_of(dialect, example).unwrap_or_default(), &changes));
    }

    #[test]
    fn changed_seeds_of_every_target_hold(target in 0..TARGETS.len(), seed in any::<prop::sample::Index>(), changes in changes()) {
        let seeds = (TARGETS[target].seeds)();
        (TARGETS[target].take)(&changed(&seeds[seed.index(seeds.len())], &changes));
    }
}
