//! Tests of Ona's records: who acted, and totals that never add up.

use super::*;
use crate::dialect::testing::{check, decoded, events};

const EXECUTION: &str = "01a51d95-1f00-7a11-8a22-93b4c5d6e7f8";
const ENVIRONMENT: &str = "01a51d94-d6ac-7edf-9021-a044cfd1908f";
const PERSON: &str = "01a3e2f2-d0b5-7d52-87eb-235deadaf625";

#[test]
fn an_audit_log_names_persons_machines_and_agents() {
    let entries = events(&Ona, EXAMPLES[0]);
    assert_eq!(entries.len(), 2);
    check(
        &entries[0],
        &[
            ("source", Some("ona.audit")),
            ("family", Some("workspace")),
            ("kind", Some("audit")),
            ("trust", Some("control_plane")),
            ("action", Some("Agent Execution created")),
            ("target", Some(&format!("agent_execution/{EXECUTION}"))),
            ("actor", Some("person")),
            ("user", Some(PERSON)),
            ("user_id", Some(PERSON)),
            ("run", Some(EXECUTION)),
            ("run_kind", Some("ona_agent_execution")),
            ("source_id", Some("01a51d96-2222-7abc-8def-0123456789ab")),
            ("record", Some(EXAMPLES[0])),
            ("content", None),
        ],
    );
    check(
        &entries[1],
        &[("actor", Some("automation")), ("workspace", Some(ENVIRONMENT)), ("user", None), ("record", None)],
    );
    check(
        &events(&Ona, EXAMPLES[1])[0],
        &[
            ("actor", Some("cloud_agent")),
            ("run", Some(EXECUTION)),
            ("agent_kind", Some("ona")),
            ("user", None),
            ("target", Some("secret/01a51d94-5555-7edf-9021-a044cfd1908f")),
        ],
    );
    let unknown = EXAMPLES[1].replace("PRINCIPAL_AGENT_EXECUTION", "PRINCIPAL_NEW");
    check(&events(&Ona, &unknown)[0], &[("actor", None), ("run", None), ("user", None)]);
    let more = EXAMPLES[0].replace("\"pagination\"", "\"note\":\"x\",\"pagination\"");
    check(&events(&Ona, &more)[0], &[("content", Some(r#"{"note":"x"}"#))]);
}

#[test]
fn totals_of_an_execution_are_no_spend_that_adds_up() {
    let told = events(&Ona, EXAMPLES[2]);
    let shown: Vec<(&str, Option<&str>, Option<&str>)> = told
        .iter()
        .map(|event| {
            let amount = |name: &str| event.get(name).map(String::as_str);
            (event["action"].as_str(), amount("amount"), amount("amount_max"))
        })
        .collect();
    assert_eq!(
        shown,
        [
            ("running", None, None),
            ("input_tokens.total", Some("41234"), Some("50000")),
            ("output_tokens.total", Some("2201"), None),
            ("cache_read_tokens.total", Some("38465"), None),
            ("cache_write_tokens.total", Some("2683"), None),
            ("iterations.total", Some("6"), None),
        ]
    );
    for event in &told {
        check(
            event,
            &[
                ("source", Some("ona.agent")),
                ("run", Some(EXECUTION)),
                ("workspace", Some(ENVIRONMENT)),
                ("user", Some(PERSON)),
                ("actor", Some("person")),
                ("model", Some("sonnet-4-5")),
                ("tokens_in", None),
                ("tokens_out", None),
                ("cost_micros", None),
            ],
        );
    }
    check(
        &told[0],
        &[
            ("kind", Some("session.summary")),
            ("tool", Some("bash")),
            ("outcome", None),
            ("source_id", Some(&format!("{EXECUTION}/17"))),
        ],
    );
    check(&told[1], &[("kind", Some("resource")), ("source_id", Some(&format!("{EXECUTION}/17/input_tokens.total")))]);
    for text in ["round invoices", "running tests", "\"make\""] {
        assert!(!told[0]["record"].contains(text) && told[0]["content"].contains(text), "{text}");
    }
}

#[test]
fn an_execution_that_another_one_began_and_that_failed() {
    let told = events(&Ona, EXAMPLES[3]);
    check(
        &told[0],
        &[
            ("run", Some("01a51d95-2f00-7a11-8a22-93b4c5d6e7f8")),
            ("actor", Some("sub_agent")),
            ("action", Some("stopped")),
            ("outcome", Some("error")),
            ("workspace", None),
            ("user", None),
        ],
    );
    assert!(!told[0]["record"].contains("the service") && !told[0]["record"].contains("github.com"));
    assert_eq!(outcome_of("PHASE_STOPPED", ""), Some("success".to_owned()));
    assert_eq!(outcome_of("PHASE_WAITING_FOR_INPUT", ""), None);
}

fn outcome_of(phase: &str, failure: &str) -> Option<String> {
    let record = format!(
        r#"{{"agentExecution":{{"id":"e","spec":{{}},"status":{{"phase":"{phase}","failureReason":"{failure}"}}}}}}"#
    );
    events(&Ona, &record)[0].get("outcome").cloned()
}

#[test]
fn a_line_of_the_watch_has_no_id() {
    check(
        &events(&Ona, EXAMPLES[4])[0],
        &[
            ("source", Some("ona.watch")),
            ("kind", Some("resource.change")),
            ("action", Some("update_status")),
            ("target", Some(&format!("environment/{ENVIRONMENT}"))),
            ("workspace", Some(ENVIRONMENT)),
            ("source_id", None),
        ],
    );
}

#[test]
fn what_is_empty_is_skipped_and_what_is_odd_is_kept() {
    assert_eq!(decoded(&Ona, b"{\"entries\":[],\"pagination\":{}}"), Decoded::Skip(SKIP_BLANK));
    for (record, reason) in [
        ("{}", "neither an audit log"),
        (r#"{"entries":[{"action":"x"}]}"#, "has no id"),
        (r#"{"agentExecution":{"id":"e"}}"#, "has no phase"),
        ("[]", "wrong type"),
        ("x", "not JSON"),
    ] {
        assert!(
            matches!(decoded(&Ona, record.as_bytes()), Decoded::Unparsed(found) if found.contains(reason)),
            "{record}"
        );
    }
}
