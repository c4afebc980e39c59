//! Tests of lines that give no event: what is skipped and what is kept as unparsed.

use super::*;
use crate::dialect::SKIP_BLANK;
use crate::dialect::testing::decoded;

#[test]
fn other_lines_are_skipped_with_a_reason() {
    let skipped = |line: &str, reason| assert_eq!(decoded(&Coder, line.as_bytes()), Decoded::Skip(reason), "{line}");
    skipped("", SKIP_BLANK);
    skipped("  \r\n", SKIP_BLANK);
    skipped("[]", SKIP_BLANK);
    skipped(
        r#"{"ts":"2026-10-03T08:15:09Z","level":"INFO","msg":"GET","fields":{"path":"/api/v2/users","status_code":200}}"#,
        SKIP_SERVER_LINE,
    );
    skipped(
        r#"{"ts":"2026-10-03T08:15:09Z","level":"DEBUG","msg":"recorded token usage","fields":{"input_tokens":1}}"#,
        SKIP_DEBUG,
    );
    skipped(
        r#"{"ts":"2026-10-03T08:15:09Z","level":"debug","msg":"interception log","fields":{"record_type":"token_usage"}}"#,
        SKIP_DEBUG,
    );
    // The msg that is seen first is not always the line's.
    skipped(r#"{"fields":{"msg":"audit_log"},"level":"INFO","msg":"hello"}"#, SKIP_SERVER_LINE);
    let line = EXAMPLES[0].replacen("{\"ts\"", "{\"inner\":{\"msg\":\"GET\"},\"ts\"", 1);
    assert_eq!(decoded(&Coder, line.as_bytes()), Decoded::Events);
}

#[test]
fn what_should_have_been_understood_is_unparsed_with_a_reason() {
    let check = |line: &str, reason: &str| match decoded(&Coder, line.as_bytes()) {
        Decoded::Unparsed(found) => assert!(found.contains(reason), "{line}: {found}"),
        other => panic!("{line}: {other:?}"),
    };
    let line = |fields: &str| {
        format!(r#"{{"ts":"2026-10-03T08:15:09Z","level":"INFO","msg":"boundary_request","fields":{{{fields}}}}}"#)
    };
    let (decision, url) = (r#""decision":"allow","event_time":"2026-10-03T08:15:04Z""#, r#""http_url":"https://x/""#);
    check(&line(""), "boundary_request: it has no decision");
    check(&line(r#""decision":"perhaps""#), "its decision is \"perhaps\"");
    check(&line(r#""decision":"allow""#), "no event_time");
    check(&line(decision), "no http_url");
    check(&line(&[decision, url].join(",")), "no http_method");
    check(&EXAMPLES[0][..EXAMPLES[0].len() - 9], "boundary_request: the JSON ends early");
    check(&EXAMPLES[0].replace("\"INFO\",", "\"INFO\","[1..].as_ref()), "not JSON");
    check(&line("").replace("{}", "[]"), "wrong type");
    let log = |fields: &str| format!(r#"{{"level":"INFO","msg":"interception log","fields":{{{fields}}}}}"#);
    check(&log(""), "it has no record_type");
    check(&log(r#""record_type":"token_usage""#), "token_usage has no interception_id");
    check(&log(r#""record_type":"dream","interception_id":"i""#), "its record_type \"dream\" is not known");
    check(&log(r#""record_type":"tool_usage","interception_id":"i""#), "tool_usage has no time");
    check(
        &log(r#""record_type":"token_usage","interception_id":"i","created_at":"2026-10-03T08:15:09Z""#),
        "neither input_tokens nor output_tokens",
    );
    check(r#"{"level":"INFO","msg":"audit_log","fields":{"Time":"2026-10-03T08:15:09Z"}}"#, "it has no ID");
    check(r#"{"level":"INFO","msg":"connection_log","fields":{"ID":"x"}}"#, "it has no Type");
    check("2026-10-03 08:15:09.200 [info]  coderd: boundary_request owner=mira", "not a JSON object");
    check("{\"a\":1}", "neither a log line of coderd (no msg) nor one of the REST pages");
    check(r#"{"audit_logs":[{"id":"x"}]}"#, "page of audit logs: it has no time");
    check(r#"{"audit_logs":{}}"#, "page of audit logs");
    check(r#"{"msg":{"msg":"audit_log"}}"#, "no msg");
    check("[1]", "list: an item of the list is nothing that is known");
    check("[{\"a\":1}]", "nothing that is known");
    check("[info] started", "list: not JSON");
    check(r#"{"workspaces":[{"latest_build":{}}]}"#, "page of workspaces: a workspace has no id");
    check(r#"{"msg_id":"m"}"#, "notification: it has no notification_name");
    check(
        r#"{"connection_logs":[{"id":"i","type":"egress","connect_time":"2026-10-03T08:15:04Z"}]}"#,
        "a flow has no destination",
    );
    let many = format!(
        r#"{{"connection_logs":[{}]}}"#,
        vec![r#"{"id":"i","type":"ssh","connect_time":"2026-10-03T08:15:04Z"}"#; 5_000].join(",")
    );
    check(&many, "ask for smaller pages");
    assert!(matches!(decoded(&Coder, b"{\"msg\":\"\xff\"}"), Decoded::Unparsed(reason) if reason.contains("UTF-8")));
}
