//! Codex CLI (0.171): log records of scope `codex_otel.log_only`, spans, metrics. Log records have no time of their own but in
//! `event.timestamp`.
//!
//! Money is counted from `codex.sse_event` with `event.kind` `response.completed`, of which there are two for each response, one
//! without counters. It names no response, so that it meets a hook's `PostModelRequest` by session and time only. Of about 660 spans
//! of one turn only `session_task.turn` tells what the agent did.

use ledger::events::column;
use operations::inventory::Item;

use super::Agent;
use super::element::{Element, Events, set_name};
use super::told::{act_as, listed, number, set_call, set_decision, set_ended, set_listed, set_status};
use crate::dialect::hooks::agents::CODEX;
use crate::dialect::tool::{ToolKind, exit_code};
use crate::dialect::usage::Usage;
use crate::encoding::Signal;
use crate::event::Draft;

/// Codex.
pub static AGENT: Agent = Agent {
    name: CODEX.name,
    is_any: false,
    scopes: &["codex"],
    services: &["codex_cli_rs", "codex_exec", "codex-cli"],
    facts: FACTS,
    tell,
    measures,
};

const FACTS: &[&str] = &[
    "agent_name",
    "approval_policy",
    "auth.connection_reused",
    "auth.env_codex_api_key_enabled",
    "auth.env_codex_api_key_present",
    "auth.env_openai_api_key_present",
    "auth.env_provider_key_name",
    "auth.env_provider_key_present",
    "auth.env_refresh_token_url_override_present",
    "auth.header_attached",
    "auth.header_name",
    "auth.mode",
    "auth.outcome",
    "auth.recovery_mode",
    "auth.recovery_phase",
    "auth.request_id",
    "auth.retry_after_unauthorized",
    "auth.step",
    "auth_mode",
    "busy_ns",
    "cache_write_token_count",
    "cached_token_count",
    "code.file.path",
    "code.line.number",
    "code.module.name",
    "codex.turn.reasoning_effort",
    "codex.turn.token_usage.cache_write_input_tokens",
    "codex.turn.token_usage.cached_input_tokens",
    "codex.turn.token_usage.input_tokens",
    "codex.turn.token_usage.non_cached_input_tokens",
    "codex.turn.token_usage.output_tokens",
    "codex.turn.token_usage.reasoning_output_tokens",
    "codex.turn.token_usage.total_tokens",
    "config.legacy_multi_agent_disabled_sources",
    "context_window",
    "critical_path_status",
    "endpoint",
    "escalated_duration_ms",
    "idle_ns",
    "initial_duration_ms",
    "input_token_count",
    "level",
    "mcp_server",
    "mcp_servers",
    "outcome",
    "output_token_count",
    "output_truncated",
    "provider_name",
    "reasoning_summary",
    "reasoning_token_count",
    "sampling_request_count",
    "sampling_retry_count",
    "sandbox_policy",
    "session_source",
    "slug",
    "status",
    "target",
    "thread.id",
    "thread.name",
    "tmp_mem_enabled",
    "token_type",
    "tool",
    "tool_namespace",
    "tool_result_seq",
    "tool_token_count",
    "ttft_ms",
    "turn.id",
    "turn_id",
];

/// Metrics that tell of the agent's work; the others measure the program.
fn measures(name: &str) -> bool {
    [
        "codex.turn.",
        "codex.tool.",
        "codex.conversation.",
        "codex.thread.started",
        "codex.api_request",
        "codex.hooks.run",
    ]
    .iter()
    .any(|start| name.starts_with(start))
}

fn tell(element: &Element, events: &mut Events) {
    match element.signal {
        Signal::Span if element.name == "session_task.turn" => {
            let draft = add(element, events, "model.summary");
            // The thread of the operating system has the same key and stands before it.
            set_name(draft, column::SESSION, element.text("thread.id").as_deref());
        }
        Signal::Span => {}
        _ => tell_event(element, events),
    }
}

fn tell_event(element: &Element, events: &mut Events) {
    let Some(name) = element.name.strip_prefix("codex.") else { return };
    match name {
        // How fast it starts and answers.
        "startup_phase" | "turn_ttft" | "websocket_connect" => {}
        "sse_event" => tell_response(element, events),
        "conversation_starts" => tell_start(element, events),
        "user_prompt" => {
            let draft = add(element, events, "prompt");
            let is_person = !is_automation(element);
            draft.columns.set_text_if(column::ACTOR, is_person.then_some("person"));
        }
        "tool_decision" => {
            let draft = add(element, events, "approval");
            set_tool(draft, element);
            set_decision(draft, element.text("decision").map(|word| word.to_lowercase()).as_deref());
            set_name(draft, column::RULE, element.text("source").as_deref());
        }
        "tool_result" => {
            let kind = ToolKind::of(&element.text("tool_name").unwrap_or_default()).result_kind();
            set_result(add(element, events, kind), element);
        }
        "api_request" | "websocket_request" => {
            let draft = add(element, events, "model.call");
            let failed = element.text("error.message").is_some() || element.attributes.flag("success") == Some(false);
            set_status(draft, number(element.text("http.response.status_code")), failed);
        }
        "sandbox_outcome" => {
            let draft = add(element, events, "agent.event");
            set_tool(draft, element);
            set_name(draft, column::TARGET, element.text("outcome").as_deref());
        }
        _ => {
            let draft = add(element, events, "agent.event");
            set_ended(draft, element.attributes.flag("success"), None);
        }
    }
}

/// Adds an event of this kind, with what all records of Codex say.
fn add<'d>(element: &Element, events: &'d mut Events, kind: &str) -> &'d mut Draft {
    let draft = events.add(element, kind);
    let agent = element.text("agent_name").filter(|name| name != "/root");
    set_name(draft, column::AGENT, agent.as_deref());
    let actor = match agent {
        Some(_) => Some("sub_agent"),
        None => is_automation(element).then_some("automation"),
    };
    draft.columns.set_text_if(column::ACTOR, actor);
    let [session, time] = ["conversation.id", "event.timestamp"].map(|key| element.text(key).unwrap_or_default());
    // Events that are about no call may come twice within the millisecond; they are known by all that they say.
    if let Some(about) = element.attributes.first(&["call_id", "event.kind"])
        && !session.is_empty()
        && !time.is_empty()
    {
        let id = [session.as_ref(), &element.name, &time, &about].join("/");
        set_name(draft, column::SOURCE_ID, Some(&id));
    }
    draft
}

/// Whether the program that runs without a person started it.
fn is_automation(element: &Element) -> bool {
    element.text("originator").is_some_and(|originator| originator == "codex_exec" || originator.contains("sdk"))
}

/// A session, the servers that it has, and what it may do.
fn tell_start(element: &Element, events: &mut Events) {
    let draft = add(element, events, "session.start");
    set_name(draft, column::PROVIDER, element.text("provider_name").as_deref());
    for server in listed(element, "mcp_servers") {
        set_listed(add(element, events, "inventory"), Item::McpServer, server.as_deref(), None);
    }
    for key in ["approval_policy", "sandbox_policy"] {
        if let Some(value) = element.text(key) {
            set_listed(add(element, events, "inventory"), Item::Setting, Some(key), Some(&value));
        }
    }
}

/// Of all that a response streams, what it took, and that it failed.
fn tell_response(element: &Element, events: &mut Events) {
    let count = |key| element.attributes.integer(key);
    let usage = Usage {
        input: count("input_token_count"),
        output: count("output_token_count"),
        cache_read: count("cached_token_count"),
        cache_write: count("cache_write_token_count"),
        reasoning: count("reasoning_token_count"),
    };
    if element.text("error.message").is_some() {
        let draft = add(element, events, "model.call.end");
        draft.columns.set_text(column::OUTCOME, "error");
    } else if !usage.is_empty() {
        let draft = add(element, events, "model.tokens");
        usage.without_cached().set(draft);
        draft.columns.set_text(column::OUTCOME, "success");
    }
}

fn set_tool(draft: &mut Draft, element: &Element) {
    let tool = element.text("tool_name").unwrap_or_default();
    let input = element.text("arguments");
    set_call(draft, &tool, input.as_deref(), element.text("call_id").as_deref());
    set_name(draft, column::MCP_SERVER, element.text("mcp_server").as_deref());
    if ToolKind::of(&tool) == ToolKind::Command {
        // As its hooks name every tool that runs commands.
        act_as(draft, "Bash");
    }
}

fn set_result(draft: &mut Draft, element: &Element) {
    set_tool(draft, element);
    let output = element.text("output");
    // The exit code stands before what the command printed, which may say anything.
    let head = output.as_deref().and_then(|output| output.split("\nOutput:").next());
    set_ended(draft, element.attributes.flag("success"), head.and_then(exit_code));
    draft.result = output.map(|output| match output.split_once("\nOutput:\n") {
        Some((_, printed)) => printed.to_owned(),
        None => output.into_owned(),
    });
}
