//! What hooks and telemetry of an agent tell of the same call meets: by the agent, the session, the call where it has an id, and what
//! it does. What a gateway tells of a request meets its own traces.

use super::*;
use crate::dialect::coder::Coder;
use crate::dialect::hooks::Hooks;

/// Columns that must be the same, and present.
fn meet(hook: &Value, telemetry: &[&str], kind: &str, columns: &[&str]) {
    let hook = &events(&Hooks, &hook.to_string())[0];
    let told = telemetry.iter().flat_map(|example| events(&Otel, example)).find(|event| event["kind"] == kind).unwrap();
    for name in ["source", "agent_kind", "session", "family"].iter().chain(columns) {
        assert!(hook.contains_key(*name), "{name} of the hook: {hook:#?}");
        assert_eq!(hook.get(*name), told.get(*name), "{name} of {}", hook["source"]);
    }
    assert_ne!(hook.get("source_id"), told.get("source_id"), "two records, not one record twice");
}

#[test]
fn claude_code() {
    let hook = json!({"session_id": "4c2f8c1e-8888-4e63-b1d4-9a3c7e6f2b80", "hook_event_name": "PostToolUseFailure", "tool_name": "Bash",
        "tool_input": {"command": "echo hello-from-tool; cat missing-file", "description": "say hello"},
        "tool_use_id": "toolu_01FAKE000000000001", "error": "Exit code 1\nhello-from-tool", "duration_ms": 58});
    meet(
        &hook,
        examples::claude_code::SESSION,
        "command",
        &["tool", "tool_call", "action_fp", "command", "outcome", "target"],
    );
    let asked = json!({"session_id": "4c2f8c1e-8888-4e63-b1d4-9a3c7e6f2b80", "hook_event_name": "PermissionRequest", "tool_name": "Bash",
        "tool_input": {"command": "echo hello-from-tool; cat missing-file"}, "tool_use_id": "toolu_01FAKE000000000001"});
    meet(&asked, examples::claude_code::SESSION, "approval", &["tool", "tool_call", "action_fp"]);
    let mcp = json!({"session_id": "4c2f8c1e-8888-4e63-b1d4-9a3c7e6f2b80", "hook_event_name": "PostToolUse",
        "tool_name": "mcp__tracker__create_issue", "tool_input": {"title": "tests fail"}, "tool_response": {}, "tool_use_id": "toolu_07ours"});
    meet(
        &mcp,
        examples::claude_code::OTHERS,
        "tool.result",
        &["tool", "mcp_server", "tool_call", "action_fp", "outcome"],
    );
}

#[test]
fn codex() {
    let hook = json!({"session_id": "01a222d5-0c52-7120-b5cd-aca25827ab70", "hook_event_name": "PostToolUse", "tool_name": "Bash",
        "model": "gpt-5", "turn_id": "t", "tool_input": {"command": "echo hello-from-tool; cat missing-file"}, "tool_use_id": "call_fake1",
        "tool_response": "hello-from-tool\ncat: missing-file: No such file or directory\n"});
    meet(&hook, examples::codex::SESSION, "command", &["tool_call", "action_fp", "result_fp", "command", "model"]);
    let usage = json!({"hook_event_name": "PostModelRequest", "session_id": "01a222d5-0c52-7120-b5cd-aca25827ab70", "turn_id": "t",
        "model": "gpt-5", "response_id": "resp_1", "token_usage": {"input_tokens": 3200, "cached_input_tokens": 2000,
        "cache_write_input_tokens": 0, "output_tokens": 40, "reasoning_output_tokens": 16}});
    let counters =
        ["tokens_in", "tokens_out", "tokens_cache_read", "tokens_cache_write", "tokens_reasoning", "cost_micros"];
    meet(&usage, examples::codex::SESSION, "model.tokens", &counters);
}

#[test]
fn gemini() {
    let hook = json!({"session_id": "9bb7aa8b-b454-408f-8802-e1cad8eff56c", "hook_event_name": "AfterTool",
        "timestamp": "2026-11-28T15:45:44.894Z", "tool_name": "run_shell_command",
        "tool_input": {"command": "echo hello-from-tool; cat missing-file", "description": "say hello"},
        "tool_response": {"llmContent": "Output: hello-from-tool\nExit Code: 1\n"}});
    meet(&hook, examples::gemini::SESSION, "command", &["tool", "action_fp", "command", "exit_code", "outcome"]);
}

#[test]
fn copilot() {
    let text = "hello-from-tool\ncat: missing-file: No such file or directory\n<shellId: 0 completed with exit code 1>";
    let hook = json!({"tachograph_hook": {"agent": "copilot", "event": "postToolUse"}, "payload": {
        "sessionId": "3b649681-8dbe-4ce1-acbe-ca487d85b138", "timestamp": 1_795_880_799_310_i64, "toolName": "bash",
        "toolArgs": {"command": "echo hello-from-tool; cat missing-file", "description": "say hello"},
        "toolResult": {"resultType": "success", "textResultForLlm": text}}});
    meet(&hook, examples::copilot::SESSION, "command", &["tool", "action_fp", "command", "exit_code", "outcome"]);
}

#[test]
fn opencode() {
    let hook = json!({"tachograph_hook": {"agent": "opencode"}, "payload": {"hook_event_name": "tool.execute.after",
        "sessionID": "ses_ddd27cb12ffeLgJJakCPVXbCUp", "callID": "call_1", "tool_name": "bash", "tool_input": {"command": "ls"},
        "tool_response": {"output": "a\n", "exit_code": 0}}});
    meet(&hook, examples::opencode::SESSION, "command", &["tool", "tool_call", "action_fp", "outcome"]);
}

#[test]
fn the_gateways_log_and_traces() {
    let log = json!({"msg": "interception log", "ts": "2026-09-14T09:30:14Z", "level": "INFO", "fields": {"record_type": "tool_usage",
        "interception_id": "1c8e4b6d-2f9a-4d37-b5e0-3a6f8c1d7e92", "msg_id": "m", "tool_call_id": "toolu_1", "tool": "create_issue",
        "input": "{\"repo\": \"acme/payments\"}", "server_url": "https://api.githubcopilot.com/mcp/", "injected": true,
        "created_at": "2026-09-14T09:30:14Z"}});
    let log = &events(&Coder, &log.to_string())[0];
    let told = &events(&Otel, examples::coder::SPANS[0])[0];
    for name in ["source", "family", "trust", "interception", "tool", "mcp_server", "action_fp"] {
        assert!(log.contains_key(name), "{name}: {log:#?}");
        assert_eq!(log.get(name), told.get(name), "{name}");
    }
}
