//! Tests of the dialect `litellm`: the columns of each record, and that a call that comes twice is the same one.

use super::examples::EXAMPLES;
use super::*;
use crate::dialect::SKIP_BLANK;
use crate::dialect::testing::{Columns, check, decoded, events};

fn one(number: usize) -> Columns {
    let mut events = events(&LiteLlm, EXAMPLES[number]);
    assert_eq!(events.len(), 1);
    events.remove(0)
}

#[test]
fn a_call_has_its_columns() {
    let event = one(0);
    check(
        &event,
        &[
            ("source", Some("litellm")),
            ("family", Some("gateway")),
            ("kind", Some("model.call")),
            ("trust", Some("gateway")),
            ("source_id", Some("msg_01ours")),
            ("interception", Some("msg_01ours")),
            ("time", Some("1791015304118000")),
            ("duration_us", Some("5382000")),
            ("action", Some("anthropic_messages")),
            ("target", Some("sonnet")),
            ("outcome", Some("success")),
            ("provider", Some("anthropic")),
            ("model", Some("claude-sonnet-5")),
            ("tokens_in", Some("10")),
            ("tokens_out", Some("500")),
            ("tokens_cache_read", Some("18001")),
            ("tokens_cache_write", Some("2001")),
            ("tokens_reasoning", Some("120")),
            ("cost_source_micros", Some("20401")),
            ("user", Some("mira")),
            ("user_id", None),
            ("team", Some("ledger")),
            ("org", Some("acme")),
            ("agent", Some("agent-ledger")),
            ("session", Some("4c2f8c1e-8888-4e63-b1d4-9a3c7e6f2b80")),
            ("workspace", Some("f1bd4e9f-2222-49fc-961e-be4d1c2aa987")),
            ("client", Some("claude-cli/2.1.332")),
            ("agent_kind", Some("claude_code")),
            ("attribution", Some("direct")),
            ("marks", None),
        ],
    );
    assert!(event.contains_key("cost_micros"), "our own price");
    for content in ["The tests fail", "I look.", "max_tokens", "x-claude-code-session-id"] {
        assert!(event["content"].contains(content) && !event["record"].contains(content), "{content}");
    }
}

#[test]
fn failures_and_answers_from_a_cache_count_nothing() {
    check(
        &one(1),
        &[
            ("outcome", Some("error")),
            ("status", Some("429")),
            ("cost_source_micros", Some("0")),
            ("user", Some("mira@acme.example")),
            ("user_id", Some("5b405053-7777-484a-9ad7-bcb64e7bfde6")),
            ("session", Some("tr-82")),
        ],
    );
    check(
        &one(2),
        &[("tokens_in", None), ("tokens_out", None), ("cost_micros", None), ("cost_source_micros", Some("0"))],
    );
    let blocked = EXAMPLES[1].replace(
        r#""status":"failure""#,
        r#""status":"failure","status_fields":{"guardrail_status":"guardrail_intervened"}"#,
    );
    check(&events(&LiteLlm, &blocked)[0], &[("outcome", Some("blocked"))]);
}

#[test]
fn a_tool_of_a_server_is_a_tool() {
    let event = one(3);
    check(
        &event,
        &[
            ("kind", Some("tool.result")),
            ("tool", Some("create_issue")),
            ("mcp_server", Some("github")),
            ("action", Some("tools/call")),
            ("target", Some("create_issue")),
            ("outcome", Some("success")),
            ("model", None),
            ("cost_source_micros", Some("1000")),
        ],
    );
    assert!(event.contains_key("action_fp") && event.contains_key("result_fp"));
    assert!(!event["record"].contains("tests fail") && event["content"].contains("created 7"));
}

#[test]
fn a_row_says_of_a_call_what_the_callback_says() {
    let (callback, row) = (one(0), one(4));
    let same = [
        "source",
        "source_id",
        "kind",
        "time",
        "action",
        "target",
        "outcome",
        "duration_us",
        "tokens_in",
        "tokens_out",
    ];
    let spend =
        ["tokens_cache_read", "tokens_cache_write", "cost_source_micros", "interception", "session", "user", "model"];
    for name in same.iter().chain(&spend) {
        assert_eq!(callback.get(name), row.get(name), "{name}");
    }
    check(&row, &[("team", Some("t-3")), ("agent", Some("agent-ledger")), ("content", None)]);
}

#[test]
fn alerts_are_no_cost() {
    check(
        &one(5),
        &[
            ("kind", Some("notification")),
            ("action", Some("threshold_crossed")),
            ("target", Some("key/agent-ledger")),
            ("amount", Some("42510000")),
            ("amount_max", Some("50000000")),
            ("cost_source_micros", None),
            ("user", Some("mira")),
            ("team", Some("ledger")),
            ("source_id", None),
        ],
    );
    check(&one(6), &[("kind", Some("credential")), ("action", Some("key_created")), ("amount_max", None)]);
    let user = EXAMPLES[6].replace("key_created", "internal_user_created");
    check(&events(&LiteLlm, &user)[0], &[("kind", Some("audit"))]);
}

#[test]
fn odd_values_void_themselves() {
    let odd = EXAMPLES[0].replace("\"response_cost\":0.02040055", "\"response_cost\":\"free\"");
    let odd = odd.replace(
        "\"prompt_tokens\":20012,\"completion_tokens\":500,\"startTime\"",
        "\"prompt_tokens\":\"many\",\"startTime\"",
    );
    let mut drafts = Drafts::new();
    assert_eq!(LiteLlm.decode(Record::new(odd.as_bytes(), &crate::encoding::Json), 7, &mut drafts), Decoded::Events);
    let draft = drafts.iter_mut().next().expect("one");
    crate::bounds::enforce(draft, crate::dialect::testing::RECEIVED);
    assert!(draft.marks.contains(&"void:tokens_in".to_owned()), "{:?}", draft.marks);
    assert!(draft.marks.contains(&"void:cost_source_micros".to_owned()), "{:?}", draft.marks);
}

#[test]
fn what_is_neither_is_said() {
    for (record, word) in
        [(r#"{"a":1}"#, "request_id"), (r#"{"id":"x"}"#, "call_type"), ("[1]", "type"), ("text", "JSON")]
    {
        assert!(
            matches!(decoded(&LiteLlm, record.as_bytes()), Decoded::Unparsed(reason) if reason.contains(word)),
            "{record}"
        );
    }
    assert_eq!(decoded(&LiteLlm, b" "), Decoded::Skip(SKIP_BLANK));
}
