//! Gemini CLI (0.61): log records, spans and metrics of scope `gemini-cli`.
//!
//! Money is counted from `gemini_cli.api_response`, whose input includes what was cached and whose output does not include thoughts.
//! The event `gen_ai.client.inference.operation.details` and the spans tell the same again; they alone name the response and the call.

use ledger::events::column;
use operations::inventory::Item;

use super::Agent;
use super::element::{Element, Events, set_name};
use super::told::{listed, number, set_call, set_ended, set_listed, set_status};
use crate::dialect::hooks::agents::GEMINI;
use crate::dialect::json::{Integer, Text, read, record};
use crate::dialect::tool::ToolKind;
use crate::dialect::usage::Usage;
use crate::encoding::Signal;
use crate::event::Draft;

/// Gemini CLI.
pub static AGENT: Agent = Agent {
    name: GEMINI.name,
    is_any: false,
    scopes: &["gemini-cli"],
    services: &["gemini-cli"],
    facts: FACTS,
    tell,
    measures: |name| name.starts_with("gemini_cli.") || name.starts_with("gen_ai."),
};

const FACTS: &[&str] = &[
    "active_approval_mode",
    "agent_name",
    "api_key_enabled",
    "approvalMode",
    "approval_mode",
    "auth_type",
    "cached_content_token_count",
    "content_length",
    "debug_mode",
    "decision_model",
    "decision_source",
    "embedding_model",
    "exit_code",
    "extension",
    "extension_id",
    "extension_ids",
    "extension_name",
    "extension_source",
    "extension_version",
    "extensions",
    "extensions_count",
    "failed",
    "file_filtering_respect_git_ignore",
    "finish_reasons",
    "from_mode",
    "function_name",
    "gen_ai.prompt.name",
    "hook_event_name",
    "hook_name",
    "hook_type",
    "input_token_count",
    "installation.id",
    "lines",
    "log_user_prompts_enabled",
    "mcp_server_name",
    "mcp_servers",
    "mcp_servers_count",
    "mcp_tools_count",
    "mimetype",
    "mode",
    "operation",
    "output_format",
    "output_token_count",
    "programming_language",
    "role",
    "sandbox_enabled",
    "setting_scope",
    "status",
    "terminate_reason",
    "thoughts_token_count",
    "to_mode",
    "tokens_after",
    "tokens_before",
    "tool_token_count",
    "tool_type",
    "total_token_count",
    "turnCount",
    "turn_count",
    "vertex_ai_enabled",
    "worktree_active",
];

record! {
    /// What a call says of its end, as a text with JSON in it.
    Metadata {
        exit_code: Integer = "exitCode",
        is_error: Text<'a> = "isError",
    }
}

fn tell(element: &Element, events: &mut Events) {
    match (element.signal, element.name.as_ref()) {
        (Signal::Span, "llm_call") => {
            let draft = add(element, events, "model.summary");
            set_ended(draft, Some(!element.has_failed()), None);
        }
        (Signal::Span, "tool_call") => {
            let draft = add(element, events, "agent.event");
            set_name(draft, column::TOOL, element.text("gen_ai.tool.name").as_deref());
            let call = element.attributes.first(&["gen_ai.tool.call.id", "gen_ai.tool.call_id"]);
            set_name(draft, column::TOOL_CALL, call.as_deref());
            set_ended(draft, Some(!element.has_failed()), None);
        }
        (Signal::Span, _) => {}
        (_, "gen_ai.client.inference.operation.details") => {
            // What is about to be asked stands in the event of the request.
            if let Some(response) = element.text("gen_ai.response.id") {
                let draft = add(element, events, "model.summary");
                set_name(draft, column::INTERCEPTION, Some(&response));
                set_name(draft, column::PROVIDER, element.text("gen_ai.provider.name").as_deref());
            }
        }
        _ => tell_event(element, events),
    }
}

fn tell_event(element: &Element, events: &mut Events) {
    let Some(name) = element.name.strip_prefix("gemini_cli.") else { return };
    match name {
        // How it starts and finds its way.
        "startup_stats" | "ripgrep_fallback" | "flash_fallback" => {}
        "hook_call" => tell_hook(element, events),
        "config" => tell_start(element, events),
        "user_prompt" => {
            let draft = add(element, events, "prompt");
            if element.attributes.flag("interactive") == Some(true) {
                draft.columns.set_text(column::ACTOR, "person");
            }
        }
        "tool_call" => tell_call(element, events),
        "api_request" => {
            add(element, events, "model.call");
        }
        "api_response" => set_usage(add(element, events, "model.tokens"), element),
        "api_error" => {
            let draft = add(element, events, "model.call.end");
            set_status(draft, number(element.text("status_code")), true);
        }
        "agent.start" => {
            add(element, events, "subagent.start").columns.set_text(column::ACTOR, "sub_agent");
        }
        "agent.finish" => {
            add(element, events, "subagent.end").columns.set_text(column::ACTOR, "sub_agent");
        }
        "plan.approval_mode_switch" | "approval_mode_switch" => {
            let draft = add(element, events, "approval");
            set_name(draft, column::TARGET, element.text("to_mode").as_deref());
            // Nobody waits for an answer.
            draft.columns.set_text(column::OUTCOME, "success");
        }
        _ if name.starts_with("extension_") => {
            let draft = add(element, events, "config.change");
            set_name(draft, column::TARGET, element.text("extension_name").as_deref());
            set_ended(draft, element.text("status").map(|status| status == "success"), None);
        }
        _ => {
            let draft = add(element, events, "agent.event");
            set_name(draft, column::TOOL, element.text("tool_name").as_deref());
            set_ended(draft, element.attributes.flag("success"), None);
        }
    }
}

/// Adds an event of this kind, with what all records of Gemini CLI say.
fn add<'d>(element: &Element, events: &'d mut Events, kind: &str) -> &'d mut Draft {
    let draft = events.add(element, kind);
    let actor = match element.text("role").as_deref() {
        Some("subagent") => Some("sub_agent"),
        _ => (element.attributes.flag("interactive") == Some(false)).then_some("automation"),
    };
    draft.columns.set_text_if(column::ACTOR, actor);
    draft
}

/// A session, the servers and extensions that it has, and what it may do.
fn tell_start(element: &Element, events: &mut Events) {
    add(element, events, "session.start");
    for (item, key) in [(Item::McpServer, "mcp_servers"), (Item::Plugin, "extensions")] {
        for name in listed(element, key) {
            set_listed(add(element, events, "inventory"), item, name.as_deref(), None);
        }
    }
    for key in ["approval_mode", "sandbox_enabled"] {
        if let Some(value) = element.text(key) {
            set_listed(add(element, events, "inventory"), Item::Setting, Some(key), Some(&value));
        }
    }
}

/// A hook that did not get through is a loss of what it would have told; one that blocks says so by the exit code 2. What it was
/// told stands in the record once more.
fn tell_hook(element: &Element, events: &mut Events) {
    let is_block = element.attributes.integer("exit_code") == Some(2);
    if element.attributes.flag("success") != Some(false) && !is_block {
        return;
    }
    let draft = add(element, events, if is_block { "agent.event" } else { "loss" });
    set_name(draft, column::TARGET, element.text("hook_event_name").as_deref());
    if is_block {
        draft.columns.set_text(column::OUTCOME, "blocked");
    } else {
        draft.columns.set_text(column::ACTION, "hook_failed");
        draft.columns.set_integer(column::AMOUNT, 1);
    }
}

fn tell_call(element: &Element, events: &mut Events) {
    let tool = element.text("function_name").unwrap_or_default();
    let draft = add(element, events, ToolKind::of(&tool).result_kind());
    set_call(draft, &tool, element.text("function_args").as_deref(), None);
    set_name(draft, column::MCP_SERVER, element.text("mcp_server_name").as_deref());
    let metadata = element.text("metadata").unwrap_or_default();
    let metadata: Metadata = read(&metadata).unwrap_or_default();
    let is_error = (metadata.is_error.as_str() == "true").then_some(false);
    set_ended(draft, is_error.or_else(|| element.attributes.flag("success")), metadata.exit_code.0);
    if element.text("decision").is_some_and(|decision| decision == "reject") {
        draft.columns.set_text(column::OUTCOME, "deny");
    }
}

fn set_usage(draft: &mut Draft, element: &Element) {
    let count = |key| element.attributes.integer(key);
    let sum = |one: Option<i64>, more: Option<i64>| one.map(|one| one.saturating_add(more.unwrap_or(0)));
    let thoughts = count("thoughts_token_count");
    let usage = Usage {
        // What tools gave is counted beside the prompt.
        input: sum(count("input_token_count"), count("tool_token_count")),
        output: sum(count("output_token_count"), thoughts),
        cache_read: count("cached_content_token_count"),
        cache_write: None,
        reasoning: thoughts,
    };
    usage.without_cached().set(draft);
    set_status(draft, number(element.text("status_code")), false);
}
