//! The frames of the real format, changed ones, and the same request told by coderd.

use proptest::prelude::*;

use super::frame::BoundaryFrame;
use super::*;
use crate::dialect::testing::{RECEIVED, check, decoded, events};
use crate::encoding::Transcoder;
use crate::timestamp;

const SESSION: &str = "6f0a2c4e-1111-4d39-9c77-aa5a9b7f1d60";

fn micros(time: &str) -> String {
    timestamp::parse(time).expect(time).to_string()
}

/// The frame of which this is the text.
fn frame(text: &str) -> Vec<u8> {
    BoundaryFrame.bytes(text).expect(text)
}

#[test]
fn bytes_of_the_real_format_are_the_examples() {
    // As Go's codec writes them: what is zero is left out.
    let status = b"\x02\0\0\x06\x12\x04\x08\x03\x10\x01";
    assert_eq!(BoundaryFrame.text(status).as_deref(), Some(EXAMPLES[1]));
    let log = b"\x0a\x26\x08\x01\x12\x0c\x08\xa1\xfd\x9e\xd5\x06\x10\x91\x96\xd8\xbf\x01\x1a\x12\x0a\x03GET\x12\x06http:/\x1a\x03a=b\x20\x01\x12\x01s";
    let report = [&[1, 0, 0, log.len() as u8][..], log].concat();
    let text = BoundaryFrame.text(&report);
    assert_eq!(
        text.as_deref(),
        Some(
            r#"[["tag",1],["report",[["logs",[["allowed",1],["time",[["seconds",1789378209],["nanos",402000657]]],["http_request",[["method","GET"],["url","http:/"],["matched_rule","a=b"]]],["sequence_number",1]]],["session_id","s"]]]]"#
        )
    );
    assert_eq!(frame(&text.unwrap()), report);
}

#[test]
fn every_request_of_a_batch_is_an_event() {
    let events = events(&BoundarySocket, EXAMPLES[0]);
    assert_eq!(events.len(), 2);
    check(
        &events[0],
        &[
            ("source", Some("coder.boundary")),
            ("family", Some("boundary")),
            ("kind", Some("egress.http")),
            ("trust", Some("workspace")),
            ("time", Some(&micros("2026-10-03T08:15:04.118Z"))),
            ("observed", Some(&RECEIVED.to_string())),
            ("stream", Some(SESSION)),
            ("stream_seq", Some("0")),
            ("session", Some(SESSION)),
            ("source_id", Some(&format!("{SESSION}/0"))),
            ("action", Some("GET")),
            ("method", Some("GET")),
            ("outcome", Some("allow")),
            ("rule", Some("method=GET,HEAD domain=packages.acme.example")),
            ("target", Some("https://packages.acme.example/left-pad?version=1.3.0")),
            ("host", Some("packages.acme.example")),
            ("workspace", None),
            ("content", None),
            ("record", Some(EXAMPLES[0])),
        ],
    );
    check(
        &events[1],
        &[
            ("outcome", Some("deny")),
            ("rule", None),
            ("method", Some("POST")),
            ("stream_seq", Some("1")),
            ("source_id", Some(&format!("{SESSION}/1"))),
            ("host", Some("drop.attacker-logger.com")),
            ("record", None),
        ],
    );
}

#[test]
fn what_was_dropped_is_a_loss_for_each_reason() {
    let events = events(&BoundarySocket, EXAMPLES[1]);
    let said: Vec<_> = events
        .iter()
        .map(|event| (event["kind"].as_str(), event["action"].as_str(), event["amount"].as_str()))
        .collect();
    assert_eq!(said, [("loss", "dropped_channel_full", "3"), ("loss", "dropped_batch_full", "1")]);
    check(
        &events[0],
        &[("source", Some("coder.boundary")), ("time", Some(&RECEIVED.to_string())), ("source_id", None)],
    );
    let none = frame(r#"[["tag",2],["message",[["status",[]]]]]"#);
    assert_eq!(decoded(&BoundarySocket, &none), Decoded::Skip(SKIP_SERVER_LINE));
}

#[test]
fn without_a_session_the_same_request_is_the_same() {
    let id = |text: &str| events(&BoundarySocket, text)[0].get("source_id").cloned();
    let first = id(EXAMPLES[2]);
    assert!(first.is_some() && first == id(EXAMPLES[2]));
    assert_ne!(first, id(&EXAMPLES[2].replace("1791015304", "1791015305")));
    assert_ne!(first, id(&EXAMPLES[2].replace(r#"["allowed",1],"#, "")));
}

#[test]
fn what_is_odd_costs_only_itself() {
    let with = |log: &str| format!(r#"[["tag",2],["message",[["logs",[["logs",[{log}]],["session_id","s"]]]]]]"#);
    let http = r#"["http_request",[["method","GET"],["url","https://a.acme.example/"]]]"#;
    let check_one =
        |log: &str, expected: &[(&str, Option<&str>)]| check(&events(&BoundarySocket, &with(log))[0], expected);
    check_one(http, &[("time", Some(&RECEIVED.to_string())), ("outcome", Some("deny"))]);
    let negative = format!(r#"{http},["sequence_number",{}]"#, -1_i64 as u64);
    check_one(
        &negative,
        &[("stream_seq", None), ("source_id", None), ("session", Some("s")), ("marks", Some("void:stream_seq"))],
    );
    // A resource of a later release, and fields that it adds.
    check_one(
        r#"[7,[["a"]]],["allowed",1]"#.replace(r#"[["a"]]"#, r#""b""#).as_str(),
        &[("kind", Some("loss")), ("action", Some("unknown_resource_type")), ("source_id", Some("s/0"))],
    );
    check_one(
        &format!(r#"{http},[9,300],[10,{{"fixed32":7}}],[11,{{"fixed64":8}}]"#),
        &[("kind", Some("egress.http")), ("content_raw", None)],
    );
}

#[test]
fn frames_that_say_nothing_known_are_kept() {
    let check = |bytes: &[u8], want: Decoded| assert_eq!(decoded(&BoundarySocket, bytes), want, "{bytes:?}");
    let unparsed = |reason: &str| Decoded::Unparsed(reason.to_owned());
    check(b"\x01\0\0\0", Decoded::Skip(SKIP_BLANK));
    check(b"\x02\0\0\x02\x0a\0", Decoded::Skip(SKIP_BLANK));
    check(b"\x02\0\0\0", unparsed("the envelope has neither logs nor a status"));
    check(b"\x03\0\0\x01a", unparsed("its tag is 3, which is none of boundary's"));
    check(b"\x01\0\0\x02\x0a\x05", unparsed("it is no protobuf message, or was cut off"));
    check(b"\x01\0\0\x05\x0a", unparsed("it is no frame of boundary: its length is not the one that it states"));
    check(b"", unparsed("it is no frame of boundary: its length is not the one that it states"));
}

proptest! {
    #[test]
    fn any_frame_that_has_a_text_comes_back(tag in 1u8..=2, body in prop::collection::vec(prop_oneof![any::<u8>(), prop::sample::select(&b"\x0a\x12\x1a\x08\x10\x02\x00"[..])], 0..40)) {
        let bytes = [&[tag, 0, 0, body.len() as u8][..], &body].concat();
        if let Some(text) = BoundaryFrame.text(&bytes) {
            let again = BoundaryFrame.bytes(&text).expect("its own text");
            // Numbers with more bytes than they need come back shorter; the text is the same.
            prop_assert_eq!(BoundaryFrame.text(&again), Some(text));
        }
    }

    #[test]
    fn a_report_is_told_whatever_it_says(logs in prop::collection::vec((any::<bool>(), any::<i64>(), -5i64..1_000, "[A-Z]{0,6}", "\\PC{0,30}", "\\PC{0,9}"), 1..12), session in "[a-f0-9-]{0,9}") {
        let log = |(allowed, seconds, number, method, url, rule): &(bool, i64, i64, String, String, String)| {
            let http = serde_json::json!([["method", method], ["url", url], ["matched_rule", rule]]);
            serde_json::json!(["logs", [["allowed", u64::from(*allowed)], ["time", [["seconds", *seconds as u64]]], ["http_request", http], ["sequence_number", *number as u64]]])
        };
        let mut pairs: Vec<serde_json::Value> = logs.iter().map(log).collect();
        pairs.push(serde_json::json!(["session_id", session]));
        let text = serde_json::json!([["tag", 2], ["message", [["logs", pairs]]]]).to_string();
        prop_assert_eq!(BoundaryFrame.text(&frame(&text)), Some(text.clone()));
        let events = events(&BoundarySocket, &text);
        prop_assert_eq!(events.len(), logs.len());
        for (event, (allowed, ..)) in events.iter().zip(&logs) {
            prop_assert_eq!(event["outcome"].as_str(), if *allowed { "allow" } else { "deny" });
        }
    }
}
