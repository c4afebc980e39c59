//! Tests of the coder dialect: what they share, and requests through the boundary.

mod egress;
mod gateway;
mod platform;
mod refused;
mod workspace;

use super::examples::EXAMPLES;
use super::*;
use crate::dialect::testing::{Columns, check, events};
use crate::timestamp;

/// The only event of the example that has all these words.
fn one(words: &[&str]) -> Columns {
    let mut found = EXAMPLES
        .iter()
        .filter(|example| words.iter().all(|word| example.contains(word)) && !example.contains("\"count\""));
    let example = found.next().unwrap_or_else(|| panic!("no example has {words:?}"));
    let mut events = events(&Coder, example);
    assert_eq!(events.len(), 1, "{example}");
    events.remove(0)
}

fn micros(time: &str) -> String {
    timestamp::parse(time).expect(time).to_string()
}

const SESSION: &str = "6f0a2c4e-1111-4d39-9c77-aa5a9b7f1d60";
const WORKSPACE: &str = "f1bd4e9f-2222-49fc-961e-be4d1c2aa987";
const TEMPLATE: &str = "c5d67e98-3333-49f0-8812-e4abae2b68bc";
const USER: &str = "5b405053-7777-484a-9ad7-bcb64e7bfde6";
const AGENT_SESSION: &str = "4c2f8c1e-8888-4e63-b1d4-9a3c7e6f2b80";
const INTERCEPTION: &str = "a6f3a9c2-6666-4c80-a6f4-7d2b9e0c5a31";

#[test]
fn a_boundary_request_of_the_newest_generation() {
    let event = one(&["boundary_request", "\"sequence_number\":41"]);
    check(
        &event,
        &[
            ("source", Some("coder.boundary")),
            ("family", Some("boundary")),
            ("kind", Some("egress.http")),
            ("trust", Some("workspace")),
            ("time", Some(&micros("2026-10-03T08:15:04.118Z"))),
            ("observed", Some(&micros("2026-10-03T08:15:09.2Z"))),
            ("stream", Some(SESSION)),
            ("stream_seq", Some("41")),
            ("session", Some(SESSION)),
            ("source_id", Some(&format!("{SESSION}/41"))),
            ("user", Some("mira")),
            ("agent", Some("main")),
            ("workspace", Some(WORKSPACE)),
            ("workspace_name", Some("ledger-rewrite")),
            ("template", Some(TEMPLATE)),
            ("attribution", Some("direct")),
            ("action", Some("GET")),
            ("method", Some("GET")),
            ("outcome", Some("allow")),
            ("rule", Some("method=GET,HEAD domain=packages.acme.example")),
            ("target", Some("https://packages.acme.example/left-pad?version=1.3.0")),
            ("scheme", Some("https")),
            ("port", Some("443")),
            ("host", Some("packages.acme.example")),
            ("domain", Some("acme.example")),
            ("path", Some("/left-pad?version=1.3.0")),
            ("content", None),
            ("redactions", None),
            ("cuts", None),
        ],
    );
    assert_eq!(event["record"], EXAMPLES[0]);
}

#[test]
fn a_secret_in_a_url_is_in_neither_record_nor_columns() {
    let event = one(&["\"deny\"", "\"42\""]);
    check(
        &event,
        &[
            ("stream_seq", Some("42")),
            ("outcome", Some("deny")),
            ("rule", None),
            ("host", Some("drop.attacker-logger.com")),
            ("domain", Some("attacker-logger.com")),
            ("path", Some("/collect?a=1&token=[REDACTED:url_query]")),
            ("redactions", Some("url_query:url:57")),
        ],
    );
    assert!(
        event["record"].contains(r#"/collect?a=1\u0026token=[REDACTED:url_query]", "event_time""#),
        "{}",
        event["record"]
    );
}

#[test]
fn older_generations_have_an_id_made_from_their_facts() {
    let second = one(&["\"deny\"", "raw/x"]);
    let first = one(&["\"HEAD\"", "allow"]);
    check(
        &second,
        &[
            ("template", Some(TEMPLATE)),
            ("stream", None),
            ("stream_seq", None),
            ("session", None),
            ("workspace", Some(WORKSPACE)),
        ],
    );
    check(&first, &[("template", None), ("rule", Some("domain=packages.acme.example"))]);
    assert_eq!(second["source_id"].len(), 32);
    assert_ne!(second["source_id"], first["source_id"]);
    // The envelope of a retry differs, its id does not.
    let retried = EXAMPLES[2].replace("08:15:10.000000412Z", "08:15:19.000000412Z").replace("9e30d667", "00000000");
    assert_eq!(events(&Coder, &retried)[0]["source_id"], second["source_id"]);
}

#[test]
fn what_coderd_did_not_know_is_a_loss() {
    check(
        &one(&["unknown resource type"]),
        &[("kind", Some("loss")), ("source", Some("coder.boundary")), ("workspace", Some(WORKSPACE))],
    );
}
