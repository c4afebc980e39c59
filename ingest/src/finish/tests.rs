//! Tests of the finisher: what it does to drafts whatever their dialect.

use super::*;
use crate::cut;
use crate::dialect::testing::{FINISHER, columns};
use std::borrow::Cow;

fn content(raw: &str, field: &'static str, value: &str) -> ContentSpan {
    let start = raw.find(value).expect(value);
    ContentSpan { field: Cow::Borrowed(field), span: Span { start, end: start + value.len() } }
}

fn free_text(raw: &str, value: &str, encoding: Encoding) -> FreeText {
    FreeText { field: "url", span: content(raw, "", value).span, encoding }
}

#[test]
fn edits_are_made_in_order_and_restored() {
    let raw = r#"{"u":"https://a:bcdef@h/","p":"AKIAIOSFODNN7EXAMPLE","x":1,"q":"plain"}"#;
    let mut draft = Draft::default();
    draft.content.push(content(raw, "q", "\"plain\""));
    draft.content.push(content(raw, "p", "\"AKIAIOSFODNN7EXAMPLE\""));
    draft.free_text.push(free_text(raw, "\"https://a:bcdef@h/\"", Encoding::Quoted));
    FINISHER.finish(raw.as_bytes(), &mut draft, true);
    let event = columns(&draft.entry);
    assert_eq!(event["record"], r#"{"u":"https://[REDACTED:url_userinfo]@h/","p":null,"x":1,"q":null}"#);
    assert_eq!(event["content"], r#"{"p":"[REDACTED:aws_access_key]","q":"plain"}"#);
    assert_eq!(event["redactions"], "url_userinfo:url:9\naws_access_key:p:1");
    assert_eq!(event["content_len"], event["content"].len().to_string());
    assert_eq!(event["content_hash"].len(), 32);
    let cuts = draft.entry.value(column::CUTS.id()).expect("cuts").to_vec();
    let restored = cut::restore(&event["record"], &event["content"], &cuts).expect("they fit");
    assert_eq!(
        restored,
        r#"{"u":"https://[REDACTED:url_userinfo]@h/","p":"[REDACTED:aws_access_key]","x":1,"q":"plain"}"#
    );
}

#[test]
fn a_later_event_of_a_record_has_none_of_it() {
    let raw = r#"{"p":"text"}"#;
    let mut draft = Draft::default();
    draft.content.push(content(raw, "p", "\"text\""));
    FINISHER.finish(raw.as_bytes(), &mut draft, false);
    assert!(columns(&draft.entry).is_empty());
}

#[test]
fn overlapping_and_wild_spans_do_no_harm() {
    let raw = r#"{"p":"text"}"#;
    let mut draft = Draft::default();
    draft.content.push(ContentSpan { field: Cow::Borrowed("a"), span: Span { start: 5, end: 11 } });
    draft.content.push(ContentSpan { field: Cow::Borrowed("b"), span: Span { start: 6, end: 9 } });
    draft.content.push(ContentSpan { field: Cow::Borrowed("c"), span: Span { start: 11, end: 99 } });
    FINISHER.finish(raw.as_bytes(), &mut draft, true);
    let event = columns(&draft.entry);
    assert_eq!((event["record"].as_str(), event["content"].as_str()), (r#"{"p":null}"#, r#"{"a":"text"}"#));
}

#[test]
fn the_record_and_the_columns_redact_a_url_alike() {
    for url in [
        "https://u:hunter2@h.example/p?token=abc&x=AKIAIOSFODNN7EXAMPLE",
        "https://h.example/a?b=c",
        "no url token",
        "https://h.example/?sig=a%20b",
    ] {
        let raw = serde_json::json!({ "u": url }).to_string();
        let value = serde_json::json!(url).to_string();
        let mut draft = Draft { url: url.to_owned(), ..Draft::default() };
        draft.free_text.push(free_text(&raw, &value, Encoding::Quoted));
        FINISHER.finish(raw.as_bytes(), &mut draft, true);
        let event = columns(&draft.entry);
        assert!(event["record"].contains(&event["target"]), "{event:#?}");
        assert!(!event["target"].contains("hunter2") && !event["target"].contains("AKIA"), "{event:#?}");
    }
}

#[test]
fn plain_spans_and_content_columns_are_redacted() {
    let raw = "level=WARN url=https://a:bcdef@h/ x";
    let mut draft = Draft::default();
    draft.free_text.push(free_text(raw, "https://a:bcdef@h/", Encoding::Plain));
    draft.entry.set_text(column::COMMAND, "curl -H 'Authorization: Bearer abcdefgh12345678'");
    draft.entry.set_text(column::MCP_SERVER, "https://mcp.acme.example/?api_key=abc");
    draft.entry.set_text(column::TARGET, "https://mcp.acme.example/?api_key=abc");
    FINISHER.finish(raw.as_bytes(), &mut draft, true);
    let event = columns(&draft.entry);
    assert_eq!(event["record"], "level=WARN url=https://[REDACTED:url_userinfo]@h/ x");
    assert_eq!(event["command"], "curl -H 'Authorization: Bearer [REDACTED:authorization]'");
    for name in ["mcp_server", "target"] {
        assert_eq!(event[name], "https://mcp.acme.example/?api_key=[REDACTED:url_query]");
    }
}

#[test]
fn ids_are_made_only_where_there_is_none() {
    let mut draft = Draft { identity: "a\nb".to_owned(), ..Draft::default() };
    FINISHER.finish(b"x", &mut draft, true);
    let made = draft.entry.text(column::SOURCE_ID).expect("made").to_owned();
    assert!(made.len() == 32 && made.bytes().all(|byte| byte.is_ascii_hexdigit()));
    draft.entry.set_text(column::SOURCE_ID, "given");
    FINISHER.finish(b"x", &mut draft, true);
    assert_eq!(draft.entry.text(column::SOURCE_ID), Some("given"));
}

#[test]
fn an_unparsed_record_lies_in_the_content_part() {
    let check = |raw: &[u8], expected: &[(&str, Option<&str>)]| {
        let mut entry = Entry::new();
        FINISHER.unparsed(raw, &mut entry, "not JSON");
        crate::dialect::testing::check(&columns(&entry), expected);
    };
    let always = [("kind", Some("unparsed")), ("action", Some("not JSON")), ("record", None), ("cuts", None)];
    check(
        b"{\"a",
        &[
            &always[..],
            &[("content", Some("{\"a")), ("content_len", Some("3")), ("content_raw", None), ("redactions", None)],
        ]
        .concat(),
    );
    check(
        b"\xff\xfe",
        &[&always[..], &[("content", None), ("content_raw", Some("fffe")), ("content_len", Some("2"))]].concat(),
    );
    let secret = [
        ("content", Some("x [REDACTED:aws_access_key] y")),
        ("redactions", Some("aws_access_key:content:2")),
        ("content_raw", None),
    ];
    check(b"x AKIAIOSFODNN7EXAMPLE y", &[&always[..], &secret].concat());
    let mixed = [("content", Some("\u{FFFD} [REDACTED:aws_access_key]")), ("content_raw", None)];
    check(b"\xff AKIAIOSFODNN7EXAMPLE", &[&always[..], &mixed].concat());
}
