//! Claude Code (2.1.332): events as log records of scope `com.anthropic.claude_code.events`, spans of `….tracing`, metrics.
//!
//! Money is counted from `api_request`. Spans tell again what events told: those of requests are `model.summary`, others
//! `agent.event`. `interception` is the request's id (`req_…`), which stands on all that belongs to the request.

use std::borrow::Cow;

use ledger::events::column;
use operations::inventory::Item;

use super::Agent;
use super::element::{Element, Events, set_name};
use super::told::{number, set_actor, set_call, set_decision, set_ended, set_inventory, set_listed, set_status};
use crate::dialect::gateway::micros;
use crate::dialect::hooks::agents::CLAUDE_CODE;
use crate::dialect::json::{Text, read, record};
use crate::dialect::tool::{ToolKind, exit_code_of_error};
use crate::dialect::usage::Usage;
use crate::encoding::Signal;
use crate::event::Draft;

/// Claude Code.
pub static AGENT: Agent = Agent {
    name: CLAUDE_CODE.name,
    is_any: false,
    scopes: &["com.anthropic.claude_code"],
    services: &["claude-code"],
    facts: FACTS,
    tell,
    measures: |name| name.starts_with("claude_code."),
};

const FACTS: &[&str] = &[
    "action",
    "additional_context_chars",
    "agent.source",
    "agent_path_count",
    "agent_type",
    "anthropic.custom_base_url",
    "anthropic.provider",
    "app.entrypoint",
    "bash_command_class",
    "cache_creation_1h_tokens",
    "cache_creation_5m_tokens",
    "cache_creation_tokens",
    "cache_read_tokens",
    "client_request_id",
    "command_path_count",
    "command_source",
    "cost_usd",
    "cost_usd_micros",
    "decision_source",
    "decision_type",
    "effort",
    "enabled_via",
    "error_class",
    "first_content_ms",
    "from_mode",
    "has_hooks",
    "has_mcp",
    "hook_event",
    "hook_name",
    "hook_source",
    "hook_type",
    "host_owned_mcp",
    "initial_user_message_chars",
    "input_tokens",
    "interaction.duration_ms",
    "interaction.sequence",
    "is_async",
    "is_built_in",
    "is_plugin",
    "llm_request.context",
    "managed_only",
    "managed_settings.helper.applied",
    "managed_settings.helper.state",
    "managed_settings.source_behavior",
    "managed_settings.sources",
    "managed_settings.trigger",
    "marketplace.name",
    "mcp_server_scope",
    "message.uuid",
    "num_blocking",
    "num_cancelled",
    "num_hooks",
    "num_non_blocking_error",
    "num_outputs_persisted",
    "num_success",
    "output_tokens",
    "parent.source",
    "permission_mode",
    "plugin.name",
    "plugin.scope",
    "plugin.version",
    "plugin_id_hash",
    "query_source_safe",
    "queued_sends",
    "response_length",
    "safe_mode",
    "server_name",
    "server_scope",
    "skill.name",
    "skill.source",
    "skill_path_count",
    "speed",
    "start_type",
    "status",
    "stdout_chars",
    "stop_reason",
    "system_message_chars",
    "to_mode",
    "tool_input_size_bytes",
    "tool_name_safe",
    "tool_result_size_bytes",
    "tool_source",
    "total_attempts",
    "total_duration_ms",
    "total_retry_duration_ms",
    "total_tokens",
    "total_tool_uses",
    "transport_type",
    "trigger",
    "ttft_ms",
    "user_prompt_length",
];

record! {
    /// What `tool_parameters` says of a call, where the input itself is not told.
    Parameters {
        command: Text<'a> = "full_command",
        server: Text<'a> = "mcp_server_name",
        tool: Text<'a> = "mcp_tool_name",
    }
}

fn tell(element: &Element, events: &mut Events) {
    match element.signal {
        Signal::Span => tell_span(element, events),
        _ => tell_event(element, events),
    }
}

fn tell_event(element: &Element, events: &mut Events) {
    let name = element.name.strip_prefix("claude_code.").unwrap_or(&element.name);
    let draft = match name {
        // It says only that the next event will come.
        "" | "hook_execution_start" => return,
        "hook_execution_complete" => tell_hooks(element, events),
        "user_prompt" => add(element, events, "prompt", |draft| {
            let source = element.attributes.first(&["source", "prompt_source", "command_source"]);
            set_name(draft, column::TARGET, source.as_deref());
            set_actor(draft, source.as_deref());
        }),
        "tool_decision" => add(element, events, "approval", |draft| {
            set_tool(draft, element);
            set_decision(draft, element.text("decision").as_deref());
            set_name(draft, column::RULE, element.text("source").as_deref());
        }),
        "tool_result" => {
            let kind = ToolKind::of(&element.text("tool_name").unwrap_or_default()).result_kind();
            add(element, events, kind, |draft| set_result(draft, element))
        }
        "api_request" => add(element, events, "model.tokens", |draft| set_usage(draft, element)),
        "api_error" => add(element, events, "model.call", |draft| {
            set_status(draft, number(element.text("status_code")), true);
        }),
        "api_refusal" => add(element, events, "model.call", |draft| draft.columns.set_text(column::OUTCOME, "blocked")),
        "permission_mode_changed" => add(element, events, "approval", |draft| {
            set_name(draft, column::TARGET, element.text("to_mode").as_deref());
            set_name(draft, column::RULE, element.text("trigger").as_deref());
            // Nobody waits for an answer.
            draft.columns.set_text(column::OUTCOME, "success");
        }),
        "subagent_completed" => add(element, events, "subagent.end", |draft| {
            set_name(draft, column::TARGET, element.text("agent_type").as_deref());
            draft.columns.set_text(column::ACTOR, "sub_agent");
        }),
        "internal_error" | "api_retries_exhausted" => {
            add(element, events, "agent.event", |draft| draft.columns.set_text(column::OUTCOME, "error"))
        }
        "plugin_installed" => add(element, events, "config.change", |draft| {
            set_name(draft, column::TARGET, element.text("plugin.name").as_deref());
            set_ended(draft, element.attributes.flag("success"), None);
        }),
        _ if tell_inventory(name, element, events) => return,
        _ => add(element, events, "agent.event", |draft| {
            set_ended(draft, element.attributes.flag("success"), None);
        }),
    };
    identify(draft, element);
}

/// Adds an event of this kind, with what all events of Claude Code say.
fn add<'d>(element: &Element, events: &'d mut Events, kind: &str, set: impl FnOnce(&mut Draft)) -> &'d mut Draft {
    let draft = events.add(element, kind);
    set_actor(draft, element.attributes.first(&["query_source", "query_source_safe"]).as_deref());
    set_name(draft, column::PROVIDER, provider(element).as_deref());
    set_name(draft, column::INTERCEPTION, element.text("request_id").as_deref());
    set(draft);
    draft
}

/// Whose models answer: Anthropic's own, or those of a cloud by its name.
fn provider<'a>(element: &Element<'_, 'a>) -> Option<Cow<'a, str>> {
    element.text("model")?;
    let word = element.text("anthropic.provider").or_else(|| element.text("gen_ai.provider.name"))?;
    Some(if word == "firstParty" { Cow::Borrowed("anthropic") } else { word })
}

/// A session numbers its events, and begins anew when it is resumed.
fn identify(draft: &mut Draft, element: &Element) {
    let [session, sequence, time] =
        ["session.id", "event.sequence", "event.timestamp"].map(|key| element.text(key).unwrap_or_default());
    if !session.is_empty() && !sequence.is_empty() {
        set_name(draft, column::SOURCE_ID, Some(&[session, sequence, time].join("/")));
    }
}

/// What ran of the hooks: one that did not get through is a loss of what it would have told.
fn tell_hooks<'d>(element: &Element, events: &'d mut Events) -> &'d mut Draft {
    let count = |key| number(element.text(key)).filter(|count| *count > 0).unwrap_or(0);
    let lost = count("num_non_blocking_error").saturating_add(count("num_cancelled"));
    let kind = if lost > 0 { "loss" } else { "agent.event" };
    add(element, events, kind, |draft| {
        set_name(draft, column::TARGET, element.text("hook_event").as_deref());
        if let Some(duration) = number(element.text("total_duration_ms")) {
            draft.columns.set_integer(column::DURATION_US, duration.saturating_mul(1_000));
        }
        if lost > 0 {
            draft.columns.set_text(column::ACTION, "hook_failed");
            draft.columns.set_integer(column::AMOUNT, lost);
        }
    })
}

/// Adds what an event says of the inventory; says whether it is such an event.
fn tell_inventory(event: &str, element: &Element, events: &mut Events) -> bool {
    let (item, key, state): (_, _, &[&str]) = match event {
        "plugin_loaded" => (Item::Plugin, "plugin.name", &["plugin.version", "marketplace.name", "plugin.scope"]),
        "hook_registered" => (Item::Hook, "hook_event", &["hook_type", "hook_source"]),
        "mcp_server_connection" => (Item::McpServer, "server_name", &["transport_type", "server_scope"]),
        "skill_activated" => (Item::Skill, "skill.name", &["skill.source"]),
        "managed_settings_resolved" => (Item::ManagedSettings, "", &[]),
        _ => return false,
    };
    let state: Vec<_> = state.iter().filter_map(|key| element.text(key)).collect();
    let state = Some(state.join(" ")).filter(|state| !state.is_empty());
    let draft = add(element, events, "inventory", |draft| {
        set_inventory(draft, item, element.text(key).as_deref(), state.as_deref());
        match item {
            Item::ManagedSettings => set_managed_settings(draft, element),
            Item::McpServer => {
                let status = element.text("status").unwrap_or_default();
                let success = match status.as_ref() {
                    "connected" => Some(true),
                    "failed" | "error" => Some(false),
                    _ => element.attributes.flag("success"),
                };
                set_ended(draft, success, None);
            }
            _ => set_ended(draft, element.attributes.flag("success"), None),
        }
    });
    identify(draft, element);
    if item == Item::ManagedSettings && element.text("managed_settings.trigger").is_some_and(|word| word == "startup") {
        begin_lists(element, events);
    }
    true
}

/// A session that starts tells of each thing that it has, and says nothing of those that it has no longer: so what it does not name from
/// here on is gone.
fn begin_lists(element: &Element, events: &mut Events) {
    for item in [Item::Hook, Item::Plugin, Item::McpServer] {
        let draft = add(element, events, "inventory", |draft| set_listed(draft, item, None, None));
        identify(draft, element);
        if let Some(id) = draft.columns.text(column::SOURCE_ID).map(|id| [id, "/", item.word()].concat()) {
            set_name(draft, column::SOURCE_ID, Some(&id));
        }
    }
}

/// Which managed settings are in force. That there are none is worth a word: then nothing that was decided for all is.
fn set_managed_settings(draft: &mut Draft, element: &Element) {
    let sources = element.attributes.texts("managed_settings.sources").join(",");
    let is_none = sources.is_empty();
    set_name(draft, column::TARGET, Some(if is_none { "none" } else { &sources }));
    if is_none {
        draft.columns.set_text(column::RULE, "managed_settings");
    }
}

/// Sets the call of a tool. Its input is told if the user allows details, and else at most the command line.
fn set_tool(draft: &mut Draft, element: &Element) {
    let tool = element.text("tool_name").unwrap_or_default();
    let parameters = element.text("tool_parameters").unwrap_or_default();
    let parameters: Parameters = read(&parameters).unwrap_or_default();
    let tool = match (parameters.server.some(), parameters.tool.some()) {
        // The hooks' name of it.
        (Some(server), Some(own)) if !tool.starts_with("mcp__") => Cow::Owned(format!("mcp__{server}__{own}")),
        _ => tool,
    };
    let command = || parameters.command.some().map(|line| serde_json::json!({ "command": line }).to_string());
    let input = element.attributes.first(&["tool_input"]).or_else(|| command().map(Cow::Owned));
    set_call(draft, &tool, input.as_deref(), element.text("tool_use_id").as_deref());
}

fn set_result(draft: &mut Draft, element: &Element) {
    set_tool(draft, element);
    let code = element.text("error").as_deref().and_then(exit_code_of_error);
    set_ended(draft, element.attributes.flag("success"), code);
    if element.text("decision_type").is_some_and(|decision| decision == "reject") {
        draft.columns.set_text(column::OUTCOME, "deny");
    }
}

/// Sets the counters, which are disjoint here: the input is what was not cached.
fn set_usage(draft: &mut Draft, element: &Element) {
    let count = |key| element.attributes.integer(key);
    let usage = Usage {
        input: count("input_tokens"),
        output: count("output_tokens"),
        cache_read: count("cache_read_tokens"),
        cache_write: count("cache_creation_tokens"),
        reasoning: None,
    };
    usage.set(draft);
    match count("cache_creation_1h_tokens") {
        Some(hour) if hour < 0 => draft.void("tokens_cache_write_hour"),
        hour => draft.billing.cache_write_hour = hour.unwrap_or(0),
    }
    draft.billing.fast = element.text("speed").is_some_and(|speed| speed.eq_ignore_ascii_case("fast"));
    let cost = count("cost_usd_micros").or_else(|| micros(&Text(element.text("cost_usd")?)));
    if let Some(cost) = cost {
        draft.columns.set_integer(column::COST_SOURCE_MICROS, cost);
    }
    draft.columns.set_text(column::OUTCOME, "success");
}

fn tell_span(element: &Element, events: &mut Events) {
    let Some(name) = element.name.strip_prefix("claude_code.") else { return };
    let success = element.attributes.flag("success").or_else(|| element.has_failed().then_some(false));
    if name == "llm_request" {
        add(element, events, "model.summary", |draft| set_ended(draft, success, None));
        return;
    }
    add(element, events, "agent.event", |draft| {
        set_name(draft, column::TOOL, element.text("tool_name").as_deref());
        set_name(draft, column::TOOL_CALL, element.text("tool_use_id").as_deref());
        set_decision(draft, element.text("decision").as_deref());
        if success.is_some() {
            set_ended(draft, success, None);
        }
    });
}
