//! What becomes of the lines of a rollout.

use super::*;
use crate::dialect::testing::{Columns, check, columns, decoded, events, finish};
use crate::encoding::Json;
use examples::EXAMPLES;

const SESSION: &str = "01a22bfc-9ad6-7070-996a-f14e2f2f1e97";

/// The event of the only example with this text.
fn of(part: &str) -> Columns {
    let found: Vec<&&str> = EXAMPLES.iter().filter(|example| example.contains(part)).collect();
    assert_eq!(found.len(), 1, "{part}");
    let mut events = events(&CodexRollout, found[0]);
    assert_eq!(events.len(), 1);
    events.remove(0)
}

#[test]
fn the_first_line_names_the_session_and_the_place() {
    let start = of("account_scoped");
    check(
        &start,
        &[
            ("source", Some("codex.transcript")),
            ("kind", Some("session.start")),
            ("trust", Some("agent")),
            ("session", Some(SESSION)),
            ("provider", Some("openai")),
            ("client", Some("codex_exec")),
            ("actor", Some("automation")),
            ("agent", None),
        ],
    );
    let facts = ["\"branch\":\"main\"", "\"cwd\":\"/home/coder/ledger\"", "\"cli_version\":\"0.171.0\""];
    assert!(facts.iter().all(|fact| start["record"].contains(fact)), "{}", start["record"]);
    assert!(!start["record"].contains("coding agent"));
    check(
        &of("thread_spawn"),
        &[
            ("session", Some(SESSION)),
            ("agent", Some("01a22bfc-aaaa-7070-996a-f14e2f2f1e97")),
            ("actor", Some("sub_agent")),
        ],
    );
    check(&of("0.153.0"), &[("session", Some("019dabc6-8fef-7681-a054-b5bb75fcb97d")), ("actor", None)]);
}

#[test]
fn a_response_is_counted_once() {
    let took = [
        ("kind", Some("model.tokens")),
        ("tokens_in", Some("1200")),
        ("tokens_cache_read", Some("2000")),
        ("tokens_cache_write", Some("0")),
        ("tokens_out", Some("40")),
        ("tokens_reasoning", Some("16")),
        ("interception", Some("resp_ours1")),
        ("source_id", Some("usage/resp_ours1")),
    ];
    check(&of("token_usage_record"), &took);
    check(&of("\"ordinal\":13"), &[("kind", Some("model.summary")), ("tokens_in", None), ("tokens_out", None)]);
    // Of an older release, whose copies have another time and whose limits change beside the same counters.
    let old = EXAMPLES.iter().find(|example| example.contains("\"rate_limits\":null")).expect("one");
    let again = old.replace("09:30:06", "09:41:00").replace("\"rate_limits\":null", "\"rate_limits\":{\"x\":1}");
    let (first, again) = (&events(&CodexRollout, old)[0], &events(&CodexRollout, &again)[0]);
    check(first, &[("kind", Some("model.tokens")), ("tokens_in", Some("60")), ("tokens_cache_read", Some("40"))]);
    assert_eq!(first["source_id"], again["source_id"]);
    let nothing = old
        .replace("\"input_tokens\":100", "\"input_tokens\":0")
        .replace("\"output_tokens\":20", "\"output_tokens\":0");
    check(&events(&CodexRollout, &nothing)[0], &[("kind", Some("model.summary")), ("tokens_in", None)]);
}

#[test]
fn a_call_and_its_end_are_one_call() {
    let (call, end) = (of("\"function_call\""), of("CommandExecution"));
    check(
        &call,
        &[
            ("kind", Some("tool.call")),
            ("tool", Some("exec_command")),
            ("tool_call", Some("call_ours1")),
            ("command", Some("cat missing")),
            ("source_id", Some("call/call_ours1")),
        ],
    );
    check(
        &end,
        &[
            ("kind", Some("command")),
            ("tool_call", Some("call_ours1")),
            ("outcome", Some("error")),
            ("exit_code", Some("1")),
            ("duration_us", Some("5228")),
        ],
    );
    assert_eq!(call["action_fp"], end["action_fp"], "the same act");
    check(
        &of("function_call_output"),
        &[
            ("kind", Some("tool.result")),
            ("exit_code", Some("1")),
            ("outcome", Some("error")),
            ("tool_call", Some("call_ours1")),
            ("action_fp", None),
        ],
    );
    check(&of("local_shell_call"), &[("tool", Some("local_shell")), ("command", Some("bash -lc 'npm test'"))]);
    check(&of("custom_tool_call"), &[("tool", Some("apply_patch")), ("file", Some("a.rs"))]);
    check(
        &of("exec_command_end"),
        &[("kind", Some("command")), ("exit_code", Some("0")), ("outcome", Some("success"))],
    );
    for part in ["McpToolCall", "mcp_tool_call_end"] {
        check(
            &of(part),
            &[("kind", Some("tool.result")), ("tool", Some("mcp__board__search")), ("mcp_server", Some("board"))],
        );
    }
    check(&of("FileChange"), &[("kind", Some("file.write")), ("outcome", Some("deny"))]);
}

#[test]
fn what_a_person_wrote_is_the_prompt_and_what_the_model_gets_is_not() {
    check(&of("UserMessage"), &[("kind", Some("prompt"))]);
    check(&of("user_message"), &[("kind", Some("prompt"))]);
    check(&of("\"msg_01ours1\""), &[("kind", Some("agent.event"))]);
    check(&of("turn_context"), &[("model", Some("gpt-5")), ("rule", Some("never"))]);
    check(&of("task_complete"), &[("duration_us", Some("99000"))]);
    check(&of("something_new"), &[("kind", Some("agent.event")), ("action", Some("something_new"))]);
    for (part, text) in [("\"compacted\"", "push it"), ("\"reasoning\"", "missing"), ("something_new", "secret")] {
        assert!(!of(part)["record"].contains(text), "{part}");
    }
}

#[test]
fn what_is_no_line_is_not_understood() {
    for line in ["{}", "{\"id\":\"x\",\"timestamp\":\"2025-01-01T00:00:00Z\"}", "{\"type\":\"x\",\"payload\":[]}"] {
        assert!(matches!(decoded(&CodexRollout, line.as_bytes()), Decoded::Unparsed(_)), "{line}");
    }
}

#[test]
fn tokens_without_a_model_have_no_price() {
    let line = EXAMPLES.iter().find(|example| example.contains("token_usage_record")).expect("one");
    let mut drafts = Drafts::new();
    let record = Record::new(line.as_bytes(), &Json);
    CodexRollout.decode(record, 1, &mut drafts);
    let draft = drafts.iter_mut().next().expect("one");
    assert!(!columns(&finish(record, draft, true)).contains_key("cost_micros"));
}
