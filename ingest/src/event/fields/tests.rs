//! Tests of what a dialect names in a record: which edits come of it, and that what is cut out of any record is put back.

use proptest::prelude::*;
use serde_json::{Map, Value};

use super::*;
use crate::dialect::testing::{columns, finish};
use crate::encoding::{Json, Located};
use crate::event::{Draft, Record};
use ledger::events::column;

/// An encoding that finds fields where it is told.
#[derive(Debug)]
struct Says(Result<Vec<Located>, Unreadable>);

impl RecordEncoding for Says {
    fn locate(&self, _: &str, _: &[&FieldPath]) -> Result<Vec<Located>, Unreadable> {
        self.0.clone()
    }
}

const TEXT: &str = "0123456789é";

/// Checks the edits of `contents` fields of content and one of free text, which are found at these places.
fn check(contents: usize, found: &[(usize, usize, usize)], expected: Result<&[(&str, usize, usize)], FieldError>) {
    let names = ["a", "b", "c"];
    let located = found.iter().map(|&(path, start, end)| Located { path, span: Span { start, end }, is_json: true });
    let content: Vec<ContentField> =
        names[..contents].iter().map(|name| ContentField::at(*name, FieldPath::member(name))).collect();
    let free_text = [FreeText::at("free", "/free")];
    let edits = edits(&Says(Ok(located.collect())), TEXT, &content, &free_text);
    let edits = edits.map(|edits| {
        assert!(edits.iter().all(|edit| edit.is_content == (edit.name != "free")));
        edits.iter().map(|edit| (edit.name, edit.span.start, edit.span.end)).collect::<Vec<_>>()
    });
    assert_eq!(edits, expected.map(<[_]>::to_vec), "{found:?}");
}

#[test]
fn edits_are_in_order_and_without_overlap() {
    let missing = |path: &str| Err(FieldError::Missing { path: path.to_owned() });
    check(0, &[], Ok(&[]));
    check(0, &[(0, 2, 3)], Ok(&[("free", 2, 3)]));
    check(2, &[(0, 5, 9), (1, 0, 5), (2, 9, 10)], Ok(&[("b", 0, 5), ("a", 5, 9), ("free", 9, 10)]));
    check(1, &[(0, 5, 6), (0, 1, 2)], Ok(&[("a", 1, 2), ("a", 5, 6)]));
    // The outer one goes before the inner one, and content before free text, even inside of it.
    check(2, &[(0, 2, 3), (1, 1, 9), (2, 4, 5)], Ok(&[("b", 1, 9)]));
    check(2, &[(0, 2, 3), (1, 2, 3)], Ok(&[("a", 2, 3)]));
    check(1, &[(0, 4, 5), (1, 0, 10)], Ok(&[("a", 4, 5)]));
    check(1, &[(0, 4, 6), (1, 5, 10)], Ok(&[("a", 4, 6)]));
    check(0, &[(0, 0, 5), (0, 3, 6)], Ok(&[("free", 0, 5)]));
    check(2, &[(0, 1, 4), (1, 3, 6)], Err(FieldError::Overlap { name: "b".to_owned() }));
    // What is not there, whole, is not found.
    check(2, &[(0, 1, 4)], missing("/b"));
    for wild in [(0, 4, 99), (0, 5, 3), (0, 0, 11), (7, 0, 1)] {
        check(1, &[wild], missing("/a"));
    }
}

#[test]
fn free_text_is_no_reason_to_refuse_a_record() {
    let (content, free_text) = ([ContentField::at("a", "/a")], [FreeText::at("free", "/free")]);
    assert_eq!(edits(&Says(Err(Unreadable)), TEXT, &[], &free_text), Ok(Vec::new()));
    assert_eq!(edits(&Says(Err(Unreadable)), TEXT, &content, &[]), Err(FieldError::Unreadable(Unreadable)));
    let plain = Located { path: 0, span: Span { start: 1, end: 2 }, is_json: false };
    assert_eq!(edits(&Says(Ok(vec![plain])), TEXT, &[], &free_text).map(|edits| edits.len()), Ok(1));
    let not_json = FieldError::NotJson { path: "/a".to_owned() };
    assert_eq!(edits(&Says(Ok(vec![plain])), TEXT, &content, &free_text), Err(not_json));
}

#[test]
fn a_value_of_another_text_is_looked_for_in_the_record() {
    let (record, other) = (r#"{"a":"text"}"#, r#"{"b":0,"a":"text"}"#);
    for text in [record, other] {
        let value: &RawValue = serde_json::from_str(&text[text.len() - 7..text.len() - 1]).unwrap();
        let content = [ContentField::read("a", "/a", record, value)];
        let span = edits(&Json, record, &content, &[]).unwrap()[0].span;
        assert_eq!(&record[span.start..span.end], "\"text\"");
    }
}

fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i16>().prop_map(Value::from),
        "[ab\"\\\\/~ é\n{]{0,6}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec(("[a-c/~\"é]{0,2}", inner), 0..5)
                .prop_map(|members| Value::from(members.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

/// Every path of the value, its own first.
fn paths(value: &Value, path: FieldPath, found: &mut Vec<FieldPath>) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                paths(value, path.then(name), found);
            }
        }
        Value::Array(items) => {
            for (number, value) in items.iter().enumerate() {
                paths(value, path.item(number), found);
            }
        }
        _ => {}
    }
    found.push(path);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// Any set of paths over any JSON: what is cut out and put back is the record byte for byte, and nothing of it stays a fact.
    #[test]
    fn what_is_cut_out_of_any_record_is_put_back(
        value in json(),
        picked in prop::collection::vec((any::<prop::sample::Index>(), any::<bool>()), 0..6),
        more in "(/[a-c]{0,2}|/[0-3]){0,3}",
        has_more in prop::bool::weighted(0.2),
        is_pretty: bool,
    ) {
        let text = if is_pretty { serde_json::to_string_pretty(&value).unwrap() } else { value.to_string() };
        let mut known = Vec::new();
        paths(&value, FieldPath::root(), &mut known);
        let more = more.split('/').skip(1).fold(FieldPath::root(), |path, name| path.then(name));
        let is_missing = has_more && value.pointer(&more.to_string()).is_none();
        let mut draft = Draft::default();
        for (index, is_content) in &picked {
            let path = known[index.index(known.len())].clone();
            if *is_content {
                draft.content.push(ContentField::at("p", path));
            } else {
                draft.free_text.push(FreeText::at("url", path));
            }
        }
        draft.content.extend(has_more.then(|| ContentField::at("more", more)));
        let named: Vec<String> = draft.content.iter().map(|content| content.field.path.to_string()).collect();
        let event = finish(Record::new(text.as_bytes(), &Json), &mut draft, true);
        prop_assert!(event.value(column::REDACTIONS.id()).is_none(), "nothing of this looks like a secret");
        if is_missing {
            prop_assert_eq!((event.text(column::RECORD), event.text(column::CONTENT)), (None, Some(text.as_str())));
            prop_assert_eq!(columns(&event)["marks"].clone(), "uncut:missing");
            return Ok(());
        }
        let (record, content) = (event.text(column::RECORD).unwrap(), event.text(column::CONTENT).unwrap_or_default());
        let restored = Json.restore(record, content, event.value(column::CUTS.id()).unwrap_or_default());
        prop_assert_eq!(restored, Some(text.clone().into_bytes()));
        let left: Value = serde_json::from_str(record).unwrap();
        for pointer in named {
            let nothing = left.pointer(&pointer).is_none_or(|value| is_empty(&value.to_string()));
            prop_assert!(nothing, "{pointer} of {record}");
        }
        let is_object = content.is_empty() || serde_json::from_str::<Map<String, Value>>(content).is_ok();
        prop_assert!(is_object, "{content}");
    }
}
