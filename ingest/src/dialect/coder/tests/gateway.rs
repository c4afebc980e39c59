//! Tests of what the gateway logs, and of its saved pages.

use super::*;
use crate::dialect::coder::examples::{SESSIONS_PAGE, THREADS_PAGE};
use crate::encoding::Json;

#[test]
fn a_model_call_starts_and_ends() {
    let start = one(&["interception_start"]);
    check(
        &start,
        &[
            ("source", Some("coder.gateway")),
            ("family", Some("gateway")),
            ("kind", Some("model.call")),
            ("trust", Some("gateway")),
            ("action", Some("interception_start")),
            ("target", Some("claude-sonnet-5")),
            ("interception", Some(INTERCEPTION)),
            ("session", Some(AGENT_SESSION)),
            ("user", Some(USER)),
            ("provider", Some("anthropic")),
            ("model", Some("claude-sonnet-5")),
            ("client", Some("Claude Code")),
            ("agent_kind", Some("claude_code")),
            ("run", None),
            ("attribution", Some("direct")),
            ("time", Some(&micros("2026-10-03T08:16:03.305Z"))),
            ("source_id", Some(&format!("interception_start/{INTERCEPTION}"))),
            ("cost_micros", None),
        ],
    );
    let end = one(&["interception_end"]);
    check(
        &end,
        &[
            ("kind", Some("model.call.end")),
            ("interception", Some(INTERCEPTION)),
            ("session", None),
            ("user", None),
            ("model", None),
            ("attribution", None),
            ("time", Some(&micros("2026-10-03T08:16:15.28Z"))),
        ],
    );
    let mut drafts = Drafts::new();
    let start = EXAMPLES.iter().find(|example| example.contains("interception_start")).expect("one");
    Coder.decode(Record::new(start.as_bytes(), &Json), 0, &mut drafts);
    assert_eq!(drafts.iter().next().map(|draft| draft.api_key.as_str()), Some("Yq2xT7vLm1"));
}

#[test]
fn a_session_is_the_clients_else_the_threads_else_the_call() {
    let start = EXAMPLES.iter().find(|example| example.contains("interception_start")).expect("one");
    let without = start.replace(&format!("\"client_session_id\":\"{AGENT_SESSION}\""), "\"client_session_id\":\"\"");
    check(&events(&Coder, &without)[0], &[("session", Some(INTERCEPTION))]);
    let root = "b6f3a9c2-6666-4c80-a6f4-7d2b9e0c5a31";
    let threaded = without.replace(
        "\"thread_root_id\":\"00000000-0000-0000-0000-000000000000\"",
        &format!("\"thread_root_id\":\"{root}\""),
    );
    check(&events(&Coder, &threaded)[0], &[("session", Some(root))]);
    let chat = start.replace("Claude Code", "Coder Agents");
    check(
        &events(&Coder, &chat)[0],
        &[("run", Some(AGENT_SESSION)), ("run_kind", Some("coder_chat")), ("agent_kind", Some("coder_agents"))],
    );
}

#[test]
fn tokens_are_disjoint_and_priced_once_the_model_is_known() {
    let usage = EXAMPLES.iter().find(|example| example.contains("token_usage")).expect("one");
    check(
        &events(&Coder, usage)[0],
        &[
            ("kind", Some("model.tokens")),
            ("tokens_in", Some("10")),
            ("tokens_out", Some("500")),
            ("tokens_cache_read", Some("18001")),
            ("tokens_cache_write", Some("2001")),
            ("tokens_reasoning", Some("120")),
            ("model", None),
            ("cost_micros", None),
            ("price_version", None),
            ("source_id", Some(&format!("token_usage/{INTERCEPTION}/msg_01ours/2026-10-03T08:16:07.880000Z"))),
        ],
    );
    let mut drafts = Drafts::new();
    Coder.decode(Record::new(usage.as_bytes(), &Json), 0, &mut drafts);
    let draft = drafts.iter_mut().next().expect("one");
    draft.columns.set_text(ledger::events::column::MODEL, "claude-sonnet-5");
    let event = crate::dialect::testing::finish(Record::new(usage.as_bytes(), &Json), draft, true);
    let event = crate::dialect::testing::columns(&event);
    check(&event, &[("cost_micros", Some("20433")), ("price_version", Some("2026-11-28"))]);
    // Before there were fields for them, the cache's counters stood among the extra tokens.
    let older = usage
        .replace("\"cache_read_input_tokens\":18001,\"cache_write_input_tokens\":2001,", "")
        .replace("output_reasoning\":120", "prompt_cached\":\"7\"");
    check(&events(&Coder, &older)[0], &[("tokens_cache_read", Some("7")), ("tokens_cache_write", None)]);
}

#[test]
fn how_tokens_are_billed_stands_in_the_metadata_in_many_shapes() {
    use crate::price::{Billing, Tier};
    let check = |metadata: &str, (cache_write_hour, tier, fast): (i64, Tier, bool)| {
        let line = format!(
            r#"{{"ts":"2026-10-03T08:16:04Z","level":"INFO","msg":"interception log","fields":{{"record_type":"token_usage","interception_id":"i-1","created_at":"2026-10-03T08:16:04Z","input_tokens":1,"output_tokens":2,"metadata":{metadata}}}}}"#
        );
        let mut drafts = Drafts::new();
        assert_eq!(Coder.decode(Record::new(line.as_bytes(), &Json), 0, &mut drafts), Decoded::Events, "{metadata}");
        let draft = drafts.iter().next().expect("one");
        assert_eq!(draft.billing, Billing { cache_write_hour, tier, fast }, "{metadata}");
    };
    let standard = Tier::Standard;
    check("{}", (0, standard, false));
    check("null", (0, standard, false));
    check(r#"{"cache_ephemeral_1h_input":7,"cache_ephemeral_5m_input":3}"#, (7, standard, false));
    check(r#"{"ephemeral_1h_input_tokens":"7"}"#, (7, standard, false));
    check(r#"{"cache_creation_1h_tokens":7}"#, (7, standard, false));
    check(r#"{"cache_creation":{"ephemeral_1h_input_tokens":7,"ephemeral_5m_input_tokens":3}}"#, (7, standard, false));
    check(
        r#"{"usage":{"cache_creation":{"ephemeral_1h_input_tokens":7},"service_tier":"batch"}}"#,
        (7, Tier::Batch, false),
    );
    check(r#""{\"cache_ephemeral_1h_input\":7}""#, (7, standard, false));
    check(r#"{"service_tier":"priority","speed":"fast"}"#, (0, Tier::Priority, true));
    check(r#"{"cache_ephemeral_1h_input":-7}"#, (0, standard, false));
}

#[test]
fn prompts_and_thoughts_lie_in_the_content() {
    let prompt = one(&["prompt_usage"]);
    check(
        &prompt,
        &[
            ("kind", Some("prompt")),
            (
                "content",
                Some(
                    r#"{"prompt":"The tests fail.\nUse AWS key [REDACTED:aws_access_key] / [REDACTED:aws_secret_key] and fix \"ledger.go\""}"#,
                ),
            ),
            ("redactions", Some("aws_access_key:prompt:30\naws_secret_key:prompt:58")),
        ],
    );
    assert!(prompt["record"].contains("\"prompt\":null,"));
    let thought = one(&["model_thought"]);
    check(
        &thought,
        &[("kind", Some("model.thought")), ("content", Some(r#"{"thought":"I will run the tests first."}"#))],
    );
    assert_eq!(thought["source_id"].len(), 32);
}

#[test]
fn tool_calls_have_command_and_fingerprint() {
    let bash = one(&["tool_usage", "Bash"]);
    check(
        &bash,
        &[
            ("kind", Some("tool.call")),
            ("tool", Some("Bash")),
            ("tool_call", Some("toolu_01ours")),
            ("target", Some("Bash")),
            ("mcp_server", None),
            ("outcome", None),
            ("command", Some("GITHUB_TOKEN=[REDACTED:github_token] make test")),
            ("redactions", Some("github_token:input:30")),
            ("source_id", Some(&format!("tool_usage/{INTERCEPTION}/toolu_01ours"))),
        ],
    );
    assert_eq!(bash["action_fp"].len(), 16);
    let issue = one(&["tool_usage", "create_issue"]);
    check(
        &issue,
        &[
            ("tool_call", Some("fc_01ours")),
            ("mcp_server", Some("https://mcp.acme.example/")),
            ("target", Some("https://mcp.acme.example/")),
            ("outcome", Some("error")),
            ("command", None),
            (
                "content",
                Some(
                    r#"{"input":"{\"repo\": \"acme/ledger\", \"title\": \"tests fail\"}","error":"401 Unauthorized"}"#,
                ),
            ),
        ],
    );
    let nameless = EXAMPLES.iter().find(|example| example.contains("fc_01ours")).expect("one").replace("fc_01ours", "");
    assert_eq!(events(&Coder, &nameless)[0]["source_id"].len(), 32);
}

#[test]
fn the_list_of_sessions_counts_no_tokens() {
    let events = events(&Coder, SESSIONS_PAGE);
    assert_eq!(events.len(), 2);
    check(
        &events[0],
        &[
            ("kind", Some("page")),
            ("trust", Some("gateway")),
            ("content", Some(r#"{"last_prompt":"The tests fail. Use [REDACTED:aws_access_key]"}"#)),
        ],
    );
    check(
        &events[1],
        &[
            ("kind", Some("session.summary")),
            ("session", Some(AGENT_SESSION)),
            ("user", Some("mira")),
            ("user_id", Some(USER)),
            ("model", Some("claude-sonnet-5")),
            ("client", Some("Claude Code")),
            ("duration_us", Some("11975000")),
            ("tokens_in", None),
            ("tokens_out", None),
            ("cost_micros", None),
        ],
    );
}

#[test]
fn the_threads_of_a_session_give_calls_and_requests() {
    let events = events(&Coder, THREADS_PAGE);
    let kinds: Vec<&str> = events.iter().map(|event| event["kind"].as_str()).collect();
    assert_eq!(kinds, ["page", "egress.http", "prompt", "model.tokens", "model.thought", "tool.call"]);
    assert!(events[0]["record"].contains("https://[REDACTED:url_userinfo]@drop.attacker-logger.com/collect"));
    check(
        &events[1],
        &[
            ("source", Some("coder.boundary")),
            ("trust", Some("workspace")),
            ("session", Some(SESSION)),
            ("outcome", Some("deny")),
            ("host", Some("drop.attacker-logger.com")),
            ("source_id", Some(&format!("page/{SESSION}/42"))),
            ("stream", None),
            ("user", Some("mira")),
            ("user_id", Some(USER)),
            ("time", Some(&micros("2026-10-03T08:15:05.733Z"))),
            ("observed", Some(&micros("2026-10-03T08:15:09.2Z"))),
        ],
    );
    check(&events[2], &[("session", Some(AGENT_SESSION)), ("interception", Some(INTERCEPTION)), ("outcome", None)]);
    check(&events[3], &[("tokens_in", Some("14")), ("tokens_out", Some("700")), ("cost_micros", Some("31695"))]);
    check(
        &events[5],
        &[("tool", Some("Bash")), ("command", Some("make test")), ("time", Some(&micros("2026-10-03T08:16:07.89Z")))],
    );
}
