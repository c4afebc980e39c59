//! Tests of the dialect `mcp`: the columns of each product's records.

use super::examples::EXAMPLES;
use super::*;
use crate::dialect::SKIP_BLANK;
use crate::dialect::testing::{Columns, decoded, events};

fn check(number: usize, expected: &[(&str, Option<&str>)]) -> Columns {
    let event = events(&Mcp, EXAMPLES[number]).remove(0);
    crate::dialect::testing::check(&event, expected);
    event
}

#[test]
fn teleport_tells_sessions_and_requests() {
    check(
        0,
        &[
            ("source", Some("teleport.mcp")),
            ("family", Some("gateway")),
            ("kind", Some("connection")),
            ("trust", Some("gateway")),
            ("action", Some("mcp.session.start")),
            ("target", Some("github")),
            ("session", Some("7593cf87-9839-4f18-abf8-c54873aaeb40")),
            ("user", Some("mira")),
            ("outcome", Some("success")),
            ("source_id", Some("90400ed9-644e-4a6e-ab99-b264b34d0f50")),
        ],
    );
    let call = check(
        1,
        &[
            ("kind", Some("tool.call")),
            ("tool", Some("create_issue")),
            ("mcp_server", Some("github")),
            ("action", Some("tools/call")),
            ("tool_call", None),
            ("outcome", Some("success")),
        ],
    );
    assert!(call.contains_key("action_fp") && !call["record"].contains("tests fail"));
    check(2, &[("kind", Some("tool.call")), ("tool", Some("delete_repo")), ("outcome", Some("deny"))]);
    let odd = check(
        3,
        &[("kind", Some("mcp.call")), ("action", Some("mcp.session.invalid_http_request")), ("outcome", Some("error"))],
    );
    assert!(odd["content"].contains("/mcp"), "a path may hold anything");
    let unnamed = EXAMPLES[1].replace("90400ed9-644e-4a6e-ab99-b264b34d0f51", "int64:0");
    assert_eq!(events(&Mcp, &unnamed)[0]["source_id"].len(), 32);
}

#[test]
fn toolhive_tells_calls_with_their_end() {
    let call = check(
        4,
        &[
            ("source", Some("toolhive")),
            ("kind", Some("tool.result")),
            ("source_id", Some("b3f2b8d1-4c5e-6789-abcd-ef0123456780")),
            ("tool", Some("github_create_pr")),
            ("mcp_server", Some("github")),
            ("outcome", Some("error")),
            ("duration_us", Some("234000")),
            ("user", Some("mira@acme.example")),
            ("user_id", Some("sub-mira-7")),
            ("client", Some("Claude Code")),
            ("agent_kind", Some("claude_code")),
        ],
    );
    assert!(call.contains_key("action_fp") && call.contains_key("result_fp"));
    for content in ["Add it", "no such base"] {
        assert!(call["content"].contains(content) && !call["record"].contains(content), "{content}");
    }
    check(
        5,
        &[("kind", Some("mcp.call")), ("action", Some("tools/list")), ("user", None), ("mcp_server", Some("github"))],
    );
    let denied = EXAMPLES[4].replace("application_error", "denied");
    crate::dialect::testing::check(&events(&Mcp, &denied)[0], &[("outcome", Some("deny"))]);
}

#[test]
fn access_logs_name_method_server_and_tool() {
    check(
        6,
        &[
            ("source", Some("agentgateway")),
            ("kind", Some("tool.result")),
            ("tool", Some("create_issue")),
            ("mcp_server", Some("github")),
            ("user", Some("mira")),
            ("session", Some("m-7")),
            ("status", Some("200")),
            ("outcome", Some("success")),
            ("duration_us", Some("653000")),
            ("source_id", Some("0706050403020100")),
            ("content", None),
        ],
    );
    check(
        7,
        &[("kind", Some("mcp.call")), ("target", Some("docs")), ("outcome", Some("deny")), ("bytes_out", Some("165"))],
    );
    let failed = EXAMPLES[6].replace("\"protocol\":\"mcp\"", "\"error\":\"backend is gone\"");
    crate::dialect::testing::check(&events(&Mcp, &failed)[0], &[("outcome", Some("error"))]);
}

#[test]
fn other_lines_are_skipped_and_text_is_told() {
    for line in [r#"{"level":"info","msg":"started"}"#, r#"{"event":"user.login","time":"2026-10-03T08:15:04Z"}"#] {
        assert_eq!(decoded(&Mcp, line.as_bytes()), Decoded::Skip(SKIP_SERVER_LINE), "{line}");
    }
    for (line, word) in [
        ("info request gateway=x", "JSON"),
        (r#"{"event":"mcp.session.start"}"#, "time"),
        (r#"{"msg":"audit_event"}"#, "type"),
    ] {
        assert!(matches!(decoded(&Mcp, line.as_bytes()), Decoded::Unparsed(reason) if reason.contains(word)), "{line}");
    }
    assert_eq!(decoded(&Mcp, b" "), Decoded::Skip(SKIP_BLANK));
}
