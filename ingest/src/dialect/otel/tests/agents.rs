//! What single records of each agent mean, beside those of its session.

use std::collections::HashSet;

use super::*;

/// What an event of the inventory tells of a thing.
fn item(event: &Columns) -> String {
    assert_eq!(event["kind"], "inventory");
    ["action", "target", "state"].map(|column| event.get(column).map_or("-", String::as_str)).join(" ")
}

/// The event of an example whose text has this part.
fn example(list: &[&str], part: &str) -> Columns {
    let found = list.iter().find(|example| example.contains(part)).expect(part);
    events(&Otel, found).remove(0)
}

#[test]
fn claude_codes_decisions_errors_and_losses() {
    use examples::claude_code::{OTHERS, SESSION};
    check(
        &example(OTHERS, "user_reject"),
        &[
            ("kind", Some("approval")),
            ("outcome", Some("deny")),
            ("rule", Some("user_reject")),
            // Of a call of which nothing is known nobody can say that it is the same as another.
            ("action_fp", None),
        ],
    );
    check(
        &example(OTHERS, "permission_mode_changed"),
        &[
            ("kind", Some("approval")),
            ("action", Some("permission_mode_changed")),
            ("target", Some("bypassPermissions")),
            ("rule", Some("shift_tab")),
            ("outcome", Some("success")),
        ],
    );
    check(
        &example(OTHERS, "api_error"),
        &[
            ("kind", Some("model.call")),
            ("outcome", Some("error")),
            ("status", Some("429")),
            ("duration_us", Some("812000")),
        ],
    );
    check(
        &example(OTHERS, "hook_execution_complete"),
        &[
            ("kind", Some("loss")),
            ("action", Some("hook_failed")),
            ("target", Some("PostToolUse")),
            ("amount", Some("3")),
        ],
    );
    check(&example(SESSION, "hook_execution_complete"), &[("kind", Some("agent.event")), ("amount", None)]);
    check(
        &example(OTHERS, "subagent_completed"),
        &[
            ("kind", Some("subagent.end")),
            ("actor", Some("sub_agent")),
            ("target", Some("Explore")),
            ("tokens_out", None),
        ],
    );
    check(&example(OTHERS, "something_new"), &[("kind", Some("agent.event")), ("outcome", Some("success"))]);
}

#[test]
fn claude_codes_inventory() {
    use examples::claude_code::{OTHERS, SESSION};
    let told = |list: &[&str], part: &str| {
        let found = list.iter().find(|example| example.contains(part)).expect(part);
        events(&Otel, found)
    };
    let found = |list, part| told(list, part).iter().map(item).collect::<Vec<_>>();
    assert_eq!(found(SESSION, "plugin_loaded"), ["plugin cc-plugin-agents-md builtin default-bundle"]);
    assert_eq!(found(SESSION, "hook_registered"), ["hook PreToolUse http userSettings"]);
    assert_eq!(found(OTHERS, "mcp_server_connection"), ["mcp_server github http project"]);
    assert_eq!(found(OTHERS, "skill_activated"), ["skill release-notes project"]);
    let lists = ["hook - -", "plugin - -", "mcp_server - -"];
    assert_eq!(found(OTHERS, "managed_settings_resolved")[0], "managed_settings remote,file -");
    assert_eq!(found(SESSION, "managed_settings_resolved"), [&["managed_settings none -"], &lists[..]].concat());
    let settings = told(SESSION, "managed_settings_resolved");
    check(&settings[0], &[("rule", Some("managed_settings"))]);
    check(&told(OTHERS, "managed_settings_resolved")[0], &[("rule", None)]);
    let ids: HashSet<_> = settings.iter().map(|event| event["source_id"].clone()).collect();
    assert_eq!(ids.len(), 4, "each is an event of its own: {ids:?}");
}

#[test]
fn claude_codes_money() {
    let request = |key: &str, value: &str| {
        event(&log(
            "com.anthropic.claude_code.events",
            &[
                ("event.name", "api_request"),
                ("model", "claude-sonnet-4-5"),
                ("input_tokens", "1000"),
                ("output_tokens", "0"),
                ("cache_creation_tokens", "1000"),
                (key, value),
            ],
        ))
    };
    check(&request("cost_usd", "0.00615"), &[("cost_source_micros", Some("6150")), ("tokens_in", Some("1000"))]);
    let no_number = crate::bounds::NO_NUMBER.to_string();
    check(&request("cost_usd", "much"), &[("cost_source_micros", Some(&no_number))]);
    let [list, hour, fast] = [("speed", "normal"), ("cache_creation_1h_tokens", "1000"), ("speed", "fast")]
        .map(|(key, value)| request(key, value)["cost_micros"].parse::<i64>().unwrap());
    assert!(hour > list, "what lives an hour costs more");
    assert!(fast >= list);
    check(&request("cache_creation_1h_tokens", "-1"), &[("marks", Some("void:tokens_cache_write_hour"))]);
}

#[test]
fn codexes_exit_codes_and_failures() {
    use examples::codex::{OTHERS, SESSION};
    check(
        &example(SESSION, "codex.tool_result"),
        &[
            ("exit_code", Some("1")),
            // It says `success`, since the tool did its work.
            ("outcome", Some("error")),
            ("duration_us", Some("66000")),
            ("actor", Some("automation")),
        ],
    );
    let forged = event(&log(
        "codex_otel.log_only",
        &[
            ("event.name", "codex.tool_result"),
            ("tool_name", "exec_command"),
            ("success", "true"),
            ("output", "Process exited with code 7\nOutput:\nProcess exited with code 0\n"),
        ],
    ));
    check(&forged, &[("exit_code", Some("7")), ("outcome", Some("error"))]);
    check(&example(OTHERS, "response.failed"), &[("kind", Some("model.call.end")), ("outcome", Some("error"))]);
    check(
        &example(OTHERS, "slow down"),
        &[("kind", Some("model.call")), ("status", Some("429")), ("outcome", Some("error"))],
    );
    check(&example(OTHERS, "call_9"), &[("kind", Some("approval")), ("outcome", Some("deny")), ("rule", Some("User"))]);
    check(&example(OTHERS, "/root/reviewer"), &[("actor", Some("sub_agent")), ("agent", Some("/root/reviewer"))]);
    let start = events(&Otel, OTHERS[0]);
    assert_eq!(start[0]["kind"], "session.start");
    let has = [
        "mcp_server github -",
        "mcp_server linear -",
        "setting approval_policy on-request",
        "setting sandbox_policy workspace-write",
    ];
    assert_eq!(start[1..].iter().map(item).collect::<Vec<_>>(), has);
    assert_eq!(start[1]["mcp_server"], "github");
}

#[test]
fn geminis_calls_hooks_and_errors() {
    use examples::gemini::{OTHERS, SESSION};
    check(
        &example(SESSION, "gemini_cli.tool_call"),
        &[("exit_code", Some("1")), ("outcome", Some("error")), ("duration_us", Some("200000"))],
    );
    check(
        &example(OTHERS, "write_file\"}},{\"key\":\"function_args"),
        &[("kind", Some("file.write")), ("file", Some("/etc/hosts")), ("outcome", Some("deny"))],
    );
    check(
        &example(OTHERS, "gemini_cli.hook_call"),
        &[("kind", Some("loss")), ("action", Some("hook_failed")), ("amount", Some("1"))],
    );
    check(
        &example(OTHERS, "gemini_cli.api_error"),
        &[("kind", Some("model.call.end")), ("status", Some("429")), ("outcome", Some("error"))],
    );
    check(&example(OTHERS, "gemini_cli.agent.start"), &[("kind", Some("subagent.start")), ("agent", Some("a-1"))]);
    check(
        &example(SESSION, "gen_ai.response.id"),
        &[("kind", Some("model.summary")), ("interception", Some("gfake1"))],
    );
}

#[test]
fn spans_by_the_conventions_old_and_new() {
    use examples::genai::SPANS;
    let found = |span_id: &str| example(SPANS, span_id);
    check(
        &example(SPANS, "chat claude-sonnet-5"),
        &[
            ("kind", Some("model.tokens")),
            ("source", Some("genai")),
            ("agent_kind", Some("my_agent")),
            ("interception", Some("msg_015SQewixvT9s4cABCVvUE6g")),
            ("tokens_in", Some("12")),
            ("tokens_cache_read", Some("18211")),
            ("tokens_cache_write", Some("2043")),
            ("duration_us", Some("5000000")),
        ],
    );
    check(
        &example(SPANS, "\"name\":\"tools/call create_issue\",\"kind\":3"),
        &[
            ("kind", Some("tool.result")),
            ("tool", Some("create_issue")),
            ("outcome", Some("error")),
            // Another's session is not the agent's.
            ("session", None),
        ],
    );
    check(
        &found("b7ad6b7169203340"),
        &[("kind", Some("model.summary")), ("target", Some("reviewer")), ("tokens_in", None)],
    );
    check(&found("b7ad6b7169203341"), &[("kind", Some("agent.event")), ("target", Some("initialize"))]);
    check(&found("b7ad6b7169203342"), &[("kind", Some("agent.event")), ("tool", Some("create_issue"))]);
    check(
        &found("b7ad6b7169203343"),
        &[
            ("kind", Some("file.write")),
            ("agent_kind", Some("goose")),
            ("tool_call", Some("call_w")),
            ("file", Some("/home/coder/.env")),
        ],
    );
    check(
        &found("b7ad6b7169203344"),
        &[
            ("kind", Some("model.tokens")),
            ("provider", Some("openai")),
            ("tokens_in", Some("100")),
            ("tokens_out", Some("7")),
        ],
    );
    check(
        &found("b7ad6b7169203345"),
        &[("kind", Some("model.call")), ("status", Some("429")), ("outcome", Some("error"))],
    );
    check(
        &example(examples::opencode::OTHERS, "acme-helper"),
        &[
            ("source", Some("genai")),
            ("agent_kind", Some("acme_helper")),
            ("kind", Some("model.tokens")),
            ("tokens_in", Some("50")),
            ("tokens_out", Some("9")),
        ],
    );
}

#[test]
fn openhands_counts_a_request_once_and_tells_its_calls() {
    use examples::openhands::SESSION;
    let all = [
        ("source", Some("openhands")),
        ("agent_kind", Some("openhands")),
        ("session", Some("95c4bcdd-6ced-411e-b0f8-233fe32e7998")),
    ];
    let names =
        ["conversation.send_message", "litellm.completion", "llm.openai/gpt-4o", "TerminalAction", "conversation"];
    let [prompt, request, around, call, whole] = names.map(|name| example(SESSION, &format!("\"name\":\"{name}\"")));
    for event in [&prompt, &request, &around, &call, &whole] {
        check(event, &all);
    }
    check(&prompt, &[("kind", Some("prompt"))]);
    check(
        &request,
        &[
            ("kind", Some("model.tokens")),
            ("provider", Some("openai")),
            ("model", Some("gpt-4o")),
            ("interception", Some("chatcmpl-ours1")),
            ("tokens_in", Some("700")),
            ("tokens_cache_read", Some("200")),
            ("tokens_out", Some("30")),
        ],
    );
    check(&around, &[("kind", Some("model.summary")), ("tokens_cache_read", None), ("cost_source_micros", None)]);
    check(
        &call,
        &[
            ("kind", Some("command")),
            ("tool", Some("terminal")),
            ("tool_call", Some("call_ours1")),
            ("command", Some("cat missing")),
            ("outcome", None),
        ],
    );
    assert!(call.contains_key("result_fp") && !call["record"].contains("cat missing"));
    check(&whole, &[("kind", Some("agent.event"))]);
}

#[test]
fn goose_follows_the_conventions() {
    use examples::genai::SPANS;
    let goose = [("source", Some("genai")), ("agent_kind", Some("goose")), ("session", Some("20261120_7"))];
    let request = example(SPANS, "stream_response_from_provider");
    check(&request, &goose);
    check(
        &request,
        &[
            ("kind", Some("model.tokens")),
            ("interception", Some("msg_01ours9")),
            ("tokens_in", Some("1200")),
            ("tokens_cache_read", Some("2000")),
            ("tokens_cache_write", Some("300")),
        ],
    );
    let call = example(SPANS, "dispatch_tool_call");
    check(&call, &goose);
    check(
        &call,
        &[
            ("kind", Some("command")),
            ("command", Some("cat missing")),
            ("tool_call", Some("toolu_01ours9")),
            ("outcome", Some("error")),
        ],
    );
    for (event, text) in [(&request, "say hello"), (&call, "cat missing")] {
        assert!(event["content"].contains(text) && !event["record"].contains(text), "{text}");
    }
}

#[test]
fn the_gateways_spans_name_the_request_and_who_made_it() {
    check(
        &example(examples::coder::SPANS, "ToolCall"),
        &[
            ("kind", Some("tool.result")),
            ("outcome", Some("error")),
            ("interception", Some("1c8e4b6d-2f9a-4d37-b5e0-3a6f8c1d7e92")),
            ("user_id", Some("6c405053-27e3-484a-9ad7-bcb64e7bfde6")),
            ("attribution", Some("direct")),
            ("mcp_server", Some("https://api.githubcopilot.com/mcp/")),
            ("agent_kind", None),
        ],
    );
    check(
        &example(examples::coder::SPANS, "\"Intercept.ProcessRequest\""),
        &[("kind", Some("model.summary")), ("duration_us", Some("780000")), ("outcome", Some("success"))],
    );
}
