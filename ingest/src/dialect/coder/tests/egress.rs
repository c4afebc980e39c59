//! Tests of flows through exit nodes, in the service log and in the REST interface.

use super::*;
use crate::dialect::coder::examples::EGRESS_PAGE;

/// The only event of the line about this flow in this state.
fn flow(number: u32, state: &str) -> Columns {
    one(&["\"msg\":\"connection_log\"", &format!("c05dfc63-000{number}-"), &format!("\"{state}\"}}}}")])
}

#[test]
fn a_flow_tells_its_bytes_once_however_often_it_is_told() {
    let shared: &[(&str, Option<&str>)] = &[
        ("source", Some("coder.exit_node")),
        ("family", Some("boundary")),
        ("kind", Some("egress.flow")),
        ("trust", Some("gateway")),
        ("scheme", Some("tcp")),
        ("host", Some("packages.acme.example")),
        ("domain", Some("acme.example")),
        ("port", Some("443")),
        ("target", Some("packages.acme.example:443")),
        ("outcome", Some("allow")),
        ("status", None),
        ("exit_code", None),
        ("user", Some(USER)),
        ("workspace", Some(WORKSPACE)),
        ("agent", Some("main")),
        ("attribution", Some("direct")),
    ];
    let begun = flow(1, "connected");
    check(&begun, shared);
    check(&begun, &[("action", Some("connected")), ("rule", None), ("bytes_in", None), ("bytes_out", None)]);
    let ended = flow(1, "disconnected");
    check(&ended, shared);
    check(
        &ended,
        &[
            ("action", Some("disconnected")),
            ("rule", Some("web")),
            ("bytes_in", Some("1234")),
            ("bytes_out", Some("567")),
            ("source_id", Some("c05dfc63-0001-463a-bb3e-38526866fd4b/disconnected")),
        ],
    );
    // Bytes of a flow that goes on would be told again when it ends.
    let going_on = EXAMPLES.iter().find(|example| example.contains("in=1234")).expect("one");
    let going_on = going_on.replace("\"disconnected\"}}", "\"connected\"}}");
    check(&events(&Coder, &going_on)[0], &[("bytes_in", None), ("rule", Some("web"))]);
}

#[test]
fn denied_flows_questions_to_the_dns_and_gaps() {
    check(
        &flow(2, "connected"),
        &[
            ("kind", Some("egress.flow")),
            ("scheme", Some("udp")),
            ("host", Some("drop.attacker-logger.com")),
            ("port", Some("4433")),
            ("outcome", Some("deny")),
            ("rule", Some("default")),
            ("status", None),
        ],
    );
    check(
        &flow(3, "disconnected"),
        &[
            ("kind", Some("egress.dns")),
            ("scheme", Some("dns")),
            ("host", Some("t1.drop.attacker-logger.com")),
            ("port", None),
            ("outcome", Some("allow")),
            ("rule", None),
            ("bytes_in", Some("120")),
            ("bytes_out", Some("45")),
        ],
    );
    check(
        &flow(4, "disconnected"),
        &[
            ("kind", Some("loss")),
            ("source", Some("coder.exit_node")),
            ("action", Some("exit_node_report_gap")),
            ("amount", Some("7")),
            ("host", None),
            ("outcome", None),
        ],
    );
}

#[test]
fn rows_of_flows_are_one_event_for_the_state_in_which_they_are() {
    let rows = events(&Coder, EGRESS_PAGE);
    assert_eq!(rows.len(), 4);
    check(
        &rows[1],
        &[
            ("kind", Some("egress.flow")),
            ("action", Some("connected")),
            ("scheme", Some("tcp")),
            ("host", Some("2001:db8::8")),
            ("port", Some("8443")),
            ("outcome", Some("allow")),
            ("rule", None),
            ("user", Some("mira")),
            ("source_id", Some("page/c05dfc63-0005-463a-bb3e-38526866fd4b/connected")),
        ],
    );
    check(
        &rows[2],
        &[
            ("action", Some("disconnected")),
            ("scheme", Some("udp")),
            ("rule", Some("web")),
            ("bytes_in", Some("9")),
            ("bytes_out", Some("8")),
            ("duration_us", Some("3000000")),
            ("time", Some(&micros("2026-11-20T10:00:03Z"))),
            ("source_id", Some("page/c05dfc63-0006-463a-bb3e-38526866fd4b/disconnected")),
        ],
    );
    check(
        &rows[3],
        &[("kind", Some("egress.dns")), ("outcome", Some("deny")), ("host", Some("t2.drop.attacker-logger.com"))],
    );
}

#[test]
fn a_reason_is_read_as_coderd_writes_it() {
    let check = |reason: &str, code: &str, rule: Option<&str>, bytes: Option<&str>| {
        let line = EXAMPLES.iter().find(|example| example.contains("in=1234")).expect("one");
        let line = line.replace("web: rule matched (in=1234 out=567)", reason).replace("\"Code\":0", code);
        super::check(&events(&Coder, &line)[0], &[("rule", rule), ("bytes_out", bytes)]);
    };
    check("allow (in=0 out=0)", "\"Code\":0", None, Some("0"));
    check("no dns rule matched: x (in=1 out=2)", "\"Code\":0", None, Some("2"));
    check("a-1: b: c (in=1 out=2) (in=3 out=4)", "\"Code\":0", Some("a-1"), Some("4"));
    // What is no number voids itself when the bounds are enforced.
    check("web: (in=1 out=many)", "\"Code\":0", Some("web"), Some(&crate::bounds::NO_NUMBER.to_string()));
    check("", "\"Code\":0", None, None);
    let undecided = EXAMPLES.iter().find(|example| example.contains("in=1234")).expect("one");
    super::check(&events(&Coder, &undecided.replace("\"Code\":0", "\"Code\":null"))[0], &[("outcome", None)]);
}
