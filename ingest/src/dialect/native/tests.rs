//! Tests of the native dialect: its keys against the column table and NATIVE.md, kinds of values, refusals.

use super::*;
use crate::encoding::Json;
use fields::all;
use ledger::events::TABLE;
use std::collections::HashSet;

const REFERENCE: &str = include_str!("../../../NATIVE.md");

fn decode(json: &str) -> (Decoded, Drafts) {
    let mut drafts = Drafts::new();
    let decoded = Native.decode(Record::new(json.as_bytes(), &Json), 77, &mut drafts);
    (decoded, drafts)
}

fn check_refused(json: &str, reason: &str) {
    match decode(json).0 {
        Decoded::Unparsed(found) => assert!(found.contains(reason), "{json}: {found}"),
        other => panic!("{json}: {other:?}"),
    }
}

#[test]
fn every_column_is_a_key_or_reserved_and_documented() {
    let keys: HashSet<&str> = all().map(|field| field.name).collect();
    assert_eq!(keys.len(), all().count(), "no key twice");
    let (keys_section, rest) = REFERENCE.split_once("## Reserved").expect("a section");
    let reserved = rest.split('.').next().unwrap_or_default();
    for column in TABLE.columns {
        let name = format!("`{}`", column.name);
        assert_ne!(keys.contains(column.name), reserved.contains(&name), "{name}: NATIVE.md says otherwise");
        assert!(reserved.contains(&name) || keys_section.contains(&name), "NATIVE.md does not name {name}");
    }
    for key in keys {
        assert!(REFERENCE.contains(&format!("`{key}`")), "NATIVE.md does not name {key}");
        assert_eq!(Field::by_name(key).map(|field| field.name), Some(key));
    }
    assert!(Field::by_name("").is_none() && Field::by_name(&"x".repeat(99)).is_none());
}

#[test]
fn the_examples_of_the_reference_are_taken() {
    let examples: Vec<&str> = REFERENCE.lines().filter(|line| line.starts_with("{\"")).collect();
    assert!(!examples.is_empty());
    for example in examples {
        assert_eq!(decode(example).0, Decoded::Events, "{example}");
    }
}

#[test]
fn values_are_taken_in_every_form_and_defaults_follow() {
    let (decoded, drafts) =
        decode(r#"{"kind":"model.tokens","tokens_in":"10","tokens_out":5.0,"status":null,"session":12,"model":""}"#);
    assert_eq!(decoded, Decoded::Events);
    let columns = &drafts.iter().next().expect("one").columns;
    assert_eq!((columns.integer(column::TOKENS_IN), columns.integer(column::TOKENS_OUT)), (Some(10), Some(5)));
    assert_eq!((columns.text(column::SESSION), columns.text(column::MODEL)), (Some("12"), None));
    assert_eq!((columns.text(column::SOURCE), columns.text(column::FAMILY)), (Some("native"), Some("gateway")));
    assert_eq!((columns.time(column::TIME), columns.time(column::OBSERVED)), (Some(77), Some(77)));
    assert_eq!(columns.text(column::ATTRIBUTION), None);
}

#[test]
fn what_the_sender_may_not_set_stays_in_the_record() {
    let (decoded, drafts) =
        decode(r#"{"kind":"x","trust":"control_plane","cost_micros":1,"token":"t","record":"r","mine":[1]}"#);
    assert_eq!(decoded, Decoded::Events);
    let draft = drafts.iter().next().expect("one");
    assert_eq!(draft.unknown_keys, 5);
    assert_eq!(draft.columns.text(column::TRUST), None);
    assert_eq!(draft.free_text.len(), 5, "unknown members are redacted too");
}

#[test]
fn content_lies_in_spans() {
    let json = r#"{"kind":"tool.call","tool":"Bash","command":"ls","content":{"command":"ls"}}"#;
    let (_, drafts) = decode(json);
    let draft = drafts.iter().next().expect("one");
    let spans: Vec<(&str, &str)> = draft
        .content
        .iter()
        .map(|content| (content.name(), content.span().map_or("", |span| &json[span.start..span.end])))
        .collect();
    assert_eq!(spans, [("command", "\"ls\""), ("content", "{\"command\":\"ls\"}")]);
    assert_eq!(draft.action.as_ref().map(|action| action.input.as_str()), Some("{\"command\":\"ls\"}"));
}

#[test]
fn wrong_values_are_named_and_not_quoted() {
    check_refused(r#"{"time":"2026-10-03T08:15:04Z"}"#, "it has no kind");
    check_refused(r#"{"kind":""}"#, "it has no kind");
    check_refused(r#"{"kind":"x","host":["secret"]}"#, "\"host\" must be a text");
    check_refused(r#"{"kind":"x","outcome":"secret"}"#, "one of allow, deny, success, error, blocked");
    check_refused(r#"{"kind":"x","command":{"a":"secret"}}"#, "\"command\" must be a text");
    check_refused("[]", "wrong type");
    check_refused(r#"{"kind":"x"} trailing"#, "not JSON");
    check_refused(r#"{"kind":"x""#, "ends early");
    let json = r#"{"kind":"x","outcome":"secret"}"#;
    assert!(!matches!(decode(json).0, Decoded::Unparsed(reason) if reason.contains("secret")), "{json}");
}

#[test]
fn a_number_that_is_none_voids_itself_and_nothing_else() {
    for (value, number) in
        [("7", Some(7)), ("\"7\"", Some(7)), ("7.0", Some(7)), ("\" 7.0 \"", Some(7)), ("null", None), ("\"\"", None)]
    {
        let (_, drafts) = decode(&format!(r#"{{"kind":"x","tokens_in":{value}}}"#));
        let draft = drafts.iter().next().expect("one");
        assert_eq!((draft.columns.integer(column::TOKENS_IN), draft.marks.len()), (number, 0), "{value}");
    }
    for value in ["7.5", "\"seven\"", "\"NaN\"", "1e30", "18446744073709551616", "true", "[1]", "{}"] {
        let json =
            format!(r#"{{"kind":"x","tokens_in":{value},"time":{value},"tokens_out":5,"tokens_cache_write_hour":-1}}"#);
        let (decoded, drafts) = decode(&json);
        let draft = drafts.iter().next().expect("one");
        assert_eq!((decoded, draft.columns.integer(column::TOKENS_OUT)), (Decoded::Events, Some(5)), "{value}");
        assert_eq!(draft.columns.integer(column::TOKENS_IN), None, "{value}");
        assert!(
            draft.marks.contains(&"void:tokens_in".into())
                && draft.marks.contains(&"void:tokens_cache_write_hour".into())
        );
        assert!(draft.free_text.iter().any(|text| text.name() == "tokens_in"), "what was written is redacted: {value}");
    }
}

#[test]
fn times_are_taken_in_every_unit() {
    let moment = 1_791_015_304_118_000;
    for time in [
        "\"2026-10-03T08:15:04.118Z\"",
        "1791015304.118",
        "1791015304118",
        "1791015304118000",
        "1791015304118000123",
        "\"1791015304118\"",
    ] {
        let (_, drafts) = decode(&format!(r#"{{"kind":"x","time":{time}}}"#));
        let draft = drafts.iter().next().expect("one");
        assert_eq!((draft.columns.time(column::TIME), draft.marks.len()), (Some(moment), 0), "{time}");
    }
    let (_, drafts) = decode(r#"{"kind":"x","time":"secret"}"#);
    let draft = drafts.iter().next().expect("one");
    assert_eq!((draft.columns.time(column::TIME), &*draft.marks), (Some(77), &["void:time".into()][..]));
}

#[test]
fn two_changes_of_one_file_are_two_actions() {
    let action = |kind: &str, content: &str| {
        let (_, drafts) = decode(&format!(r#"{{"kind":"{kind}","tool":"Write","file":"a.go","content":"{content}"}}"#));
        drafts.iter().next().and_then(|draft| draft.action.clone())
    };
    assert_ne!(action("file.write", "one"), action("file.write", "other"));
    assert_eq!(action("file.read", "one"), action("file.read", "other"), "what is read is an answer");
}
