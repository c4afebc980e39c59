//! Coder's AI gateway (AI Bridge): its own traces, of which calls of tools that it makes itself and requests to models tell something.
//! They carry no tokens; those stand in its log (dialect `coder`), whose rows name the same `interception`.

use ledger::events::column;

use super::Agent;
use super::element::{Element, Events, Signal, set_name};
use super::told::{set_call, set_ended};
use crate::event::Draft;

/// Coder's AI gateway. Its `source` is that of its log.
pub static AGENT: Agent = Agent {
    name: "coder.gateway",
    is_any: false,
    scopes: &["aibridge", "aibridged", "aigateway"],
    services: &["coder-ai-gateway"],
    facts: FACTS,
    tell,
    measures: |_| false,
};

const FACTS: &[&str] = &[
    "api_key_id",
    "aws_bedrock",
    "interception_id",
    "mcp_proxy_name",
    "mcp_server_name",
    "mcp_server_url",
    "mcp_tool_count",
    "mcp_tool_name",
    "passthrough_method",
    "provider",
    "request_path",
    "streaming",
    "user_id",
];

fn tell(element: &Element, events: &mut Events) {
    if element.signal != Signal::Span || !element.attributes.has("interception_id") {
        return;
    }
    match element.name.as_ref() {
        "Intercept.ProcessRequest" => {
            add(element, events, "model.summary");
        }
        "Intercept.ProcessRequest.ToolCall" => {
            let draft = add(element, events, "tool.result");
            let tool = element.text("mcp_tool_name").unwrap_or_default();
            set_call(draft, &tool, element.text("mcp_input").as_deref(), None);
            let server = element.attributes.first(&["mcp_server_url", "mcp_server_name"]);
            set_name(draft, column::MCP_SERVER, server.as_deref());
        }
        // The other steps of the same requests.
        _ => {}
    }
}

/// Adds an event of this kind, with what all spans of the gateway say.
fn add<'d>(element: &Element, events: &'d mut Events, kind: &str) -> &'d mut Draft {
    let draft = events.add_of_gateway(element, kind);
    set_name(draft, column::INTERCEPTION, element.text("interception_id").as_deref());
    set_name(draft, column::PROVIDER, element.text("provider").as_deref());
    let user = element.text("user_id");
    if user.is_some() {
        draft.columns.set_text(column::ATTRIBUTION, "direct");
    }
    draft.set_user(user.as_deref(), None);
    draft.api_key.push_str(&element.text("api_key_id").unwrap_or_default());
    set_ended(draft, Some(!element.has_failed()), None);
    draft
}
