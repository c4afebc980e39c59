//! Tests over the list of dialects: what holds for each of them, on its examples, on mutations of them and on anything.

use super::testing::{RECEIVED, bytes, columns, events, finish, record};
use super::*;
use crate::event::{ContentField, FreeText};
use crate::fuzzing::hold;
use ledger::events::column;
use proptest::prelude::*;
use std::collections::HashSet;

/// Columns that only the finisher, the pipeline or the ledger set.
const NOT_FOR_DIALECTS: &[&str] = &[
    "collector",
    "token",
    "domain",
    "cost_micros",
    "price_version",
    "action_fp",
    "result_fp",
    "content",
    "content_raw",
    "content_len",
    "content_hash",
    "redactions",
    "cuts",
    "record",
];
/// Secrets that stand in the examples.
const SECRETS: &[&str] = &[
    "AKIAIOSFODNN7EXAMPLE",
    "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    "ghp_0123456789abcdefghijklmnopqrstuvwxyz",
    "hunter2",
    "c2VjcmV0",
    "b3Blb",
];

#[test]
fn debug_output_tells_no_text() {
    for dialect in DIALECTS {
        for example in dialect.examples() {
            let mut drafts = Drafts::new();
            dialect.decode(record(*dialect, &bytes(*dialect, example)), RECEIVED, &mut drafts);
            let debug = format!("{drafts:?}");
            assert!(SECRETS.iter().all(|secret| !debug.contains(secret)), "{debug}");
        }
    }
}

#[test]
fn names_are_unique_and_documented() {
    let names: HashSet<&str> = DIALECTS.iter().map(|dialect| dialect.name()).collect();
    assert_eq!(names.len(), DIALECTS.len());
    for dialect in DIALECTS {
        let name = dialect.name();
        assert!(!name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{name}");
        assert!(dialect.doc().ends_with('.') && dialect.doc().len() > 80, "{name} says what it takes");
        assert!(!dialect.examples().is_empty(), "{name}");
        assert_eq!(by_name(name).map(Dialect::name), Some(name));
    }
    assert!(by_name("no_such_dialect").is_none());
}

#[test]
fn every_example_gives_events_with_the_columns_that_all_have() {
    for dialect in DIALECTS {
        for example in dialect.examples() {
            let mut drafts = Drafts::new();
            assert_eq!(
                dialect.decode(record(*dialect, &bytes(*dialect, example)), RECEIVED, &mut drafts),
                Decoded::Events,
                "{}: {example}",
                dialect.name()
            );
            for (at, draft) in drafts.iter_mut().enumerate() {
                let set = columns(&draft.columns);
                for name in ["kind", "source", "family", "time", "observed"] {
                    assert!(set.contains_key(name), "{name} of {example}");
                }
                assert!(["boundary", "gateway", "workspace"].contains(&set["family"].as_str()), "{example}");
                let outcomes = ["allow", "deny", "success", "error", "blocked"];
                assert!(set.get("outcome").is_none_or(|outcome| outcomes.contains(&outcome.as_str())), "{example}");
                for name in NOT_FOR_DIALECTS {
                    assert!(!set.contains_key(name), "{name} of {example}");
                }
                let fields: usize = draft.content.len() + draft.free_text.len();
                assert!(at == 0 || fields == 0, "only the first event has fields of the record: {example}");
                draft.limit_trust(dialect.trust());
                let trust: Trust = draft.columns.text(column::TRUST).expect("set").parse().expect("a word");
                assert!(trust <= dialect.trust());
            }
        }
    }
}

/// The value that a decoder has at hand spares a search and says nothing that the path does not say.
#[test]
fn the_path_of_a_field_leads_where_its_value_was_read() {
    let mut fields = 0;
    for dialect in DIALECTS {
        for example in dialect.examples() {
            let finished = |is_read: bool| {
                let mut drafts = Drafts::new();
                let bytes = bytes(*dialect, example);
                let record = record(*dialect, &bytes);
                dialect.decode(record, RECEIVED, &mut drafts);
                let draft = drafts.iter_mut().next().expect(example);
                let count = draft.content.len() + draft.free_text.len();
                if !is_read {
                    draft.content = draft.content.iter().map(ContentField::unread).collect();
                    draft.free_text = draft.free_text.iter().map(FreeText::unread).collect();
                }
                (columns(&finish(record, draft, true)), count)
            };
            let (read, count) = finished(true);
            assert_eq!(read, finished(false).0, "{example}");
            fields += count;
        }
    }
    assert!(fields > 80, "{fields} fields are named");
}

#[test]
fn no_secret_of_an_example_is_left_in_any_column() {
    let mut redactions = 0;
    for dialect in DIALECTS {
        for example in dialect.examples() {
            let raw = example.replace("\\u0026", "&");
            for event in events(*dialect, example) {
                redactions += event.get("redactions").map_or(0, |list| list.lines().count());
                for (name, value) in &event {
                    for secret in SECRETS.iter().filter(|secret| raw.contains(**secret)) {
                        assert!(!value.contains(secret), "{secret} in {name} of {example}");
                    }
                }
            }
        }
    }
    assert!(redactions >= 12, "{redactions} redactions are listed");
}

#[test]
fn a_record_without_secrets_is_restored_byte_for_byte() {
    let mut exact = 0;
    for dialect in DIALECTS {
        for example in dialect.examples() {
            let event = &events(*dialect, example)[0];
            let restored = restored(dialect.encoding(), event).expect(example);
            if event.contains_key("redactions") {
                assert!(String::from_utf8_lossy(&restored).contains("[REDACTED:"), "{example}");
            } else {
                exact += 1;
                assert_eq!(restored, bytes(*dialect, example), "{example}");
            }
        }
    }
    assert!(exact >= 20, "{exact} examples have no secret");
}

/// The redacted record, put together again.
fn restored(encoding: &dyn RecordEncoding, event: &testing::Columns) -> Option<Vec<u8>> {
    let cuts = hex::decode(event.get("cuts").map_or("", String::as_str)).expect("hexadecimal");
    encoding.restore(event.get("record")?, event.get("content").map_or("", String::as_str), &cuts)
}

/// The columns of a record's events, except those that hold its bytes or say what is odd about them.
fn facts(dialect: &dyn Dialect, raw: &[u8]) -> Option<Vec<testing::Columns>> {
    let mut drafts = Drafts::new();
    let (decoded, mended) = decode(dialect, record(dialect, raw), RECEIVED, &mut drafts);
    let text = mended.as_ref().filter(|mended| !mended.in_place).map_or(raw, |mended| mended.text.as_bytes());
    let of_bytes =
        ["record", "content", "content_raw", "content_len", "content_hash", "cuts", "redactions", "source_id"];
    let finished = drafts.iter_mut().enumerate().map(|(at, draft)| {
        let mut columns = columns(&finish(record(dialect, text), draft, at == 0));
        columns.retain(|name, _| !of_bytes.contains(name));
        columns
    });
    (decoded == Decoded::Events).then(|| finished.collect())
}

#[test]
fn an_odd_string_is_read_as_what_it_nearly_says_and_nothing_else_changes() {
    // What is odd, and how a sound writer would have written the nearest thing.
    let odd: [(&[u8], &str); 6] = [
        (br"\ud83d", r"\ufffd"),
        (br"\x41\d", r"\u0041\\d"),
        // Names in prompts are those of the JSON, in which what is mended is spelled so.
        (b"\x07\t", r"\u0007\u0009"),
        (b"\xc3", "\u{FFFD}"),
        (br"\u12", r"\\u12"),
        (b"\0", r"\u0000"),
    ];
    let (mut tried, mut events) = (0, 0);
    for dialect in DIALECTS {
        for example in dialect.examples().iter().filter(|example| example.starts_with('{')) {
            let bytes = example.as_bytes();
            let is_end = |at: &usize| bytes[*at] == b'"' && matches!(bytes[at + 1], b',' | b'}' | b']');
            for at in (1..bytes.len() - 1).filter(is_end) {
                let (odd, sound) = odd[tried % odd.len()];
                let with = |piece: &[u8]| [&bytes[..at], piece, &bytes[at..]].concat();
                let (found, want) = (facts(*dialect, &with(odd)), facts(*dialect, &with(sound.as_bytes())));
                assert_eq!(found, want, "{}", String::from_utf8_lossy(&with(odd)));
                tried += 1;
                events += usize::from(found.is_some());
            }
        }
    }
    assert!(tried > 300 && events > 250, "{events} of {tried}");
}

/// One change to a text.
#[derive(Debug, Clone)]
enum Change {
    Remove(prop::sample::Index, usize),
    Insert(prop::sample::Index, Vec<u8>),
    Double(prop::sample::Index, usize),
    Cut(prop::sample::Index),
}

fn changes() -> impl Strategy<Value = Vec<Change>> {
    let pieces = prop::sample::select(vec![
        "\"",
        "\\",
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "null",
        "-1e400",
        "\\ud800",
        "\u{1F600}",
        "\0",
        "=",
        "@",
        "99999999999999999999",
        "true",
    ]);
    let change = prop_oneof![
        (any::<prop::sample::Index>(), 0usize..40).prop_map(|(at, len)| Change::Remove(at, len)),
        (any::<prop::sample::Index>(), pieces.prop_map(|piece| piece.as_bytes().to_vec()))
            .prop_map(|(at, piece)| Change::Insert(at, piece)),
        (any::<prop::sample::Index>(), proptest::collection::vec(any::<u8>(), 1..4))
            .prop_map(|(at, bytes)| Change::Insert(at, bytes)),
        (any::<prop::sample::Index>(), 0usize..60).prop_map(|(at, len)| Change::Double(at, len)),
        any::<prop::sample::Index>().prop_map(Change::Cut),
    ];
    proptest::collection::vec(change, 0..4)
}

fn changed(bytes: &[u8], changes: &[Change]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for change in changes {
        let at = |index: &prop::sample::Index, bytes: &Vec<u8>| index.index(bytes.len() + 1);
        match change {
            Change::Remove(index, len) => {
                let at = at(index, &bytes);
                let end = (at + len).min(bytes.len());
                bytes.drain(at..end);
            }
            Change::Insert(index, piece) => {
                let at = at(index, &bytes);
                bytes.splice(at..at, piece.iter().copied());
            }
            Change::Double(index, len) => {
                let at = at(index, &bytes);
                let piece = bytes[at..(at + len).min(bytes.len())].to_vec();
                bytes.splice(at..at, piece);
            }
            Change::Cut(index) => bytes.truncate(at(index, &bytes)),
        }
    }
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(700))]

    #[test]
    fn changed_examples_are_taken(dialect in 0..DIALECTS.len(), example in any::<prop::sample::Index>(), changes in changes()) {
        let dialect = DIALECTS[dialect];
        let raw = changed(&bytes(dialect, dialect.examples()[example.index(dialect.examples().len())]), &changes);
        // Also as another dialect's record: a collector may be configured wrongly.
        for other in DIALECTS {
            hold(*other, &raw);
        }
    }

    #[test]
    fn any_bytes_are_taken(bytes in proptest::collection::vec(any::<u8>(), 0..60), text in "\\PC{0,60}") {
        for dialect in DIALECTS {
            hold(*dialect, &bytes);
            hold(*dialect, text.as_bytes());
        }
    }
}
