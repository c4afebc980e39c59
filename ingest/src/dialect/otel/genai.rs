//! Whatever follows the semantic conventions for generative AI (1.41, and 0.1.0 of their own) and for MCP: goose and others.
//!
//! Money is counted from the spans of requests to models (`chat`, `generate_content`, …). Spans of agents and workflows sum them up,
//! and the event of an operation's details repeats them. `source` is `genai`, `agent_kind` the name of the service.

use std::borrow::Cow;

use ledger::events::column;

use super::Agent;
use super::element::{Element, Events, set_name};
use super::opencode;
use super::told::{set_call, set_ended, usage};
use crate::dialect::tool::ToolKind;
use crate::encoding::Signal;

/// Any agent.
pub static AGENT: Agent = Agent {
    name: "genai",
    is_any: true,
    scopes: &[],
    services: &[],
    facts: opencode::FACTS,
    tell,
    measures: |name| name.starts_with("gen_ai.") || name.starts_with("mcp."),
};

/// Operations that are requests to a model.
const REQUESTS: &[&str] = &["chat", "generate_content", "text_completion", "embeddings", "retrieval"];

/// Whether an element has attributes of these conventions.
pub fn is_told(element: &Element) -> bool {
    let has = |start: &str| element.attributes.list.iter().any(|attribute| attribute.key.as_str().starts_with(start));
    element.name.starts_with("gen_ai.")
        || has("gen_ai.")
        || has("mcp.")
        || has(opencode::OPERATION)
        || (element.signal == Signal::Metric && element.name.starts_with("mcp."))
}

fn tell(element: &Element, events: &mut Events) {
    if element.attributes.has(opencode::OPERATION) {
        opencode::tell(element, events);
    } else {
        tell_by_convention(element, events);
    }
}

/// Adds what an element says by the conventions.
pub fn tell_by_convention(element: &Element, events: &mut Events) {
    let operation = element.text("gen_ai.operation.name").unwrap_or_default();
    let method = element.text("mcp.method.name").unwrap_or_default();
    let is_span = element.signal == Signal::Span;
    if (operation == "execute_tool" || method == "tools/call") && is_span && !element.is_servers() {
        tell_call(element, events);
    } else if is_span && REQUESTS.contains(&operation.as_ref()) {
        tell_request(element, events);
    } else {
        // What a server of tools says of a call, its client says too.
        let kind = if usage(element).is_empty() { "agent.event" } else { "model.summary" };
        let draft = events.add(element, kind);
        set_name(draft, column::PROVIDER, provider(element).as_deref());
        set_name(draft, column::INTERCEPTION, element.text("gen_ai.response.id").as_deref());
        set_name(draft, column::TOOL, element.text("gen_ai.tool.name").as_deref());
        let about = element.attributes.first(&["gen_ai.agent.name", "gen_ai.workflow.name", "mcp.method.name"]);
        set_name(draft, column::TARGET, about.as_deref());
        if is_span {
            set_ended(draft, Some(!element.has_failed()), None);
        }
    }
}

fn provider<'a>(element: &Element<'_, 'a>) -> Option<Cow<'a, str>> {
    element.attributes.first(&["gen_ai.provider.name", "gen_ai.system"])
}

/// A request to a model: what it took, if it came to an end.
fn tell_request(element: &Element, events: &mut Events) {
    let usage = usage(element);
    let draft = events.add(element, if usage.is_empty() { "model.call" } else { "model.tokens" });
    usage.set(draft);
    set_name(draft, column::PROVIDER, provider(element).as_deref());
    set_name(draft, column::INTERCEPTION, element.text("gen_ai.response.id").as_deref());
    let status = element.attributes.first_integer(&["http.response.status_code", "rpc.response.status_code"]);
    if let Some(status) = status {
        draft.columns.set_integer(column::STATUS, status);
    }
    set_ended(draft, Some(!element.has_failed()), None);
}

fn tell_call(element: &Element, events: &mut Events) {
    let tool = element.text("gen_ai.tool.name").unwrap_or_default();
    let draft = events.add(element, ToolKind::of(&tool).result_kind());
    let input = element.attributes.first(&["gen_ai.tool.call.arguments", "gen_ai.tool.arguments"]);
    let call = element.attributes.first(&["gen_ai.tool.call.id", "gen_ai.tool.call_id"]);
    set_call(draft, &tool, input.as_deref(), call.as_deref());
    set_ended(draft, Some(!element.has_failed()), element.attributes.integer("process.exit.code"));
    draft.result = element.text("gen_ai.tool.call.result").map(Cow::into_owned);
}
